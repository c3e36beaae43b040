// SPDX-License-Identifier: Apache-2.0
internal import Bytes

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
    /// Tables whose keys the store is asked for, by name; one that ends in `*` stands for all that begin so.
    package var askedTables: [String]
    /// What tables call `resource`, each as bytes: ids or ARNs; one that ends in `*` stands for all that begin so.
    package var names: [[UInt8]]

    package init(
        buckets: [String] = [],
        tables: [Table] = [],
        askedTables: [String] = [],
        names: [String] = []
    ) {
        self.buckets = buckets
        self.tables = tables
        self.askedTables = askedTables
        self.names = names.map { Array($0.utf8) }
    }

    /// Whether one of the names is this one. A name that policies of IAM would read as a pattern is none.
    func names(_ name: borrowing Span<UInt8>) -> Bool {
        guard !name.isEmpty, name.count <= 2048 else { return false }
        for index in name.indices {
            guard ASCII.isAlphanumeric(name[index]) || Self.signs.contains(name[index]) else { return false }
        }
        for known in names {
            if known.last == UInt8(ascii: "*") {
                if name.hasPrefix(Array(known.dropLast())) { return true }
            } else if name.equals(known.span) {
                return true
            }
        }
        return false
    }

    private static let signs: [UInt8] = Array("-._:/".utf8)

    func bucket(named name: borrowing Span<UInt8>) -> String? {
        for bucket in buckets where name.equals(bucket.utf8Span.span) { return bucket }
        return nil
    }

    func table(named name: String) -> Table? { tables.first { $0.name == name } }

    /// Whether a table that is not declared may be named. An ARN is no name: it could lead into another account.
    func asks(for name: String) -> Bool {
        let isName =
            (3...255).contains(name.utf8.count)
            && name.utf8.allSatisfy { ASCII.isAlphanumeric($0) || Array("_.-".utf8).contains($0) }
        return isName
            && askedTables.contains { $0.hasSuffix("*") ? name.hasPrefix($0.dropLast()) : name == $0 }
    }

    /// As resources of IAM name them.
    var tableNames: [String] { tables.map(\.name) + askedTables }
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
