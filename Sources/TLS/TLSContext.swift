// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import COpenSSL
package import Crypto

package enum TLSVersion: Equatable, Sendable {
    case v12, v13

    var code: Int32 {
        switch self {
        case .v12: TLS1_2_VERSION
        case .v13: TLS1_3_VERSION
        }
    }
}

package struct TLSServerOptions: Sendable {
    package enum ClientCertificates: UInt8, Sendable { case none, optional, required }

    /// Tickets of one listener are of no use at another.
    package var listener: String
    /// At least one; the first answers clients that name no server, or one that nobody here is. Several for one
    /// name are chosen by the client's signature algorithms.
    package var certificates: [TLSCertificate]
    package var clientCertificates = ClientCertificates.none
    /// Whom client certificates must come from; needed unless they are `none`.
    package var clientTrust: TLSTrust?
    package var minimumVersion = TLSVersion.v12
    /// ALPN names in order of preference; 1 to 255 bytes each. Empty: the extension is ignored.
    package var applicationProtocols = ["http/1.1"]
    /// Newest first: the first seals tickets, all of them open. Empty: one is made, for this context's life.
    package var ticketSecrets: [Secret] = []

    package init(listener: String, certificates: [TLSCertificate]) {
        self.listener = listener
        self.certificates = certificates
    }
}

package struct TLSClientOptions: Sendable {
    package var trust: TLSTrust
    /// What to show when the server asks.
    package var certificate: TLSCertificate?
    package var minimumVersion = TLSVersion.v12
    /// Nil: the newest. For a server that mishandles a version.
    package var maximumVersion: TLSVersion?
    package var applicationProtocols = ["http/1.1"]

    package init(trust: TLSTrust) { self.trust = trust }
}

/// The settings of one listener, or of one TLS identity towards upstreams. Immutable but for its ticket keys and
/// its store of resumable sessions, which lock for themselves; shared by all threads.
/// Cost: to make, about half a millisecond; at start and reload only.
///
/// Both sides: TLS 1.2 with ECDHE and an AEAD only, or 1.3; X25519, P-256, P-384; no renegotiation, compression,
/// early data or SHA-1; OpenSSL's security level 2 (RSA from 2048 bits).
@safe
package final class TLSContext: Sendable {
    nonisolated(unsafe) let raw: OpaquePointer
    private nonisolated(unsafe) let callbacks: UnsafeMutablePointer<ServerCallbacks>?
    private let tickets: TicketKeys?
    let sessions: SessionCache?

    /// How long a session may be resumed.
    private static let sessionSeconds = 3600
    /// Certificates between a peer's own and its authority.
    private static let verifyDepth: Int32 = 8

    /// - Throws: for a certificate that OpenSSL finds too weak, `clientCertificates` without trust, or a bad ALPN name.
    package init(server options: TLSServerOptions) throws(TLSConfigurationError) {
        guard let first = options.certificates.first else {
            throw TLSConfigurationError(file: options.listener, problem: "has no certificate")
        }
        if options.clientCertificates != .none, options.clientTrust == nil {
            throw TLSConfigurationError(
                file: options.listener,
                problem: "asks for client certificates of nobody: name a client CA"
            )
        }
        let protocols = try Self.wireForm(options.applicationProtocols, for: options.listener)
        let binding = Self.binding(of: options)
        let tickets = TicketKeys(secrets: options.ticketSecrets, salt: binding)
        let raw = unsafe Self.make(TLS_server_method(), options.minimumVersion)
        let callbacks = UnsafeMutablePointer<ServerCallbacks>.allocate(capacity: 1)
        unsafe callbacks.initialize(
            to: ServerCallbacks(certificates: options.certificates, protocols: protocols, tickets: tickets)
        )
        // From here on deinit frees both, also when a check below throws.
        unsafe self.raw = raw
        unsafe self.callbacks = callbacks
        self.tickets = tickets
        sessions = nil

        // Safe because all pointers are to objects of this context, which its sessions keep alive.
        unsafe SSL_CTX_set_ex_data(raw, 0, callbacks)
        try unsafe Self.use(first, in: raw)
        for certificate in options.certificates.dropFirst() { try unsafe Self.probe(certificate, in: raw) }
        unsafe SSL_CTX_set_cert_cb(raw, chooseCertificate, nil)
        unsafe bulkhead_ctx_on_server_name(raw, acceptServerName)
        if !protocols.isEmpty { unsafe SSL_CTX_set_alpn_select_cb(raw, chooseProtocol, nil) }
        // Sessions live in tickets alone; nothing is kept here, and nothing is shared between listeners.
        unsafe bulkhead_ctx_set_session_cache(raw, Int(SSL_SESS_CACHE_OFF))
        unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(raw, readyTicket)
        unsafe SSL_CTX_set_session_ticket_cb(raw, sealAuthorities, judgeTicket, nil)
        // None of itself: each session asks for one when it first has something to say (`TLSSession.send`).
        unsafe SSL_CTX_set_num_tickets(raw, 0)
        unsafe bulkhead_ctx_set_mode(raw, Int(SSL_MODE_RELEASE_BUFFERS))
        let bound = unsafe binding.bytes.withUnsafeBufferPointer {
            unsafe SSL_CTX_set_session_id_context(raw, $0.baseAddress, UInt32($0.count))
        }
        precondition(bound == 1, "a digest fits a session id context")
        if let trust = options.clientTrust, options.clientCertificates != .none {
            unsafe Self.verifyClients(raw, trust, isRequired: options.clientCertificates == .required)
        }
    }

    /// The server's certificate is always verified, for the name that each session is made with.
    package init(client options: TLSClientOptions) throws(TLSConfigurationError) {
        let protocols = try Self.wireForm(options.applicationProtocols, for: "application protocols")
        let raw = unsafe Self.make(TLS_client_method(), options.minimumVersion)
        unsafe self.raw = raw
        unsafe callbacks = nil
        tickets = nil
        sessions = SessionCache()

        if let maximum = options.maximumVersion { unsafe bulkhead_ctx_set_maximum(raw, maximum.code) }
        unsafe SSL_CTX_set1_cert_store(raw, options.trust.store)
        unsafe SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nil)
        if let certificate = options.certificate { try unsafe Self.use(certificate, in: raw) }
        if !protocols.isEmpty {
            // Safe because the list is copied. This call answers 0 for success.
            let failed = unsafe protocols.withUnsafeBufferPointer {
                unsafe SSL_CTX_set_alpn_protos(raw, $0.baseAddress, UInt32($0.count))
            }
            precondition(failed == 0, "the list was made in wire form")
        }
        unsafe bulkhead_ctx_set_session_cache(
            raw,
            Int(SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE)
        )
        unsafe SSL_CTX_sess_set_new_cb(raw, keepOfferedSession)
    }

    deinit {
        // Safe because every session keeps this object, so no callback can run any more.
        unsafe SSL_CTX_free(raw)
        if let callbacks = unsafe callbacks {
            unsafe callbacks.pointee.protocols.deallocate()
            unsafe callbacks.deinitialize(count: 1)
            unsafe callbacks.deallocate()
        }
    }

    package var isServer: Bool { tickets != nil }

    /// Rotates the ticket keys, newest first: old tickets open as long as their secret is in the list.
    /// From any thread; of no effect on a client's context.
    package func setTicketSecrets(_ secrets: [Secret]) {
        precondition(!secrets.isEmpty, "tickets need at least one secret")
        tickets?.replace(secrets: secrets)
    }

    /// A digest of everything that decides whom this listener lets in.
    private static func binding(of options: TLSServerOptions) -> Digest {
        var hasher = SHA256Hasher()
        hasher.update(prefixed: Array("bulkhead tls listener v1".utf8).span)
        hasher.update(prefixed: Array(options.listener.utf8).span)
        hasher.update(UInt64(options.clientCertificates.rawValue))
        hasher.update(UInt64(options.minimumVersion == .v13 ? 13 : 12))
        if let trust = options.clientTrust { hasher.update(prefixed: trust.fingerprint.bytes) }
        return hasher.finish()
    }

    private static func wireForm(_ names: [String], for file: String) throws(TLSConfigurationError) -> [UInt8]
    {
        var list: [UInt8] = []
        for name in names {
            guard let count = UInt8(exactly: name.utf8.count), count > 0 else {
                throw TLSConfigurationError(file: file, problem: "an ALPN name has 1 to 255 bytes")
            }
            list.append(count)
            list.append(contentsOf: name.utf8)
        }
        return list
    }
}

extension TLSContext {
    /// A context with what servers and clients have in common.
    private static func make(_ method: OpaquePointer?, _ minimum: TLSVersion) -> OpaquePointer {
        guard let raw = unsafe SSL_CTX_new(method) else { preconditionFailure("OpenSSL has no TLS") }
        unsafe SSL_CTX_set_security_level(raw, 2)
        unsafe SSL_CTX_set_options(raw, bulkhead_tls_options())
        // NO_AUTO_CHAIN: a server's chain is what its file says, never completed from the authorities that it trusts
        // for its clients.
        unsafe bulkhead_ctx_set_mode(raw, Int(SSL_MODE_NO_AUTO_CHAIN))
        unsafe SSL_CTX_set_verify_depth(raw, verifyDepth)
        unsafe SSL_CTX_set_timeout(raw, sessionSeconds)
        let isReady =
            unsafe bulkhead_ctx_set_minimum(raw, minimum.code) == 1
            && SSL_CTX_set_cipher_list(
                raw,
                "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
                    + "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
            ) == 1
            && SSL_CTX_set_ciphersuites(
                raw,
                "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
            ) == 1
            && bulkhead_ctx_set_groups(raw, "X25519:P-256:P-384") == 1
            && bulkhead_ctx_set_sigalgs(
                raw,
                "ed25519:ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"
                    + "RSA+SHA256:RSA+SHA384:RSA+SHA512"
            ) == 1
        precondition(isReady, "this OpenSSL lacks a required algorithm")
        return unsafe raw
    }

    private static func use(
        _ certificate: TLSCertificate,
        in raw: OpaquePointer
    ) throws(TLSConfigurationError) {
        ERR_clear_error()
        // Safe because the context takes references of its own.
        guard
            unsafe SSL_CTX_use_cert_and_key(raw, certificate.leaf, certificate.key, certificate.chain, 1) == 1
        else { throw .fromLibrary(certificate.file, "cannot be used") }
    }

    /// Whether OpenSSL would take the certificate in a handshake: better said now than to a client.
    private static func probe(
        _ certificate: TLSCertificate,
        in raw: OpaquePointer
    ) throws(TLSConfigurationError) {
        ERR_clear_error()
        guard let session = unsafe SSL_new(raw) else { preconditionFailure("out of memory") }
        // Safe because the session is ours.
        defer { unsafe SSL_free(session) }
        unsafe SSL_certs_clear(session)
        guard
            unsafe SSL_use_cert_and_key(session, certificate.leaf, certificate.key, certificate.chain, 1) == 1
        else { throw .fromLibrary(certificate.file, "cannot be used") }
    }

    private static func verifyClients(_ raw: OpaquePointer, _ trust: TLSTrust, isRequired: Bool) {
        // Safe because the context takes references and copies of its own.
        unsafe SSL_CTX_set1_cert_store(raw, trust.store)
        for index in unsafe trust.authorities.indices {
            _ = unsafe SSL_CTX_add_client_CA(raw, trust.authorities[index])
        }
        let required = isRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0
        unsafe SSL_CTX_set_verify(raw, SSL_VERIFY_PEER | required, nil)
    }
}
