// SPDX-License-Identifier: Apache-2.0

/// Which tenants have a label of their own: where there is room for some, the busiest of those that are new; who has
/// one keeps it, so that no counter ever goes down. All others are counted together, and totals stay exact.
/// Kept by the control thread from one scrape to the next.
package struct TenantLabels: Sendable {
    /// Label of all tenants that have none. A tenant of that name is among them.
    package static let other = "other"

    private var labelled: Set<String> = []
    private let limit: Int

    package init(limit: Int) { self.limit = limit }

    /// Gives labels to tenants that have none yet, while there are any left.
    /// - Parameter others: tenants that are counted elsewhere too, perhaps before their first request has ended.
    mutating func admit(_ metrics: MetricSnapshot, _ others: [String] = []) {
        let room = limit - labelled.count
        guard room > 0 else { return }
        var counts: [String: UInt64] = [:]
        for tenant in others where !tenant.isEmpty && tenant != Self.other && !labelled.contains(tenant) {
            counts[tenant] = 0
        }
        for row in 0..<metrics.series.count {
            let tenant = metrics.series.keys[row].tenant
            if tenant.isEmpty || tenant == Self.other || labelled.contains(tenant) { continue }
            counts[tenant, default: 0] &+= metrics.requestCount(row)
        }
        let busiest = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        labelled.formUnion(busiest.prefix(room).map(\.key))
    }

    /// What stands for `tenant` in what is exported. No tenant at all is not one of the others.
    func label(_ tenant: String) -> String {
        tenant.isEmpty || labelled.contains(tenant) ? tenant : Self.other
    }
}
