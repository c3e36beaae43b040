// SPDX-License-Identifier: Apache-2.0
import Bytes

/// Counts what a peer does too often: a bucket that empties evenly within an interval. No clock: time is given.
struct FloodGauge {
    private let limit: Int64
    /// What one more costs, in nanoseconds of the interval.
    private let cost: Int64
    private let interval: Int64
    /// When the bucket would be empty.
    private var emptyAt = Int64.min

    init(limit: Int, per interval: Interval) {
        self.limit = Int64(max(limit, 1))
        self.interval = max(interval.nanoseconds, self.limit)
        cost = self.interval / self.limit
    }

    /// One more.
    /// - Returns: false when it is one too many.
    mutating func add(at now: Instant) -> Bool {
        let base = max(emptyAt, now.nanoseconds)
        let (next, overflow) = base.addingReportingOverflow(cost)
        guard !overflow else { return false }
        emptyAt = next
        return next.subtractingReportingOverflow(now.nanoseconds).partialValue <= interval
    }

    /// Something that makes `count` of them ordinary.
    mutating func credit(_ count: Int64) {
        let (product, overflow) = cost.multipliedReportingOverflow(by: count)
        let (next, carry) = emptyAt.subtractingReportingOverflow(product)
        emptyAt = overflow || carry ? .min : next
    }
}
