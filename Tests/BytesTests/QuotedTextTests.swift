// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

/// Blocks of text inside quotes, beside what a reader of one character at a time says.
@Suite struct QuotedTextTests {
    /// What `quotedTextEnd` is to answer.
    private func expected(_ bytes: [UInt8], from start: Int) -> Int {
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x20 || byte == 0x22 || byte == 0x5C { return index }
            guard case .character(let length) = bytes.span.utf8Step(at: index) else { return index }
            index += length
        }
        return index
    }

    private func boundaries(_ bytes: [UInt8]) -> [Int] {
        var starts = [0]
        while let last = starts.last, last < bytes.count,
            case .character(let length) = bytes.span.utf8Step(at: last)
        {
            starts.append(last + length)
        }
        return starts
    }

    private func compare(_ bytes: [UInt8], _ seed: UInt64 = 0) {
        for start in boundaries(bytes) {
            let found = bytes.span.quotedTextEnd(from: start)
            if found != expected(bytes, from: start) {
                Issue.record(
                    "\(bytes) from \(start): \(found), not \(expected(bytes, from: start)); seed \(seed)"
                )
                return
            }
        }
    }

    private static let characters: [[UInt8]] = [
        "a", "ß", "好", "𝄞", "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}",
        "\u{E000}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}", " ",
    ].map { Array($0.utf8) }

    private static let wrong: [[UInt8]] = [
        [0x80], [0xBF], [0xC0], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC3, 0x28], [0xE0], [0xE0, 0xA0],
        [0xE0, 0x9F, 0xBF],
        [0xE2, 0x28, 0xA1], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x8F, 0xBF, 0xBF],
        [0xF0, 0x90, 0x80], [0xF0],
        [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF], [0x22], [0x5C], [0x00], [0x1F],
        [0x0A],
    ]

    /// Everything that ends a text, at every place of a block, behind characters of every length.
    @Test func eachEndAtEachPlace() {
        for end in Self.wrong {
            for character in Self.characters {
                for place in 0..<40 {
                    var bytes = [UInt8](repeating: UInt8(ascii: "x"), count: place)
                    bytes += character
                    compare(bytes + end)
                    compare(bytes + end + Array("and some more text behind it".utf8))
                }
            }
        }
    }

    @Test func everyPairOfBytes() {
        for first in UInt8.min...UInt8.max {
            for second in stride(from: UInt8(0), through: 0xFE, by: first >= 0xC0 ? 1 : 7) {
                let bytes = Array("0123456789".utf8) + [first, second, 0x80, 0xBF] + Array("0123456789".utf8)
                compare(bytes)
            }
        }
    }

    @Test func randomTexts() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var state = seed
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        for round in 0..<1500 {
            var bytes: [UInt8] = []
            // Some of ASCII alone, some of few other characters, some of nothing else.
            let share = [0, 10, 50, 100][round % 4]
            for _ in 0..<random(60) {
                bytes +=
                    random(100) < share
                    ? Self.characters[random(Self.characters.count)] : [UInt8(0x61 + random(20))]
            }
            compare(bytes, seed)
            if !bytes.isEmpty {
                bytes[random(bytes.count)] = UInt8(random(256))
                compare(bytes, seed)
                compare(Array(bytes.dropLast(random(3))), seed)
            }
        }
    }

    @Test func digits() {
        for count in 0..<30 {
            for value in UInt8.min...UInt8.max where !(0x30...0x39).contains(value) {
                let bytes = (0..<count).map { UInt8(0x30 + $0 % 10) } + [value] + Array("99999999999".utf8)
                #expect(bytes.span.digitsEnd(from: 0) == count)
            }
            let whole = [UInt8](repeating: 0x39, count: count)
            #expect(whole.span.digitsEnd(from: 0) == count)
        }
    }
}
