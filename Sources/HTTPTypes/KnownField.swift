// SPDX-License-Identifier: Apache-2.0

/// The field names that something in Bulkhead asks for, resolved once where a head is parsed.
/// A name that is not here is `.other` and is found by its bytes.
package enum KnownField: UInt8, Sendable, CaseIterable {
    case other
    case host, contentLength, transferEncoding, connection, keepAlive, proxyConnection, te, trailer
    case upgrade, expect, authorization, proxyAuthorization, proxyAuthenticate, wwwAuthenticate, xAPIKey
    case apiKey, cookie, setCookie, baggage, traceparent, tracestate, b3, contentType, contentEncoding
    case contentRange, contentLocation, contentMD5, contentLanguage, accept, acceptEncoding
    case acceptLanguage, acceptRanges, range, date, server, userAgent, location, etag, lastModified, vary
    case cacheControl, expires, age, retryAfter, allow, link, ifMatch, ifNoneMatch, ifModifiedSince
    case ifUnmodifiedSince, ifRange, origin, referer, via, forwarded, xForwardedFor, xForwardedHost
    case xForwardedProto, xForwardedPort, xForwardedPrefix, xForwardedServer, xForwardedURI
    case xForwardedMethod, xOriginalURL, xRewriteURL, xRealIP, xHTTPMethodOverride, xRequestID
    case secWebSocketKey, secWebSocketAccept, secWebSocketVersion, secWebSocketProtocol
    case secWebSocketExtensions, xAmzDate, xAmzSecurityToken, xAmzContentSha256, xAmzTarget
    case xAmzCopySource, xAmznTraceID, xAmznRequestID, agentcoreSessionID, agentcoreUserID
    case agentcoreRequestID, workloadAccessToken, oauth2CallbackURL, mcpSessionID, mcpProtocolVersion
    case xChromaToken, http2Settings

    /// In lower case; empty for `.other`.
    package var name: StaticString {
        switch self {
        case .other: ""
        case .host: "host"
        case .contentLength: "content-length"
        case .transferEncoding: "transfer-encoding"
        case .connection: "connection"
        case .keepAlive: "keep-alive"
        case .proxyConnection: "proxy-connection"
        case .te: "te"
        case .trailer: "trailer"
        case .upgrade: "upgrade"
        case .expect: "expect"
        case .authorization: "authorization"
        case .proxyAuthorization: "proxy-authorization"
        case .proxyAuthenticate: "proxy-authenticate"
        case .wwwAuthenticate: "www-authenticate"
        case .xAPIKey: "x-api-key"
        case .apiKey: "api-key"
        case .cookie: "cookie"
        case .setCookie: "set-cookie"
        case .baggage: "baggage"
        case .traceparent: "traceparent"
        case .tracestate: "tracestate"
        case .b3: "b3"
        case .contentType: "content-type"
        case .contentEncoding: "content-encoding"
        case .contentRange: "content-range"
        case .contentLocation: "content-location"
        case .contentMD5: "content-md5"
        case .contentLanguage: "content-language"
        case .accept: "accept"
        case .acceptEncoding: "accept-encoding"
        case .acceptLanguage: "accept-language"
        case .acceptRanges: "accept-ranges"
        case .range: "range"
        case .date: "date"
        case .server: "server"
        case .userAgent: "user-agent"
        case .location: "location"
        case .etag: "etag"
        case .lastModified: "last-modified"
        case .vary: "vary"
        case .cacheControl: "cache-control"
        case .expires: "expires"
        case .age: "age"
        case .retryAfter: "retry-after"
        case .allow: "allow"
        case .link: "link"
        case .ifMatch: "if-match"
        case .ifNoneMatch: "if-none-match"
        case .ifModifiedSince: "if-modified-since"
        case .ifUnmodifiedSince: "if-unmodified-since"
        case .ifRange: "if-range"
        case .origin: "origin"
        case .referer: "referer"
        case .via: "via"
        case .forwarded: "forwarded"
        case .xForwardedFor: "x-forwarded-for"
        case .xForwardedHost: "x-forwarded-host"
        case .xForwardedProto: "x-forwarded-proto"
        case .xForwardedPort: "x-forwarded-port"
        case .xForwardedPrefix: "x-forwarded-prefix"
        case .xForwardedServer: "x-forwarded-server"
        case .xForwardedURI: "x-forwarded-uri"
        case .xForwardedMethod: "x-forwarded-method"
        case .xOriginalURL: "x-original-url"
        case .xRewriteURL: "x-rewrite-url"
        case .xRealIP: "x-real-ip"
        case .xHTTPMethodOverride: "x-http-method-override"
        case .xRequestID: "x-request-id"
        case .secWebSocketKey: "sec-websocket-key"
        case .secWebSocketAccept: "sec-websocket-accept"
        case .secWebSocketVersion: "sec-websocket-version"
        case .secWebSocketProtocol: "sec-websocket-protocol"
        case .secWebSocketExtensions: "sec-websocket-extensions"
        case .xAmzDate: "x-amz-date"
        case .xAmzSecurityToken: "x-amz-security-token"
        case .xAmzContentSha256: "x-amz-content-sha256"
        case .xAmzTarget: "x-amz-target"
        case .xAmzCopySource: "x-amz-copy-source"
        case .xAmznTraceID: "x-amzn-trace-id"
        case .xAmznRequestID: "x-amzn-requestid"
        case .agentcoreSessionID: "x-amzn-bedrock-agentcore-runtime-session-id"
        case .agentcoreUserID: "x-amzn-bedrock-agentcore-runtime-user-id"
        case .agentcoreRequestID: "x-amzn-bedrock-agentcore-runtime-request-id"
        case .workloadAccessToken: "workloadaccesstoken"
        case .oauth2CallbackURL: "oauth2callbackurl"
        case .mcpSessionID: "mcp-session-id"
        case .mcpProtocolVersion: "mcp-protocol-version"
        case .xChromaToken: "x-chroma-token"
        case .http2Settings: "http2-settings"
        }
    }
}
