// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP1
import HTTPTypes
import TestSupport
import Testing

/// Messages that are almost right: whatever becomes of them, nothing traps and every split says the same.
@Suite struct MutationTests {
    static let interesting: [UInt8] = [
        0, 9, 10, 13, 32, 34, 35, 37, 44, 45, 46, 47, 48, 58, 59, 61, 63, 65, 92, 95, 102, 127, 128, 195, 255,
    ]

    private func mutate(_ input: [UInt8], _ generator: inout Seeded) -> [UInt8] {
        var bytes = input
        for _ in 0..<Int.random(in: 1...3, using: &generator) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &generator)
            let byte = Self.interesting.randomElement(using: &generator)!
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: bytes.remove(at: index)
            case 1: bytes.insert(byte, at: index)
            case 2: bytes.insert(contentsOf: bytes[index..<min(index + 12, bytes.count)], at: index)
            case 3: bytes.removeSubrange(index..<min(index + 4, bytes.count))
            default: bytes[index] = byte
            }
        }
        return bytes
    }

    @Test func requestsAlmostRight() {
        let seeds = RequestTests.accepted.map(\.input.wire)
        var refused = 0
        for seed in 0..<3000 as Range<UInt64> {
            var generator = Seeded(seed: seed)
            let input = mutate(seeds.randomElement(using: &generator)!, &generator)
            let whole = serve(input)
            let cuts = (0..<20).map { _ in Int.random(in: 1...30, using: &generator) }
            #expect(serve(input, [1]) == whole, "seed \(seed)")
            #expect(serve(input, cuts) == whole, "seed \(seed)")
            if whole.last?.hasPrefix("refused") == true { refused += 1 }
        }
        #expect(refused > 1000)
    }

    @Test func responsesAlmostRight() {
        let seeds = ResponseTests.cases.filter { $0.method == .get }
        for seed in 0..<3000 as Range<UInt64> {
            var generator = Seeded(seed: seed)
            let item = seeds.randomElement(using: &generator)!
            let input = mutate(item.input.wire, &generator)
            func run(_ cuts: Cuts) -> [String] {
                fetch(input, cuts, webSocket: item.webSocket, closed: true).filter { $0 != "reusable" }
            }
            let whole = run([])
            #expect(run([1]) == whole, "seed \(seed)")
            #expect(run([Int.random(in: 1...40, using: &generator)]) == whole, "seed \(seed)")
        }
    }
}
