// SPDX-License-Identifier: Apache-2.0
import Bytes
package import HTTPTypes

/// Reads the heads of one upstream's responses, line by line as they come, under the rules of `RequestParser`.
/// Interim responses (1xx) are heads like any other here; `ClientConnection` drops them.
package struct ResponseParser: Sendable {
    private let limits: HTTP1Limits
    private var reader = LineReader()
    private var lineStart = 0
    private var hasStatusLine = false
    /// Whether some of a head was seen and not yet finished.
    package private(set) var isInHead = false
    /// Of the last head that was completed.
    package private(set) var facts = ResponseFacts()

    package init(limits: HTTP1Limits) { self.limits = limits }

    package mutating func reset() {
        reader = LineReader()
        lineStart = 0
        hasStatusLine = false
        isInHead = false
    }

    /// As `RequestParser.parse`.
    /// - Parameter method: of the request that is answered; a response to HEAD has no body.
    package mutating func parse(
        _ bytes: borrowing Span<UInt8>,
        to method: Method,
        into head: inout ResponseHead
    ) throws(HTTP1Error) -> Int? {
        if !bytes.isEmpty, bytes[0] != UInt8(ascii: "H") {
            throw HTTP1Error(.invalidStatusLine, .response, at: 0)
        }
        while true {
            try takeFieldLines(bytes, into: &head.fields)
            guard let end = try nextLine(bytes) else { break }
            let start = lineStart
            lineStart = end + 2
            if !hasStatusLine {
                head.removeAll()
                try StatusLine.parse(bytes.extracting(start..<end), into: &head)
                hasStatusLine = true
            } else if end == start {
                facts = try ResponseFacts(&head, to: method)
                let count = lineStart
                reset()
                return count
            } else {
                try checkCount(head.fields, at: start)
                _ = try FieldLine.parse(bytes, start, end, into: &head.fields, side: .response, at: start)
            }
        }
        isInHead = !bytes.isEmpty
        return nil
    }

    /// Takes the whole lines that are right, up to the head's end or to what needs a closer look.
    private mutating func takeFieldLines(
        _ bytes: borrowing Span<UInt8>,
        into fields: inout Fields
    ) throws(HTTP1Error) {
        guard hasStatusLine, reader.isAtStart else { return }
        while let line = FieldLine.scan(bytes, from: lineStart) {
            let count = line.end + 2 - lineStart
            guard count <= limits.fieldLineBytes, lineStart + count <= limits.headBytes else { return }
            try checkCount(fields, at: lineStart)
            _ = try line.append(bytes, to: &fields, side: .response, at: lineStart)
            lineStart += count
        }
    }

    private func checkCount(_ fields: borrowing Fields, at offset: Int) throws(HTTP1Error) {
        guard fields.count < limits.fieldCount else {
            throw HTTP1Error(.tooManyFields, .response, at: offset)
        }
    }

    private mutating func nextLine(_ bytes: borrowing Span<UInt8>) throws(HTTP1Error) -> Int? {
        let left = limits.headBytes - lineStart
        var offset = 0
        do throws(LineReader.Fault) {
            let limit = min(left, limits.fieldLineBytes)
            return try reader.end(in: bytes, from: lineStart, limit: limit, fault: &offset)
        } catch {
            switch error {
            case .bareLineFeed: throw HTTP1Error(.bareLineFeed, .response, at: offset)
            case .tooLong:
                let isHead = left < limits.fieldLineBytes
                throw HTTP1Error(isHead ? .headTooLarge : .fieldLineTooLong, .response, at: offset)
            }
        }
    }
}

/// `version SP status [SP reason]`. The reason is read and dropped; servers that leave out the space before an
/// empty one are understood.
enum StatusLine {
    static func parse(_ line: borrowing Span<UInt8>, into head: inout ResponseHead) throws(HTTP1Error) {
        guard line.count >= 12, line[8] == ASCII.space else {
            throw HTTP1Error(.invalidStatusLine, .response, at: 0)
        }
        head.version = try HTTPVersion(line.extracting(0..<8), .response, at: 0)
        var code: UInt16 = 0
        for index in 9..<12 {
            guard ASCII.isDigit(line[index]) else { throw HTTP1Error(.invalidStatus, .response, at: index) }
            code = code * 10 + UInt16(line[index] - 0x30)
        }
        guard code >= 100, code < 600 else { throw HTTP1Error(.invalidStatus, .response, at: 9) }
        guard line.count == 12 || line[12] == ASCII.space else {
            throw HTTP1Error(.invalidStatus, .response, at: 12)
        }
        if let wrong = line.firstIndexOutsideFieldValue(from: 12) {
            let isReturn = line[wrong] == ASCII.carriageReturn
            throw HTTP1Error(isReturn ? .bareCarriageReturn : .invalidStatusLine, .response, at: wrong)
        }
        head.status = Status(code)
    }
}
