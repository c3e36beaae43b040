// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import COpenSSL
package import Crypto

/// A certificate chain with its private key: what a server or a client shows of itself. Immutable.
@safe
package final class TLSCertificate: Sendable {
    nonisolated(unsafe) let leaf: OpaquePointer
    nonisolated(unsafe) let key: OpaquePointer
    /// The certificates after the leaf.
    nonisolated(unsafe) let chain: OpaquePointer
    /// The name of the file that the chain came from.
    let file: String

    /// DNS names of the leaf, lower case; a leading `*.` is a wildcard.
    package let dnsNames: [String]
    package let notBefore: WallTime
    /// After this its peers refuse it.
    package let notAfter: WallTime

    /// - Parameters:
    ///   - chain: PEM, the leaf first, then its issuers; at most 16.
    ///   - key: PEM, unencrypted. The caller clears its copy.
    ///   - chainFile, keyFile: what errors call them.
    package init(
        chain pem: borrowing Span<UInt8>,
        named chainFile: String,
        key keyPEM: borrowing Span<UInt8>,
        keyNamed keyFile: String
    ) throws(TLSConfigurationError) {
        let certificates = try unsafe X509Reader.certificates(pem, named: chainFile)
        let key: OpaquePointer
        do throws(TLSConfigurationError) {
            guard unsafe certificates.count <= 16 else {
                throw TLSConfigurationError(file: chainFile, problem: "holds more than 16 certificates")
            }
            unsafe key = try X509Reader.privateKey(keyPEM, named: keyFile)
            guard unsafe X509_check_private_key(certificates[0], key) == 1 else {
                unsafe EVP_PKEY_free(key)
                ERR_clear_error()
                throw TLSConfigurationError(
                    file: keyFile,
                    problem: "is not the key of the first certificate in \(chainFile)"
                )
            }
        } catch {
            // Safe because nothing else holds them yet.
            unsafe certificates.forEach { unsafe X509_free($0) }
            throw error
        }
        guard let rest = unsafe bulkhead_chain_new() else { preconditionFailure("out of memory") }
        for index in unsafe certificates.indices.dropFirst() {
            unsafe bulkhead_chain_push(rest, certificates[index])
        }
        file = chainFile
        unsafe leaf = certificates[0]
        unsafe self.key = key
        unsafe chain = rest
        let names = unsafe X509Reader.alternativeNames(certificates[0]).dns
        dnsNames = names.filter { !$0.isEmpty }.map { $0.lowercased() }
        notBefore = unsafe X509Reader.notBefore(certificates[0])
        notAfter = unsafe X509Reader.notAfter(certificates[0])
    }

    deinit {
        // Safe because contexts and sessions that use the objects hold references of their own.
        unsafe X509_free(leaf)
        unsafe EVP_PKEY_free(key)
        unsafe bulkhead_chain_free(chain)
    }
}

/// The authorities that a peer's certificate may lead to. Every certificate listed is trusted as it stands, so an
/// intermediate or a single server's own certificate can be named too. Immutable; parse once, use in many contexts.
@safe
package final class TLSTrust: Sendable {
    nonisolated(unsafe) let store: OpaquePointer
    nonisolated(unsafe) let authorities: [OpaquePointer]
    /// Of the file's bytes, so that resumption can be bound to them.
    let fingerprint: Digest

    /// Where distributions keep their authorities. TLS opens no file: the caller reads the first one that exists,
    /// or the file that `SSL_CERT_FILE` names.
    package static let systemPaths = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
    ]

    /// - Parameters:
    ///   - pem: one or more certificates.
    ///   - file: what errors call it.
    /// Cost: about 50 µs a certificate.
    package init(authorities pem: borrowing Span<UInt8>, named file: String) throws(TLSConfigurationError) {
        let certificates = try unsafe X509Reader.certificates(pem, named: file)
        guard let store = unsafe X509_STORE_new() else { preconditionFailure("out of memory") }
        // Safe because the store takes references of its own.
        for index in unsafe certificates.indices { unsafe X509_STORE_add_cert(store, certificates[index]) }
        unsafe X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
        ERR_clear_error()
        unsafe self.store = store
        unsafe authorities = certificates
        fingerprint = SHA256.hash(pem)
    }

    /// SHA-256 of each authority.
    package var authorityFingerprints: [Digest] {
        unsafe authorities.compactMap { unsafe X509Reader.fingerprint($0) }
    }

    deinit {
        // Safe because contexts hold references of their own.
        unsafe X509_STORE_free(store)
        unsafe authorities.forEach { unsafe X509_free($0) }
    }
}

/// What the peer proved to be, once its certificate has been verified.
package struct TLSPeerCertificate: Equatable, Sendable {
    /// One attribute of the subject by its short name, such as `CN`.
    package struct Attribute: Equatable, Sendable {
        package let type: String
        package let value: String
    }

    /// SHA-256 of the certificate as it came.
    package let fingerprint: Digest
    /// SHA-256 of each certificate that vouched for it in the handshake, the trusted one last; its own where it is trusted
    /// itself. In a resumed session these are the ones of the full handshake.
    package let authorities: [Digest]
    /// RFC 2253, escaped to ASCII.
    package let subject: String
    package let attributes: [Attribute]
    /// A name that is no plain ASCII is there as an empty text.
    package let dnsNames: [String]
    /// SPIFFE ids stand here; as above.
    package let uris: [String]
    package let isAuthority: Bool
    package let notBefore: WallTime
    package let notAfter: WallTime
}
