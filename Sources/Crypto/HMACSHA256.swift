// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// HMAC-SHA-256 under one key (RFC 2104), kept ready: one per worker and key.
/// Cost: about 200 ns for a short message; no allocation after `init`.
@safe
package struct HMACSHA256: ~Copyable, @unchecked Sendable {
    /// Three states: that of the inner digest once it has read the key, the same of the outer one, and one to work on.
    private let states: UnsafeMutablePointer<SHA256_CTX>
    private static let stateCount = 3

    /// Any length of key; keys made by `HKDF.derive` have 32 bytes.
    package init(key: borrowing Span<UInt8>) {
        unsafe states = .allocate(capacity: Self.stateCount)
        unsafe states.initialize(repeating: SHA256_CTX(), count: Self.stateCount)
        unsafe Self.start(states, key, 0x36)
        unsafe Self.start(states + 1, key, 0x5C)
    }

    package init(key: Secret) { self.init(key: key.bytes) }

    deinit {
        // Safe because the states are ours; what they hold is as good as the key.
        unsafe OPENSSL_cleanse(states, Self.stateCount * MemoryLayout<SHA256_CTX>.stride)
        unsafe states.deallocate()
    }

    /// The authenticator of `message`.
    package mutating func authenticate(_ message: borrowing Span<UInt8>) -> Digest {
        authenticate(message, Span())
    }

    /// The authenticator of `first` followed by `second`, without joining them in memory.
    package mutating func authenticate(
        _ first: borrowing Span<UInt8>,
        _ second: borrowing Span<UInt8>
    ) -> Digest {
        // Safe because all three states are there, and a state may be copied.
        let state = unsafe states + 2
        unsafe state.pointee = states.pointee
        unsafe state.update(first)
        unsafe state.update(second)
        let inner = unsafe state.finish()
        unsafe state.pointee = (states + 1).pointee
        unsafe state.update(inner.bytes)
        return unsafe state.finish()
    }

    /// Starts a digest with the key, made as long as a block, each byte combined with `pad` (RFC 2104 §2).
    private static func start(
        _ state: UnsafeMutablePointer<SHA256_CTX>,
        _ key: borrowing Span<UInt8>,
        _ pad: UInt8
    ) {
        let shortened = SHA256.hash(key)
        var block = InlineArray<64, UInt8>(repeating: pad)
        if key.count > block.count {
            for index in shortened.bytes.indices { block[index] ^= shortened.bytes[index] }
        } else {
            for index in key.indices { block[index] ^= key[index] }
        }
        // Safe because the state is the caller's, and the block a local, which is wiped.
        unsafe bulkhead_sha256_start(state)
        unsafe state.update(block.span)
        unsafe withUnsafeMutablePointer(to: &block) { unsafe OPENSSL_cleanse($0, 64) }
    }
}
