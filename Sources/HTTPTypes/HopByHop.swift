// SPDX-License-Identifier: Apache-2.0
import Bytes

extension KnownFieldSet {
    /// What belongs to one hop and is never copied to the next (RFC 9110 §7.6.1); the encoders write what the next hop
    /// needs. Expect is among them: Bulkhead answers it itself. Fields that a Connection field names besides have
    /// left the head when it was parsed.
    package static let hopByHop: KnownFieldSet = [
        .connection, .keepAlive, .proxyConnection, .te, .transferEncoding, .upgrade, .expect,
        .proxyAuthorization,
        .proxyAuthenticate, .http2Settings,
    ]

    /// Refused as trailers: they frame, route, authenticate or describe content, and a reader that merged one into
    /// the head would see another message (RFC 9110 §6.5.1).
    package static let forbiddenInTrailers = hopByHop.union([
        .host, .contentLength, .trailer, .authorization, .wwwAuthenticate, .cookie, .setCookie, .xAPIKey,
        .apiKey,
        .contentType, .contentEncoding, .contentRange, .contentLocation, .cacheControl, .range, .location,
        .baggage,
        .traceparent, .tracestate, .forwarded, .xForwardedFor, .xForwardedHost, .xForwardedProto,
        .xForwardedPort,
        .xForwardedPrefix, .xForwardedServer, .xForwardedURI, .xForwardedMethod, .xOriginalURL, .xRewriteURL,
        .xRealIP, .xHTTPMethodOverride, .agentcoreSessionID, .agentcoreUserID, .workloadAccessToken,
        .xAmzSecurityToken,
    ])
}

extension KnownField {
    /// Whether the field belongs to one hop: see `KnownFieldSet.hopByHop`.
    package var isHopByHop: Bool { KnownFieldSet.hopByHop.contains(self) }
}

extension Span<UInt8> {
    /// The number that a Content-Length says: digits without a leading zero, below 2^63; nil for everything else.
    package var contentLength: Int? {
        guard !isEmpty, count <= 19, count == 1 || self[0] != UInt8(ascii: "0") else { return nil }
        var value = 0
        for index in indices {
            guard ASCII.isDigit(self[index]) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(self[index] - 0x30))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return value
    }
}

extension Fields {
    /// `TE: trailers` (RFC 9110 §10.1.4).
    package var acceptsTrailers: Bool {
        guard let index = first(.te) else { return false }
        let value = value(at: index)
        var start = 0
        while start < value.count {
            let end = value.firstIndex(of: ASCII.comma, from: start) ?? value.count
            if value.extracting(start..<end).trimmingOWS().equalsIgnoringCase("trailers") { return true }
            start = end + 1
        }
        return false
    }
}
