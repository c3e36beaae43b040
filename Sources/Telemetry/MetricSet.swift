// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import HTTPTypes

/// One worker's counters. Nothing is shared, so there is no lock; the control thread gets a copy by `snapshot`.
package struct MetricSet: ~Copyable {
    /// The series of requests for which no route was found.
    package static let noSeries = 0

    /// - Parameter tenantsLabelled: with 0 no tenant is told apart.
    package init(tenantsLabelled: Int) {}

    /// The place of (route, tenant, tier), for `record`. It never moves: keep it in the grant.
    /// Empty texts stand for what is not known.
    package mutating func series(route: String, tenant: String = "", tier: String = "") -> Int { 0 }

    /// Counts one request.
    package mutating func record(
        series: Int,
        outcome: Outcome,
        status: Status?,
        duration: Interval,
        bytesIn: Int,
        bytesOut: Int,
        upstreamDuration: Interval?
    ) {}

    /// Counts a refusal (or a failure) by its exact reason code, beside `record`.
    package mutating func refused(reason: String, route: String) {}

    /// Counts an attempt at an upstream that failed, retried or not.
    package mutating func upstreamFailed(_ upstream: String, reason: String) {}

    package mutating func add(_ counter: Counter, _ amount: Int = 1) {}

    package func snapshot() -> MetricSnapshot { MetricSnapshot() }
}

/// Counters at one moment, of one worker or of several together.
package struct MetricSnapshot: Sendable {
    package init() {}

    /// Adds the counters of another set to these.
    package mutating func merge(_ other: MetricSnapshot) {}
}

/// Which tenants have a label of their own: the busiest when there is room, who then keep it, so that no counter
/// ever goes down. Kept by the control thread from one scrape to the next.
package struct TenantLabels: Sendable {
    package init(limit: Int) {}
}

/// What the control thread measures.
package struct GaugeSet: Sendable {
    package init() {}

    package mutating func set(_ gauge: Gauge, label: String = "", _ value: Int) {}
    package mutating func remove(_ gauge: Gauge, label: String = "") {}
}

/// The exposition format of Prometheus, version 0.0.4.
package enum PrometheusText {
    package static let contentType: StaticString = "text/plain; version=0.0.4; charset=utf-8"

    package static func encode(
        _ metrics: MetricSnapshot,
        gauges: GaugeSet,
        tenants: inout TenantLabels,
        into output: inout Buffer
    ) {}
}
