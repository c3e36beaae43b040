// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// What a call on a session came to.
package enum TLSOutcome: Equatable, Sendable {
    /// The handshake is over and data may flow in both directions.
    case done
    /// The handshake waits for more from the peer.
    case handshaking
    /// Nothing more will come. `cleanly`: the peer said so (close_notify), so nothing was cut off.
    case closed(cleanly: Bool)
    /// The session is dead. Send what is in `output` (an alert, as a rule), then close the transport.
    case failed(TLSFailure)
}

/// Why a session died. No text from the peer is in it.
package enum TLSFailure: Error, Equatable, Sendable {
    /// The peer gave up with this alert (RFC 8446 §6.2).
    case alert(UInt8)
    /// The peer's certificate is refused; OpenSSL's X509_V_ERR code says why.
    case untrusted(Int32)
    /// The server's certificate is for other names.
    case wrongName
    /// A client certificate is required and none came.
    case certificateMissing
    /// No common version, cipher suite, group, signature algorithm or application protocol.
    case noAgreement
    /// The bytes are no TLS record, such as plain HTTP.
    case notTLS
    /// The name that was to be verified is neither a host name nor an address.
    case invalidName
    /// Anything else, as the reason code of OpenSSL's SSL library: malformed or corrupted messages, for example.
    case other(Int32)

    /// A short name for a metric label.
    package var label: StaticString {
        switch self {
        case .alert: "alert"
        case .untrusted: "untrusted"
        case .wrongName: "wrong_name"
        case .certificateMissing: "certificate_missing"
        case .noAgreement: "no_agreement"
        case .notTLS: "not_tls"
        case .invalidName: "invalid_name"
        case .other: "protocol"
        }
    }

    /// From the first entry of this thread's error queue, which is emptied, and the session's verdict.
    static func take(from ssl: OpaquePointer) -> TLSFailure {
        let code = ERR_get_error()
        ERR_clear_error()
        let reason = ERR_GET_REASON(code)
        if reason >= SSL_AD_REASON_OFFSET, let alert = UInt8(exactly: reason - SSL_AD_REASON_OFFSET) {
            return .alert(alert)
        }
        switch reason {
        case SSL_R_CERTIFICATE_VERIFY_FAILED:
            let verdict = Int32(truncatingIfNeeded: unsafe SSL_get_verify_result(ssl))
            return switch verdict {
            case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: .wrongName
            default: .untrusted(verdict)
            }
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return .certificateMissing
        case SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SHARED_GROUPS, SSL_R_NO_SUITABLE_KEY_SHARE,
            SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM,
            SSL_R_NO_APPLICATION_PROTOCOL, SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW:
            return .noAgreement
        case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST, SSL_R_WRONG_VERSION_NUMBER: return .notTLS
        default: return .other(reason)
        }
    }
}

extension TLSFailure: CustomStringConvertible {
    /// For logs. Cost: allocates.
    package var description: String {
        switch self {
        case .alert(let code): "the peer refused with alert \(code)"
        case .untrusted(let code):
            // Safe because the library returns static text for every code.
            "the peer's certificate is refused: \(unsafe String(cString: X509_verify_cert_error_string(Int(code))))"
        case .wrongName: "the server's certificate is for other names"
        case .certificateMissing: "the client showed no certificate"
        case .noAgreement: "no common version, cipher suite or protocol"
        case .notTLS: "the peer does not speak TLS"
        case .invalidName: "the name to verify is neither a host name nor an address"
        case .other(let reason): "protocol error (OpenSSL reason \(reason))"
        }
    }
}

/// What is wrong with a file or setting, for the person who wrote it.
package struct TLSConfigurationError: Error, Equatable, CustomStringConvertible {
    /// The name that the caller gave for the content, such as a path.
    package let file: String
    package let problem: String

    package var description: String { "\(file): \(problem)" }

    /// With the library's own word for the latest error, when it has one; empties this thread's error queue.
    static func fromLibrary(_ file: String, _ problem: String) -> TLSConfigurationError {
        let code = ERR_peek_last_error()
        ERR_clear_error()
        // Safe because the library returns static text or nil.
        guard code != 0, let text = unsafe ERR_reason_error_string(code) else {
            return TLSConfigurationError(file: file, problem: problem)
        }
        return TLSConfigurationError(file: file, problem: "\(problem) (\(unsafe String(cString: text)))")
    }
}
