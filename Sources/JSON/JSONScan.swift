// SPDX-License-Identifier: Apache-2.0
import Bytes

/// The loops of the tokenizer: each takes a place in the text and answers with the place behind what it read.
/// Source: RFC 8259 §2 (white space), §6 (numbers), §7 (strings), §8 (UTF-8).
enum JSONScan {
    static func skipWhitespace(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x09, 0x0A, 0x0D: index += 1
            default: return index
            }
        }
        return index
    }

    /// Reads a number that is whole and right in these bytes, with a byte behind it.
    /// - Returns: the index of that byte; nil where a closer look is needed.
    static func numberEnd(_ bytes: Span<UInt8>, from start: Int) -> Int? {
        var index = start
        guard index < bytes.count else { return nil }
        if bytes[index] == UInt8(ascii: "-") { index += 1 }
        guard index < bytes.count else { return nil }
        if bytes[index] == UInt8(ascii: "0") {
            index += 1
        } else {
            let end = bytes.digitsEnd(from: index)
            guard end > index else { return nil }
            index = end
        }
        guard index < bytes.count else { return nil }
        if bytes[index] == UInt8(ascii: ".") {
            let end = bytes.digitsEnd(from: index + 1)
            guard end > index + 1, end < bytes.count else { return nil }
            index = end
        }
        if bytes[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            guard index < bytes.count else { return nil }
            if bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") { index += 1 }
            let end = bytes.digitsEnd(from: index)
            guard end > index, end < bytes.count else { return nil }
            index = end
        }
        // A digit behind a leading zero.
        return ASCII.isDigit(bytes[index]) ? nil : index
    }

    static func literal(
        _ word: StaticString,
        _ bytes: Span<UInt8>,
        from start: Int
    ) throws(JSONError) -> Int {
        let expected = word.bytes
        for offset in expected.indices {
            let index = start + offset
            guard index < bytes.count else { throw JSONError(.truncated, at: index) }
            guard bytes[index] == expected[offset] else { throw JSONError(.unexpectedByte, at: index) }
        }
        return start + expected.count
    }

    /// Reads a string whose opening quote stands before `start`.
    /// - Returns: what stands between the quotes, and whether it holds a backslash.
    static func string(
        _ bytes: Span<UInt8>,
        from start: Int
    ) throws(JSONError) -> (range: ByteRange, escaped: Bool) {
        var index = start
        var escaped = false
        while true {
            index = bytes.quotedTextEnd(from: index)
            guard index < bytes.count else { throw JSONError(.truncated, at: index) }
            switch bytes[index] {
            case ASCII.quote: return (ByteRange(start: start, count: index - start), escaped)
            case UInt8(ascii: "\\"):
                escaped = true
                index = try escape(bytes, from: index).end
            case 0x00...0x1F: throw JSONError(.controlCharacter, at: index)
            default: index = try characters(bytes, from: index)
            }
        }
    }

    /// Reads characters outside ASCII until one inside it.
    private static func characters(_ bytes: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
        var index = start
        while index < bytes.count, bytes[index] >= 0x80 {
            switch bytes.utf8Step(at: index) {
            case .character(let length): index += length
            case .cut: throw JSONError(.truncated, at: bytes.count)
            case .invalid: throw JSONError(.invalidUTF8, at: index)
            }
        }
        return index
    }

    /// Reads the escape whose backslash stands at `start`; a pair of surrogates is one escape.
    static func escape(
        _ bytes: Span<UInt8>,
        from start: Int
    ) throws(JSONError) -> (scalar: Unicode.Scalar, end: Int) {
        guard start + 1 < bytes.count else { throw JSONError(.truncated, at: bytes.count) }
        switch bytes[start + 1] {
        case UInt8(ascii: "\""): return ("\"", start + 2)
        case UInt8(ascii: "\\"): return ("\\", start + 2)
        case UInt8(ascii: "/"): return ("/", start + 2)
        case UInt8(ascii: "b"): return ("\u{8}", start + 2)
        case UInt8(ascii: "f"): return ("\u{C}", start + 2)
        case UInt8(ascii: "n"): return ("\n", start + 2)
        case UInt8(ascii: "r"): return ("\r", start + 2)
        case UInt8(ascii: "t"): return ("\t", start + 2)
        case UInt8(ascii: "u"): break
        default: throw JSONError(.invalidEscape, at: start + 1)
        }
        let high = try hexadecimal(bytes, from: start + 2)
        if let scalar = Unicode.Scalar(high) { return (scalar, start + 6) }
        guard high < 0xDC00 else { throw JSONError(.loneSurrogate, at: start) }
        guard start + 6 < bytes.count else { throw JSONError(.truncated, at: bytes.count) }
        guard bytes[start + 6] == UInt8(ascii: "\\") else { throw JSONError(.loneSurrogate, at: start) }
        guard start + 7 < bytes.count else { throw JSONError(.truncated, at: bytes.count) }
        guard bytes[start + 7] == UInt8(ascii: "u") else { throw JSONError(.loneSurrogate, at: start) }
        let low = try hexadecimal(bytes, from: start + 8)
        guard (0xDC00...0xDFFF).contains(low) else { throw JSONError(.loneSurrogate, at: start) }
        guard let scalar = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)) else {
            throw JSONError(.loneSurrogate, at: start)
        }
        return (scalar, start + 12)
    }

    private static func hexadecimal(_ bytes: Span<UInt8>, from start: Int) throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for index in start..<start + 4 {
            guard index < bytes.count else { throw JSONError(.truncated, at: index) }
            guard let digit = ASCII.hexValue(bytes[index]) else { throw JSONError(.invalidEscape, at: index) }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// Reads the number that starts at `start`.
    static func number(_ bytes: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
        var index = start
        if bytes[index] == UInt8(ascii: "-") { index += 1 }
        if index < bytes.count, bytes[index] == UInt8(ascii: "0") {
            index += 1
            if index < bytes.count, ASCII.isDigit(bytes[index]) { throw JSONError(.invalidNumber, at: index) }
        } else {
            index = try digits(bytes, from: index)
        }
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            index = try digits(bytes, from: index + 1)
        }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            if index < bytes.count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") {
                index += 1
            }
            index = try digits(bytes, from: index)
        }
        return index
    }

    private static func digits(_ bytes: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
        guard start < bytes.count else { throw JSONError(.truncated, at: start) }
        guard ASCII.isDigit(bytes[start]) else { throw JSONError(.invalidNumber, at: start) }
        var index = start + 1
        while index < bytes.count, ASCII.isDigit(bytes[index]) { index += 1 }
        return index
    }
}
