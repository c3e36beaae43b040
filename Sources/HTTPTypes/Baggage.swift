// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// One list member of a `baggage` value, as ranges into it.
package struct BaggageMember: Equatable, Sendable {
    package var key: Range<Int>
    /// As it stands there, percent-encoded, without properties.
    package var value: Range<Int>
    /// Key, value and properties, without spaces around them.
    package var whole: Range<Int>
}

/// Walks a `baggage` value's members in order and skips those that are malformed.
/// Source: W3C Baggage §3.2.1.
package struct BaggageCursor: Sendable {
    private var index = 0

    package init() {}

    /// - Parameter value: the same one at each call.
    package mutating func next(in value: borrowing Span<UInt8>) -> BaggageMember? {
        while index < value.count {
            let start = index
            let end = value.firstIndex(of: ASCII.comma, from: start) ?? value.count
            index = end + 1
            if let member = Self.member(value, start..<end) { return member }
        }
        return nil
    }

    private static func member(_ text: borrowing Span<UInt8>, _ range: Range<Int>) -> BaggageMember? {
        let whole = trim(text, range)
        guard let equals = text.firstIndex(of: UInt8(ascii: "="), from: whole.lowerBound),
            equals < whole.upperBound
        else { return nil }
        let key = trim(text, whole.lowerBound..<equals)
        guard text.extracting(key).isToken else { return nil }
        let end = text.firstIndex(of: UInt8(ascii: ";"), from: equals) ?? whole.upperBound
        let value = trim(text, equals + 1..<min(end, whole.upperBound))
        for index in value where !Baggage.isValueByte(text[index]) { return nil }
        return BaggageMember(key: key, value: value, whole: whole)
    }

    private static func trim(_ text: borrowing Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, text[start] == ASCII.space || text[start] == ASCII.tab { start += 1 }
        while end > start, text[end - 1] == ASCII.space || text[end - 1] == ASCII.tab { end -= 1 }
        return start..<end
    }
}

package enum Baggage {
    /// What every platform must pass on, and the most that is written here (W3C Baggage §3.3.2).
    package static let maximumBytes = 8192
    package static let maximumMembers = 64

    /// The first member of that key; keys are case-sensitive.
    package static func find(
        _ key: borrowing Span<UInt8>,
        in value: borrowing Span<UInt8>
    ) -> BaggageMember? {
        var cursor = BaggageCursor()
        while let member = cursor.next(in: value) {
            if value.extracting(member.key).equals(key) { return member }
        }
        return nil
    }

    /// Appends the members of `value` whose keys `drop` does not want dropped, within the limits that are left;
    /// malformed members are dropped too.
    /// - Parameter output: empty, or the beginning of one baggage value.
    /// - Returns: how many members were dropped, for whatever reason.
    @discardableResult
    package static func append(
        membersOf value: borrowing Span<UInt8>,
        into output: inout Buffer,
        dropping drop: (borrowing Span<UInt8>) -> Bool
    ) -> Int {
        var members = count(in: output.bytes)
        var total = 0
        var kept = 0
        var cursor = BaggageCursor()
        for index in value.indices where value[index] == ASCII.comma { total += 1 }
        total += value.isEmpty ? 0 : 1
        while let member = cursor.next(in: value) {
            let room = maximumBytes - output.count - 1
            guard members < maximumMembers, member.whole.count <= room else { break }
            if drop(value.extracting(member.key)) { continue }
            if members > 0 { output.append(ASCII.comma) }
            output.append(value.extracting(member.whole))
            members += 1
            kept += 1
        }
        return total - kept
    }

    /// Appends `key=value` with the plain value escaped.
    /// - Parameter output: empty, or the beginning of one baggage value.
    /// - Returns: false, with nothing appended, when the key is no token or the limits are reached.
    package static func append(
        key: borrowing Span<UInt8>,
        value: borrowing Span<UInt8>,
        into output: inout Buffer
    ) -> Bool {
        let before = output.count
        guard key.isToken, count(in: output.bytes) < maximumMembers else { return false }
        if before > 0 { output.append(ASCII.comma) }
        output.append(key)
        output.append(UInt8(ascii: "="))
        for index in value.indices {
            let byte = value[index]
            if isValueByte(byte) && byte != ASCII.percent {
                output.append(byte)
            } else {
                PercentEncoding.append(escaped: byte, into: &output)
            }
        }
        if output.count > maximumBytes {
            output.truncate(to: before)
            return false
        }
        return true
    }

    /// `baggage-octet`: visible ASCII without `"`, `,`, `;` and `\`.
    static func isValueByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\\"): false
        default: byte > 0x20 && byte < 0x7F
        }
    }

    private static func count(in value: borrowing Span<UInt8>) -> Int {
        var cursor = BaggageCursor()
        var members = 0
        while cursor.next(in: value) != nil { members += 1 }
        return members
    }
}
