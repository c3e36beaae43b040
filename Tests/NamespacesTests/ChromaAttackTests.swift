// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
import JSON
import Namespaces
import TestSupport
import Testing

/// What tenant `acme` tries on `globex`, and on a neighbour whose name begins like its own.
@Suite struct ChromaAttackTests {
    static let api = ChromaTests.api

    let adapter: Adapter
    let acme: AdapterScope

    init() throws {
        adapter = try Rig.adapter("chroma")
        acme = try Rig.scope(adapter, "acme")
    }

    struct Attack: CustomTestStringConvertible, Sendable {
        var method: HTTPTypes.Method
        var target: String
        var body: String?
        var fields: [(String, String)] = []
        var reason: AdapterReason
        var testDescription: String { "\(method) \(target) \(body ?? "") \(reason.rawValue)" }
    }

    static let id = "11111111-2222-4333-8444-555555555555"

    static let attacks: [Attack] =
        tenants + operations + ids + parameters + members + codings + names

    /// Another tenant by name, in every spelling.
    static let tenants: [Attack] =
        [
            "globex", "t6globex", "t4acme", "acme2", "acm", "ACME", "Acme", "default_tenant2",
            "Default_Tenant",
            "default%20tenant", "acme%20", "%2A", "*", "acme%25", "acme,globex", "default", "t5acme2",
            "tenant", "_",
            "-", "acme.", "acme%C3%A9", "acme+globex", "acme&tenant=globex", "acme%3Fx=1", "%7Btenant%7D",
        ].map {
            Attack(method: .get, target: "/api/v2/tenants/\($0)", reason: .tenantForeign)
        } + [
            Attack(
                method: .get,
                target: "/api/v2/tenants/globex/databases/default_database/collections",
                reason: .tenantForeign
            ),
            Attack(method: .get, target: "/api/v2/tenants/t6globex/databases", reason: .tenantForeign),
            Attack(
                method: .post,
                target: "/api/v2/tenants/t6globex/databases/default_database/collections/\(id)/get",
                body: "{}",
                reason: .tenantForeign
            ),
            Attack(
                method: .delete,
                target: "/api/v2/tenants/globex/databases/default_database",
                reason: .tenantForeign
            ),
            Attack(
                method: .post,
                target: "/api/v2/tenants",
                body: #"{"name":"globex"}"#,
                reason: .tenantForeign
            ),
            Attack(method: .post, target: "/api/v2/tenants", body: #"{"name":null}"#, reason: .tenantForeign),
            Attack(
                method: .post,
                target: "/api/v2/tenants",
                body: #"{"name":["acme"]}"#,
                reason: .memberType
            ),
            Attack(method: .post, target: "/api/v2/tenants", body: #"{"name":5}"#, reason: .memberType),
            Attack(method: .post, target: "/api/v2/tenants", body: "{}", reason: .memberMissing),
            Attack(method: .post, target: "/api/v2/tenants", body: "null", reason: .memberMissing),
            Attack(method: .get, target: "/api/v2/tenants/acme%2Fdatabases", reason: .pathEncodingRefused),
            Attack(method: .get, target: "/api/v2/tenants/acme%5C..", reason: .pathEncodingRefused),
        ]

    /// What the table does not know.
    static let operations: [Attack] = [
        (.get, "/"), (.get, "/api/v1/heartbeat"), (.get, "/api/v1/collections"), (.get, "/openapi.json"),
        (.get, "/docs"), (.get, "/api/v2/"), (.get, "/api/v2/tenants"), (.get, "/API/v2/heartbeat"),
        (.get, "/api/v2/Heartbeat"), (.get, "/api/v2/heartbeat/"), (.head, "/api/v2/heartbeat"),
        (.options, "\(api)/collections"), (.head, "\(api)/collections"), (.get, "/api/v2/collections/a:b:c"),
        (.get, "/api/v2/collections/t6globex:default_database:notes"), (.patch, "/api/v2/tenants/acme"),
        (.delete, "/api/v2/tenants/acme"), (.get, "\(api)/collections/"), (.post, "\(api)/collections/\(id)"),
        (.get, "\(api)/collections/\(id)/get"), (.post, "\(api)/collections/\(id)/conditional/get"),
        (.post, "\(api)/collections/\(id)/conditional/commit"), (.get, "\(api)/functions"),
        (.delete, "\(api)/collections/by-id/\(id)"), (.post, "\(api)/collections/\(id)/unknown"),
        (.get, "/prefix\(api)/collections"), (.get, "\(api)/collections/\(id)/count/more"),
    ].map { Attack(method: $0, target: $1, reason: .operationUnknown) }

    static let ids: [Attack] =
        [
            "notes", "by-id", "1", "%7B\(id)%7D", "urn:uuid:\(id)", "\(id)%20", "\(id)0", "\(id.dropLast())",
            "11111111-22224-333-8444-555555555555", "1111111122224333844455555555555g", "*", "%2A",
            "11111111%2D2222-4333-8444-55555555555", "\(id),\(id)",
        ].map {
            Attack(method: .post, target: "\(api)/collections/\($0)/get", body: "{}", reason: .idMalformed)
        } + [
            Attack(
                method: .get,
                target: "\(api)/collections/\(id)%2Fget/count",
                reason: .pathEncodingRefused
            ),
            Attack(method: .get, target: "\(api)/collections/%252e%252e/count", reason: .pathEncodingRefused),
            Attack(method: .get, target: "\(api)/collections/%252F/count", reason: .pathEncodingRefused),
            Attack(
                method: .get,
                target: "/api/v2/tenants/acme/databases/a%2Fb",
                reason: .pathEncodingRefused
            ),
            Attack(
                method: .get,
                target: "/api/v2/tenants/acme/databases/a%252Fb",
                reason: .pathEncodingRefused
            ),
        ]

    static let parameters: [Attack] = [
        ("collections?limit=1&limit=2", .parameterDuplicate),
        ("collections?tenant=globex", .parameterUndeclared),
        ("collections?LIMIT=1", .parameterUndeclared), ("collections?lim%69t=1", .parameterUndeclared),
        ("collections?limit[]=1", .parameterUndeclared), ("collections?limit%20=1", .parameterUndeclared),
        ("collections?limit=1&offset=2&Offset=3", .parameterUndeclared),
        ("collections?x", .parameterUndeclared),
        ("collections?=1", .parameterUndeclared), ("collections_count?limit=1", .parameterUndeclared),
        ("collections?+limit=1", .parameterUndeclared), ("?tenant=globex", .tenantForeign),
    ].map { (target: String, reason: AdapterReason) in
        Attack(method: .get, target: "\(api)\(target.hasPrefix("?") ? "" : "/")\(target)", reason: reason)
    }

    static let members: [Attack] = [
        (#"{"name":"n","tenant":"t6globex"}"#, .memberUndeclared), (#"{"Name":"n"}"#, .memberUndeclared),
        (#"{"name":"a","name":"b"}"#, .memberDuplicate),
        (#"{"name":"a","n\u0061me":"b"}"#, .memberUndeclared),
        (#"{"n\u0061me":"b"}"#, .memberUndeclared), (#"{"name ":"b"}"#, .memberUndeclared),
        (#"{"name":"a","id":"\#(id)"}"#, .memberUndeclared), (#"{"name":{"a":1}}"#, .memberType),
        (#"{"name":["a"]}"#, .memberType), (#"[{"name":"a"}]"#, .memberType), (#""name""#, .memberType),
        (#"{"name":"\#(id)"}"#, .memberRefused), (#"{"name":"\#(id.uppercased())"}"#, .memberRefused),
        (#"{"name":"a"#, .bodyInvalid), (#"{"name":"a"}{"name":"b"}"#, .bodyInvalid), ("", .bodyInvalid),
        ("\u{FEFF}{}", .bodyInvalid), (#"{"name":"a",}"#, .bodyInvalid), ("{'name':'a'}", .bodyInvalid),
        (#"{"name":"\ud800"}"#, .bodyInvalid), (#"{"name":"a"}\#u{0}"#, .bodyInvalid),
        (#"{"metadata":"# + String(repeating: "[", count: 100), .bodyInvalid), ("NaN", .bodyInvalid),
        (#"{"__proto__":{}}"#, .memberUndeclared), (#"{"":1}"#, .memberUndeclared),
    ].map { (body: String, reason: AdapterReason) in
        Attack(method: .post, target: "\(api)/collections", body: body, reason: reason)
    }

    static let codings: [Attack] =
        [
            ([("content-type", "text/plain")], .contentTypeRefused),
            ([("content-type", "application/json; charset=utf-16")], .contentTypeRefused),
            ([("content-type", "application/json; charset=utf-8; a=b")], .contentTypeRefused),
            ([("content-type", "application/x-www-form-urlencoded")], .contentTypeRefused),
            ([("content-type", "application/json"), ("Content-Type", "text/plain")], .contentTypeRefused),
            ([("content-type", "application/json"), ("content-encoding", "br")], .contentCodingRefused),
            (
                [("content-type", "application/json"), ("content-encoding", "identity, gzip")],
                .contentCodingRefused
            ),
        ].map { (fields: [(String, String)], reason: AdapterReason) in
            Attack(
                method: .post,
                target: "\(api)/collections",
                body: #"{"name":"notes"}"#,
                fields: fields,
                reason: reason
            )
        } + [
            Attack(method: .get, target: "\(api)/collections", body: "{}", reason: .bodyUndeclared),
            Attack(method: .delete, target: "\(api)/collections/notes", body: "{}", reason: .bodyUndeclared),
            Attack(method: .post, target: "\(api)/collections", reason: .bodyInvalid),
        ]

    /// Where a name stands, an id of the store's is no name.
    static let names: [Attack] = [id, id.uppercased(), id.replacing("-", with: "")].flatMap { id in
        [
            Attack(method: .get, target: "\(api)/collections/\(id)", reason: .idUnknown),
            Attack(method: .delete, target: "\(api)/collections/\(id)", reason: .idUnknown),
        ]
    }

    @Test(arguments: attacks) func isRefused(_ attack: Attack) throws {
        var exchange = Exchange(
            adapter,
            acme,
            attack.method,
            attack.target,
            fields: attack.fields,
            body: attack.body
        )
        let sent = try exchange.send()
        #expect(sent.refused == attack.reason, "\(sent)")
        #expect(sent.answer.hasPrefix(#"{"error":""#))
        #expect(!sent.answer.contains("t4acme"))
    }

    /// Responses that may not reach the agent.
    @Test(arguments: [
        (#"[{"id":"ID","name":"n","tenant":"t6globex"}]"#, AdapterReason.foreignObject),
        (
            #"[{"id":"ID","name":"n","tenant":"t4acme"},{"id":"ID","name":"n","tenant":"t5acme2"}]"#,
            .foreignObject
        ),
        (#"[{"id":"ID","name":"n"}]"#, .foreignObject),
        (#"[{"id":"ID","name":"n","tenant":null}]"#, .foreignObject),
        (#"[{"id":"ID","name":"n","tenant":"T4ACME"}]"#, .foreignObject),
        (#"[{"id":"ID","name":"n","tenant":"t4acme "}]"#, .foreignObject),
        (#"[{"id":"ID","name":"n","tenant":"default_tenant"}]"#, .foreignObject),
        (#"[{"id":"ID","name":"n","tenant":"t4acme","owner":"globex"}]"#, .responseUndeclared),
        (#"[{"id":"ID","tenant":"t4acme","tenant":"t4acme"}]"#, .responseInvalid),
        (#"[{"id":"ID","n\u0061me":"n","tenant":"t4acme"}]"#, .responseUndeclared),
        (#"[{"id":"notes","tenant":"t4acme"}]"#, .responseInvalid),
        (#"[{"id":"00000000-0000-0000-0000-000000000000","tenant":"t4acme"}]"#, .responseInvalid),
        (#"[{"id":7,"tenant":"t4acme"}]"#, .responseInvalid),
        (#"{"id":"ID","tenant":"t4acme"}"#, .responseInvalid),
        (#"["t6globex"]"#, .responseInvalid), ("[", .responseInvalid), ("", .responseInvalid),
        ("[]]", .responseInvalid),
    ])
    func isNotShown(_ body: String, _ reason: AdapterReason) throws {
        var exchange = Exchange(adapter, acme, .get, "\(Self.api)/collections")
        try #require(try exchange.send().refused == nil)
        let received = try exchange.receive(200, body.replacing("ID", with: ChromaFixture.collectionID))
        #expect(received.refused == reason)
        #expect(received.refused?.isUpstream == true)
    }

    /// A stopped leak looks to the caller like any answer that cannot be used.
    @Test func doesNotTellOfLeaks() {
        var answers: Set<String> = []
        for reason in [AdapterReason.foreignObject, .responseInvalid] {
            var output = Buffer()
            let path = CanonicalPath()
            #expect(adapter.writeError(AdapterFailure(reason), path, into: &output) == 502)
            answers.insert(output.bytes.string() ?? "no text")
        }
        #expect(answers == [#"{"error":"InternalError","message":"request refused: response_invalid"}"#])
    }

    @Test func refusesOddResponses() throws {
        var exchange = Exchange(adapter, acme, .get, "\(Self.api)/collections")
        try #require(try exchange.send().refused == nil)
        let json = ("content-type", "application/json")
        #expect(try exchange.receive(200, "[]", fields: []).refused == .responseInvalid)
        #expect(
            try exchange.receive(200, "[]", fields: [("content-type", "text/html")]).refused
                == .responseInvalid
        )
        let coded = try exchange.receive(200, "[]", fields: [json, ("content-encoding", "gzip")])
        #expect(coded.refused == .responseCodingRefused)
        for status in [101, 206, 301, 302, 307] as [UInt16] {
            #expect(try exchange.receive(status, "[]").refused == .responseStatusRefused)
        }
        #expect(try exchange.receive(304, "").refused == nil)
        let received = try exchange.receive(
            200,
            "[]",
            fields: [
                json, ("Set-Cookie", "a=b"), ("chroma-trace-id", "7"), ("X-RateLimit-Remaining", "3"),
                ("Date", "now"), ("Location", "/api/v2/tenants/t6globex"), ("ETag", "\"1\""),
                ("Content-MD5", "x"),
            ]
        )
        #expect(received.fields == ["content-type: application/json", "date: now", "etag: \"1\""])
    }

    /// Whatever a body looks like, what comes out names nobody else and shows no id of the store's own.
    @Test func showsNobodyElseWhateverComesBack() throws {
        var random = Seeded.printed()
        let sources = try ["collections", "databases", "collection", "tenant"].map(ChromaFixture.body)
        var exchange = Exchange(adapter, acme, .get, "\(Self.api)/collections")
        try #require(try exchange.send().refused == nil)
        let pieces = [
            "t6globex", "t4acme", "t5acme2", ",", "{", "}", "[", "]", "\"", "\\u0074", "null", ":",
            "\"tenant\"",
        ]
        var passed = 0
        for _ in 0..<3_000 {
            var body = sources.randomElement(using: &random)!.replacing("t6globex", with: "x")
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                let place = body.index(
                    body.startIndex,
                    offsetBy: Int.random(in: 0..<body.count, using: &random)
                )
                if Bool.random(using: &random) {
                    body.insert(contentsOf: pieces.randomElement(using: &random)!, at: place)
                } else {
                    body.remove(at: place)
                }
            }
            let received = try exchange.receive(200, body)
            guard received.refused == nil else { continue }
            passed += 1
            // Metadata is the tenant's own, whatever it says: where it can be told apart, it is not looked at.
            guard let value = try? JSONValue.parse(received.body.utf8Span.span) else {
                #expect(!received.body.contains("\"tenant\":\"t"))
                #expect(!received.body.contains("\"id\":\"\(ChromaFixture.collectionID)"))
                continue
            }
            for object in value.array?.compactMap(\.object) ?? [value.object].compactMap(\.self) {
                #expect(object["tenant"]?.string?.hasPrefix("t") != true)
                #expect(object["id"]?.string != ChromaFixture.collectionID)
            }
        }
        print("\(passed) of 3000 mutated bodies were as declared")
    }
}
