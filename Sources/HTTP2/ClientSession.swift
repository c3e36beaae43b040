// SPDX-License-Identifier: Apache-2.0
package import HTTPTypes

/// What a request says besides its target, authority and fields.
package struct OutgoingHead: Equatable, Sendable {
    package var method: Method
    package var length: BodyLength
    /// The connection has TLS: `:scheme` says so.
    package var isSecure: Bool
    /// An extended CONNECT (RFC 8441); the peer must allow it.
    package var isWebSocket: Bool
    /// `te: trailers` is said: whoever asked reads them.
    package var acceptsTrailers: Bool

    package init(
        _ method: Method,
        length: BodyLength,
        isSecure: Bool,
        isWebSocket: Bool = false,
        acceptsTrailers: Bool = false
    ) {
        self.method = method
        self.length = length
        self.isSecure = isSecure
        self.isWebSocket = isWebSocket
        self.acceptsTrailers = acceptsTrailers
    }
}

/// One connection to an upstream in HTTP/2: requests out, responses in, many at the same time.
///
/// What `session` says and takes is described there. Informational responses are read and dropped.
package struct ClientSession: ~Copyable {
    package var session: Session

    package init(limits: HTTP2Limits) { session = Session(isServer: false, limits: limits) }

    /// Sends a request's head.
    /// - Parameters:
    ///   - target: in origin form, canonical.
    ///   - fields: hop-by-hop ones in it are not copied, nor Host, which `authority` says.
    /// - Returns: nil when the connection takes no more streams.
    package mutating func send(
        _ head: OutgoingHead,
        target: borrowing Span<UInt8>,
        authority: borrowing Span<UInt8>,
        fields: borrowing Fields
    ) -> StreamID? {
        session.writeRequest(head, target: target, authority: authority, fields: fields)
        return session.sendRequest(head)
    }

    /// Reads a head that `.head` has told of.
    package mutating func response(
        of id: StreamID,
        into head: inout ResponseHead
    ) throws(HTTP2Error) -> ResponseFacts {
        try session.readResponse(id, into: &head)
    }

    /// Whether the upstream has begun to answer.
    package func hasSeenResponse(_ id: StreamID) -> Bool { session.state(id)?.hasHead ?? false }
}
