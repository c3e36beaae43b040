// SPDX-License-Identifier: Apache-2.0
import GatewayRig
import Testing

/// An agent's calls outside any exchange are its own, in a compartment of its own, where the listener and a policy say so
/// (THREATS 7).
@Suite struct ServiceTests {
    private static let ann = Signer.pool.token(.ann)
    private static let policies = """
        @id("agents-begin")
        permit (principal == Service::"agent", action in Action::"memory", resource == Store::"notes");
        """

    private func rig(_ policies: String = ServiceTests.policies) throws -> Rig {
        var options = Rig.Options()
        options.policies = policies
        return try Rig(options)
    }

    private func call(_ rig: Rig, _ fields: [String] = [], on listener: String = "booting") throws -> Run {
        try rig.run(Rig.request("GET /a", host: "notes.local", fields), on: listener)
    }

    private func open(_ rig: Rig, host: String = "agent.local") throws -> Run {
        try rig.run(Rig.request("POST /invocations", host: host, token: Self.ann, body: "{}"))
    }

    private func end(_ run: Run) throws { try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") }

    @Test func itHasACompartmentOfItsOwn() throws {
        let rig = try rig()
        let run = try call(rig)
        let own = rig.compartment(of: "service:agent")
        #expect(run.target == "/tenants/\(own)/a")
        for tenant in ["acme", "globex", "service", "agent"] {
            #expect(!own.hasPrefix(rig.compartment(of: tenant)))
        }
        try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(run.recorded("tenancy.tenant.id") == "service:agent")
        #expect(run.recorded("tenancy.tier") == "basic")
        #expect(run.recorded("bulkhead.policy.ids") == "agents-begin")
        let mine = try rig.run(Rig.request("GET /a", host: "mine.local"), on: "booting")
        #expect(mine.reason == "policy_denied")
    }

    /// The policies that ship let no agent do anything by itself.
    @Test func noPolicyOfTenantsIsItsOwn() throws {
        let rig = try rig("")
        #expect(try call(rig).reason == "policy_denied")
        // A forbid for everybody holds for it too.
        let other = try self.rig(Self.policies + #"@id("no") forbid (principal, action, resource is Store);"#)
        #expect(try call(other).reason == "policy_denied")
    }

    @Test func onlyWhereTheListenerSaysSo() throws {
        let rig = try rig()
        for listener in ["stores", "both", "traces", "all", "others"] {
            #expect(try call(rig, on: listener).reason == "token_missing")
        }
    }

    /// What has lost its carrier on the way is a tenant's, and would lie where other tenants' lost calls read it.
    @Test func neverWhileAnExchangeIsOpen() throws {
        let rig = try rig()
        let (first, second) = (try open(rig), try open(rig))
        #expect(try call(rig).reason == "token_missing")
        rig.changeWorker()
        #expect(try call(rig).reason == "token_missing")
        try end(first)
        #expect(try call(rig).reason == "token_missing")
        try end(second)
        #expect(try call(rig).isForwarded)
        // Another agent's are none of its business.
        let other = try open(rig, host: "other.local")
        #expect(try call(rig).isForwarded)
        try end(other)
    }

    @Test func aCarrierThatFailsIsNotAbsent() throws {
        let rig = try rig()
        let run = try open(rig)
        let handle = try #require(run.sent("authorization").first)
        try end(run)
        // A trace that no exchange has is the agent's own.
        #expect(
            try call(rig, ["traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"])
                .isForwarded
        )
        #expect(try call(rig, ["Authorization: Bearer sk-dummy"]).isForwarded)
        #expect(try call(rig, ["Authorization: \(handle)"]).target.contains(rig.compartment(of: "acme")))
        #expect(try call(rig, ["Authorization: \(handle.dropLast(2))AA"]).reason == "handle_invalid")
        #expect(try call(rig, ["x-api-key: bhh1_AAAA"]).reason == "handle_invalid")
        // No header makes a caller the service of another agent.
        let claimed = try call(rig, ["x-tenant-id: globex", "baggage: tenancy.tenant.id=globex"])
        #expect(claimed.target.contains(rig.compartment(of: "service:agent")))
    }

    @Test func suspensionsAndReloadsLeaveItAlone() throws {
        let rig = try rig()
        #expect(try call(rig).isForwarded)
        rig.suspend("acme")
        #expect(try call(rig).isForwarded)
        rig.reload()
        #expect(try call(rig).isForwarded)
    }
}
