// SPDX-License-Identifier: Apache-2.0
internal import JSON

/// What DynamoDB says of the keys of a table.
package enum KeySchema: Hashable, Sendable {
    case table(StoreResources.Table)
    /// There is none of that name, or none that this credential may see.
    case unknown
    /// Its partition key is no string, or is another than it was: nothing of it can be put into a compartment.
    case refused

    /// Of an answer, more is none.
    package static let maximumBytes = 1 << 20

    /// Reads the answer to DescribeTable. An index whose partition key is no single string is left out, so that nobody
    /// can query it; what lies in it has its values as the agent wrote them.
    /// - Returns: nil for what is no such answer.
    /// Source: the DynamoDB API reference, DescribeTable.
    package static func read(_ body: Span<UInt8>, of name: String, status: Int) -> KeySchema? {
        guard let object = try? JSONValue.parse(body, maximumDepth: 32, maximumBytes: maximumBytes).object
        else { return nil }
        guard status == 200 else {
            let type = object["__type"]?.string ?? ""
            return type.hasSuffix("#ResourceNotFoundException") || type == "ResourceNotFoundException"
                ? .unknown : nil
        }
        guard let table = object["Table"]?.object, table["TableName"]?.string == name,
            let attributes = table["AttributeDefinitions"]?.array
        else { return nil }
        var types: [String: String] = [:]
        for attribute in attributes {
            guard let name = attribute.object?["AttributeName"]?.string else { return nil }
            types[name] = attribute.object?["AttributeType"]?.string
        }
        guard let keys = partitionKeys(table) else { return nil }
        guard keys.count == 1, types[keys[0]] == "S" else { return .refused }
        var indexes: [String: String] = [:]
        for kind in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
            for index in table[kind]?.array ?? [] {
                guard let index = index.object, let name = index["IndexName"]?.string,
                    let keys = partitionKeys(index)
                else { return nil }
                if keys.count == 1, types[keys[0]] == "S" { indexes[name] = keys[0] }
            }
        }
        return .table(StoreResources.Table(name: name, partitionKey: keys[0], indexes: indexes))
    }

    private static func partitionKeys(_ object: JSONObject) -> [String]? {
        guard let elements = object["KeySchema"]?.array, !elements.isEmpty else { return nil }
        var keys: [String] = []
        for element in elements {
            guard let name = element.object?["AttributeName"]?.string,
                let type = element.object?["KeyType"]?.string
            else { return nil }
            if type == "HASH" { keys.append(name) }
        }
        return keys
    }
}
