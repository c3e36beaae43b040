// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// HKDF with SHA-256 (RFC 5869): separates one configured key into one key per purpose (THREATS 27).
package enum HKDF {
    /// The longest output: 255 digests.
    package static let maximumCount = 255 * Digest.byteCount

    /// Extract and expand. `label` is the `info` of RFC 5869 and names the purpose, such as `bulkhead handle v1`.
    /// Cost: a few µs, allocates; at start and reload only.
    package static func derive(
        from secret: Secret,
        salt: borrowing Span<UInt8>,
        label: borrowing Span<UInt8>,
        count: Int = 32
    ) -> Secret {
        precondition(count > 0 && count <= maximumCount, "HKDF gives 1 to 8160 bytes")
        guard let algorithm = unsafe EVP_KDF_fetch(nil, "HKDF", nil),
            let context = unsafe EVP_KDF_CTX_new(algorithm)
        else { preconditionFailure("this OpenSSL has no HKDF") }
        // Safe because both objects are ours until here.
        defer {
            unsafe EVP_KDF_CTX_free(context)
            unsafe EVP_KDF_free(algorithm)
        }
        return unsafe Secret(count: count) { output in
            let done = unsafe withParameters(digest: "SHA256", key: secret.bytes, salt: salt, info: label) {
                unsafe EVP_KDF_derive(context, output, count, $0)
            }
            precondition(done == 1, "HKDF failed")
        }
    }

    /// The same without a salt.
    package static func derive(from secret: Secret, label: StaticString, count: Int = 32) -> Secret {
        // Safe because a static string's bytes live for the whole process.
        let name = unsafe UnsafeBufferPointer(start: label.utf8Start, count: label.utf8CodeUnitCount)
        return unsafe derive(from: secret, salt: Span(), label: Span(_unsafeElements: name), count: count)
    }
}
