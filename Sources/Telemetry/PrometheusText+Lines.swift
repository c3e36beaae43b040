// SPDX-License-Identifier: Apache-2.0
import Bytes

/// The pieces of a line.
extension PrometheusText {
    static func begin(
        _ name: StaticString,
        _ type: StaticString,
        _ help: StaticString,
        _ output: inout Buffer
    ) {
        output.append("# HELP ")
        output.append(name)
        output.append(ASCII.space)
        // Our own words: neither backslash nor line feed is among them.
        output.append(help)
        output.append("\n# TYPE ")
        output.append(name)
        output.append(ASCII.space)
        output.append(type)
        output.append(ASCII.lineFeed)
    }

    static func end(_ value: UInt64, _ output: inout Buffer) {
        output.append("} ")
        encode(value, &output)
    }

    /// A counter's value and the end of its line.
    static func encode(_ value: UInt64, _ output: inout Buffer) {
        output.append(decimal: Int(clamping: value))
        output.append(ASCII.lineFeed)
    }

    static func encode(_ key: SeriesKey, _ output: inout Buffer) {
        encode("route", key.route, &output)
        output.append(",")
        encode("tenant", key.tenant, &output)
        output.append(",")
        encode("tier", key.tier, &output)
    }

    static func encode(_ key: DurationKey, _ output: inout Buffer) {
        encode("route", key.route, &output)
        output.append(",")
        encode("tier", key.tier, &output)
    }

    static func encode(_ name: StaticString, _ value: String, _ output: inout Buffer) {
        output.append(name)
        output.append("=\"")
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): output.append("\\\\")
            case ASCII.quote: output.append("\\\"")
            case ASCII.lineFeed: output.append("\\n")
            default: output.append(byte)
            }
        }
        output.append(ASCII.quote)
    }
}
