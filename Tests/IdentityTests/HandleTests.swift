// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Identity
import JSON
import TestSupport
import Testing

extension World {
    func seal(
        _ principal: Principal,
        agent: String = "agent",
        session: VirtualSessionID? = nil,
        nonce: UInt8 = 7,
        expires: WallTime = World.now + .seconds(600)
    ) -> [UInt8] {
        var output = Buffer()
        authenticator.seal(
            principal,
            agent: agent,
            session: session,
            nonce: Nonce(repeating: nonce),
            expires: expires,
            into: &output
        )
        return output.bytes.array()
    }

    func open(_ handle: [UInt8], agent: String = "agent", now: WallTime = World.now) -> HandleOutcome {
        authenticator.open(handle.span, agent: agent, in: snapshot, now: now)
    }

    func opened(_ handle: [UInt8], agent: String = "agent", now: WallTime = World.now) throws -> OpenedHandle
    {
        let outcome = open(handle, agent: agent, now: now)
        guard case .opened(let opened) = outcome else { throw Unexpected(outcome: "\(outcome)") }
        return opened
    }

    func handleFailure(
        _ handle: [UInt8],
        agent: String = "agent",
        now: WallTime = World.now
    ) throws -> IdentityFailure {
        let outcome = open(handle, agent: agent, now: now)
        guard case .refused(let failure) = outcome else { throw Unexpected(outcome: "\(outcome)") }
        return failure
    }

    func session(_ text: String, _ principal: Principal) -> VirtualSessionID? {
        var codec = SessionCodec(secret: Keys.secret)
        return codec.virtualise(Array(text.utf8).span, for: principal)
    }
}

@Suite struct HandleTests {
    @Test func carriesTheWholePrincipal() throws {
        let world = try World()
        let token = Keys.rsa.token(World.idClaims.with("department", #"{"ward":[3,"x"]}"#).json)
        let principal = try world.principal(token)
        let session = try #require(world.session("s", principal))
        let handle = world.seal(principal, session: session)
        // Another worker, or another process with the same key, which never saw the token.
        let elsewhere = try World()
        for _ in 0..<2 {
            let opened = try elsewhere.opened(handle)
            #expect(opened.principal.digest == principal.digest && opened.principal !== principal)
            #expect(opened.principal.isSamePerson(as: principal))
            #expect(opened.principal.groups == principal.groups && opened.principal.tags == principal.tags)
            #expect(opened.principal.tokenID == principal.tokenID && opened.principal.tier == principal.tier)
            #expect(opened.principal.expiry == principal.expiry && opened.session == session)
            #expect(opened.nonce[0] == 7 && opened.nonce[15] == 7)
            #expect(opened.expires == World.now + .seconds(600))
        }
        #expect(try elsewhere.opened(world.seal(principal)).session == nil)
    }

    @Test func isLegalWhereverItStands() throws {
        let world = try World()
        for claims in [World.idClaims, World.idClaims.with("sub", #""Zoë""#).with("department", #""漢""#)] {
            let handle = world.seal(try world.principal(Keys.rsa.token(claims.json)))
            #expect(handle.starts(with: Array("bhh1_".utf8)))
            #expect(handle.allSatisfy { ASCII.isAlphanumeric($0) || $0 == 0x2D || $0 == 0x5F })
            let recognised = HandleCodec.isHandle(handle.span)
            #expect(recognised)
        }
    }

    /// The largest principal that a token may make still fits.
    @Test func fitsIntoItsLimit() throws {
        let world = try World()
        let name = String(repeating: "g", count: 60)
        let groups = (0..<82).map { "\"\($0)\(name)\"" }.joined(separator: ",")
        let principal = try world.principal(
            Keys.rsa.token(World.idClaims.with("cognito:groups", "[\(groups)]").json)
        )
        let agent = String(repeating: "a", count: 64)
        let handle = world.seal(principal, agent: agent, session: world.session("s", principal))
        #expect(handle.count > 7000 && handle.count <= HandleCodec.maximumBytes)
        #expect(try world.opened(handle, agent: agent).principal.groups.count == 82)
    }

    @Test func isGoodForOneAgent() throws {
        let world = try World()
        let handle = world.seal(try world.ann(), agent: "agent")
        #expect(try world.handleFailure(handle, agent: "agent2") == .handleForeign)
        #expect(try world.handleFailure(handle, agent: "agen") == .handleForeign)
    }

    @Test func endsInTime() throws {
        let world = try World()
        let ann = try world.ann()
        let short = world.seal(ann, expires: World.now + .seconds(60))
        #expect(throws: Never.self) { try world.opened(short, now: World.now + .seconds(59)) }
        #expect(try world.handleFailure(short, now: World.now + .seconds(60)) == .handleExpired)
        let long = world.seal(ann, expires: World.now + .seconds(86400))
        #expect(try world.opened(long).expires == ann.expiry)
        #expect(try world.handleFailure(long, now: ann.expiry) == .handleExpired)
    }

    @Test func everyBitCounts() throws {
        let world = try World()
        let handle = world.seal(try world.ann(), session: world.session("s", try world.ann()))
        for index in handle.indices {
            for bit in 0..<8 {
                var changed = handle
                changed[index] ^= 1 << bit
                #expect(try world.handleFailure(changed) == .handleInvalid, "bit \(bit) of byte \(index)")
            }
        }
    }

    @Test func everyLengthCounts() throws {
        let world = try World()
        let handle = world.seal(try world.ann())
        for count in 0..<handle.count {
            #expect(try world.handleFailure(Array(handle[..<count])) == .handleInvalid)
        }
        for more in ["A", "AA", "AAA", "AAAA", "=", " "] {
            #expect(try world.handleFailure(handle + Array(more.utf8)) == .handleInvalid)
        }
    }

    /// Parts of two authentic handles do not make a third.
    @Test func partsCannotBeSwapped() throws {
        let world = try World()
        let ann = world.seal(try world.ann())
        let bob = world.seal(try world.bob())
        for split in stride(from: 5, to: min(ann.count, bob.count), by: 1) {
            let mixed = Array(ann[..<split] + bob[split...])
            if mixed == ann || mixed == bob { continue }
            #expect(try world.handleFailure(mixed) == .handleInvalid)
        }
        let tail = 4 * ((1 + 5 + 1 + 16 + 8 + 16) / 3) + 3
        let mixed = Array(ann.dropLast(tail) + bob.suffix(tail))
        #expect(try world.handleFailure(mixed) == .handleInvalid)
    }

    @Test func noiseIsRefusedAndNeverTraps() throws {
        let world = try World()
        let seed = UInt64.random(in: .min ... .max)
        var random = Seeded(seed: seed)
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0..<200, using: &random)).map { place -> UInt8 in
                place == 0
                    ? 1 : UInt8.random(in: .min...(Bool.random(using: &random) ? 3 : .max), using: &random)
            }
            let text = Array(("bhh1_" + Base64URL.encode(bytes.span)).utf8)
            #expect(try world.handleFailure(text) == .handleInvalid, "seed \(seed)")
        }
    }

    @Test func theFormerKeyOpensAndDoesNotSeal() throws {
        let old = try World()
        let handle = old.seal(try old.ann())
        let rotated = try World()
        rotated.authenticator = Authenticator(
            handles: HandleCodec(current: Keys.otherSecret, previous: Keys.secret),
            exchanges: rotated.exchanges
        )
        #expect(try rotated.opened(handle).principal.tenant.text == "clinic")
        let fresh = rotated.seal(try rotated.ann())
        #expect(try old.handleFailure(fresh) == .handleInvalid)
        let stranger = try World()
        stranger.authenticator = Authenticator(
            handles: HandleCodec(current: Keys.otherSecret),
            exchanges: stranger.exchanges
        )
        #expect(try stranger.handleFailure(handle) == .handleInvalid)
    }

    @Test func theRegistryIsAskedAgain() throws {
        let world = try World()
        let handle = world.seal(try world.ann())
        #expect(throws: Never.self) { try world.opened(handle) }
        try world.suspend("clinic")
        #expect(try world.handleFailure(handle) == .tenantSuspended)
        try world.resume("clinic")
        #expect(throws: Never.self) { try world.opened(handle) }
        let other = world.snapshot.tenants.tenants.filter { $0.id.text != "clinic" }
        let registry = try TenantRegistry(mode: .registry, entries: other, replacing: world.snapshot.tenants)
        world.snapshot = world.snapshot.with(tenants: registry)
        #expect(try world.handleFailure(handle) == .tenantUnknown)
    }

    @Test func anotherTenantsSuspensionChangesNothing() throws {
        let world = try World()
        let handle = world.seal(try world.bob())
        let before = try world.opened(handle).principal
        try world.suspend("clinic")
        for _ in 0..<2 { #expect(try world.opened(handle).principal === before) }
        world.authenticator.purge(before.tenant)
        let after = try world.opened(handle).principal
        #expect(after !== before && after.digest == before.digest)
    }

    @Test func aTierThatWasLoweredCounts() throws {
        let world = try World()
        let bob = try world.bob()
        #expect(bob.tier.name == "premium")
        let handle = world.seal(bob)
        var entries = world.snapshot.tenants.tenants
        let place = try #require(entries.firstIndex { $0.id == bob.tenant })
        entries[place].tier = world.snapshot.tiers.tiers[0]
        let registry = try TenantRegistry(
            mode: .registry,
            entries: entries,
            replacing: world.snapshot.tenants
        )
        world.snapshot = world.snapshot.with(tenants: registry)
        let opened = try world.opened(handle).principal
        #expect(opened.tier.name == "basic" && opened.isTierDrifted && opened.digest != bob.digest)
    }

    @Test func theIssuersKeyIsAskedForAgain() throws {
        let world = try World()
        let handle = world.seal(try world.ann())
        #expect(throws: Never.self) { try world.opened(handle) }
        var keys = world.snapshot.keys
        keys.replace(issuer: 0, with: try Keys.set(Keys.otherRSA.jwk()), fetchedAt: World.now, staleAt: nil)
        world.snapshot = world.snapshot.with(keys: keys)
        #expect(try world.handleFailure(handle) == .keyUnknown)
        world.snapshot = world.snapshot.with(keys: KeyRing(issuers: 3))
        #expect(try world.handleFailure(handle) == .keysUnavailable)
    }

    /// The name of an issuer now belongs to another `iss`: old handles do not follow it.
    @Test func anIssuerThatTookOverANameIsNotTheOldOne() throws {
        let world = try World()
        let handle = world.seal(try world.ann())
        let old = try World.issuers()
        let replaced = try Issuer(
            name: "pool",
            profile: .cognito,
            url: "https://other.example",
            audiences: ["app-client"],
            claims: old[0].claims
        )
        for (issuers, failure) in [
            (try IssuerTable([replaced, old[1], old[2]]), IdentityFailure.issuerUnknown),
            (try IssuerTable([old[2], old[1]]), IdentityFailure.issuerUnknown),
        ] {
            world.snapshot = try IdentitySnapshot(
                generation: world.snapshot.generation + 1,
                issuers: issuers,
                tiers: world.snapshot.tiers,
                tenants: world.snapshot.tenants,
                keys: KeyRing(issuers: issuers.count),
                replacing: world.snapshot
            )
            #expect(try world.handleFailure(handle) == failure)
        }
    }

    @Test func tokensAndHandlesAreNotOneAnother() throws {
        let world = try World()
        let token = Keys.rsa.token(World.idClaims.json)
        let handle = world.seal(try world.principal(token))
        #expect(try world.handleFailure(token) == .handleInvalid)
        #expect(try world.failure(handle) == .tokenMalformed)
    }
}

@Suite struct TokenBitTests {
    /// Any single bit of a token that verifies.
    @Test func everyBitCounts() throws {
        let world = try World()
        let token = Keys.edwards.token(World.oidcClaims.json)
        #expect(throws: Never.self) { try world.principal(token) }
        for index in token.indices {
            for bit in 0..<8 {
                var changed = token
                changed[index] ^= 1 << bit
                if case .principal = world.verify(changed) {
                    #expect(Bool(false), "bit \(bit) of byte \(index) was not looked at")
                }
            }
        }
        for count in 0..<token.count {
            if case .principal = world.verify(Array(token[..<count])) {
                #expect(Bool(false), "prefix of \(count)")
            }
        }
    }
}

@Suite struct SessionTests {
    @Test func isStableAndBoundToThePerson() throws {
        let world = try World()
        let ann = try world.ann()
        let later = try world.principal(Keys.rsa.token(World.idClaims.with("exp", "1800007200").json))
        let ids = [
            world.session("chat-1", ann), world.session("chat-2", ann),
            world.session("chat-1", try world.bob()),
            world.session("chat-1", try world.principal(Keys.rsa.token(World.accessClaims.json))),
            world.session(
                "chat-1",
                try world.principal(
                    Keys.rsa.token(World.idClaims.with("custom:tenant_id", #""hospital""#).json)
                )
            ),
        ]
        #expect(Set(ids.compactMap { $0 }).count == ids.count)
        #expect(world.session("chat-1", later) == ids[0], "a refreshed token keeps the session")
        var other = SessionCodec(secret: Keys.otherSecret)
        let elsewhere = other.virtualise(Array("chat-1".utf8).span, for: ann)
        #expect(elsewhere != ids[0])
    }

    @Test func isLegalForAgentCore() throws {
        let world = try World()
        let id = try #require(world.session("chat-1", world.ann()))
        var text = Buffer()
        id.write(into: &text)
        let bytes = text.bytes.array()
        #expect(bytes.count == VirtualSessionID.byteCount && (33...100).contains(bytes.count))
        #expect(bytes.allSatisfy { ASCII.isAlphanumeric($0) || $0 == UInt8(ascii: "-") })
        var short = Buffer()
        id.writeShort(into: &short)
        #expect(short.count == 16)
    }

    @Test(arguments: ["", "a b", "a\n", "é", "\u{7F}", String(repeating: "s", count: 1025)])
    func refusesWhatNoClientSends(_ text: String) throws {
        let world = try World()
        #expect(try world.session(text, world.ann()) == nil)
    }
}
