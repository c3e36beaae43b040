// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import COpenSSL
internal import Crypto

/// Who vouched for a client's certificate. The chain is there after a full handshake only, so its digests travel in the
/// ticket, sealed with the rest of the session, and come back with it.
enum PeerChain {
    /// SHA-256 of each certificate of the verified chain but the client's own; its own where it stands alone.
    static func authorities(of ssl: OpaquePointer) -> [Digest] {
        let bytes = unsafe digests(of: ssl) ?? kept(by: ssl)
        return (0..<(bytes.count / Digest.byteCount)).compactMap { index in
            Digest(bytes.span.extracting(index * Digest.byteCount..<(index + 1) * Digest.byteCount))
        }
    }

    /// Nil when this handshake verified no chain.
    fileprivate static func digests(of ssl: OpaquePointer) -> [UInt8]? {
        // Safe because the chain is borrowed from the live connection.
        guard let chain = unsafe SSL_get0_verified_chain(ssl) else { return nil }
        let count = unsafe bulkhead_chain_count(chain)
        guard count > 0 else { return nil }
        var bytes: [UInt8] = []
        for index in (count == 1 ? 0 : 1)..<count {
            guard let certificate = unsafe bulkhead_chain_at(chain, index),
                let digest = unsafe X509Reader.fingerprint(certificate)
            else { continue }
            bytes += digest.bytes.array()
        }
        return bytes
    }

    private static func kept(by ssl: OpaquePointer) -> [UInt8] {
        var data: UnsafeMutableRawPointer?
        var count = 0
        // Safe because the data is borrowed from the live session and copied at once.
        guard let session = unsafe SSL_get_session(ssl),
            unsafe SSL_SESSION_get0_ticket_appdata(session, &data, &count) == 1, let data = unsafe data
        else { return [] }
        return unsafe Array(UnsafeRawBufferPointer(start: data, count: count))
    }
}

/// Before a ticket is sealed. A resumed session has no chain: what its own ticket said goes into the next one.
/// - Returns: 0 to end the connection with an error.
nonisolated func sealAuthorities(_ ssl: OpaquePointer?, _ argument: UnsafeMutableRawPointer?) -> Int32 {
    guard let ssl = unsafe ssl, let bytes = unsafe PeerChain.digests(of: ssl) else { return 1 }
    // Safe because the session is the connection's own, and copies the bytes.
    return unsafe bytes.withUnsafeBytes {
        unsafe SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), $0.baseAddress, $0.count)
    }
}
