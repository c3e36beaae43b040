// SPDX-License-Identifier: Apache-2.0
package import HTTPTypes

/// Why a message is refused: it has no single meaning, it is too large, or it asks for what Bulkhead does not do.
package struct HTTP1Error: Error, Equatable, Sendable {
    package enum Side: Sendable { case request, response }

    package enum Reason: Equatable, Sendable {
        // Lines.
        case bareLineFeed, bareCarriageReturn, requestLineTooLong, fieldLineTooLong, headTooLarge
        // First lines.
        case invalidRequestLine, invalidMethod, methodNotSupported, connectNotSupported, traceNotSupported
        case invalidVersion, versionNotSupported, invalidStatusLine, invalidStatus
        case target(TargetError.Reason)
        // Fields.
        case invalidFieldName, whitespaceBeforeColon, obsoleteFold, invalidFieldValue, tooManyFields
        case invalidConnection, connectionNamesField
        case expectationNotSupported, upgradeNotSupported, invalidWebSocket, maxForwardsNotSupported
        // Framing.
        case invalidContentLength, repeatedContentLength, contentLengthWithTransferEncoding
        case invalidTransferEncoding, transferEncodingNotSupported, transferEncodingInHTTP10
        // Bodies.
        case invalidChunkSize, chunkTooLarge, invalidChunkExtension, chunkExtensionTooLong, invalidChunkEnd
        case chunkOverhead, trailersTooLarge, forbiddenTrailer
        /// Our side was about to write more, or less, than it had announced.
        case bodyTooLong, bodyTooShort
        // Connections.
        case invalidResponse, protocolViolation
        case closedInHead, closedInBody, closedBeforeResponse, strayBytes, tooManyInterim, unexpectedSwitch
        /// A 1xx that speaks of a body.
        case framedInterim
    }

    package var reason: Reason
    package var side: Side
    /// In bytes: from the beginning of the head, or of the body, that the peer sent.
    package var offset: Int

    package init(_ reason: Reason, _ side: Side, at offset: Int) {
        self.reason = reason
        self.side = side
        self.offset = offset
    }

    /// What the caller is answered with: 502 for everything that is wrong with an upstream's response.
    package var status: Status { side == .response ? .badGateway : reason.requestStatus }

    /// A stable name for records, metrics and answers.
    package var code: StaticString { reason.code }
}

extension HTTP1Error.Reason {
    fileprivate var requestStatus: Status {
        switch self {
        case .requestLineTooLong: .uriTooLong
        case .fieldLineTooLong, .headTooLarge, .tooManyFields, .trailersTooLarge: .fieldsTooLarge
        case .methodNotSupported, .connectNotSupported, .traceNotSupported, .transferEncodingNotSupported,
            .maxForwardsNotSupported:
            .notImplemented
        case .versionNotSupported: .versionNotSupported
        case .expectationNotSupported: .expectationFailed
        case .chunkTooLarge: .contentTooLarge
        default: .badRequest
        }
    }

    fileprivate var code: StaticString {
        switch self {
        case .bareLineFeed: "bare_line_feed"
        case .bareCarriageReturn: "bare_carriage_return"
        case .requestLineTooLong: "request_line_too_long"
        case .fieldLineTooLong: "field_line_too_long"
        case .headTooLarge: "head_too_large"
        case .invalidRequestLine: "invalid_request_line"
        case .invalidMethod: "invalid_method"
        case .methodNotSupported: "method_not_supported"
        case .connectNotSupported: "connect_not_supported"
        case .traceNotSupported: "trace_not_supported"
        case .invalidVersion: "invalid_version"
        case .versionNotSupported: "version_not_supported"
        case .invalidStatusLine: "invalid_status_line"
        case .invalidStatus: "invalid_status"
        case .target(let reason): reason.code
        case .invalidFieldName: "invalid_field_name"
        case .whitespaceBeforeColon: "whitespace_before_colon"
        case .obsoleteFold: "obsolete_fold"
        case .invalidFieldValue: "invalid_field_value"
        case .tooManyFields: "too_many_fields"
        case .invalidConnection: "invalid_connection"
        case .connectionNamesField: "connection_names_field"
        case .expectationNotSupported: "expectation_not_supported"
        case .upgradeNotSupported: "upgrade_not_supported"
        case .invalidWebSocket: "invalid_websocket"
        case .maxForwardsNotSupported: "max_forwards_not_supported"
        case .invalidContentLength: "invalid_content_length"
        case .repeatedContentLength: "repeated_content_length"
        case .contentLengthWithTransferEncoding: "content_length_with_transfer_encoding"
        case .invalidTransferEncoding: "invalid_transfer_encoding"
        case .transferEncodingNotSupported: "transfer_encoding_not_supported"
        case .transferEncodingInHTTP10: "transfer_encoding_in_http10"
        case .invalidChunkSize: "invalid_chunk_size"
        case .chunkTooLarge: "chunk_too_large"
        case .invalidChunkExtension: "invalid_chunk_extension"
        case .chunkExtensionTooLong: "chunk_extension_too_long"
        case .invalidChunkEnd: "invalid_chunk_end"
        case .chunkOverhead: "chunk_overhead"
        case .trailersTooLarge: "trailers_too_large"
        case .forbiddenTrailer: "forbidden_trailer"
        case .bodyTooLong: "body_too_long"
        case .bodyTooShort: "body_too_short"
        case .invalidResponse: "invalid_response"
        case .protocolViolation: "protocol_violation"
        case .closedInHead: "closed_in_head"
        case .closedInBody: "closed_in_body"
        case .closedBeforeResponse: "closed_before_response"
        case .strayBytes: "stray_bytes"
        case .tooManyInterim: "too_many_interim_responses"
        case .framedInterim: "framed_interim_response"
        case .unexpectedSwitch: "unexpected_switch"
        }
    }
}
