// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import GatewayRig
import Identity
import Testing

/// Requests to an agent whose endpoints are leased, and the calls that come from one (THREATS 1, 2).
@Suite struct LeaseTests {
    private static let ann = Signer.pool.token(.ann)
    private static let bob = Signer.pool.token(.bob)

    private func invoke(_ rig: Rig, _ token: String) throws -> Run {
        let text = Rig.request("POST /invocations", host: "cells.local", token: token, body: "{}")
        return try rig.run(text, meetsNeeds: false)
    }

    private func claim(_ run: Run) -> LeaseClaim? {
        if case .need(.lease(let need)) = run.action { need.claim } else { nil }
    }

    private func call(_ rig: Rig, _ fields: [String] = [], now: WallTime = Rig.now) throws -> Run {
        try rig.run(Rig.request("GET /a", host: "notes.local", fields), on: "cell-0", now: now)
    }

    @Test func anEndpointIsTheLastThingThatIsAskedFor() throws {
        let rig = try Rig()
        let (first, second) = (try invoke(rig, Self.ann), try invoke(rig, Self.ann))
        let claims = [try #require(claim(first)), try #require(claim(second))]
        #expect(claims[0].principal.tenant.text == "acme" && claims[0].ticket != claims[1].ticket)
        #expect(
            first.exchange.upstream == first.exchange.route?.upstream && first.exchange.leaseTicket == nil
        )
        first.resume(.leased(upstream: 77))
        #expect(first.isForwarded && first.needs.count == 1)
        #expect(first.exchange.upstream == 77 && first.exchange.leaseTicket == claims[0].ticket)
        // It was rewritten once.
        #expect(first.sent("traceparent").count == 1 && first.sent("authorization").count == 1)
    }

    @Test func withoutOneItIsRefused() throws {
        let rig = try Rig()
        let run = try invoke(rig, Self.ann)
        run.resume(.failed(.leaseUnavailable))
        #expect(run.reason == "lease_unavailable" && run.status == 503 && run.records.count == 1)
        #expect(run.exchange.leaseTicket == nil)
        #expect(rig.metrics().contains("{route=\"cells\",reason=\"lease_unavailable\"} 1\n"))
    }

    @Test func aRefusedRequestWantsNone() throws {
        let rig = try Rig()
        let text = Rig.request("POST /nowhere", host: "cells.local", token: Self.ann, body: "{}")
        #expect(try rig.run(text, meetsNeeds: false).needs.isEmpty)
    }

    @Test func callsAreWhoseTheEndpointIs() throws {
        let rig = try Rig()
        #expect(try call(rig).reason == "lease_idle")
        for (token, tenant) in [(Self.ann, "acme"), (Self.bob, "globex")] {
            let holder = try #require(claim(try invoke(rig, token)))
            rig.endpoints.hold("cells/0", holder.principal, session: nil)
            #expect(try call(rig).target == "/tenants/\(rig.compartment(of: tenant))/a")
            rig.endpoints.rest("cells/0", until: Rig.now + .seconds(60))
            #expect(try call(rig, now: Rig.now + .seconds(59)).isForwarded)
            #expect(try call(rig, now: Rig.now + .seconds(60)).reason == "lease_idle")
        }
        rig.endpoints.clear("cells/0")
        #expect(try call(rig).reason == "lease_idle")
    }

    @Test func everyCarrierMustAgree() throws {
        let rig = try Rig()
        let holder = try #require(claim(try invoke(rig, Self.ann)))
        rig.endpoints.hold("cells/0", holder.principal, session: nil)
        let handles = try [Self.ann, Self.bob].map { token in
            let run = try invoke(rig, token)
            run.resume(.leased(upstream: 0))
            return try #require(run.sent("authorization").first)
        }
        #expect(try call(rig, ["Authorization: \(handles[0])"]).isForwarded)
        #expect(try call(rig, ["Authorization: \(handles[1])"]).reason == "carriers_disagree")
        // A lease that is over refuses, whatever else is there.
        rig.endpoints.clear("cells/0")
        #expect(try call(rig, ["Authorization: \(handles[0])"]).reason == "lease_idle")
    }

    @Test func aSuspensionEndsIt() throws {
        let rig = try Rig()
        let holder = try #require(claim(try invoke(rig, Self.ann)))
        rig.endpoints.hold("cells/0", holder.principal, session: nil)
        rig.suspend("acme")
        #expect(try call(rig).reason == "tenant_suspended")
    }
}
