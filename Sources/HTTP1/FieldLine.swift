// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes

/// One `name: value` line (RFC 9112 §5), as places in the input.
struct FieldLine {
    var start: Int
    var nameEnd: Int
    var value: Range<Int>
    /// Index of its CR.
    var end: Int

    /// The line that begins at `start`, if it is whole and right. One look at each byte finds its end and checks it.
    /// - Returns: nil for everything else, an empty line and a missing byte included: whoever finds the line's end in
    ///   another way then learns from `fault` what is wrong with it.
    static func scan(_ bytes: borrowing Span<UInt8>, from start: Int) -> FieldLine? {
        var nameEnd = bytes.wordEnd(from: start)
        while nameEnd < bytes.count, ASCII.isToken(bytes[nameEnd]) {
            nameEnd = bytes.wordEnd(from: nameEnd + 1)
        }
        guard nameEnd > start, nameEnd < bytes.count, bytes[nameEnd] == ASCII.colon else { return nil }
        var first = nameEnd + 1
        while first < bytes.count, isBlank(bytes[first]) { first += 1 }
        guard let end = bytes.firstIndexOutsideFieldValue(from: first), end + 1 < bytes.count,
            bytes[end] == ASCII.carriageReturn, bytes[end + 1] == ASCII.lineFeed
        else { return nil }
        var last = end
        while last > first, isBlank(bytes[last - 1]) { last -= 1 }
        return FieldLine(start: start, nameEnd: nameEnd, value: first..<last, end: end)
    }

    /// Takes the line between `start` and `end`, whose CRLF is known to stand there.
    static func parse(
        _ bytes: borrowing Span<UInt8>,
        _ start: Int,
        _ end: Int,
        into fields: inout Fields,
        side: HTTP1Error.Side,
        at offset: Int
    ) throws(HTTP1Error) -> KnownField {
        guard let line = scan(bytes, from: start), line.end == end else {
            throw fault(bytes.extracting(start..<end), side, at: offset)
        }
        return try line.append(bytes, to: &fields, side: side, at: offset)
    }

    /// - Parameters:
    ///   - bytes: those that were scanned.
    ///   - offset: where the line stands in what the peer sent, for errors.
    func append(
        _ bytes: borrowing Span<UInt8>,
        to fields: inout Fields,
        side: HTTP1Error.Side,
        at offset: Int
    ) throws(HTTP1Error) -> KnownField {
        // Others keep a name's length in a byte (CVE-2021-40346).
        guard nameEnd - start <= HTTP1Limits.fieldNameBytes else {
            throw HTTP1Error(.fieldLineTooLong, side, at: offset + HTTP1Limits.fieldNameBytes)
        }
        do throws(FieldError) {
            return try fields.append(
                checkedLine: bytes.extracting(start..<end + 2),
                nameCount: nameEnd - start,
                value: value.lowerBound - start..<value.upperBound - start
            )
        } catch {
            throw HTTP1Error(.fieldLineTooLong, side, at: offset)
        }
    }

    /// What is wrong with a line that `scan` did not take, at the first byte that is.
    private static func fault(
        _ line: borrowing Span<UInt8>,
        _ side: HTTP1Error.Side,
        at offset: Int
    ) -> HTTP1Error {
        var index = 0
        while index < line.count, ASCII.isToken(line[index]) { index += 1 }
        guard index < line.count else { return HTTP1Error(.invalidFieldName, side, at: offset + index) }
        switch line[index] {
        case ASCII.space, ASCII.tab:
            return HTTP1Error(index == 0 ? .obsoleteFold : .whitespaceBeforeColon, side, at: offset + index)
        case ASCII.carriageReturn: return HTTP1Error(.bareCarriageReturn, side, at: offset + index)
        case ASCII.colon where index > 0:
            let wrong = line.firstIndexOutsideFieldValue(from: index) ?? index
            let isReturn = line[wrong] == ASCII.carriageReturn
            return HTTP1Error(isReturn ? .bareCarriageReturn : .invalidFieldValue, side, at: offset + wrong)
        default: return HTTP1Error(.invalidFieldName, side, at: offset + index)
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == ASCII.space || byte == ASCII.tab }
}
