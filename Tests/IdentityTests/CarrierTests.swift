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

private struct Trace: Equatable {
    let id: (high: UInt64, low: UInt64)

    init(_ low: UInt64, high: UInt64 = 1) { id = (high, low) }

    static func == (left: Trace, right: Trace) -> Bool { left.id == right.id }

    func exchange(
        _ principal: Principal,
        session: VirtualSessionID? = nil,
        agent: String = "agent",
        at now: WallTime = World.now
    ) -> OpenExchange {
        OpenExchange(
            trace: id,
            owner: ExchangeOwner(principal, session: session, agent: agent),
            until: now + .seconds(660),
            traceUntil: now + .seconds(600)
        )
    }
}

extension World {
    fileprivate func begin(
        _ trace: Trace,
        _ principal: Principal,
        session: VirtualSessionID? = nil,
        agent: String = "agent"
    ) {
        #expect(exchanges.begin(trace.exchange(principal, session: session, agent: agent), now: World.now))
    }

    /// The handle of an exchange of this process.
    fileprivate func seal(
        _ principal: Principal,
        trace: Trace,
        expires: WallTime = World.now + .seconds(660)
    ) -> [UInt8] {
        var output = Buffer()
        authenticator.seal(
            principal,
            agent: "agent",
            session: nil,
            nonce: exchanges.nonce(of: trace.id),
            expires: expires,
            into: &output
        )
        return output.bytes.array()
    }

    fileprivate func seen(
        _ kinds: CarrierKinds,
        _ traces: [Trace],
        _ handle: [UInt8]?,
        now: WallTime = World.now
    ) -> Seen {
        var carriers = Carriers(kinds, agent: "agent")
        for trace in traces {
            _ = carriers.add(trace: trace.id, with: &authenticator, snapshot: snapshot, now: now)
        }
        if let handle {
            _ = carriers.add(handle.span, in: .xAPIKey, with: &authenticator, snapshot: snapshot, now: now)
        }
        switch carriers.outcome {
        case .principal(let principal, let opened):
            return .tenant(principal.tenant.text, session: opened?.session != nil)
        case .refused(let failure): return .refused(failure)
        case .unknownKey: return .unknownKey
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

    /// A trace speaks as a handle does, and for as long as its exchange (THREATS 3).
    @Test func traces() throws {
        let world = try World()
        let (ann, bob) = (try world.ann(), try world.bob())
        let chat = try #require(world.session("1", ann))
        let (anns, bobs, other) = (Trace(1), Trace(2), Trace(3))
        world.begin(anns, ann, session: chat)
        world.begin(bobs, bob)
        world.begin(other, ann, agent: "another")
        let handle = world.seal(ann, session: chat)
        let both: CarrierKinds = [.handle, .trace]
        let cases: [(CarrierKinds, [Trace], [UInt8]?, Seen)] = [
            (.trace, [anns], nil, .tenant("clinic", session: true)),
            (.trace, [anns, anns], nil, .tenant("clinic", session: true)),
            (.trace, [bobs], nil, .tenant("hospital", session: false)),
            (.trace, [other], nil, .refused(.traceForeign)),
            (.trace, [Trace(9)], nil, .refused(.traceUnknown)),
            (.trace, [Trace(1, high: 2)], nil, .refused(.traceUnknown)),
            (.handle, [anns], nil, .refused(.tokenMissing)),
            (both, [anns], handle, .tenant("clinic", session: true)),
            (both, [Trace(9)], handle, .tenant("clinic", session: true)),
            (both, [bobs], handle, .refused(.carriersDisagree)),
            (both, [anns], world.seal(ann), .refused(.carriersDisagree)),
            (both, [other], handle, .refused(.traceForeign)),
            (.trace, [anns, bobs], nil, .refused(.carriersDisagree)),
        ]
        for (number, (kinds, traces, handle, expected)) in cases.enumerated() {
            #expect(world.seen(kinds, traces, handle) == expected, "case \(number)")
        }
    }

    @Test func aSuspendedTenantsTraceSaysNothing() throws {
        let world = try World()
        world.begin(Trace(1), try world.ann())
        try world.suspend("clinic")
        #expect(world.seen(.trace, [Trace(1)], nil) == .refused(.tenantSuspended))
    }

    @Test func tracesAndHandlesEndWithTheirExchange() throws {
        let world = try World()
        let ann = try world.ann()
        world.begin(Trace(1), ann)
        let handle = world.seal(ann, trace: Trace(1))
        let later = World.now + .seconds(60)
        for time in [World.now, later] {
            #expect(world.seen(.trace, [Trace(1)], nil, now: time) == .tenant("clinic", session: false))
            #expect(world.seen(.handle, [], handle, now: time) == .tenant("clinic", session: false))
        }
        world.exchanges.end(Trace(1).id, until: later)
        let before = World.now + .seconds(59)
        #expect(world.seen(.trace, [Trace(1)], nil, now: before) == .tenant("clinic", session: false))
        #expect(world.seen(.handle, [], handle, now: before) == .tenant("clinic", session: false))
        #expect(world.seen(.trace, [Trace(1)], nil, now: later) == .refused(.traceUnknown))
        #expect(world.seen(.handle, [], handle, now: later) == .refused(.handleExpired))
    }

    @Test func anOpenExchangeSpeaksForItsRunAtMost() throws {
        let world = try World()
        let ann = try world.ann()
        world.begin(Trace(1), ann)
        let handle = world.seal(ann, trace: Trace(1), expires: World.now + .seconds(660))
        let run = World.now + .seconds(600)
        #expect(world.seen(.trace, [Trace(1)], nil, now: run) == .refused(.traceUnknown))
        #expect(world.seen(.handle, [], handle, now: run) == .tenant("clinic", session: false))
        #expect(world.seen(.handle, [], handle, now: run + .seconds(60)) == .refused(.handleExpired))
    }

    /// Those that ended first go first; one that is open is never forgotten.
    @Test func theTableIsBounded() throws {
        let ann = try World().ann()
        let exchanges = OpenExchanges(instance: 1, capacity: 32)
        // All in one part, which has room for two.
        let traces = (1...4).map { Trace(UInt64($0) * 16) }
        func begin(_ trace: Trace) -> Bool { exchanges.begin(trace.exchange(ann), now: World.now) }
        func isThere(_ trace: Trace) -> Bool { exchanges.find(trace.id, now: World.now) != nil }
        #expect(begin(traces[0]) && begin(traces[1]) && !begin(traces[2]))
        #expect(!begin(traces[0]), "the same id twice")
        exchanges.end(traces[0].id, until: World.now + .seconds(60))
        #expect(isThere(traces[0]))
        #expect(begin(traces[3]))
        #expect(traces.map(isThere) == [false, true, false, true])
        // Many that come and go.
        let world = try World()
        for number in 1...10_000 as ClosedRange<UInt64> {
            let now = World.now + .seconds(Int64(number))
            #expect(world.exchanges.begin(Trace(number).exchange(ann, at: now), now: now))
            world.exchanges.end(Trace(number).id, until: now + .seconds(2))
            #expect(world.exchanges.find(Trace(number).id, now: now) != nil)
            if number > 2 { #expect(world.exchanges.find(Trace(number - 2).id, now: now) == nil) }
        }
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
