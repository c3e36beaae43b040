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
        if nanoseconds == 0 { return "0s" }
        let unit = Self.units.first { nanoseconds % $0.nanoseconds == 0 } ?? ("ns", 1)
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
        if bytes == 0 { return "0" }
        let unit = sizeUnits.first { bytes % $0.bytes == 0 } ?? ("", 1)
        return "\(bytes / unit.bytes)\(unit.name)"
    }
}

extension WallTime {
    /// `2027-01-31`, which means the end of that day, or `2027-01-31T12:00:00Z` (RFC 3339, UTC only).
    init?(configured text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 10 || bytes.count == 20 else { return nil }
        let shape = Array("dddd-dd-ddTdd:dd:ddZ".utf8.prefix(bytes.count))
        for (byte, expected) in zip(bytes, shape) {
            guard expected == UInt8(ascii: "d") ? ASCII.isDigit(byte) : byte == expected else { return nil }
        }
        let number = { (range: Range<Int>) in bytes[range].reduce(0) { $0 * 10 + Int64($1 - 0x30) } }
        let (year, month, day) = (number(0..<4), number(5..<7), number(8..<10))
        guard year >= 1970, (1...12).contains(month), day >= 1, day <= Self.days(in: month, of: year) else {
            return nil
        }
        let days = Self.daysSinceEpoch(year, month, day)
        guard bytes.count == 20 else {
            self.init(seconds: (days + 1) * 86_400)
            return
        }
        let (hour, minute, second) = (number(11..<13), number(14..<16), number(17..<19))
        guard hour < 24, minute < 60, second < 60 else { return nil }
        self.init(seconds: days * 86_400 + hour * 3600 + minute * 60 + second)
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Of the proleptic Gregorian calendar, by years that begin in March.
    private static func daysSinceEpoch(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month > 2 ? year : year - 1
        let monthFromMarch = (month + 9) % 12
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }
}

extension YAML.Value {
    /// A day or a second; nil, with a problem, for anything else.
    func date() -> WallTime? {
        let what = "a date such as 2027-01-31 or 2027-01-31T12:00:00Z"
        guard let (_, expansion) = expanded(what) else { return nil }
        guard let time = WallTime(configured: expansion.text) else {
            noteExpected(what)
            return nil
        }
        return time
    }
}
