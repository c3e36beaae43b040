// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import GatewayRig
import Identity
import Testing

/// The trace id that an agent hands on says whose its calls are: minted here, only while its exchange is open, and
/// only on the agent's own listeners (THREATS 1, 3, 6, 7).
@Suite struct TraceTests {
    private static let ann = Signer.pool.token(.ann)
    private static let bob = Signer.pool.token(.bob)

    /// An exchange under way, and the trace id that its agent was given.
    private struct Open {
        let run: Run
        let trace: String

        func end() throws { try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") }
    }

    private func open(
        _ rig: Rig,
        _ token: String,
        host: String = "agent.local",
        _ fields: [String] = []
    ) throws -> Open {
        let text = Rig.request("POST /invocations", host: host, token: token, fields, body: "{}")
        let run = try rig.run(text)
        #expect(run.isForwarded)
        return Open(
            run: run,
            trace: String(try #require(run.sent("traceparent").first).dropFirst(3).prefix(32))
        )
    }

    /// The agent's call, with a span of its own.
    private func call(
        _ rig: Rig,
        _ trace: String,
        on listener: String = "traces",
        host: String = "notes.local",
        _ fields: [String] = [],
        now: WallTime = Rig.now
    ) throws -> Run {
        let parent = "traceparent: 00-\(trace)-00f067aa0ba902b7-01"
        return try rig.run(Rig.request("GET /a", host: host, [parent] + fields), on: listener, now: now)
    }

    @Test func anAgentsCallsAreItsCallers() throws {
        let rig = try Rig()
        let (anns, bobs) = (try open(rig, Self.ann), try open(rig, Self.bob))
        for (exchange, tenant) in [(anns, "acme"), (bobs, "globex"), (anns, "acme")] {
            let run = try call(rig, exchange.trace)
            #expect(run.target == "/tenants/\(rig.compartment(of: tenant))/a")
            #expect(run.sent("traceparent").isEmpty && !run.everythingSent.contains(exchange.trace))
            try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            #expect(run.recorded("tenancy.tenant.id") == tenant)
            #expect(!run.records[0].contains(exchange.trace))
        }
    }

    @Test func itIsGoodUntilLingerIsOver() throws {
        let rig = try Rig()
        let exchange = try open(rig, Self.ann)
        #expect(try call(rig, exchange.trace, now: Rig.now + .seconds(599)).isForwarded)
        try exchange.end()
        #expect(try call(rig, exchange.trace, now: Rig.now + .seconds(60)).isForwarded)
        let late = try call(rig, exchange.trace, now: Rig.now + .seconds(61))
        #expect(late.reason == "trace_unknown" && late.status == 401)
        #expect(late.answered("x-bulkhead-reason") == ["trace_refused"])
        #expect(rig.metrics().contains("{route=\"notes\",reason=\"trace_unknown\"} 1\n"))
    }

    @Test func neverLongerThanARun() throws {
        let rig = try Rig()
        let exchange = try open(rig, Self.ann)
        #expect(try call(rig, exchange.trace, now: Rig.now + .seconds(600)).reason == "trace_unknown")
    }

    /// The handle of an exchange of this process ends with it, too.
    @Test func handlesEndWithTheirExchange() throws {
        let rig = try Rig()
        let exchange = try open(rig, Self.ann)
        let handle = try #require(exchange.run.sent("authorization").first)
        func read(_ seconds: Int64) throws -> Run {
            let text = Rig.request("GET /a", host: "notes.local", ["Authorization: \(handle)"])
            return try rig.run(text, on: "stores", now: Rig.now + .seconds(seconds))
        }
        #expect(try read(659).isForwarded)
        try exchange.end()
        #expect(try read(60).isForwarded)
        #expect(try read(61).reason == "handle_expired")
    }

    /// Another process with the same key, which never saw the exchange.
    @Test func aHandleIsGoodElsewhere() throws {
        let rig = try Rig()
        let exchange = try open(rig, Self.ann)
        let handle = try #require(exchange.run.sent("authorization").first)
        let elsewhere = try Rig(instance: 2)
        let text = Rig.request("GET /a", host: "notes.local", ["Authorization: \(handle)"])
        #expect(try elsewhere.run(text, on: "stores", now: Rig.now + .seconds(600)).isForwarded)
        #expect(try call(elsewhere, exchange.trace).reason == "trace_unknown")
    }

    @Test func everyWorkerKnowsIt() throws {
        let rig = try Rig()
        let exchange = try open(rig, Self.ann)
        rig.changeWorker()
        #expect(try call(rig, exchange.trace).isForwarded)
    }

    @Test func aForeignAgentsListenerRefusesIt() throws {
        let rig = try Rig()
        let exchange = try open(rig, Self.ann)
        let run = try call(rig, exchange.trace, on: "traces-of-other")
        #expect(run.reason == "trace_foreign")
        #expect(run.answered("x-bulkhead-reason") == ["trace_refused"])
    }

    @Test func itSaysNothingWhereItIsNotListed() throws {
        let rig = try Rig()
        let exchange = try open(rig, Self.ann)
        for listener in ["direct", "stores"] {
            #expect(try call(rig, exchange.trace, on: listener).reason == "token_missing")
        }
        // Nor at ingress, where a caller that learned it could come in with it.
        let text = Rig.request(
            "POST /invocations",
            ["traceparent: 00-\(exchange.trace)-00f067aa0ba902b7-01"],
            body: "{}"
        )
        #expect(try rig.run(text).reason == "token_missing")
    }

    @Test func whatIsNoTraceOfOursCountsAsAbsent() throws {
        let rig = try Rig()
        let exchange = try open(rig, Self.ann)
        let handle = try #require(exchange.run.sent("authorization").first)
        let made = "0af7651916cd43dd8448eb211c80319c"
        #expect(try call(rig, made).reason == "trace_unknown")
        // An agent may begin a trace of its own; the handle stands.
        #expect(try call(rig, made, on: "all", ["Authorization: \(handle)"]).isForwarded)
        for broken in [exchange.trace.uppercased(), String(repeating: "0", count: 32), "x"] {
            #expect(try call(rig, broken).reason == "token_missing", "\(broken)")
        }
    }

    @Test func allMustAgree() throws {
        let rig = try Rig()
        let (anns, bobs) = (try open(rig, Self.ann), try open(rig, Self.bob))
        let bobsHandle = try #require(bobs.run.sent("authorization").first)
        let attacks: [[String]] = [
            ["Authorization: \(bobsHandle)"], ["Authorization: Bearer \(Self.bob)"],
            ["baggage: bulkhead=\(bobsHandle.dropFirst(7))"],
            ["traceparent: 00-\(bobs.trace)-00f067aa0ba902b7-01"],
        ]
        for fields in attacks {
            #expect(try call(rig, anns.trace, on: "all", fields).reason == "carriers_disagree", "\(fields)")
        }
        let expired = Signer.pool.token(.ann.with("exp", "1"))
        let beside = try call(rig, anns.trace, on: "all", ["Authorization: Bearer \(expired)"])
        #expect(beside.reason == "token_expired", "one that fails refuses the request")
    }

    @Test func aSuspensionEndsIt() throws {
        let rig = try Rig()
        let exchange = try open(rig, Self.ann)
        rig.suspend("acme")
        #expect(try call(rig, exchange.trace).reason == "tenant_suspended")
        rig.resume("acme")
        #expect(try call(rig, exchange.trace).isForwarded)
        // Nor does a reload make it another's.
        rig.reload()
        #expect(try call(rig, exchange.trace).isForwarded)
    }

    @Test func theCallersOwnTraceIsNotAdopted() throws {
        let rig = try Rig()
        let first = try open(rig, Self.ann)
        // Bob says Ann's trace, which he has learned somewhere, at ingress.
        let bobs = try open(rig, Self.bob, ["traceparent: 00-\(first.trace)-00f067aa0ba902b7-01"])
        #expect(bobs.trace != first.trace)
        #expect(try call(rig, first.trace).target.contains(rig.compartment(of: "acme")))
    }

    @Test func theSessionComesAlong() throws {
        let rig = try Rig()
        let session = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id: s-1"
        let run = try call(rig, try open(rig, Self.ann, [session]).trace)
        try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(run.recorded("session.id")?.isEmpty == false)
    }

    /// Where nobody listens to an agent, its exchanges are not kept in mind, so that what it was given then says nothing
    /// later either.
    @Test func whomNobodyHearsSpeaksForNobody() throws {
        let rig = try Rig()
        let before = try open(rig, Self.ann)
        rig.reload(without: ["stores", "both", "traces", "all", "booting", "checked"])
        let unheard = try open(rig, Self.ann)
        rig.reload(without: ["traces", "both", "all", "booting", "checked"])
        let after = try open(rig, Self.ann)
        rig.reload()
        #expect(try call(rig, before.trace).isForwarded)
        #expect(try call(rig, unheard.trace).reason == "trace_unknown")
        #expect(try call(rig, after.trace).isForwarded, "a listener for handles is enough")
        let handle = try #require(unheard.run.sent("authorization").first)
        let text = Rig.request("GET /a", host: "notes.local", ["Authorization: \(handle)"])
        #expect(try rig.run(text, on: "stores").reason == "handle_expired")
        #expect(try Rig(instance: 2).run(text, on: "stores").isForwarded, "another process has the listener")
    }

    /// What one exchange leaves for the next of the same grant is never another session's.
    @Test func sessionsAreToldApart() throws {
        let rig = try Rig()
        let header = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
        let exchanges = try ["s-1", "s-2", "s-1"].map { try open(rig, Self.ann, ["\(header): \($0)"]) }
        let plain = try open(rig, Self.ann)
        func session(_ exchange: Open) throws -> String? {
            let run = try call(rig, exchange.trace)
            try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return run.recorded("session.id")
        }
        let sessions = try exchanges.map(session)
        #expect(sessions[0] != nil && sessions[0] == sessions[2] && sessions[0] != sessions[1])
        #expect(try session(plain) == nil)
    }

    /// A request that was refused opens nothing.
    @Test func aRefusedRequestOpensNothing() throws {
        let rig = try Rig()
        let text = Rig.request("POST /nowhere", token: Self.ann, body: "{}")
        let run = try rig.run(text)
        #expect(!run.isForwarded && run.sent("traceparent").isEmpty)
    }
}
