// SPDX-License-Identifier: Apache-2.0

/// Reads a binary encoding from front to back. Every read answers nil, and moves nothing, where too little is
/// left. Numbers are big-endian.
package struct ByteCursor: ~Escapable {
    private let bytes: Span<UInt8>
    /// Offset of the next byte.
    package private(set) var position = 0

    @_lifetime(copy bytes)
    package init(_ bytes: Span<UInt8>) { self.bytes = bytes }

    package var remaining: Int { bytes.count - position }

    package mutating func byte() -> UInt8? {
        guard remaining >= 1 else { return nil }
        position += 1
        return bytes[position - 1]
    }

    package mutating func uint16() -> UInt16? { number(2).map { UInt16($0) } }
    package mutating func uint64() -> UInt64? { number(8) }

    /// The next `count` bytes.
    package mutating func take(_ count: Int) -> ByteRange? {
        guard count >= 0, count <= remaining else { return nil }
        position += count
        return ByteRange(start: position - count, count: count)
    }

    /// Bytes that have their count in two bytes before them.
    package mutating func prefixed() -> ByteRange? {
        let before = position
        if let count = uint16(), let range = take(Int(count)) { return range }
        position = before
        return nil
    }

    /// The same as text; nil for what is not UTF-8, too. Cost: allocates.
    package mutating func text() -> String? {
        let before = position
        if let range = prefixed(), let text = bytes.extracting(range).string() { return text }
        position = before
        return nil
    }

    private mutating func number(_ count: Int) -> UInt64? {
        guard let range = take(count) else { return nil }
        var value: UInt64 = 0
        for index in range.start..<range.end { value = value << 8 | UInt64(bytes[index]) }
        return value
    }
}

extension Buffer {
    package mutating func append(bigEndian value: UInt16) {
        append(UInt8(value >> 8))
        append(UInt8(value & 0xFF))
    }

    package mutating func append(bigEndian value: UInt64) {
        var shift: UInt64 = 64
        while shift > 0 {
            shift -= 8
            append(UInt8((value >> shift) & 0xFF))
        }
    }
}
