// SPDX-License-Identifier: Apache-2.0

/// A status code (RFC 9110 §15), 100...599.
package struct Status: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16

    /// Any number is taken; the response parser refuses those outside 100...599.
    package init(rawValue: UInt16) { self.rawValue = rawValue }
    package init(_ code: UInt16) { rawValue = code }

    package static let `continue` = Status(100)
    package static let switchingProtocols = Status(101)
    package static let ok = Status(200)
    package static let noContent = Status(204)
    package static let notModified = Status(304)
    package static let badRequest = Status(400)
    package static let unauthorized = Status(401)
    package static let forbidden = Status(403)
    package static let notFound = Status(404)
    package static let methodNotAllowed = Status(405)
    package static let requestTimeout = Status(408)
    package static let contentTooLarge = Status(413)
    package static let uriTooLong = Status(414)
    package static let expectationFailed = Status(417)
    package static let misdirectedRequest = Status(421)
    package static let tooManyRequests = Status(429)
    package static let fieldsTooLarge = Status(431)
    package static let internalServerError = Status(500)
    package static let notImplemented = Status(501)
    package static let badGateway = Status(502)
    package static let serviceUnavailable = Status(503)
    package static let gatewayTimeout = Status(504)
    package static let versionNotSupported = Status(505)

    package var isInformational: Bool { rawValue >= 100 && rawValue < 200 }
    package var isSuccessful: Bool { rawValue >= 200 && rawValue < 300 }

    /// False for 1xx, 204 and 304, which end with their head (RFC 9110 §6.4.1).
    package var allowsBody: Bool { !isInformational && rawValue != 204 && rawValue != 304 }

    /// The registered phrase, or an empty one.
    package var reason: StaticString {
        switch rawValue {
        case 100...199: informationalReason
        case 200...299: successfulReason
        case 300...399: redirectionReason
        case 400...499: clientErrorReason
        default: serverErrorReason
        }
    }

    private var informationalReason: StaticString {
        switch rawValue {
        case 100: "Continue"
        case 101: "Switching Protocols"
        case 102: "Processing"
        case 103: "Early Hints"
        default: ""
        }
    }

    private var successfulReason: StaticString {
        switch rawValue {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 203: "Non-Authoritative Information"
        case 204: "No Content"
        case 205: "Reset Content"
        case 206: "Partial Content"
        case 207: "Multi-Status"
        case 208: "Already Reported"
        case 226: "IM Used"
        default: ""
        }
    }

    private var redirectionReason: StaticString {
        switch rawValue {
        case 300: "Multiple Choices"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 305: "Use Proxy"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        default: ""
        }
    }

    private var clientErrorReason: StaticString {
        switch rawValue {
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 402: "Payment Required"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 407: "Proxy Authentication Required"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 416: "Range Not Satisfiable"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 422: "Unprocessable Content"
        case 423: "Locked"
        case 424: "Failed Dependency"
        case 425: "Too Early"
        case 426: "Upgrade Required"
        case 428: "Precondition Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 451: "Unavailable For Legal Reasons"
        default: ""
        }
    }

    private var serverErrorReason: StaticString {
        switch rawValue {
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        case 506: "Variant Also Negotiates"
        case 507: "Insufficient Storage"
        case 508: "Loop Detected"
        case 511: "Network Authentication Required"
        default: ""
        }
    }
}
