// SPDX-License-Identifier: Apache-2.0
import GatewayRig
import Identity
import Testing

/// A session id that comes back in a key has to be the identified principal's own (THREATS 4).
@Suite struct PayloadTests {
    private static let header = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"

    /// What the agent is given for a request of that caller: its handle, and the id of its session.
    private func exchange(_ rig: Rig, _ token: String, _ session: String) throws -> (
        handle: String, id: String
    ) {
        let run = try rig.run(
            Rig.request("POST /invocations", token: token, ["\(Self.header): \(session)"], body: "{}")
        )
        return (
            try #require(run.sent("authorization").first),
            try #require(run.sent(Self.header.lowercased()).first)
        )
    }

    private func call(_ rig: Rig, _ handle: String, _ path: String) throws -> Run {
        try rig.run(
            Rig.request("GET \(path)", host: "checked.local", ["Authorization: \(handle)"]),
            on: "checked"
        )
    }

    @Test func onesOwnPass() throws {
        let rig = try Rig()
        let (handle, id) = try exchange(rig, Signer.pool.token(.ann), "s-1")
        let (_, older) = try exchange(rig, Signer.pool.token(.ann.with("jti", #""older""#)), "s-0")
        for path in [
            "/\(id)", "/\(older)/a", "/x-\(id)-\(older)", "/a?session=\(id)", "/plain", "/bhs2-", "/bhs2-12",
        ] {
            #expect(try call(rig, handle, path).isForwarded, "\(path)")
        }
    }

    @Test func anothersAreRefused() throws {
        let rig = try Rig()
        let (ann, own) = try exchange(rig, Signer.pool.token(.ann), "s-1")
        let (_, bobs) = try exchange(rig, Signer.pool.token(.bob), "s-1")
        let (_, amys) = try exchange(rig, Signer.pool.token(.ann.with("sub", #""amy""#)), "s-1")
        let forged = own.dropLast(2) + (own.hasSuffix("00") ? "11" : "00")
        let halves = "\(own.prefix(37))\(bobs.suffix(32))"
        let made = "bhs2-" + String(repeating: "0", count: 64)
        for id in [bobs, amys, String(forged), halves, made] {
            for path in ["/\(id)", "/a/\(id)/b", "/x\(id)x", "/\(own)/\(id)", "/%62\(id.dropFirst())"] {
                let run = try call(rig, ann, path)
                #expect(run.reason == "session_foreign" && run.status == 403, "\(path)")
                #expect(run.recorded("error.type") == "session_foreign")
            }
        }
        // Where nobody asks, they are keys like any other, inside the caller's own compartment.
        let text = Rig.request("GET /\(bobs)", host: "notes.local", ["Authorization: \(ann)"])
        #expect(try rig.run(text, on: "stores").target == "/tenants/\(rig.compartment(of: "acme"))/\(bobs)")
    }

    /// It says whose it is, and yet speaks for nobody.
    @Test func aSessionIdIsNoCarrier() throws {
        let rig = try Rig()
        let (_, id) = try exchange(rig, Signer.pool.token(.ann), "s-1")
        for fields in [
            [], ["Authorization: Bearer \(id)"], ["x-api-key: \(id)"], ["baggage: bulkhead=\(id)"],
        ] {
            let text = Rig.request("GET /\(id)", host: "checked.local", fields)
            #expect(try rig.run(text, on: "checked").reason == "token_missing")
        }
    }
}
