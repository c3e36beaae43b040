// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// Changes to a document: the rest is copied byte for byte.
package struct XMLEditor: ~Copyable {
    private struct Change {
        var range: ByteRange
        var text: ByteRange
    }

    private var changes: [Change] = []
    private var texts = Buffer()

    package init() {}

    package var isEmpty: Bool { changes.isEmpty }

    /// Puts a text in the place of all that is in an element.
    /// - Returns: false for a text that XML cannot hold: control bytes other than tab and line ends.
    package mutating func setText(
        _ text: borrowing Span<UInt8>,
        of element: XMLElement,
        in bytes: borrowing Span<UInt8>
    ) -> Bool {
        let start = texts.count
        if element.isSelfClosed {
            // `<a b="c"/>`: all but the slash, the text, and an end tag.
            var end = element.whole.end - 1
            while end > element.whole.start, bytes[end - 1] != ASCII.slash { end -= 1 }
            texts.append(bytes.extracting(element.whole.start..<max(end - 1, element.whole.start)))
            texts.append(UInt8(ascii: ">"))
        }
        guard XMLText.append(escaped: text, to: &texts) else {
            texts.truncate(to: start)
            return false
        }
        if element.isSelfClosed {
            texts.append("</")
            texts.append(bytes.extracting(element.name))
            texts.append(UInt8(ascii: ">"))
        }
        let range = element.isSelfClosed ? element.whole : element.content
        changes.append(Change(range: range, text: ByteRange(start: start, count: texts.count - start)))
        return true
    }

    /// Takes an element out, tags and all.
    package mutating func remove(_ element: XMLElement) {
        changes.append(Change(range: element.whole, text: ByteRange(start: texts.count, count: 0)))
    }

    /// Appends the changed document. Changes inside an element that is taken out go with it.
    package mutating func apply(to bytes: borrowing Span<UInt8>, into output: inout Buffer) {
        changes.sort {
            $0.range.start != $1.range.start
                ? $0.range.start < $1.range.start : $0.range.count > $1.range.count
        }
        output.reserve(bytes.count + texts.count)
        var copied = 0
        for change in changes where change.range.start >= copied {
            output.append(bytes.extracting(copied..<change.range.start))
            output.append(texts.bytes.extracting(change.text))
            copied = change.range.end
        }
        output.append(bytes.extracting(copied..<bytes.count))
    }
}

/// Characters as XML writes them.
package enum XMLText {
    /// Appends a text with what would be markup escaped.
    /// - Returns: false, with part of it appended, for a byte that XML 1.0 has no way to write.
    package static func append(escaped text: borrowing Span<UInt8>, to output: inout Buffer) -> Bool {
        for index in text.indices {
            let byte = text[index]
            switch byte {
            case UInt8(ascii: "<"): output.append("&lt;")
            case UInt8(ascii: ">"): output.append("&gt;")
            case UInt8(ascii: "&"): output.append("&amp;")
            case UInt8(ascii: "\""): output.append("&quot;")
            case ASCII.carriageReturn: output.append("&#13;")
            case ASCII.tab, ASCII.lineFeed: output.append(byte)
            case 0..<0x20: return false
            default: output.append(byte)
            }
        }
        return true
    }
}
