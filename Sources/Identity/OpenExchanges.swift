// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Synchronization

/// Whom the calls of an agent's exchange stand for. Of one grant's exchanges all have the same, but for their sessions,
/// so that an exchange needs no object of its own.
package final class ExchangeOwner: Sendable {
    package let principal: Principal
    package let session: VirtualSessionID?
    /// The upstream that it went to; its calls come in on that agent's listeners and nowhere else.
    package let agent: String

    package init(_ principal: Principal, session: VirtualSessionID?, agent: String) {
        self.principal = principal
        self.session = session
        self.agent = agent
    }
}

/// An exchange with an agent: who is behind it, and the ids by which the agent's own calls name it.
package struct OpenExchange: Sendable {
    /// The trace id that was minted for it: 128 random bits, which is all that stands for it in a `traceparent`.
    package let trace: (high: UInt64, low: UInt64)
    package let owner: ExchangeOwner
    /// When its handle stops speaking for anybody, however long it stays open.
    package fileprivate(set) var until: WallTime
    /// The same for its trace: no later.
    package fileprivate(set) var traceUntil: WallTime

    package init(
        trace: (high: UInt64, low: UInt64),
        owner: ExchangeOwner,
        until: WallTime,
        traceUntil: WallTime
    ) {
        self.trace = trace
        self.owner = owner
        self.until = until
        self.traceUntil = min(traceUntil, until)
    }
}

/// The exchanges of this process that agents may still speak for: those that are open, and for `linger` those that
/// have ended (THREATS 3, 7). What a trace id means is known here and nowhere else; a handle of this process ends
/// with its entry, a handle of another process at its own expiry.
///
/// The one table that workers share: an exchange begins in one worker, its agent's calls come to any. Sixteen parts
/// with a lock each. An entry is there before anything of its request is sent, so no call can come too early.
/// What nobody could ask for (`GatewayPlan.hearsAgent`) is counted alone.
/// Cost: a lock and a look-up; an entry some 60 bytes. Limits: `capacity` entries; beyond it those that ended first go
/// early, and where all are open a new one is counted alone, so that its agent's calls are refused.
package final class OpenExchanges: Sendable {
    /// Names this process in its handles: 64 random bits.
    package let instance: UInt64
    /// Whose calls come in where endpoints are leased.
    package let endpoints = LeasedEndpoints()
    private let parts: [Part]
    private static let partCount = 16

    package init(instance: UInt64, capacity: Int = 1 << 18) {
        self.instance = instance
        let share = max(capacity / Self.partCount, 1)
        parts = (0..<Self.partCount).map { _ in Part(capacity: share) }
    }

    /// What makes the handle of an exchange another than every other, and names the exchange to this process.
    package func nonce(of trace: (high: UInt64, low: UInt64)) -> Nonce {
        let instance = instance
        return Nonce { index in
            let word = index < 8 ? instance : trace.low
            return UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64(index & 7)))
        }
    }

    /// - Returns: false when there is no room.
    @discardableResult
    package func begin(_ exchange: OpenExchange, now: WallTime) -> Bool {
        part(exchange.trace.low).table.withLock { $0.insert(exchange, now) }
    }

    /// The exchange is over; from `until` on it speaks for nobody.
    package func end(_ trace: (high: UInt64, low: UInt64), until: WallTime) {
        part(trace.low).table.withLock { $0.end(trace.low, until) }
    }

    /// An exchange that nobody may ask for, or for which there is no room: it is counted alone, for `hasOpen`.
    package func beginUnheard(_ trace: (high: UInt64, low: UInt64), with agent: String) {
        part(trace.low).table.withLock { $0.count(agent, 1) }
    }

    package func endUnheard(_ trace: (high: UInt64, low: UInt64), with agent: String) {
        part(trace.low).table.withLock { $0.count(agent, -1) }
    }

    /// By a trace id; nil when it is none of ours, or over.
    package func find(_ trace: (high: UInt64, low: UInt64), now: WallTime) -> OpenExchange? {
        guard let exchange = part(trace.low).table.withLock({ $0.find(trace.low) }),
            exchange.trace.high == trace.high, now < exchange.traceUntil
        else { return nil }
        return exchange
    }

    /// Whether a handle with this nonce may still speak, as far as this process knows: for its own by their exchange,
    /// for those of other processes always.
    package func admits(_ nonce: Nonce, now: WallTime) -> Bool {
        guard Self.word(nonce, 0) == instance else { return true }
        let low = Self.word(nonce, 8)
        return part(low).table.withLock { $0.isOpen(low, now) }
    }

    /// Whether any exchange with that agent is open, those aside that have ended and linger. Cost: sixteen locks.
    package func hasOpen(with agent: String) -> Bool {
        parts.contains { part in part.table.withLock { $0.hasOpen(with: agent) } }
    }

    private func part(_ low: UInt64) -> Part { parts[Int(low % UInt64(Self.partCount))] }

    private static func word(_ nonce: Nonce, _ start: Int) -> UInt64 {
        var word: UInt64 = 0
        for index in start..<start + 8 { word = word << 8 | UInt64(nonce[index]) }
        return word
    }

    private final class Part: Sendable {
        let table: Mutex<Table>
        init(capacity: Int) { table = Mutex(Table(capacity: capacity)) }
    }

    /// Exchanges in one array, where they stay; a chain of places for each bucket of ids, a chain of those that have
    /// ended in the order in which they did, and one of places that are free.
    private struct Table {
        private struct Entry {
            /// Nil where the place is free.
            var exchange: OpenExchange?
            /// The next of the same bucket, or the next that is free.
            var next = Place.none
            /// The next that has ended.
            var after = Place.open
        }

        /// A place in `entries`, or none.
        private enum Place {
            static let none: Int32 = -1
            /// Of one that has not ended: it is in no chain of those.
            static let open: Int32 = -2
        }

        private let capacity: Int
        private var entries: [Entry] = []
        /// First places, by id; a power of two.
        private var buckets: [Int32]
        private var free = Place.none
        private var firstEnded = Place.none
        private var lastEnded = Place.none
        private var taken = 0
        /// How many are open, by agent: there are few.
        private var open: [(agent: String, count: Int)] = []

        /// Room for a start, so that what a request leaves here grows nothing until there are many; pages that nobody
        /// writes cost nothing.
        init(capacity: Int) {
            self.capacity = min(capacity, Int(Int32.max))
            entries.reserveCapacity(min(capacity, 1024))
            buckets = [Int32](repeating: Place.none, count: 1024)
        }

        mutating func insert(_ exchange: OpenExchange, _ now: WallTime) -> Bool {
            while firstEnded >= 0, taken >= capacity || hasPassed(firstEnded, now) { forgetFirst() }
            guard taken < capacity, place(of: exchange.trace.low) == nil else { return false }
            if taken == buckets.count { widen() }
            if free < 0 {
                free = Int32(entries.count)
                entries.append(Entry())
            }
            let place = free
            free = entries[Int(place)].next
            entries[Int(place)].exchange = exchange
            entries[Int(place)].after = Place.open
            link(place, exchange.trace.low)
            taken += 1
            count(exchange.owner.agent, 1)
            return true
        }

        func hasOpen(with agent: String) -> Bool { open.contains { $0.count > 0 && $0.agent == agent } }

        mutating func count(_ agent: String, _ change: Int) {
            if let place = open.firstIndex(where: { $0.agent == agent }) {
                open[place].count += change
            } else {
                open.append((agent, change))
            }
        }

        mutating func end(_ low: UInt64, _ until: WallTime) {
            guard let place = place(of: low), entries[place].after == Place.open,
                let exchange = entries[place].exchange
            else { return }
            entries[place].exchange?.until = min(exchange.until, until)
            entries[place].exchange?.traceUntil = min(exchange.traceUntil, until)
            entries[place].after = Place.none
            let ended = Int32(place)
            if lastEnded >= 0 { entries[Int(lastEnded)].after = ended } else { firstEnded = ended }
            lastEnded = ended
            count(exchange.owner.agent, -1)
        }

        func find(_ low: UInt64) -> OpenExchange? { place(of: low).flatMap { entries[$0].exchange } }

        func isOpen(_ low: UInt64, _ now: WallTime) -> Bool {
            place(of: low).flatMap { entries[$0].exchange.map { now < $0.until } } ?? false
        }

        private func hasPassed(_ place: Int32, _ now: WallTime) -> Bool {
            entries[Int(place)].exchange.map { $0.until <= now } ?? true
        }

        private func place(of low: UInt64) -> Int? {
            var place = buckets[bucket(of: low)]
            while place >= 0 {
                if entries[Int(place)].exchange?.trace.low == low { return Int(place) }
                place = entries[Int(place)].next
            }
            return nil
        }

        /// Ids are random; their lowest bits chose the part.
        private func bucket(of low: UInt64) -> Int { Int((low >> 4) & UInt64(buckets.count - 1)) }

        private mutating func link(_ place: Int32, _ low: UInt64) {
            let bucket = bucket(of: low)
            entries[Int(place)].next = buckets[bucket]
            buckets[bucket] = place
        }

        /// All places are taken when this is called.
        private mutating func widen() {
            buckets = [Int32](repeating: Place.none, count: buckets.count * 2)
            for place in entries.indices {
                if let low = entries[place].exchange?.trace.low { link(Int32(place), low) }
            }
        }

        private mutating func forgetFirst() {
            let place = firstEnded
            firstEnded = entries[Int(place)].after
            if firstEnded < 0 { lastEnded = Place.none }
            if let low = entries[Int(place)].exchange?.trace.low { unlink(place, low) }
            entries[Int(place)] = Entry(exchange: nil, next: free)
            free = place
            taken -= 1
        }

        private mutating func unlink(_ place: Int32, _ low: UInt64) {
            let next = entries[Int(place)].next
            let bucket = bucket(of: low)
            guard buckets[bucket] != place else {
                buckets[bucket] = next
                return
            }
            var before = buckets[bucket]
            while before >= 0, entries[Int(before)].next != place { before = entries[Int(before)].next }
            if before >= 0 { entries[Int(before)].next = next }
        }
    }
}
