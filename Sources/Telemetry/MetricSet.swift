// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import HTTPTypes

/// One worker's counters. Nothing is shared, so there is no lock; the control thread gets a copy by `snapshot`.
///
/// Order of calls: `series` once for each grant, `record` once for each request. Both are made for whole numbers of
/// requests: what was not recorded is not counted.
package struct MetricSet: ~Copyable {
    /// The series of requests for which no route was found.
    package static let noSeries = 0
    /// Series that one worker tells apart. In those that come later the tenant is `TenantLabels.other`.
    package static let maximumSeries = 1 << 14
    /// Pairs of a reason and a place; those that come later are counted under the reason `other`.
    package static let maximumReasons = 1 << 10

    private var totals = MetricSnapshot()
    /// The row of durations for each series.
    private var durationRows: [Int] = []
    private let maximumSeries: Int

    /// - Parameter tenantsLabelled: with 0 no tenant is told apart. Otherwise all are, up to `maximumSeries`, so
    ///   that the busiest can be chosen when the counters of all workers are together.
    package init(tenantsLabelled: Int) {
        maximumSeries = tenantsLabelled > 0 ? Self.maximumSeries : 0
        _ = series(route: "")
    }

    /// Requests that have begun and have no record yet.
    package var underWay: Int {
        Int(clamping: totals.value(.requestsBegun) &- totals.value(.recordsWritten))
    }

    /// The place of (route, tenant, tier), for `record`. It never moves: keep it in the grant.
    /// Empty texts stand for what is not known. Cost: hashes the texts; allocates for a series that is new.
    package mutating func series(route: String, tenant: String = "", tier: String = "") -> Int {
        let row = totals.series.row(
            SeriesKey(route: route, tenant: tenant, tier: tier),
            limit: maximumSeries,
            overflow: SeriesKey(route: route, tenant: tenant.isEmpty ? "" : TenantLabels.other, tier: tier)
        )
        if row == durationRows.count {
            durationRows.append(totals.durations.row(DurationKey(route: route, tier: tier)))
        }
        return row
    }

    /// Counts one request. Cost: a few additions; no allocation but after a snapshot that is still in use.
    package mutating func record(
        series: Int,
        outcome: Outcome,
        status: Status?,
        duration: Interval,
        bytesIn: Int,
        bytesOut: Int,
        upstreamDuration: Interval?
    ) {
        totals.series.add(series, Int(outcome.rawValue))
        totals.series.add(series, SeriesColumn.bytesIn, UInt64(clamping: bytesIn))
        totals.series.add(series, SeriesColumn.bytesOut, UInt64(clamping: bytesOut))
        let row = durationRows[series]
        totals.durations.add(row, DurationColumn.statusClass(status))
        observe(duration, row, DurationColumn.request)
        if let upstreamDuration { observe(upstreamDuration, row, DurationColumn.upstream) }
    }

    /// Counts a request that was granted what it wants. Cost: one addition.
    package mutating func granted(series: Int, isHit: Bool) {
        totals.series.add(series, isHit ? SeriesColumn.grantHits : SeriesColumn.grantMisses)
    }

    /// Counts a refusal or a failure by its exact reason code, beside `record`. Cost: hashes both texts.
    package mutating func refused(reason: String, route: String) {
        Self.count(reason, route, &totals.refusals)
    }

    /// Counts an attempt at an upstream that failed, whether it was tried again or not.
    package mutating func upstreamFailed(_ upstream: String, reason: String) {
        Self.count(reason, upstream, &totals.upstreamFailures)
    }

    package mutating func add(_ counter: Counter, _ amount: Int = 1) {
        totals.add(counter, UInt64(clamping: amount))
    }

    /// Cost: a few reference counts; the next change of a table that the snapshot still holds copies the table.
    package func snapshot() -> MetricSnapshot { totals }

    private mutating func observe(_ duration: Interval, _ row: Int, _ column: Int) {
        totals.durations.add(row, column + Histogram.bucket(of: duration))
        totals.durations.add(row, column + Histogram.sum, UInt64(clamping: duration.nanoseconds))
    }

    private static func count(_ reason: String, _ place: String, _ table: inout CounterTable<ReasonKey>) {
        let row = table.row(
            ReasonKey(place: place, reason: reason),
            limit: maximumReasons,
            overflow: ReasonKey(place: place, reason: "other")
        )
        table.add(row, 0)
    }
}
