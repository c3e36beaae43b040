// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// A SHA-256 or HMAC-SHA-256 value: 32 bytes held inline, so that it can be a dictionary key without an allocation.
/// `==` is not in constant time: use it for cache keys, and `constantTimeEquals` for authenticators.
@usableFromInline
package struct Digest: Hashable, Sendable {
    package static let byteCount = 32

    private var words: [4 of UInt64]

    /// All zero: a placeholder that no input is known to hash to.
    package init() { words = [0, 0, 0, 0] }

    /// Nil unless there are exactly 32 bytes.
    package init?(_ bytes: borrowing Span<UInt8>) {
        guard bytes.count == Digest.byteCount else { return nil }
        words = [0, 0, 0, 0]
        for index in bytes.indices {
            words[index >> 3] |= UInt64(bytes[index]) << UInt64((index & 7) * 8)
        }
        for index in words.indices { words[index] = UInt64(littleEndian: words[index]) }
    }

    /// The 32 bytes, borrowed from the value.
    package var bytes: Span<UInt8> {
        @_lifetime(borrow self) borrowing get {
            // Safe because the view is of this value's own inline storage, for the length of the borrow.
            unsafe _overrideLifetime(Span<UInt8>(_bytes: words.span.bytes), borrowing: self)
        }
    }

    @usableFromInline
    package static func == (left: Digest, right: Digest) -> Bool {
        (left.words[0] ^ right.words[0]) | (left.words[1] ^ right.words[1])
            | (left.words[2] ^ right.words[2]) | (left.words[3] ^ right.words[3]) == 0
    }

    /// One word is enough: the bits of a digest are uniform, and the hasher is seeded per process.
    @usableFromInline
    package func hash(into hasher: inout Hasher) { hasher.combine(words[0]) }

    /// Lets a C function write the 32 bytes.
    init(filledBy body: (UnsafeMutablePointer<UInt8>) -> Void) {
        words = [0, 0, 0, 0]
        var span = words.mutableSpan
        // Safe because the storage is 32 bytes, all of them initialised, and `body` writes no further.
        unsafe span.withUnsafeMutableBytes { raw in
            unsafe body(raw.baseAddress!.assumingMemoryBound(to: UInt8.self))
        }
    }
}

extension Digest: CustomStringConvertible {
    /// Lower-case hexadecimal. For logs and tests. Cost: allocates.
    @usableFromInline
    package var description: String { Hex.encode(bytes) }
}
