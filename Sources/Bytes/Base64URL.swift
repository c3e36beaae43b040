// SPDX-License-Identifier: Apache-2.0

/// Base64url without padding, one spelling for each value (RFC 4648 §5, RFC 7515 §2).
package enum Base64URL {
    package static func encodedCount(_ count: Int) -> Int { (count * 4 + 2) / 3 }

    package static func encode(_ bytes: borrowing Span<UInt8>, into output: inout Buffer) {
        output.reserve(encodedCount(bytes.count))
        var index = 0
        while index + 2 < bytes.count {
            let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
            output.append(digit(group >> 18))
            output.append(digit(group >> 12))
            output.append(digit(group >> 6))
            output.append(digit(group))
            index += 3
        }
        switch bytes.count - index {
        case 1:
            let group = UInt32(bytes[index]) << 16
            output.append(digit(group >> 18))
            output.append(digit(group >> 12))
        case 2:
            let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8
            output.append(digit(group >> 18))
            output.append(digit(group >> 12))
            output.append(digit(group >> 6))
        default: break
        }
    }

    /// Appends the decoded bytes.
    /// - Returns: false, with nothing appended, for padding, a character outside the alphabet, an impossible
    ///   length or non-zero spare bits: two spellings of one token must not both verify.
    package static func decode(_ text: borrowing Span<UInt8>, into output: inout Buffer) -> Bool {
        let before = output.count
        var accumulator: UInt32 = 0
        var bits = 0
        output.reserve(text.count * 3 / 4)
        for index in text.indices {
            guard let value = value(text[index]) else {
                output.truncate(to: before)
                return false
            }
            accumulator = accumulator << 6 | value
            bits += 6
            if bits >= 8 {
                bits -= 8
                output.append(UInt8(truncatingIfNeeded: accumulator >> UInt32(bits)))
                accumulator &= (1 << UInt32(bits)) - 1
            }
        }
        if text.count % 4 == 1 || accumulator != 0 {
            output.truncate(to: before)
            return false
        }
        return true
    }

    /// The decoded bytes, or nil under the same rules.
    package static func decode(_ text: borrowing Span<UInt8>) -> [UInt8]? {
        var buffer = Buffer()
        return decode(text, into: &buffer) ? buffer.bytes.array() : nil
    }

    package static func encode(_ bytes: borrowing Span<UInt8>) -> String {
        var buffer = Buffer()
        encode(bytes, into: &buffer)
        return buffer.bytes.string() ?? ""
    }

    private static func digit(_ value: UInt32) -> UInt8 {
        switch UInt8(value & 63) {
        case let low where low < 26: low + 0x41
        case let low where low < 52: low - 26 + 0x61
        case let low where low < 62: low - 52 + 0x30
        case 62: UInt8(ascii: "-")
        default: UInt8(ascii: "_")
        }
    }

    private static func value(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x41...0x5A: UInt32(byte) - 0x41
        case 0x61...0x7A: UInt32(byte) - 0x61 + 26
        case 0x30...0x39: UInt32(byte) - 0x30 + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
