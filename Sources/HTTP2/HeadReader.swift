// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes

/// What heads in either direction have in common.
enum HeadReader {
    /// Copies everything behind the pseudo-fields, cookie crumbs joined at the end (RFC 9113 §8.2.3), and checks what
    /// no message of HTTP/2 may hold (§8.2.2).
    static func copyFields(
        _ block: borrowing FieldBlock,
        from start: Int,
        to fields: inout Fields,
        crumbs: inout Buffer
    ) throws(HTTP2Error) {
        crumbs.removeAll()
        for index in start..<block.count {
            if block.isPseudo(at: index) { throw HTTP2Error(.pseudoFieldLate) }
            if block.name(at: index).equals("cookie") {
                let value = block.value(at: index)
                guard value.firstIndexOutsideFieldValue() == nil else { throw HTTP2Error(.invalidFieldValue) }
                if !crumbs.isEmpty { crumbs.append("; ") }
                crumbs.append(value)
                continue
            }
            try block.copyField(at: index, to: &fields)
            try check(fields, at: fields.count - 1)
        }
        guard !crumbs.isEmpty else { return }
        do throws(FieldError) {
            try fields.append(.cookie, value: crumbs.bytes)
        } catch {
            throw HTTP2Error(.invalidFieldValue)
        }
    }

    private static func check(_ fields: borrowing Fields, at index: Int) throws(HTTP2Error) {
        switch fields.known(at: index) {
        case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade, .http2Settings:
            throw HTTP2Error(.connectionField)
        case .te:
            guard fields.value(at: index).equals("trailers") else { throw HTTP2Error(.invalidTE) }
        default: break
        }
    }

    /// What Content-Length says, nil where there is none.
    static func contentLength(_ fields: borrowing Fields) throws(HTTP2Error) -> Int? {
        guard let index = fields.first(.contentLength) else { return nil }
        guard fields.first(.contentLength, from: index + 1) == nil else {
            throw HTTP2Error(.repeatedContentLength)
        }
        guard let length = fields.value(at: index).contentLength else {
            throw HTTP2Error(.invalidContentLength)
        }
        return length
    }

    /// What stands behind a body: no pseudo-field, and nothing that frames, routes or authenticates.
    static func trailers(_ block: borrowing FieldBlock, into fields: inout Fields) throws(HTTP2Error) {
        fields.removeAll()
        if block.excess != nil { throw HTTP2Error(.trailersTooLarge) }
        for index in 0..<block.count {
            if block.isPseudo(at: index) { throw HTTP2Error(.pseudoFieldInTrailers) }
            try block.copyField(at: index, to: &fields)
            guard !KnownFieldSet.forbiddenInTrailers.contains(fields.known(at: index)) else {
                throw HTTP2Error(.forbiddenTrailer)
            }
        }
    }
}
