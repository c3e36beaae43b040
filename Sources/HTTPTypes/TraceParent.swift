// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// A `traceparent`: version 00 is written, later versions are read as far as 00 goes.
/// Source: W3C Trace Context §3.2.
package struct TraceParent: Hashable, Sendable {
    /// The 16 bytes of the trace id, big-endian; never both zero.
    package var traceHigh: UInt64
    package var traceLow: UInt64
    /// The 8 bytes of the span id; never zero.
    package var span: UInt64
    package var isSampled: Bool

    /// Bytes of the written form.
    package static let count = 55

    /// Nil when an id is all zero.
    package init?(traceHigh: UInt64, traceLow: UInt64, span: UInt64, isSampled: Bool) {
        guard traceHigh | traceLow != 0, span != 0 else { return nil }
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.span = span
        self.isSampled = isSampled
    }

    /// Nil for anything but lower-case digits in their places, for version ff, for ids that are all zero, and for more
    /// than 55 bytes in version 00.
    package init?(_ text: borrowing Span<UInt8>) {
        guard text.count >= Self.count, text[2] == Self.dash, text[35] == Self.dash, text[52] == Self.dash,
            let version = Self.number(text, 0..<2), version != 0xFF,
            let high = Self.number(text, 3..<19), let low = Self.number(text, 19..<35),
            let span = Self.number(text, 36..<52), let flags = Self.number(text, 53..<55)
        else { return nil }
        if text.count > Self.count {
            guard version != 0, text[Self.count] == Self.dash else { return nil }
        }
        self.init(traceHigh: high, traceLow: low, span: span, isSampled: flags & 1 == 1)
    }

    /// Appends the 55 bytes of version 00.
    package func append(to output: inout Buffer) {
        output.append("00-")
        output.append(hexadecimal: traceHigh)
        output.append(hexadecimal: traceLow)
        output.append(Self.dash)
        output.append(hexadecimal: span)
        output.append(isSampled ? "-01" : "-00")
    }

    private static let dash = UInt8(ascii: "-")

    private static func number(_ text: borrowing Span<UInt8>, _ range: Range<Int>) -> UInt64? {
        var value: UInt64 = 0
        for index in range {
            let byte = text[index]
            guard let digit = ASCII.hexValue(byte), byte < 0x41 || byte > 0x46 else { return nil }
            value = value << 4 | UInt64(digit)
        }
        return value
    }
}
