// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes

/// Turns a block of fields into a final response's head (RFC 9113 §8.3.2).
enum ResponseReader {
    static func read(
        _ block: borrowing FieldBlock,
        to method: Method,
        endsStream: Bool,
        into head: inout ResponseHead,
        crumbs: inout Buffer
    ) throws(HTTP2Error) -> ResponseFacts {
        do throws(HTTP2Error) {
            return try message(block, to: method, endsStream: endsStream, into: &head, crumbs: &crumbs)
        } catch {
            throw HTTP2Error(error.reason, .response)
        }
    }

    private static func message(
        _ block: borrowing FieldBlock,
        to method: Method,
        endsStream: Bool,
        into head: inout ResponseHead,
        crumbs: inout Buffer
    ) throws(HTTP2Error) -> ResponseFacts {
        head.removeAll()
        head.version = .http2
        if let excess = block.excess { throw HTTP2Error(excess) }
        guard block.count > 0, block.isPseudo(at: 0) else { throw HTTP2Error(.pseudoFieldMissing) }
        guard block.name(at: 0).equals(":status") else { throw HTTP2Error(.pseudoFieldUnknown) }
        head.status = try status(block.value(at: 0))
        try HeadReader.copyFields(block, from: 1, to: &head.fields, crumbs: &crumbs)
        let declared = try HeadReader.contentLength(head.fields)
        let allowsBody = head.status.allowsBody && method != .head
        var facts = ResponseFacts()
        // RFC 8441 §5. What speaks of a body, or has ended already, is an answer, whatever its status.
        if method == .connect, head.status == .ok, !endsStream, declared == nil {
            facts.isTunnel = true
            return facts
        }
        if allowsBody, endsStream {
            guard declared ?? 0 == 0 else { throw HTTP2Error(.contentLengthMismatch) }
            facts.length = declared == nil ? .none : .fixed(0)
        } else {
            facts.length = declared.map { .fixed($0) } ?? (allowsBody ? .unknown : .none)
        }
        return facts
    }

    /// Three digits, 200 to 599: 101 has no meaning here (RFC 9113 §8.6), the other informational heads were dropped.
    private static func status(_ text: borrowing Span<UInt8>) throws(HTTP2Error) -> Status {
        guard text.count == 3 else { throw HTTP2Error(.invalidStatus) }
        var code: UInt16 = 0
        for index in text.indices {
            guard ASCII.isDigit(text[index]) else { throw HTTP2Error(.invalidStatus) }
            code = code * 10 + UInt16(text[index] - 0x30)
        }
        guard code >= 200, code < 600 else { throw HTTP2Error(.invalidStatus) }
        return Status(code)
    }
}
