// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import GatewayRig
import Glibc
import HTTPTypes
import Identity
import Namespaces
import Telemetry
import Testing

/// Random requests of two tenants: whatever leaves is in the sender's own compartment, and in no other.
@Suite struct CompartmentPropertyTests {
    /// SplitMix64; `BULKHEAD_SEED` runs one again.
    struct Dice: RandomNumberGenerator {
        private var state: UInt64

        init() {
            // Safe because nothing in the tests changes the environment.
            let given = unsafe getenv("BULKHEAD_SEED").flatMap { unsafe UInt64(String(cString: $0)) }
            state = given ?? UInt64.random(in: 0 ... .max)
            print("seed of CompartmentPropertyTests: \(state)")
        }

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }

        mutating func pick<T>(_ items: [T]) -> T { items[Int(next() % UInt64(items.count))] }
        mutating func chance(_ percent: UInt64) -> Bool { next() % 100 < percent }
    }

    struct Sender {
        var name: String
        var code: String
        var token: String
    }

    @Test func nothingLeavesItsCompartment() throws {
        var dice = Dice()
        let rig = try Rig()
        let senders = [
            Sender(name: "acme", code: rig.compartment(of: "acme"), token: Signer.pool.token(.ann)),
            Sender(name: "globex", code: rig.compartment(of: "globex"), token: Signer.pool.token(.bob)),
        ]
        var forwarded = 0
        var refused = 0
        for _ in 0..<3000 {
            let turn = Int(dice.next() % 2)
            let (own, other) = (senders[turn], senders[1 - turn])
            let text =
                dice.chance(50) ? rest(&dice, own, other, rig) : chroma(&dice, own, other)
            // Heads that the parser refuses never reach the gateway.
            guard let run = try? rig.run(text, on: "direct") else { continue }
            if run.isForwarded {
                forwarded += 1
                #expect(run.target.contains("/\(own.code)"), "\(text) -> \(run.target)")
                // What the caller wrote into an opaque part (a key, a body) is theirs; the place is what counts.
                let place = compartments(in: run.target, senders)
                #expect(place.first == own.code, "\(text) -> \(run.target)")
                try run.respond("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            } else {
                refused += 1
            }
            #expect(run.records.count == 1, "\(text)")
            #expect(run.exchange.principal?.tenant.text ?? own.name == own.name)
        }
        #expect(forwarded > 300)
        #expect(refused > 300)
        #expect(rig.value(.requestsBegun) == rig.value(.recordsWritten))
    }

    /// In the order in which they stand.
    private func compartments(in target: String, _ senders: [Sender]) -> [String] {
        target.split(separator: "/").map(String.init).filter { part in senders.contains { $0.code == part } }
    }

    private func rest(_ dice: inout Dice, _ own: Sender, _ other: Sender, _ rig: Rig) -> String {
        let parts = [
            "a", "tenants", other.code, other.name, "..", ".", "%2e%2e", "%2F", "%252e", "b c", "%00", "",
            "é",
            "x-tenant-id", "..%2f..", ";", "a;tenant=\(other.name)", "%5c..",
        ]
        var path = ""
        for _ in 0..<Int(dice.next() % 5) { path += "/" + dice.pick(parts) }
        if path.isEmpty { path = "/" }
        if dice.chance(30) { path += "?tenant=\(other.code)&x=/../\(other.name)" }
        let method = dice.pick(["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS"])
        return Rig.request(
            "\(method) \(path)",
            host: "notes.local",
            token: own.token,
            fields(&dice, other),
            body: method == "PUT" || method == "POST" ? "body of \(own.name)" : ""
        )
    }

    private func chroma(_ dice: inout Dice, _ own: Sender, _ other: Sender) -> String {
        let tenant = dice.pick([
            "default_tenant", own.name, own.name, "default_tenant", other.name, other.code, own.code, "..",
            "%64efault_tenant",
        ])
        let database = dice.pick(["default_database", "db", other.code, "..", "a%2Fb"])
        let id = dice.pick(["6f1ee5a8-1111-4222-8333-444455556666", "docs", other.code, other.name])
        let base = "/api/v2/tenants/\(tenant)/databases"
        let (method, path) = dice.pick([
            ("GET", "/api/v2/tenants/\(tenant)"), ("GET", base), ("GET", "\(base)/\(database)"),
            ("GET", "\(base)/\(database)/collections"), ("GET", "\(base)/\(database)/collections/\(id)"),
            ("GET", "\(base)/\(database)/collections/by-id/\(id)"),
            ("POST", "\(base)/\(database)/collections"), ("POST", "\(base)"), ("GET", "/api/v1/\(tenant)"),
            ("POST", "\(base)/\(database)/collections/\(id)/query"), ("DELETE", "\(base)/\(database)"),
        ])
        let body = dice.pick([
            #"{"name":"docs"}"#, #"{"name":"docs","tenant":"\#(other.code)"}"#, #"{"name":"\#(other.code)"}"#,
            "{}",
            #"{"name":"a","name":"b"}"#, "[", #"{"n\u0061me":"docs"}"#,
        ])
        return Rig.request(
            "\(method) \(path)",
            host: "chroma.local",
            token: own.token,
            fields(&dice, other) + (method == "POST" ? ["Content-Type: application/json"] : []),
            body: method == "POST" ? body : ""
        )
    }

    private func fields(_ dice: inout Dice, _ other: Sender) -> [String] {
        var fields: [String] = []
        if dice.chance(30) { fields.append("X_Tenant_Id: \(other.name)") }
        if dice.chance(20) { fields.append("X-Forwarded-Prefix: /tenants/\(other.code)") }
        if dice.chance(20) { fields.append("X-Original-URL: /tenants/\(other.code)/a") }
        if dice.chance(10) { fields.append("Content-Location: /tenants/\(other.code)/a") }
        return fields
    }
}
