// SPDX-License-Identifier: Apache-2.0
internal import HTTPTypes

/// What an adapter knows of standard headers without a table.
extension KnownField {
    /// Written afresh by the engine: framing, hop by hop (RFC 9110 §7.6.1), the authority.
    var isEngines: Bool {
        switch self {
        case .host, .contentLength, .transferEncoding, .connection, .keepAlive, .proxyConnection, .te,
            .trailer,
            .upgrade, .expect, .http2Settings, .proxyAuthorization, .proxyAuthenticate:
            true
        default: false
        }
    }

    var isWebSockets: Bool {
        switch self {
        case .secWebSocketKey, .secWebSocketAccept, .secWebSocketVersion, .secWebSocketProtocol,
            .secWebSocketExtensions:
            true
        default: false
        }
    }

    /// Says nothing of who asks, and steers nothing but the representation asked for or sent.
    var isHarmlessInRequest: Bool {
        switch self {
        case .accept, .acceptEncoding, .acceptLanguage, .contentType, .contentEncoding, .contentLanguage,
            .contentMD5, .contentRange, .range, .userAgent, .ifMatch, .ifNoneMatch, .ifModifiedSince,
            .ifUnmodifiedSince, .ifRange, .cacheControl:
            true
        default: false
        }
    }

    /// Says nothing of anybody else, and names no place.
    var isHarmlessInResponse: Bool {
        switch self {
        case .acceptRanges, .age, .allow, .cacheControl, .contentEncoding, .contentLanguage, .contentMD5,
            .contentRange, .contentType, .date, .etag, .expires, .lastModified, .retryAfter, .server, .vary:
            true
        default: false
        }
    }

    /// Would have the store send an answer that cannot be read: coded, or a piece.
    var selectsRepresentation: Bool {
        switch self {
        case .acceptEncoding, .range, .ifRange: true
        default: false
        }
    }

    /// Describes bytes that are going to be rewritten.
    var describesCoding: Bool {
        switch self {
        case .contentEncoding, .contentMD5, .contentRange, .acceptRanges: true
        default: false
        }
    }
}
