// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto
import JSON

/// Why no token came.
package enum OAuthFailure: Error, Hashable, Sendable {
    /// The server said no: the code is one of RFC 6749 §5.2 and RFC 8693 §2.2.2, or the status where it says none of them.
    case denied(StaticCode)
    case throttled
    /// No answer, or none that can be believed; why.
    case unavailable(StaticCode)

    /// A text of ours: nothing of what a server says goes into a log.
    package struct StaticCode: Hashable, Sendable, CustomStringConvertible {
        package let text: String
        package var description: String { text }
        package init(_ text: StaticString) { self.text = "\(text)" }
    }

    package var vendFailure: VendFailure {
        switch self {
        case .denied: .denied
        case .throttled: .throttled
        case .unavailable: .unavailable
        }
    }
}

/// A token as a server issued it.
package struct OAuthToken: Sendable {
    package let secret: Secret
    /// From when it was asked for; more than zero.
    package let lifetime: Interval
}

/// Reads the answers of token endpoints.
package enum OAuthResponse {
    /// Of an answer.
    package static let maximumBytes = 64 << 10
    /// Of a token: more fits into no head.
    package static let maximumTokenBytes = 8 << 10

    package struct Rules: Sendable {
        /// Of a token whose end is not told.
        package var defaultLifetime: Interval
        package var maximumLifetime: Interval
        /// It goes into `Authorization: Bearer`, so it must be meant for that.
        package var mustBeBearer: Bool

        package init(defaultLifetime: Interval, maximumLifetime: Interval, mustBeBearer: Bool) {
            self.defaultLifetime = defaultLifetime
            self.maximumLifetime = maximumLifetime
            self.mustBeBearer = mustBeBearer
        }
    }

    /// - Parameter contentType: as it was sent.
    /// - Throws: for everything that is no token in the form of RFC 6749 §5.1. A redirection is none.
    package static func read(
        _ body: Span<UInt8>,
        status: Int,
        contentType: Span<UInt8>,
        _ rules: Rules
    ) throws(OAuthFailure) -> OAuthToken {
        guard status == 200 else { throw failure(body, status) }
        guard isJSON(contentType) else { throw .unavailable(.init("the answer is not application/json")) }
        let object: JSONObject?
        do throws(JSONError) {
            object = try JSONValue.parse(body, maximumDepth: 16, maximumBytes: maximumBytes).object
        } catch {
            object = nil
        }
        guard let object else { throw .unavailable(.init("the answer is no JSON object")) }
        guard let token = object["access_token"]?.string else {
            throw .unavailable(.init("the answer has no access_token"))
        }
        guard isToken(token) else { throw .unavailable(.init("access_token is no token")) }
        try checkType(object, rules)
        return OAuthToken(
            secret: Secret(copying: token.utf8Span.span),
            lifetime: try lifetime(object["expires_in"], rules)
        )
    }

    private static func checkType(_ object: JSONObject, _ rules: Rules) throws(OAuthFailure) {
        guard let type = object["token_type"]?.string else {
            throw .unavailable(.init("the answer has no token_type"))
        }
        // `N_A` is what is no access token (RFC 8693 §2.2.1); any other type wants more than to be shown.
        if type.lowercased() == "bearer" || (type == "N_A" && !rules.mustBeBearer) { return }
        throw .unavailable(.init("token_type is not Bearer"))
    }

    private static func lifetime(_ value: JSONValue?, _ rules: Rules) throws(OAuthFailure) -> Interval {
        switch value {
        case nil: return min(rules.defaultLifetime, rules.maximumLifetime)
        case .integer(let seconds)? where seconds > 0:
            // Whatever is said beyond the longest is not believed.
            let most = rules.maximumLifetime.nanoseconds / 1_000_000_000
            return seconds >= most ? rules.maximumLifetime : .seconds(Int64(seconds))
        default: throw .unavailable(.init("expires_in is no whole number of seconds"))
        }
    }

    /// RFC 6749 §A.12: visible ASCII. A space would end it in a header.
    private static func isToken(_ text: String) -> Bool {
        (1...maximumTokenBytes).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }

    private static func isJSON(_ contentType: Span<UInt8>) -> Bool {
        let end = contentType.firstIndex(of: UInt8(ascii: ";")) ?? contentType.count
        return contentType.extracting(0..<end).trimmingOWS().equalsIgnoringCase("application/json")
    }

    private static func failure(_ body: Span<UInt8>, _ status: Int) -> OAuthFailure {
        switch status {
        case 429: return .throttled
        case 300..<400: return .unavailable(.init("it redirects, which is not followed"))
        case 400, 401, 403: return denial(body)
        default: return .unavailable(.init("its status is no answer to a request for a token"))
        }
    }

    private static func denial(_ body: Span<UInt8>) -> OAuthFailure {
        let object = try? JSONValue.parse(body, maximumDepth: 16, maximumBytes: maximumBytes).object
        return switch object?["error"]?.string {
        case "invalid_client": .denied(.init("invalid_client"))
        case "invalid_grant": .denied(.init("invalid_grant"))
        case "invalid_scope": .denied(.init("invalid_scope"))
        case "invalid_target": .denied(.init("invalid_target"))
        case "invalid_request": .denied(.init("invalid_request"))
        case "unauthorized_client": .denied(.init("unauthorized_client"))
        case "unsupported_grant_type": .denied(.init("unsupported_grant_type"))
        case "access_denied": .denied(.init("access_denied"))
        case "slow_down": .throttled
        case "temporarily_unavailable", "server_error": .unavailable(.init("temporarily_unavailable"))
        default: .denied(.init("no known reason"))
        }
    }
}
