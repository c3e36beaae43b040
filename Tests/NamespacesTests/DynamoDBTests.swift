// SPDX-License-Identifier: Apache-2.0
import Bytes
import JSON
import Namespaces
import TestSupport
import Testing

@Suite struct DynamoDBTests {
    private static let resources = StoreResources(tables: [
        .init(name: "sessions", partitionKey: "pk", indexes: ["by-owner": "owner", "inverted": "sk"]),
        .init(name: "facts", partitionKey: "id"),
    ])

    private static func prefix() throws -> KeyPrefix {
        KeyPrefix(try Compartment(scope: .tenant, tenant: "acme"))
    }

    private static func operation(_ name: String) throws -> DynamoDBOperation {
        let target = "DynamoDB_20120810.\(name)".bytes
        return DynamoDBOperation.all[try DynamoDBOperation.match(target.span)]
    }

    private static func rewritten(_ name: String, _ body: String) throws -> String {
        let request = DynamoDBRequest(try operation(name), resources, try prefix())
        var output = Buffer()
        do throws(AdapterFailure) {
            try request.rewrite(body.bytes.span, into: &output)
            return output.text ?? ""
        } catch {
            return error.reason.rawValue
        }
    }

    private static func mapped(_ name: String, _ request: String, _ body: String, isError: Bool = false)
        throws -> String
    {
        let (operation, prefix) = (try operation(name), try prefix())
        var output = Buffer()
        do throws(AdapterFailure) {
            let response = try DynamoDBResponse(operation, resources, prefix, request: request.bytes.span)
            if isError {
                try response.mapError(body.bytes.span, into: &output)
            } else {
                try response.map(body.bytes.span, into: &output)
            }
            return output.text ?? ""
        } catch {
            return error.reason.rawValue
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var operation: String
        var body: String
        var expected: String
        var testDescription: String { "\(operation) \(body)" }
        init(_ operation: String, _ body: String, _ expected: String) {
            (self.operation, self.body, self.expected) = (operation, body, expected)
        }
    }

    static let requests: [Case] = [
        .init(
            "GetItem",
            #"{"TableName":"facts","Key":{"id":{"S":"a"}},"ConsistentRead":true}"#,
            #"{"TableName":"facts","Key":{"id":{"S":"t4acme/a"}},"ConsistentRead":true}"#
        ),
        .init(
            "PutItem",
            #"{"TableName":"sessions","Item":{"pk":{"S":"a"},"sk":{"S":"b"},"owner":{"S":"o"},"n":{"N":"1"}},"ConditionExpression":"attribute_not_exists(pk)"}"#,
            #"{"TableName":"sessions","Item":{"pk":{"S":"t4acme/a"},"sk":{"S":"t4acme/b"},"owner":{"S":"t4acme/o"},"n":{"N":"1"}},"ConditionExpression":"attribute_not_exists ( pk )"}"#
        ),
        .init(
            "Query",
            #"{"TableName":"facts","KeyConditionExpression":"id = :v","ExpressionAttributeValues":{":v":{"S":"a"}}}"#,
            #"{"TableName":"facts","KeyConditionExpression":"id = :bulkhead0","ExpressionAttributeValues":{":bulkhead0":{"S":"t4acme/a"}}}"#
        ),
        .init(
            "Query",
            ##"{"TableName":"sessions","KeyConditionExpression":"#p=:v AND begins_with(sk,:v)","FilterExpression":"x = :v","ExpressionAttributeNames":{"#p":"pk"},"ExpressionAttributeValues":{":v":{"S":"a"}},"ExclusiveStartKey":{"pk":{"S":"a"},"sk":{"S":"b"}}}"##,
            ##"{"TableName":"sessions","KeyConditionExpression":"#p = :bulkhead0 AND begins_with ( sk , :bulkhead1 )","FilterExpression":"x = :v","ExpressionAttributeNames":{"#p":"pk"},"ExpressionAttributeValues":{":v":{"S":"a"},":bulkhead0":{"S":"t4acme/a"},":bulkhead1":{"S":"t4acme/a"}},"ExclusiveStartKey":{"pk":{"S":"t4acme/a"},"sk":{"S":"t4acme/b"}}}"##
        ),
        .init(
            "Query",
            #"{"TableName":"sessions","IndexName":"by-owner","KeyConditionExpression":"(owner = :v)","ExpressionAttributeValues":{":v":{"S":"a"}}}"#,
            #"{"TableName":"sessions","IndexName":"by-owner","KeyConditionExpression":"( owner = :bulkhead0 )","ExpressionAttributeValues":{":bulkhead0":{"S":"t4acme/a"}}}"#
        ),
        .init(
            "Query",
            #"{"TableName":"facts","KeyConditions":{"id":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"a"}]}}}"#,
            #"{"TableName":"facts","KeyConditions":{"id":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"t4acme/a"}]}}}"#
        ),
        .init(
            "UpdateItem",
            #"{"TableName":"sessions","Key":{"pk":{"S":"a"},"sk":{"S":"b"}},"UpdateExpression":"SET owner = :o, x = :o REMOVE y.z[0]","ExpressionAttributeValues":{":o":{"S":"o"}}}"#,
            #"{"TableName":"sessions","Key":{"pk":{"S":"t4acme/a"},"sk":{"S":"t4acme/b"}},"UpdateExpression":"SET owner = :bulkhead0 , x = :o REMOVE y.z[0]","ExpressionAttributeValues":{":o":{"S":"o"},":bulkhead0":{"S":"t4acme/o"}}}"#
        ),
        .init(
            "BatchGetItem",
            #"{"RequestItems":{"facts":{"Keys":[{"id":{"S":"a"}},{"id":{"S":"b"}}]}}}"#,
            #"{"RequestItems":{"facts":{"Keys":[{"id":{"S":"t4acme/a"}},{"id":{"S":"t4acme/b"}}]}}}"#
        ),
        .init(
            "BatchWriteItem",
            #"{"RequestItems":{"facts":[{"PutRequest":{"Item":{"id":{"S":"a"}}}},{"DeleteRequest":{"Key":{"id":{"S":"b"}}}}]}}"#,
            #"{"RequestItems":{"facts":[{"PutRequest":{"Item":{"id":{"S":"t4acme/a"}}}},{"DeleteRequest":{"Key":{"id":{"S":"t4acme/b"}}}}]}}"#
        ),
        .init(
            "TransactWriteItems",
            #"{"TransactItems":[{"Put":{"TableName":"facts","Item":{"id":{"S":"a"}}}},{"ConditionCheck":{"TableName":"facts","Key":{"id":{"S":"b"}},"ConditionExpression":"attribute_exists(id)"}}]}"#,
            #"{"TransactItems":[{"Put":{"TableName":"facts","Item":{"id":{"S":"t4acme/a"}}}},{"ConditionCheck":{"TableName":"facts","Key":{"id":{"S":"t4acme/b"}},"ConditionExpression":"attribute_exists ( id )"}}]}"#
        ),
        .init("DescribeTable", #"{"TableName":"facts"}"#, #"{"TableName":"facts"}"#),
    ]

    @Test(arguments: requests)
    func requestsGoIntoTheCompartment(_ item: Case) throws {
        #expect(try Self.rewritten(item.operation, item.body) == item.expected)
    }

    private static func query(_ condition: String, _ more: String = "") -> String {
        ##"{"TableName":"sessions","KeyConditionExpression":"\##(condition)","ExpressionAttributeNames":{"#p":"pk","#o":"owner"},"ExpressionAttributeValues":{":v":{"S":"a"},":w":{"S":"b"}}\##(more)}"##
    }

    private static func update(_ expression: String) -> String {
        ##"{"TableName":"sessions","Key":{"pk":{"S":"a"},"sk":{"S":"b"}},"UpdateExpression":"\##(expression)","ExpressionAttributeNames":{"#o":"owner"},"ExpressionAttributeValues":{":v":{"S":"a"}}}"##
    }

    static let refusals: [Case] = [
        .init("GetItem", #"{"TableName":"other","Key":{"id":{"S":"a"}}}"#, "resource_unknown"),
        .init(
            "GetItem",
            #"{"TableName":"arn:aws:dynamodb:x:1:table/facts","Key":{"id":{"S":"a"}}}"#,
            "resource_unknown"
        ),
        .init("GetItem", #"{"Key":{"id":{"S":"a"}}}"#, "member_missing"),
        .init("GetItem", #"{"TableName":"facts","Key":{"id":{"N":"1"}}}"#, "member_type"),
        .init("GetItem", #"{"TableName":"facts","Key":{"id":{"B":"YQ=="}}}"#, "member_type"),
        .init("GetItem", #"{"TableName":"facts","Key":{"id":{"S":"a","N":"1"}}}"#, "member_type"),
        .init("GetItem", #"{"TableName":"facts","Key":{"other":{"S":"a"}}}"#, "member_missing"),
        .init(
            "GetItem",
            #"{"TableName":"facts","Key":{"id":{"S":"a"}},"tablename":"x"}"#,
            "member_undeclared"
        ),
        .init(
            "GetItem",
            #"{"TableName":"facts","Key":{"id":{"S":"a"}},"Key":{"id":{"S":"b"}}}"#,
            "member_duplicate"
        ),
        .init(
            "GetItem",
            #"{"TableName":"facts","Key":{"id":{"S":"a"},"i\u0064":{"S":"b"}}}"#,
            "member_duplicate"
        ),
        .init(
            "GetItem",
            #"{"TableName":"facts","TableName":"other","Key":{"id":{"S":"a"}}}"#,
            "member_duplicate"
        ),
        .init("PutItem", #"{"TableName":"facts","Item":{"x":{"S":"a"}}}"#, "member_missing"),
        .init(
            "PutItem",
            #"{"TableName":"sessions","Item":{"pk":{"S":"a"},"owner":{"NULL":true}}}"#,
            "member_type"
        ),
        .init(
            "PutItem",
            #"{"TableName":"facts","Item":{"id":{"S":"a"}},"Expected":{}}"#,
            "member_undeclared"
        ),
        .init("Query", #"{"TableName":"sessions"}"#, "member_missing"),
        .init("Query", query("sk = :v"), "member_missing"),
        .init("Query", query("pk = :v OR pk = :w"), "member_missing"),
        .init("Query", query("NOT pk = :v"), "member_refused"),
        .init("Query", query("pk = :v OR x = :w"), "member_refused"),
        .init("Query", query("pk > :v"), "member_refused"),
        .init("Query", query("begins_with(pk, :v)"), "member_refused"),
        .init("Query", query("pk = sk"), "member_refused"),
        .init("Query", query(":v = pk"), "member_refused"),
        .init("Query", query("pk = :x"), "member_missing"),
        .init("Query", query("owner = :v", #","IndexName":"none""#), "resource_unknown"),
        .init("Query", query("pk = :v", #","IndexName":"by-owner""#), "member_missing"),
        .init("Query", query("pk = :v", #","FilterExpression":"contains(#o, :w)""#), "member_refused"),
        .init("Query", query("pk = :v", #","FilterExpression":"size(#o) > :w""#), "member_refused"),
        .init("Query", query("pk = :v", #","FilterExpression":"x = #o""#), "member_refused"),
        .init("Query", query("pk = :v", ##","FilterExpression":"#o IN (:w)""##), "member_refused"),
        .init("Query", query("pk = :v", #","FilterExpression":"x = \"y\"""#), "member_refused"),
        .init("Query", query("pk = :v", #","FilterExpression":"x = 'y'""#), "member_refused"),
        .init("Query", query("pk = :v", #","KeyConditions":{}"#), "member_missing"),
        .init("Query", query("pk = :v", #","QueryFilter":{}"#), "member_undeclared"),
        .init("Query", query("pk = :v", #","ExclusiveStartKey":{"sk":{"S":"x"}}"#), "member_missing"),
        .init("UpdateItem", update("SET x = owner"), "member_refused"),
        .init("UpdateItem", update("SET x = #o"), "member_refused"),
        .init("UpdateItem", update("SET owner = x"), "member_refused"),
        .init("UpdateItem", update("SET owner = if_not_exists(owner, :v)"), "member_refused"),
        .init("UpdateItem", update("SET owner = :v + :v"), "member_refused"),
        .init("UpdateItem", update("SET owner.x = :v"), "member_refused"),
        .init("UpdateItem", update("ADD owner :v"), "member_refused"),
        .init("UpdateItem", update("DELETE #o :v"), "member_refused"),
        .init(
            "UpdateItem",
            #"{"TableName":"facts","Key":{"id":{"S":"a"}},"AttributeUpdates":{}}"#,
            "member_undeclared"
        ),
        .init("BatchGetItem", #"{"RequestItems":{"other":{"Keys":[{"id":{"S":"a"}}]}}}"#, "resource_unknown"),
        .init("BatchGetItem", #"{"RequestItems":{"facts":{"Keys":[{"x":{"S":"a"}}]}}}"#, "member_missing"),
        .init("BatchGetItem", #"{"RequestItems":{"facts":{}}}"#, "member_missing"),
        .init(
            "BatchWriteItem",
            #"{"RequestItems":{"facts":[{"PutRequest":{"Key":{}}}]}}"#,
            "member_undeclared"
        ),
        .init("BatchWriteItem", #"{"RequestItems":{"other":[]}}"#, "resource_unknown"),
        .init("TransactGetItems", #"{"TransactItems":[{"Put":{"TableName":"facts"}}]}"#, "member_undeclared"),
        .init(
            "TransactGetItems",
            #"{"TransactItems":[{"Get":{"TableName":"other","Key":{"id":{"S":"a"}}}}]}"#,
            "resource_unknown"
        ),
        .init("DescribeTable", #"{"TableName":"other"}"#, "resource_unknown"),
        .init("GetItem", "[]", "body_invalid"), .init("GetItem", "", "body_invalid"),
    ]

    @Test(arguments: refusals)
    func whatLeadsOutIsRefused(_ item: Case) throws {
        #expect(try Self.rewritten(item.operation, item.body) == item.expected)
    }

    @Test(arguments: ["Scan", "ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"])
    func whatNamesNoKeyIsRefused(_ name: String) {
        #expect(throws: AdapterFailure(.operationRefused)) { try Self.operation(name) }
    }

    @Test(arguments: [
        "CreateTable", "DeleteTable", "ListTables", "scan", "", "GetItem.", "RestoreTableFromBackup",
    ])
    func whatIsNotKnownIsRefused(_ name: String) {
        #expect(throws: AdapterFailure(.operationUnknown)) { try Self.operation(name) }
    }

    @Test func tokensOfTwoTenantsDiffer() throws {
        let body = #"{"TransactItems":[],"ClientRequestToken":"x"}"#
        let ours = try Self.rewritten("TransactWriteItems", body)
        let other = DynamoDBRequest(
            try Self.operation("TransactWriteItems"),
            Self.resources,
            KeyPrefix(try Compartment(scope: .tenant, tenant: "other"))
        )
        var output = Buffer()
        try other.rewrite(body.bytes.span, into: &output)
        #expect(ours != output.text && !ours.contains(#""x""#))
    }

    @Test func answersAreMappedBack() throws {
        let get = #"{"TableName":"facts","Key":{"id":{"S":"t4acme/a"}}}"#
        #expect(
            try Self.mapped("GetItem", get, #"{"Item":{"id":{"S":"t4acme/a"},"n":{"N":"1"}}}"#)
                == #"{"Item":{"id":{"S":"a"},"n":{"N":"1"}}}"#
        )
        #expect(try Self.mapped("GetItem", get, "{}") == "{}")
        #expect(
            try Self.mapped(
                "Query",
                #"{"TableName":"facts"}"#,
                #"{"Items":[{"id":{"S":"t4acme/a"}}],"Count":1,"ScannedCount":1,"LastEvaluatedKey":{"id":{"S":"t4acme/a"}}}"#
            )
                == #"{"Items":[{"id":{"S":"a"}}],"Count":1,"ScannedCount":1,"LastEvaluatedKey":{"id":{"S":"a"}}}"#
        )
        #expect(
            try Self.mapped(
                "BatchGetItem",
                #"{"RequestItems":{}}"#,
                #"{"Responses":{"facts":[{"id":{"S":"t4acme/a"}}]},"UnprocessedKeys":{"facts":{"Keys":[{"id":{"S":"t4acme/b"}}]}}}"#
            )
                == #"{"Responses":{"facts":[{"id":{"S":"a"}}]},"UnprocessedKeys":{"facts":{"Keys":[{"id":{"S":"b"}}]}}}"#
        )
        #expect(
            try Self.mapped(
                "TransactGetItems",
                #"{"TransactItems":[{"Get":{"TableName":"facts"}},{"Get":{"TableName":"sessions"}}]}"#,
                #"{"Responses":[{"Item":{"id":{"S":"t4acme/a"}}},{"Item":{"pk":{"S":"t4acme/b"}}}]}"#
            ) == #"{"Responses":[{"Item":{"id":{"S":"a"}}},{"Item":{"pk":{"S":"b"}}}]}"#
        )
        #expect(
            try Self.mapped(
                "DescribeTable",
                #"{"TableName":"facts"}"#,
                #"{"Table":{"TableName":"facts","ItemCount":12,"TableSizeBytes":34,"GlobalSecondaryIndexes":[{"IndexName":"i","ItemCount":5}]}}"#
            )
                == #"{"Table":{"TableName":"facts","ItemCount":0,"TableSizeBytes":0,"GlobalSecondaryIndexes":[{"IndexName":"i","ItemCount":0}]}}"#
        )
    }

    @Test func foreignItemsAreStopped() throws {
        let get = #"{"TableName":"facts"}"#
        for id in ["t5other/a", "a", "t4acme", ""] {
            let body = #"{"Item":{"id":{"S":"\#(id)"}}}"#
            #expect(try Self.mapped("GetItem", get, body) == "foreign_object")
        }
        #expect(try Self.mapped("GetItem", get, #"{"Item":{"id":{"N":"1"}}}"#) == "foreign_object")
        #expect(try Self.mapped("GetItem", get, #"{"Other":{}}"#) == "response_undeclared")
    }

    @Test func errorsTellNothing() throws {
        let request = #"{"TransactItems":[{"Put":{"TableName":"facts"}}]}"#
        let mapped = try Self.mapped(
            "TransactWriteItems",
            request,
            #"{"__type":"x#TransactionCanceledException","message":"of t4acme/a","CancellationReasons":[{"Code":"ConditionalCheckFailed","Message":"no","Item":{"id":{"S":"t4acme/a"}}}]}"#,
            isError: true
        )
        #expect(
            mapped
                == #"{"__type":"x#TransactionCanceledException","message":"The store refused the request.","CancellationReasons":[{"Code":"ConditionalCheckFailed","Message":"no","Item":{"id":{"S":"a"}}}]}"#
        )
    }
}
