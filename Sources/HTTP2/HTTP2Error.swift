// SPDX-License-Identifier: Apache-2.0
package import HTTPTypes

/// Why a stream or a connection is refused.
package struct HTTP2Error: Error, Equatable, Sendable {
    package enum Side: Sendable { case request, response }

    package enum Reason: Equatable, Sendable {
        // Heads that are no message: the stream is reset (RFC 9113 §8.1.1).
        case invalidFieldName, invalidFieldValue, connectionField, invalidTE
        case pseudoFieldUnknown, pseudoFieldRepeated, pseudoFieldLate, pseudoFieldMissing
        case pseudoFieldInTrailers
        case invalidContentLength, repeatedContentLength, contentLengthMismatch, hostMismatch
        case headersInBody, forbiddenTrailer, trailersTooLarge, invalidMethod, invalidStatus
        case unexpectedResponse, tooManyInterim
        // Heads that are messages, but none that is served: they are answered.
        case target(TargetError.Reason)
        case methodNotSupported, connectNotSupported, traceNotSupported, protocolNotSupported
        case invalidWebSocket, expectationNotSupported
        case headTooLarge, fieldTooLarge, tooManyFields
        // Our side was about to write more, or less, than it had announced.
        case bodyTooLong, bodyTooShort
        // What ends the connection.
        case flood(Flood)
        case streamIDReused, streamClosed, invalidPreface
        /// What nghttp2 found.
        case protocolViolation(ErrorCode)
    }

    /// What there was too much of.
    package enum Flood: Equatable, Sendable, CaseIterable {
        case resets, continuations, settings, pings, emptyFrames, otherFrames, windowUpdates, queuedFrames
        case headerBytes
        /// Of time: one head that does not come to its end. Whoever has the clock tells of it (`Session.headBeganAt`).
        case slowHeads
    }

    /// How far it reaches.
    package enum Handling: Equatable, Sendable {
        /// The request is answered like any other.
        case answer(Status)
        case reset(ErrorCode)
        case close(ErrorCode)
    }

    package var reason: Reason
    package var side: Side

    package init(_ reason: Reason, _ side: Side = .request) {
        self.reason = reason
        self.side = side
    }

    package var handling: Handling {
        switch reason {
        case .target, .invalidWebSocket: .answer(.badRequest)
        case .methodNotSupported, .connectNotSupported, .traceNotSupported, .protocolNotSupported:
            .answer(.notImplemented)
        case .expectationNotSupported: .answer(.expectationFailed)
        case .headTooLarge, .fieldTooLarge, .tooManyFields: .answer(.fieldsTooLarge)
        case .bodyTooLong, .bodyTooShort: .reset(.internalError)
        case .flood: .close(.enhanceYourCalm)
        case .streamIDReused, .invalidPreface: .close(.protocolError)
        case .streamClosed: .close(.streamClosed)
        case .protocolViolation(let code): .close(code)
        case .invalidFieldName, .invalidFieldValue, .connectionField, .invalidTE, .pseudoFieldUnknown,
            .pseudoFieldRepeated, .pseudoFieldLate, .pseudoFieldMissing, .pseudoFieldInTrailers,
            .invalidContentLength, .repeatedContentLength, .contentLengthMismatch, .hostMismatch,
            .headersInBody, .forbiddenTrailer, .trailersTooLarge, .invalidMethod, .invalidStatus,
            .unexpectedResponse, .tooManyInterim:
            .reset(.protocolError)
        }
    }

    /// For the record: what a caller is, or would be, answered with.
    package var status: Status {
        if side == .response { return .badGateway }
        if case .answer(let status) = handling { return status }
        return .badRequest
    }

    /// A stable name for records, metrics and answers.
    package var code: StaticString {
        switch reason {
        case .target(let reason): reason.code
        case .flood(let flood): flood.code
        default: plainCode
        }
    }
}

extension HTTP2Error {
    private var plainCode: StaticString {
        switch reason {
        case .target, .flood: ""
        case .invalidFieldName: "invalid_field_name"
        case .invalidFieldValue: "invalid_field_value"
        case .connectionField: "connection_field"
        case .invalidTE: "invalid_te"
        case .pseudoFieldUnknown: "pseudo_field_unknown"
        case .pseudoFieldRepeated: "pseudo_field_repeated"
        case .pseudoFieldLate: "pseudo_field_late"
        case .pseudoFieldMissing: "pseudo_field_missing"
        case .pseudoFieldInTrailers: "pseudo_field_in_trailers"
        case .invalidContentLength: "invalid_content_length"
        case .repeatedContentLength: "repeated_content_length"
        case .contentLengthMismatch: "content_length_mismatch"
        case .hostMismatch: "host_mismatch"
        case .headersInBody: "headers_in_body"
        case .forbiddenTrailer: "forbidden_trailer"
        case .trailersTooLarge: "trailers_too_large"
        case .invalidMethod: "invalid_method"
        case .invalidStatus: "invalid_status"
        case .unexpectedResponse: "unexpected_response"
        case .tooManyInterim: "too_many_interim_responses"
        case .methodNotSupported: "method_not_supported"
        case .connectNotSupported: "connect_not_supported"
        case .traceNotSupported: "trace_not_supported"
        case .protocolNotSupported: "protocol_not_supported"
        case .invalidWebSocket: "invalid_websocket"
        case .expectationNotSupported: "expectation_not_supported"
        case .headTooLarge: "head_too_large"
        case .fieldTooLarge: "field_line_too_long"
        case .tooManyFields: "too_many_fields"
        case .bodyTooLong: "body_too_long"
        case .bodyTooShort: "body_too_short"
        case .streamIDReused: "stream_id_reused"
        case .streamClosed: "stream_closed"
        case .invalidPreface: "invalid_preface"
        case .protocolViolation: "http2_protocol_violation"
        }
    }
}

extension HTTP2Error.Flood {
    package var code: StaticString {
        switch self {
        case .resets: "http2_flood_resets"
        case .continuations: "http2_flood_continuations"
        case .settings: "http2_flood_settings"
        case .pings: "http2_flood_pings"
        case .emptyFrames: "http2_flood_empty_frames"
        case .otherFrames: "http2_flood_other_frames"
        case .windowUpdates: "http2_flood_window_updates"
        case .queuedFrames: "http2_flood_queued_frames"
        case .headerBytes: "http2_flood_header_bytes"
        case .slowHeads: "http2_flood_slow_heads"
        }
    }
}
