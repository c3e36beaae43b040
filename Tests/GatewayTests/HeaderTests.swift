// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import GatewayRig
import HTTPTypes
import Identity
import Namespaces
import Telemetry
import Testing

/// What goes to an agent, and what never does (THREATS 3, 6).
@Suite struct HeaderTests {
    private static let ann = Signer.pool.token(.ann)
    private static let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test(arguments: [
        "x-tenant-id", "X-Tenant-Id", "X_Tenant_Id", "x_tenant-id", "X-TENANT_ID", "x-tenant-tier",
        "X_TENANT_TIER",
        "x-user-id", "X_User_ID", "x-tenant-anything", "X-BULKHEAD-CONTEXT", "x_bulkhead_context",
        "X-Bulkhead-Whatever",
    ])
    func spoofedFieldsAreStripped(_ name: String) throws {
        let rig = try Rig()
        let run = try rig.run(
            Rig.request(
                "POST /invocations",
                token: Self.ann,
                ["\(name): globex", "\(name): globex", "X-Amzn-Bedrock-AgentCore-Runtime-Request-Id: r1"],
                body: "{}"
            )
        )
        #expect(run.isForwarded)
        #expect(!run.everythingSent.contains("globex"))
        #expect(run.sent("x-tenant-id") == ["acme"])
        #expect(run.sent("x-tenant-tier") == ["basic"])
        #expect(run.sent("x-user-id") == ["ann"])
        #expect(run.sent("x-bulkhead-context").count == 1)
        #expect(run.sent("x-amzn-bedrock-agentcore-runtime-request-id") == ["r1"])
    }

    /// Servers that fold dots as well must not be fooled: a field with dots either goes away or is refused.
    @Test func dotsAreNoWayRound() throws {
        let rig = try Rig()
        let run = try rig.run(
            Rig.request("POST /invocations", token: Self.ann, ["x.tenant.id: globex"], body: "{}")
        )
        #expect(!run.everythingSent.contains("globex"))
    }

    @Test(arguments: ["agent.local", "other.local"])
    func theHandleTakesTheTokensPlace(_ host: String) throws {
        let rig = try Rig()
        let run = try rig.run(
            Rig.request(
                "POST /invocations",
                host: host,
                token: Self.ann,
                [
                    "x-api-key: caller-key", "api-key: caller-key",
                    "baggage: bulkhead=forged,a=b,tenancy.tenant.id=globex",
                ],
                body: "{}"
            )
        )
        #expect(run.isForwarded)
        #expect(!run.everythingSent.contains(Self.ann))
        #expect(!run.everythingSent.contains("caller-key"))
        #expect(!run.everythingSent.contains("forged"))
        #expect(!run.everythingSent.contains("globex"))
        let handle = try #require(run.sent("authorization").first?.dropFirst(7))
        #expect(run.sent("authorization").count == 1)
        let baggage = run.sent("baggage").joined(separator: ",")
        #expect(baggage.contains("bulkhead=\(handle)"))
        #expect(baggage.contains("tenancy.tenant.id=acme"))
        #expect(baggage.contains("tenancy.tier=basic"))
        #expect(baggage.contains("a=b"))
        #expect(run.sent("x-api-key").isEmpty)
        #expect(run.sent("api-key").isEmpty)
        // A secret of this exchange stands in no record.
        try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(!run.records[0].contains(handle))
    }

    @Test func handlesDifferByExchange() throws {
        let rig = try Rig()
        #expect(try rig.handle(Self.ann) != rig.handle(Self.ann))
    }

    @Test func theTokenIsForwardedOnlyWhereTheRouteSaysSo() throws {
        let rig = try Rig()
        let run = try rig.run(
            Rig.request("POST /invocations", host: "raw.local", token: Self.ann, body: "{}")
        )
        #expect(run.sent("authorization") == ["Bearer \(Self.ann)"])
        // The handle still comes along, in the baggage.
        #expect(run.sent("baggage").joined().contains("bulkhead="))
    }

    /// The caller's trace could name another's; the minted one is a secret of the agent's.
    @Test func tracesAreMinted() throws {
        let rig = try Rig()
        let run = try rig.run(
            Rig.request(
                "POST /invocations",
                token: Self.ann,
                ["traceparent: \(Self.trace)", "tracestate: a=b", "b3: 1-2-3"],
                body: "{}"
            )
        )
        let minted = try #require(run.sent("traceparent").first)
        #expect(run.sent("traceparent").count == 1)
        #expect(!run.everythingSent.contains("0af7651916cd43dd8448eb211c80319c"))
        #expect(run.sent("tracestate").isEmpty)
        #expect(run.sent("b3").isEmpty)
        try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\ntraceparent: \(minted)\r\n\r\n")
        let traceID = minted.split(separator: "-")[1]
        #expect(!run.records[0].contains(traceID))
        #expect(run.recorded("trace_id")?.count == 32)
        #expect(run.answered("traceparent").isEmpty)
    }

    @Test func whatOnlyAProxyMaySayIsDropped() throws {
        let rig = try Rig()
        let fields = [
            "Forwarded: for=10.0.0.1", "X-Forwarded-For: 10.0.0.1", "X-Forwarded-Host: evil",
            "X-Real-IP: 10.0.0.1",
            "X-Original-URL: /admin", "X-Rewrite-URL: /admin", "X-HTTP-Method-Override: DELETE",
            "Cookie: s=1",
            "WorkloadAccessToken: t", "X-Amzn-Anything: x", "X_Forwarded_For: 10.0.0.1",
            "X_Real_IP: 10.0.0.1",
            "X_Original-URL: /admin", "X_HTTP_Method_Override: DELETE", "Mcp_Session_Id: s",
            "X_Amzn_Anything: x",
        ]
        let run = try rig.run(Rig.request("POST /invocations", token: Self.ann, fields, body: "{}"))
        #expect(run.isForwarded)
        for field in fields {
            let name = field.prefix { $0 != ":" }.lowercased()
            #expect(run.sent(name).isEmpty, "\(name)")
        }
    }

    // MARK: sessions

    @Test func sessionsAreVirtualAndMappedBack() throws {
        let rig = try Rig()
        let name = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
        func session(_ token: String, _ id: String) throws -> (Run, String) {
            let run = try rig.run(
                Rig.request("POST /invocations", token: token, ["\(name): \(id)"], body: "{}")
            )
            return (run, try #require(run.sent(name.lowercased()).first))
        }
        let (run, virtual) = try session(Self.ann, "s-1")
        #expect(virtual.hasPrefix("bhs2-"))
        #expect(!run.everythingSent.contains("s-1\n"))
        try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\(name): \(virtual)\r\n\r\n")
        #expect(run.answered(name.lowercased()) == ["s-1"])
        // The same again; another for another user, tenant or id.
        #expect(try session(Self.ann, "s-1").1 == virtual)
        #expect(try session(Self.ann, "s-2").1 != virtual)
        #expect(try session(Signer.pool.token(.bob), "s-1").1 != virtual)
        #expect(try session(Signer.pool.token(.ann.with("sub", #""amy""#)), "s-1").1 != virtual)
        // One that comes back and was not this caller's says nothing.
        let (other, foreign) = try session(Signer.pool.token(.bob), "s-1")
        try other.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\(name): \(virtual)\r\n\r\n")
        #expect(foreign != virtual)
        #expect(other.answered(name.lowercased()).isEmpty)
    }

    /// Servers fold what looks like one name to them: no spelling carries a session past the door.
    @Test(arguments: [
        "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id", "X_Amzn_Bedrock_AgentCore_Runtime_Session_Id",
        "x-amzn-bedrock-agentcore-runtime_session-id", "X-Thread-Id", "X_Thread_Id", "x_thread-id",
    ])
    func noSpellingOfASessionPasses(_ name: String) throws {
        let rig = try Rig()
        for fields in [["\(name): victim"], ["\(name): victim", "\(name): victim"]] {
            let run = try rig.run(
                Rig.request("POST /invocations", host: "other.local", token: Self.ann, fields, body: "{}")
            )
            #expect(!run.everythingSent.contains("victim"))
        }
    }

    @Test func configuredSessionsAreMappedBack() throws {
        let rig = try Rig()
        let run = try rig.run(
            Rig.request(
                "POST /invocations",
                host: "other.local",
                token: Self.ann,
                ["X-Thread-Id: t-1"],
                body: "{}"
            )
        )
        let virtual = try #require(run.sent("x-thread-id").first)
        #expect(virtual.hasPrefix("bhs2-"))
        try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Thread-Id: \(virtual)\r\n\r\n")
        #expect(run.answered("x-thread-id") == ["t-1"])
    }

    @Test func aUserOfTheCallersOwnIsReplaced() throws {
        let rig = try Rig()
        let name = "X-Amzn-Bedrock-AgentCore-Runtime-User-Id"
        let run = try rig.run(
            Rig.request("POST /invocations", token: Self.ann, ["\(name): bob"], body: "{}")
        )
        #expect(run.sent(name.lowercased()) == ["ann"])
    }

    // MARK: responses

    @Test func ourOwnFieldsDoNotLeave() throws {
        let rig = try Rig()
        let run = try rig.run(Rig.request("POST /invocations", token: Self.ann, body: "{}"))
        try run.respond(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nX-Tenant-Id: acme\r\n"
                + "x_bulkhead_context: t\r\nBaggage: a=b\r\nTraceparent: \(Self.trace)\r\nTracestate: a=b\r\n"
                + "X-User-Id: ann\r\nSet-Cookie: s=1\r\n\r\nok"
        )
        #expect(run.answerBody == "ok")
        #expect(run.status == 200)
        let names = Set(run.answered.map(\.name))
        #expect(names.isSubset(of: ["content-type", "content-length", "date"]), "\(names)")
        #expect(run.recorded("bulkhead.outcome") == "allowed")
        #expect(run.recorded("http.response.body.size") == "2")
    }
}
