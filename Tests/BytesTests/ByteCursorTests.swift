// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@Suite struct ByteCursorTests {
    @Test func readsWhatWasWritten() {
        var buffer = Buffer()
        buffer.append(UInt8(7))
        buffer.append(bigEndian: UInt16(0xABCD))
        buffer.append(bigEndian: UInt64(0x0102_0304_0506_0708))
        buffer.append(bigEndian: UInt16(3))
        buffer.append("abc")
        buffer.append(bigEndian: UInt16(0))
        let bytes = buffer.bytes.array()
        #expect(bytes.starts(with: [7, 0xAB, 0xCD, 1, 2, 3, 4, 5, 6, 7, 8, 0, 3, 0x61]))
        var cursor = ByteCursor(bytes.span)
        let byte = cursor.byte()
        let short = cursor.uint16()
        let long = cursor.uint64()
        let text = cursor.text()
        let empty = cursor.prefixed()
        let rest = cursor.remaining
        #expect(byte == 7 && short == 0xABCD && long == 0x0102_0304_0506_0708 && text == "abc")
        #expect(empty == ByteRange(start: bytes.count, count: 0) && rest == 0)
    }

    /// Whatever does not fit moves nothing.
    @Test func tooLittleIsNil() {
        for bytes: [UInt8] in [[], [0], [0, 5, 1, 2], [0xFF, 0xFF, 0]] {
            var cursor = ByteCursor(bytes.span)
            let prefixed = cursor.prefixed()
            let text = cursor.text()
            let long = cursor.uint64()
            let taken = cursor.take(bytes.count + 1)
            let negative = cursor.take(-1)
            let position = cursor.position
            #expect(prefixed == nil && text == nil && long == nil && taken == nil && negative == nil)
            #expect(position == 0)
        }
        let malformed: [UInt8] = [0, 2, 0xC3, 0x28]
        var cursor = ByteCursor(malformed.span)
        let text = cursor.text()
        let raw = cursor.prefixed()
        #expect(text == nil && raw == ByteRange(start: 2, count: 2), "no text, but bytes")
    }
}
