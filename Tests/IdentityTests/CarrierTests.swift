// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Identity
import Testing

/// What came of a request's carriers, in one word.
private enum Seen: Equatable {
    case tenant(String, session: Bool)
    case refused(IdentityFailure)
    case unknownKey
}

extension World {
    fileprivate func carriers(
        _ kinds: CarrierKinds,
        agent: String = "agent",
        _ values: [(CarrierSlot, [UInt8])]
    ) -> (seen: Seen, carriers: [Bool]) {
        var carriers = Carriers(kinds, agent: agent)
        let found = values.map { slot, value in
            carriers.add(value.span, in: slot, with: &authenticator, snapshot: snapshot, now: World.now)
        }
        switch carriers.outcome {
        case .principal(let principal, let handle):
            return (.tenant(principal.tenant.text, session: handle?.session != nil), found)
        case .refused(let failure): return (.refused(failure), found)
        case .unknownKey: return (.unknownKey, found)
        }
    }
}

private func bearer(_ value: [UInt8]) -> [UInt8] { Array("Bearer ".utf8) + value }

@Suite struct CarrierTests {
    private let token = Keys.rsa.token(World.idClaims.json)
    private let bobs = Keys.edwards.token(World.oidcClaims.json)
    private let expired = Keys.rsa.token(World.idClaims.with("exp", "1").json)

    @Test func bearerAlone() throws {
        let world = try World()
        for scheme in ["Bearer ", "bearer ", "BEARER  ", " Bearer "] {
            let (seen, carriers) = world.carriers(.bearer, [(.authorization, Array(scheme.utf8) + token)])
            #expect(seen == .tenant("clinic", session: false) && carriers == [true])
        }
    }

    @Test func handleInEachSlot() throws {
        let world = try World()
        let ann = try world.ann()
        let handle = world.seal(ann, session: world.session("s", ann))
        for slot in CarrierSlot.allCases {
            for value in slot == .authorization ? [handle, bearer(handle)] : [handle] {
                let (seen, carriers) = world.carriers(.handle, [(slot, value)])
                #expect(seen == .tenant("clinic", session: true) && carriers == [true])
            }
        }
        let everywhere = CarrierSlot.allCases.map { ($0, handle) }
        #expect(world.carriers(.handle, everywhere).seen == .tenant("clinic", session: true))
    }

    @Test func whatIsNoCarrierCountsAsAbsent() throws {
        let world = try World()
        let dummies: [(CarrierSlot, [UInt8])] = [
            (.xAPIKey, Array("sk-dummy".utf8)), (.apiKey, []), (.baggage, Array("x".utf8)),
            (.authorization, Array("Basic YTpi".utf8)), (.authorization, []),
            (.authorization, Array("Bearer".utf8)),
            (.xAPIKey, Array("BHH1_abc".utf8)), (.authorization, Array("AWS4-HMAC-SHA256 Credential=x".utf8)),
        ]
        let (seen, carriers) = world.carriers([.bearer, .handle], dummies)
        #expect(seen == .refused(.tokenMissing) && !carriers.contains(true))
        let handle = world.seal(try world.ann())
        #expect(
            world.carriers(.handle, dummies + [(.xAPIKey, handle)]).seen == .tenant("clinic", session: false)
        )
        #expect(world.carriers(.handle, []).seen == .refused(.tokenMissing))
    }

    @Test func kindsThatTheListenerDoesNotTake() throws {
        let world = try World()
        let handle = world.seal(try world.ann())
        #expect(world.carriers(.handle, [(.authorization, bearer(token))]).seen == .refused(.tokenMissing))
        #expect(world.carriers(.bearer, [(.xAPIKey, handle)]).seen == .refused(.tokenMissing))
        #expect(
            world.carriers(.bearer, [(.authorization, bearer(handle))]).seen == .refused(.tokenMalformed),
            "at ingress a handle is a token that does not verify"
        )
    }

    @Test func oneThatFailsRefusesTheRequest() throws {
        let world = try World()
        let handle = world.seal(try world.ann())
        var broken = handle
        broken[40] ^= 1
        let foreign = world.seal(try world.ann(), agent: "another")
        let both: CarrierKinds = [.bearer, .handle]
        let cases: [([(CarrierSlot, [UInt8])], IdentityFailure)] = [
            ([(.xAPIKey, handle), (.apiKey, broken)], .handleInvalid),
            ([(.xAPIKey, foreign), (.apiKey, handle)], .handleForeign),
            ([(.authorization, bearer(expired)), (.xAPIKey, handle)], .tokenExpired),
            ([(.xAPIKey, handle), (.authorization, bearer(expired))], .tokenExpired),
            ([(.authorization, bearer(token)), (.authorization, bearer(expired))], .tokenExpired),
            ([(.authorization, bearer([0x78])), (.baggage, handle)], .tokenMalformed),
        ]
        for (values, failure) in cases {
            #expect(world.carriers(both, values).seen == .refused(failure))
        }
    }

    @Test func allMustAgree() throws {
        let world = try World()
        let ann = try world.ann()
        let handle = world.seal(ann)
        let bob = world.seal(try world.bob())
        let both: CarrierKinds = [.bearer, .handle]
        #expect(
            world.carriers(both, [(.authorization, bearer(token)), (.xAPIKey, handle)]).seen
                == .tenant("clinic", session: false)
        )
        for values: [(CarrierSlot, [UInt8])] in [
            [(.authorization, bearer(token)), (.xAPIKey, bob)],
            [(.xAPIKey, bob), (.authorization, bearer(token))],
            [(.xAPIKey, handle), (.baggage, bob)],
            [(.authorization, bearer(token)), (.authorization, bearer(bobs))],
        ] {
            #expect(world.carriers(both, values).seen == .refused(.carriersDisagree))
        }
        let oneChat = world.seal(ann, session: world.session("1", ann))
        let otherChat = world.seal(ann, session: world.session("2", ann))
        #expect(
            world.carriers(.handle, [(.xAPIKey, oneChat), (.apiKey, otherChat)]).seen
                == .refused(.carriersDisagree)
        )
    }

    /// A newer token of the same person, beside a handle that was made from an older one.
    @Test func theTokenIsTheNewerWord() throws {
        let world = try World()
        let handle = world.seal(try world.ann())
        let fewer = Keys.rsa.token(World.idClaims.with("cognito:groups", nil).json)
        var carriers = Carriers([.bearer, .handle], agent: "agent")
        for (slot, value) in [(CarrierSlot.xAPIKey, handle), (.authorization, bearer(fewer))] {
            let isCarrier = carriers.add(
                value.span,
                in: slot,
                with: &world.authenticator,
                snapshot: world.snapshot,
                now: World.now
            )
            #expect(isCarrier)
        }
        guard case .principal(let principal, let opened) = carriers.outcome else {
            return #expect(Bool(false), "both are good")
        }
        #expect(principal.groups.isEmpty && opened?.principal.groups.count == 2)
    }

    /// A suspended bearer never falls through to another carrier.
    @Test func suspensionRefusesWhateverElseIsThere() throws {
        let world = try World()
        let bob = world.seal(try world.bob())
        try world.suspend("clinic")
        let values: [(CarrierSlot, [UInt8])] = [(.authorization, bearer(token)), (.xAPIKey, bob)]
        #expect(world.carriers([.bearer, .handle], values).seen == .refused(.tenantSuspended))
    }

    @Test func unknownKeyWaitsUnlessSomethingFailsAnyway() throws {
        let world = try World()
        var keys = world.snapshot.keys
        keys.replace(issuer: 0, with: try Keys.set(Keys.otherRSA.jwk()), fetchedAt: World.now, staleAt: nil)
        world.snapshot = world.snapshot.with(keys: keys)
        #expect(world.carriers(.bearer, [(.authorization, bearer(token))]).seen == .unknownKey)
        let both: [(CarrierSlot, [UInt8])] = [
            (.authorization, bearer(token)), (.xAPIKey, Array("bhh1_x".utf8)),
        ]
        #expect(world.carriers([.bearer, .handle], both).seen == .refused(.handleInvalid))
    }
}
