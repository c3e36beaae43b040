// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// Appends the pieces of a JSON text to a buffer. It puts the commas; the caller keeps to the grammar.
/// Cost: no allocation beyond the buffer's growth.
package struct JSONWriter: Sendable {
    private var needsComma = false

    package init() {}

    package mutating func beginObject(_ output: inout Buffer) { open(UInt8(ascii: "{"), &output) }
    package mutating func endObject(_ output: inout Buffer) { close(UInt8(ascii: "}"), &output) }
    package mutating func beginArray(_ output: inout Buffer) { open(UInt8(ascii: "["), &output) }
    package mutating func endArray(_ output: inout Buffer) { close(UInt8(ascii: "]"), &output) }

    /// A name that needs no escaping, as ours do not.
    package mutating func key(_ name: StaticString, _ output: inout Buffer) {
        comma(&output)
        output.append(ASCII.quote)
        output.append(name)
        output.append("\":")
        needsComma = false
    }

    package mutating func key(_ name: Span<UInt8>, _ output: inout Buffer) {
        comma(&output)
        Self.appendString(name, &output)
        output.append(ASCII.colon)
        needsComma = false
    }

    package mutating func string(_ text: Span<UInt8>, _ output: inout Buffer) {
        comma(&output)
        Self.appendString(text, &output)
    }

    package mutating func string(_ text: StaticString, _ output: inout Buffer) {
        string(text.bytes, &output)
    }

    package mutating func string(_ text: String, _ output: inout Buffer) {
        comma(&output)
        Self.appendString(text, &output)
    }

    package mutating func integer(_ value: Int, _ output: inout Buffer) {
        comma(&output)
        output.append(decimal: value)
    }

    package mutating func bool(_ value: Bool, _ output: inout Buffer) {
        comma(&output)
        output.append(value ? "true" : "false")
    }

    package mutating func null(_ output: inout Buffer) {
        comma(&output)
        output.append("null")
    }

    /// A value that is JSON already.
    package mutating func raw(_ json: Span<UInt8>, _ output: inout Buffer) {
        comma(&output)
        output.append(json)
    }

    /// Appends `text` in quotes, escaped. Bytes that are not UTF-8 become U+FFFD, one for each byte, so the
    /// result is valid whatever a peer sent.
    package static func appendString(_ text: Span<UInt8>, _ output: inout Buffer) {
        output.append(ASCII.quote)
        appendEscaped(text, &output)
        output.append(ASCII.quote)
    }

    package static func appendString(_ text: String, _ output: inout Buffer) {
        output.append(ASCII.quote)
        let utf8 = text.utf8Span
        appendEscaped(utf8.span, &output)
        output.append(ASCII.quote)
    }

    /// The same without the quotes, for a string that is written in pieces.
    package static func appendEscaped(_ text: Span<UInt8>, _ output: inout Buffer) {
        var done = 0
        while done < text.count {
            let end = text.plainTextEnd(from: done)
            output.append(text.extracting(done..<end))
            done = end
            guard done < text.count else { return }
            let byte = text[done]
            if byte < 0x80 {
                escape(byte, &output)
                done += 1
            } else if case .character(let length) = text.utf8Step(at: done) {
                output.append(text.extracting(done..<done + length))
                done += length
            } else {
                output.append("\u{FFFD}")
                done += 1
            }
        }
    }

    private static func escape(_ byte: UInt8, _ output: inout Buffer) {
        switch byte {
        case ASCII.quote: output.append("\\\"")
        case UInt8(ascii: "\\"): output.append("\\\\")
        case ASCII.lineFeed: output.append("\\n")
        case ASCII.carriageReturn: output.append("\\r")
        case ASCII.tab: output.append("\\t")
        default:
            output.append("\\u00")
            output.append(ASCII.hexDigit(byte >> 4))
            output.append(ASCII.hexDigit(byte & 15))
        }
    }

    private mutating func open(_ bracket: UInt8, _ output: inout Buffer) {
        comma(&output)
        output.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8, _ output: inout Buffer) {
        output.append(bracket)
        needsComma = true
    }

    private mutating func comma(_ output: inout Buffer) {
        if needsComma { output.append(ASCII.comma) }
        needsComma = true
    }
}
