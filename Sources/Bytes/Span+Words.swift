// SPDX-License-Identifier: Apache-2.0

/// Loops over a span eight bytes at a time, for what every head and every value passes through.
extension Span<UInt8> {
    /// Index of the first byte at or after `start` that a field value may not hold: a control byte other than
    /// tab (RFC 9110 §5.5). Nil when all of them may.
    /// Cost: about a third of a nanosecond for each byte.
    package func firstIndexOutsideFieldValue(from start: Int = 0) -> Int? {
        guard start < count else { return nil }
        let end = count
        // Safe because eight bytes are loaded only where eight bytes are left.
        return unsafe withUnsafeBufferPointer { pointer in
            let base = unsafe UnsafeRawPointer(pointer.baseAddress!)
            var index = start
            while index < end {
                while index &+ 8 <= end {
                    let word = unsafe UInt64(
                        littleEndian: base.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    )
                    let found = Self.controls(word)
                    if found != 0 {
                        index &+= found.trailingZeroBitCount >> 3
                        break
                    }
                    index &+= 8
                }
                // The byte that stopped the words, or one of the last seven.
                guard index < end else { return nil }
                if !ASCII.isFieldValue(unsafe pointer[index]) { return index }
                index &+= 1
            }
            return nil
        }
    }

    /// Whether both spell the same name, without regard to the case of ASCII letters.
    package func equalsIgnoringCase(_ other: borrowing Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        let length = count
        guard length > 0 else { return true }
        // Safe because both ranges hold `length` bytes.
        return unsafe withUnsafeBufferPointer { left in
            unsafe other.withUnsafeBufferPointer { right in
                unsafe Self.equalIgnoringCase(
                    UnsafeRawPointer(left.baseAddress!),
                    UnsafeRawPointer(right.baseAddress!),
                    count: length
                )
            }
        }
    }

    /// Whether the bytes are one token (RFC 9110 §5.6.2): not empty, and nothing else in them.
    package var isToken: Bool {
        for index in indices where !ASCII.isToken(self[index]) { return false }
        return !isEmpty
    }

    /// Both pointers must have `count` readable bytes.
    @unsafe
    static func equalIgnoringCase(
        _ left: UnsafeRawPointer,
        _ right: UnsafeRawPointer,
        count: Int
    ) -> Bool {
        var index = 0
        while index &+ 8 <= count {
            let one = unsafe left.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let two = unsafe right.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            if one != two && lowercased(one) != lowercased(two) { return false }
            index &+= 8
        }
        while index < count {
            let one = unsafe left.load(fromByteOffset: index, as: UInt8.self)
            let two = unsafe right.load(fromByteOffset: index, as: UInt8.self)
            if ASCII.lowercased(one) != ASCII.lowercased(two) { return false }
            index &+= 1
        }
        return true
    }

    /// The top bit of each byte that is below 0x20 or 0x7F. Bytes above a marked one may be marked wrongly, so
    /// only the lowest mark counts.
    @inline(__always)
    private static func controls(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let delete = word ^ (ones &* 0x7F)
        let low = (word &- ones &* 0x20) & ~word
        return (low | ((delete &- ones) & ~delete)) & (ones &* 0x80)
    }

    @inline(__always)
    private static func lowercased(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let heptets = word & (ones &* 0x7F)
        let aboveZ = heptets &+ ones &* (0x7F - 0x5A)
        let fromA = heptets &+ ones &* (0x80 - 0x41)
        let upper = ~word & (fromA ^ aboveZ) & (ones &* 0x80)
        return word | (upper >> 2)
    }
}
