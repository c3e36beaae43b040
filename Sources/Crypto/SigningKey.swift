// SPDX-License-Identifier: Apache-2.0
package import Bytes
internal import COpenSSL

/// A private key that signs: context tokens (Ed25519), and the tokens of the development issuer and of tests.
/// Immutable, shared by all threads. Described as `<redacted>`.
@safe
package final class SigningKey: Sendable {
    private nonisolated(unsafe) let key: OpaquePointer
    private let contexts: ReadyContexts
    /// Bytes of its longest signature in OpenSSL's form.
    private let room: Int
    package let kind: KeyKind
    /// The public half as JWK members.
    package let publicMembers: PublicKeyMembers

    private init(owning key: OpaquePointer) throws(KeyError) {
        unsafe self.key = key
        // Safe because the key is ours; when this throws, deinit does not run, so it is freed here.
        do throws(KeyError) {
            kind = try unsafe PrivateKey.kind(of: key)
            publicMembers = try unsafe PrivateKey.publicMembers(of: key, kind: kind)
        } catch {
            unsafe EVP_PKEY_free(key)
            throw error
        }
        contexts = unsafe ReadyContexts(key, kind, .signing)
        room = Int(unsafe EVP_PKEY_get_size(key))
    }

    deinit { unsafe EVP_PKEY_free(key) }

    /// An unencrypted private key in PEM form (PKCS #8, or the older forms of RSA and EC): RSA of 2048 to 8192
    /// bits, P-256/384/521, or Ed25519.
    /// - Throws: `malformed`, `weak`, `tooLarge`, `unsupported`, `wrongKind` for another type of key.
    package convenience init(pem: borrowing Span<UInt8>) throws(KeyError) {
        try unsafe self.init(owning: PrivateKey.read(pem: pem))
    }

    /// The 32 bytes of an Ed25519 private key (RFC 8032 §5.1.5).
    /// - Throws: `wrongLength`.
    package convenience init(ed25519Seed seed: borrowing Span<UInt8>) throws(KeyError) {
        guard seed.count == 32 else { throw .wrongLength }
        try unsafe self.init(owning: PrivateKey.ed25519(seed: seed))
    }

    /// A new key from the library's own generator; RSA keys get 2048 bits. For development and tests.
    package static func generate(_ kind: KeyKind) throws(KeyError) -> SigningKey {
        try unsafe SigningKey(owning: PrivateKey.generate(kind))
    }

    /// The algorithm of JWS that this key uses when none is named: EdDSA, RS256, or the ES* of its curve.
    package var algorithm: SignatureAlgorithm {
        switch kind {
        case .rsa: .rs256
        case .ec(.p256): .es256
        case .ec(.p384): .es384
        case .ec(.p521): .es512
        case .ed25519: .edDSA
        }
    }

    /// Appends the signature over `message` in JOSE's form: 64 bytes for EdDSA and ES256, 256 for RS256 with 2048.
    /// - Throws: `wrongKind` for an algorithm of another kind, `invalid` when the library fails.
    /// Cost: Ed25519 some 40 µs.
    package func sign(
        _ algorithm: SignatureAlgorithm,
        message: borrowing Span<UInt8>,
        into output: inout Buffer
    ) throws(KeyError) {
        guard algorithm.keyKind == kind else { throw .wrongKind }
        switch algorithm.keyKind {
        case .rsa, .ed25519:
            guard Signatures.sign(contexts, algorithm, room: room, message: message, into: &output)
            else { throw .invalid }
        case .ec(let curve):
            var encoded = Buffer()
            guard Signatures.sign(contexts, algorithm, room: room, message: message, into: &encoded),
                ECDSASignature.decode(der: encoded.bytes, curve: curve, into: &output)
            else { throw .invalid }
        }
    }

    /// The public half as a key that verifies.
    package func verificationKey() throws(KeyError) -> VerificationKey {
        switch publicMembers {
        case .rsa(let n, let e): try VerificationKey(rsaModulus: n.span, exponent: e.span)
        case .ec(let curve, let x, let y): try VerificationKey(curve: curve, x: x.span, y: y.span)
        case .ed25519(let x): try VerificationKey(ed25519: x.span)
        }
    }

    /// The private key as unencrypted PKCS #8 PEM: to be written to a file that only its owner reads.
    package func exportPEM() throws(KeyError) -> Secret { try unsafe PrivateKey.write(key) }
}

extension SigningKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<redacted>" }
    package var debugDescription: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// A public key as the members of a JWK (RFC 7518 §6, RFC 8037 §2); big-endian bytes of the lengths that JWK asks for.
package enum PublicKeyMembers: Equatable, Sendable {
    case rsa(n: [UInt8], e: [UInt8])
    case ec(EllipticCurve, x: [UInt8], y: [UInt8])
    case ed25519(x: [UInt8])

    /// Appends the members, without braces, in the order that a thumbprint wants; more members may follow.
    package func write(into output: inout Buffer) {
        switch self {
        case .rsa(let n, let e):
            append("\"e\":\"", e, into: &output)
            output.append("\",\"kty\":\"RSA\",")
            append("\"n\":\"", n, into: &output)
            output.append("\"")
        case .ec(let curve, let x, let y):
            output.append("\"crv\":\"")
            output.append(curve.name)
            output.append("\",\"kty\":\"EC\",")
            append("\"x\":\"", x, into: &output)
            append("\",\"y\":\"", y, into: &output)
            output.append("\"")
        case .ed25519(let x):
            output.append("\"crv\":\"Ed25519\",\"kty\":\"OKP\",")
            append("\"x\":\"", x, into: &output)
            output.append("\"")
        }
    }

    /// RFC 7638: the SHA-256 of the canonical JWK, a key id that needs no agreement.
    package func thumbprint() -> Digest {
        var canonical = Buffer()
        canonical.append("{")
        write(into: &canonical)
        canonical.append("}")
        return SHA256.hash(canonical.bytes)
    }

    private func append(_ name: StaticString, _ value: [UInt8], into output: inout Buffer) {
        output.append(name)
        Base64URL.encode(value.span, into: &output)
    }
}
