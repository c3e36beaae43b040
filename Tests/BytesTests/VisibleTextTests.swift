// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@Suite("Text that shows just what it is")
struct VisibleTextTests {
    @Test("Each byte value at each place, from each start, ends the text or does not")
    func everyByte() {
        for value in UInt8.min...UInt8.max {
            let isVisible =
                (0x20..<0x7F).contains(value) && value != ASCII.quote && value != UInt8(ascii: "\\")
            for count in [1, 7, 8, 9, 15, 16, 17, 25] {
                for place in 0..<count {
                    var text = [UInt8](repeating: UInt8(ascii: "a"), count: count)
                    text[place] = value
                    for start in [0, place, max(place - 3, 0)] {
                        #expect(text.span.visibleTextEnd(from: start) == (isVisible ? count : place))
                    }
                }
            }
        }
    }

    @Test("The first of several ends it; what stands before the start does not count")
    func several() {
        let text: [UInt8] = Array("\u{7F}bcdefgh\u{80}\u{7F}".utf8)
        #expect(text.span.visibleTextEnd(from: 0) == 0)
        #expect(text.span.visibleTextEnd(from: 1) == 8)
        let clean: [UInt8] = Array("\"234567890".utf8)
        #expect(clean.span.visibleTextEnd(from: 1) == 10)
        #expect(clean.span.visibleTextEnd(from: 10) == 10)
        let none: [UInt8] = []
        #expect(none.span.visibleTextEnd(from: 0) == 0)
    }

    @Test("Three pieces at once")
    func pieces() {
        var buffer = Buffer()
        let none: [UInt8] = []
        let text: [UInt8] = Array(repeating: 0x61, count: 1000)
        buffer.append("", none.span, 0x21)
        buffer.append("ab", text.span, 0x22)
        #expect(buffer.bytes.array() == [0x21, 0x61, 0x62] + text + [0x22])
    }

    @Test("Nothing, appended to a buffer without storage, changes nothing")
    func nothing() {
        var buffer = Buffer()
        buffer.append("")
        buffer.append(decimal: 7, digits: 0)
        // Safe because nothing is written.
        unsafe buffer.append(upTo: 0) { $0.count }
        let isEmpty = buffer.isEmpty
        #expect(isEmpty)
    }
}
