// SPDX-License-Identifier: Apache-2.0

/// What the control thread sets to a value.
package enum Gauge: Int, Sendable, CaseIterable {
    /// 1 when requests are served, else 0. No label.
    case ready
    /// Always 1. Label: version.
    case build
    /// Unix time in seconds. No label.
    case processStart
    /// No label.
    case workers
    /// Number of the configuration in force. No label.
    case configurationGeneration
    /// Bytes. No label.
    case residentBytes
    /// 1 while new requests are turned away for memory, else 0. No label.
    case overloaded
    /// 1 while the table of owners in Redis answers, else 0; not set for another. No label.
    case ownershipConnected
    /// Seconds since an issuer's keys were fetched. Label: issuer.
    case keyAge
    /// Label: upstream.
    case healthyEndpoints

    /// Name of the label, if it has one.
    var label: StaticString? {
        switch self {
        case .ready, .processStart, .workers, .configurationGeneration, .residentBytes, .overloaded,
            .ownershipConnected:
            nil
        case .build: "version"
        case .keyAge: "issuer"
        case .healthyEndpoints: "upstream"
        }
    }

    var name: StaticString {
        switch self {
        case .ready: "bulkhead_ready"
        case .build: "bulkhead_build_info"
        case .processStart: "process_start_time_seconds"
        case .workers: "bulkhead_workers"
        case .configurationGeneration: "bulkhead_configuration_generation"
        case .residentBytes: "process_resident_memory_bytes"
        case .overloaded: "bulkhead_overloaded"
        case .ownershipConnected: "bulkhead_ownership_connected"
        case .keyAge: "bulkhead_issuer_key_age_seconds"
        case .healthyEndpoints: "bulkhead_upstream_healthy_endpoints"
        }
    }

    /// What Prometheus says of the family.
    var help: StaticString {
        switch self {
        case .ready: "Whether requests are served."
        case .build: "Always 1; the label says which version runs."
        case .processStart: "When the process began, in seconds since 1970."
        case .workers: "Threads of the data plane."
        case .configurationGeneration: "Number of the configuration in force."
        case .residentBytes: "Memory that the process has."
        case .overloaded: "Whether new requests are turned away, because memory is short."
        case .ownershipConnected: "Whether the table of owners answers."
        case .keyAge: "Time since the keys of an issuer were fetched."
        case .healthyEndpoints: "Addresses of an upstream that are in use."
        }
    }
}

/// The gauges of the process, as the control thread last set them. One that was not set is not exported.
package struct GaugeSet: Sendable {
    private var values: [Gauge: [String: Int]] = [:]

    package init() {}

    /// - Parameter label: the value of the gauge's label; empty for a gauge that has none.
    package mutating func set(_ gauge: Gauge, label: String = "", _ value: Int) {
        precondition((gauge.label == nil) == label.isEmpty, "a label where the gauge has one, and only there")
        values[gauge, default: [:]][label] = value
    }

    package mutating func remove(_ gauge: Gauge, label: String = "") { values[gauge]?[label] = nil }

    /// In the order of the labels.
    func values(of gauge: Gauge) -> [(label: String, value: Int)] {
        values[gauge, default: [:]].sorted { $0.key < $1.key }.map { (label: $0.key, value: $0.value) }
    }
}
