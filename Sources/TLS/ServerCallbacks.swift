// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import COpenSSL

/// What the callbacks of a server context look at. Owned by the context, at a fixed address, never changed
/// after the context is made (the ticket keys lock for themselves).
@unsafe
struct ServerCallbacks {
    /// Names of certificates, exact and, without their `*`, by parent (`.example.com`).
    let certificates: [TLSCertificate]
    let exact: [String: [Int]]
    let wildcard: [String: [Int]]
    /// The protocol list in wire form: each name with a length byte before it.
    let protocols: UnsafeMutableBufferPointer<UInt8>
    let tickets: TicketKeys

    init(certificates: [TLSCertificate], protocols: [UInt8], tickets: TicketKeys) {
        var exact: [String: [Int]] = [:]
        var wildcard: [String: [Int]] = [:]
        for (index, certificate) in certificates.enumerated() {
            for name in certificate.dnsNames {
                if name.hasPrefix("*.") {
                    wildcard[String(name.dropFirst()), default: []].append(index)
                } else {
                    exact[name, default: []].append(index)
                }
            }
        }
        unsafe self.certificates = certificates
        unsafe self.exact = exact
        unsafe self.wildcard = wildcard
        unsafe self.protocols = .allocate(capacity: protocols.count)
        _ = unsafe self.protocols.initialize(from: protocols)
        unsafe self.tickets = tickets
    }

    /// Indices of the certificates for a server name, or nil when none is. A wildcard stands for one label.
    func certificates(for name: String) -> [Int]? {
        let name = name.lowercased()
        if let found = unsafe exact[name] { return found }
        guard let dot = name.firstIndex(of: "."), dot != name.startIndex else { return nil }
        return unsafe wildcard[String(name[dot...])]
    }

    static func of(_ ssl: OpaquePointer?) -> UnsafeMutablePointer<ServerCallbacks>? {
        // Safe because index 0 is the application's own and a server context always has it set.
        unsafe SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0)?.assumingMemoryBound(to: ServerCallbacks.self)
    }
}

/// Says that the server name was understood, so that OpenSSL binds TLS 1.2 sessions to it.
nonisolated func acceptServerName(
    _ ssl: OpaquePointer?,
    _ alert: UnsafeMutablePointer<Int32>?,
    _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) == nil
        ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_OK
}

/// Chooses by server name; the context's first certificate stays where no name fits.
/// - Returns: 1 to go on, 0 to end the handshake with an internal error.
nonisolated func chooseCertificate(_ ssl: OpaquePointer?, _ argument: UnsafeMutableRawPointer?) -> Int32 {
    // Safe because the name is copied, and certificates live as long as the context, which the session keeps.
    guard let callbacks = unsafe ServerCallbacks.of(ssl) else { return 0 }
    guard let name = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else { return 1 }
    guard let chosen = unsafe callbacks.pointee.certificates(for: String(cString: name)) else { return 1 }
    if chosen == [0] { return 1 }
    // Without this the first certificate would still answer for its own type of key.
    unsafe SSL_certs_clear(ssl)
    for index in chosen {
        let certificate = unsafe callbacks.pointee.certificates[index]
        guard
            unsafe SSL_use_cert_and_key(ssl, certificate.leaf, certificate.key, certificate.chain, 1) == 1
        else { return 0 }
    }
    return 1
}

/// The server's own order decides; with nothing in common the handshake ends (RFC 7301 §3.2).
nonisolated func chooseProtocol(
    _ ssl: OpaquePointer?,
    _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenCount: UnsafeMutablePointer<UInt8>?,
    _ offered: UnsafePointer<UInt8>?,
    _ offeredCount: UInt32,
    _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    guard let callbacks = unsafe ServerCallbacks.of(ssl) else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    let ours = unsafe callbacks.pointee.protocols
    var found: UnsafeMutablePointer<UInt8>?
    // Safe because on agreement the result points into our list, which outlives the handshake.
    let agreement = unsafe SSL_select_next_proto(
        &found,
        chosenCount,
        ours.baseAddress,
        UInt32(ours.count),
        offered,
        offeredCount
    )
    guard agreement == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    unsafe chosen?.pointee = UnsafePointer(found)
    return SSL_TLSEXT_ERR_OK
}

/// 1: the ticket may be used; 2: and a new one is due; 0: full handshake; -1: error.
nonisolated func readyTicket(
    _ ssl: OpaquePointer?,
    _ name: UnsafeMutablePointer<UInt8>?,
    _ iv: UnsafeMutablePointer<UInt8>?,
    _ cipher: OpaquePointer?,
    _ mac: OpaquePointer?,
    _ sealing: Int32
) -> Int32 {
    guard let callbacks = unsafe ServerCallbacks.of(ssl), let name = unsafe name, let iv = unsafe iv,
        let cipher = unsafe cipher, let mac = unsafe mac
    else { return -1 }
    let tickets = unsafe callbacks.pointee.tickets
    if sealing == 1 { return unsafe tickets.seal(name: name, iv: iv, cipher, mac) ? 1 : -1 }
    guard let isNewest = unsafe tickets.open(name: name, iv: iv, cipher, mac) else { return 0 }
    // A client of TLS 1.3 uses a ticket once (RFC 8446 appendix C.4), so each visit earns the next.
    let isUsedOnce = unsafe SSL_version(ssl) == TLS1_3_VERSION
    return isNewest && !isUsedOnce ? 1 : 2
}

/// A ticket is good for the server name that it was issued under and no other: a resumed session reports that name,
/// so taking it up for another would let a request be judged by a name that the client did not ask for.
/// Source: RFC 6066 §3, which OpenSSL leaves to its caller; THREATS 19.
nonisolated func judgeTicket(
    _ ssl: OpaquePointer?,
    _ session: OpaquePointer?,
    _ keyName: UnsafePointer<UInt8>?,
    _ keyNameCount: Int,
    _ status: Int32,
    _ argument: UnsafeMutableRawPointer?
) -> Int32 {
    let isOpened = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW
    guard isOpened, unsafe isIssuedForThisName(ssl, session) else { return SSL_TICKET_RETURN_IGNORE_RENEW }
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW
}

nonisolated private func isIssuedForThisName(_ ssl: OpaquePointer?, _ session: OpaquePointer?) -> Bool {
    var start: UnsafePointer<UInt8>?
    var count = 0
    // The extensions are not parsed yet at this point, so the name is read from the hello itself.
    let isNamed = unsafe SSL_client_hello_get0_ext(ssl, UInt32(TLSEXT_TYPE_server_name), &start, &count) == 1
    guard let issued = unsafe SSL_SESSION_get0_hostname(session) else { return !isNamed }
    // Safe because the extension's bytes live as long as the hello, which this call is about.
    guard isNamed, let start = unsafe start else { return false }
    let hello = unsafe Span(_unsafeElements: UnsafeBufferPointer(start: start, count: count))
    // RFC 6066 §3: the list's length, then one entry of type 0 (host_name) with a length of its own.
    guard hello.count > 5, hello[2] == 0, Int(hello[3]) << 8 | Int(hello[4]) == hello.count - 5 else {
        return false
    }
    let name = unsafe UnsafeRawPointer(issued).assumingMemoryBound(to: UInt8.self)
    for index in 5..<hello.count {
        // Safe because the issued name ends with a zero, which no later byte is compared past.
        guard unsafe name[index - 5] != 0,
            unsafe ASCII.lowercased(name[index - 5]) == ASCII.lowercased(hello[index])
        else { return false }
    }
    return unsafe name[hello.count - 5] == 0
}
