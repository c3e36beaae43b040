// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
package import Identity

/// Machines that call the rig with a certificate: what a handshake would have found out about them.
package enum Mesh {
    /// The authority in PEM form. Its key was thrown away: nothing is verified here but names.
    static let authority = """
        -----BEGIN CERTIFICATE-----
        MIIBozCCAUmgAwIBAgIUdtutU9obVon/U9OR74sIAW2C22cwCgYIKoZIzj0EAwIw
        JjEkMCIGA1UEAwwbbWVzaCBhdXRob3JpdHkgb2YgdGhlIHRlc3RzMCAXDTI2MTEy
        NDEyMzYyOFoYDzIxMjYxMDMxMTIzNjI4WjAmMSQwIgYDVQQDDBttZXNoIGF1dGhv
        cml0eSBvZiB0aGUgdGVzdHMwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARI2FSq
        3JNwCIH0ujlH7lkXZdc/GH3ZGMhd7Hq5q8MfDhZMxbRXuk0nNGjLPlwLCr62iCfh
        5BBm5yU0lPcxh5Cio1MwUTAdBgNVHQ4EFgQUEpkwqqUsZEuqgd5EO9ivmoL63v8w
        HwYDVR0jBBgwFoAUEpkwqqUsZEuqgd5EO9ivmoL63v8wDwYDVR0TAQH/BAUwAwEB
        /zAKBggqhkjOPQQDAgNIADBFAiEA7Ot0i9B5D8t2vJjzxocJBegaSNGlCT21+tKs
        iI03kdQCIH+PBzZOgZs4K21HA8Wr1tALnCED8GxB9f48p/LVBlDw
        -----END CERTIFICATE-----
        """

    /// SHA-256 of the authority's certificate, as `openssl x509 -fingerprint -sha256` prints it.
    private static let fingerprint: Digest = {
        let text = "0f9ee523289adc3c22247e8d27987eb42d5905ace9a1b83dc6ff6a8ca547c0ef"
        guard let bytes = Hex.decode(text.utf8Span.span), let digest = Digest(bytes.span) else {
            preconditionFailure("the fingerprint is hexadecimal")
        }
        return digest
    }()

    /// - Parameter path: of its SPIFFE id.
    package static func certificate(_ path: String, isForeign: Bool = false, seconds: Int64 = 3600)
        -> ClientCertificate
    {
        ClientCertificate(
            fingerprint: SHA256.hash(path.utf8Span.span),
            authorities: [isForeign ? SHA256.hash(path.utf8Span.span) : fingerprint],
            uris: ["spiffe://prod.example\(path)"],
            notBefore: Rig.now + .seconds(-60),
            notAfter: Rig.now + .seconds(seconds)
        )
    }
}
