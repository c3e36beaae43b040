// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import JSON

/// Items and keys of one table, into a compartment and out of it.
struct DynamoDBValues {
    let prefix: KeyPrefix
    let table: StoreResources.Table

    static func object(_ body: Span<UInt8>) throws(AdapterFailure) -> JSONObject {
        do throws(JSONError) {
            let value = try JSONValue.parse(
                body,
                maximumDepth: DynamoDBRequest.maximumDepth,
                maximumBytes: DynamoDBRequest.maximumBytes
            )
            if let object = value.object { return object }
        } catch {
            throw AdapterFailure(error.reason == .duplicateName ? .memberDuplicate : .bodyInvalid)
        }
        throw AdapterFailure(.bodyInvalid)
    }

    /// The same names with other values.
    static func mapped(
        _ object: JSONObject,
        _ change: (String, JSONValue) throws(AdapterFailure) -> JSONValue
    ) throws(AdapterFailure) -> JSONObject {
        var changed = JSONObject()
        for member in object.members {
            _ = changed.append(member.name, try change(member.name, member.value))
        }
        return changed
    }

    /// A key or an item of a request. Its partition key must be there, and a string.
    func inside(_ value: JSONValue) throws(AdapterFailure) -> JSONValue {
        guard let object = value.object, object[table.partitionKey] != nil else {
            throw AdapterFailure(.memberMissing)
        }
        return .object(
            try Self.mapped(object) { (name, value) throws(AdapterFailure) in
                table.namespaced.contains(name) ? try inside(value: value) : value
            }
        )
    }

    func inside(value: JSONValue) throws(AdapterFailure) -> JSONValue {
        try Self.inside(value: value, prefix)
    }

    /// `{"S": "key"}`: numbers and bytes have no place for a compartment.
    static func inside(value: JSONValue, _ prefix: KeyPrefix) throws(AdapterFailure) -> JSONValue {
        guard let object = value.object, object.count == 1, let text = object["S"]?.string else {
            throw AdapterFailure(.memberType)
        }
        var changed = JSONObject()
        _ = changed.append("S", .string(prefix.adding(text)))
        return .object(changed)
    }

    /// A key or an item of a response, as far as it is there.
    /// - Throws: `foreign_object` for one of another compartment.
    func outside(_ value: JSONValue) throws(AdapterFailure) -> JSONValue {
        guard let object = value.object else { throw AdapterFailure(.responseInvalid) }
        return .object(
            try Self.mapped(object) { (name, value) throws(AdapterFailure) in
                guard table.namespaced.contains(name) else { return value }
                guard let members = value.object, members.count == 1, let text = members["S"]?.string,
                    let key = prefix.removing(from: text)
                else { throw AdapterFailure(.foreignObject) }
                var changed = JSONObject()
                _ = changed.append("S", .string(key))
                return .object(changed)
            }
        )
    }
}
