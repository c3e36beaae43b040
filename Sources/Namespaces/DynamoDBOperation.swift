// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// One operation of DynamoDB that is let through, and the members that its requests may have. All that is not here is
/// refused, first of all Scan and PartiQL, which read a table without naming whose part of it.
/// Source: the DynamoDB API reference, 2012-08-10.
package struct DynamoDBOperation: Sendable {
    package enum Shape: Sendable {
        /// One key or item of one table.
        case single
        case query
        case batchGet, batchWrite
        case transactGet, transactWrite
        case describe
    }

    package let name: String
    package let action: String
    let shape: Shape
    /// Members besides those that `shape` takes apart.
    let passed: Set<String>

    private static let condition: Set = ["ReturnValuesOnConditionCheckFailure", "ReturnValues"]

    package static let all: [DynamoDBOperation] = [
        .init("GetItem", "memory:Read", .single, ["ConsistentRead", "AttributesToGet"]),
        .init("BatchGetItem", "memory:Read", .batchGet, []),
        .init("TransactGetItems", "memory:Read", .transactGet, []),
        .init(
            "Query",
            "memory:Search",
            .query,
            ["ConsistentRead", "AttributesToGet", "Limit", "ScanIndexForward", "Select"]
        ),
        .init("PutItem", "memory:Write", .single, condition.union(["ReturnItemCollectionMetrics"])),
        .init("UpdateItem", "memory:Write", .single, condition.union(["ReturnItemCollectionMetrics"])),
        .init("BatchWriteItem", "memory:Write", .batchWrite, ["ReturnItemCollectionMetrics"]),
        .init("TransactWriteItems", "memory:Write", .transactWrite, ["ReturnItemCollectionMetrics"]),
        .init("DeleteItem", "memory:Delete", .single, condition.union(["ReturnItemCollectionMetrics"])),
        .init("DescribeTable", "memory:List", .describe, []),
    ]

    /// Known, and never let through: the answer can say why.
    private static let refused: Set = [
        "Scan", "ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction", "SearchVectors",
    ]

    private init(_ name: String, _ action: String, _ shape: Shape, _ passed: Set<String>) {
        self.name = name
        self.action = action
        self.shape = shape
        self.passed = passed.union(["ReturnConsumedCapacity"])
    }

    /// Index in `all` of what `X-Amz-Target` names.
    /// - Throws: `operation_unknown`, `operation_refused`.
    package static func match(_ target: borrowing Span<UInt8>) throws(AdapterFailure) -> Int {
        guard target.hasPrefix("DynamoDB_20120810."), let text = target.string() else {
            throw AdapterFailure(.operationUnknown)
        }
        let name = String(text.dropFirst(18))
        if refused.contains(name) { throw AdapterFailure(.operationRefused) }
        guard let index = all.firstIndex(where: { $0.name == name }) else {
            throw AdapterFailure(.operationUnknown)
        }
        return index
    }
}
