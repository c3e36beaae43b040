// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import GatewayRig
import HTTPTypes
import Identity
import Telemetry
import Testing

/// Machines that call with a certificate, on their way through the gateway.
@Suite struct CertificateTests {
    private static let ann = Signer.pool.token(.ann)

    private func call(
        _ rig: Rig,
        _ certificate: ClientCertificate?,
        token: String? = nil,
        _ fields: [String] = [],
        host: String = "agent.local",
        on listener: String = "machines",
        now: WallTime = Rig.now
    ) throws -> Run {
        let text = Rig.request("POST /invocations", host: host, token: token, fields, body: "{}")
        return try rig.run(text, on: listener, certificate: certificate, now: now)
    }

    @Test func isWhoItSays() throws {
        let rig = try Rig()
        let run = try call(rig, Mesh.certificate("/acme/robot"))
        #expect(run.isForwarded)
        #expect(run.sent("x-tenant-id") == ["acme"] && run.sent("x-user-id") == ["robot"])
        #expect(run.sent("authorization").first?.hasPrefix("Bearer bhh1_") == true)
        try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(run.recorded("tenancy.tenant.id") == "acme" && run.recorded("tenancy.user.id") == "robot")
        // What it made its agent is good at the agent's listeners, and for its tenant.
        let handle = String(try #require(run.sent("authorization").first).dropFirst(7))
        let store = try rig.run(Rig.request("GET /a", host: "notes.local", token: handle), on: "stores")
        #expect(store.target == "/tenants/\(rig.compartment(of: "acme"))/a")
    }

    @Test func agreesOrIsRefused() throws {
        let rig = try Rig()
        let robot = Mesh.certificate("/acme/ann")
        let both = try call(rig, robot, token: Self.ann)
        #expect(both.isForwarded && both.sent("x-user-id") == ["ann"])
        let cases: [(ClientCertificate?, String?, String)] = [
            (nil, nil, "token_missing"), (Mesh.certificate("/acme/robot"), Self.ann, "carriers_disagree"),
            (Mesh.certificate("/globex/ann"), Self.ann, "issuer_not_for_tenant"),
            (robot, Signer.pool.token(.bob.with("sub", #""ann""#)), "carriers_disagree"),
            (robot, Signer.idp.token(.cleo), "carriers_disagree"), (robot, "abc", "token_malformed"),
            (Mesh.certificate("/acme/ann", isForeign: true), Self.ann, "certificate_unmapped"),
            (Mesh.certificate("/acme"), nil, "certificate_unmapped"),
            (Mesh.certificate("/gone/ann"), nil, "issuer_not_for_tenant"),
            (Mesh.certificate("/nowhere/ann"), nil, "tenant_unknown"),
        ]
        for (certificate, token, reason) in cases {
            let run = try call(rig, certificate, token: token)
            #expect(run.reason == reason)
            #expect(run.records.count == 1 && run.recorded("error.type") == reason)
            #expect(
                rig.metrics().contains("bulkhead_refusals_total{route=\"agent\",reason=\"\(reason)\"}"),
                "\(reason)"
            )
        }
    }

    @Test func whatTheCallerIsTold() throws {
        let rig = try Rig()
        let unmapped = try call(rig, Mesh.certificate("/acme"))
        #expect(unmapped.status == 403 && unmapped.answered("x-bulkhead-reason") == ["certificate_unmapped"])
        let expired = try call(rig, Mesh.certificate("/acme/robot"), now: Rig.now + .seconds(3600))
        #expect(expired.status == 401 && expired.answered("x-bulkhead-reason") == ["certificate_expired"])
        #expect(expired.reason == "certificate_expired")
        for tenant in ["nowhere", "globex", "gone"] {
            let run = try call(rig, Mesh.certificate("/\(tenant)/robot"))
            #expect(run.status == 403 && run.answered("x-bulkhead-reason") == ["tenant_refused"], "\(tenant)")
        }
    }

    @Test func suspensionEndsIt() throws {
        let rig = try Rig()
        let robot = Mesh.certificate("/acme/robot")
        #expect(try call(rig, robot).isForwarded)
        rig.suspend("acme")
        #expect(try call(rig, robot).reason == "tenant_suspended")
        rig.resume("acme")
        #expect(try call(rig, robot).isForwarded)
    }

    @Test func isNoCarrierWhereTheListenerDoesNotAsk() throws {
        let rig = try Rig()
        #expect(try call(rig, Mesh.certificate("/acme/robot"), on: "ingress").reason == "token_missing")
        let run = try call(rig, Mesh.certificate("/acme/robot"), token: Self.ann, on: "ingress")
        #expect(run.isForwarded && run.sent("x-user-id") == ["ann"])
    }

    /// `forward_token` passes on a token that was verified, and nothing else that stands in its place.
    @Test func onlyAVerifiedTokenIsForwarded() throws {
        let rig = try Rig()
        let robot = Mesh.certificate("/acme/ann")
        let verified = try call(rig, robot, token: Self.ann, host: "raw.local")
        #expect(verified.sent("authorization") == ["Bearer \(Self.ann)"])
        for fields in [[], ["Authorization: Basic YTpi"], ["Authorization: Bearer"]] {
            let run = try call(rig, robot, fields, host: "raw.local")
            #expect(run.isForwarded)
            #expect(run.sent("authorization").allSatisfy { $0.hasPrefix("Bearer bhh1_") }, "\(fields)")
            #expect(!run.everythingSent.contains("YTpi"))
        }
        let twice = try call(rig, robot, token: Self.ann, ["Authorization: Basic YTpi"], host: "raw.local")
        #expect(!twice.everythingSent.contains("YTpi") && !twice.everythingSent.contains(Self.ann))
    }
}
