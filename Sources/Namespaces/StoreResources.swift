// SPDX-License-Identifier: Apache-2.0

/// What a route says of the store behind it, for the protocols that name containers: a request for any other is
/// refused, whatever the credential would allow.
package struct StoreResources: Hashable, Sendable {
    /// A DynamoDB table.
    package struct Table: Hashable, Sendable {
        package var name: String
        /// The attribute that is the table's partition key; a string.
        package var partitionKey: String
        /// By index, the attribute that is its partition key; strings too.
        package var indexes: [String: String]

        package init(name: String, partitionKey: String, indexes: [String: String] = [:]) {
            self.name = name
            self.partitionKey = partitionKey
            self.indexes = indexes
        }

        /// Every attribute whose value begins with a compartment in the store.
        var namespaced: Set<String> { Set(indexes.values).union([partitionKey]) }
    }

    /// S3 buckets.
    package var buckets: [String]
    package var tables: [Table]

    package init(buckets: [String] = [], tables: [Table] = []) {
        self.buckets = buckets
        self.tables = tables
    }

    func table(named name: String) -> Table? { tables.first { $0.name == name } }
}

/// The text that stands before every key of a compartment in a store whose keys are texts: the code and a slash, so
/// that people can read them and patterns of policies can end in `/*`.
package struct KeyPrefix: Hashable, Sendable {
    package let bytes: [UInt8]

    package init(_ compartment: Compartment) { bytes = compartment.bytes + [UInt8(ascii: "/")] }

    package var text: String { String(decoding: bytes, as: UTF8.self) }

    func adding(_ key: String) -> String { text + key }

    /// The key without it, or nil for a key of somebody else.
    func removing(from key: String) -> String? {
        let prefix = text
        guard key.utf8.starts(with: prefix.utf8) else { return nil }
        return String(key.utf8.dropFirst(prefix.utf8.count))
    }
}
