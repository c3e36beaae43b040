// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// Percent-encoding (RFC 3986 §2.1) with upper-case digits, and the sets of bytes that stand for themselves.
package enum PercentEncoding {
    /// Which bytes besides the unreserved ones are written as they are.
    package enum Part: Sendable {
        /// A path segment as this proxy writes it: none, so `:`, `@`, `=` and the rest are escaped.
        case segment
        /// A path of many segments: `/` stays.
        case path
        /// A name or a value of a query: none.
        case query
    }

    /// RFC 3986 §2.3: letters, digits, `-`, `.`, `_`, `~`.
    @inline(__always)
    package static func isUnreserved(_ byte: UInt8) -> Bool {
        let low: UInt64 = 0x03FF_6000_0000_0000
        let high: UInt64 = 0x47FF_FFFE_87FF_FFFE
        if byte < 64 { return (low >> UInt64(byte)) & 1 == 1 }
        return byte < 128 && (high >> UInt64(byte & 63)) & 1 == 1
    }

    /// RFC 3986 §2.2: gen-delims and sub-delims.
    package static func isReserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"), UInt8(ascii: "["),
            UInt8(ascii: "]"), UInt8(ascii: "@"), UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"),
            UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "="):
            true
        default: false
        }
    }

    /// The byte that the escape at `index` stands for, or nil when there is none.
    package static func escape(in text: borrowing Span<UInt8>, at index: Int) -> UInt8? {
        guard index + 2 < text.count, text[index] == ASCII.percent,
            let high = ASCII.hexValue(text[index + 1]), let low = ASCII.hexValue(text[index + 2])
        else { return nil }
        return high << 4 | low
    }

    /// How many escapes at `index`, 1...4, make one character of UTF-8 (RFC 3629 §4); nil when they make none, being
    /// overlong, a surrogate, above U+10FFFF or cut off.
    static func characterEscapes(in text: borrowing Span<UInt8>, at index: Int) -> Int? {
        var bytes = InlineArray<4, UInt8>(repeating: 0)
        var count = 0
        while count < 4, let byte = escape(in: text, at: index + 3 * count) {
            bytes[count] = byte
            count += 1
        }
        guard case .character(let length) = bytes.span.extracting(0..<count).utf8Step(at: 0) else {
            return nil
        }
        return length
    }

    /// Appends `raw` with every byte escaped that `part` does not keep.
    package static func encode(_ raw: borrowing Span<UInt8>, as part: Part, into output: inout Buffer) {
        output.reserve(raw.count)
        for index in raw.indices {
            let byte = raw[index]
            if isUnreserved(byte) || (byte == ASCII.slash && part == .path) {
                output.append(byte)
            } else {
                append(escaped: byte, into: &output)
            }
        }
    }

    package static func append(escaped byte: UInt8, into output: inout Buffer) {
        output.append(ASCII.percent)
        output.append(upperDigit(byte >> 4))
        output.append(upperDigit(byte & 15))
    }

    /// Appends `text` with its escapes resolved, once.
    /// - Returns: false, with nothing appended, for a `%` without two digits.
    package static func decode(
        _ text: borrowing Span<UInt8>,
        plusIsSpace: Bool = false,
        into output: inout Buffer
    ) -> Bool {
        let before = output.count
        output.reserve(text.count)
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte == ASCII.percent {
                guard let value = escape(in: text, at: index) else {
                    output.truncate(to: before)
                    return false
                }
                output.append(value)
                index += 3
            } else {
                output.append(byte == UInt8(ascii: "+") && plusIsSpace ? ASCII.space : byte)
                index += 1
            }
        }
        return true
    }

    /// Whether `text`, decoded, is `plain`, without decoding it anywhere. False for a malformed escape.
    package static func decoded(
        _ text: borrowing Span<UInt8>,
        plusIsSpace: Bool = false,
        equals plain: borrowing Span<UInt8>
    ) -> Bool {
        var index = 0
        var matched = 0
        while index < text.count {
            guard matched < plain.count else { return false }
            var byte = text[index]
            if byte == ASCII.percent {
                guard let value = escape(in: text, at: index) else { return false }
                byte = value
                index += 2
            } else if byte == UInt8(ascii: "+") && plusIsSpace {
                byte = ASCII.space
            }
            guard byte == plain[matched] else { return false }
            index += 1
            matched += 1
        }
        return matched == plain.count
    }

    private static func upperDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x41 + value - 10
    }
}
