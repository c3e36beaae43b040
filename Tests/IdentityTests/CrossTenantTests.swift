// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Identity
import JSON
import TestSupport
import Testing

/// What one tenant put into a cache never comes out for another: tokens, handles' principals, certificates, session ids.
@Suite struct CrossTenantTests {
    /// After the real token was remembered, every token that differs from it in one character is looked at anew, and
    /// refused: the key is the digest of the whole token, not of a part (CVE-2026-35030).
    @Test func nearlyEqualTokensAreOthers() throws {
        let world = try World(capacity: 2048)
        let token = Keys.edwards.token(World.oidcClaims.json)
        _ = try world.principal(token)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.".utf8)
        var random = Seeded.printed()
        for place in token.indices {
            var other = token
            repeat {
                other[place] = alphabet.randomElement(using: &random) ?? 0
            } while other[place] == token[place]
            guard case .principal = world.verify(other) else { continue }
            Issue.record("another character at \(place)")
        }
        for other in [token.dropLast() + [], token + [0x41], [0x41] + token] {
            guard case .principal = world.verify(Array(other)) else { continue }
            Issue.record("another length")
        }
        #expect(world.authenticator.counters.tokenHits == 0 && world.authenticator.cachedTokens == 1)
    }

    /// The parts of two good tokens, put together crosswise after both were remembered.
    @Test func partsOfTwoTokensMakeNone() throws {
        let world = try World()
        let ann = Keys.rsa.token(World.idClaims.json).split(separator: 0x2E)
        let bob = Keys.rsa.token(World.idClaims.with("custom:tenant_id", #""hospital""#).json).split(
            separator: 0x2E
        )
        for parts in [ann, bob] { _ = try world.principal(Array(parts.joined(separator: [0x2E]))) }
        #expect(ann[0] == bob[0])
        for mixed in [[ann[0], ann[1], bob[2]], [ann[0], bob[1], ann[2]]] {
            #expect(try world.failure(Array(mixed.joined(separator: [0x2E]))) == .signatureInvalid)
        }
        #expect(world.authenticator.counters.tokenHits == 0)
    }

    /// Two issuers that call their keys alike: each key speaks for its own issuer, whoever came first.
    @Test func oneKeyIDAtTwoIssuers() throws {
        let world = try World()
        var keys = world.snapshot.keys
        keys.replace(issuer: 0, with: try Keys.set(Keys.rsa.jwk()), fetchedAt: World.now, staleAt: nil)
        keys.replace(issuer: 1, with: try Keys.set(Keys.stranger.jwk()), fetchedAt: World.now, staleAt: nil)
        world.snapshot = world.snapshot.with(keys: keys)
        let pool = Keys.rsa.token(World.idClaims.json)
        let access = Keys.stranger.token(World.accessClaims.json)
        for _ in 0..<2 {
            #expect(try world.principal(pool).issuer.name == "pool")
            #expect(try world.principal(access).issuer.name == "access")
            #expect(try world.failure(Keys.stranger.token(World.idClaims.json)) == .signatureInvalid)
            #expect(try world.failure(Keys.rsa.token(World.accessClaims.json)) == .signatureInvalid)
        }
    }

    /// Issuer, tenant, user: two principals that share any two of them are two people everywhere.
    @Test func oneUserAtTwoIssuersAndTwoTenants() throws {
        let world = try World()
        let claims = World.idClaims.with("sub", #""ann""#)
        func pool(_ tenant: String) throws -> Principal {
            try world.principal(Keys.rsa.token(claims.with("custom:tenant_id", "\"\(tenant)\"").json))
        }
        let people = [
            try pool("clinic"), try pool("hospital"),
            try world.principal(Keys.rsa.token(World.accessClaims.with("sub", #""ann""#).json)),
            try world.principal(Keys.edwards.token(World.oidcClaims.with("sub", #""ann""#).json)),
        ]
        #expect(Set(people.map(\.digest)).count == people.count)
        var sessions = SessionCodec(secret: Keys.secret)
        let same = Array("chat-1".utf8)
        let virtual = people.map { person in
            var text = Buffer()
            sessions.virtualise(same.span, for: person)?.write(into: &text)
            return text.bytes.array()
        }
        #expect(Set(virtual).count == people.count && !virtual.contains([]))
        for (index, one) in people.enumerated() {
            for other in people[(index + 1)...] { #expect(!one.isSamePerson(as: other)) }
            // Handles of all of them, opened in turn, so that each finds the others' in the cache.
            let handle = world.seal(one)
            for _ in 0..<2 { #expect(try world.opened(handle).principal.digest == one.digest) }
        }
    }

    /// A handle whose principal part is another's, with everything else its own.
    @Test func aPrincipalThatIsRememberedVouchesForNoHandle() throws {
        let world = try World()
        let ann = world.seal(try world.ann())
        let bob = world.seal(try world.bob())
        for handle in [ann, bob] { _ = try world.opened(handle) }
        var mixed = bob
        for place in 5..<min(ann.count, bob.count) - 80 { mixed[place] = ann[place] }
        #expect(try world.handleFailure(mixed) == .handleInvalid)
    }

    /// A tenant that is suspended loses every entry, in each cache, and nobody else loses any.
    @Test func suspensionReachesEveryCache() throws {
        let world = try World.withMesh()
        let token = Keys.rsa.token(World.idClaims.json)
        let robot = Certificates.make(uris: ["spiffe://prod.example/tenant/clinic/sa/robot"])
        let others = Certificates.make("others", uris: ["spiffe://prod.example/tenant/hospital/sa/robot"])
        let handle = world.seal(try world.principal(token))
        let bobs = Keys.edwards.token(World.oidcClaims.json)
        let bob = try world.principal(bobs)
        let bobsHandle = world.seal(bob)
        let kept = try world.verify(others).get()
        _ = (try world.opened(handle), try world.opened(bobsHandle), try world.verify(robot).get())
        try world.suspend("clinic")
        for purges in [false, true] {
            if purges { world.authenticator.purge(try #require(TenantID("clinic"))) }
            #expect(try world.failure(token) == .tenantSuspended)
            #expect(try world.handleFailure(handle) == .tenantSuspended)
            #expect(world.failure(robot) == .tenantSuspended)
            #expect(try world.principal(bobs) === bob && world.verify(others).get() === kept)
            #expect(try world.opened(bobsHandle).principal.tenant == bob.tenant)
        }
    }

    /// An issuer's key that is taken back ends everything that it signed, also what is under way.
    @Test func aKeyThatIsTakenBackReachesEveryCache() throws {
        let world = try World()
        let token = Keys.rsa.token(World.idClaims.json)
        let principal = try world.principal(token)
        let other = try world.principal(Keys.edwards.token(World.oidcClaims.json))
        let handle = world.seal(principal)
        _ = try world.opened(handle)
        #expect(world.snapshot.refusal(of: principal) == nil)
        var keys = world.snapshot.keys
        keys.replace(issuer: 0, with: try Keys.set(Keys.otherRSA.jwk()), fetchedAt: World.now, staleAt: nil)
        world.snapshot = world.snapshot.with(keys: keys)
        guard case .unknownKey = world.verify(token) else { return #expect(Bool(false), "its key has gone") }
        guard case .refused(.keyUnknown) = world.verify(token, isLastTry: true) else {
            return #expect(Bool(false), "its key has gone")
        }
        #expect(try world.handleFailure(handle) == .keyUnknown)
        #expect(world.snapshot.refusal(of: principal) == .keyUnknown)
        #expect(world.snapshot.refusal(of: other) == nil)
    }

    /// What a reload can do to somebody whose stream is open.
    @Test func anotherConfigurationKeepsWhomItStillKnows() throws {
        let world = try World()
        let ann = try world.ann()
        let bob = try world.bob()
        func reload(_ issuers: [Issuer], _ change: (inout [TenantEntry]) -> Void = { _ in }) throws
            -> IdentitySnapshot
        {
            var entries = world.snapshot.tenants.tenants
            change(&entries)
            var keys = KeyRing(issuers: issuers.count)
            for place in issuers.indices {
                let set = try Keys.set(Keys.rsa.jwk(), Keys.edwards.jwk())
                keys.replace(issuer: place, with: set, fetchedAt: World.now, staleAt: nil)
            }
            return try IdentitySnapshot(
                generation: 2,
                issuers: IssuerTable(issuers),
                tiers: world.snapshot.tiers,
                tenants: TenantRegistry(mode: .registry, entries: entries, replacing: world.snapshot.tenants),
                keys: keys,
                replacing: world.snapshot
            )
        }
        let issuers = try World.issuers().issuers
        let same = try reload(issuers.reversed())
        #expect(same.refusal(of: ann) == nil && same.refusal(of: bob) == nil, "places do not matter")
        let fewer = try reload([issuers[2]])
        #expect(fewer.refusal(of: ann) == .issuerUnknown && fewer.refusal(of: bob) == nil)
        let other = try Issuer(
            name: "pool",
            profile: .oidc,
            url: "https://somebody.else",
            audiences: ["a"],
            claims: ClaimNames(tenant: "t", tier: nil)
        )
        #expect(
            try reload([other, issuers[2]]).refusal(of: ann) == .issuerUnknown,
            "a name that was taken over"
        )
        let moved = try reload(issuers) { entries in
            for place in entries.indices where entries[place].id == ann.tenant {
                entries[place].issuers = ["idp"]
            }
        }
        #expect(moved.refusal(of: ann) == .issuerNotForTenant && moved.refusal(of: bob) == nil)
    }
}
