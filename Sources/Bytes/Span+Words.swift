// SPDX-License-Identifier: Apache-2.0

/// Loops over a span eight bytes at a time, for what every head and every value passes through.
extension Span<UInt8> {
    /// Index of the first byte at or after `start` that a field value may not hold: a control byte other than
    /// tab (RFC 9110 §5.5). Nil when all of them may.
    /// Cost: about two instructions for each byte.
    package func firstIndexOutsideFieldValue(from start: Int = 0) -> Int? {
        guard start < count else { return nil }
        let end = count
        // Safe because eight bytes are loaded only where the span has eight: at `index`, or its last ones.
        return unsafe withUnsafeBufferPointer { pointer in
            let base = unsafe UnsafeRawPointer(pointer.baseAddress!)
            var index = start
            while index < end {
                let left = end &- index
                var word: UInt64
                if left >= 8 {
                    word = unsafe Self.load(base, index)
                } else if end >= 8 {
                    let bits = UInt64(left &* 8)
                    word = unsafe Self.load(base, end &- 8) >> (64 &- bits)
                    word |= 0x2020_2020_2020_2020 << bits
                } else {
                    word = unsafe UInt64(pointer[index]) | 0x2020_2020_2020_2000
                    if Self.controls(word) == 0 {
                        index &+= 1
                        continue
                    }
                }
                let found = Self.controls(word)
                if found == 0 {
                    index &+= 8
                    continue
                }
                index &+= found.trailingZeroBitCount >> 3
                if unsafe pointer[index] != ASCII.tab { return index }
                index &+= 1
            }
            return nil
        }
    }

    /// Index of the first byte at or after `start` that is neither letter, digit nor hyphen, or `count`: as far as
    /// most names and path segments need no closer look.
    package func wordEnd(from start: Int = 0) -> Int {
        guard start < count else { return count }
        let end = count
        // Safe because eight bytes are loaded only where eight are left.
        return unsafe withUnsafeBufferPointer { pointer in
            let base = unsafe UnsafeRawPointer(pointer.baseAddress!)
            var index = start
            while index &+ 8 <= end {
                let others = unsafe Self.others(Self.load(base, index))
                if others != 0 { return index &+ (others.trailingZeroBitCount >> 3) }
                index &+= 8
            }
            while index < end {
                let byte = unsafe pointer[index]
                guard ASCII.isAlphanumeric(byte) || byte == UInt8(ascii: "-") else { return index }
                index &+= 1
            }
            return end
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
    @inlinable
    package var isToken: Bool {
        for index in indices where !ASCII.isToken(self[index]) { return false }
        return !isEmpty
    }

    /// Both pointers must have `count` readable bytes.
    /// - Parameter isLower: a constant: whether `right` is in lower case already.
    @unsafe @inline(__always)
    static func equalIgnoringCase(
        _ left: UnsafeRawPointer,
        _ right: UnsafeRawPointer,
        count: Int,
        isLower: Bool = false
    ) -> Bool {
        guard count >= 8 else {
            for index in 0..<count {
                let one = unsafe left.load(fromByteOffset: index, as: UInt8.self)
                let two = unsafe right.load(fromByteOffset: index, as: UInt8.self)
                if ASCII.lowercased(one) != (isLower ? two : ASCII.lowercased(two)) { return false }
            }
            return true
        }
        var index = 0
        while true {
            let one = unsafe load(left, index)
            let two = unsafe load(right, index)
            if lowercased(one) != (isLower ? two : lowercased(two)) { return false }
            index &+= 8
            if index == count { return true }
            // The last words overlap, so that no byte is left over.
            if index > count &- 8 { index = count &- 8 }
        }
    }

    @unsafe @inline(__always)
    private static func load(_ base: UnsafeRawPointer, _ index: Int) -> UInt64 {
        UInt64(littleEndian: unsafe base.loadUnaligned(fromByteOffset: index, as: UInt64.self))
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

    /// The top bit of each byte that is neither letter, digit nor hyphen. Exact in every byte: no sum carries over.
    @inline(__always)
    private static func others(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let high = ones &* 0x80
        let seven = word & ~high
        let folded = seven | ones &* 0x20
        let letters = (folded &+ ones &* (0x80 - 0x61)) & ~(folded &+ ones &* (0x80 - 0x7B))
        let digits = (seven &+ ones &* (0x80 - 0x30)) & ~(seven &+ ones &* (0x80 - 0x3A))
        let hyphens = ~((seven ^ ones &* 0x2D) &+ ones &* 0x7F)
        return ~((letters | digits | hyphens) & ~word) & high
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
