// SPDX-License-Identifier: Apache-2.0
import Crypto
import TestSupport
import Testing

@Suite struct DigestIndexTests {
    private static func digest(_ number: Int) -> Digest {
        let text = Array("\(number)".utf8)
        return SHA256.hash(text.span)
    }

    @Test func slotsBelongToTheirDigests() {
        var index = DigestIndex(capacity: 4)
        let slots = (0..<4).map { index.insert(Self.digest($0)) }
        #expect(slots == [0, 1, 2, 3] && index.count == 4 && index.slotCount == 4)
        let again = index.insert(Self.digest(2))
        let found = (0..<5).map { index.find(Self.digest($0)) }
        #expect(again == 2 && found == [0, 1, 2, 3, nil])
        index.remove(slot: 1)
        index.remove(slot: 1)
        let gone = index.find(Self.digest(1))
        let reused = index.insert(Self.digest(9))
        #expect(gone == nil && reused == 1 && index.count == 4)
    }

    /// Whatever happens, no digest finds a slot that a later one was given, and no more than `capacity` are there.
    @Test func agreesWithADictionary() {
        let seed = UInt64.random(in: .min ... .max)
        var random = Seeded(seed: seed)
        var index = DigestIndex(capacity: 16)
        var owner: [Int: Int] = [:]
        for _ in 0..<20_000 {
            let number = Int.random(in: 0..<40, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                if let slot = index.find(Self.digest(number)) {
                    index.remove(slot: slot)
                    owner[slot] = nil
                }
            case 1, 2: owner[index.insert(Self.digest(number))] = number
            default:
                let slot = index.find(Self.digest(number))
                if let slot { #expect(owner[slot] == number, "seed \(seed)") }
                #expect((slot != nil) == owner.values.contains(number), "seed \(seed)")
            }
            #expect(index.count == owner.count && index.count <= 16, "seed \(seed)")
        }
    }

    @Test func whatIsUsedOutlivesAFlood() {
        var index = DigestIndex(capacity: 8)
        _ = index.insert(Self.digest(0))
        for number in 1..<500 {
            let found = index.find(Self.digest(0))
            #expect(found != nil)
            _ = index.insert(Self.digest(number))
        }
        #expect(index.count == 8)
    }
}
