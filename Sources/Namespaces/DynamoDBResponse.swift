// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import JSON

/// Answers of DynamoDB, as the agent is to see them.
package struct DynamoDBResponse {
    private let operation: DynamoDBOperation
    private let finder: TableFinder
    private let prefix: KeyPrefix
    /// The tables of the request's parts, in order.
    private let tables: [StoreResources.Table]

    /// - Parameter request: the body that went to the store: answers do not say of which table they speak.
    init(
        _ operation: DynamoDBOperation,
        _ finder: TableFinder,
        _ prefix: KeyPrefix,
        request: Span<UInt8>
    ) throws(AdapterFailure) {
        self.operation = operation
        self.finder = finder
        self.prefix = prefix
        let request = try DynamoDBValues.object(request)
        var names: [String] = []
        if let name = request["TableName"]?.string { names.append(name) }
        for item in request["TransactItems"]?.array ?? [] {
            for member in item.object?.members ?? [] {
                if let name = member.value.object?["TableName"]?.string { names.append(name) }
            }
        }
        var found: [StoreResources.Table] = []
        for name in names {
            do throws(AdapterFailure) { found.append(try finder.table(named: name)) } catch {
                throw AdapterFailure(.responseInvalid)
            }
        }
        tables = found
    }

    /// For tables that are all declared.
    package init(
        _ operation: DynamoDBOperation,
        _ resources: StoreResources,
        _ prefix: KeyPrefix,
        request: Span<UInt8>
    ) throws(AdapterFailure) {
        try self.init(
            operation,
            TableFinder(resources: resources, schemas: KeySchemaCache(), space: ""),
            prefix,
            request: request
        )
    }

    /// Appends the body of a success.
    /// - Throws: `response_invalid`, `response_undeclared`, `foreign_object`.
    package func map(_ body: Span<UInt8>, into output: inout Buffer) throws(AdapterFailure) {
        let object: JSONObject
        do throws(AdapterFailure) { object = try DynamoDBValues.object(body) } catch {
            throw AdapterFailure(.responseInvalid)
        }
        let changed = try DynamoDBValues.mapped(object) { (name, value) throws(AdapterFailure) in
            try member(name, value)
        }
        JSONValue.object(changed).write(into: &output)
    }

    private func member(_ name: String, _ value: JSONValue) throws(AdapterFailure) -> JSONValue {
        switch name {
        case "Item", "Attributes", "LastEvaluatedKey": return try first().outside(value)
        case "Items": return try list(value) { (item) throws(AdapterFailure) in try first().outside(item) }
        case "Responses":
            if case .transactGet = operation.shape { return try responses(value) }
            return try byTable(value) { (values, item) throws(AdapterFailure) in try values.outside(item) }
        case "UnprocessedKeys", "UnprocessedItems":
            let request = DynamoDBRequest(operation, finder, prefix)
            return try request.requestItems(value) { (values, item) throws(AdapterFailure) in
                try values.outside(item)
            }
        case "ItemCollectionMetrics":
            if tables.count == 1, value.object?["ItemCollectionKey"] != nil {
                return try collection(value, first())
            }
            return try byTable(value) { (values, item) throws(AdapterFailure) in
                try collection(item, values)
            }
        case "Table": return try described(value)
        case "ConsumedCapacity", "Count", "ScannedCount": return value
        default: throw AdapterFailure(.responseUndeclared)
        }
    }

    private func first() throws(AdapterFailure) -> DynamoDBValues {
        guard let table = tables.first else { throw AdapterFailure(.responseInvalid) }
        return DynamoDBValues(prefix: prefix, table: table)
    }

    private func list(
        _ value: JSONValue,
        _ change: (JSONValue) throws(AdapterFailure) -> JSONValue
    ) throws(AdapterFailure) -> JSONValue {
        guard let elements = value.array else { throw AdapterFailure(.responseInvalid) }
        var changed: [JSONValue] = []
        changed.reserveCapacity(elements.count)
        for element in elements { changed.append(try change(element)) }
        return .array(changed)
    }

    private func byTable(
        _ value: JSONValue,
        _ change: (DynamoDBValues, JSONValue) throws(AdapterFailure) -> JSONValue
    ) throws(AdapterFailure) -> JSONValue {
        guard let object = value.object else { throw AdapterFailure(.responseInvalid) }
        return .object(
            try DynamoDBValues.mapped(object) { (name, value) throws(AdapterFailure) in
                guard let table = try? finder.table(named: name) else {
                    throw AdapterFailure(.responseUndeclared)
                }
                let values = DynamoDBValues(prefix: prefix, table: table)
                return try list(value) { (item) throws(AdapterFailure) in try change(values, item) }
            }
        )
    }

    /// Of a transaction: in the order of its parts.
    private func responses(_ value: JSONValue) throws(AdapterFailure) -> JSONValue {
        guard let elements = value.array, elements.count == tables.count else {
            throw AdapterFailure(.responseInvalid)
        }
        var changed: [JSONValue] = []
        for (element, table) in zip(elements, tables) {
            guard let object = element.object else { throw AdapterFailure(.responseInvalid) }
            let values = DynamoDBValues(prefix: prefix, table: table)
            changed.append(
                .object(
                    try DynamoDBValues.mapped(object) { (name, value) throws(AdapterFailure) in
                        guard name == "Item" else { throw AdapterFailure(.responseUndeclared) }
                        return try values.outside(value)
                    }
                )
            )
        }
        return .array(changed)
    }

    private func collection(
        _ value: JSONValue,
        _ values: DynamoDBValues
    ) throws(AdapterFailure) -> JSONValue {
        guard let object = value.object else { throw AdapterFailure(.responseInvalid) }
        return .object(
            try DynamoDBValues.mapped(object) { (name, value) throws(AdapterFailure) in
                name == "ItemCollectionKey" ? try values.outside(value) : value
            }
        )
    }

    /// Sizes are sums over all tenants (THREATS 16).
    private func described(_ value: JSONValue) throws(AdapterFailure) -> JSONValue {
        guard let object = value.object else { throw AdapterFailure(.responseInvalid) }
        let totals: Set = ["ItemCount", "TableSizeBytes", "IndexSizeBytes"]
        return .object(
            try DynamoDBValues.mapped(object) { (name, value) throws(AdapterFailure) in
                if totals.contains(name) { return .integer(0) }
                if name.hasSuffix("Indexes") {
                    return try list(value) { (index) throws(AdapterFailure) in try described(index) }
                }
                return value
            }
        )
    }

    /// Appends the body of a failure: its type stays, and of its words only those that name nothing.
    package func mapError(_ body: Span<UInt8>, into output: inout Buffer) throws(AdapterFailure) {
        let object: JSONObject
        do throws(AdapterFailure) { object = try DynamoDBValues.object(body) } catch {
            return Self.writeError("InternalServerError", "The store refused the request.", into: &output)
        }
        let changed = try DynamoDBValues.mapped(object) { (name, value) throws(AdapterFailure) in
            switch name {
            case "Item": return try first().outside(value)
            case "CancellationReasons": return try reasons(value)
            case "message", "Message": return plain(value)
            case "__type": return value
            default: return .null
            }
        }
        JSONValue.object(changed).write(into: &output)
    }

    private func reasons(_ value: JSONValue) throws(AdapterFailure) -> JSONValue {
        guard let elements = value.array else { throw AdapterFailure(.responseInvalid) }
        var changed: [JSONValue] = []
        for (place, element) in elements.enumerated() {
            guard let object = element.object, place < tables.count else {
                throw AdapterFailure(.responseInvalid)
            }
            let values = DynamoDBValues(prefix: prefix, table: tables[place])
            changed.append(
                .object(
                    try DynamoDBValues.mapped(object) { (name, value) throws(AdapterFailure) in
                        switch name {
                        case "Item": return value == .null ? value : try values.outside(value)
                        case "Message": return plain(value)
                        default: return value
                        }
                    }
                )
            )
        }
        return .array(changed)
    }

    /// A text in which no role, no account and no compartment stands.
    private func plain(_ value: JSONValue) -> JSONValue {
        let text = value.string ?? ""
        if text.contains("arn:") || text.contains(prefix.text.dropLast()) {
            return .string("The store refused the request.")
        }
        return value
    }

    /// Appends an error in DynamoDB's form.
    package static func writeError(_ type: String, _ message: String, into output: inout Buffer) {
        var writer = JSONWriter()
        writer.beginObject(&output)
        writer.key("__type", &output)
        writer.string("com.amazonaws.dynamodb.v20120810#" + type, &output)
        writer.key("message", &output)
        writer.string(message, &output)
        writer.endObject(&output)
    }
}
