// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// Deadlines by key in one binary heap. A key is the owner's business (a descriptor with its generation).
/// Owners move deadlines later by changing their own field: a popped entry that is early is put back by the
/// owner, so the common case, a request that ends in time, never touches the heap.
package struct Timers: ~Copyable {
    package struct Entry: Sendable {
        package let deadline: Instant
        package let key: UInt64
    }

    private var heap: [Entry] = []

    package init() {}

    package var next: Instant? { heap.first?.deadline }
    package var count: Int { heap.count }

    /// Cost: O(log n), no allocation once the heap has grown.
    package mutating func add(_ key: UInt64, at deadline: Instant) {
        heap.append(Entry(deadline: deadline, key: key))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if heap[parent].deadline <= heap[child].deadline { break }
            heap.swapAt(parent, child)
            child = parent
        }
    }

    /// The next key whose deadline has passed, removed.
    package mutating func popDue(at now: Instant) -> UInt64? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        let last = heap.removeLast()
        if heap.isEmpty { return first.key }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].deadline < heap[least].deadline {
                least = child
            }
            if least == parent { break }
            heap.swapAt(parent, least)
            parent = least
        }
        return first.key
    }
}
