// SPDX-License-Identifier: Apache-2.0
import Bytes
package import HTTPTypes

/// Reads the heads of one caller's requests, line by line as they come.
///
/// One interpretation or a refusal (RFC 9112 §2-§6): lines end in CRLF and nothing else; at most one empty line before
/// the request line; single spaces; no folding; Host once; Content-Length once, in plain decimal, and not beside
/// Transfer-Encoding, which is `chunked` alone or refused.
/// An error is the same, at the same offset, however the input was split. After one, the parser is of no use
/// until `reset`.
package struct RequestParser: Sendable {
    private let limits: HTTP1Limits
    private var reader = LineReader()
    private var lineStart = 0
    private var skippedEmptyLine = false
    private var hasRequestLine = false
    /// Whether some of a head was seen and not yet finished.
    package private(set) var isInHead = false
    /// Of the last head that was completed.
    package private(set) var facts = RequestFacts()

    package init(limits: HTTP1Limits) { self.limits = limits }

    package mutating func reset() {
        reader = LineReader()
        lineStart = 0
        skippedEmptyLine = false
        hasRequestLine = false
        isInHead = false
    }

    /// Looks at everything that stands unconsumed in the caller's buffer: the same bytes as at the last call, and
    /// what came since.
    /// - Returns: how many bytes the head took, when it is complete; nil when more input is needed, and then nothing is
    ///   consumed.
    package mutating func parse(
        _ bytes: borrowing Span<UInt8>,
        into head: inout RequestHead
    ) throws(HTTP1Error) -> Int? {
        if !hasRequestLine { try checkFirstByte(bytes) }
        while true {
            try takeFieldLines(bytes, into: &head.fields)
            guard let end = try nextLine(bytes) else { break }
            let start = lineStart
            lineStart = end + 2
            if !hasRequestLine {
                if end == start {
                    guard !skippedEmptyLine else {
                        throw HTTP1Error(.invalidRequestLine, .request, at: start)
                    }
                    skippedEmptyLine = true
                    try checkFirstByte(bytes)
                    continue
                }
                head.removeAll()
                try RequestLine.parse(bytes.extracting(start..<end), into: &head, at: start)
                hasRequestLine = true
            } else if end == start {
                facts = try RequestFacts(&head)
                let count = lineStart
                reset()
                return count
            } else {
                try checkCount(head.fields, at: start)
                _ = try FieldLine.parse(bytes, start, end, into: &head.fields, side: .request, at: start)
            }
        }
        isInHead = !bytes.isEmpty
        return nil
    }

    /// What is no HTTP/1 at all, such as a TLS hello, shows at its first byte and need not wait for a line's end.
    private func checkFirstByte(_ bytes: borrowing Span<UInt8>) throws(HTTP1Error) {
        guard lineStart < bytes.count else { return }
        let byte = bytes[lineStart]
        guard ASCII.isLetter(byte) || byte == ASCII.carriageReturn || byte == ASCII.lineFeed else {
            throw HTTP1Error(.invalidRequestLine, .request, at: lineStart)
        }
    }

    /// Takes the whole lines that are right, up to the head's end or to what needs a closer look.
    private mutating func takeFieldLines(
        _ bytes: borrowing Span<UInt8>,
        into fields: inout Fields
    ) throws(HTTP1Error) {
        guard hasRequestLine, reader.isAtStart else { return }
        while let line = FieldLine.scan(bytes, from: lineStart) {
            let count = line.end + 2 - lineStart
            guard count <= limits.fieldLineBytes, lineStart + count <= limits.headBytes else { return }
            try checkCount(fields, at: lineStart)
            _ = try line.append(bytes, to: &fields, side: .request, at: lineStart)
            lineStart += count
        }
    }

    private func checkCount(_ fields: borrowing Fields, at offset: Int) throws(HTTP1Error) {
        guard fields.count < limits.fieldCount else { throw HTTP1Error(.tooManyFields, .request, at: offset) }
    }

    private mutating func nextLine(_ bytes: borrowing Span<UInt8>) throws(HTTP1Error) -> Int? {
        let left = limits.headBytes - lineStart
        let lineLimit = hasRequestLine ? limits.fieldLineBytes : limits.requestLineBytes
        var offset = 0
        do throws(LineReader.Fault) {
            return try reader.end(in: bytes, from: lineStart, limit: min(left, lineLimit), fault: &offset)
        } catch {
            switch error {
            case .bareLineFeed: throw HTTP1Error(.bareLineFeed, .request, at: offset)
            case .tooLong where !hasRequestLine: throw HTTP1Error(.requestLineTooLong, .request, at: offset)
            case .tooLong:
                throw HTTP1Error(left < lineLimit ? .headTooLarge : .fieldLineTooLong, .request, at: offset)
            }
        }
    }
}

/// `method SP target SP version`.
enum RequestLine {
    static func parse(
        _ line: borrowing Span<UInt8>,
        into head: inout RequestHead,
        at offset: Int
    ) throws(HTTP1Error) {
        guard let first = line.firstIndex(of: ASCII.space),
            let second = line.firstIndex(of: ASCII.space, from: first + 1)
        else { throw HTTP1Error(.invalidRequestLine, .request, at: offset) }
        head.method = try method(line.extracting(0..<first), at: offset)
        let version = line.extracting(second + 1..<line.count)
        head.version = try HTTPVersion(version, .request, at: offset + second + 1)
        do throws(TargetError) {
            try head.setTarget(line.extracting(first + 1..<second))
        } catch {
            throw HTTP1Error(.target(error.reason), .request, at: offset + first + 1 + error.offset)
        }
    }

    private static func method(_ name: borrowing Span<UInt8>, at offset: Int) throws(HTTP1Error) -> Method {
        guard name.isToken else { throw HTTP1Error(.invalidMethod, .request, at: offset) }
        guard let method = Method(name) else { throw HTTP1Error(.methodNotSupported, .request, at: offset) }
        switch method {
        case .connect: throw HTTP1Error(.connectNotSupported, .request, at: offset)
        case .trace: throw HTTP1Error(.traceNotSupported, .request, at: offset)
        case .get, .head, .post, .put, .patch, .delete, .options: return method
        }
    }
}

extension HTTPVersion {
    /// `HTTP/1.1` or `HTTP/1.0`, to the letter (RFC 9112 §2.3).
    init(_ text: borrowing Span<UInt8>, _ side: HTTP1Error.Side, at offset: Int) throws(HTTP1Error) {
        if text.equals("HTTP/1.1") {
            self = .http11
        } else if text.equals("HTTP/1.0") {
            self = .http10
        } else {
            let isVersion =
                text.count == 8 && text.hasPrefix("HTTP/") && ASCII.isDigit(text[5])
                && text[6] == UInt8(ascii: ".") && ASCII.isDigit(text[7])
            throw HTTP1Error(isVersion ? .versionNotSupported : .invalidVersion, side, at: offset)
        }
    }
}
