// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes

/// One `name: value` line (RFC 9112 §5).
enum FieldLine {
    /// Appends the line to `fields`.
    /// - Parameters:
    ///   - line: without its CRLF; not empty.
    ///   - offset: where the line stands in what the peer sent, for errors.
    static func parse(
        _ line: borrowing Span<UInt8>,
        into fields: inout Fields,
        side: HTTP1Error.Side,
        at offset: Int
    ) throws(HTTP1Error) -> KnownField {
        var nameCount = line.wordEnd()
        while nameCount < line.count, ASCII.isToken(line[nameCount]) {
            nameCount = line.wordEnd(from: nameCount + 1)
        }
        guard nameCount > 0, nameCount < line.count, line[nameCount] == ASCII.colon else {
            throw HTTP1Error(nameFault(line, nameCount), side, at: offset + nameCount)
        }
        var start = nameCount + 1
        var end = line.count
        while start < end, line[start] == ASCII.space || line[start] == ASCII.tab { start += 1 }
        while end > start, line[end - 1] == ASCII.space || line[end - 1] == ASCII.tab { end -= 1 }
        if let wrong = line.firstIndexOutsideFieldValue(from: start) {
            let isReturn = line[wrong] == ASCII.carriageReturn
            throw HTTP1Error(isReturn ? .bareCarriageReturn : .invalidFieldValue, side, at: offset + wrong)
        }
        do throws(FieldError) {
            return try fields.append(checkedLine: line, nameCount: nameCount, value: start..<end)
        } catch {
            throw HTTP1Error(.fieldLineTooLong, side, at: offset)
        }
    }

    private static func nameFault(_ line: borrowing Span<UInt8>, _ index: Int) -> HTTP1Error.Reason {
        guard index < line.count else { return .invalidFieldName }
        switch line[index] {
        case ASCII.space, ASCII.tab: return index == 0 ? .obsoleteFold : .whitespaceBeforeColon
        case ASCII.carriageReturn: return .bareCarriageReturn
        default: return .invalidFieldName
        }
    }
}
