// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@Suite struct Base64URLTests {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8
    )

    /// What RFC 4648 says, bit by bit.
    private static func reference(_ text: [UInt8]) -> [UInt8]? {
        var bits: [Bool] = []
        for character in text {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            for shift in (0..<6).reversed() { bits.append((value >> shift) & 1 == 1) }
        }
        let spare = bits.count % 8
        if spare >= 6 || bits.suffix(spare).contains(true) { return nil }
        return stride(from: 0, to: bits.count - spare, by: 8).map { start in
            bits[start..<start + 8].reduce(0) { $0 << 1 | ($1 ? 1 : 0) }
        }
    }

    /// Every byte at every place of texts of every remainder.
    @Test(arguments: 1...9) func decodesAsTheReferenceDoes(_ count: Int) {
        for place in 0..<count {
            for value in UInt8.min...UInt8.max {
                for filler in ["A", "w", "_"] {
                    var text = Array(String(repeating: filler, count: count).utf8)
                    text[place] = value
                    let decoded = Base64URL.decode(text.span)
                    #expect(decoded == Self.reference(text))
                    if let decoded { #expect(Base64URL.encode(decoded.span).utf8.elementsEqual(text)) }
                }
            }
        }
    }

    /// Also where no storage was ever needed.
    @Test func emptyIsEmpty() {
        var output = Buffer()
        Base64URL.encode([UInt8]().span, into: &output)
        let accepted = Base64URL.decode([UInt8]().span, into: &output)
        #expect(accepted && output.isEmpty)
        #expect(Base64URL.encode([UInt8]().span) == "" && Base64URL.decode([UInt8]().span) == [])
    }

    @Test func nothingIsAppendedForARefusal() {
        var output = Buffer()
        output.append("kept")
        for text in ["A", "AAAA=", "AA==", "AB", "AAB", "AA A", "AAAAA", "AAAA\nAAA", "é"] {
            let accepted = Base64URL.decode(Array(text.utf8).span, into: &output)
            #expect(!accepted && output.count == 4, "\(text)")
        }
        let accepted = Base64URL.decode(Array("-_8".utf8).span, into: &output)
        #expect(accepted)
        #expect(output.bytes.array() == Array("kept".utf8) + [0xFB, 0xFF])
    }
}
