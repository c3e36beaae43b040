// SPDX-License-Identifier: Apache-2.0
import Bytes
import Telemetry
import TestSupport
import Testing

@Suite("Tenants with a label of their own")
struct TenantLabelsTests {
    @Test("The busiest get the labels; the rest is other, and the sum is exact")
    func busiest() {
        var metrics = MetricSet(tenantsLabelled: 2)
        count(&metrics, ["quiet": 1, "busy": 9, "busier": 10, "silent": 0])
        let requests = requests(Exposition(metrics.snapshot(), limit: 2))
        #expect(requests == ["busy": 9, "busier": 10, "other": 1])
    }

    @Test("Who has a label keeps it, so that no counter goes down")
    func sticky() {
        var metrics = MetricSet(tenantsLabelled: 2)
        var tenants = TenantLabels(limit: 2)
        count(&metrics, ["a": 1])
        #expect(requests(Exposition(metrics.snapshot(), tenants: &tenants)) == ["a": 1])
        count(&metrics, ["b": 2, "c": 3])
        #expect(requests(Exposition(metrics.snapshot(), tenants: &tenants)) == ["a": 1, "c": 3, "other": 2])
        count(&metrics, ["b": 100, "d": 50, "a": 1])
        let last = requests(Exposition(metrics.snapshot(), tenants: &tenants))
        #expect(last == ["a": 2, "c": 3, "other": 152])
    }

    @Test("A tenant that is called other has no label of its own, whenever it comes")
    func other() {
        var metrics = MetricSet(tenantsLabelled: 2)
        count(&metrics, ["other": 50, "a": 1, "b": 2, "c": 3])
        #expect(requests(Exposition(metrics.snapshot(), limit: 2)) == ["b": 2, "c": 3, "other": 51])
        #expect(requests(Exposition(metrics.snapshot(), limit: 9)) == ["a": 1, "b": 2, "c": 3, "other": 50])
    }

    @Test("Requests without a tenant use up no label")
    func none() {
        var metrics = MetricSet(tenantsLabelled: 1)
        count(&metrics, ["": 9, "a": 1])
        #expect(requests(Exposition(metrics.snapshot(), limit: 1)) == ["": 9, "a": 1])
        #expect(requests(Exposition(metrics.snapshot(), limit: 0)) == ["": 9, "other": 1])
    }

    @Test("No counter goes down and every sum is exact, whatever happens between scrapes")
    func monotonic() {
        var random = Seeded.printed()
        var tenants = TenantLabels(limit: 5)
        var metrics = MetricSet(tenantsLabelled: 5)
        var before: [String: Double] = [:]
        var total = 0
        for _ in 0..<50 {
            for _ in 0..<Int.random(in: 0...20, using: &random) {
                Request.random(using: &random).count(in: &metrics)
                total += 1
            }
            let now = requests(Exposition(metrics.snapshot(), tenants: &tenants))
            for (tenant, value) in before { #expect(now[tenant] ?? 0 >= value, "\(tenant)") }
            #expect(now.values.reduce(0, +) == Double(total))
            #expect(now.count <= 6)
            before = now
        }
    }

    private func count(_ metrics: inout MetricSet, _ tenants: [String: Int]) {
        for (tenant, count) in tenants {
            let series = metrics.series(route: "agent", tenant: tenant, tier: "basic")
            for _ in 0..<count { record(&metrics, series) }
        }
    }

    private func requests(_ exposition: Exposition) -> [String: Double] {
        var result: [String: Double] = [:]
        for sample in exposition.samples where sample.name == "bulkhead_requests_total" {
            result[sample.labels["tenant"]!, default: 0] += sample.value
        }
        return result
    }
}
