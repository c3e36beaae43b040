// SPDX-License-Identifier: Apache-2.0
package import HTTPTypes

/// How HTTP/1 says where a body ends (RFC 9112 §6.3).
package enum BodyFraming: Equatable, Sendable {
    case none
    /// In bytes.
    case fixed(Int)
    case chunked
    /// At the end of the connection: responses only.
    case untilClose

    package var length: BodyLength {
        switch self {
        case .none: .none
        case .fixed(let count): .fixed(count)
        case .chunked, .untilClose: .unknown
        }
    }
}

/// What the engine needs to know of a request besides its head.
package struct RequestFacts: Equatable, Sendable {
    package var framing: BodyFraming = .none
    /// The caller will send no other request: `Connection: close`, or HTTP/1.0.
    package var closes = true
    /// `Expect: 100-continue` with a body to come.
    package var expectsContinue = false
    /// A complete and valid WebSocket handshake (RFC 6455 §4.2.1).
    package var isWebSocket = false
    /// `TE: trailers`.
    package var acceptsTrailers = false
    /// The caller reads no chunks.
    package var isHTTP10 = false

    package init() {}
}

/// What the engine needs to know of a final response besides its head.
package struct ResponseFacts: Equatable, Sendable {
    /// How the body that follows is framed: none for a response to HEAD, 204 and 304.
    package var framing: BodyFraming = .none
    /// What the response says of its length, body or not: what a response to HEAD must repeat.
    package var length: BodyLength = .none
    /// The upstream will answer no other request.
    package var closes = true

    package init() {}
}
