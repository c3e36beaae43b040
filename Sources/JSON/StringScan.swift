// SPDX-License-Identifier: Apache-2.0
import Bytes

/// The inside of a string that comes in pieces: where it ends, and that it is well-formed (RFC 8259 §7, §8.1).
/// Cost: text sixteen bytes at a time, no allocation.
struct JSONStringScan: Sendable {
    private enum State {
        case plain
        /// Behind a backslash.
        case escape
        /// Inside `\uXXXX`: digits that are still to come, and those that came.
        case digits(left: Int, value: UInt32)
        /// Behind a high surrogate: the backslash, then the `u`, then the digits of the low one.
        case lowBackslash
        case lowLetter
        case lowDigits(left: Int, value: UInt32)
        /// Inside a character that was cut.
        case character
    }

    private var state = State.plain
    private var partial = [4 of UInt8](repeating: 0)
    private var partialCount = 0
    /// Whether a backslash was seen.
    private(set) var escaped = false

    init() {}

    /// - Returns: the index of the closing quote, or nil when it is still to come.
    mutating func end(_ bytes: Span<UInt8>, from start: Int) throws(JSONError) -> Int? {
        var index = start
        while index < bytes.count {
            switch state {
            case .plain:
                index = bytes.quotedTextEnd(from: index)
                guard index < bytes.count else { return nil }
                switch bytes[index] {
                case ASCII.quote: return index
                case UInt8(ascii: "\\"):
                    escaped = true
                    state = .escape
                    index += 1
                case 0x00...0x1F: throw JSONError(.controlCharacter, at: index)
                default: index = try characters(bytes, from: index)
                }
            case .character: index = try character(bytes, at: index)
            case .escape, .digits, .lowBackslash, .lowLetter, .lowDigits:
                try escape(bytes[index], at: index)
                index += 1
            }
        }
        return nil
    }

    /// Reads characters outside ASCII until one inside it.
    private mutating func characters(_ bytes: Span<UInt8>, from start: Int) throws(JSONError) -> Int {
        var index = start
        while index < bytes.count, bytes[index] >= 0x80 {
            switch bytes.utf8Step(at: index) {
            case .character(let length): index += length
            case .invalid: throw JSONError(.invalidUTF8, at: index)
            case .cut:
                partialCount = 0
                while index < bytes.count {
                    partial[partialCount] = bytes[index]
                    partialCount += 1
                    index += 1
                }
                state = .character
            }
        }
        return index
    }

    private mutating func character(_ bytes: Span<UInt8>, at index: Int) throws(JSONError) -> Int {
        partial[partialCount] = bytes[index]
        partialCount += 1
        let known = partial.span
        switch known.extracting(0..<partialCount).utf8Step(at: 0) {
        case .character: state = .plain
        case .cut: break
        case .invalid: throw JSONError(.invalidUTF8, at: index)
        }
        return index + 1
    }

    private mutating func escape(_ byte: UInt8, at index: Int) throws(JSONError) {
        switch state {
        case .plain, .character: break
        case .escape:
            switch byte {
            case UInt8(ascii: "u"): state = .digits(left: 4, value: 0)
            case ASCII.quote, UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
                UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
                state = .plain
            default: throw JSONError(.invalidEscape, at: index)
            }
        case .digits(let left, let before):
            let value = try Self.digit(byte, before, at: index)
            if left > 1 {
                state = .digits(left: left - 1, value: value)
            } else if (0xDC00...0xDFFF).contains(value) {
                throw JSONError(.loneSurrogate, at: index)
            } else {
                state = (0xD800...0xDBFF).contains(value) ? .lowBackslash : .plain
            }
        case .lowBackslash:
            guard byte == UInt8(ascii: "\\") else { throw JSONError(.loneSurrogate, at: index) }
            state = .lowLetter
        case .lowLetter:
            guard byte == UInt8(ascii: "u") else { throw JSONError(.loneSurrogate, at: index) }
            state = .lowDigits(left: 4, value: 0)
        case .lowDigits(let left, let before):
            let value = try Self.digit(byte, before, at: index)
            if left > 1 {
                state = .lowDigits(left: left - 1, value: value)
            } else if (0xDC00...0xDFFF).contains(value) {
                state = .plain
            } else {
                throw JSONError(.loneSurrogate, at: index)
            }
        }
    }

    private static func digit(_ byte: UInt8, _ value: UInt32, at index: Int) throws(JSONError) -> UInt32 {
        guard let digit = ASCII.hexValue(byte) else { throw JSONError(.invalidEscape, at: index) }
        return value << 4 | UInt32(digit)
    }
}
