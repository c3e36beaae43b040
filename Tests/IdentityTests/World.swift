// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Identity
import JSON
import Testing

/// A key of an issuer, with the id under which it is published.
struct Signer: Sendable {
    let key: SigningKey
    let id: String

    init(_ kind: KeyKind, id: String) {
        guard let key = try? SigningKey.generate(kind) else { preconditionFailure("no key") }
        self.key = key
        self.id = id
    }

    func jwk(_ more: String = "") -> String {
        var members = Buffer()
        key.publicMembers.write(into: &members)
        return #"{\#(members.bytes.string() ?? ""),"kid":"\#(id)"\#(more)}"#
    }

    /// A token in compact form, whatever header and claims say.
    func token(_ claims: String, header: String? = nil, algorithm: SignatureAlgorithm? = nil) -> [UInt8] {
        let name = (algorithm ?? key.algorithm).name.bytes.string() ?? ""
        let header = header ?? #"{"alg":"\#(name)","kid":"\#(id)","typ":"JWT"}"#
        var token = Buffer()
        Base64URL.encode(header.utf8Span.span, into: &token)
        token.append(UInt8(ascii: "."))
        Base64URL.encode(claims.utf8Span.span, into: &token)
        var signature = Buffer()
        do {
            try key.sign(algorithm ?? key.algorithm, message: token.bytes, into: &signature)
        } catch {
            preconditionFailure("cannot sign")
        }
        token.append(UInt8(ascii: "."))
        Base64URL.encode(signature.bytes, into: &token)
        return token.bytes.array()
    }
}

/// Claims whose members a test changes; nil takes one away.
struct Claims: Sendable {
    private var members: [(name: String, json: String)]

    init(_ members: KeyValuePairs<String, String>) { self.members = members.map { ($0.key, $0.value) } }

    func with(_ name: String, _ json: String?) -> Claims {
        var copy = self
        copy.members.removeAll { $0.name == name }
        if let json { copy.members.append((name, json)) }
        return copy
    }

    var json: String { "{" + members.map { #""\#($0.name)":\#($0.json)"# }.joined(separator: ",") + "}" }
}

/// What all tests share: keys take a while to make.
enum Keys {
    static let rsa = Signer(.rsa, id: "rsa-1")
    static let otherRSA = Signer(.rsa, id: "rsa-2")
    /// Somebody else's, under the id of the first.
    static let stranger = Signer(.rsa, id: "rsa-1")
    static let elliptic = Signer(.ec(.p256), id: "ec-1")
    static let edwards = Signer(.ed25519, id: "ed-1")
    static let secret = Secret(copying: Array("0123456789abcdef0123456789abcdef".utf8).span)
    static let otherSecret = Secret(copying: Array("fedcba9876543210fedcba9876543210".utf8).span)

    static func set(_ jwks: String...) throws -> KeySet {
        let text = Array(#"{"keys":[\#(jwks.joined(separator: ","))]}"#.utf8)
        return try KeySet.parse(text.span)
    }
}

/// A small world: three issuers, some tenants, and the moment at which all tests stand.
final class World {
    static let now = WallTime(seconds: 1_800_000_000)
    static let poolURL = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Example"

    var snapshot: IdentitySnapshot
    var authenticator: Authenticator
    let exchanges = OpenExchanges(instance: 1)

    init(
        drift: TierDrift = .lesser,
        mode: TenantRegistry.Mode = .registry,
        previous: Secret? = nil,
        capacity: Int = 64
    ) throws {
        let tiers = try #require(TierTable(lowestFirst: ["basic", "standard", "premium"]))
        let issuers = try mode == .registry ? World.issuers() : IssuerTable([World.issuers()[0]])
        var keys = KeyRing(issuers: issuers.count)
        for place in 0..<issuers.count {
            let set = try Keys.set(
                Keys.rsa.jwk(place == 0 ? #","alg":"RS256","use":"sig""# : ""),
                Keys.elliptic.jwk(),
                Keys.edwards.jwk()
            )
            keys.replace(
                issuer: place,
                with: set,
                fetchedAt: World.now,
                staleAt: World.now + .seconds(86400)
            )
        }
        snapshot = try IdentitySnapshot(
            generation: 1,
            issuers: issuers,
            tiers: tiers,
            tierDrift: drift,
            tenants: TenantRegistry(mode: mode, entries: mode == .registry ? World.tenants(tiers) : []),
            keys: keys
        )
        authenticator = Authenticator(
            handles: HandleCodec(current: Keys.secret, previous: previous, capacity: capacity),
            exchanges: exchanges,
            capacity: capacity
        )
    }

    static func tenants(_ tiers: TierTable) throws -> [TenantEntry] {
        func entry(
            _ id: String,
            _ tier: String,
            _ issuers: [String],
            _ status: TenantEntry.Status = .active,
            group: String? = nil
        ) throws -> TenantEntry {
            TenantEntry(
                id: try #require(TenantID(id)),
                name: id,
                tier: try #require(tiers.find(tier)),
                status: status,
                issuers: issuers,
                group: group
            )
        }
        return [
            try entry("clinic", "basic", ["pool", "access", "idp"]),
            try entry("hospital", "premium", ["pool", "idp"]),
            try entry("closed", "basic", ["pool"], .suspended),
            try entry("foreign", "basic", ["idp"]),
            try entry("grouped", "basic", ["pool"], group: "grouped-staff"),
        ]
    }

    static func issuers() throws -> IssuerTable {
        let names = ClaimNames(
            tenant: "custom:tenant_id",
            tier: "custom:tier",
            user: "sub",
            groups: "cognito:groups",
            tags: ["department"]
        )
        return try IssuerTable([
            Issuer(
                name: "pool",
                profile: .cognito,
                url: poolURL,
                audiences: ["app-client", "other-client"],
                tokenUse: [.id],
                algorithms: [.rs256],
                claims: names
            ),
            Issuer(
                name: "access",
                profile: .cognito,
                url: poolURL + "A",
                audiences: ["app-client"],
                tokenUse: [.access],
                algorithms: [.rs256, .ps256],
                claims: names
            ),
            Issuer(
                name: "idp",
                profile: .oidc,
                url: "https://idp.example/",
                audiences: ["bulkhead"],
                algorithms: [.es256, .edDSA],
                claims: ClaimNames(tenant: "tenant", tier: nil, user: "sub", groups: "groups"),
                leeway: .zero
            ),
        ])
    }

    /// As Cognito writes them, for the pool.
    static let idClaims = Claims([
        "sub": #""aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee""#, "cognito:groups": #"["nurses","admins"]"#,
        "iss": "\"\(poolURL)\"", "cognito:username": #""ann""#, "custom:tenant_id": #""clinic""#,
        "custom:tier": #""basic""#, "aud": #""app-client""#, "token_use": #""id""#, "auth_time": "1799999000",
        "exp": "1800003600", "iat": "1799999000", "jti": #""3f1b""#,
    ])

    static let accessClaims =
        idClaims.with("iss", "\"\(poolURL)A\"").with("aud", nil).with("client_id", #""app-client""#)
        .with("token_use", #""access""#)

    static let oidcClaims = Claims([
        "iss": #""https://idp.example/""#, "sub": #""bob""#, "aud": #"["other","bulkhead"]"#,
        "exp": "1800003600", "tenant": #""hospital""#,
    ])

    func verify(_ token: [UInt8], now: WallTime = World.now, isLastTry: Bool = false) -> TokenOutcome {
        authenticator.verify(token.span, in: snapshot, now: now, isLastTry: isLastTry)
    }

    func principal(_ token: [UInt8], now: WallTime = World.now) throws -> Principal {
        let outcome = verify(token, now: now)
        guard case .principal(let principal) = outcome else { throw Unexpected(outcome: "\(outcome)") }
        return principal
    }

    func failure(_ token: [UInt8], now: WallTime = World.now) throws -> IdentityFailure {
        let outcome = verify(token, now: now)
        guard case .refused(let failure) = outcome else { throw Unexpected(outcome: "\(outcome)") }
        return failure
    }

    /// Ann of the clinic.
    func ann() throws -> Principal { try principal(Keys.rsa.token(World.idClaims.json)) }

    /// Bob of the hospital.
    func bob() throws -> Principal { try principal(Keys.edwards.token(World.oidcClaims.json)) }

    func suspend(_ tenant: String) throws {
        snapshot = snapshot.with(tenants: snapshot.tenants.suspending(try #require(TenantID(tenant))))
    }

    func resume(_ tenant: String) throws {
        snapshot = snapshot.with(tenants: snapshot.tenants.resuming(try #require(TenantID(tenant))))
    }
}

struct Unexpected: Error {
    let outcome: String
}
