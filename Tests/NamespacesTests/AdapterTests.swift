// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
import Namespaces
import TestSupport
import Testing

@Suite struct RESTTests {
    let adapter: Adapter
    let acme: AdapterScope

    init() throws {
        adapter = try Rig.adapter("rest")
        acme = try Rig.scope(adapter, "acme")
    }

    @Test(arguments: [
        ("/", "/tenants/t4acme/"), ("/a", "/tenants/t4acme/a"), ("/a/b/", "/tenants/t4acme/a/b/"),
        ("/a%20b/c%3Ad", "/tenants/t4acme/a%20b/c%3Ad"),
        ("/a?x=1&x=2&y=%2F", "/tenants/t4acme/a?x=1&x=2&y=%2F"),
        ("/tenants/t6globex/a", "/tenants/t4acme/tenants/t6globex/a"), ("/%61", "/tenants/t4acme/a"),
        ("/a?", "/tenants/t4acme/a?"), ("/100%25", "/tenants/t4acme/100%25"),
    ])
    func putsEveryPathInside(_ target: String, _ store: String) throws {
        for (method, action) in [
            (HTTPTypes.Method.get, "memory:Read"), (.head, "memory:Read"), (.put, "memory:Write"),
            (.post, "memory:Write"), (.patch, "memory:Write"), (.delete, "memory:Delete"),
        ] {
            var exchange = Exchange(adapter, acme, method, target)
            let sent = try exchange.send()
            #expect(sent.refused == nil)
            #expect(sent.target == store)
            let operation = adapter.operations.first { $0.name == sent.operation }
            #expect(operation?.action == action)
        }
    }

    @Test(arguments: [
        "/a%2Fb", "/..%2Fb", "/a%5Cb", "/%252e%252e/b", "/a%252Fb", "/%25252e",
    ])
    func refusesWhatDecodesToAnotherPath(_ target: String) throws {
        var exchange = Exchange(adapter, acme, .get, target)
        #expect(try exchange.send().refused == .pathEncodingRefused)
    }

    @Test func refusesOtherMethods() throws {
        var exchange = Exchange(adapter, acme, .options, "/a")
        let sent = try exchange.send()
        #expect(sent.refused == .operationUnknown)
        #expect(
            sent.answer == #"{"error":"request refused: operation_unknown","reason":"operation_unknown"}"#
        )
    }

    struct Reference: CustomTestStringConvertible, Sendable {
        var value: String
        var mapped: String?
        var leak = false
        var testDescription: String { value }
    }

    @Test(arguments: [
        Reference(value: "/tenants/t4acme/a/b", mapped: "/a/b"),
        Reference(value: "/tenants/t4acme/", mapped: "/"),
        Reference(value: "/tenants/t4acme/a?x=1", mapped: "/a?x=1"),
        Reference(value: "http://store:8000/tenants/t4acme/a", mapped: "/a"),
        Reference(value: "HTTP://STORE:8000/tenants/t4acme/a", mapped: "/a"),
        Reference(value: "https://store:8000/tenants/t4acme/a", mapped: "/a"),
        Reference(value: "b", mapped: "b"), Reference(value: "?x=1", mapped: "?x=1"),
        Reference(value: "/tenants/t4acme/a#f", mapped: "/a"),
        Reference(value: "/a"), Reference(value: "/tenants/"), Reference(value: "/tenants/t4acme"),
        Reference(value: "/tenants/t4acmefoo"), Reference(value: "//store:8000/tenants/t4acme/a"),
        Reference(value: "http://other/tenants/t4acme/a"), Reference(value: "http://store/tenants/t4acme/a"),
        Reference(value: "http://store:8000@other/tenants/t4acme/a"), Reference(value: "ftp://store:8000/a"),
        Reference(value: "javascript:a"), Reference(value: "/tenants/t4acme/../t6globex/a"),
        Reference(value: "../t6globex/a"), Reference(value: "/tenants/t4acme/%2e%2e/t6globex/a"),
        Reference(value: "/TENANTS/t4acme/a"), Reference(value: "/tenants/%744acme/a", mapped: "/a"),
        Reference(value: "/tenants/t6globex/a", leak: true),
        Reference(value: "http://store:8000/tenants/t6globex/a", leak: true),
        Reference(value: "/tenants/t5acme2/a", leak: true), Reference(value: "", mapped: ""),
    ])
    func mapsLocationsBack(_ reference: Reference) throws {
        for name in ["Location", "Content-Location"] {
            var exchange = Exchange(adapter, acme, .post, "/a", body: "x")
            try #require(try exchange.send().refused == nil)
            let received = try exchange.receive(201, "", fields: [(name, reference.value)])
            #expect(received.refused == (reference.leak ? .foreignObject : nil))
            let mapped = reference.mapped.map { ["\(name.lowercased()): \($0)"] } ?? []
            #expect(received.fields == mapped)
        }
    }

    /// `tenant` and `tenant2`: neither reaches the other by any path.
    @Test func staysInsideWhateverThePath() throws {
        var random = Seeded.printed()
        let scopes = try ["tenant", "tenant2", "a", "a1a"].map { try Rig.scope(adapter, $0) }
        let pieces = [
            "a", "tenants", "t6tenant", "t7tenant2", "t1a", "2", "%20", ".", "-", "~", "@", "%C3%A9",
        ]
        for _ in 0..<2_000 {
            let target = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                "/" + (pieces.randomElement(using: &random)!) + (pieces.randomElement(using: &random)!)
            }.joined()
            let scope = scopes.randomElement(using: &random)!
            var exchange = Exchange(adapter, scope, .get, target.isEmpty ? "/" : target)
            guard let sent = try? exchange.send() else { continue }
            let prefix = "/tenants/\(scope.compartment.text)/"
            #expect(sent.target.hasPrefix(prefix))
            #expect(sent.target.split(separator: "/").allSatisfy { $0 != ".." && $0 != "." })
            for other in scopes where other !== scope {
                #expect(!sent.target.hasPrefix("/tenants/\(other.compartment.text)"))
            }
            // Rewritten and mapped back is what it was.
            let received = try exchange.receive(200, "", fields: [("Location", sent.target)])
            #expect(received.fields == ["location: \(target.isEmpty ? "/" : target)"])
        }
    }

    @Test func dropsWhatNamesOthers() throws {
        var exchange = Exchange(
            adapter,
            acme,
            .put,
            "/a",
            fields: [
                ("Content-Type", "text/plain"), ("Content-Encoding", "gzip"), ("If-Match", "\"1\""),
                ("Accept-Encoding", "gzip"), ("Range", "bytes=0-1"), ("Cookie", "a"), ("Destination", "/b"),
                ("X-Amz-Copy-Source", "/b"), ("X-HTTP-Method-Override", "DELETE"), ("X-Original-URL", "/b"),
                ("Authorization", "Bearer x"), ("traceparent", "00"), ("Content_Disposition", "a"),
            ],
            body: "x"
        )
        #expect(
            try exchange.send().fields == [
                "content-type: text/plain", "content-encoding: gzip", "if-match: \"1\"",
                "accept-encoding: gzip",
                "range: bytes=0-1",
            ]
        )
        let received = try exchange.receive(
            206,
            "x",
            fields: [
                ("Content-Encoding", "gzip"), ("Content-Range", "bytes 0-0/1"), ("Set-Cookie", "a=b"),
                ("Link", "</tenants/t6globex/a>"), ("X-Quota", "9"), ("WWW-Authenticate", "Basic"),
            ]
        )
        #expect(received.fields == ["content-encoding: gzip", "content-range: bytes 0-0/1"])
        #expect(received.body == "x")
    }
}

@Suite struct AgentCoreTests {
    static let session = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
    static let user = "X-Amzn-Bedrock-AgentCore-Runtime-User-Id"

    let adapter: Adapter
    let acme: AdapterScope

    init() throws {
        adapter = try Rig.adapter("agentcore-runtime")
        acme = try Rig.scope(adapter, "acme")
    }

    @Test func knowsItsOperations() throws {
        let cases: [(HTTPTypes.Method, String, String?)] = [
            (.post, "/invocations", "invoke"), (.get, "/ping", "ping"), (.get, "/ws", "connect"),
            (.get, "/invocations", nil), (.post, "/ping", nil), (.post, "/invocations/", nil),
            (.get, "/", nil),
            (.post, "/Invocations", nil), (.post, "/mcp", nil), (.delete, "/ws", nil),
        ]
        for (method, target, name) in cases {
            var exchange = Exchange(adapter, acme, method, target, body: method == .post ? "{" : nil)
            let sent = try exchange.send()
            #expect(sent.refused == (name == nil ? .operationUnknown : nil))
            if let name { #expect(sent.operation == name) }
        }
        #expect(adapter.operations.filter { $0.isWebSocket }.map(\.name) == ["connect"])
        #expect(adapter.operations.allSatisfy { $0.action == "agent:Invoke" })
        #expect(adapter.customHeaderPrefix == "x-amzn-bedrock-agentcore-runtime-custom-")
        #expect(!adapter.isSingleLayer)
    }

    @Test func virtualisesTheSession() throws {
        var exchange = Exchange(
            adapter,
            acme,
            .post,
            "/invocations",
            fields: [
                (Self.session.lowercased(), "s1"), (Self.user, "victim"), (Self.user, "victim2"),
                (Self.session.replacing("-", with: "_"), "s2"),
                ("X-Amzn-Bedrock-AgentCore-Runtime-Custom-A", "1"),
                ("X-Amz-Security-Token", "t"), ("WorkloadAccessToken", "w"), ("Cookie", "c"),
                ("Authorization", "Bearer handle"), ("X-App", "kept"), ("Accept-Encoding", "gzip"),
                ("Mcp-Session-Id", "m"), ("Sec-WebSocket-Key", "k"), ("Transfer-Encoding", "chunked"),
            ],
            body: "not looked at"
        )
        let sent = try exchange.send()
        let session = Self.session.lowercased()
        let user = Self.user.lowercased()
        #expect(
            sent.fields == [
                "\(session): <session>", "\(user): <user>", "\(user): <user>",
                "x-amzn-bedrock-agentcore-runtime-custom-a: 1", "authorization: Bearer handle", "x-app: kept",
                "accept-encoding: gzip", "content-type: application/json",
            ]
        )
        #expect(sent.body == "not looked at")
        let received = try exchange.receive(
            200,
            "data: x\n\n",
            fields: [
                (Self.session, "v"), ("content-type", "text/event-stream"), ("Set-Cookie", "a=b"),
                ("X-App", "kept"),
            ]
        )
        #expect(
            received.fields == ["\(session): <session>", "content-type: text/event-stream", "x-app: kept"]
        )
        #expect(received.body == "data: x\n\n")
    }

    @Test func refusesTwoSessionsAndHiddenOnes() throws {
        var exchange = Exchange(
            adapter,
            acme,
            .post,
            "/invocations",
            fields: [(Self.session, "s1"), (Self.session.uppercased(), "s2")],
            body: "{}"
        )
        let sent = try exchange.send()
        #expect(sent.refused == .headerDuplicate)
        #expect(
            sent.answer == #"{"message":"request refused: header_duplicate","reason":"header_duplicate"}"#
        )
        exchange = Exchange(adapter, acme, .get, "/ws?\(Self.session)=s1")
        #expect(try exchange.send().refused == .parameterUndeclared)
    }

    @Test func letsAWebSocketThrough() throws {
        var exchange = Exchange(
            adapter,
            acme,
            .get,
            "/ws",
            fields: [("Sec-WebSocket-Key", "k"), ("Sec-WebSocket-Version", "13"), ("Upgrade", "websocket")]
        )
        #expect(try exchange.send().fields == ["sec-websocket-key: k", "sec-websocket-version: 13"])
        let received = try exchange.receive(101, "", fields: [("Sec-WebSocket-Accept", "a")])
        #expect(received.refused == nil)
        #expect(received.fields == ["sec-websocket-accept: a"])
        exchange = Exchange(adapter, acme, .get, "/ping")
        _ = try exchange.send()
        #expect(try exchange.receive(101, "").refused == .responseStatusRefused)
    }
}
