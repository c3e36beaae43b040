// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// Makes OpenSSL public keys of their parts. The caller owns what is returned.
enum PublicKey {
    static func rsa(
        modulus: borrowing Span<UInt8>,
        exponent: borrowing Span<UInt8>
    ) throws(KeyError) -> OpaquePointer {
        // OpenSSL takes integers in the machine's order; both are padded to it here.
        var n = littleEndian(modulus)
        var e = littleEndian(exponent)
        let key: OpaquePointer? = unsafe n.withUnsafeMutableBufferPointer { n in
            unsafe e.withUnsafeMutableBufferPointer { e in
                let list = unsafe [
                    integer("n", n), integer("e", e), OSSL_PARAM_construct_end(),
                ]
                return unsafe make("RSA", list)
            }
        }
        guard let key = unsafe key else { throw .invalid }
        return unsafe key
    }

    static func ec(
        curve: EllipticCurve,
        x: borrowing Span<UInt8>,
        y: borrowing Span<UInt8>
    ) throws(KeyError) -> OpaquePointer {
        var point: [UInt8] = [4]
        for index in x.indices { point.append(x[index]) }
        for index in y.indices { point.append(y[index]) }
        let key: OpaquePointer? = unsafe point.withUnsafeBufferPointer { point in
            let list = unsafe [
                parameter("group", text: curve.name), parameter("pub", octets: point),
                OSSL_PARAM_construct_end(),
            ]
            return unsafe make("EC", list)
        }
        guard let key = unsafe key else { throw .invalid }
        // Safe because the key is ours; the check covers range, curve equation and order.
        guard unsafe isValid(key) else {
            unsafe EVP_PKEY_free(key)
            throw .invalid
        }
        return unsafe key
    }

    static func ed25519(_ x: borrowing Span<UInt8>) throws(KeyError) -> OpaquePointer {
        // Safe because the library copies the 32 bytes.
        let key = unsafe x.withUnsafeBufferPointer {
            unsafe EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, $0.baseAddress, $0.count)
        }
        guard let key = unsafe key else {
            ERR_clear_error()
            throw .invalid
        }
        return unsafe key
    }

    private static func make(_ type: String, _ parameters: [OSSL_PARAM]) -> OpaquePointer? {
        guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, type, nil) else { return nil }
        // Safe because the context is ours, and the parameters are copied into the key before the call returns.
        defer {
            unsafe EVP_PKEY_CTX_free(context)
            ERR_clear_error()
        }
        guard unsafe EVP_PKEY_fromdata_init(context) == 1 else { return nil }
        var list = unsafe parameters
        var key: OpaquePointer?
        let done = unsafe list.withUnsafeMutableBufferPointer {
            unsafe EVP_PKEY_fromdata(context, &key, bulkhead_public_key_selection(), $0.baseAddress)
        }
        return unsafe done == 1 ? key : nil
    }

    private static func isValid(_ key: OpaquePointer) -> Bool {
        guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else { return false }
        // Safe because the context is ours.
        defer {
            unsafe EVP_PKEY_CTX_free(context)
            ERR_clear_error()
        }
        return unsafe EVP_PKEY_public_check(context) == 1
    }

    private static func littleEndian(_ number: borrowing Span<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(number.count)
        for index in number.indices.reversed() { bytes.append(number[index]) }
        return bytes
    }

    private static func integer(
        _ name: StaticString,
        _ bytes: UnsafeMutableBufferPointer<UInt8>
    ) -> OSSL_PARAM {
        // Safe because the name is static and the caller keeps the bytes until the key has been made.
        unsafe OSSL_PARAM_construct_BN(
            UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self),
            bytes.baseAddress,
            bytes.count
        )
    }
}
