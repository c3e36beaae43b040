// SPDX-License-Identifier: Apache-2.0

/// What stands at one place of a text that should be UTF-8.
package enum UTF8Step: Hashable, Sendable {
    /// One character of that many bytes, 1...4.
    case character(Int)
    /// The span ends inside a character that is well-formed as far as it goes.
    case cut
    /// Overlong, a surrogate, above U+10FFFF, or a stray byte.
    case invalid
}

extension Span<UInt8> {
    /// Reads the character that starts at `index`. Source: RFC 3629 §4 (`UTF8-octets`). Cost: no allocation.
    package func utf8Step(at index: Int) -> UTF8Step {
        let lead = self[index]
        let length: Int
        var lowest: UInt8 = 0x80
        var highest: UInt8 = 0xBF
        switch lead {
        case 0x00...0x7F: return .character(1)
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF:
            length = 3
            if lead == 0xE0 { lowest = 0xA0 }
            if lead == 0xED { highest = 0x9F }
        case 0xF0...0xF4:
            length = 4
            if lead == 0xF0 { lowest = 0x90 }
            if lead == 0xF4 { highest = 0x8F }
        default: return .invalid
        }
        var next = 1
        while next < length {
            if index + next >= count { return .cut }
            let byte = self[index + next]
            if byte < lowest || byte > highest { return .invalid }
            lowest = 0x80
            highest = 0xBF
            next += 1
        }
        return .character(length)
    }

    /// Whether all bytes are well-formed UTF-8.
    package var isUTF8: Bool {
        var index = 0
        while index < count {
            guard case .character(let length) = utf8Step(at: index) else { return false }
            index += length
        }
        return true
    }
}

extension Buffer {
    /// Appends `scalar` as UTF-8.
    package mutating func append(scalar: Unicode.Scalar) {
        let value = scalar.value
        func tail(_ shift: UInt32) -> UInt8 { 0x80 | UInt8((value >> shift) & 0x3F) }
        switch value {
        case 0x00...0x7F: append(UInt8(value))
        case 0x80...0x7FF:
            append(0xC0 | UInt8(value >> 6))
            append(tail(0))
        case 0x800...0xFFFF:
            append(0xE0 | UInt8(value >> 12))
            append(tail(6))
            append(tail(0))
        default:
            append(0xF0 | UInt8(value >> 18))
            append(tail(12))
            append(tail(6))
            append(tail(0))
        }
    }
}

extension Span<UInt8> {
    /// Index of the first byte at or after `start` that is a control character, a quote, a backslash or not
    /// ASCII, or `count`: as far as text inside quotes needs no closer look.
    package func plainTextEnd(from start: Int) -> Int {
        var index = start
        // Safe because each block of 8 bytes is loaded from inside the span.
        unsafe withUnsafeBytes { bytes in
            while index + 8 <= bytes.count {
                let block = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                if Self.hasSpecialByte(block) { break }
                index += 8
            }
        }
        while index < count {
            let byte = self[index]
            if byte < 0x20 || byte >= 0x80 || byte == 0x22 || byte == 0x5C { return index }
            index += 1
        }
        return index
    }

    /// The same, but DEL ends it as well: as far as text shows just what it is.
    package func visibleTextEnd(from start: Int) -> Int {
        var index = start
        // Safe because each block of 8 bytes is loaded from inside the span.
        unsafe withUnsafeBytes { bytes in
            while index + 8 <= bytes.count {
                let block = unsafe bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                if Self.hasSpecialByte(block) || Self.hasDelete(block) { return }
                index += 8
            }
            // The last bytes together with some that were looked at already.
            guard index < bytes.count, bytes.count - start >= 8 else { return }
            let block = unsafe bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self)
            if !Self.hasSpecialByte(block) && !Self.hasDelete(block) { index = bytes.count }
        }
        while index < count {
            let byte = self[index]
            if byte < 0x20 || byte >= 0x7F || byte == 0x22 || byte == 0x5C { return index }
            index += 1
        }
        return index
    }

    /// Exact as long as all bytes are ASCII.
    @inline(__always)
    private static func hasDelete(_ block: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        return ((block ^ ones &* 0x7F) &- ones) & (ones &* 0x80) != 0
    }

    /// Whether one of eight bytes ends plain text. A subtraction borrows into a byte's top bit where the byte
    /// was smaller; a borrow that runs on can only follow a byte that is special itself.
    @inline(__always)
    private static func hasSpecialByte(_ block: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let control = block &- ones &* 0x20
        let quote = (block ^ ones &* 0x22) &- ones
        let backslash = (block ^ ones &* 0x5C) &- ones
        return (block | control | quote | backslash) & (ones &* 0x80) != 0
    }
}
