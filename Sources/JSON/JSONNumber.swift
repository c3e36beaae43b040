// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// Values of the numbers that a `JSONReader` found. Cost: no allocation.
package enum JSONNumber {
    /// An integer written as one: no fraction, no exponent.
    /// - Throws: `.notAnInteger`, `.numberOutOfRange` beyond 64 bits.
    package static func integer(_ bytes: Span<UInt8>, _ range: ByteRange) throws(JSONError) -> Int64 {
        let text = bytes.extracting(range)
        let negative = text[0] == UInt8(ascii: "-")
        var value: Int64 = 0
        for index in (negative ? 1 : 0)..<text.count {
            guard ASCII.isDigit(text[index]) else {
                throw JSONError(.notAnInteger, at: range.start + index)
            }
            value = try append(text[index] - 0x30, to: value, negative, at: range.start)
        }
        return value
    }

    /// Any number as a fixed-point value: the number times 10 to the power of `scale`, what is left cut off
    /// (toward zero). `1.5` with scale 4 is 15000; `1e3` with scale 0 is 1000.
    /// - Throws: `.numberOutOfRange` beyond 64 bits.
    package static func decimal(
        _ bytes: Span<UInt8>,
        _ range: ByteRange,
        scale: Int = 0
    ) throws(JSONError) -> Int64 {
        let text = bytes.extracting(range)
        let negative = text[0] == UInt8(ascii: "-")
        let start = negative ? 1 : 0
        var mantissaEnd = start
        var point: Int? = nil
        while mantissaEnd < text.count, text[mantissaEnd] | 0x20 != UInt8(ascii: "e") {
            if text[mantissaEnd] == UInt8(ascii: ".") { point = mantissaEnd }
            mantissaEnd += 1
        }
        // So many leading digits count; more than there are stands for zeros that are not written.
        let cut = (point ?? mantissaEnd) - start + exponent(text, from: mantissaEnd) + scale
        var value: Int64 = 0
        var digits = 0
        var index = start
        while index < mantissaEnd, digits < cut {
            if index != point {
                value = try append(text[index] - 0x30, to: value, negative, at: range.start)
                digits += 1
            }
            index += 1
        }
        // Ends by overflow after 18 rounds at most, unless there is nothing to multiply.
        while digits < cut, value != 0 {
            value = try append(0, to: value, negative, at: range.start)
            digits += 1
        }
        return value
    }

    /// The exponent whose `e` stands at `start`, 0 without one. Clamped far outside of what any text in memory
    /// could make up for with digits, so that the sums above cannot overflow.
    private static func exponent(_ text: Span<UInt8>, from start: Int) -> Int {
        guard start < text.count else { return 0 }
        let limit = 1 << 48
        var value = 0
        var index = start + 1
        let negative = text[index] == UInt8(ascii: "-")
        if negative || text[index] == UInt8(ascii: "+") { index += 1 }
        while index < text.count {
            value = min(value * 10 + Int(text[index] - 0x30), limit)
            index += 1
        }
        return negative ? -value : value
    }

    private static func append(
        _ digit: UInt8,
        to value: Int64,
        _ negative: Bool,
        at offset: Int
    ) throws(JSONError) -> Int64 {
        let (product, overflowed) = value.multipliedReportingOverflow(by: 10)
        let (sum, overflowedToo) =
            negative
            ? product.subtractingReportingOverflow(Int64(digit))
            : product.addingReportingOverflow(Int64(digit))
        if overflowed || overflowedToo { throw JSONError(.numberOutOfRange, at: offset) }
        return sum
    }
}
