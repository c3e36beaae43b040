// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto

/// What a caller's certificate says, after its chain was verified in the handshake. Immutable; made once for each connection
/// by what ends TLS, and nowhere else.
package final class ClientCertificate: Sendable {
    /// One attribute of the subject, such as `CN`, and its value.
    package struct Attribute: Equatable, Sendable {
        package let type: String
        package let value: String

        package init(type: String, value: String) {
            self.type = type
            self.value = value
        }
    }

    /// SHA-256 of the certificate as it came.
    package let fingerprint: Digest
    /// SHA-256 of each certificate that vouches for it, up to the authority that is trusted.
    package let authorities: [Digest]
    /// Names of the kinds that are read, in the order of the certificate.
    package let uris: [String]
    package let dnsNames: [String]
    package let subject: [Attribute]
    /// It may make certificates itself, so it is nobody's own.
    package let isAuthority: Bool
    package let notBefore: WallTime
    package let notAfter: WallTime
    /// SHA-256 over all that decides whose it is: itself, and who vouches for it.
    let digest: Digest

    package init(
        fingerprint: Digest,
        authorities: [Digest],
        uris: [String] = [],
        dnsNames: [String] = [],
        subject: [Attribute] = [],
        isAuthority: Bool = false,
        notBefore: WallTime,
        notAfter: WallTime
    ) {
        self.fingerprint = fingerprint
        self.authorities = authorities
        self.uris = uris
        self.dnsNames = dnsNames
        self.subject = subject
        self.isAuthority = isAuthority
        self.notBefore = notBefore
        self.notAfter = notAfter
        var hasher = SHA256Hasher()
        hasher.update(prefixed: fingerprint.bytes)
        for authority in authorities { hasher.update(prefixed: authority.bytes) }
        digest = hasher.finish()
    }
}
