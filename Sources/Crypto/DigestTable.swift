// SPDX-License-Identifier: Apache-2.0

/// A bounded cache of values by digest; which one is given up when it is full, `DigestIndex` says.
///
/// `find` gives a slot, with which a value is read, changed and removed without a second lookup. A slot is good
/// until the next insertion or removal.
/// Cost: a find is one dictionary lookup; nothing is allocated after `init`.
@usableFromInline
package struct DigestTable<Value> {
    @usableFromInline var index: DigestIndex
    @usableFromInline var values: [Value?] = []

    /// - Parameter capacity: of values, at least 1; memory is touched as they come.
    package init(capacity: Int) {
        index = DigestIndex(capacity: capacity)
        values.reserveCapacity(capacity)
    }

    /// Values that are there.
    package var count: Int { index.count }

    /// The slot of `digest`, or nil.
    @inlinable
    package mutating func find(_ digest: Digest) -> Int? { index.find(digest) }

    /// The value in a slot that `find` gave.
    @inlinable
    package subscript(slot: Int) -> Value {
        guard let value = values[slot] else { preconditionFailure("read from a free slot") }
        return value
    }

    /// Changes the value in a slot that `find` gave, in place.
    @inlinable
    package mutating func update<Result>(_ slot: Int, _ body: (inout Value) -> Result) -> Result {
        precondition(values[slot] != nil, "changed a free slot")
        return body(&values[slot]!)
    }

    /// Takes in a value, in the place of an older one of that digest.
    @inlinable
    package mutating func insert(_ digest: Digest, _ value: Value) {
        let slot = index.insert(digest)
        if slot == values.count {
            values.append(value)
        } else {
            values[slot] = value
        }
    }

    /// Frees a slot; a free one stays free.
    @inlinable
    package mutating func remove(_ slot: Int) {
        index.remove(slot: slot)
        values[slot] = nil
    }

    /// Shows every value, in no order. Cost: O(n).
    @inlinable
    package func forEach(_ body: (Value) -> Void) {
        for case let value? in values { body(value) }
    }

    /// Removes every value that is `doomed`. Cost: O(n).
    @inlinable
    package mutating func removeAll(where doomed: (Value) -> Bool) {
        for slot in values.indices {
            if let value = values[slot], doomed(value) { remove(slot) }
        }
    }
}

extension DigestTable: Sendable where Value: Sendable {}
