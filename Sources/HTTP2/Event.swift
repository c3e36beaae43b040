// SPDX-License-Identifier: Apache-2.0
package import HTTPTypes

/// A stream's number; never 0, which is the connection itself. Odd ones are opened by clients.
package struct StreamID: Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int32
    package init(_ rawValue: Int32) { self.rawValue = rawValue }
    package var description: String { "\(rawValue)" }
}

/// RFC 9113 §7. What nobody knows is kept as a number.
package struct ErrorCode: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let noError = ErrorCode(rawValue: 0)
    package static let protocolError = ErrorCode(rawValue: 1)
    package static let internalError = ErrorCode(rawValue: 2)
    package static let flowControlError = ErrorCode(rawValue: 3)
    package static let settingsTimeout = ErrorCode(rawValue: 4)
    package static let streamClosed = ErrorCode(rawValue: 5)
    package static let frameSizeError = ErrorCode(rawValue: 6)
    package static let refusedStream = ErrorCode(rawValue: 7)
    package static let cancel = ErrorCode(rawValue: 8)
    package static let compressionError = ErrorCode(rawValue: 9)
    package static let connectError = ErrorCode(rawValue: 10)
    package static let enhanceYourCalm = ErrorCode(rawValue: 11)
    package static let inadequateSecurity = ErrorCode(rawValue: 12)
    package static let http11Required = ErrorCode(rawValue: 13)
}

/// What came on a connection, in the order in which it came.
package enum Event: Equatable, Sendable {
    /// A head is whole: read it with `request(of:into:)` or `response(of:into:)`. With `.ended` close behind it where
    /// there is no body.
    case head(StreamID)
    /// A stretch of the body: a range of the input that was given to `received`. To be consumed (`consumed(_:on:)`) once
    /// it has been passed on, also where nobody wants it.
    case data(StreamID, Range<Int>)
    /// The peer has said all; `trailers(of:)` holds what stood behind the body.
    case ended(StreamID)
    /// What came is no message. The stream is being reset; `.closed` follows.
    case refused(StreamID, HTTP2Error)
    /// What waited in a stream has fallen to half of the mark that was set for it.
    case drained(StreamID)
    /// The stream is gone: both sides have ended it, or one has reset it. What is known of it is forgotten at the next call
    /// of `nextEvent`.
    case closed(StreamID, ErrorCode)
    /// The peer will answer no stream above `last`, and take no new one.
    case goAway(last: StreamID, ErrorCode)
    /// The peer's settings are known, or have changed.
    case settings
}

/// What an engine needs to know of a request besides its head.
package struct RequestFacts: Equatable, Sendable {
    package var length = BodyLength.none
    /// A valid request for a WebSocket (RFC 8441).
    package var isWebSocket = false
    /// `te: trailers`.
    package var acceptsTrailers = false
    /// `expect: 100-continue` with a body to come.
    package var expectsContinue = false

    package init() {}
}

/// What an engine needs to know of a final response besides its head.
package struct ResponseFacts: Equatable, Sendable {
    /// What the response says of its length: what an answer to HEAD must repeat.
    package var length = BodyLength.none
    /// The WebSocket that was asked for is granted: from here both ways of the stream are its bytes.
    package var isTunnel = false

    package init() {}
}
