// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import COpenSSL

/// One TLS connection over the caller's byte queues; no socket, no cipher text kept here.
///
/// Server: make it, then `receive` whatever arrives and send whatever is in `output` after each call.
/// Client: make it, `start`, send `output`, then the same. After `receive` has said `.done` once, `send` works.
/// To end: `close`, send `output`. After `.failed` send `output` too: the alert is in it.
///
/// Tickets of TLS 1.3: a server's session sends one, with the first that it is given to send. So it leaves in the same segment,
/// and a caller that asks for nothing gets none.
///
/// Cost: 16 KB sealed and opened in some 8 µs, no Swift allocation per call. An idle session holds about 13 KiB; a server's
/// takes and gives back its record buffers, 33 KiB, with each record until `keepBuffers`.
@safe
package struct TLSSession: ~Copyable, @unchecked Sendable {
    private enum Phase {
        /// Waiting for the peer; ends with the last handshake message, or with a failure.
        case handshaking
        /// Data in both directions; ends with the peer's close_notify, or with a failure.
        case open
        /// The peer has ended its side; we may still send until `close`.
        case peerEnded
        /// The transport ended before the peer said so: what came may have been cut short.
        case cut
        case failed(TLSFailure)
    }

    private let ssl: OpaquePointer
    private let wire: UnsafeMutablePointer<Wire>
    private let context: TLSContext
    /// What a client's sessions are kept by; nil for a server.
    private let peerName: String?
    private var phase = Phase.handshaking
    private var hasClosed = false
    /// A server's session that has sent no ticket yet.
    private var owesTicket = false

    /// The largest piece of plain text in one record (RFC 8446 §5.1).
    private static let recordBytes = 16384

    /// The accepting side.
    package init(server context: TLSContext) {
        precondition(context.isServer, "a server session needs a server's context")
        self.init(context, peerName: nil)
        owesTicket = true
        unsafe SSL_set_accept_state(ssl)
    }

    /// The connecting side. `serverName`: a host name (sent as SNI, and verified) or an IP address (verified); a final
    /// dot is dropped. A name that is neither fails at `start`.
    package init(client context: TLSContext, serverName: String) {
        precondition(!context.isServer, "a client session needs a client's context")
        let name = (serverName.hasSuffix(".") ? String(serverName.dropLast()) : serverName).lowercased()
        self.init(context, peerName: name)
        unsafe SSL_set_connect_state(ssl)
        guard unsafe Self.expect(name, in: ssl) else {
            phase = .failed(.invalidName)
            return
        }
        unsafe context.sessions?.apply(to: ssl, name: name)
    }

    private init(_ context: TLSContext, peerName: String?) {
        guard let ssl = unsafe SSL_new(context.raw), let bio = unsafe BIO_new(WireMethod.raw) else {
            preconditionFailure("out of memory")
        }
        let wire = UnsafeMutablePointer<Wire>.allocate(capacity: 1)
        unsafe wire.initialize(to: Wire())
        // Safe because the wire is freed after the connection, which owns the BIO.
        unsafe BIO_set_data(bio, wire)
        unsafe SSL_set_bio(ssl, bio, bio)
        unsafe self.ssl = ssl
        unsafe self.wire = wire
        self.context = context
        self.peerName = peerName
    }

    deinit {
        // Without this OpenSSL would mark a session as broken that was merely not closed, and not resume it.
        unsafe SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
        unsafe SSL_free(ssl)
        unsafe SSL_SESSION_free(wire.pointee.offeredSession)
        unsafe wire.deallocate()
    }

    /// Sends a client's first message.
    @discardableResult
    package mutating func start(output: inout Buffer) -> TLSOutcome {
        var nothing = Buffer()
        return receive(Span(), plain: &nothing, output: &output)
    }

    /// Takes cipher text: all of it, in any pieces. Appends what it says to `plain` and what must be sent to `output`
    /// (handshake messages, alerts). `plain` grows by no more than `ciphertext` has, plus one record held back before.
    @discardableResult
    package mutating func receive(
        _ ciphertext: borrowing Span<UInt8>,
        plain: inout Buffer,
        output: inout Buffer
    ) -> TLSOutcome {
        switch phase {
        case .handshaking, .open: break
        case .peerEnded, .cut, .failed: return outcome
        }
        // Safe because the span and the buffer are lent for this call, and detached before it ends.
        unsafe ciphertext.withUnsafeBufferPointer { bytes in
            unsafe withUnsafeMutablePointer(to: &output) { target in
                unsafe wire.pointee.attach(bytes, target)
                advance(into: &plain)
                unsafe wire.pointee.detach()
            }
        }
        keepOffer()
        return outcome
    }

    /// Seals plain text into `output`. Before the handshake is over nothing is taken: `.handshaking` is the answer.
    /// Works after the peer has ended its side, not after `close`.
    @discardableResult
    package mutating func send(_ plain: borrowing Span<UInt8>, output: inout Buffer) -> TLSOutcome {
        switch phase {
        case .open, .peerEnded: break
        case .handshaking, .cut, .failed: return outcome
        }
        guard !hasClosed else { return .closed(cleanly: true) }
        guard !plain.isEmpty else { return .done }
        bulkhead_clear_errors()
        let bringsTicket = owesTicket
        owesTicket = false
        // TLS 1.2 has had its ticket in the handshake; there this does nothing.
        if bringsTicket { unsafe SSL_new_session_ticket(ssl) }
        // Room for the records in one go: 22 bytes of framing each in TLS 1.3, 29 in 1.2.
        output.reserve(plain.count + (plain.count / Self.recordBytes + 1) * 32)
        // Safe because the spans are lent for this call, and the wire is detached before it ends.
        let result: Int32 = unsafe plain.withUnsafeBufferPointer { bytes in
            unsafe withUnsafeMutablePointer(to: &output) { target in
                unsafe wire.pointee.attach(UnsafeBufferPointer(start: nil, count: 0), target)
                var written = 0
                let result = unsafe SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &written)
                unsafe wire.pointee.detach()
                return result
            }
        }
        guard result == 1 else {
            let failure = unsafe TLSFailure.take(from: ssl)
            phase = .failed(failure)
            return .failed(failure)
        }
        // To write a ticket the library takes a buffer to read with, too, and would keep it until it reads.
        if bringsTicket { unsafe SSL_free_buffers(ssl) }
        return .done
    }

    /// Says close_notify: no more comes from us. What the peer still sends may be received.
    package mutating func close(output: inout Buffer) {
        guard !hasClosed else { return }
        hasClosed = true
        switch phase {
        case .open, .peerEnded: break
        case .handshaking, .cut, .failed: return
        }
        ERR_clear_error()
        // Safe because the buffer is lent for this call, and detached before it ends.
        unsafe withUnsafeMutablePointer(to: &output) { target in
            unsafe wire.pointee.attach(UnsafeBufferPointer(start: nil, count: 0), target)
            unsafe SSL_shutdown(ssl)
            unsafe wire.pointee.detach()
        }
        ERR_clear_error()
    }

    /// Keeps the record buffers from now on, 33 KiB: for a connection that is busy, since taking them anew costs two
    /// allocations of 16 KiB for each request.
    package mutating func keepBuffers() { unsafe bulkhead_ssl_release_buffers(ssl, 0) }

    /// Gives the record buffers back, and from now on after each record, until `keepBuffers`. A buffer in which a record is
    /// half read or half written stays for that one.
    package mutating func releaseBuffers() {
        // Safe because the library leaves a buffer alone that holds something.
        unsafe bulkhead_ssl_release_buffers(ssl, 1)
        unsafe SSL_free_buffers(ssl)
    }

    /// The transport has no more bytes. Unless the peer said close_notify first, what came may be cut short
    /// (RFC 8446 §6.1).
    @discardableResult
    package mutating func transportEnded() -> TLSOutcome {
        switch phase {
        case .handshaking, .open: phase = .cut
        case .peerEnded, .cut, .failed: break
        }
        return outcome
    }

    private var outcome: TLSOutcome {
        switch phase {
        case .handshaking: .handshaking
        case .open: .done
        case .peerEnded: .closed(cleanly: true)
        case .cut: .closed(cleanly: false)
        case .failed(let failure): .failed(failure)
        }
    }

    /// Drives the handshake, then reads until the input is used up.
    private mutating func advance(into plain: inout Buffer) {
        bulkhead_clear_errors()
        if case .handshaking = phase {
            let result = unsafe SSL_do_handshake(ssl)
            guard result == 1 else { return settle(result) }
            phase = .open
        }
        repeat {
            var result: Int32 = 0
            // Safe because the room is the buffer's own, and the library says how much of it it filled.
            let room = unsafe min(Self.recordBytes, max(wire.pointee.remaining, 256))
            unsafe plain.append(upTo: room) { target in
                var count = 0
                result = unsafe SSL_read_ex(ssl, target.baseAddress, target.count, &count)
                return result == 1 ? count : 0
            }
            guard result == 1 else { return settle(result) }
        } while unsafe wire.pointee.remaining > 0 || SSL_has_pending(ssl) == 1
    }

    private mutating func settle(_ result: Int32) {
        switch unsafe SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: break
        case SSL_ERROR_ZERO_RETURN: phase = .peerEnded
        default: phase = unsafe .failed(.take(from: ssl))
        }
    }

    /// Hands a session that the server has just offered to the context.
    private mutating func keepOffer() {
        guard let name = peerName, let offered = unsafe wire.pointee.offeredSession else { return }
        unsafe wire.pointee.offeredSession = nil
        unsafe context.sessions?.store(offered, for: name)
    }

    /// Sets the name that the server's certificate must be for.
    private static func expect(_ name: String, in ssl: OpaquePointer) -> Bool {
        guard !name.isEmpty, name.utf8.count < 254, !name.utf8.contains(0) else { return false }
        if IPAddress(name) != nil {
            return unsafe X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1
        }
        let isHostName = name.utf8.allSatisfy {
            ASCII.isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
                || $0 == UInt8(ascii: "_")
        }
        guard isHostName, !name.hasPrefix(".") else { return false }
        unsafe SSL_set_hostflags(
            ssl,
            UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)
        )
        return unsafe SSL_set1_host(ssl, name) == 1 && bulkhead_ssl_set_server_name(ssl, name) == 1
    }
}

/// What the handshake agreed on; ask once, after `.done`. Cost: allocates.
extension TLSSession {
    /// The ALPN name, or nil when the peer offered or chose none.
    package var applicationProtocol: String? {
        var start: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        // Safe because the name is borrowed from the live connection and copied at once.
        unsafe SSL_get0_alpn_selected(ssl, &start, &count)
        guard let start = unsafe start, count > 0 else { return nil }
        return unsafe String(decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
    }

    /// The host name of SNI, lower case: what the client asked for in this handshake, resumed or not (a server resumes
    /// only under the name that the ticket was issued for).
    package var serverName: String? {
        // Safe because the name is borrowed from the live connection and copied at once.
        unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map {
            unsafe String(cString: $0).lowercased()
        }
    }

    package var version: TLSVersion {
        unsafe SSL_version(ssl) == TLS1_3_VERSION ? .v13 : .v12
    }

    /// OpenSSL's name of the cipher suite.
    package var cipherSuite: String {
        // Safe because the library's names are static.
        unsafe SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)).map { unsafe String(cString: $0) } ?? ""
    }

    /// Whether an earlier session was taken up, without the peer's certificate being shown again.
    package var isResumed: Bool { unsafe SSL_session_reused(ssl) == 1 }

    /// The peer's verified certificate; nil when it showed none (a client that need not).
    package var peerCertificate: TLSPeerCertificate? {
        guard unsafe SSL_get_verify_result(ssl) == Int(X509_V_OK),
            let certificate = unsafe SSL_get1_peer_certificate(ssl)
        else { return nil }
        // Safe because the reference is ours.
        defer { unsafe X509_free(certificate) }
        guard let fingerprint = unsafe X509Reader.fingerprint(certificate) else { return nil }
        let names = unsafe X509Reader.alternativeNames(certificate)
        return TLSPeerCertificate(
            fingerprint: fingerprint,
            authorities: unsafe PeerChain.authorities(of: ssl),
            subject: unsafe X509Reader.subject(certificate),
            attributes: unsafe X509Reader.attributes(certificate),
            dnsNames: names.dns,
            uris: names.uris,
            isAuthority: unsafe X509Reader.isAuthority(certificate),
            notBefore: unsafe X509Reader.notBefore(certificate),
            notAfter: unsafe X509Reader.notAfter(certificate)
        )
    }
}
