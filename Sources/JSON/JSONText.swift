// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// Keys and strings that a `JSONReader` found: what they mean once their escapes are resolved.
/// Every function takes the span that the reader was given, and a range and `escaped` from one of its tokens.
package enum JSONText {
    /// Whether the string means exactly `expected`, however it is spelled: `"\u0061"` equals `a`.
    /// Cost: no allocation.
    package static func equals(
        _ bytes: Span<UInt8>,
        _ range: ByteRange,
        escaped: Bool,
        _ expected: Span<UInt8>
    ) -> Bool {
        if !escaped { return bytes.extracting(range).equals(expected) }
        let text = bytes.extracting(range)
        var index = 0
        var matched = 0
        while index < text.count {
            if text[index] != UInt8(ascii: "\\") {
                guard matched < expected.count, expected[matched] == text[index] else { return false }
                index += 1
                matched += 1
                continue
            }
            guard let (scalar, end) = try? JSONScan.escape(text, from: index) else { return false }
            for byte in UTF8.encode(scalar)! {
                guard matched < expected.count, expected[matched] == byte else { return false }
                matched += 1
            }
            index = end
        }
        return matched == expected.count
    }

    package static func equals(
        _ bytes: Span<UInt8>,
        _ range: ByteRange,
        escaped: Bool,
        _ expected: StaticString
    ) -> Bool {
        equals(bytes, range, escaped: escaped, expected.bytes)
    }

    /// Appends what the string means, as UTF-8.
    package static func unescape(
        _ bytes: Span<UInt8>,
        _ range: ByteRange,
        escaped: Bool,
        into output: inout Buffer
    ) {
        let text = bytes.extracting(range)
        if !escaped { return output.append(text) }
        output.reserve(text.count)
        var index = 0
        while let backslash = text.firstIndex(of: UInt8(ascii: "\\"), from: index) {
            output.append(text.extracting(index..<backslash))
            guard let (scalar, end) = try? JSONScan.escape(text, from: backslash) else {
                preconditionFailure("a range that no JSONReader made")
            }
            output.append(scalar: scalar)
            index = end
        }
        output.append(text.extracting(index..<text.count))
    }

    /// What the string means. Cost: an allocation or two; for configuration, claims and keys.
    package static func string(_ bytes: Span<UInt8>, _ range: ByteRange, escaped: Bool) -> String {
        if !escaped { return bytes.extracting(range).string() ?? "" }
        var buffer = Buffer(capacity: range.count)
        unescape(bytes, range, escaped: true, into: &buffer)
        return buffer.bytes.string() ?? ""
    }
}
