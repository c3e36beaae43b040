// SPDX-License-Identifier: Apache-2.0

/// Which slot of a bounded cache belongs to which digest; `DigestTable` keeps the values in an array beside it.
///
/// When all slots are taken, the clock algorithm gives one up: the hand passes entries that were found since it
/// last came by and takes the first that was not, so what is used stays and a flood of keys that are used once
/// goes first. Keys are digests of complete inputs, never of prefixes (CVE-2026-35030).
/// Cost: a find is one dictionary lookup; nothing is allocated after `init`.
@usableFromInline
package struct DigestIndex: Sendable {
    private var slots: [Digest: Int] = [:]
    private var entries: [Entry] = []
    private var free: [Int] = []
    private var hand = 0
    package let capacity: Int

    private struct Entry: Sendable {
        var digest = Digest()
        var isTaken = false
        var wasFound = false
    }

    package init(capacity: Int) {
        precondition(capacity > 0, "a cache needs room for one entry")
        self.capacity = capacity
        slots.reserveCapacity(capacity + 1)
        entries.reserveCapacity(capacity)
        free.reserveCapacity(capacity)
    }

    /// Entries that are there.
    package var count: Int { slots.count }
    /// Slots are numbered from 0 up to this; some below it may be free.
    package var slotCount: Int { entries.count }

    /// The slot of `digest`, or nil.
    @usableFromInline
    package mutating func find(_ digest: Digest) -> Int? {
        guard let slot = slots[digest] else { return nil }
        entries[slot].wasFound = true
        return slot
    }

    /// The slot in which to put the value of `digest`: its own, a free one, or one that another digest loses.
    /// A slot equal to the `slotCount` before the call is new, and the caller's array grows by one.
    @usableFromInline
    package mutating func insert(_ digest: Digest) -> Int {
        if let slot = slots[digest] { return slot }
        let slot: Int
        if let free = free.popLast() {
            slot = free
        } else if entries.count < capacity {
            slot = entries.count
            entries.append(Entry())
        } else {
            slot = evict()
        }
        entries[slot] = Entry(digest: digest, isTaken: true, wasFound: false)
        slots[digest] = slot
        return slot
    }

    /// Frees a slot; a free one stays free.
    @usableFromInline
    package mutating func remove(slot: Int) {
        guard entries[slot].isTaken else { return }
        slots[entries[slot].digest] = nil
        entries[slot] = Entry()
        free.append(slot)
    }

    private mutating func evict() -> Int {
        while entries[hand].wasFound {
            entries[hand].wasFound = false
            advance()
        }
        let slot = hand
        advance()
        slots[entries[slot].digest] = nil
        return slot
    }

    private mutating func advance() { hand = hand + 1 == capacity ? 0 : hand + 1 }
}
