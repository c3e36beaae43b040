// SPDX-License-Identifier: Apache-2.0

/// Lower-case hexadecimal.
package enum Hex {
    package static func encode(_ bytes: borrowing Span<UInt8>, into output: inout Buffer) {
        output.reserve(bytes.count * 2)
        for index in bytes.indices {
            output.append(ASCII.hexDigit(bytes[index] >> 4))
            output.append(ASCII.hexDigit(bytes[index] & 15))
        }
    }

    package static func encode(_ bytes: borrowing Span<UInt8>) -> String {
        var buffer = Buffer()
        encode(bytes, into: &buffer)
        return buffer.bytes.string() ?? ""
    }

    /// Nil for an odd length or a byte that is no digit; either case of letter is read.
    package static func decode(_ text: borrowing Span<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        var index = 0
        while index < text.count {
            guard let high = ASCII.hexValue(text[index]), let low = ASCII.hexValue(text[index + 1]) else {
                return nil
            }
            bytes.append(high << 4 | low)
            index += 2
        }
        return bytes
    }
}
