// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@Suite struct UTF8Tests {
    @Test func everyScalarIsOneStep() {
        for value in [0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF] as [UInt32] {
            var buffer = Buffer()
            buffer.append(scalar: Unicode.Scalar(value)!)
            let bytes = buffer.bytes.array()
            #expect(bytes == Array(String(Unicode.Scalar(value)!).utf8))
            #expect(bytes.span.utf8Step(at: 0) == .character(bytes.count))
            let valid = bytes.span.isUTF8
            #expect(valid)
            for count in 1..<max(bytes.count, 1) {
                #expect(Array(bytes[..<count]).span.utf8Step(at: 0) == .cut)
            }
        }
    }

    @Test(arguments: [
        [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x9F, 0x80], [0xED, 0xA0, 0x80], [0xF0, 0x8F, 0x80, 0x80],
        [0xF4, 0x90, 0x80, 0x80], [0xF5], [0xFF], [0xC3, 0x28], [0xE2, 0x28, 0xA1], [0xE2, 0x82, 0x28],
    ])
    func malformed(_ bytes: [UInt8]) {
        #expect(bytes.span.utf8Step(at: 0) == .invalid)
        let valid = bytes.span.isUTF8
        #expect(!valid)
    }

    /// Every byte at every place within and behind a block of eight.
    @Test func plainTextEndsAtTheFirstSpecialByte() {
        for place in 0..<20 {
            for value in UInt8.min...UInt8.max {
                var bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 20)
                bytes[place] = value
                let special = value < 0x20 || value >= 0x80 || value == 0x22 || value == 0x5C
                for start in [0, 1, 7] where start <= place {
                    #expect(bytes.span.plainTextEnd(from: start) == (special ? place : 20))
                }
            }
        }
        #expect([UInt8]().span.plainTextEnd(from: 0) == 0)
    }

    @Test func rangesAndLiterals() {
        let bytes = Array("tenant".utf8)
        let middle = bytes.span.extracting(ByteRange(start: 2, count: 3)).string()
        let literal = ("tenant" as StaticString).bytes.array()
        #expect(middle == "nan")
        #expect(literal == bytes)
        #expect(ByteRange(start: 2, count: 3).end == 5 && ByteRange(start: 2, count: 0).isEmpty)
    }
}
