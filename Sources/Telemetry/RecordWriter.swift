// SPDX-License-Identifier: Apache-2.0
import Bytes

/// Appends the members of one record. Each literal holds all that stands before its value, so that a member is two
/// or three copies.
struct RecordWriter {
    /// Whether some text was longer than a record takes.
    private(set) var isCut = false

    /// - Parameter lead: as in `,"name":"`.
    mutating func text(_ lead: StaticString, _ text: Span<UInt8>, _ output: inout Buffer) {
        let count = min(text.count, AccessLog.maximumTextBytes)
        if count < text.count { isCut = true }
        let kept = text.extracting(0..<count)
        // Almost all text is of this kind.
        if kept.visibleTextEnd(from: 0) == count { return output.append(lead, kept, ASCII.quote) }
        output.append(lead)
        RecordText.append(kept, to: &output)
        output.append(ASCII.quote)
    }

    mutating func text(_ lead: StaticString, _ text: String, _ output: inout Buffer) {
        self.text(lead, text.utf8Span.span, &output)
    }

    mutating func text(_ lead: StaticString, _ text: String?, _ output: inout Buffer) {
        if let text { self.text(lead, text, &output) }
    }

    /// - Parameter lead: as in `,"name":[`. Nothing is written for an empty list.
    mutating func list(_ lead: StaticString, _ texts: [String], _ output: inout Buffer) {
        guard !texts.isEmpty else { return }
        output.append(lead)
        for index in 0..<min(texts.count, AccessLog.maximumListCount) {
            text(index == 0 ? "\"" : ",\"", texts[index], &output)
        }
        output.append("]")
        if texts.count > AccessLog.maximumListCount { isCut = true }
    }

    mutating func part(_ part: RecordPart?, _ output: inout Buffer) {
        guard let part else { return }
        output.append(part.bytes.span)
        if part.isCut { isCut = true }
    }

    /// - Parameter lead: as in `,"name":`.
    func number(_ lead: StaticString, _ value: Int, _ output: inout Buffer) {
        output.append(lead)
        output.append(decimal: value)
    }

    /// Seconds, with all nine digits behind the point.
    func seconds(_ lead: StaticString, _ interval: Interval, _ output: inout Buffer) {
        output.append(lead)
        output.append(secondsOf: UInt64(clamping: interval.nanoseconds))
    }
}

extension Buffer {
    /// Appends nanoseconds as seconds: `1.250000000`.
    mutating func append(secondsOf nanoseconds: UInt64) {
        append(decimal: Int(clamping: nanoseconds / 1_000_000_000))
        append(UInt8(ascii: "."))
        append(decimal: nanoseconds % 1_000_000_000, digits: 9)
    }
}
