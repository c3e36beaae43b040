// SPDX-License-Identifier: Apache-2.0
import Glibc

extension Span<UInt8> {
    /// Index of the first `byte` at or after `start`, or nil. Cost: one `memchr`.
    package func firstIndex(of byte: UInt8, from start: Int = 0) -> Int? {
        guard start < count else { return nil }
        // Safe because the searched range lies inside the span.
        return unsafe withUnsafeBufferPointer { pointer in
            let base = pointer.baseAddress!
            guard let found = unsafe memchr(base + start, Int32(byte), count - start) else { return nil }
            return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
    }

    /// Cost: one `memcmp`. Not for secrets: see `Crypto` for a comparison in constant time.
    package func equals(_ other: borrowing Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        if isEmpty { return true }
        let length = count
        // Safe because both ranges hold `length` bytes.
        return unsafe withUnsafeBufferPointer { left in
            unsafe other.withUnsafeBufferPointer { right in
                unsafe memcmp(left.baseAddress!, right.baseAddress!, length) == 0
            }
        }
    }

    package func equals(_ literal: StaticString) -> Bool {
        guard count == literal.utf8CodeUnitCount else { return false }
        if isEmpty { return true }
        let length = count
        // Safe because both ranges hold `length` bytes, and a static string is never freed.
        return unsafe withUnsafeBufferPointer {
            unsafe memcmp($0.baseAddress!, literal.utf8Start, length) == 0
        }
    }

    package func equals(_ array: [UInt8]) -> Bool { equals(array.span) }

    package func hasPrefix(_ array: [UInt8]) -> Bool { hasPrefix(array.span) }

    /// Whether the ASCII letters match without regard to case; `literal` must be in lower case.
    package func equalsIgnoringCase(_ literal: StaticString) -> Bool {
        guard count == literal.utf8CodeUnitCount else { return false }
        let length = count
        guard length > 0 else { return true }
        // Safe because both ranges hold `length` bytes, and a static string is never freed.
        return unsafe withUnsafeBufferPointer {
            unsafe Self.equalIgnoringCase(
                UnsafeRawPointer($0.baseAddress!),
                UnsafeRawPointer(literal.utf8Start),
                count: length,
                isLower: true
            )
        }
    }

    /// The same against bytes in lower case.
    package func equalsIgnoringCase(_ lower: [UInt8]) -> Bool {
        guard count == lower.count else { return false }
        for index in indices where ASCII.lowercased(self[index]) != lower[index] { return false }
        return true
    }

    package func hasPrefix(_ literal: StaticString) -> Bool {
        let length = literal.utf8CodeUnitCount
        return count >= length && extracting(0..<length).equals(literal)
    }

    package func hasPrefix(_ other: borrowing Span<UInt8>) -> Bool {
        count >= other.count && extracting(0..<other.count).equals(other)
    }

    /// The same bytes without spaces and tabs at either end (RFC 9110 §5.6.3 OWS).
    @inlinable @_lifetime(copy self)
    package func trimmingOWS() -> Span<UInt8> {
        var start = 0
        var end = count
        while start < end, self[start] == ASCII.space || self[start] == ASCII.tab { start += 1 }
        while end > start, self[end - 1] == ASCII.space || self[end - 1] == ASCII.tab { end -= 1 }
        return extracting(start..<end)
    }

    /// A copy. Cost: one allocation.
    package func array() -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { target, initialised in
            initialised = count
            guard count > 0 else { return }
            // Safe because the array was made with room for `count` bytes.
            unsafe withUnsafeBufferPointer { source in
                _ = unsafe memcpy(target.baseAddress!, source.baseAddress!, source.count)
            }
        }
    }

    /// The bytes as text, or nil when they are not UTF-8. Cost: one allocation; for configuration and logs.
    package func string() -> String? {
        unsafe withUnsafeBufferPointer { unsafe String(validating: $0, as: UTF8.self) }
    }
}

extension Span<UInt8> {
    /// Feeds the bytes to `hasher` (seeded per process, so that a peer cannot choose collisions).
    package func hash(into hasher: inout Hasher) {
        // Safe because the hasher only reads the borrowed range.
        unsafe withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    }

    /// Whether these bytes come before `other` in lexicographic order. Cost: one `memcmp`.
    package func precedes(_ other: borrowing Span<UInt8>) -> Bool {
        let shorter = Swift.min(count, other.count)
        if shorter > 0 {
            // Safe because both ranges hold at least `shorter` bytes.
            let order = unsafe withUnsafeBufferPointer { left in
                unsafe other.withUnsafeBufferPointer { right in
                    unsafe memcmp(left.baseAddress!, right.baseAddress!, shorter)
                }
            }
            if order != 0 { return order < 0 }
        }
        return count < other.count
    }
}

extension Buffer {
    /// The unconsumed bytes as text, or nil when they are not UTF-8. Cost: one allocation.
    package var text: String? { bytes.string() }
}
