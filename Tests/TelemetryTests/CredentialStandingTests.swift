// SPDX-License-Identifier: Apache-2.0
import Bytes
import Telemetry
import Testing

/// The TVM cache as Prometheus sees it: by tenant, bounded as all is that has a tenant's name.
@Suite struct CredentialStandingTests {
    private static func standing(
        held: Int,
        vends: UInt64,
        failures: UInt64 = 0,
        age: Int? = nil,
        expiry: Int? = nil
    ) -> CredentialStanding {
        var standing = CredentialStanding()
        standing.held = held
        standing.vends = vends
        standing.failures = failures
        standing.oldestAge = age
        standing.nextExpiry = expiry
        return standing
    }

    private static func metrics(_ granted: [(tenant: String, hits: Int, misses: Int)]) -> MetricSnapshot {
        var metrics = MetricSet(tenantsLabelled: 9)
        for (tenant, hits, misses) in granted {
            for route in ["objects", "tables"] {
                let series = metrics.series(route: route, tenant: tenant, tier: "basic")
                for _ in 0..<hits { metrics.granted(series: series, isHit: true) }
                for _ in 0..<misses { metrics.granted(series: series, isHit: false) }
            }
        }
        return metrics.snapshot()
    }

    private func value(_ exposition: Exposition, _ name: String, _ labels: [String: String]) -> Double? {
        exposition.samples.first { $0.name == "bulkhead_tvm_" + name && $0.labels == labels }?.value
    }

    @Test func eachTenantHasItsOwn() {
        var tenants = TenantLabels(limit: 9)
        let exposition = Exposition(
            Self.metrics([("acme", 3, 1), ("globex", 0, 2)]),
            tenants: &tenants,
            credentials: [
                "acme": Self.standing(held: 2, vends: 5, failures: 1, age: 70, expiry: 1_800_000_900),
                "globex": Self.standing(held: 0, vends: 0, failures: 4),
            ]
        )
        func value(_ name: String, _ tenant: String, _ result: String? = nil) -> Double? {
            var labels = ["tenant": tenant]
            labels["result"] = result
            return self.value(exposition, name, labels)
        }
        #expect(value("lookups_total", "acme", "hit") == 6 && value("lookups_total", "acme", "miss") == 2)
        #expect(value("lookups_total", "globex", "hit") == 0 && value("lookups_total", "globex", "miss") == 4)
        #expect(value("vends_total", "acme", "success") == 5 && value("vends_total", "acme", "failure") == 1)
        #expect(value("credentials", "acme") == 2 && value("credentials", "globex") == 0)
        #expect(value("oldest_age_seconds", "acme") == 70)
        #expect(value("next_expiry_timestamp_seconds", "acme") == 1_800_000_900)
        // What is not held has no age and no end.
        #expect(value("oldest_age_seconds", "globex") == nil)
        #expect(value("next_expiry_timestamp_seconds", "globex") == nil)
    }

    @Test func thoseWithoutALabelAreTogether() {
        var tenants = TenantLabels(limit: 1)
        var credentials = [
            "a": Self.standing(held: 1, vends: 9, age: 10, expiry: 500),
            "b": Self.standing(held: 2, vends: 1, age: 90, expiry: 700),
            "c": Self.standing(held: 4, vends: 3, failures: 2, age: 20, expiry: 600),
        ]
        let first = Exposition(MetricSnapshot(), tenants: &tenants, credentials: credentials)
        // Nobody has had a request yet, so the first by name has the label, and keeps it.
        #expect(value(first, "credentials", ["tenant": "a"]) == 1)
        #expect(value(first, "credentials", ["tenant": "other"]) == 6)
        #expect(value(first, "vends_total", ["tenant": "other", "result": "success"]) == 4)
        #expect(value(first, "vends_total", ["tenant": "other", "result": "failure"]) == 2)
        #expect(value(first, "oldest_age_seconds", ["tenant": "other"]) == 90)
        #expect(value(first, "next_expiry_timestamp_seconds", ["tenant": "other"]) == 600)
        credentials["b"]?.vends = 100
        let second = Exposition(MetricSnapshot(), tenants: &tenants, credentials: credentials)
        #expect(value(second, "vends_total", ["tenant": "a", "result": "success"]) == 9)
        #expect(value(second, "vends_total", ["tenant": "other", "result": "success"]) == 103)
    }

    @Test("promtool has nothing to say", .enabled(if: Peer.promtool != nil, "promtool is not installed"))
    func promtool() throws {
        var tenants = TenantLabels(limit: 1)
        let exposition = Exposition(
            Self.metrics([("acme", 1, 1)]),
            tenants: &tenants,
            credentials: ["acme": Self.standing(held: 1, vends: 1, age: 1, expiry: 5)]
        )
        let (status, said) = try Peer.run(Peer.promtool!, ["check", "metrics"], input: exposition.text)
        #expect(status == 0 && said.isEmpty, "\(said)")
    }
}
