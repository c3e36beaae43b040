// SPDX-License-Identifier: Apache-2.0
import Identity
import TLS

extension ClientCertificate {
    /// What the handshake found out.
    convenience init(_ peer: TLSPeerCertificate) {
        self.init(
            fingerprint: peer.fingerprint,
            authorities: peer.authorities,
            uris: peer.uris,
            dnsNames: peer.dnsNames,
            subject: peer.attributes.map { Attribute(type: $0.type, value: $0.value) },
            isAuthority: peer.isAuthority,
            notBefore: peer.notBefore,
            notAfter: peer.notAfter
        )
    }
}
