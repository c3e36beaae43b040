// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import HTTPTypes

/// One caller's connection in HTTP/2: requests in, responses out, many at the same time.
///
/// What `session` says and takes is described there. For each stream:
///
///     case .head(let id):
///         let facts = try server.request(of: id, into: &exchange.request)   // else answer or forget: `handling`
///     case .data(let id, let range): pass(input.bytes.extracting(range)), later server.session.consumed(range.count, on: id)
///     case .ended(let id): exchange.requestEnded(server.session.trailers)
///     case .refused(let id, let error), .closed(let id, _): the exchange is over
///
///     server.respond(id, status: 200, fields: fields, length: .unknown)
///     try server.session.write(piece, on: id)
///     try server.session.finish(id)
package struct ServerSession: ~Copyable {
    package var session: Session

    package init(limits: HTTP2Limits) { session = Session(isServer: true, limits: limits) }

    /// What a caller sends first on a connection without TLS (RFC 9113 §3.4).
    package static let preface: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    /// Whether that is how the input begins; nil when there is too little of it to say.
    package static func isPreface(_ input: borrowing Buffer) -> Bool? {
        let count = min(input.count, preface.utf8CodeUnitCount)
        guard input.bytes.extracting(0..<count).equals(preface.bytes.extracting(0..<count)) else {
            return false
        }
        return count == preface.utf8CodeUnitCount ? true : nil
    }

    /// Reads a head that `.head` has told of.
    /// - Throws: why it is no request, or none that is served. Where `handling` is a reset, that was done.
    package mutating func request(
        of id: StreamID,
        into head: inout RequestHead
    ) throws(HTTP2Error) -> RequestFacts {
        try session.readRequest(id, into: &head)
    }

    /// Sends the final response's head. Hop-by-hop fields are left out, and Content-Length comes from `length`: with
    /// `.none` or `.fixed(0)`, to HEAD, and for a status without a body the stream ends here.
    package mutating func respond(
        _ id: StreamID,
        status: Status,
        fields: borrowing Fields,
        length: BodyLength
    ) {
        session.sendResponse(id, status: status, fields: fields, length: length)
    }

    /// Grants a WebSocket: from here both ways are its bytes.
    package mutating func grantWebSocket(_ id: StreamID, fields: borrowing Fields) {
        session.sendGrant(id, fields: fields)
    }

    /// Someone is ready for a body that the caller holds back until then.
    package mutating func bodyWanted(_ id: StreamID) { session.sendContinue(id) }
}
