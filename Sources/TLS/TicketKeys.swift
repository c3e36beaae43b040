// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL
internal import Crypto
internal import Synchronization

/// The keys of one listener's session tickets, derived from secrets that may be shared by a fleet and salted with
/// the listener's trust settings: a ticket of a listener that trusts otherwise does not open here (THREATS 19).
/// The first key seals, all of them open. Shared by all threads; the lock is held to copy one reference.
@safe
final class TicketKeys: Sendable {
    static let nameByteCount = 16
    private static let cipherKeyByteCount = 32
    private static let macKeyByteCount = 32
    private static let byteCount = nameByteCount + cipherKeyByteCount + macKeyByteCount

    private let salt: Digest
    private let keys: Mutex<[Secret]>
    private nonisolated(unsafe) let cipher: OpaquePointer

    /// Without secrets one is made at random: tickets are then good for this context's life only.
    init(secrets: [Secret], salt: Digest) {
        guard let cipher = unsafe EVP_CIPHER_fetch(nil, "AES-256-CBC", nil) else {
            preconditionFailure("this OpenSSL has no AES-256")
        }
        unsafe self.cipher = cipher
        self.salt = salt
        keys = Mutex(secrets.isEmpty ? [Self.random()] : secrets.map { Self.derive($0, salt) })
    }

    deinit { unsafe EVP_CIPHER_free(cipher) }

    func replace(secrets: [Secret]) {
        let next = secrets.map { Self.derive($0, salt) }
        keys.withLock { $0 = next }
    }

    private static func derive(_ secret: Secret, _ salt: Digest) -> Secret {
        let label: [UInt8] = Array("bulkhead tls ticket v1".utf8)
        return HKDF.derive(from: secret, salt: salt.bytes, label: label.span, count: byteCount)
    }

    private static func random() -> Secret {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        // Safe because the array has the room that is named.
        let made = unsafe RAND_priv_bytes(&bytes, Int32(byteCount))
        precondition(made == 1, "no randomness")
        return Secret(copying: bytes.span)
    }

    /// Seals: chooses the newest key, a fresh IV, and readies both contexts. False when anything fails.
    @unsafe
    func seal(
        name: UnsafeMutablePointer<UInt8>,
        iv: UnsafeMutablePointer<UInt8>,
        _ cipherContext: OpaquePointer,
        _ macContext: OpaquePointer
    ) -> Bool {
        guard let key = keys.withLock({ $0.first }) else { return false }
        // Safe because the library gives room for a 16-byte name and an IV of up to 16 bytes.
        guard unsafe RAND_bytes(iv, 16) == 1 else { return false }
        for index in 0..<Self.nameByteCount { unsafe name[index] = key.bytes[index] }
        return unsafe ready(key, iv, cipherContext, macContext, encrypting: true)
    }

    /// Opens: nil when no key has the name, else whether the key is the newest.
    @unsafe
    func open(
        name: UnsafeMutablePointer<UInt8>,
        iv: UnsafeMutablePointer<UInt8>,
        _ cipherContext: OpaquePointer,
        _ macContext: OpaquePointer
    ) -> Bool? {
        let keys = keys.withLock { $0 }
        // Safe because the library gives 16 bytes of name.
        let named = unsafe UnsafeBufferPointer(start: name, count: Self.nameByteCount)
        for (index, key) in keys.enumerated()
        where unsafe constantTimeEquals(
            key.bytes.extracting(0..<Self.nameByteCount),
            Span(_unsafeElements: named)
        ) {
            return unsafe ready(key, iv, cipherContext, macContext, encrypting: false) ? index == 0 : nil
        }
        return nil
    }

    private func ready(
        _ key: Secret,
        _ iv: UnsafeMutablePointer<UInt8>,
        _ cipherContext: OpaquePointer,
        _ macContext: OpaquePointer,
        encrypting: Bool
    ) -> Bool {
        let macStart = Self.nameByteCount + Self.cipherKeyByteCount
        // Safe because the secret has `byteCount` bytes, and both contexts copy their keys.
        return unsafe key.bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return false }
            let digest: StaticString = "SHA256"
            let list = unsafe [
                OSSL_PARAM_construct_utf8_string(
                    UnsafeRawPointer(("digest" as StaticString).utf8Start).assumingMemoryBound(
                        to: CChar.self
                    ),
                    UnsafeMutableRawPointer(mutating: digest.utf8Start).assumingMemoryBound(to: CChar.self),
                    0
                ),
                OSSL_PARAM_construct_end(),
            ]
            return unsafe EVP_CipherInit_ex2(
                cipherContext,
                cipher,
                base + Self.nameByteCount,
                iv,
                encrypting ? 1 : 0,
                nil
            ) == 1
                && list.withUnsafeBufferPointer {
                    unsafe EVP_MAC_init(macContext, base + macStart, Self.macKeyByteCount, $0.baseAddress)
                        == 1
                }
        }
    }
}
