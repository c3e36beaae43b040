// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Identity
import JSON
import Testing

@Suite struct TokenCacheTests {
    private let token = Keys.rsa.token(World.idClaims.json)

    @Test func theSecondTimeIsAHit() throws {
        let world = try World()
        let first = try world.principal(token)
        let second = try world.principal(token)
        #expect(first === second)
        #expect(world.authenticator.counters.tokenHits == 1 && world.authenticator.counters.tokenMisses == 1)
    }

    @Test func endsWithTheToken() throws {
        let world = try World()
        _ = try world.principal(token)
        #expect(throws: Never.self) { try world.principal(token, now: WallTime(seconds: 1_800_003_629)) }
        #expect(try world.failure(token, now: WallTime(seconds: 1_800_003_630)) == .tokenExpired)
        #expect(world.authenticator.cachedTokens == 0)
    }

    @Test func suspensionEndsAnEntryAtItsNextUse() throws {
        let world = try World()
        let before = try world.principal(token)
        let other = try world.bob()
        try world.suspend("clinic")
        #expect(try world.failure(token) == .tenantSuspended)
        #expect(try world.bob() === other, "another tenant's entry stays")
        try world.resume("clinic")
        let after = try world.principal(token)
        #expect(after !== before && after.tenantEpoch > before.tenantEpoch)
    }

    /// A worker that has not seen the new snapshot yet puts an entry in after the purge.
    @Test func whatWasVerifiedUnderAnOlderSnapshotIsComparedAgain() throws {
        let world = try World()
        let old = world.snapshot
        try world.suspend("clinic")
        let new = world.snapshot
        world.authenticator.purge(try #require(TenantID("clinic")))
        world.snapshot = old
        _ = try world.principal(token)
        world.snapshot = new
        #expect(try world.failure(token) == .tenantSuspended)
    }

    @Test func changesOfTheEntryCount() throws {
        let world = try World()
        let before = try world.principal(token)
        var entries = world.snapshot.tenants.tenants
        let place = try #require(entries.firstIndex { $0.id.text == "clinic" })
        entries[place].issuers = ["idp"]
        let registry = try TenantRegistry(
            mode: .registry,
            entries: entries,
            replacing: world.snapshot.tenants
        )
        world.snapshot = world.snapshot.with(tenants: registry)
        #expect(try world.failure(token) == .issuerNotForTenant)
        #expect(registry.epoch(of: before.tenant) != before.tenantEpoch)
        #expect(registry.epoch(of: entries[(place + 1) % entries.count].id) == 0)
        entries.removeAll { $0.id == before.tenant }
        let without = try TenantRegistry(mode: .registry, entries: entries, replacing: registry)
        world.snapshot = world.snapshot.with(tenants: without)
        #expect(try world.failure(token) == .tenantUnknown)
    }

    @Test func aKeyThatGoesTakesItsTokensAlong() throws {
        let world = try World()
        let before = try world.principal(token)
        var keys = world.snapshot.keys
        keys.replace(
            issuer: 0,
            with: try Keys.set(Keys.rsa.jwk(), Keys.otherRSA.jwk()),
            fetchedAt: World.now,
            staleAt: nil
        )
        world.snapshot = world.snapshot.with(keys: keys)
        #expect(try world.principal(token) === before, "a key that is added voids nothing")
        keys.replace(issuer: 0, with: try Keys.set(Keys.otherRSA.jwk()), fetchedAt: World.now, staleAt: nil)
        world.snapshot = world.snapshot.with(keys: keys)
        guard case .refused(.keyUnknown) = world.verify(token, isLastTry: true) else {
            return #expect(Bool(false), "the key has gone")
        }
    }

    @Test func anotherConfigurationStartsAfresh() throws {
        let world = try World()
        let before = try world.principal(token)
        world.snapshot = try IdentitySnapshot(
            generation: 2,
            issuers: World.issuers(),
            tiers: world.snapshot.tiers,
            tenants: world.snapshot.tenants,
            keys: world.snapshot.keys,
            replacing: world.snapshot
        )
        #expect(try world.principal(token) !== before)
    }

    @Test func isBounded() throws {
        let world = try World(capacity: 4)
        for number in 0..<20 {
            _ = try world.principal(Keys.edwards.token(World.oidcClaims.with("sub", "\"u\(number)\"").json))
        }
        #expect(world.authenticator.cachedTokens == 4)
        let last = Keys.edwards.token(World.oidcClaims.with("sub", #""u19""#).json)
        #expect(try world.principal(last).user.text == "u19")
    }

    /// CVE-2026-35030: tokens of one issuer begin alike, and a key made from a part of one is another's.
    @Test func tokensThatShareALongPrefixAreTwo() throws {
        let world = try World()
        let padding = "\"" + String(repeating: "p", count: 2000) + "\""
        let claims = Claims([
            "pad": padding, "iss": #""https://idp.example/""#, "aud": #""bulkhead""#, "exp": "1800003600",
            "tenant": #""clinic""#,
        ])
        let ann = Keys.edwards.token(claims.with("sub", #""ann""#).json)
        let bob = Keys.edwards.token(claims.with("sub", #""bob""#).json)
        #expect(ann.prefix(2700) == bob.prefix(2700))
        #expect(try world.principal(ann).user.text == "ann")
        #expect(try world.principal(bob).user.text == "bob")
        #expect(try world.principal(ann).user.text == "ann")
        #expect(world.authenticator.counters.tokenMisses == 2)
    }

    @Test func registryRefusesOneIDTwice() throws {
        let tiers = try #require(TierTable(lowestFirst: ["basic"]))
        let id = try #require(TenantID("clinic"))
        let entry = TenantEntry(id: id, name: "", tier: tiers.tiers[0], issuers: [])
        #expect(throws: TenantRegistry.Problem.duplicate(id)) {
            try TenantRegistry(mode: .registry, entries: [entry, entry])
        }
        let registry = try TenantRegistry(mode: .registry, entries: [entry])
        #expect(registry.count == 1 && registry[id]?.tier.rank == 0)
        #expect(TierTable(lowestFirst: ["a", "a"]) == nil && TierTable(lowestFirst: [""]) == nil)
        let reloaded = try TenantRegistry(
            mode: .registry,
            entries: [entry],
            replacing: registry.suspending(id)
        )
        #expect(reloaded.suspended == [id], "a commanded suspension outlives a reload")
    }
}

@Suite struct PrincipalTests {
    /// Each change alone makes another digest.
    @Test func digestCoversTheWholePrincipal() throws {
        let world = try World()
        let claims = World.idClaims
        let variants = [
            claims, claims.with("sub", #""ann""#), claims.with("custom:tenant_id", #""hospital""#),
            claims.with("cognito:groups", #"["nurses"]"#),
            claims.with("cognito:groups", #"["nursesadmins"]"#),
            claims.with("cognito:groups", #"["nurse","sadmins"]"#),
            claims.with("cognito:groups", #"["admins","nurses"]"#),
            claims.with("department", "1"), claims.with("department", #""1""#),
            claims.with("exp", "1800003601"),
            claims.with("jti", #""other""#),
        ]
        let digests = try variants.map { try world.principal(Keys.rsa.token($0.json)).digest }
        #expect(Set(digests).count == variants.count)
        let drifted = try world.principal(
            Keys.rsa.token(
                claims.with("custom:tenant_id", #""hospital""#).with("custom:tier", #""standard""#).json
            )
        )
        #expect(!digests.contains(drifted.digest))
    }

    @Test func samePersonIsIssuerTenantAndUser() throws {
        let world = try World()
        let ann = try world.ann()
        let later = try world.principal(Keys.rsa.token(World.idClaims.with("jti", #""2""#).json))
        #expect(ann.isSamePerson(as: later) && ann.digest != later.digest)
        let inHospital = try world.principal(
            Keys.rsa.token(World.idClaims.with("custom:tenant_id", #""hospital""#).json)
        )
        let byAccess = try world.principal(Keys.rsa.token(World.accessClaims.json))
        #expect(!ann.isSamePerson(as: inHospital) && !ann.isSamePerson(as: byAccess))
    }

    /// Equal to Swift's strings, and two people.
    @Test func usersAreBytes() throws {
        let world = try World()
        let one = try world.principal(Keys.rsa.token(World.idClaims.with("sub", "\"Zo\u{EB}\"").json))
        let two = try world.principal(Keys.rsa.token(World.idClaims.with("sub", "\"Zoe\u{308}\"").json))
        #expect(one.user.text == two.user.text && one.user != two.user)
        #expect(!one.isSamePerson(as: two))
        #expect(Set([one.user, two.user]).count == 2)
    }

    @Test(arguments: ["a", "A.b_c-9", String(repeating: "x", count: 64)]) func legalTenants(_ text: String) {
        #expect(TenantID(text)?.description == text)
    }

    @Test(arguments: ["", " ", "a b", "a/b", "é", "a\u{0}", "*", "a%2F", String(repeating: "x", count: 65)])
    func illegalTenants(_ text: String) {
        #expect(TenantID(text) == nil)
    }

    @Test func issuersAreChecked() throws {
        func issuer(
            _ name: String = "n",
            url: String = "u",
            audiences: [String] = ["a"],
            use: [TokenUse] = [.id],
            algorithms: [SignatureAlgorithm] = [.rs256],
            claims: ClaimNames = ClaimNames(tenant: "t", tier: nil),
            leeway: Interval = .zero
        ) throws(Issuer.Problem) -> Issuer {
            try Issuer(
                name: name,
                profile: .cognito,
                url: url,
                audiences: audiences,
                tokenUse: use,
                algorithms: algorithms,
                claims: claims,
                leeway: leeway
            )
        }
        #expect(throws: Issuer.Problem.nameLength) { try issuer("") }
        #expect(throws: Issuer.Problem.issuerEmpty) { try issuer(url: "") }
        #expect(throws: Issuer.Problem.noAudience) { try issuer(audiences: []) }
        #expect(throws: Issuer.Problem.noAudience) { try issuer(audiences: ["a", ""]) }
        #expect(throws: Issuer.Problem.noAlgorithm) { try issuer(algorithms: []) }
        #expect(throws: Issuer.Problem.noTokenUse) { try issuer(use: []) }
        #expect(throws: Issuer.Problem.noTenantClaim) {
            try issuer(claims: ClaimNames(tenant: "", tier: nil))
        }
        #expect(throws: Issuer.Problem.noUserClaim) {
            try issuer(claims: ClaimNames(tenant: "t", tier: nil, user: ""))
        }
        #expect(throws: Issuer.Problem.negativeLeeway) { try issuer(leeway: Interval(nanoseconds: -1)) }
        #expect(throws: Issuer.Problem.duplicateName) { try IssuerTable([issuer(), issuer(url: "v")]) }
        #expect(throws: Issuer.Problem.duplicateIssuer) { try IssuerTable([issuer(), issuer("m")]) }
    }
}
