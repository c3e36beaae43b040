// SPDX-License-Identifier: Apache-2.0

/// Numbers as text. All write into room that was reserved once: byte by byte they would cost more than all else of
/// a record.
extension Buffer {
    /// Appends the last `digits` decimal digits of `value`, with zeros in front.
    package mutating func append(decimal value: UInt64, digits: Int) {
        unsafe append(upTo: digits) { room in
            unsafe Self.write(value, digits, room, at: 0)
            return digits
        }
    }

    /// Appends `value` as 16 hexadecimal digits in lower case.
    package mutating func append(hexadecimal value: UInt64) {
        unsafe append(upTo: 16) { room in
            var rest = value
            for index in stride(from: 15, through: 0, by: -1) {
                // Safe because the room has 16 bytes.
                unsafe room[index] = ASCII.hexDigit(UInt8(truncatingIfNeeded: rest) & 15)
                rest >>= 4
            }
            return 16
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
        unsafe append(upTo: 27) { room in
            // Safe because the last of these places is 26.
            unsafe room.copyBytes(from: "0000-00-00T00:00:00.000000Z".utf8)
            unsafe Self.write(UInt64(date.year), 4, room, at: 0)
            unsafe Self.write(UInt64(date.month), 2, room, at: 5)
            unsafe Self.write(UInt64(date.day), 2, room, at: 8)
            unsafe Self.write(second / 3600, 2, room, at: 11)
            unsafe Self.write(second / 60 % 60, 2, room, at: 14)
            unsafe Self.write(second % 60, 2, room, at: 17)
            unsafe Self.write(UInt64(microseconds - seconds * 1_000_000), 6, room, at: 20)
            return 27
        }
    }

    /// `room` must have `digits` bytes from `start` on.
    @unsafe
    private static func write(
        _ value: UInt64,
        _ digits: Int,
        _ room: UnsafeMutableRawBufferPointer,
        at start: Int
    ) {
        var rest = value
        var index = start + digits
        while index > start {
            index -= 1
            unsafe room[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
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
