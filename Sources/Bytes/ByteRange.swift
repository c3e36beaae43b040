// SPDX-License-Identifier: Apache-2.0

/// Where some bytes stand in a buffer: what a parser keeps instead of a span, which it cannot store.
package struct ByteRange: Hashable, Sendable {
    package var start: Int
    package var count: Int

    package init(start: Int, count: Int) {
        precondition(start >= 0 && count >= 0, "a range of bytes cannot be negative")
        self.start = start
        self.count = count
    }

    package var end: Int { start + count }
    package var isEmpty: Bool { count == 0 }
}

extension Span<UInt8> {
    /// The bytes at `range`, which must lie inside the span.
    @_lifetime(copy self)
    package func extracting(_ range: ByteRange) -> Span<UInt8> {
        extracting(range.start..<range.end)
    }
}

extension StaticString {
    /// The literal's bytes.
    package var bytes: Span<UInt8> {
        @_lifetime(immortal) get {
            // Safe because a literal's bytes live for the whole process.
            let all = unsafe UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
            return unsafe _overrideLifetime(Span(_unsafeElements: all), copying: ())
        }
    }
}
