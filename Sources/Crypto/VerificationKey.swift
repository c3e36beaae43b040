// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import COpenSSL

/// Why key material was refused.
package enum KeyError: Error, Equatable {
    /// A coordinate, seed or modulus of a length that this kind of key cannot have.
    case wrongLength
    /// An RSA modulus under 2048 bits.
    case weak
    /// An RSA modulus over 8192 bits: verifying with it would be a way to burn CPU.
    case tooLarge
    /// An even modulus, or an exponent that is even, under 65537 or over 64 bits.
    case unsupported
    /// An EC point off its curve, or another value that OpenSSL's own check refuses.
    case invalid
    /// Bytes that are no key in PEM form, or a PEM that is encrypted.
    case malformed
    /// The key is of another kind than the algorithm needs.
    case wrongKind
}

/// A public key that checks signatures. Immutable, shared by all threads.
@safe
package final class VerificationKey: Sendable {
    private let contexts: ReadyContexts
    package let kind: KeyKind

    /// JWK `n` and `e`, big-endian without sign; leading zero bytes are accepted and dropped.
    /// - Throws: `weak`, `tooLarge`, `unsupported`, `invalid`.
    package init(rsaModulus: borrowing Span<UInt8>, exponent: borrowing Span<UInt8>) throws(KeyError) {
        let modulus = rsaModulus.droppingLeadingZeros()
        let exponent = exponent.droppingLeadingZeros()
        try RSAPolicy.check(modulus: modulus, exponent: exponent)
        kind = .rsa
        contexts = unsafe Self.contexts(try PublicKey.rsa(modulus: modulus, exponent: exponent), kind)
    }

    /// JWK `x` and `y`, each of exactly the curve's length (RFC 7518 §6.2.1.2). The point must be on the curve.
    /// - Throws: `wrongLength`, `invalid`.
    package init(
        curve: EllipticCurve,
        x: borrowing Span<UInt8>,
        y: borrowing Span<UInt8>
    ) throws(KeyError) {
        guard x.count == curve.coordinateByteCount, y.count == curve.coordinateByteCount else {
            throw .wrongLength
        }
        kind = .ec(curve)
        contexts = unsafe Self.contexts(try PublicKey.ec(curve: curve, x: x, y: y), kind)
    }

    /// JWK `x` of an OKP key with `crv` Ed25519: 32 bytes (RFC 8037 §2).
    /// - Throws: `wrongLength`, `invalid`.
    package init(ed25519 x: borrowing Span<UInt8>) throws(KeyError) {
        guard x.count == 32 else { throw .wrongLength }
        kind = .ed25519
        contexts = unsafe Self.contexts(try PublicKey.ed25519(x), kind)
    }

    /// Takes the key over.
    private static func contexts(_ key: OpaquePointer, _ kind: KeyKind) -> ReadyContexts {
        // Safe because the key is ours, and each context has a reference of its own.
        defer { unsafe EVP_PKEY_free(key) }
        return unsafe ReadyContexts(key, kind, .verifying)
    }

    package func accepts(_ algorithm: SignatureAlgorithm) -> Bool { algorithm.keyKind == kind }

    /// Whether `signature`, in JOSE's form (ES*: r ‖ s of exactly twice the curve's length), is this key's over
    /// `message`. False for an algorithm of another kind, and for anything malformed.
    /// Cost: RS256 with 2048 bits some 25 µs, ES256 some 60 µs; a few C allocations. Cache the outcome per token.
    package func verify(
        _ algorithm: SignatureAlgorithm,
        message: borrowing Span<UInt8>,
        signature: borrowing Span<UInt8>
    ) -> Bool {
        guard accepts(algorithm), !signature.isEmpty else { return false }
        switch algorithm.keyKind {
        case .rsa, .ed25519:
            return Signatures.verify(contexts, algorithm, message: message, signature: signature)
        case .ec(let curve):
            var encoded = Buffer()
            guard ECDSASignature.encode(raw: signature, curve: curve, into: &encoded) else { return false }
            return Signatures.verify(contexts, algorithm, message: message, signature: encoded.bytes)
        }
    }
}

/// Bounds on RSA keys that come from an issuer.
enum RSAPolicy {
    static let minimumBits = 2048
    static let maximumBits = 8192
    static let maximumExponentByteCount = 8

    /// Both without leading zeros. Source: NIST SP 800-56B §6.4 (e is odd and over 65536); RFC 7518 §3.3.
    static func check(
        modulus: borrowing Span<UInt8>,
        exponent: borrowing Span<UInt8>
    ) throws(KeyError) {
        guard !modulus.isEmpty, !exponent.isEmpty else { throw .wrongLength }
        let bits = modulus.count * 8 - modulus[0].leadingZeroBitCount
        if bits < minimumBits { throw .weak }
        if bits > maximumBits { throw .tooLarge }
        guard exponent.count <= maximumExponentByteCount else { throw .unsupported }
        var value: UInt64 = 0
        for index in exponent.indices { value = value << 8 | UInt64(exponent[index]) }
        guard value >= 65537, value & 1 == 1, modulus[modulus.count - 1] & 1 == 1 else { throw .unsupported }
        if hasWeakStructure(modulus) { throw .weak }
    }

    /// Whether the modulus is a power of 65537 modulo every small prime: the mark of keys made by the Infineon
    /// library, which can be factored. An honest key has it with a chance of one in 2^27.
    /// Source: CVE-2017-15361 (ROCA). Cost: some 10 µs, once per key.
    private static func hasWeakStructure(_ modulus: borrowing Span<UInt8>) -> Bool {
        let primes: [UInt32] = [
            11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157,
        ]
        for prime in primes {
            var remainder: UInt32 = 0
            for index in modulus.indices { remainder = (remainder << 8 | UInt32(modulus[index])) % prime }
            var power: UInt32 = 1
            repeat {
                if power == remainder { break }
                power = power * 65537 % prime
            } while power != 1
            if power != remainder { return false }
        }
        return true
    }
}

extension Span<UInt8> {
    @_lifetime(copy self)
    func droppingLeadingZeros() -> Span<UInt8> {
        var start = 0
        while start < count, self[start] == 0 { start += 1 }
        return extracting(start..<count)
    }
}
