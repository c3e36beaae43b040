// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import Crypto
internal import JSON

/// Requests of DynamoDB, put into a compartment: the partition key of every key, item and comparison.
package struct DynamoDBRequest {
    /// Of a request or response: a batch has 16 MiB of items.
    package static let maximumBytes = 20 << 20
    static let maximumDepth = 128

    private let operation: DynamoDBOperation
    private let tables: TableFinder
    private let prefix: KeyPrefix

    init(_ operation: DynamoDBOperation, _ tables: TableFinder, _ prefix: KeyPrefix) {
        self.operation = operation
        self.tables = tables
        self.prefix = prefix
    }

    /// For tables that are all declared.
    package init(_ operation: DynamoDBOperation, _ resources: StoreResources, _ prefix: KeyPrefix) {
        self.init(
            operation,
            TableFinder(resources: resources, schemas: KeySchemaCache(), space: ""),
            prefix
        )
    }

    /// Appends the body that goes to the store.
    /// - Throws: `body_invalid`, `member_…`, `resource_unknown`.
    package func rewrite(_ body: Span<UInt8>, into output: inout Buffer) throws(AdapterFailure) {
        let request = try DynamoDBValues.object(body)
        let changed: JSONObject
        switch operation.shape {
        case .single: changed = try single(request, passed: operation.passed)
        case .query: changed = try query(request)
        case .batchGet, .batchWrite: changed = try batch(request)
        case .transactGet, .transactWrite: changed = try transaction(request)
        case .describe:
            _ = try table(request)
            changed = try DynamoDBValues.mapped(request) { (name, value) throws(AdapterFailure) in
                guard name == "TableName" else { throw AdapterFailure(.memberUndeclared) }
                return value
            }
        }
        JSONValue.object(changed).write(into: &output)
    }

    // MARK: tables

    private func table(_ request: JSONObject) throws(AdapterFailure) -> StoreResources.Table {
        guard let name = request["TableName"]?.string else { throw AdapterFailure(.memberMissing) }
        return try tables.table(named: name)
    }

    // MARK: one table

    /// A request, or one part of a transaction: a key or an item, and expressions.
    private func single(_ request: JSONObject, passed: Set<String>) throws(AdapterFailure) -> JSONObject {
        let table = try table(request)
        guard (request["Key"] == nil) != (request["Item"] == nil) else {
            throw AdapterFailure(.memberMissing)
        }
        var expressions = try expressions(request, table)
        let values = DynamoDBValues(prefix: prefix, table: table)
        let changed = try DynamoDBValues.mapped(request) { (name, value) throws(AdapterFailure) in
            switch name {
            case "Key", "Item": return try values.inside(value)
            case "ConditionExpression": return try Self.rewritten(value, .condition, &expressions)
            case "UpdateExpression": return try Self.rewritten(value, .update, &expressions)
            case "ProjectionExpression":
                try expressions.check(projection: try Self.text(value))
                return value
            case "TableName", "ExpressionAttributeNames", "ExpressionAttributeValues": return value
            default:
                guard passed.contains(name) else { throw AdapterFailure(.memberUndeclared) }
                return value
            }
        }
        return try finished(changed, expressions)
    }

    private func query(_ request: JSONObject) throws(AdapterFailure) -> JSONObject {
        let table = try table(request)
        var key = table.partitionKey
        if let index = request["IndexName"] {
            guard let name = index.string, let found = table.indexes[name] else {
                throw AdapterFailure(.resourceUnknown)
            }
            key = found
        }
        guard (request["KeyConditionExpression"] == nil) != (request["KeyConditions"] == nil) else {
            throw AdapterFailure(.memberMissing)
        }
        var expressions = try expressions(request, table)
        let values = DynamoDBValues(prefix: prefix, table: table)
        let changed = try DynamoDBValues.mapped(request) { (name, value) throws(AdapterFailure) in
            switch name {
            case "KeyConditionExpression":
                return .string(
                    try expressions.rewrite(try Self.text(value), .keyCondition, partitionKey: key)
                )
            case "KeyConditions": return try conditions(value, key, values)
            case "FilterExpression": return try Self.rewritten(value, .condition, &expressions)
            case "ExclusiveStartKey": return try values.inside(value)
            case "ProjectionExpression":
                try expressions.check(projection: try Self.text(value))
                return value
            case "TableName", "IndexName", "ExpressionAttributeNames", "ExpressionAttributeValues":
                return value
            default:
                guard operation.passed.contains(name) else { throw AdapterFailure(.memberUndeclared) }
                return value
            }
        }
        return try finished(changed, expressions)
    }

    /// The older form of key conditions.
    private func conditions(
        _ value: JSONValue,
        _ key: String,
        _ values: DynamoDBValues
    ) throws(AdapterFailure) -> JSONValue {
        guard let object = value.object, let own = object[key]?.object,
            own["ComparisonOperator"]?.string == "EQ"
        else { throw AdapterFailure(.memberMissing) }
        return .object(
            try DynamoDBValues.mapped(object) { (attribute, condition) throws(AdapterFailure) in
                guard values.table.namespaced.contains(attribute) else { return condition }
                guard let members = condition.object else { throw AdapterFailure(.memberType) }
                return .object(
                    try DynamoDBValues.mapped(members) { (name, value) throws(AdapterFailure) in
                        if name == "ComparisonOperator" {
                            let known: Set = ["EQ", "BEGINS_WITH", "BETWEEN", "LT", "LE", "GT", "GE"]
                            guard let text = value.string, known.contains(text) else {
                                throw AdapterFailure(.memberRefused)
                            }
                            return value
                        }
                        guard name == "AttributeValueList", let list = value.array else {
                            throw AdapterFailure(.memberUndeclared)
                        }
                        var changed: [JSONValue] = []
                        for element in list { changed.append(try values.inside(value: element)) }
                        return .array(changed)
                    }
                )
            }
        )
    }

    // MARK: expressions

    private static func text(_ value: JSONValue) throws(AdapterFailure) -> String {
        guard let text = value.string else { throw AdapterFailure(.memberType) }
        return text
    }

    private static func rewritten(
        _ value: JSONValue,
        _ kind: DynamoDBExpressions.Kind,
        _ expressions: inout DynamoDBExpressions
    ) throws(AdapterFailure) -> JSONValue {
        .string(try expressions.rewrite(try text(value), kind))
    }

    private func expressions(
        _ request: JSONObject,
        _ table: StoreResources.Table
    ) throws(AdapterFailure) -> DynamoDBExpressions {
        var names: [String: String] = [:]
        if let value = request["ExpressionAttributeNames"] {
            guard let object = value.object else { throw AdapterFailure(.memberType) }
            for member in object.members { names[member.name] = try Self.text(member.value) }
        }
        var values: Set<String> = []
        if let value = request["ExpressionAttributeValues"] {
            guard let object = value.object else { throw AdapterFailure(.memberType) }
            values = Set(object.members.map(\.name))
        }
        return DynamoDBExpressions(names: names, values: values, namespaced: table.namespaced)
    }

    /// With the values that expressions now name, and without those that none does any more: the store takes one that
    /// nobody uses for a mistake.
    private func finished(
        _ request: JSONObject,
        _ expressions: DynamoDBExpressions
    ) throws(AdapterFailure) -> JSONObject {
        guard !expressions.added.isEmpty else { return request }
        guard let old = request["ExpressionAttributeValues"]?.object else {
            throw AdapterFailure(.memberMissing)
        }
        let replaced = Set(expressions.added.map(\.original))
        var values = JSONObject()
        for member in old.members
        where expressions.used.contains(member.name) || !replaced.contains(member.name) {
            _ = values.append(member.name, member.value)
        }
        for (name, original) in expressions.added {
            guard let value = old[original] else { throw AdapterFailure(.memberMissing) }
            let changed = try DynamoDBValues.inside(value: value, prefix)
            guard values.append(name, changed) else { throw AdapterFailure(.memberRefused) }
        }
        return try DynamoDBValues.mapped(request) { (name, value) throws(AdapterFailure) in
            name == "ExpressionAttributeValues" ? .object(values) : value
        }
    }

    // MARK: several tables

    private func batch(_ request: JSONObject) throws(AdapterFailure) -> JSONObject {
        guard request["RequestItems"] != nil else { throw AdapterFailure(.memberMissing) }
        return try DynamoDBValues.mapped(request) { (name, value) throws(AdapterFailure) in
            if name != "RequestItems" {
                guard operation.passed.contains(name) else { throw AdapterFailure(.memberUndeclared) }
                return value
            }
            return try requestItems(value) { (values, value) throws(AdapterFailure) in
                try values.inside(value)
            }
        }
    }

    /// The shape of `RequestItems`, which comes back in `Unprocessed…` too.
    func requestItems(
        _ value: JSONValue,
        _ change: (DynamoDBValues, JSONValue) throws(AdapterFailure) -> JSONValue
    ) throws(AdapterFailure) -> JSONValue {
        guard let tables = value.object else { throw AdapterFailure(.memberType) }
        return .object(
            try DynamoDBValues.mapped(tables) { (name, value) throws(AdapterFailure) in
                let values = DynamoDBValues(prefix: prefix, table: try self.tables.table(named: name))
                if case .batchGet = operation.shape { return try gets(value, values, change) }
                guard let requests = value.array else { throw AdapterFailure(.memberType) }
                var changed: [JSONValue] = []
                for request in requests { changed.append(try write(request, values, change)) }
                return .array(changed)
            }
        )
    }

    private func gets(
        _ value: JSONValue,
        _ values: DynamoDBValues,
        _ change: (DynamoDBValues, JSONValue) throws(AdapterFailure) -> JSONValue
    ) throws(AdapterFailure) -> JSONValue {
        guard let members = value.object, members["Keys"] != nil else { throw AdapterFailure(.memberMissing) }
        return .object(
            try DynamoDBValues.mapped(members) { (name, value) throws(AdapterFailure) in
                switch name {
                case "Keys":
                    guard let keys = value.array else { throw AdapterFailure(.memberType) }
                    var changed: [JSONValue] = []
                    for key in keys { changed.append(try change(values, key)) }
                    return .array(changed)
                case "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames",
                    "AttributesToGet":
                    return value
                default: throw AdapterFailure(.memberUndeclared)
                }
            }
        )
    }

    private func write(
        _ value: JSONValue,
        _ values: DynamoDBValues,
        _ change: (DynamoDBValues, JSONValue) throws(AdapterFailure) -> JSONValue
    ) throws(AdapterFailure) -> JSONValue {
        guard let request = value.object, request.count == 1 else { throw AdapterFailure(.memberType) }
        return .object(
            try DynamoDBValues.mapped(request) { (kind, value) throws(AdapterFailure) in
                let wanted = kind == "PutRequest" ? "Item" : "Key"
                guard ["PutRequest", "DeleteRequest"].contains(kind), let members = value.object,
                    members.count == 1, let inner = members[wanted]
                else { throw AdapterFailure(.memberUndeclared) }
                var changed = JSONObject()
                _ = changed.append(wanted, try change(values, inner))
                return .object(changed)
            }
        )
    }

    private func transaction(_ request: JSONObject) throws(AdapterFailure) -> JSONObject {
        guard request["TransactItems"] != nil else { throw AdapterFailure(.memberMissing) }
        let kinds: Set<String>
        if case .transactGet = operation.shape {
            kinds = ["Get"]
        } else {
            kinds = ["Put", "Update", "Delete", "ConditionCheck"]
        }
        return try DynamoDBValues.mapped(request) { (name, value) throws(AdapterFailure) in
            switch name {
            case "TransactItems":
                guard let items = value.array else { throw AdapterFailure(.memberType) }
                var changed: [JSONValue] = []
                for item in items {
                    guard let members = item.object, members.count == 1 else {
                        throw AdapterFailure(.memberType)
                    }
                    changed.append(
                        .object(
                            try DynamoDBValues.mapped(members) { (kind, value) throws(AdapterFailure) in
                                guard kinds.contains(kind), let part = value.object else {
                                    throw AdapterFailure(.memberUndeclared)
                                }
                                let passed: Set = ["ReturnValuesOnConditionCheckFailure"]
                                return .object(try single(part, passed: kind == "Get" ? [] : passed))
                            }
                        )
                    )
                }
                return .array(changed)
            case "ClientRequestToken":
                guard operation.name == "TransactWriteItems" else { throw AdapterFailure(.memberUndeclared) }
                return .string(token(try Self.text(value)))
            default:
                guard operation.passed.contains(name) else { throw AdapterFailure(.memberUndeclared) }
                return value
            }
        }
    }

    /// Two tenants may choose the same token, and the store would take the second for the first (THREATS 15).
    private func token(_ text: String) -> String {
        var hasher = SHA256Hasher()
        hasher.update(prefixed: ("bulkhead request token v1" as StaticString).bytes)
        hasher.update(prefixed: prefix.bytes.span)
        hasher.update(prefixed: text.utf8Span.span)
        let digest = hasher.finish()
        return String("\(digest)".prefix(36))
    }
}
