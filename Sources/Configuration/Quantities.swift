// SPDX-License-Identifier: Apache-2.0
import Bytes

extension Interval {
    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000),
        ("ms", 1_000_000),
    ]

    /// A whole number and a unit; nil for anything else and for what does not fit.
    init?(configured text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count)
        guard let count = Int64(digits), let scale = Self.units.first(where: { $0.name == unit })?.nanoseconds
        else { return nil }
        let (product, overflow) = count.multipliedReportingOverflow(by: scale)
        guard !overflow else { return nil }
        self.init(nanoseconds: product)
    }

    /// As it would be written in a configuration, in the largest unit that divides it.
    package var configured: String {
        let unit = Self.units.first { nanoseconds % $0.nanoseconds == 0 && nanoseconds != 0 } ?? ("s", 1)
        return "\(nanoseconds / unit.nanoseconds)\(unit.name)"
    }
}

extension YAML.Value {
    /// Decimal, `0x…` or `0o…`, as the core schema writes integers; nil when it does not fit.
    static func integer(_ text: String) -> Int? {
        if text.hasPrefix("0x") { return Int(text.dropFirst(2), radix: 16) }
        if text.hasPrefix("0o") { return Int(text.dropFirst(2), radix: 8) }
        return Int(text)
    }

    private static var sizeUnits: [(name: String, bytes: Int)] {
        [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)]
    }

    static func size(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text.dropFirst(digits.count)
        guard let count = Int(digits), let scale = sizeUnits.first(where: { $0.name == unit })?.bytes else {
            return nil
        }
        let (product, overflow) = count.multipliedReportingOverflow(by: scale)
        return overflow ? nil : product
    }

    static func size(_ bytes: Int) -> String {
        let unit = sizeUnits.first { bytes % $0.bytes == 0 && bytes != 0 } ?? ("", 1)
        return "\(bytes / unit.bytes)\(unit.name)"
    }
}
