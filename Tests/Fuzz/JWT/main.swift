// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import FuzzDriver
import Identity
import JSON

/// One issuer and one tenant, and a key that signs whatever claims the fuzzer comes up with.
struct World {
    let key: SigningKey
    let snapshot: IdentitySnapshot
    let now = WallTime(seconds: 1_800_000_000)
    let header = #"{"alg":"EdDSA","kid":"1"}"#

    init() throws {
        key = try SigningKey(ed25519Seed: Array("a seed of thirty-two bytes, fixed".utf8.prefix(32)).span)
        let issuer = try Issuer(
            name: "idp",
            profile: .oidc,
            url: "https://idp.example",
            audiences: ["app"],
            algorithms: [.edDSA],
            claims: ClaimNames(tenant: "tenant", tier: "tier", groups: "groups", tags: ["tag"])
        )
        guard let tiers = TierTable(lowestFirst: ["basic", "premium"]), let tier = tiers.find("basic"),
            let tenant = TenantID("acme")
        else { preconditionFailure("the world is wrong") }
        var members = Buffer()
        key.publicMembers.write(into: &members)
        let jwks = #"{"keys":[{\#(members.bytes.string() ?? ""),"kid":"1"}]}"#
        var keys = KeyRing(issuers: 1)
        try keys.replace(issuer: 0, with: KeySet.parse(jwks.utf8Span.span), fetchedAt: now, staleAt: nil)
        let entry = TenantEntry(id: tenant, name: "acme", tier: tier, issuers: ["idp"])
        snapshot = try IdentitySnapshot(
            generation: 1,
            issuers: IssuerTable([issuer]),
            tiers: tiers,
            tenants: TenantRegistry(mode: .registry, entries: [entry]),
            keys: keys
        )
    }

    func signed(_ claims: Span<UInt8>) -> [UInt8] {
        var token = Buffer()
        Base64URL.encode(header.utf8Span.span, into: &token)
        token.append(UInt8(ascii: "."))
        Base64URL.encode(claims, into: &token)
        var signature = Buffer()
        do throws(KeyError) {
            try key.sign(.edDSA, message: token.bytes, into: &signature)
        } catch {
            preconditionFailure("cannot sign")
        }
        token.append(UInt8(ascii: "."))
        Base64URL.encode(signature.bytes, into: &token)
        return token.bytes.array()
    }
}

nonisolated let world = try World()

/// Nothing that the fuzzer writes by itself is a token, and claims that are signed name the one tenant or nobody.
func check(_ input: Span<UInt8>) {
    let secret = Secret(copying: Array("a key of at least thirty-two bytes.".utf8).span)
    var authenticator = Authenticator(
        handles: HandleCodec(current: secret, previous: nil),
        exchanges: OpenExchanges(instance: 1),
        capacity: 4
    )
    if case .principal = authenticator.verify(input, in: world.snapshot, now: world.now) {
        preconditionFailure("a forged token")
    }
    if case .opened = authenticator.open(input, agent: "agent", in: world.snapshot, now: world.now) {
        preconditionFailure("a forged handle")
    }
    let token = world.signed(input)
    if case .principal(let principal) = authenticator.verify(token.span, in: world.snapshot, now: world.now) {
        precondition(principal.tenant.text == "acme" && principal.tier.name == "basic")
        precondition(principal.expiry > world.now)
    }
}

// Safe because libFuzzer owns the bytes for the length of the call.
unsafe Fuzzer.run { base, count in
    let input = unsafe UnsafeBufferPointer(start: base, count: count)
    unsafe check(input.span)
    return 0
}
