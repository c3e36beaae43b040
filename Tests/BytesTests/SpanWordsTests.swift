// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@Suite struct SpanWordsTests {
    @Test func fieldValueBytesAreThoseOfTheRFC() {
        for length in 1...40 {
            for byte in UInt8.min...UInt8.max {
                for position in Set([0, length / 2, length - 1]) {
                    var text = [UInt8](repeating: UInt8(ascii: "v"), count: length)
                    text[position] = byte
                    let allowed = byte == 9 || (byte >= 32 && byte != 127)
                    #expect(text.span.firstIndexOutsideFieldValue() == (allowed ? nil : position))
                }
            }
        }
    }

    @Test func theFirstOfSeveralIsFound() {
        // A fixed sequence of 64-bit numbers (Knuth's constants), each drawn as one text.
        var state: UInt64 = 7
        func next(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        for _ in 0..<2000 {
            let text = (0..<Int(next(41))).map { _ in
                next(4) == 0 ? UInt8(next(256)) : UInt8(ascii: "a")
            }
            let expected = text.firstIndex { !ASCII.isFieldValue($0) }
            #expect(text.span.firstIndexOutsideFieldValue() == expected, "\(text)")
            let start = Int(next(UInt64(text.count) + 1))
            let later = text.indices.first { $0 >= start && !ASCII.isFieldValue(text[$0]) }
            #expect(text.span.firstIndexOutsideFieldValue(from: start) == later, "\(text) from \(start)")
        }
    }

    @Test func wordsEndAtTheFirstOtherByte() {
        for byte in UInt8.min...UInt8.max {
            for length in [1, 5, 8, 9, 17] {
                var text = [UInt8](repeating: UInt8(ascii: "w"), count: length)
                text[length - 1] = byte
                text[length / 2] = byte
                let isWord = ASCII.isAlphanumeric(byte) || byte == UInt8(ascii: "-")
                #expect(text.span.wordEnd() == (isWord ? length : length / 2))
                #expect(text.span.wordEnd(from: length) == length)
            }
        }
    }

    @Test func caseIsIgnoredForLettersAlone() {
        for length in [1, 7, 8, 9, 20] {
            for one in UInt8.min...UInt8.max {
                for two in UInt8.min...UInt8.max {
                    var left = [UInt8](repeating: UInt8(ascii: "Q"), count: length)
                    var right = [UInt8](repeating: UInt8(ascii: "q"), count: length)
                    left[length / 2] = one
                    right[length / 2] = two
                    let same = ASCII.lowercased(one) == ASCII.lowercased(two)
                    if left.span.equalsIgnoringCase(right.span) != same {
                        Issue.record("\(one) and \(two) at \(length)")
                    }
                }
            }
        }
        #expect(Array("Content-Length".utf8).span.equalsIgnoringCase("content-length") == true)
        #expect(Array("Content_Length".utf8).span.equalsIgnoringCase("content-length") == false)
    }

    @Test func tokensAreWhole() {
        #expect(Array("x-1".utf8).span.isToken == true)
        for text in ["", "a b", "a:", "é", "a\r"] { #expect(Array(text.utf8).span.isToken == false) }
        #expect(ASCII.uppercased(UInt8(ascii: "f")) == UInt8(ascii: "F"))
        #expect(ASCII.uppercased(UInt8(ascii: "9")) == UInt8(ascii: "9"))
    }
}
