// SPDX-License-Identifier: Apache-2.0
import Bytes

/// A number with four decimal places, kept in ten-thousandths. Source: Cedar language, `decimal`.
package struct DecimalValue: Hashable, Comparable, Sendable {
    package let tenThousandths: Int64

    package init(tenThousandths: Int64) { self.tenThousandths = tenThousandths }

    /// Reads `-?digits.digits` with one to four decimals; nil for any other form and outside
    /// ±922337203685477.5807 (one more below zero).
    package init?(_ text: Text) {
        let bytes = Array(text.string.utf8)
        var index = 0
        let negative = bytes.first == UInt8(ascii: "-")
        if negative { index = 1 }
        var total: Int64 = 0
        let whole = index
        while index < bytes.count, ASCII.isDigit(bytes[index]) {
            guard let next = total.appending(digit: bytes[index], negative: negative) else { return nil }
            total = next
            index += 1
        }
        guard index > whole, index < bytes.count, bytes[index] == UInt8(ascii: ".") else { return nil }
        index += 1
        let decimals = bytes.count - index
        guard (1...4).contains(decimals) else { return nil }
        for place in 0..<4 {
            let digit = place < decimals ? bytes[index + place] : UInt8(ascii: "0")
            guard ASCII.isDigit(digit), let next = total.appending(digit: digit, negative: negative) else {
                return nil
            }
            total = next
        }
        tenThousandths = total
    }

    package static func < (left: DecimalValue, right: DecimalValue) -> Bool {
        left.tenThousandths < right.tenThousandths
    }
}

extension DecimalValue: CustomStringConvertible {
    package var description: String {
        let magnitude = tenThousandths.magnitude
        var fraction = String(magnitude % 10_000 + 10_000).dropFirst()
        while fraction.count > 1, fraction.last == "0" { fraction.removeLast() }
        return "\(tenThousandths < 0 ? "-" : "")\(magnitude / 10_000).\(fraction)"
    }
}

extension Int64 {
    /// The number with one more decimal digit, the sign applied to it, or nil beyond the range.
    func appending(digit: UInt8, negative: Bool) -> Int64? {
        let (product, overflowed) = multipliedReportingOverflow(by: 10)
        let value = Int64(digit) - 0x30
        let (sum, carried) =
            negative ? product.subtractingReportingOverflow(value) : product.addingReportingOverflow(value)
        return overflowed || carried ? nil : sum
    }
}
