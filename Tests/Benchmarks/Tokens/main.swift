// SPDX-License-Identifier: Apache-2.0
// Times how tokens are verified, by algorithm: `swift run -c release TokenBenchmark [seconds]`. Processor time of one thread; the best
// of many short passes counts. A line for each algorithm: a token that was never seen, its bare signature, and one that was.
import Bytes
import Crypto
import Glibc
import Identity
import JSON

struct Bench {
    static let now = WallTime(seconds: 1_800_000_000)
    static let url = "https://idp.example/"
    /// More than the small cache holds, so that each comes as if for the first time.
    static let tokens = 64

    let algorithm: SignatureAlgorithm
    let key: SigningKey
    let snapshot: IdentitySnapshot

    init(_ algorithm: SignatureAlgorithm) throws {
        self.algorithm = algorithm
        key = try SigningKey.generate(algorithm.keyKind)
        let issuer = try Issuer(
            name: "idp",
            profile: .oidc,
            url: Self.url,
            audiences: ["app"],
            algorithms: [algorithm],
            claims: ClaimNames(tenant: "tenant", tier: "tier", groups: "groups")
        )
        guard let tiers = TierTable(lowestFirst: ["basic"]), let tier = tiers.find("basic"),
            let tenant = TenantID("acme")
        else { preconditionFailure("the names are legal") }
        var members = Buffer()
        key.publicMembers.write(into: &members)
        let jwks = #"{"keys":[{\#(members.bytes.string() ?? ""),"kid":"1"}]}"#
        var keys = KeyRing(issuers: 1)
        keys.replace(issuer: 0, with: try KeySet.parse(jwks.utf8Span.span), fetchedAt: Self.now, staleAt: nil)
        let entry = TenantEntry(id: tenant, name: "acme", tier: tier, issuers: ["idp"])
        snapshot = try IdentitySnapshot(
            generation: 1,
            issuers: IssuerTable([issuer]),
            tiers: tiers,
            tenants: TenantRegistry(mode: .registry, entries: [entry]),
            keys: keys
        )
    }

    func signed(_ number: Int) throws -> (token: [UInt8], message: [UInt8], signature: [UInt8]) {
        let header = #"{"alg":"\#(algorithm.name)","kid":"1","typ":"JWT"}"#
        let claims =
            #"{"iss":"\#(Self.url)","aud":"app","sub":"user-\#(number)","tenant":"acme","tier":"basic","#
            + #""groups":["nurses","admins"],"exp":1800003600,"iat":1799999000,"jti":"3f1b-\#(number)"}"#
        var token = Buffer()
        Base64URL.encode(header.utf8Span.span, into: &token)
        token.append(UInt8(ascii: "."))
        Base64URL.encode(claims.utf8Span.span, into: &token)
        let message = token.bytes.array()
        var signature = Buffer()
        try key.sign(algorithm, message: message.span, into: &signature)
        token.append(UInt8(ascii: "."))
        Base64URL.encode(signature.bytes, into: &token)
        return (token.bytes.array(), message, signature.bytes.array())
    }
}

/// Microseconds of the processor for one call, in the best pass of all that fit into the time.
func best(seconds: Double, calls: Int, _ pass: () -> Void) -> Double {
    let microsecond = Double(CLOCKS_PER_SEC) / 1e6
    var least = Double.infinity
    let start = clock()
    repeat {
        let before = clock()
        pass()
        least = min(least, Double(clock() - before) / microsecond / Double(calls))
    } while Double(clock() - start) / microsecond < seconds * 1e6
    return least
}

func tenths(_ value: Double) -> String {
    let scaled = Int((value * 10).rounded())
    return "\(scaled / 10).\(scaled % 10)"
}

let seconds = CommandLine.arguments.count > 1 ? Double(CommandLine.arguments[1]) ?? 1 : 1
let secret = Secret(copying: Array("a key of at least thirty-two bytes.".utf8).span)
print("algorithm: new tokens/s (µs each; of that the signature), known tokens/s (µs each)")
for algorithm in SignatureAlgorithm.allCases {
    let bench = try Bench(algorithm)
    let tokens = try (0..<Bench.tokens).map { try bench.signed($0) }
    let key = try bench.key.verificationKey()
    var cold = Authenticator(handles: HandleCodec(current: secret), capacity: 1)
    var warm = Authenticator(handles: HandleCodec(current: secret), capacity: 2 * Bench.tokens)
    func verify(_ authenticator: inout Authenticator) {
        for entry in tokens {
            let outcome = authenticator.verify(entry.token.span, in: bench.snapshot, now: Bench.now)
            guard case .principal = outcome else { preconditionFailure("\(algorithm): \(outcome)") }
        }
    }
    verify(&warm)
    let new = best(seconds: seconds, calls: tokens.count) { verify(&cold) }
    precondition(cold.counters.tokenHits == 0, "the small cache remembered one")
    let bare = best(seconds: seconds, calls: tokens.count) {
        for entry in tokens {
            let isGood = key.verify(algorithm, message: entry.message.span, signature: entry.signature.span)
            precondition(isGood, "a bad signature")
        }
    }
    let known = best(seconds: seconds, calls: tokens.count) { verify(&warm) }
    print(
        "\(algorithm.name): \(Int(1e6 / new)) (\(tenths(new)); \(tenths(bare))), \(Int(1e6 / known)) (\(tenths(known)))"
    )
}
