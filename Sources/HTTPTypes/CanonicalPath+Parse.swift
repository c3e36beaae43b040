// SPDX-License-Identifier: Apache-2.0
import Bytes

extension CanonicalPath {
    /// Takes the path and query of a target in origin form.
    /// - Throws: the first reason, in byte order, why it has no single meaning; the value is then empty.
    package mutating func parse(_ target: borrowing Span<UInt8>) throws(TargetError) {
        removeAll()
        do throws(TargetError) {
            guard !target.isEmpty else { throw TargetError(.empty, at: 0) }
            guard target[0] == ASCII.slash else { throw TargetError(.formNotSupported, at: 0) }
            text.reserve(target.count)
            let end = try parsePath(target)
            if end < target.count {
                try Self.checkQuery(target, from: end + 1)
                text.append(target.extracting(end..<target.count))
            }
        } catch {
            removeAll()
            throw error
        }
    }

    /// - Returns: the index of the `?`, or the count.
    private mutating func parsePath(_ target: borrowing Span<UInt8>) throws(TargetError) -> Int {
        var open = OpenSegment()
        var copied = 0
        var index = 1
        while true {
            index = target.wordEnd(from: index)
            guard index < target.count, target[index] != UInt8(ascii: "?") else { break }
            let byte = target[index]
            if byte == ASCII.slash {
                let end = text.count + index - copied
                guard end > open.start else { throw TargetError(.emptySegment, at: index) }
                try close(open, target, end: end, at: index)
                index += 1
                open = OpenSegment(start: end + 1, source: index)
            } else if byte == ASCII.percent {
                text.append(target.extracting(copied..<index))
                open.flags.formUnion(try appendEscape(target, at: &index))
                copied = index
            } else {
                guard Self.isPlainPath(byte) else { throw TargetError(Self.refusal(of: byte), at: index) }
                index += 1
            }
        }
        text.append(target.extracting(copied..<index))
        pathCount = text.count
        if pathCount > open.start {
            try close(open, target, end: pathCount, at: index)
        } else {
            endsWithSlash = segmentCount > 0
        }
        return index
    }

    /// Appends the canonical form of the escape at `index`, or of the escapes that are one character.
    private mutating func appendEscape(
        _ target: borrowing Span<UInt8>,
        at index: inout Int
    ) throws(TargetError) -> Flags {
        let (byte, escapes) = try Self.checkedEscape(target, at: index)
        if byte == UInt8(ascii: ".") { throw TargetError(.escapedDot, at: index) }
        if byte < 0x20 || byte == 0x7F { throw TargetError(.escapedControl, at: index) }
        if PercentEncoding.isUnreserved(byte) {
            text.append(byte)
            index += 3
            return []
        }
        for _ in 0..<escapes {
            text.append(ASCII.percent)
            text.append(ASCII.uppercased(target[index + 1]))
            text.append(ASCII.uppercased(target[index + 2]))
            index += 3
        }
        if byte == ASCII.slash || byte == UInt8(ascii: "\\") { return [.hasEscapes, .hasEncodedSlash] }
        if byte == ASCII.percent || PercentEncoding.isReserved(byte) {
            return [.hasEscapes, .hasReservedEscapes]
        }
        return .hasEscapes
    }

    /// A segment whose end was not met yet.
    private struct OpenSegment {
        /// Where it begins in the canonical path, and in the target.
        var start = 1
        var source = 1
        var flags: Flags = []
    }

    private mutating func close(
        _ segment: OpenSegment,
        _ target: borrowing Span<UInt8>,
        end: Int,
        at offset: Int
    ) throws(TargetError) {
        // Escaped dots never get this far, so the target's own bytes say whether it is a dot segment.
        let count = offset - segment.source
        let dot = UInt8(ascii: ".")
        if count <= 2, target[segment.source] == dot, target[offset - 1] == dot {
            throw TargetError(.dotSegment, at: segment.source)
        }
        guard segmentCount < Self.maximumSegments else { throw TargetError(.tooManySegments, at: offset) }
        segments[segmentCount] = Segment(
            start: UInt32(segment.start),
            count: UInt32(end - segment.start),
            flags: segment.flags
        )
        segmentCount += 1
        flags.formUnion(segment.flags)
    }

    /// Escaped control bytes other than NUL may pass here: texts in a query have lines.
    private static func checkQuery(_ target: borrowing Span<UInt8>, from start: Int) throws(TargetError) {
        var index = start
        while true {
            index = target.wordEnd(from: index)
            guard index < target.count else { return }
            let byte = target[index]
            if byte == ASCII.percent {
                index += 3 * (try checkedEscape(target, at: index).escapes)
            } else {
                guard isPlainQuery(byte) else { throw TargetError(refusal(of: byte), at: index) }
                index += 1
            }
        }
    }

    /// The first byte that is escaped at `index`, and how many escapes make its character.
    private static func checkedEscape(
        _ target: borrowing Span<UInt8>,
        at index: Int
    ) throws(TargetError) -> (byte: UInt8, escapes: Int) {
        guard let byte = PercentEncoding.escape(in: target, at: index) else {
            throw TargetError(.invalidEscape, at: index)
        }
        if byte == 0 { throw TargetError(.escapedControl, at: index) }
        if byte < 0x80 { return (byte, 1) }
        guard let escapes = PercentEncoding.characterEscapes(in: target, at: index) else {
            throw TargetError(.invalidUTF8, at: index)
        }
        return (byte, escapes)
    }

    /// RFC 3986 §3.3 `pchar` without escapes and without `;`.
    @inline(__always)
    private static func isPlainPath(_ byte: UInt8) -> Bool {
        // Unreserved and !$&'()*+,=:@ as two sets of 64 bits.
        let low: UInt64 = 0x27FF_7FD2_0000_0000
        let high: UInt64 = 0x47FF_FFFE_87FF_FFFF
        if byte < 64 { return (low >> UInt64(byte)) & 1 == 1 }
        return byte < 128 && (high >> UInt64(byte & 63)) & 1 == 1
    }

    /// Visible ASCII without `"`, `#`, `;`, `<`, `>`, `\`: more than RFC 3986 §3.4, because browsers leave brackets
    /// and bars as they are (WHATWG URL, query percent-encode set), but none that ends a query or a pair.
    private static func isPlainQuery(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "#"), UInt8(ascii: ";"), UInt8(ascii: "<"), UInt8(ascii: ">"),
            UInt8(ascii: "\\"):
            false
        default: byte > 0x20 && byte < 0x7F
        }
    }

    private static func refusal(of byte: UInt8) -> TargetError.Reason {
        switch byte {
        case UInt8(ascii: "#"): .fragment
        case UInt8(ascii: "\\"): .backslash
        case UInt8(ascii: ";"): .parameter
        case 0x00...0x1F, 0x7F: .controlByte
        case 0x80...0xFF: .rawNonASCII
        default: .invalidByte
        }
    }
}
