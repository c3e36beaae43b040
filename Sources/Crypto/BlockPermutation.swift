// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// AES-128 on a single block: a keyed permutation of 16-byte values, used to seal a store's own ids.
/// It hides and binds only what fills the whole block; it is no mode of encryption for longer data.
/// Cost: about 20 ns; no allocation after `init`.
@safe
package struct BlockPermutation: ~Copyable, @unchecked Sendable {
    package typealias Block = [16 of UInt8]

    private let forward: OpaquePointer
    private let backward: OpaquePointer

    /// Nil unless the key has 16 bytes.
    package init?(key: borrowing Span<UInt8>) {
        guard key.count == 16 else { return nil }
        unsafe forward = BlockPermutation.context(key: key, encrypting: true)
        unsafe backward = BlockPermutation.context(key: key, encrypting: false)
    }

    package init?(key: Secret) { self.init(key: key.bytes) }

    deinit {
        unsafe EVP_CIPHER_CTX_free(forward)
        unsafe EVP_CIPHER_CTX_free(backward)
    }

    package mutating func encrypt(_ block: Block) -> Block { unsafe run(forward, block) }

    package mutating func decrypt(_ block: Block) -> Block { unsafe run(backward, block) }

    private static func context(key: borrowing Span<UInt8>, encrypting: Bool) -> OpaquePointer {
        guard let algorithm = unsafe EVP_CIPHER_fetch(nil, "AES-128-ECB", nil),
            let context = unsafe EVP_CIPHER_CTX_new()
        else { preconditionFailure("this OpenSSL has no AES-128") }
        // Safe because the context keeps its own reference to the algorithm and copies the key.
        let done = unsafe key.withUnsafeBufferPointer { key in
            unsafe EVP_CipherInit_ex2(context, algorithm, key.baseAddress, nil, encrypting ? 1 : 0, nil)
        }
        unsafe EVP_CIPHER_free(algorithm)
        precondition(done == 1, "AES-128 failed")
        unsafe EVP_CIPHER_CTX_set_padding(context, 0)
        return unsafe context
    }

    private mutating func run(_ context: OpaquePointer, _ block: Block) -> Block {
        var result = Block(repeating: 0)
        var input = block
        var written: Int32 = 0
        var output = result.mutableSpan
        var source = input.mutableSpan
        // Safe because both blocks have 16 bytes and, without padding, one block in gives one block out.
        let done = unsafe output.withUnsafeMutableBufferPointer { output in
            unsafe source.withUnsafeMutableBufferPointer { source in
                unsafe EVP_CipherUpdate(context, output.baseAddress, &written, source.baseAddress, 16)
            }
        }
        precondition(done == 1 && written == 16, "AES-128 failed")
        return result
    }
}
