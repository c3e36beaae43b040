// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Synchronization

/// An exchange with an agent: who is behind it, and the ids by which the agent's own calls name it.
package struct OpenExchange: Sendable {
    /// The trace id that was minted for it: 128 random bits, which is all that stands for it in a `traceparent`.
    package var trace: (high: UInt64, low: UInt64)
    package var principal: Principal
    package var session: VirtualSessionID?
    /// The upstream that it went to; its calls come in on that agent's listeners and nowhere else.
    package var agent: String
    /// When its handle stops speaking for anybody, however long it stays open.
    package var until: WallTime
    /// The same for its trace: no later.
    package var traceUntil: WallTime

    package init(
        trace: (high: UInt64, low: UInt64),
        principal: Principal,
        session: VirtualSessionID?,
        agent: String,
        until: WallTime,
        traceUntil: WallTime
    ) {
        self.trace = trace
        self.principal = principal
        self.session = session
        self.agent = agent
        self.until = until
        self.traceUntil = min(traceUntil, until)
    }

    /// Set when it is over; until `until` it may still be spoken for.
    fileprivate var hasEnded = false
}

/// The exchanges of this process that agents may still speak for: those that are open, and for `linger` those that
/// have ended (THREATS 3, 7). What a trace id means is known here and nowhere else; a handle of this process ends
/// with its entry, a handle of another process at its own expiry.
///
/// The one table that workers share: an exchange begins in one worker, its agent's calls come to any. Sixteen parts
/// with a lock each. An entry is there before anything of its request is sent, so no call can come too early.
/// Cost: a lock and a look-up, some 60 ns; an entry some 120 bytes. Limits: `capacity` entries; beyond it those that
/// ended first go early, and where all are open a new one is not noted, so that its agent's calls are refused.
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

    private struct Table {
        private let capacity: Int
        private var entries: [UInt64: OpenExchange] = [:]
        /// In the order in which they ended, from `head` on.
        private var ended: [(low: UInt64, until: WallTime)] = []
        private var head = 0
        /// How many are open, by agent: there are few.
        private var open: [(agent: String, count: Int)] = []

        /// Room for a start, so that what a request leaves here grows nothing until there are many; pages that nobody
        /// writes cost nothing.
        init(capacity: Int) {
            self.capacity = capacity
            entries.reserveCapacity(min(capacity, 1024))
            ended.reserveCapacity(min(capacity, 1024))
        }

        mutating func insert(_ exchange: OpenExchange, _ now: WallTime) -> Bool {
            while head < ended.count, ended[head].until <= now || entries.count >= capacity { forgetFirst() }
            guard entries.count < capacity, entries[exchange.trace.low] == nil else { return false }
            entries[exchange.trace.low] = exchange
            count(exchange.agent, 1)
            return true
        }

        func hasOpen(with agent: String) -> Bool { open.contains { $0.count > 0 && $0.agent == agent } }

        private mutating func count(_ agent: String, _ change: Int) {
            if let place = open.firstIndex(where: { $0.agent == agent }) {
                open[place].count += change
            } else {
                open.append((agent, change))
            }
        }

        mutating func end(_ low: UInt64, _ until: WallTime) {
            guard let index = entries.index(forKey: low) else { return }
            let until = min(entries.values[index].until, until)
            entries.values[index].until = until
            entries.values[index].traceUntil = min(entries.values[index].traceUntil, until)
            if !entries.values[index].hasEnded {
                entries.values[index].hasEnded = true
                count(entries.values[index].agent, -1)
            }
            ended.append((low, until))
        }

        func find(_ low: UInt64) -> OpenExchange? { entries[low] }

        func isOpen(_ low: UInt64, _ now: WallTime) -> Bool {
            entries.index(forKey: low).map { now < entries.values[$0].until } ?? false
        }

        private mutating func forgetFirst() {
            entries[ended[head].low] = nil
            head += 1
            guard head >= 64, head * 2 >= ended.count else { return }
            ended.removeSubrange(0..<head)
            head = 0
        }
    }
}
