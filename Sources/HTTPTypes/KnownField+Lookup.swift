// SPDX-License-Identifier: Apache-2.0
import Bytes

extension KnownField {
    /// The known field of that name, in any case, or `.other`.
    /// Cost: two switches (the length, then one byte that tells the candidates of that length apart) and one
    /// comparison; a few nanoseconds.
    package init(_ name: borrowing Span<UInt8>) {
        let candidate: KnownField =
            switch name.count {
            case 2...9: Self.short(name)
            case 10...14: Self.medium(name)
            case 15...19: Self.long(name)
            default: Self.longest(name)
            }
        self = name.equalsIgnoringCase(candidate.name) ? candidate : .other
    }

    private static func short(_ name: borrowing Span<UInt8>) -> KnownField {
        switch name.count {
        case 2:
            switch ASCII.lowercased(name[0]) {
            case UInt8(ascii: "b"): return .b3
            case UInt8(ascii: "t"): return .te
            default: return .other
            }
        case 3:
            switch ASCII.lowercased(name[0]) {
            case UInt8(ascii: "a"): return .age
            case UInt8(ascii: "v"): return .via
            default: return .other
            }
        case 4:
            switch ASCII.lowercased(name[0]) {
            case UInt8(ascii: "d"): return .date
            case UInt8(ascii: "e"): return .etag
            case UInt8(ascii: "h"): return .host
            case UInt8(ascii: "l"): return .link
            case UInt8(ascii: "v"): return .vary
            default: return .other
            }
        case 5:
            switch ASCII.lowercased(name[0]) {
            case UInt8(ascii: "a"): return .allow
            case UInt8(ascii: "r"): return .range
            default: return .other
            }
        case 6:
            switch ASCII.lowercased(name[0]) {
            case UInt8(ascii: "a"): return .accept
            case UInt8(ascii: "c"): return .cookie
            case UInt8(ascii: "e"): return .expect
            case UInt8(ascii: "o"): return .origin
            case UInt8(ascii: "s"): return .server
            default: return .other
            }
        case 7:
            switch ASCII.lowercased(name[0]) {
            case UInt8(ascii: "a"): return .apiKey
            case UInt8(ascii: "b"): return .baggage
            case UInt8(ascii: "e"): return .expires
            case UInt8(ascii: "r"): return .referer
            case UInt8(ascii: "t"): return .trailer
            case UInt8(ascii: "u"): return .upgrade
            default: return .other
            }
        case 8:
            switch ASCII.lowercased(name[3]) {
            case UInt8(ascii: "a"): return .location
            case UInt8(ascii: "m"): return .ifMatch
            case UInt8(ascii: "r"): return .ifRange
            default: return .other
            }
        case 9:
            switch ASCII.lowercased(name[3]) {
            case UInt8(ascii: "e"): return .xRealIP
            case UInt8(ascii: "p"): return .xAPIKey
            case UInt8(ascii: "w"): return .forwarded
            default: return .other
            }
        default: return .other
        }
    }

    private static func medium(_ name: borrowing Span<UInt8>) -> KnownField {
        switch name.count {
        case 10:
            switch ASCII.lowercased(name[0]) {
            case UInt8(ascii: "c"): return .connection
            case UInt8(ascii: "k"): return .keepAlive
            case UInt8(ascii: "s"): return .setCookie
            case UInt8(ascii: "t"): return .tracestate
            case UInt8(ascii: "u"): return .userAgent
            case UInt8(ascii: "x"): return .xAmzDate
            default: return .other
            }
        case 11:
            switch ASCII.lowercased(name[0]) {
            case UInt8(ascii: "c"): return .contentMD5
            case UInt8(ascii: "r"): return .retryAfter
            case UInt8(ascii: "t"): return .traceparent
            default: return .other
            }
        case 12:
            switch ASCII.lowercased(name[2]) {
            case UInt8(ascii: "a"): return .xAmzTarget
            case UInt8(ascii: "n"): return .contentType
            case UInt8(ascii: "r"): return .xRequestID
            default: return .other
            }
        case 13:
            switch ASCII.lowercased(name[1]) {
            case UInt8(ascii: "-"): return .xRewriteURL
            case UInt8(ascii: "a"):
                switch ASCII.lowercased(name[0]) {
                case UInt8(ascii: "c"): return .cacheControl
                case UInt8(ascii: "l"): return .lastModified
                default: return .other
                }
            case UInt8(ascii: "c"): return .acceptRanges
            case UInt8(ascii: "f"): return .ifNoneMatch
            case UInt8(ascii: "o"): return .contentRange
            case UInt8(ascii: "u"): return .authorization
            default: return .other
            }
        case 14:
            switch ASCII.lowercased(name[2]) {
            case UInt8(ascii: "c"): return .xChromaToken
            case UInt8(ascii: "n"): return .contentLength
            case UInt8(ascii: "o"): return .xOriginalURL
            case UInt8(ascii: "p"): return .mcpSessionID
            case UInt8(ascii: "t"): return .http2Settings
            default: return .other
            }
        default: return .other
        }
    }

    private static func long(_ name: borrowing Span<UInt8>) -> KnownField {
        switch name.count {
        case 15:
            switch ASCII.lowercased(name[12]) {
            case UInt8(ascii: "-"): return .xAmznTraceID
            case UInt8(ascii: "a"): return .acceptLanguage
            case UInt8(ascii: "f"): return .xForwardedFor
            case UInt8(ascii: "i"): return .acceptEncoding
            case UInt8(ascii: "u"): return .xForwardedURI
            default: return .other
            }
        case 16:
            switch ASCII.lowercased(name[11]) {
            case UInt8(ascii: "-"):
                switch ASCII.lowercased(name[12]) {
                case UInt8(ascii: "h"): return .xForwardedHost
                case UInt8(ascii: "p"): return .xForwardedPort
                default: return .other
                }
            case UInt8(ascii: "a"): return .contentLocation
            case UInt8(ascii: "c"): return .proxyConnection
            case UInt8(ascii: "e"): return .xAmznRequestID
            case UInt8(ascii: "g"): return .contentLanguage
            case UInt8(ascii: "i"): return .wwwAuthenticate
            case UInt8(ascii: "o"): return .contentEncoding
            default: return .other
            }
        case 17:
            switch ASCII.lowercased(name[4]) {
            case UInt8(ascii: "h"): return .oauth2CallbackURL
            case UInt8(ascii: "o"): return .ifModifiedSince
            case UInt8(ascii: "r"): return .xForwardedProto
            case UInt8(ascii: "s"): return .transferEncoding
            case UInt8(ascii: "w"): return .secWebSocketKey
            case UInt8(ascii: "z"): return .xAmzCopySource
            default: return .other
            }
        case 18:
            switch ASCII.lowercased(name[12]) {
            case UInt8(ascii: "m"): return .xForwardedMethod
            case UInt8(ascii: "p"): return .xForwardedPrefix
            case UInt8(ascii: "s"): return .xForwardedServer
            case UInt8(ascii: "t"): return .proxyAuthenticate
            default: return .other
            }
        case 19:
            switch ASCII.lowercased(name[0]) {
            case UInt8(ascii: "i"): return .ifUnmodifiedSince
            case UInt8(ascii: "p"): return .proxyAuthorization
            case UInt8(ascii: "w"): return .workloadAccessToken
            default: return .other
            }
        default: return .other
        }
    }

    private static func longest(_ name: borrowing Span<UInt8>) -> KnownField {
        switch name.count {
        case 20:
            switch ASCII.lowercased(name[6]) {
            case UInt8(ascii: "b"): return .secWebSocketAccept
            case UInt8(ascii: "c"): return .xAmzContentSha256
            case UInt8(ascii: "o"): return .mcpProtocolVersion
            case UInt8(ascii: "s"): return .xAmzSecurityToken
            default: return .other
            }
        case 21: return .secWebSocketVersion
        case 22:
            switch ASCII.lowercased(name[0]) {
            case UInt8(ascii: "s"): return .secWebSocketProtocol
            case UInt8(ascii: "x"): return .xHTTPMethodOverride
            default: return .other
            }
        case 24: return .secWebSocketExtensions
        case 40: return .agentcoreUserID
        case 43:
            switch ASCII.lowercased(name[33]) {
            case UInt8(ascii: "r"): return .agentcoreRequestID
            case UInt8(ascii: "s"): return .agentcoreSessionID
            default: return .other
            }
        default: return .other
        }
    }
}
