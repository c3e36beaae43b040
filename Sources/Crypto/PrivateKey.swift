// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import COpenSSL

/// Reads, makes and takes apart OpenSSL private keys. The caller owns what is returned.
enum PrivateKey {
    /// Called by the PEM reader for an encrypted key: there is nobody to ask.
    private static let noPassword:
        @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 = {
            _,
            _,
            _,
            _ in -1
        }

    static func read(pem: borrowing Span<UInt8>) throws(KeyError) -> OpaquePointer {
        // Safe because the memory BIO only reads the span's bytes, and is gone before the call returns.
        let key: OpaquePointer? = unsafe pem.withUnsafeBufferPointer { pem in
            guard let length = Int32(exactly: pem.count), length > 0,
                let bio = unsafe BIO_new_mem_buf(pem.baseAddress, length)
            else { return nil }
            defer {
                unsafe BIO_free(bio)
                ERR_clear_error()
            }
            return unsafe PEM_read_bio_PrivateKey(bio, nil, noPassword, nil)
        }
        guard let key = unsafe key else { throw .malformed }
        return unsafe key
    }

    static func ed25519(seed: borrowing Span<UInt8>) throws(KeyError) -> OpaquePointer {
        // Safe because the library copies the 32 bytes.
        let key = unsafe seed.withUnsafeBufferPointer {
            unsafe EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, $0.baseAddress, $0.count)
        }
        guard let key = unsafe key else {
            ERR_clear_error()
            throw .invalid
        }
        return unsafe key
    }

    static func generate(_ kind: KeyKind) throws(KeyError) -> OpaquePointer {
        var key: OpaquePointer?
        guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, typeName(kind), nil) else {
            throw .invalid
        }
        // Safe because the context is ours.
        defer {
            unsafe EVP_PKEY_CTX_free(context)
            ERR_clear_error()
        }
        guard unsafe EVP_PKEY_keygen_init(context) == 1, unsafe configure(context, kind),
            unsafe EVP_PKEY_generate(context, &key) == 1, let key = unsafe key
        else { throw .invalid }
        return unsafe key
    }

    static func kind(of key: OpaquePointer) throws(KeyError) -> KeyKind {
        switch unsafe EVP_PKEY_get_base_id(key) {
        case EVP_PKEY_RSA: return .rsa
        case EVP_PKEY_ED25519: return .ed25519
        case EVP_PKEY_EC:
            var name = [CChar](repeating: 0, count: 64)
            var written = 0
            // Safe because the library writes at most the given size, with its zero byte.
            guard unsafe EVP_PKEY_get_utf8_string_param(key, "group", &name, name.count, &written) == 1
            else { throw .wrongKind }
            let bytes = name[..<min(written, name.count)].map { UInt8(bitPattern: $0) }
            for curve in EllipticCurve.allCases where bytes.span.equals(groupName(curve)) {
                return .ec(curve)
            }
            throw .wrongKind
        default: throw .wrongKind
        }
    }

    static func publicMembers(of key: OpaquePointer, kind: KeyKind) throws(KeyError) -> PublicKeyMembers {
        switch kind {
        case .rsa:
            let n = try unsafe number(key, "n", padded: nil)
            let e = try unsafe number(key, "e", padded: nil)
            try RSAPolicy.check(modulus: n.span, exponent: e.span)
            return .rsa(n: n, e: e)
        case .ec(let curve):
            let count = curve.coordinateByteCount
            return .ec(
                curve,
                x: try unsafe number(key, "qx", padded: count),
                y: try unsafe number(key, "qy", padded: count)
            )
        case .ed25519:
            var x = [UInt8](repeating: 0, count: 32)
            var count = 32
            // Safe because the array has the 32 bytes that an Ed25519 key writes.
            guard unsafe EVP_PKEY_get_raw_public_key(key, &x, &count) == 1, count == 32 else {
                throw .invalid
            }
            return .ed25519(x: x)
        }
    }

    /// Unencrypted PKCS #8.
    static func write(_ key: OpaquePointer) throws(KeyError) -> Secret {
        guard let bio = unsafe BIO_new(BIO_s_secmem()) else { throw .invalid }
        // Safe because the BIO and what it holds are ours until it is freed, which clears it.
        defer { unsafe BIO_free(bio) }
        var text: UnsafeMutablePointer<CChar>?
        guard unsafe PEM_write_bio_PKCS8PrivateKey(bio, key, nil, nil, 0, nil, nil) == 1 else {
            throw .invalid
        }
        let count = unsafe bulkhead_bio_memory(bio, &text)
        guard count > 0, let text = unsafe text else { throw .invalid }
        return unsafe Secret(count: count) { output in
            unsafe output.update(
                from: UnsafeRawPointer(text).assumingMemoryBound(to: UInt8.self),
                count: count
            )
        }
    }

    private static func number(
        _ key: OpaquePointer,
        _ name: String,
        padded: Int?
    ) throws(KeyError) -> [UInt8] {
        var value: OpaquePointer?
        guard unsafe EVP_PKEY_get_bn_param(key, name, &value) == 1, let value = unsafe value else {
            throw .invalid
        }
        // Safe because the number is ours, and the array has the room that is named.
        defer { unsafe BN_free(value) }
        let count = padded ?? Int((unsafe BN_num_bits(value) + 7) / 8)
        var bytes = [UInt8](repeating: 0, count: count)
        guard unsafe BN_bn2binpad(value, &bytes, Int32(count)) == Int32(count) else { throw .invalid }
        return bytes
    }

    private static func configure(_ context: OpaquePointer, _ kind: KeyKind) -> Bool {
        switch kind {
        case .rsa: return unsafe EVP_PKEY_CTX_set_rsa_keygen_bits(context, Int32(RSAPolicy.minimumBits)) == 1
        case .ed25519: return true
        case .ec(let curve):
            let group = groupName(curve)
            // Safe because a static string ends with a zero byte.
            let name = unsafe UnsafeRawPointer(group.utf8Start).assumingMemoryBound(to: CChar.self)
            return unsafe EVP_PKEY_CTX_set_group_name(context, name) == 1
        }
    }

    private static func typeName(_ kind: KeyKind) -> String {
        switch kind {
        case .rsa: "RSA"
        case .ec: "EC"
        case .ed25519: "ED25519"
        }
    }

    private static func groupName(_ curve: EllipticCurve) -> StaticString {
        switch curve {
        case .p256: "prime256v1"
        case .p384: "secp384r1"
        case .p521: "secp521r1"
        }
    }
}
