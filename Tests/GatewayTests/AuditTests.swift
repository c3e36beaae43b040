// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Gateway
import GatewayRig
import JSON
import Testing

/// What goes to the audit log, and what never does.
@Suite struct AuditTests {
    private static let ann = Signer.pool.token(.ann)

    private func rig() throws -> Rig {
        var options = Rig.Options()
        options.audits = true
        return try Rig(options)
    }

    private func events(_ rig: Rig) throws -> [[String: String]] {
        let text = String(decoding: rig.gateway.takeAudit(), as: UTF8.self)
        return try text.split(separator: "\n").map { line in
            // The chain closes it.
            guard case .object(let members) = try JSONValue.parse((line + "}").utf8Span.span) else {
                return [:]
            }
            var event: [String: String] = [:]
            for (name, value) in members.members { if case .string(let text) = value { event[name] = text } }
            return event
        }
    }

    @Test func aLeakLeavesAnEvent() throws {
        let rig = try rig()
        let globex = rig.compartment(of: "globex")
        let run = try rig.run(
            Rig.request("PUT /a", host: "notes.local", token: Self.ann, body: "x"),
            on: "direct"
        )
        let place = "/tenants/\(globex)/marrow-of-globex"
        try run.respond("HTTP/1.1 201 Created\r\nContent-Length: 0\r\nLocation: \(place)\r\n\r\n")
        #expect(run.reason == "foreign_object")
        let event = try #require(try events(rig).first)
        #expect(!event.values.contains { $0.contains("marrow") || $0.contains("globex") })
        #expect(event["event"] == "leak_stopped")
        #expect(event["tenancy.tenant.id"] == "acme")
        #expect(event["bulkhead.route"] == "notes")
        #expect(event["bulkhead.operation"] == "put")
        #expect(event["bulkhead.leak.rewrite"] == "location")
        #expect(event["bulkhead.leak.owner"] == "\(SHA256.hash(globex.utf8Span.span))")
        #expect(event["trace_id"] == run.recorded("trace_id"))
        #expect(rig.gateway.takeAudit().isEmpty)
    }

    @Test func soDoesWhatNobodySendsByMistake() throws {
        let rig = try rig()
        _ = try rig.run(Rig.request("GET /a", host: "notes.local", ["x-api-key: bhh1_AAAA"]), on: "stores")
        let event = try #require(try events(rig).first)
        #expect(event["event"] == "attack_refused" && event["error.type"] == "handle_invalid")
        #expect(event["tenancy.tenant.id"] == nil)
        // Mistakes are none.
        _ = try rig.run(Rig.request("GET /a", host: "notes.local"), on: "stores")
        _ = try rig.run(Rig.request("GET /a", host: "nowhere.local", token: Self.ann))
        #expect(try events(rig).isEmpty)
    }

    @Test func withoutALogThereIsNone() throws {
        let rig = try Rig()
        _ = try rig.run(Rig.request("GET /a", host: "notes.local", ["x-api-key: bhh1_AAAA"]), on: "stores")
        #expect(rig.gateway.takeAudit().isEmpty)
    }
}
