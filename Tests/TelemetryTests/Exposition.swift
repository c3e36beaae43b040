// SPDX-License-Identifier: Apache-2.0
import Bytes
import Foundation
import Telemetry
import Testing

/// What Prometheus would read, by a parser that takes nothing but what the format allows.
struct Exposition {
    struct Sample: Hashable {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    let text: String
    private(set) var samples: [Sample] = []
    /// Family to type.
    private(set) var types: [String: String] = [:]

    init(_ metrics: MetricSnapshot, limit: Int = 100, gauges: GaugeSet = GaugeSet()) {
        var tenants = TenantLabels(limit: limit)
        self.init(metrics, tenants: &tenants, gauges: gauges)
    }

    init(
        _ metrics: MetricSnapshot,
        tenants: inout TenantLabels,
        gauges: GaugeSet = GaugeSet(),
        credentials: [String: CredentialStanding] = [:]
    ) {
        var buffer = Buffer()
        PrometheusText.encode(
            metrics,
            gauges: gauges,
            credentials: credentials,
            tenants: &tenants,
            into: &buffer
        )
        text = buffer.bytes.string() ?? ""
        read()
    }

    private mutating func read() {
        #expect(text.hasSuffix("\n"))
        var family = ""
        var seen: Set<String> = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.hasPrefix("# HELP ") {
                family = String(line.dropFirst(7).prefix { $0 != " " })
                #expect(types[family] == nil, "family \(family) comes twice")
            } else if line.hasPrefix("# TYPE ") {
                let words = line.split(separator: " ")
                #expect(words.count == 4 && words[2] == family)
                types[family] = String(words[3])
                #expect(family.hasSuffix("_total") == (words[3] == "counter"))
            } else {
                readSample(line, family, &seen)
            }
        }
    }

    private mutating func readSample(_ line: Substring, _ family: String, _ seen: inout Set<String>) {
        guard let sample = Self.sample(line) else {
            Issue.record("not a sample: \(line)")
            return
        }
        let allowed =
            types[family] == "histogram"
            ? [family + "_bucket", family + "_sum", family + "_count"] : [family]
        #expect(allowed.contains(sample.name), "\(line) in the family \(family)")
        let labels = sample.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        #expect(seen.insert("\(sample.name) \(labels)").inserted, "twice: \(line)")
        samples.append(sample)
    }

    private static func sample(_ line: Substring) -> Sample? {
        let name = line.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        var rest = line.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            repeat {
                rest = rest.dropFirst()
                let label = rest.prefix { $0.isASCII && ($0.isLetter || $0 == "_") }
                rest = rest.dropFirst(label.count)
                guard !label.isEmpty, rest.hasPrefix("=\""), labels[String(label)] == nil else { return nil }
                rest = rest.dropFirst(2)
                guard let value = quoted(&rest) else { return nil }
                labels[String(label)] = value
            } while rest.first == ","
            guard rest.first == "}" else { return nil }
            rest = rest.dropFirst()
        }
        guard !name.isEmpty, rest.first == " ", let value = Double(rest.dropFirst()) else { return nil }
        return Sample(name: String(name), labels: labels, value: value)
    }

    /// Reads as far as the closing quote.
    private static func quoted(_ rest: inout Substring) -> String? {
        var value = ""
        while let character = rest.popFirst() {
            switch character {
            case "\"": return value
            case "\\":
                switch rest.popFirst() {
                case "\\": value.append("\\")
                case "\"": value.append("\"")
                case "n": value.append("\n")
                default: return nil
                }
            default: value.append(character)
            }
        }
        return nil
    }
}

extension [Exposition.Sample] {
    func sum(_ name: String) -> Double { filter { $0.name == name }.reduce(0) { $0 + $1.value } }

    func value(_ name: String, _ labels: [String: String]) -> Double? {
        first { $0.name == name && $0.labels == labels }?.value
    }
}
