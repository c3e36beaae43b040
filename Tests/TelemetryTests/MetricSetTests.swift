// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
import Telemetry
import TestSupport
import Testing

@Suite("Counting")
struct MetricSetTests {
    @Test("A series keeps its place, and every (route, tenant, tier) has its own")
    func places() {
        var metrics = MetricSet(tenantsLabelled: 10)
        let first = metrics.series(route: "a", tenant: "t", tier: "basic")
        let places = [
            MetricSet.noSeries, first,
            metrics.series(route: "b", tenant: "t", tier: "basic"),
            metrics.series(route: "a", tenant: "u", tier: "basic"),
            metrics.series(route: "a", tenant: "t", tier: "premium"),
            metrics.series(route: "a"),
        ]
        #expect(Set(places).count == places.count)
        #expect(metrics.series(route: "a", tenant: "t", tier: "basic") == first)
        #expect(metrics.series(route: "") == MetricSet.noSeries)
    }

    @Test("With nothing labelled, tenants share a series, requests without a tenant keep theirs")
    func unlabelled() {
        var metrics = MetricSet(tenantsLabelled: 0)
        let one = metrics.series(route: "a", tenant: "t", tier: "basic")
        #expect(metrics.series(route: "a", tenant: "u", tier: "basic") == one)
        #expect(metrics.series(route: "a", tenant: "u", tier: "premium") != one)
        #expect(metrics.series(route: "a") != one)
        #expect(metrics.series(route: "") == MetricSet.noSeries)
    }

    @Test("Series are bounded; what comes later is counted all the same")
    func bounded() {
        var metrics = MetricSet(tenantsLabelled: 10)
        var places: Set<Int> = []
        for number in 0..<MetricSet.maximumSeries + 500 {
            let series = metrics.series(route: "a", tenant: "t\(number)", tier: "basic")
            places.insert(series)
            record(&metrics, series)
        }
        #expect(places.count == MetricSet.maximumSeries)
        #expect(metrics.snapshot().requestCount == UInt64(MetricSet.maximumSeries + 500))
        let samples = Exposition(metrics.snapshot(), limit: 10).samples
        #expect(samples.sum("bulkhead_requests_total") == Double(MetricSet.maximumSeries + 500))
        #expect(samples.filter { $0.name == "bulkhead_requests_total" }.count == 11)
    }

    @Test("Reasons are bounded")
    func reasons() {
        var metrics = MetricSet(tenantsLabelled: 10)
        for number in 0..<MetricSet.maximumReasons + 500 { metrics.refused(reason: "r\(number)", route: "a") }
        let samples = Exposition(metrics.snapshot()).samples.filter { $0.name == "bulkhead_refusals_total" }
        #expect(samples.count == MetricSet.maximumReasons + 1)
        #expect(samples.first { $0.labels["reason"] == "other" }?.value == 500)
    }

    @Test("A snapshot does not change any more")
    func snapshots() {
        var metrics = MetricSet(tenantsLabelled: 10)
        let series = metrics.series(route: "a", tenant: "t", tier: "basic")
        record(&metrics, series)
        metrics.add(.decisions)
        let before = metrics.snapshot()
        record(&metrics, series)
        metrics.add(.decisions, 3)
        #expect(before.requestCount == 1)
        #expect(before.value(.decisions) == 1)
        #expect(metrics.snapshot().requestCount == 2)
        #expect(metrics.snapshot().value(.decisions) == 4)
    }

    @Test("Workers that met tenants in another order merge to the same as one that saw everything")
    func merging() {
        var random = Seeded.printed()
        for _ in 0..<20 {
            var whole = MetricSet(tenantsLabelled: 50)
            var merged = MetricSnapshot()
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                var worker = MetricSet(tenantsLabelled: 50)
                for _ in 0..<200 {
                    let request = Request.random(using: &random)
                    request.count(in: &whole)
                    request.count(in: &worker)
                }
                merged.merge(worker.snapshot())
            }
            #expect(Exposition(merged).text == Exposition(whole.snapshot()).text)
        }
    }

    @Test("Odd numbers are counted as far as they make sense")
    func extremes() {
        var metrics = MetricSet(tenantsLabelled: 1)
        metrics.record(
            series: MetricSet.noSeries,
            outcome: .failed,
            status: Status(999),
            duration: Interval(nanoseconds: -5),
            bytesIn: -1,
            bytesOut: .max,
            upstreamDuration: Interval(nanoseconds: .max)
        )
        metrics.add(.decisions, -1)
        let samples = Exposition(metrics.snapshot()).samples
        #expect(samples.sum("bulkhead_request_bytes_total") == 0)
        #expect(samples.sum("bulkhead_response_bytes_total") == Double(Int.max))
        #expect(samples.sum("bulkhead_request_duration_seconds_sum") == 0)
        #expect(samples.first { $0.labels["status"] != nil }?.labels["status"] == "none")
        #expect(metrics.snapshot().value(.decisions) == 0)
    }
}

/// One request with everything that is counted of it.
struct Request {
    var route: String
    var tenant: String
    var outcome: Outcome
    var status: UInt16
    var nanoseconds: Int64

    static func random(using random: inout Seeded) -> Request {
        Request(
            route: ["agent", "chroma", "objects"].randomElement(using: &random)!,
            tenant: "tenant-\(Int.random(in: 0..<80, using: &random))",
            outcome: Outcome.allCases.randomElement(using: &random)!,
            status: [200, 201, 304, 403, 404, 502].randomElement(using: &random)!,
            nanoseconds: Int64.random(in: 0...5_000_000_000, using: &random)
        )
    }

    func count(in metrics: inout MetricSet) {
        let series = metrics.series(route: route, tenant: tenant, tier: "basic")
        metrics.record(
            series: series,
            outcome: outcome,
            status: Status(status),
            duration: Interval(nanoseconds: nanoseconds),
            bytesIn: 10,
            bytesOut: 20,
            upstreamDuration: outcome == .refused ? nil : Interval(nanoseconds: nanoseconds / 2)
        )
        metrics.add(.requestsBegun)
        if outcome == .refused { metrics.refused(reason: "policy_denied", route: route) }
        if outcome == .failed { metrics.upstreamFailed("store", reason: "upstream_closed") }
    }
}

func record(_ metrics: inout MetricSet, _ series: Int) {
    metrics.record(
        series: series,
        outcome: .allowed,
        status: .ok,
        duration: .milliseconds(3),
        bytesIn: 0,
        bytesOut: 0,
        upstreamDuration: nil
    )
}
