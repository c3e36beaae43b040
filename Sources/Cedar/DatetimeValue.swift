// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// An instant in milliseconds since 1970-01-01T00:00:00Z. Source: Cedar language, `datetime` (RFC 80).
package struct DatetimeValue: Hashable, Comparable, Sendable {
    private static let day: Int64 = 86_400_000

    package let milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package init(_ time: WallTime) { milliseconds = time.nanoseconds.flooringDivision(by: 1_000_000) }

    /// The same instant, clamped to what nanoseconds can count (the years 1677 to 2262).
    package var wallTime: WallTime {
        let (product, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
        return WallTime(nanoseconds: overflow ? (milliseconds < 0 ? .min : .max) : product)
    }

    /// Reads `YYYY-MM-DD`, or that with `Thh:mm:ss`, optional `.SSS`, then `Z` or `±hhmm`; nil for all else.
    package init?(_ text: Text) {
        var fields = FixedFields(text)
        guard let year = fields.number(4), fields.skip("-"), let month = fields.number(2), fields.skip("-"),
            let day = fields.number(2), let days = DatetimeValue.days(year: year, month: month, day: day)
        else { return nil }
        if fields.isAtEnd {
            milliseconds = days * DatetimeValue.day
            return
        }
        guard fields.skip("T"), let hour = fields.number(2), fields.skip(":"), let minute = fields.number(2),
            fields.skip(":"), let second = fields.number(2), hour <= 23, minute <= 59, second <= 59
        else { return nil }
        var time = days * DatetimeValue.day + hour * 3_600_000 + minute * 60_000 + second * 1000
        if fields.skip(".") {
            guard let fraction = fields.number(3) else { return nil }
            time += fraction
        }
        if !fields.skip("Z") {
            let west = fields.skip("-")
            guard west || fields.skip("+"), let hours = fields.number(2), let minutes = fields.number(2),
                hours <= 23, minutes <= 59
            else { return nil }
            let offset = hours * 3_600_000 + minutes * 60_000
            time += west ? offset : -offset
        }
        guard fields.isAtEnd else { return nil }
        milliseconds = time
    }

    package static func < (left: DatetimeValue, right: DatetimeValue) -> Bool {
        left.milliseconds < right.milliseconds
    }

    func adding(_ duration: DurationValue) -> DatetimeValue? {
        let (sum, overflow) = milliseconds.addingReportingOverflow(duration.milliseconds)
        return overflow ? nil : DatetimeValue(milliseconds: sum)
    }

    func since(_ other: DatetimeValue) -> DurationValue? {
        let (difference, overflow) = milliseconds.subtractingReportingOverflow(other.milliseconds)
        return overflow ? nil : DurationValue(milliseconds: difference)
    }

    /// Midnight (UTC) of the same day, or nil below the range.
    var date: DatetimeValue? {
        let (start, overflow) = milliseconds.subtractingReportingOverflow(timeOfDay.milliseconds)
        return overflow ? nil : DatetimeValue(milliseconds: start)
    }

    var timeOfDay: DurationValue {
        let rest = milliseconds % DatetimeValue.day
        return DurationValue(milliseconds: rest < 0 ? rest + DatetimeValue.day : rest)
    }

    /// Days since 1970-01-01 in the proleptic Gregorian calendar, or nil for a day that does not exist.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64? {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let last: Int64
        switch month {
        case 1, 3, 5, 7, 8, 10, 12: last = 31
        case 4, 6, 9, 11: last = 30
        case 2: last = leap ? 29 : 28
        default: return nil
        }
        guard (1...last).contains(day) else { return nil }
        // Count from 1 March, so that the leap day is the last of its year; year 0 has the days before it.
        let shifted = month > 2 ? year : year - 1
        let era = shifted.flooringDivision(by: 400)
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }
}

extension Int64 {
    /// Division that rounds towards minus infinity; `divisor` is positive.
    func flooringDivision(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}

/// Reads fields of a fixed number of digits.
private struct FixedFields {
    private let bytes: [UInt8]
    private var index = 0

    init(_ text: Text) { bytes = Array(text.string.utf8) }

    var isAtEnd: Bool { index == bytes.count }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    mutating func number(_ digits: Int) -> Int64? {
        guard index + digits <= bytes.count else { return nil }
        var value: Int64 = 0
        for byte in bytes[index..<(index + digits)] {
            guard ASCII.isDigit(byte) else { return nil }
            value = value * 10 + Int64(byte) - 0x30
        }
        index += digits
        return value
    }
}
