// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// The exposition format of Prometheus, version 0.0.4.
/// Source: prometheus.io, "Exposition formats", "Text-based format".
package enum PrometheusText {
    package static let contentType: StaticString = "text/plain; version=0.0.4; charset=utf-8"

    /// Appends everything that is known, families and series in a fixed order.
    /// - Parameters:
    ///   - metrics: those of all workers, merged.
    ///   - credentials: by tenant, what the control thread holds and has asked for.
    ///   - tenants: who has a label; may give some to tenants that are new.
    ///
    /// Cost: sorts the series; for the control thread.
    package static func encode(
        _ metrics: MetricSnapshot,
        gauges: GaugeSet,
        credentials: [String: CredentialStanding] = [:],
        tenants: inout TenantLabels,
        into output: inout Buffer
    ) {
        tenants.admit(metrics, Array(credentials.keys))
        encodeSeries(labelled(metrics.series, tenants), &output)
        encodeGrants(metrics.series, tenants, &output)
        encode(credentials, tenants, &output)
        encodeDurations(metrics.durations, &output)
        encodeReasons(
            metrics.refusals,
            "bulkhead_refusals_total",
            "Requests that were refused or failed, by reason.",
            placeLabel: "route",
            &output
        )
        encodeReasons(
            metrics.upstreamFailures,
            "bulkhead_upstream_failures_total",
            "Attempts at an upstream that failed, by reason.",
            placeLabel: "upstream",
            &output
        )
        encodeCounters(metrics, &output)
        encodeOpen(metrics, &output)
        encodeGauges(gauges, &output)
    }

    /// The same series, with the tenants that have no label put together.
    private static func labelled(
        _ series: CounterTable<SeriesKey>,
        _ tenants: TenantLabels
    ) -> CounterTable<SeriesKey> {
        var result = CounterTable<SeriesKey>(columns: SeriesColumn.count)
        for row in 0..<series.count {
            var key = series.keys[row]
            key.tenant = tenants.label(key.tenant)
            result.add(series, row: row, to: result.row(key))
        }
        return result
    }

    // MARK: families

    private static func encodeSeries(_ series: CounterTable<SeriesKey>, _ output: inout Buffer) {
        let rows = series.sortedRows
        begin("bulkhead_requests_total", "counter", "Requests, by how they ended.", &output)
        for row in rows {
            for outcome in Outcome.allCases {
                // A series comes to life with its first request.
                let count = series.value(row, Int(outcome.rawValue))
                if count == 0 { continue }
                output.append("bulkhead_requests_total{outcome=\"")
                output.append(outcome.name)
                output.append("\",")
                encode(series.keys[row], &output)
                end(count, &output)
            }
        }
        let bytes: [(StaticString, StaticString, Int)] = [
            ("bulkhead_request_bytes_total", "Bytes of requests' bodies.", SeriesColumn.bytesIn),
            ("bulkhead_response_bytes_total", "Bytes of answers' bodies.", SeriesColumn.bytesOut),
        ]
        for (name, help, column) in bytes {
            begin(name, "counter", help, &output)
            for row in rows {
                output.append(name)
                output.append("{")
                encode(series.keys[row], &output)
                end(series.value(row, column), &output)
            }
        }
    }

    private static func encodeDurations(_ durations: CounterTable<DurationKey>, _ output: inout Buffer) {
        let rows = durations.sortedRows
        begin("bulkhead_responses_total", "counter", "Answers to callers, by class of status.", &output)
        for row in rows {
            for statusClass in 0..<DurationColumn.classCount {
                let count = durations.value(row, statusClass)
                if count == 0 { continue }
                output.append("bulkhead_responses_total{status=\"")
                if statusClass == 0 {
                    output.append("none")
                } else {
                    output.append(decimal: statusClass)
                    output.append("xx")
                }
                output.append("\",")
                encode(durations.keys[row], &output)
                end(count, &output)
            }
        }
        let histograms: [(StaticString, StaticString, Int)] = [
            ("bulkhead_request_duration_seconds", "From request to end of answer.", DurationColumn.request),
            ("bulkhead_upstream_duration_seconds", "Wait for an upstream's answer.", DurationColumn.upstream),
        ]
        for (name, help, column) in histograms {
            begin(name, "histogram", help, &output)
            // A series comes to life with its first request, and not all requests reach an upstream.
            for row in rows where durations.hasObservations(row, column) {
                encodeHistogram(durations, row, column, name, &output)
            }
        }
    }

    private static func encodeHistogram(
        _ durations: CounterTable<DurationKey>,
        _ row: Int,
        _ column: Int,
        _ name: StaticString,
        _ output: inout Buffer
    ) {
        var count: UInt64 = 0
        for bucket in 0...Histogram.overflow {
            count &+= durations.value(row, column + bucket)
            output.append(name)
            output.append("_bucket{le=\"")
            output.append(bucket == Histogram.overflow ? "+Inf" : Histogram.bound(bucket).text)
            output.append("\",")
            encode(durations.keys[row], &output)
            end(count, &output)
        }
        output.append(name)
        output.append("_sum{")
        encode(durations.keys[row], &output)
        output.append("} ")
        output.append(secondsOf: durations.value(row, column + Histogram.sum))
        output.append(ASCII.lineFeed)
        output.append(name)
        output.append("_count{")
        encode(durations.keys[row], &output)
        end(count, &output)
    }

    private static func encodeReasons(
        _ table: CounterTable<ReasonKey>,
        _ name: StaticString,
        _ help: StaticString,
        placeLabel: StaticString,
        _ output: inout Buffer
    ) {
        begin(name, "counter", help, &output)
        for row in table.sortedRows {
            output.append(name)
            output.append("{")
            encode(placeLabel, table.keys[row].place, &output)
            output.append(",")
            encode("reason", table.keys[row].reason, &output)
            end(table.value(row, 0), &output)
        }
    }

    private static func encodeCounters(_ metrics: MetricSnapshot, _ output: inout Buffer) {
        var family: StaticString = ""
        for counter in Counter.allCases {
            if !counter.name.bytes.equals(family) {
                family = counter.name
                begin(family, "counter", counter.help, &output)
            }
            output.append(family)
            output.append(counter.labels)
            output.append(ASCII.space)
            encode(metrics.value(counter), &output)
        }
    }

    /// What is open is what was opened and has not been closed.
    private static func encodeOpen(_ metrics: MetricSnapshot, _ output: inout Buffer) {
        let pairs: [(StaticString, StaticString, Counter, Counter)] = [
            (
                "bulkhead_connections_open", "Connections from callers that are open.",
                .connectionsAccepted, .connectionsClosed
            ),
            (
                "bulkhead_upstream_connections_open", "Connections to upstreams that are open.",
                .upstreamConnectionsOpened, .upstreamConnectionsClosed
            ),
        ]
        for (name, help, opened, closed) in pairs {
            begin(name, "gauge", help, &output)
            output.append(name)
            output.append(ASCII.space)
            encode(metrics.value(opened) &- min(metrics.value(closed), metrics.value(opened)), &output)
        }
    }

    private static func encodeGauges(_ gauges: GaugeSet, _ output: inout Buffer) {
        for gauge in Gauge.allCases {
            let values = gauges.values(of: gauge)
            if values.isEmpty { continue }
            begin(gauge.name, "gauge", gauge.help, &output)
            for (label, value) in values {
                output.append(gauge.name)
                if let name = gauge.label {
                    output.append("{")
                    encode(name, label, &output)
                    output.append("}")
                }
                output.append(ASCII.space)
                output.append(decimal: value)
                output.append(ASCII.lineFeed)
            }
        }
    }
}

extension CounterTable where Key: Comparable {
    /// The rows in the order of their keys, so that two scrapes list them alike.
    fileprivate var sortedRows: [Int] { keys.indices.sorted { keys[$0] < keys[$1] } }
}

extension CounterTable<DurationKey> {
    fileprivate func hasObservations(_ row: Int, _ column: Int) -> Bool {
        (0...Histogram.overflow).contains { value(row, column + $0) > 0 }
    }
}
