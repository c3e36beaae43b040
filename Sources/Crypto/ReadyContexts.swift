// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// OpenSSL's contexts with which one key verifies, or signs: one for each algorithm of its kind, made with the key and never
/// used themselves. Each call works on a copy, which costs a tenth of making one: that looks up digest, key type and signature
/// by their names. Shared by all threads, since to copy is to read.
@safe
final class ReadyContexts: Sendable {
    enum Use { case verifying, signing }

    private nonisolated(unsafe) let ready: [(algorithm: SignatureAlgorithm, context: OpaquePointer)]

    /// An algorithm that the library refuses for this key has none.
    /// Cost: some 10 µs for each algorithm.
    init(_ key: OpaquePointer, _ kind: KeyKind, _ use: Use) {
        var made: [(algorithm: SignatureAlgorithm, context: OpaquePointer)] = unsafe []
        for algorithm in SignatureAlgorithm.allCases where algorithm.keyKind == kind {
            guard let context = unsafe Self.make(key, algorithm, use) else { continue }
            unsafe made.append((algorithm, context))
        }
        unsafe ready = made
        ERR_clear_error()
    }

    deinit {
        // Safe because the contexts are ours.
        for index in unsafe ready.indices { unsafe EVP_MD_CTX_free(ready[index].context) }
    }

    /// A context for one call. The caller owns it.
    func copy(for algorithm: SignatureAlgorithm) -> OpaquePointer? {
        for index in unsafe ready.indices where unsafe ready[index].algorithm == algorithm {
            guard let copy = unsafe EVP_MD_CTX_new() else { return nil }
            // Safe because the copy is ours, and the original is only read.
            guard unsafe EVP_MD_CTX_copy_ex(copy, ready[index].context) == 1 else {
                unsafe EVP_MD_CTX_free(copy)
                return nil
            }
            // It serves once: without this the library would keep a copy of its own for what may follow.
            unsafe EVP_MD_CTX_set_flags(copy, EVP_MD_CTX_FLAG_FINALISE)
            return unsafe copy
        }
        return nil
    }

    private static func make(_ key: OpaquePointer, _ algorithm: SignatureAlgorithm, _ use: Use)
        -> OpaquePointer?
    {
        guard let context = unsafe EVP_MD_CTX_new() else { return nil }
        var keyContext: OpaquePointer?
        let name = unsafe name(of: algorithm)
        // Safe because the context is ours, and takes a reference to the key.
        let begun =
            switch use {
            case .verifying: unsafe EVP_DigestVerifyInit_ex(context, &keyContext, name, nil, nil, key, nil)
            case .signing: unsafe EVP_DigestSignInit_ex(context, &keyContext, name, nil, nil, key, nil)
            }
        guard begun == 1, unsafe configure(keyContext, algorithm) else {
            unsafe EVP_MD_CTX_free(context)
            return nil
        }
        return unsafe context
    }

    private static func name(of algorithm: SignatureAlgorithm) -> UnsafePointer<CChar>? {
        guard let digest = algorithm.digestName else { return nil }
        // Safe because a static string ends with a zero byte and lives for the whole process.
        return unsafe UnsafeRawPointer(digest.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    /// PSS: MGF1 with the same hash, which is the default, and a salt as long as the hash (RFC 7518 §3.5).
    private static func configure(_ context: OpaquePointer?, _ algorithm: SignatureAlgorithm) -> Bool {
        guard algorithm.isPSS else { return true }
        return unsafe EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1
            && EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1
    }
}
