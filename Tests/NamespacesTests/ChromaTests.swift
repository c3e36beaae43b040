// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
import Namespaces
import TestSupport
import Testing

/// What chromadb 1.5.9 answered for the tenant `t4acme`, byte for byte.
enum ChromaFixture {
    /// The ids that the server gave its collection and its database.
    static let collectionID = "2e89b645-9908-45a8-baf9-cfd1f61ff735"
    static let databaseID = "8037ab16-f5c3-4f82-91e9-08292ae62b9f"

    static func body(_ name: String) throws -> String {
        try Repository.text("Tests/Fixtures/chroma/\(name).json")
    }
}

@Suite struct ChromaTests {
    static let api = "/api/v2/tenants/default_tenant/databases/default_database"
    static let store = "/api/v2/tenants/t4acme/databases/default_database"

    let adapter: Adapter
    let acme: AdapterScope
    let globex: AdapterScope

    init() throws {
        adapter = try Rig.adapter("chroma")
        acme = try Rig.scope(adapter, "acme")
        globex = try Rig.scope(adapter, "globex")
    }

    /// The id that a tenant sees for the fixture's collection.
    func visibleID(_ scope: AdapterScope, id: String = ChromaFixture.collectionID) throws -> String {
        var exchange = Exchange(adapter, scope, .get, "\(Self.api)/collections/notes")
        _ = try exchange.send()
        let body = try ChromaFixture.body("collection")
            .replacing(ChromaFixture.collectionID, with: id)
            .replacing("\"tenant\":\"t4acme\"", with: "\"tenant\":\"\(scope.compartment.text)\"")
        let received = try exchange.receive(200, body)
        try #require(received.refused == nil)
        return String(received.body.dropFirst(7).prefix(36))
    }

    // MARK: requests

    struct Request: CustomTestStringConvertible, Sendable {
        var operation: String
        var method: HTTPTypes.Method
        var target: String
        var body: String?
        var action: String
        var store: String
        var testDescription: String { operation }
    }

    /// Every operation: `ID` is the visible id where the agent speaks, the real one where the store hears.
    static let requests: [Request] = [
        ("root", .get, "/api/v2", nil, "memory:Read"),
        ("heartbeat", .get, "/api/v2/heartbeat", nil, "memory:Read"),
        ("healthcheck", .get, "/api/v2/healthcheck", nil, "memory:Read"),
        ("version", .get, "/api/v2/version", nil, "memory:Read"),
        ("pre_flight_checks", .get, "/api/v2/pre-flight-checks", nil, "memory:Read"),
        ("identity", .get, "/api/v2/auth/identity", nil, "memory:Read"),
        ("reset", .post, "/api/v2/reset", nil, "memory:Delete"),
        ("tenant_get", .get, "/api/v2/tenants/TENANT", nil, "memory:Read"),
        ("database_list", .get, "/api/v2/tenants/TENANT/databases?limit=5&offset=1", nil, "memory:List"),
        ("database_create", .post, "/api/v2/tenants/TENANT/databases", #"{"name":"dbx"}"#, "memory:Write"),
        ("database_get", .get, "/api/v2/tenants/TENANT/databases/dbx", nil, "memory:Read"),
        ("database_delete", .delete, "/api/v2/tenants/TENANT/databases/dbx", nil, "memory:Delete"),
        ("collection_list", .get, "DB/collections?limit=1&offset=0", nil, "memory:List"),
        ("collection_list", .get, "DB/collections", nil, "memory:List"),
        ("collection_count", .get, "DB/collections_count", nil, "memory:List"),
        (
            "collection_create", .post, "DB/collections",
            #"{"name":"notes","metadata":{"a":"b"},"configuration":null,"schema":null,"get_or_create":true}"#,
            "memory:Write"
        ),
        ("collection_get", .get, "DB/collections/notes", nil, "memory:Read"),
        ("collection_get", .get, "DB/collections/by-id", nil, "memory:Read"),
        ("collection_get_by_id", .get, "DB/collections/by-id/ID", nil, "memory:Read"),
        (
            "collection_update", .put, "DB/collections/ID",
            #"{"new_metadata":{"z":1},"new_name":"notes2","new_configuration":null}"#, "memory:Write"
        ),
        ("collection_delete", .delete, "DB/collections/notes", nil, "memory:Delete"),
        ("collection_fork", .post, "DB/collections/ID/fork", #"{"new_name":"copy"}"#, "memory:Write"),
        ("collection_fork_count", .get, "DB/collections/ID/fork_count", nil, "memory:Read"),
        ("collection_indexing_status", .get, "DB/collections/ID/indexing_status", nil, "memory:Read"),
        (
            "record_add", .post, "DB/collections/ID/add",
            #"{"ids":["1"],"embeddings":["AACAPw=="],"metadatas":[{"x":1}],"documents":["é \"a\""],"uris":null}"#,
            "memory:Write"
        ),
        (
            "record_update", .post, "DB/collections/ID/update",
            #"{"ids":["1"],"embeddings":[[1,2]],"documents":[null]}"#, "memory:Write"
        ),
        ("record_upsert", .post, "DB/collections/ID/upsert", #"{"ids":[],"embeddings":[]}"#, "memory:Write"),
        (
            "record_delete", .post, "DB/collections/ID/delete",
            #"{"ids":null,"where":{"x":1},"where_document":null,"limit":5}"#, "memory:Delete"
        ),
        ("record_count", .get, "DB/collections/ID/count?read_level=index_and_wal", nil, "memory:Read"),
        (
            "record_get", .post, "DB/collections/ID/get",
            #"{"ids":null,"where":null,"limit":null,"offset":null,"where_document":null,"include":["uris"]}"#,
            "memory:Read"
        ),
        (
            "record_query", .post, "DB/collections/ID/query?limit=2",
            ##"{"ids":null,"query_embeddings":[[1.0]],"n_results":2,"where":{"x":1},"where_document":{"$contains":"a"},"include":["metadatas"]}"##,
            "memory:Search"
        ),
        (
            "record_search", .post, "DB/collections/ID/search",
            ##"{"searches":[{"filter":null,"rank":{"$knn":{"key":"#embedding"}},"group_by":{},"limit":{"limit":3},"select":{"keys":["#score"]}}],"read_level":"index_and_wal"}"##,
            "memory:Search"
        ),
        (
            "function_attach", .post, "DB/collections/ID/functions/attach",
            #"{"function_id":"f","name":"n","output_collection":"out","params":{"a":1}}"#, "memory:Write"
        ),
        ("function_get", .get, "DB/collections/ID/functions/n", nil, "memory:Read"),
        (
            "function_detach", .post, "DB/collections/ID/attached_functions/n/detach",
            #"{"delete_output":false}"#, "memory:Write"
        ),
    ].map { (operation, method, target, body, action) in
        let target = target.replacing("DB", with: "/api/v2/tenants/TENANT/databases/my.db_1")
        return Request(
            operation: operation,
            method: method,
            target: target,
            body: body,
            action: action,
            store: target.replacing("TENANT", with: "t4acme")
        )
    }

    @Test(arguments: requests) func rewritesEveryOperation(_ request: Request) throws {
        let id = try visibleID(acme)
        for tenant in ["default_tenant", "acme"] {
            let target = request.target.replacing("TENANT", with: tenant).replacing("ID", with: id)
            var exchange = Exchange(adapter, acme, request.method, target, body: request.body)
            let sent = try exchange.send()
            #expect(sent.refused == nil, "\(sent)")
            #expect(sent.operation == request.operation)
            // What is pinned is there or added, also where it stands twice.
            let pinned = request.operation == "database_get" ? "?tenant=t4acme" : ""
            #expect(sent.target == request.store.replacing("ID", with: ChromaFixture.collectionID) + pinned)
            // No body of a request needs a change: it must be the agent's, byte for byte.
            #expect(sent.body == request.body ?? "")
            let operation = adapter.operations.first { $0.name == request.operation }
            #expect(operation?.action == request.action)
        }
    }

    @Test func coversTheTable() {
        let tested = Set(Self.requests.map(\.operation)).union(["tenant_create"])
        #expect(tested == Set(adapter.operations.map(\.name)))
    }

    @Test func keepsHarmlessHeadersAlone() throws {
        var exchange = Exchange(
            adapter,
            acme,
            .get,
            "\(Self.api)/collections",
            fields: [
                ("Host", "chroma.local"), ("Accept", "*/*"), ("Accept-Encoding", "gzip, deflate"),
                ("Connection", "keep-alive"), ("User-Agent", "Chroma"), ("X-Chroma-Token", "secret"),
                ("Authorization", "Basic eDp5"), ("Cookie", "a=b"), ("X-Tenant-Id", "globex"),
                ("Range", "bytes=0-3"), ("Content_Type", "text/plain"), ("X-Forwarded-For", "10.0.0.1"),
            ]
        )
        let sent = try exchange.send()
        #expect(sent.fields == ["accept: */*", "user-agent: Chroma", "accept-encoding: identity"])
    }

    // MARK: responses

    /// (fixture, request); only the ids and the tenant's name may change.
    @Test(arguments: [
        ("tenant", "/api/v2/tenants/default_tenant"),
        ("databases", "/api/v2/tenants/default_tenant/databases"),
        ("database", api), ("collection", "\(api)/collections/notes"), ("collections", "\(api)/collections"),
    ])
    func mapsBackNothingElse(_ name: String, _ target: String) throws {
        let body = try ChromaFixture.body(name)
        for tenant in ["default_tenant", "acme"] {
            let target = target.replacing("default_tenant", with: tenant)
            var exchange = Exchange(adapter, acme, .get, target)
            try #require(try exchange.send().refused == nil)
            let received = try exchange.receive(200, body)
            #expect(received.refused == nil)
            #expect(!received.body.contains("t4acme"))
            #expect(!received.body.contains(ChromaFixture.collectionID))
            #expect(!received.body.contains(ChromaFixture.databaseID))
            // What the tenant itself wrote stands, another's code in its metadata included.
            #expect(received.body.contains("t6globex") == body.contains("t6globex"))
            let databaseID = try visibleID(acme, id: ChromaFixture.databaseID)
            let back = received.body.replacing(try visibleID(acme), with: ChromaFixture.collectionID)
                .replacing(databaseID, with: ChromaFixture.databaseID)
                .replacing("\"tenant\":\"\(tenant)\"", with: "\"tenant\":\"t4acme\"")
                .replacing("{\"name\":\"\(tenant)\"", with: "{\"name\":\"t4acme\"")
            #expect(back == body)
        }
    }

    @Test func leavesRecordsAlone() throws {
        let id = try visibleID(acme)
        for (name, operation) in [("records", "get"), ("found", "query")] {
            var exchange = Exchange(
                adapter,
                acme,
                .post,
                "\(Self.api)/collections/\(id)/\(operation)",
                body: operation == "get" ? "{}" : #"{"query_embeddings":[]}"#
            )
            try #require(try exchange.send().refused == nil)
            let body = try ChromaFixture.body(name)
            #expect(try exchange.receive(200, body).body == body)
        }
    }

    @Test func sealsIDsToTheirCompartment() throws {
        var random = Seeded.printed()
        for _ in 0..<200 {
            let real = Self.randomUUID(&random)
            let mine = try visibleID(acme, id: real)
            #expect(mine != real)
            #expect(mine != (try visibleID(globex, id: real)))
            // Hyphens or none, either case: the store hears its own spelling.
            for spelling in [mine, mine.uppercased(), mine.replacing("-", with: "")] {
                var exchange = Exchange(adapter, acme, .get, "\(Self.api)/collections/\(spelling)/count")
                #expect(try exchange.send().target == "\(Self.store)/collections/\(real)/count")
            }
            // To the neighbour it is noise, and so is the real id to its owner.
            for (scope, id) in [(globex, mine), (acme, real)] {
                var exchange = Exchange(adapter, scope, .get, "\(Self.api)/collections/\(id)/count")
                let sent = try exchange.send()
                #expect(!sent.target.contains(real))
                #expect(sent.refused == .idUnknown || sent.refused == nil)
            }
        }
    }

    /// Unknown, foreign and vanished ids: one answer, whoever gives it.
    @Test func answersUnknownIDsAlike() throws {
        var random = Seeded.printed()
        var answers: Set<String> = []
        let foreign = try visibleID(globex)
        for index in 0..<400 {
            let id = index == 0 ? foreign : Self.randomUUID(&random)
            var exchange = Exchange(adapter, acme, .post, "\(Self.api)/collections/\(id)/get", body: "{}")
            let sent = try exchange.send()
            var answer = sent.answer
            if sent.refused == nil {
                let received = try exchange.receive(404, try ChromaFixture.body("unknownInPlace"))
                #expect(received.status == 404)
                answer = received.body
            } else {
                #expect(sent.refused == .idUnknown)
                #expect(sent.status == 404)
            }
            answers.insert(answer.replacing(id, with: "ID"))
        }
        #expect(answers == [#"{"error":"NotFoundError","message":"Collection [ID] does not exist"}"#])
    }

    static func randomUUID(_ random: inout Seeded) -> String {
        var digits = (0..<32).map { _ in Array("0123456789abcdef").randomElement(using: &random)! }
        digits[12] = "4"
        digits[16] = Array("89ab").randomElement(using: &random)!
        for place in [8, 13, 18, 23] { digits.insert("-", at: place) }
        return String(digits)
    }

    // MARK: errors

    @Test(arguments: [
        ("dimension", 400), ("exists", 409),
    ])
    func passesHarmlessErrors(_ name: String, _ status: UInt16) throws {
        var exchange = Exchange(adapter, acme, .post, "\(Self.api)/collections", body: #"{"name":"notes"}"#)
        try #require(try exchange.send().refused == nil)
        let body = try ChromaFixture.body(name)
        let received = try exchange.receive(status, body)
        #expect(received.body == body)
        #expect(received.status == status)
    }

    @Test(arguments: [
        #"{"error":"NotFoundError","message":"Tenant [t4acme] not found"}"#,
        #"{"error":"NotFoundError","message":"Tenant [\u00744acme] not found"}"#,
        #"{"error":"ChromaError","message":"no t6globex here"}"#,
        #"{"error":"ChromaError","message":"u4acme7cognito3bob"}"#,
        #"{"error":"ChromaError","message":"id 2e89b645990845a8baf9cfd1f61ff735"}"#,
        #"{"error":"ChromaError","message":"id 2E89B645-9908-45A8-BAF9-CFD1F61FF735!"}"#,
    ])
    func hidesWhatTellsOfNames(_ body: String) throws {
        var exchange = Exchange(adapter, acme, .get, "\(Self.api)/collections")
        try #require(try exchange.send().refused == nil)
        let received = try exchange.receive(500, body)
        #expect(received.status == 500)
        let words = #""message":"the store refused the request"}"#
        #expect(received.body.hasSuffix(words), "\(received.body)")
        #expect(received.body.hasPrefix(String(body.prefix(9))))
    }

    @Test(arguments: [
        "", "not JSON: t6globex", #"{"error":"E","message":"m","detail":"t6globex"}"#, "[]",
        #"{"error":{"a":1}}"#,
    ])
    func rewordsErrorsThatAreNotDeclared(_ body: String) throws {
        var exchange = Exchange(adapter, acme, .get, "\(Self.api)/collections")
        try #require(try exchange.send().refused == nil)
        let received = try exchange.receive(
            503,
            body,
            fields: [("content-type", "text/plain"), ("content-encoding", "gzip")]
        )
        #expect(received.status == 503)
        #expect(received.body == #"{"error":"InternalError","message":"the store refused the request"}"#)
        #expect(received.fields == ["content-type: application/json"])
    }

    @Test func wordsTheGatewaysRefusalsToo() {
        var output = Buffer()
        #expect(adapter.writeError(code: "token_expired", status: 401, into: &output) == 401)
        #expect(
            output.bytes.string()
                == #"{"error":"AuthorizationError","message":"request refused: token_expired"}"#
        )
    }

    // MARK: local answers and provisioning

    @Test func answersAsAPrivateStoreWould() throws {
        let cases: [(HTTPTypes.Method, String, String?, UInt16, String)] = [
            (
                .get, "/api/v2/auth/identity", nil, 200,
                #"{"user_id":"","tenant":"default_tenant","databases":["default_database"]}"#
            ),
            (
                .post, "/api/v2/reset", nil, 403,
                #"{"error":"ChromaError","message":"Reset is disabled by config"}"#
            ),
            (
                .post, "/api/v2/tenants", #"{"name":"default_tenant"}"#, 409,
                #"{"error":"ChromaError","message":"Tenant [default_tenant] already exists"}"#
            ),
            (
                .post, "/api/v2/tenants", #"{"name":"acme"}"#, 409,
                #"{"error":"ChromaError","message":"Tenant [acme] already exists"}"#
            ),
        ]
        for (method, target, body, status, answer) in cases {
            var exchange = Exchange(adapter, acme, method, target, body: body)
            let sent = try exchange.send()
            #expect(sent.refused == nil)
            #expect(sent.status == status)
            #expect(sent.answer == answer)
        }
    }

    @Test func provisionsWhatAPrivateStoreHas() {
        let steps = adapter.provision(acme)
        #expect(steps.map(\.method) == [.post, .post])
        let targets = steps.map { String(decoding: $0.target, as: UTF8.self) }
        #expect(targets == ["/api/v2/tenants", "/api/v2/tenants/t4acme/databases"])
        let bodies = steps.map { String(decoding: $0.body, as: UTF8.self) }
        #expect(bodies == [#"{"name":"t4acme"}"#, #"{"name":"default_database"}"#])
        #expect(steps.map(\.accepted) == [[200, 409], [200, 409]])
    }
}
