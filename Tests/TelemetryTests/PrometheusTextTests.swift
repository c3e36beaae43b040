// SPDX-License-Identifier: Apache-2.0
import Bytes
import Foundation
import HTTPTypes
import Telemetry
import TestSupport
import Testing

@Suite("What Prometheus reads")
struct PrometheusTextTests {
    @Test("Every number of one request arrives under its labels")
    func numbers() {
        let samples = Exposition(Self.example, gauges: Self.gauges).samples
        let who = ["route": "agent", "tenant": "acme", "tier": "premium"]
        #expect(samples.value("bulkhead_requests_total", who.merging(["outcome": "allowed"]) { $1 }) == 2)
        #expect(samples.value("bulkhead_request_bytes_total", who) == 30)
        #expect(samples.value("bulkhead_response_bytes_total", who) == 70)
        let way = ["route": "agent", "tier": "premium"]
        #expect(samples.value("bulkhead_responses_total", way.merging(["status": "2xx"]) { $1 }) == 1)
        #expect(samples.value("bulkhead_responses_total", way.merging(["status": "5xx"]) { $1 }) == 1)
        let buckets = samples.filter {
            $0.name == "bulkhead_request_duration_seconds_bucket" && $0.labels["route"] == "agent"
        }
        // 2.5 ms is in the bucket that ends there, 400 s is longer than all.
        #expect(
            buckets.map(\.value) == [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]
        )
        #expect(samples.value("bulkhead_request_duration_seconds_sum", way) == 400.0025)
        #expect(samples.value("bulkhead_request_duration_seconds_count", way) == 2)
        #expect(samples.value("bulkhead_upstream_duration_seconds_count", way) == 1)
        #expect(samples.value("bulkhead_refusals_total", ["route": "", "reason": "route_unknown"]) == 1)
        #expect(
            samples.value("bulkhead_upstream_failures_total", ["upstream": "store", "reason": "refused"]) == 1
        )
        #expect(samples.value("bulkhead_cache_lookups_total", ["cache": "token", "result": "hit"]) == 5)
        #expect(samples.value("bulkhead_connections_open", [:]) == 2)
        #expect(samples.value("bulkhead_upstream_connections_open", [:]) == 0)
        #expect(samples.value("bulkhead_issuer_key_age_seconds", ["issuer": "cognito"]) == 17)
        #expect(samples.value("bulkhead_ready", [:]) == 1)
    }

    @Test("Buckets grow, end with the count, and have no request left out")
    func histograms() {
        var random = Seeded.printed()
        var metrics = MetricSet(tenantsLabelled: 50)
        for _ in 0..<1000 { Request.random(using: &random).count(in: &metrics) }
        let samples = Exposition(metrics.snapshot()).samples
        for name in ["bulkhead_request_duration_seconds", "bulkhead_upstream_duration_seconds"] {
            let rows = Dictionary(grouping: samples.filter { $0.name == name + "_bucket" }) {
                $0.labels["route"]
            }
            #expect(rows.count == 3)
            for (route, buckets) in rows {
                let bounds = buckets.map { Double($0.labels["le"]!.replacing("+Inf", with: "inf"))! }
                #expect(bounds == bounds.sorted() && Set(bounds).count == bounds.count)
                #expect(bounds.last == .infinity)
                #expect(buckets.map(\.value) == buckets.map(\.value).sorted())
                let labels = ["route": route!, "tier": "basic"]
                #expect(buckets.last?.value == samples.value(name + "_count", labels))
            }
        }
        #expect(samples.sum("bulkhead_request_duration_seconds_count") == 1000)
        #expect(samples.sum("bulkhead_requests_total") == 1000)
        #expect(samples.sum("bulkhead_responses_total") == 1000)
    }

    @Test("Labels of any text come back as they were")
    func labels() {
        var metrics = MetricSet(tenantsLabelled: 10)
        let names = ["a\"b", "a\\b", "a\nb", "a\\nb", "é,{}=", "\\", "\"}", ""]
        for name in names { record(&metrics, metrics.series(route: name, tenant: name, tier: name)) }
        let samples = Exposition(metrics.snapshot()).samples.filter { $0.name == "bulkhead_requests_total" }
        #expect(Set(samples.map { $0.labels["tenant"] }) == Set(names))
        #expect(samples.allSatisfy { $0.labels["tenant"] == $0.labels["route"] && $0.value == 1 })
    }

    @Test("Counters and gauges all have a name, and those of one family differ in their labels")
    func everything() {
        var metrics = MetricSet(tenantsLabelled: 1)
        var gauges = GaugeSet()
        for counter in Counter.allCases { metrics.add(counter, counter.rawValue + 1) }
        for gauge in Gauge.allCases {
            switch gauge {
            case .build, .keyAge, .healthyEndpoints: gauges.set(gauge, label: "x", 1)
            case .ready, .processStart, .workers, .configurationGeneration, .residentBytes, .overloaded,
                .ownershipConnected:
                gauges.set(gauge, 1)
            }
        }
        // The parser itself checks that nothing comes twice.
        let exposition = Exposition(metrics.snapshot(), gauges: gauges)
        #expect(exposition.types.count > Counter.allCases.count / 2)
        let values = Set(exposition.samples.map(\.value))
        for counter in Counter.allCases {
            #expect(values.contains(Double(counter.rawValue + 1)), "\(counter)")
        }
        gauges.remove(.keyAge, label: "x")
        #expect(
            Exposition(metrics.snapshot(), gauges: gauges).types["bulkhead_issuer_key_age_seconds"] == nil
        )
    }

    @Test("promtool has nothing to say", .enabled(if: Peer.promtool != nil, "promtool is not installed"))
    func promtool() throws {
        for metrics in [Self.example, MetricSet(tenantsLabelled: 0).snapshot(), MetricSnapshot()] {
            let text = Exposition(metrics, gauges: Self.gauges).text
            let (status, said) = try Peer.run(Peer.promtool!, ["check", "metrics"], input: text)
            #expect(status == 0 && said.isEmpty, "\(said)")
        }
    }

    static var example: MetricSnapshot {
        var metrics = MetricSet(tenantsLabelled: 10)
        let series = metrics.series(route: "agent", tenant: "acme", tier: "premium")
        metrics.record(
            series: series,
            outcome: .allowed,
            status: .ok,
            duration: Interval(nanoseconds: 2_500_000),
            bytesIn: 10,
            bytesOut: 70,
            upstreamDuration: .milliseconds(1)
        )
        metrics.record(
            series: series,
            outcome: .allowed,
            status: .badGateway,
            duration: .seconds(400),
            bytesIn: 20,
            bytesOut: 0,
            upstreamDuration: nil
        )
        record(&metrics, metrics.series(route: "odd\"\\\n", tenant: "", tier: ""))
        metrics.refused(reason: "route_unknown", route: "")
        metrics.upstreamFailed("store", reason: "refused")
        metrics.add(.tokenCacheHits, 5)
        metrics.add(.connectionsAccepted, 3)
        metrics.add(.connectionsClosed)
        return metrics.snapshot()
    }

    static var gauges: GaugeSet {
        var gauges = GaugeSet()
        gauges.set(.ready, 1)
        gauges.set(.build, label: "0.1.0", 1)
        gauges.set(.processStart, 1_767_323_045)
        gauges.set(.keyAge, label: "cognito", 17)
        gauges.set(.keyAge, label: "other\"issuer", 0)
        gauges.set(.healthyEndpoints, label: "store", 2)
        return gauges
    }
}
