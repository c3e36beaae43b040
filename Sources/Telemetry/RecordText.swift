// SPDX-License-Identifier: Apache-2.0
import Bytes

/// Text of anybody's choosing, made fit to stand in a string of a log.
///
/// JSON alone would let more through than a log should: the reader may be a terminal, where control characters of
/// the second block (U+0080...U+009F) act like escape sequences, and signs that change the direction of writing
/// or have no width let one record look like another. They are escaped, which means the same to a program.
enum RecordText {
    /// Appends `text` without quotes. Bytes that are not UTF-8 become U+FFFD, one for each.
    /// Cost: plain text is one scan and one copy.
    static func append(_ text: Span<UInt8>, to output: inout Buffer) {
        var done = 0
        while done < text.count {
            let end = text.visibleTextEnd(from: done)
            output.append(text.extracting(done..<end))
            done = end
            guard done < text.count else { return }
            done += appendSpecial(text, at: done, to: &output)
        }
    }

    /// - Returns: how many bytes of the text were dealt with.
    private static func appendSpecial(_ text: Span<UInt8>, at index: Int, to output: inout Buffer) -> Int {
        let byte = text[index]
        switch byte {
        case ASCII.quote: output.append("\\\"")
        case UInt8(ascii: "\\"): output.append("\\\\")
        case 0x00..<0x80: escape(UInt16(byte), to: &output)
        default:
            guard case .character(let length) = text.utf8Step(at: index) else {
                output.append("\u{FFFD}")
                return 1
            }
            let character = text.extracting(index..<index + length)
            if let unit = deceptive(character) {
                escape(unit, to: &output)
            } else {
                output.append(character)
            }
            return length
        }
        return 1
    }

    /// The UTF-16 unit of a character that acts on a terminal, or on how its neighbours look.
    private static func deceptive(_ character: Span<UInt8>) -> UInt16? {
        let second = UInt16(character[1] & 0x3F)
        switch character[0] {
        // U+0080...U+009F: controls.
        case 0xC2 where character[1] < 0xA0: return 0x80 | second
        // U+061C: Arabic letter mark.
        case 0xD8 where character[1] == 0x9C: return 0x61C
        // U+2000...U+207F: spaces, signs without width, line and paragraph separators, directions.
        case 0xE2 where character[1] < 0x82: return 0x2000 | second << 6 | UInt16(character[2] & 0x3F)
        // U+FEFF: no-break space without width.
        case 0xEF where character[1] == 0xBB && character[2] == 0xBF: return 0xFEFF
        default: return nil
        }
    }

    private static func escape(_ unit: UInt16, to output: inout Buffer) {
        output.append("\\u")
        output.append(ASCII.hexDigit(UInt8(truncatingIfNeeded: unit >> 12)))
        output.append(ASCII.hexDigit(UInt8(truncatingIfNeeded: unit >> 8) & 15))
        output.append(ASCII.hexDigit(UInt8(truncatingIfNeeded: unit >> 4) & 15))
        output.append(ASCII.hexDigit(UInt8(truncatingIfNeeded: unit) & 15))
    }
}
