// SPDX-License-Identifier: Apache-2.0
internal import COpenSSL

/// Bytes that must never show: keys, passwords. Described as `<redacted>` everywhere, mirrored as nothing,
/// compared in constant time, overwritten with zeros when the last reference goes.
@safe
package final class Secret: Sendable {
    private nonisolated(unsafe) let base: UnsafeMutablePointer<UInt8>
    package let count: Int

    /// A copy of `bytes`; the caller's own copy is the caller's to clear.
    package init(copying bytes: borrowing Span<UInt8>) {
        count = bytes.count
        unsafe base = .allocate(capacity: max(bytes.count, 1))
        for index in bytes.indices {
            // Safe because `count` bytes were allocated.
            unsafe (base + index).initialize(to: bytes[index])
        }
    }

    /// `count` bytes that `fill` writes; it gets them zeroed.
    init<E: Error>(count: Int, fill: (UnsafeMutablePointer<UInt8>) throws(E) -> Void) throws(E) {
        self.count = count
        unsafe base = .allocate(capacity: max(count, 1))
        unsafe base.initialize(repeating: 0, count: max(count, 1))
        // Safe because `count` bytes were allocated; on a throw, deinit clears and frees them.
        unsafe try fill(base)
    }

    deinit {
        // Safe because the block was allocated with at least this size.
        unsafe OPENSSL_cleanse(base, count)
        unsafe base.deallocate()
    }

    package var bytes: Span<UInt8> {
        @_lifetime(borrow self) get {
            // Safe because the block lives as long as self and nothing writes to it after init.
            let block = unsafe UnsafeBufferPointer(start: UnsafePointer(base), count: count)
            return unsafe _overrideLifetime(Span(_unsafeElements: block), borrowing: self)
        }
    }
}

extension Secret: Equatable {
    package static func == (left: Secret, right: Secret) -> Bool {
        constantTimeEquals(left.bytes, right.bytes)
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<redacted>" }
    package var debugDescription: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Whether both hold the same bytes, in a time that depends on their lengths alone.
package func constantTimeEquals(_ left: borrowing Span<UInt8>, _ right: borrowing Span<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    if left.isEmpty { return true }
    let count = left.count
    // Safe because both ranges hold `count` bytes.
    return unsafe left.withUnsafeBufferPointer { left in
        unsafe right.withUnsafeBufferPointer { right in
            unsafe CRYPTO_memcmp(left.baseAddress!, right.baseAddress!, count) == 0
        }
    }
}
