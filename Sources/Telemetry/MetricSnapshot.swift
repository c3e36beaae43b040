// SPDX-License-Identifier: Apache-2.0

/// Counters at one moment, of one worker or of several together.
package struct MetricSnapshot: Sendable {
    var series = CounterTable<SeriesKey>(columns: SeriesColumn.count)
    var durations = CounterTable<DurationKey>(columns: DurationColumn.count)
    /// By route.
    var refusals = CounterTable<ReasonKey>(columns: 1)
    /// By upstream.
    var upstreamFailures = CounterTable<ReasonKey>(columns: 1)
    private var counters = [UInt64](repeating: 0, count: Counter.allCases.count)

    /// All zero: what the snapshots of workers are merged into.
    package init() {}

    /// Adds the counters of another set to these.
    package mutating func merge(_ other: MetricSnapshot) {
        series.merge(other.series)
        durations.merge(other.durations)
        refusals.merge(other.refusals)
        upstreamFailures.merge(other.upstreamFailures)
        for counter in Counter.allCases { add(counter, other.value(counter)) }
    }

    package func value(_ counter: Counter) -> UInt64 { counters[counter.rawValue] }

    /// Requests that were recorded, of all routes and tenants.
    package var requestCount: UInt64 {
        var sum: UInt64 = 0
        for row in 0..<series.count { sum &+= requestCount(row) }
        return sum
    }

    mutating func add(_ counter: Counter, _ amount: UInt64) { counters[counter.rawValue] &+= amount }

    /// Requests of one series, whatever their outcome.
    func requestCount(_ row: Int) -> UInt64 {
        var sum: UInt64 = 0
        for outcome in Outcome.allCases { sum &+= series.value(row, Int(outcome.rawValue)) }
        return sum
    }
}
