// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// HMAC-SHA-256 under one key (RFC 2104), kept ready: one per worker and key.
/// Cost: about 300 ns for a short message; no allocation after `init`.
@safe
package struct HMACSHA256: ~Copyable, @unchecked Sendable {
    private let context: OpaquePointer

    /// Any length of key; keys made by `HKDF.derive` have 32 bytes.
    package init(key: borrowing Span<UInt8>) {
        // An empty key still needs an address, or OpenSSL takes the call for "same key again".
        guard let algorithm = unsafe EVP_MAC_fetch(nil, "HMAC", nil),
            let context = unsafe EVP_MAC_CTX_new(algorithm)
        else { preconditionFailure("this OpenSSL has no HMAC") }
        // Safe because the context keeps its own reference to the algorithm.
        unsafe EVP_MAC_free(algorithm)
        unsafe self.context = context
        let count = key.count
        let done = unsafe key.withUnsafeBufferPointer { key in
            var none: UInt8 = 0
            return unsafe withParameters(digest: "SHA256") { parameters in
                if let base = key.baseAddress, count > 0 {
                    // Safe because the key is copied before the call returns.
                    unsafe EVP_MAC_init(context, base, count, parameters)
                } else {
                    unsafe EVP_MAC_init(context, &none, 0, parameters)
                }
            }
        }
        precondition(done == 1, "HMAC-SHA-256 failed")
    }

    package init(key: Secret) { self.init(key: key.bytes) }

    deinit { unsafe EVP_MAC_CTX_free(context) }

    /// The authenticator of `message`.
    package mutating func authenticate(_ message: borrowing Span<UInt8>) -> Digest {
        restart()
        update(message)
        return finish()
    }

    /// The authenticator of `first` followed by `second`, without joining them in memory.
    package mutating func authenticate(
        _ first: borrowing Span<UInt8>,
        _ second: borrowing Span<UInt8>
    ) -> Digest {
        restart()
        update(first)
        update(second)
        return finish()
    }

    private mutating func restart() {
        // Safe because no key and no parameters mean: the same key again.
        let done = unsafe EVP_MAC_init(context, nil, 0, nil)
        precondition(done == 1, "HMAC-SHA-256 failed")
    }

    private mutating func update(_ bytes: borrowing Span<UInt8>) {
        // Safe because the library copies what it needs before it returns.
        unsafe bytes.withUnsafeBufferPointer { input in
            guard let base = input.baseAddress else { return }
            let done = unsafe EVP_MAC_update(context, base, input.count)
            precondition(done == 1, "HMAC-SHA-256 failed")
        }
    }

    private mutating func finish() -> Digest {
        unsafe Digest { output in
            var written = 0
            // Safe because a Digest has room for the 32 bytes that are asked for.
            let done = unsafe EVP_MAC_final(context, output, &written, Digest.byteCount)
            precondition(done == 1 && written == Digest.byteCount, "HMAC-SHA-256 failed")
        }
    }
}
