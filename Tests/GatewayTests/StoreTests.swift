// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import GatewayRig
import HTTPTypes
import Identity
import Namespaces
import Telemetry
import Testing

/// The agent's own calls: whose they are, and where they end up.
@Suite struct StoreTests {
    private static let ann = Signer.pool.token(.ann)
    private static let bob = Signer.pool.token(.bob)

    /// Each slot in which client libraries can be made to carry something.
    enum Slot: String, CaseIterable, Sendable {
        case bearer, authorization, xAPIKey, apiKey, baggage

        func field(_ handle: String) -> String {
            switch self {
            case .bearer: "Authorization: Bearer \(handle)"
            case .authorization: "Authorization: \(handle)"
            case .xAPIKey: "X-API-Key: \(handle)"
            case .apiKey: "api-key: \(handle)"
            case .baggage: "baggage: a=b,bulkhead=\(handle)"
            }
        }
    }

    @Test(arguments: Slot.allCases)
    func aHandleIsAcceptedAndConsumed(_ slot: Slot) throws {
        let rig = try Rig()
        let handle = try rig.handle(Self.ann)
        for host in ["notes.local", "mine.local", "chroma.local"] {
            let line = host == "chroma.local" ? "GET /api/v2/tenants/default_tenant" : "GET /a/b"
            let run = try rig.run(Rig.request(line, host: host, [slot.field(handle)]), on: "stores")
            #expect(run.isForwarded, "\(host): \(run.reason ?? "")")
            #expect(!run.everythingSent.contains(handle))
            for name in ["authorization", "x-api-key", "api-key", "baggage", "traceparent"] {
                #expect(run.sent(name).isEmpty, "\(host): \(name)")
            }
            #expect(run.exchange.principal?.tenant.text == "acme")
            #expect(run.exchange.principal?.user.text == "ann")
        }
    }

    /// A dummy key beside it is none; it does not leave either.
    @Test func whatIsNoCarrierIsDropped() throws {
        let rig = try Rig()
        let handle = try rig.handle(Self.ann)
        let run = try rig.run(
            Rig.request(
                "GET /a",
                host: "notes.local",
                ["Authorization: Basic dGVzdA==", "x-api-key: dummy", "baggage: bulkhead=\(handle)"]
            ),
            on: "stores"
        )
        #expect(run.isForwarded)
        #expect(run.sent("authorization").isEmpty)
        #expect(run.sent("x-api-key").isEmpty)
    }

    struct Attack: Sendable, CustomTestStringConvertible {
        var name: String
        var code: String
        var seen: String
        var status: UInt16
        /// Of two handles: ann's and bob's, in that order, then of ann's at the other agent.
        var fields: @Sendable (_ ann: String, _ bob: String, _ elsewhere: String) -> [String]
        var listener = "stores"
        var testDescription: String { name }
    }

    static let attacks: [Attack] = [
        Attack(name: "nothing", code: "token_missing", seen: "token_missing", status: 401) { _, _, _ in [] },
        Attack(name: "a tenant's name", code: "token_missing", seen: "token_missing", status: 401) {
            _,
            _,
            _ in
            ["x-tenant-id: acme"]
        },
        Attack(name: "two people", code: "carriers_disagree", seen: "carriers_disagree", status: 403) {
            ann,
            bob,
            _ in
            ["Authorization: Bearer \(ann)", "x-api-key: \(bob)"]
        },
        Attack(
            name: "two people, once in the baggage",
            code: "carriers_disagree",
            seen: "carriers_disagree",
            status: 403
        ) { ann, bob, _ in
            ["x-api-key: \(ann)", "baggage: bulkhead=\(bob)"]
        },
        Attack(
            name: "two people in one field",
            code: "carriers_disagree",
            seen: "carriers_disagree",
            status: 403
        ) { ann, bob, _ in
            ["x-api-key: \(ann)", "x-api-key: \(bob)"]
        },
        Attack(
            name: "two people in one baggage",
            code: "carriers_disagree",
            seen: "carriers_disagree",
            status: 403
        ) { ann, bob, _ in
            ["baggage: bulkhead=\(ann),bulkhead=\(bob)"]
        },
        Attack(name: "a good and a broken one", code: "handle_invalid", seen: "handle_refused", status: 401) {
            ann,
            _,
            _ in
            ["Authorization: Bearer \(ann)", "x-api-key: \(ann.dropLast(2))AA"]
        },
        Attack(name: "of another agent", code: "handle_foreign", seen: "handle_refused", status: 401) {
            _,
            _,
            elsewhere in ["Authorization: Bearer \(elsewhere)"]
        },
        Attack(
            name: "at another agent",
            code: "handle_foreign",
            seen: "handle_refused",
            status: 401,
            fields: { ann, _, _ in ["Authorization: Bearer \(ann)"] },
            listener: "others"
        ),
        Attack(
            name: "a token where only handles are taken",
            code: "token_missing",
            seen: "token_missing",
            status: 401,
            fields: { _, _, _ in ["Authorization: Bearer \(StoreTests.ann)"] }
        ),
        Attack(
            name: "a handle at ingress",
            code: "token_malformed",
            seen: "token_malformed",
            status: 401,
            fields: { ann, _, _ in ["Authorization: Bearer \(ann)"] },
            listener: "direct"
        ),
        Attack(
            name: "a handle beside someone else's token",
            code: "carriers_disagree",
            seen: "carriers_disagree",
            status: 403,
            fields: { ann, _, _ in ["Authorization: Bearer \(StoreTests.bob)", "x-api-key: \(ann)"] },
            listener: "both"
        ),
        Attack(
            name: "a handle beside a bad token of the same person",
            code: "signature_invalid",
            seen: "signature_invalid",
            status: 401,
            fields: { ann, _, _ in
                ["Authorization: Bearer \(Signer.stranger.token(.ann))", "x-api-key: \(ann)"]
            },
            listener: "both"
        ),
    ]

    @Test(arguments: attacks)
    func isRefused(_ attack: Attack) throws {
        let rig = try Rig()
        let fields = try attack.fields(
            rig.handle(Self.ann),
            rig.handle(Self.bob),
            rig.handle(Self.ann, host: "other.local")
        )
        let run = try rig.run(Rig.request("GET /a", host: "notes.local", fields), on: attack.listener)
        #expect(run.reason == attack.code)
        #expect(run.answered("x-bulkhead-reason") == [attack.seen])
        #expect(run.status == attack.status)
        #expect(run.records.count == 1)
        #expect(rig.metrics().contains("{route=\"notes\",reason=\"\(attack.code)\"} 1\n"))
    }

    @Test func aHandleBesideItsOwnersToken() throws {
        let rig = try Rig()
        let handle = try rig.handle(Self.ann)
        let run = try rig.run(
            Rig.request("GET /a", host: "notes.local", token: Self.ann, ["x-api-key: \(handle)"]),
            on: "both"
        )
        #expect(run.isForwarded)
    }

    @Test func handlesEnd() throws {
        let rig = try Rig()
        let handle = try rig.handle(Self.ann)
        let text = Rig.request("GET /a", host: "notes.local", token: handle)
        #expect(try rig.run(text, on: "stores", now: Rig.now + .seconds(30)).isForwarded)
        // Beyond the token's life nothing helps.
        let late = try rig.run(text, on: "stores", now: Rig.now + .seconds(3600 + 60))
        #expect(late.reason == "handle_expired")
        #expect(late.answered("x-bulkhead-reason") == ["handle_refused"])
    }

    /// The session of the exchange at ingress is known to its calls.
    @Test func theSessionComesAlong() throws {
        let rig = try Rig()
        let handle = try rig.handle(Self.ann, ["X-Amzn-Bedrock-AgentCore-Runtime-Session-Id: s-1"])
        let run = try rig.run(Rig.request("GET /a", host: "notes.local", token: handle), on: "stores")
        try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(run.recorded("session.id")?.isEmpty == false)
        #expect(!run.records[0].contains("s-1"))
    }

    // MARK: where it ends up

    @Test func pathsLandInTheCompartment() throws {
        let rig = try Rig()
        let acme = rig.compartment(of: "acme")
        for (path, expected) in [
            ("/", "/tenants/\(acme)/"), ("/a", "/tenants/\(acme)/a"),
            ("/a/b/?x=1", "/tenants/\(acme)/a/b/?x=1"),
            (
                "/tenants/\(rig.compartment(of: "globex"))/a",
                "/tenants/\(acme)/tenants/\(rig.compartment(of: "globex"))/a"
            ),
        ] {
            let run = try rig.run(
                Rig.request("GET \(path)", host: "notes.local", token: Self.ann),
                on: "direct"
            )
            #expect(run.target == expected)
        }
        for path in ["/../globex", "/a/%2e%2e/b", "/a/..%2fb", "/a/./b", "//a", "/a%00", "/a\\b"] {
            guard
                let run = try? rig.run(
                    Rig.request("GET \(path)", host: "notes.local", token: Self.ann),
                    on: "direct"
                ), run.isForwarded
            else { continue }
            #expect(run.target.hasPrefix("/tenants/\(acme)/"), "\(path)")
            #expect(!run.target.contains(".."), "\(path)")
        }
    }

    @Test func locationsComeBackWithoutTheCompartment() throws {
        let rig = try Rig()
        let acme = rig.compartment(of: "acme")
        let globex = rig.compartment(of: "globex")
        func answer(_ location: String) throws -> Run {
            let run = try rig.run(
                Rig.request("PUT /a", host: "notes.local", token: Self.ann, body: "x"),
                on: "direct"
            )
            try run.respond("HTTP/1.1 201 Created\r\nContent-Length: 0\r\nLocation: \(location)\r\n\r\n")
            return run
        }
        #expect(try answer("/tenants/\(acme)/b").answered("location") == ["/b"])
        #expect(try answer("http://127.0.0.1:8100/tenants/\(acme)/b").answered("location") == ["/b"])
        #expect(try answer("/elsewhere").answered("location").isEmpty)
        let leak = try answer("/tenants/\(globex)/b")
        #expect(leak.status == 502)
        #expect(leak.reason == "foreign_object")
        #expect(leak.answered("x-bulkhead-reason") == ["response_invalid"])
        #expect(rig.value(.leaksStopped) == 1)
    }

    @Test func usersOfOneTenantAreApartWhereTheScopeSaysSo() throws {
        let rig = try Rig()
        func target(_ token: String) throws -> String {
            try rig.run(Rig.request("GET /a", host: "mine.local", token: token), on: "direct").target
        }
        let ann = try target(Self.ann)
        #expect(try target(Signer.pool.token(.ann.with("jti", #""3""#))) == ann)
        #expect(try target(Signer.pool.token(.ann.with("sub", #""amy""#))) != ann)
        #expect(try target(Self.bob) != ann)
    }

    @Test func chromaSealsWhatTheServerInvents() throws {
        let rig = try Rig()
        let acme = rig.compartment(of: "acme")
        let path = "/api/v2/tenants/default_tenant/databases/default_database/collections"
        let create = try rig.run(
            Rig.request(
                "POST \(path)",
                host: "chroma.local",
                token: Self.ann,
                ["Content-Type: application/json"],
                body: #"{"name":"docs","get_or_create":false}"#
            ),
            on: "direct"
        )
        #expect(create.isForwarded)
        #expect(create.target.contains("/tenants/\(acme)/"))
        let id = "6f1ee5a8-1111-4222-8333-444455556666"
        let body = #"{"id":"\#(id)","name":"docs","tenant":"\#(acme)","database":"default_database"}"#
        try create.respond(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        #expect(create.status == 200)
        #expect(!create.answerBody.contains(id))
        #expect(!create.answerBody.contains(acme))
        let visible = try #require(create.answerBody.split(separator: #""id":""#).last?.prefix(36))
        func get(_ token: String, _ id: some StringProtocol) throws -> Run {
            try rig.run(
                Rig.request("GET \(path)/by-id/\(id)", host: "chroma.local", token: token),
                on: "direct"
            )
        }
        let own = try get(Self.ann, visible)
        #expect(own.target.hasSuffix(id))
        // Another's id and an id that nobody has: one answer, and nothing is sent.
        let foreign = try get(Self.bob, visible)
        let unknown = try get(Self.bob, "6f1ee5a8-9999-4222-8333-444455556666")
        #expect(foreign.reason == "id_unknown")
        #expect(foreign.status == 404)
        #expect(unknown.reason == "id_unknown")
        #expect(
            foreign.answerBody.replacing(visible, with: "")
                == unknown.answerBody.replacing("6f1ee5a8-9999-4222-8333-444455556666", with: "")
        )
        // An answer that bears another's stamp is held back.
        let leaked = try get(Self.ann, visible)
        let theirs = body.replacing(acme, with: rig.compartment(of: "globex"))
        try leaked.respond(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(theirs.utf8.count)\r\n\r\n\(theirs)"
        )
        #expect(leaked.status == 502)
        #expect(leaked.reason == "foreign_object")
        #expect(!leaked.answerBody.contains("docs"))
    }
}
