// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import JSON

/// IAM policies that narrow a session to one compartment, for the action at hand: the second layer, which the store
/// enforces by itself. They come from the same encoder as the rewrite (DESIGN §1.3).
package enum SessionPolicy {
    /// STS takes no longer one.
    package static let maximumBytes = 2048

    /// For S3.
    package static func s3(_ action: String, _ buckets: [String], _ prefix: KeyPrefix) -> [UInt8] {
        let objects = buckets.map { "arn:aws:s3:::\($0)/\(prefix.text)*" }
        let whole = buckets.map { "arn:aws:s3:::\($0)" }
        var statements: [JSONValue] = []
        switch action {
        case "memory:List":
            // With the slash: without it, a code would be the beginning of others.
            let condition = object(["StringLike": object(["s3:prefix": .string(prefix.text + "*")])])
            let listing = ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"]
            statements = [
                statement(listing, whole, condition), statement(["s3:GetBucketLocation"], whole, nil),
            ]
        case "memory:Write":
            let actions = [
                "s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload",
                // The source of a copy.
                "s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging",
            ]
            statements = [statement(actions, objects, nil)]
        case "memory:Delete":
            let actions = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:DeleteObjectTagging"]
            statements = [statement(actions, objects, nil)]
        default:
            let actions = [
                "s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectAttributes",
                "s3:ListMultipartUploadParts",
            ]
            statements = [statement(actions, objects, nil)]
        }
        return document(statements)
    }

    /// For DynamoDB.
    package static func dynamoDB(
        _ action: String,
        _ tables: [String],
        _ prefix: KeyPrefix
    ) -> [UInt8] {
        let arns = arns(tables)
        let actions: [String]
        switch action {
        case "memory:List": return document([statement(["dynamodb:DescribeTable"], arns, nil)])
        case "memory:Search": actions = ["dynamodb:Query"]
        case "memory:Delete": actions = ["dynamodb:DeleteItem"]
        case "memory:Write":
            actions = [
                "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem",
                "dynamodb:ConditionCheckItem",
            ]
        default: actions = ["dynamodb:GetItem", "dynamodb:BatchGetItem"]
        }
        return document([statement(actions, arns, leadingKeys(prefix))])
    }

    /// For keys that leave Bulkhead: all that S3 and DynamoDB do with what is the compartment's, in few words.
    package static func all(_ buckets: [String], _ tables: [String], _ prefix: KeyPrefix) -> [UInt8] {
        var statements: [JSONValue] = []
        if !buckets.isEmpty {
            let actions = [
                "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
            ]
            let condition = object(["StringLike": object(["s3:prefix": .string(prefix.text + "*")])])
            statements = [
                statement(actions, buckets.map { "arn:aws:s3:::\($0)/\(prefix.text)*" }, nil),
                statement(["s3:ListBucket"], buckets.map { "arn:aws:s3:::\($0)" }, condition),
            ]
        }
        if !tables.isEmpty {
            let actions = [
                "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem",
                "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem",
                "dynamodb:ConditionCheckItem",
            ]
            statements.append(statement(actions, arns(tables), leadingKeys(prefix)))
        }
        return document(statements)
    }

    private static func arns(_ tables: [String]) -> [String] {
        tables.flatMap { table in
            ["arn:aws:dynamodb:*:*:table/\(table)", "arn:aws:dynamodb:*:*:table/\(table)/index/*"]
        }
    }

    /// `ForAllValues` holds for an empty set too, so that a request which names no key must be excluded by itself.
    private static func leadingKeys(_ prefix: KeyPrefix) -> JSONValue {
        object([
            "ForAllValues:StringLike": object(["dynamodb:LeadingKeys": .string(prefix.text + "*")]),
            "Null": object(["dynamodb:LeadingKeys": .string("false")]),
        ])
    }

    static func statement(
        _ actions: [String],
        _ resources: [String],
        _ condition: JSONValue?
    ) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("Effect", .string("Allow")), ("Action", .array(actions.map { .string($0) })),
            ("Resource", .array(resources.map { .string($0) })),
        ]
        if let condition { members.append(("Condition", condition)) }
        var statement = JSONObject()
        for (name, value) in members { _ = statement.append(name, value) }
        return .object(statement)
    }

    private static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
        var object = JSONObject()
        for (name, value) in members { _ = object.append(name, value) }
        return .object(object)
    }

    static func document(_ statements: [JSONValue]) -> [UInt8] {
        var output = Buffer()
        let policy = object(["Version": .string("2012-10-17"), "Statement": .array(statements)])
        policy.write(into: &output)
        return output.bytes.array()
    }
}
