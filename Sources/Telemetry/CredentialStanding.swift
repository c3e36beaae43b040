// SPDX-License-Identifier: Apache-2.0
import Bytes

/// What there is of credentials for one tenant: numbers and times, nothing of a credential itself.
package struct CredentialStanding: Equatable, Sendable {
    /// Credentials that are held.
    package var held = 0
    /// What was asked for, by how it ended. Only grow.
    package var vends: UInt64 = 0
    package var failures: UInt64 = 0
    /// Seconds since the oldest that is held came; nil where none is.
    package var oldestAge: Int?
    /// Unix time in seconds at which the first of those that are held ends.
    package var nextExpiry: Int?

    package init() {}

    package mutating func add(_ other: Self) {
        held += other.held
        vends &+= other.vends
        failures &+= other.failures
        oldestAge = [oldestAge, other.oldestAge].compactMap(\.self).max()
        nextExpiry = [nextExpiry, other.nextExpiry].compactMap(\.self).min()
    }
}

/// The TVM cache (DESIGN §8), by tenant.
extension PrometheusText {
    static func encodeGrants(
        _ series: CounterTable<SeriesKey>,
        _ tenants: TenantLabels,
        _ output: inout Buffer
    ) {
        var counts: [String: (hits: UInt64, misses: UInt64)] = [:]
        for row in 0..<series.count {
            let hits = series.value(row, SeriesColumn.grantHits)
            let misses = series.value(row, SeriesColumn.grantMisses)
            if hits == 0, misses == 0 { continue }
            let tenant = tenants.label(series.keys[row].tenant)
            counts[tenant, default: (0, 0)].hits &+= hits
            counts[tenant, default: (0, 0)].misses &+= misses
        }
        begin(
            "bulkhead_tvm_lookups_total",
            "counter",
            "Grants of requests, by whether they were at hand.",
            &output
        )
        for (tenant, count) in counts.sorted(by: { $0.key < $1.key }) {
            line("bulkhead_tvm_lookups_total", "hit", tenant, count.hits, &output)
            line("bulkhead_tvm_lookups_total", "miss", tenant, count.misses, &output)
        }
    }

    static func encode(
        _ credentials: [String: CredentialStanding],
        _ tenants: TenantLabels,
        _ output: inout Buffer
    ) {
        var standings: [String: CredentialStanding] = [:]
        for (tenant, standing) in credentials {
            standings[tenants.label(tenant), default: CredentialStanding()].add(standing)
        }
        let rows = standings.sorted { $0.key < $1.key }
        begin("bulkhead_tvm_vends_total", "counter", "Credentials asked for, by tenant and result.", &output)
        for (tenant, standing) in rows {
            line("bulkhead_tvm_vends_total", "success", tenant, standing.vends, &output)
            line("bulkhead_tvm_vends_total", "failure", tenant, standing.failures, &output)
        }
        let gauges: [(StaticString, StaticString, (CredentialStanding) -> Int?)] = [
            ("bulkhead_tvm_credentials", "Credentials that are held.", { $0.held }),
            (
                "bulkhead_tvm_oldest_age_seconds", "Since the oldest credential that is held came.",
                \.oldestAge
            ),
            (
                "bulkhead_tvm_next_expiry_timestamp_seconds",
                "When the first of the credentials that are held ends, in seconds since 1970.", \.nextExpiry
            ),
        ]
        for (name, help, value) in gauges {
            begin(name, "gauge", help, &output)
            for (tenant, standing) in rows {
                guard let number = value(standing) else { continue }
                output.append(name)
                output.append("{")
                encode("tenant", tenant, &output)
                output.append("} ")
                output.append(decimal: number)
                output.append(ASCII.lineFeed)
            }
        }
    }

    private static func line(
        _ name: StaticString,
        _ result: StaticString,
        _ tenant: String,
        _ count: UInt64,
        _ output: inout Buffer
    ) {
        output.append(name)
        output.append("{result=\"")
        output.append(result)
        output.append("\",")
        encode("tenant", tenant, &output)
        end(count, &output)
    }
}
