// SPDX-License-Identifier: Apache-2.0
import Bytes

/// Why a text is not the JSON that was asked for, and at which byte.
package struct JSONError: Error, Hashable, Sendable {
    package enum Reason: String, Sendable {
        /// The text ends too early. With `isFinal == false` it may be fed again, longer.
        case truncated
        case byteOrderMark = "byte_order_mark"
        case unexpectedByte = "unexpected_byte"
        case invalidUTF8 = "invalid_utf8"
        case controlCharacter = "control_character"
        case invalidEscape = "invalid_escape"
        case loneSurrogate = "lone_surrogate"
        case invalidNumber = "invalid_number"
        case numberOutOfRange = "number_out_of_range"
        case notAnInteger = "not_an_integer"
        case tooDeep = "too_deep"
        case tooLarge = "too_large"
        case duplicateName = "duplicate_name"
        case trailingBytes = "trailing_bytes"
    }

    package var reason: Reason
    /// Bytes from the start of the text to the byte at fault.
    package var offset: Int

    package init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    /// Line and column, both from 1; a column counts bytes.
    package func position(in text: Span<UInt8>) -> (line: Int, column: Int) {
        var line = 1
        var lineStart = 0
        let end = min(offset, text.count)
        while let feed = text.firstIndex(of: ASCII.lineFeed, from: lineStart), feed < end {
            line += 1
            lineStart = feed + 1
        }
        return (line, end - lineStart + 1)
    }
}
