// SPDX-License-Identifier: Apache-2.0

extension Buffer {
    /// Appends the last `digits` decimal digits of `value`, with zeros in front.
    package mutating func append(decimal value: UInt64, digits: Int) {
        reserve(digits)
        var divisor: UInt64 = 1
        for _ in 1..<max(digits, 1) { divisor = divisor.multipliedReportingOverflow(by: 10).partialValue }
        for _ in 0..<digits {
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / divisor % 10))
            divisor /= 10
        }
    }

    /// Appends `value` as 16 hexadecimal digits in lower case.
    package mutating func append(hexadecimal value: UInt64) {
        reserve(16)
        var shift: UInt64 = 64
        while shift > 0 {
            shift -= 4
            append(ASCII.hexDigit(UInt8(truncatingIfNeeded: value >> shift) & 15))
        }
    }

    /// Appends a moment as `2026-01-02T03:04:05.678901Z`, always 27 bytes: microseconds, the rest cut off.
    /// What 64 bits of nanoseconds can say lies in the years 1677...2262. Source: RFC 3339 §5.6.
    package mutating func append(rfc3339 time: WallTime) {
        let microseconds = Self.floorDivide(time.nanoseconds, 1000)
        let seconds = Self.floorDivide(microseconds, 1_000_000)
        let days = Self.floorDivide(seconds, 86_400)
        let date = Self.civil(days)
        let second = UInt64(seconds - days * 86_400)
        append(decimal: UInt64(date.year), digits: 4)
        append(UInt8(ascii: "-"))
        append(decimal: UInt64(date.month), digits: 2)
        append(UInt8(ascii: "-"))
        append(decimal: UInt64(date.day), digits: 2)
        append(UInt8(ascii: "T"))
        append(decimal: second / 3600, digits: 2)
        append(UInt8(ascii: ":"))
        append(decimal: second / 60 % 60, digits: 2)
        append(UInt8(ascii: ":"))
        append(decimal: second % 60, digits: 2)
        append(UInt8(ascii: "."))
        append(decimal: UInt64(microseconds - seconds * 1_000_000), digits: 6)
        append(UInt8(ascii: "Z"))
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
        value >= 0 ? value / divisor : -((-(value + 1)) / divisor) - 1
    }

    /// The Gregorian date of a day, counted from 1970-01-01. Years begin in March here, so that a leap day is a
    /// year's last; 400 years have 146,097 days.
    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let fromMarch0 = days + 719_468
        let era = floorDivide(fromMarch0, 146_097)
        let dayOfEra = fromMarch0 - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let civilMonth = month < 10 ? month + 3 : month - 9
        return (yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0), civilMonth, day)
    }
}
