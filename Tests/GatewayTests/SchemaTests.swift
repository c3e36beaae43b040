// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Crypto
import Gateway
import GatewayRig
import HTTPTypes
import Namespaces
import TestSupport
import Testing

/// Tables that a route does not declare: the request waits until the store has said where their keys stand.
@Suite struct SchemaTests {
    private static let ann = Signer.pool.token(.ann)
    private static let bob = Signer.pool.token(.bob)

    private static func rig() throws -> Rig {
        var options = Rig.Options()
        options.aws =
            "adapter: dynamodb, aws: {tables: [{name: 'agent-*'}, {name: facts, partition_key: id}, {name: notes}]}"
        options.credential =
            "kind: aws-sts, region: us-east-1, role: 'arn:aws:iam::123456789012:role/all', "
            + "roles: {premium: 'arn:aws:iam::999999999999:role/premium'}"
        return try Rig(options)
    }

    private static let keys = AWSCredential(
        accessKeyID: Array("ASIAEXAMPLE".utf8),
        secret: Secret(copying: "of a role".utf8Span.span),
        expiry: Rig.now + .seconds(900)
    )

    /// Sends a request, and answers what it needs: keys always, schemas as they are given.
    private func send(
        _ rig: Rig,
        _ operation: String,
        _ body: String,
        token: String = ann,
        now: WallTime = Rig.now,
        schemas: [String: KeySchema] = [:]
    ) throws -> (run: Run, asked: [SchemaNeed]) {
        let text = Rig.request(
            "POST /",
            host: "vended.local",
            token: token,
            ["Content-Type: application/x-amz-json-1.0", "X-Amz-Target: DynamoDB_20120810.\(operation)"],
            body: body
        )
        let run = try rig.run(text, on: "direct", now: now, meetsNeeds: false)
        var asked: [SchemaNeed] = []
        while case .need(let need) = run.action, asked.count < 9 {
            switch need {
            case .credential:
                run.resume(
                    .met,
                    credential: VendedCredential(
                        keys: Self.keys,
                        renewAt: Rig.now + .seconds(600),
                        expiry: Rig.now + .seconds(900)
                    )
                )
            case .schema(let schema):
                asked.append(schema)
                let known = schemas[schema.query.table]
                run.resume(
                    known.map { .schema($0, until: now + .seconds(30)) } ?? .failed(.schemaUnavailable)
                )
            case .keys, .owners, .lease, .provision: Issue.record("nobody else is asked")
            }
        }
        return (run, asked)
    }

    private static func table(_ name: String, _ key: String = "pk", _ indexes: [String: String] = [:])
        -> KeySchema
    {
        .table(StoreResources.Table(name: name, partitionKey: key, indexes: indexes))
    }

    private static func put(_ table: String) -> String {
        #"{"TableName":"\#(table)","Item":{"pk":{"S":"x"},"owner":{"S":"o"}}}"#
    }

    @Test func theRequestWaitsForTheKeys() throws {
        let rig = try Self.rig()
        let known = ["agent-a": Self.table("agent-a", "pk", ["by-owner": "owner"])]
        let first = try send(rig, "PutItem", Self.put("agent-a"), schemas: known)
        #expect(first.asked.count == 1 && first.run.isForwarded)
        let own = rig.compartment(of: "acme")
        #expect(
            first.run.sentBody
                == #"{"TableName":"agent-a","Item":{"pk":{"S":"\#(own)/x"},"owner":{"S":"\#(own)/o"}}}"#
        )
        // It is asked with keys that may do nothing else, and that are that tenant's.
        let form = String(decoding: first.asked.first?.credential.form ?? [], as: UTF8.self)
        #expect(form.contains("dynamodb%3ADescribeTable") && !form.contains("PutItem"))
        #expect(form.contains("agent-%2A") && form.contains("Value=acme"))
        try first.run.respond("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        #expect(first.run.status == 200)
        // Known now, for everybody who has that role; another role may mean another account.
        #expect(try send(rig, "PutItem", Self.put("agent-a"), schemas: known).asked.isEmpty)
        let bobs = try send(rig, "PutItem", Self.put("agent-a"), token: Self.bob, schemas: known)
        #expect(bobs.asked.count == 1 && bobs.run.isForwarded)
        #expect(bobs.asked.first?.query != first.asked.first?.query)
        // It grows old.
        let later = Rig.now + .seconds(31)
        #expect(try send(rig, "PutItem", Self.put("agent-a"), now: later, schemas: known).asked.count == 1)
    }

    @Test func everyFailureIsARefusal() throws {
        let rig = try Self.rig()
        let down = try send(rig, "PutItem", Self.put("agent-a"))
        #expect(down.run.reason == "schema_unavailable" && down.run.status == 503)
        let numbers = try send(rig, "PutItem", Self.put("agent-n"), schemas: ["agent-n": .refused])
        #expect(numbers.run.reason == "key_refused" && numbers.run.status == 403)
        let gone = try send(rig, "PutItem", Self.put("agent-x"), schemas: ["agent-x": .unknown])
        #expect(gone.run.reason == "resource_unknown" && gone.asked.count == 1)
        // What was not there may be there now: the next request asks.
        #expect(
            try send(rig, "PutItem", Self.put("agent-x"), schemas: ["agent-x": .unknown]).asked.count == 1
        )
        // A table that looks as another one does.
        for name in [
            "other", "agent", "Agent-a", "facts2", "arn:aws:dynamodb:us-east-1:1:table/agent-a",
            "agent-a/index/i", "agent-é", "",
        ] {
            let foreign = try send(rig, "PutItem", Self.put(name))
            #expect(foreign.run.reason == "resource_unknown" && foreign.asked.isEmpty, "\(name)")
        }
        #expect([down, numbers, gone].allSatisfy { !$0.run.isForwarded })
    }

    /// One after the other, and the declared ones without asking.
    @Test func severalTablesAtOnce() throws {
        let rig = try Self.rig()
        let known = ["agent-a": Self.table("agent-a"), "notes": Self.table("notes", "id")]
        let body =
            #"{"RequestItems":{"agent-a":{"Keys":[{"pk":{"S":"1"}}]},"facts":{"Keys":[{"id":{"S":"2"}}]},"#
            + #""notes":{"Keys":[{"id":{"S":"3"}}]}}}"#
        let (run, asked) = try send(rig, "BatchGetItem", body, schemas: known)
        #expect(run.isForwarded && asked.map(\.query.table) == ["agent-a", "notes"])
        let own = rig.compartment(of: "acme")
        for key in ["1", "2", "3"] { #expect(run.sentBody.contains(#"{"S":"\#(own)/\#(key)"}"#)) }
        // Its answer is read by what the request was written by, though that is old by now.
        let answer =
            #"{"Responses":{"notes":[{"id":{"S":"\#(own)/3"}}],"agent-a":[{"pk":{"S":"\#(own)/1"}}]}}"#
        try run.respond("HTTP/1.1 200 OK\r\nContent-Length: \(answer.utf8.count)\r\n\r\n\(answer)")
        #expect(run.answerBody == #"{"Responses":{"notes":[{"id":{"S":"3"}}],"agent-a":[{"pk":{"S":"1"}}]}}"#)
        // Another tenant's items are held back as ever.
        let (second, _) = try send(rig, "BatchGetItem", body, schemas: known)
        let foreign = #"{"Responses":{"notes":[{"id":{"S":"\#(rig.compartment(of: "globex"))/3"}}]}}"#
        try second.respond("HTTP/1.1 200 OK\r\nContent-Length: \(foreign.utf8.count)\r\n\r\n\(foreign)")
        #expect(second.reason == "foreign_object" && second.status == 502)
    }

    @Test func indexesAreThoseThatTheStoreNames() throws {
        let rig = try Self.rig()
        let known = ["agent-a": Self.table("agent-a", "pk", ["by-owner": "owner"])]
        func query(_ index: String, _ attribute: String) -> String {
            #"{"TableName":"agent-a","IndexName":"\#(index)","KeyConditionExpression":"\#(attribute) = :v","#
                + #""ExpressionAttributeValues":{":v":{"S":"o"}}}"#
        }
        let fine = try send(rig, "Query", query("by-owner", "owner"), schemas: known).run
        #expect(fine.isForwarded && fine.sentBody.contains("\(rig.compartment(of: "acme"))/o"))
        #expect(
            try send(rig, "Query", query("by-size", "size"), schemas: known).run.reason == "resource_unknown"
        )
        // By the wrong attribute it would read everybody's part of the index.
        #expect(
            try send(rig, "Query", query("by-owner", "pk"), schemas: known).run.reason == "member_missing"
        )
    }
}
