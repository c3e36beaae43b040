// SPDX-License-Identifier: Apache-2.0
import Bytes
import Testing

@Suite struct BufferTests {
    @Test func queueKeepsOrderThroughGrowthAndConsumption() {
        var buffer = Buffer(capacity: 4)
        var expected: [UInt8] = []
        for round in 0..<200 {
            let piece = (0..<(round % 37)).map { UInt8(truncatingIfNeeded: round &+ $0) }
            buffer.append(piece)
            expected += piece
            let drop = min(round % 29, expected.count)
            buffer.consume(drop)
            expected.removeFirst(drop)
            #expect(buffer.bytes.array() == expected)
        }
    }

    @Test(arguments: [0, 7, 9, 10, 99, 100, 12_345, -1, -987, Int.max, Int.min])
    func decimal(_ value: Int) {
        var buffer = Buffer()
        buffer.append(decimal: value)
        #expect(buffer.bytes.string() == String(value))
    }

    @Test func nothingNeedsNoStorage() {
        var buffer = Buffer()
        buffer.append("")
        buffer.append(string: "")
        buffer.append([UInt8]())
        unsafe buffer.append(upTo: 0) { _ in 0 }
        #expect(buffer.isEmpty && buffer.capacity == 0)
    }

    @Test func wipingLeavesNothingBehind() {
        var buffer = Buffer(capacity: 64)
        buffer.append([UInt8](repeating: 0xA5, count: 48))
        buffer.consume(16)
        buffer.truncate(to: 8)
        buffer.wipe()
        #expect(buffer.isEmpty && buffer.capacity == 64)
        // Takes the storage as it stands.
        unsafe buffer.append(upTo: 64) { $0.count }
        #expect(buffer.bytes.array() == [UInt8](repeating: 0, count: 64))
    }

    @Test func overconsumingTraps() async {
        await #expect(processExitsWith: .failure) {
            var buffer = Buffer()
            buffer.append(1)
            buffer.consume(2)
        }
    }
}

@Suite struct EncodingTests {
    @Test func base64urlRoundTrips() {
        for count in 0..<70 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
            let text = Base64URL.encode(bytes.span)
            #expect(text.utf8.count == Base64URL.encodedCount(count))
            #expect(Base64URL.decode(Array(text.utf8).span) == bytes)
        }
    }

    @Test(arguments: ["A", "AA=", "AB", "A A", "AA==", "_-8/", "é"])
    func base64urlRefusesOtherSpellings(_ text: String) {
        #expect(Base64URL.decode(Array(text.utf8).span) == nil)
    }

    @Test func tokenBytesAreThoseOfTheRFC() {
        let expected = Set(
            "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8
        )
        for byte in UInt8.min...UInt8.max { #expect(ASCII.isToken(byte) == expected.contains(byte)) }
    }

    @Test func spansCompareWithArrays() {
        let bytes: [UInt8] = [1, 2, 3]
        let same = bytes.span.equals([1, 2, 3])
        let shorter = bytes.span.equals([1, 2])
        let begins = bytes.span.hasPrefix([1, 2]) && bytes.span.hasPrefix([UInt8]())
        let differs = bytes.span.hasPrefix([2]) || bytes.span.hasPrefix([1, 2, 3, 4])
        #expect(same && begins)
        #expect(!shorter && !differs)
    }
}
