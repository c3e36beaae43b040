// SPDX-License-Identifier: Apache-2.0
import Bytes
import JSON
import TestSupport
import Testing

@Suite struct JSONMutationTests {
    /// Nothing that a peer can send traps, all readers agree on what is JSON, and what was read is printed and read
    /// again as the same value.
    @Test func readersAgreeOnAnything() {
        let seed = UInt64.random(in: .min ... .max)
        var random = Seeded(seed: seed)
        let pieces =
            JSONStreamingTests.documents.flatMap { Array($0.utf8) } + Array(#"{}[]":,\u0d8eE+-.0"#.utf8)
        var accepted = 0
        for _ in 0..<4000 {
            var text = Array(JSONStreamingTests.documents.randomElement(using: &random)!.utf8)
            for _ in 0..<Int.random(in: 0...3, using: &random) where !text.isEmpty {
                let place = Int.random(in: text.indices, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: text[place] = pieces.randomElement(using: &random)!
                case 1: text.insert(pieces.randomElement(using: &random)!, at: place)
                case 2: text.remove(at: place)
                default: text[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                }
            }
            let read = tokens(text)
            let value = Result { () throws(JSONError) in try JSONValue.parse(text.span) }
            if case .success(let value) = value {
                accepted += 1
                var printed = Buffer()
                value.write(into: &printed)
                let again = try? JSONValue.parse(printed.bytes)
                #expect(again == value, "seed \(seed), text \(text)")
            }
            if case .failure(let error) = value, error.reason == .duplicateName { continue }
            #expect((try? value.get()) != nil || (try? read.get()) == nil, "seed \(seed), text \(text)")
            #expect((try? value.get()) == nil || (try? read.get()) != nil, "seed \(seed), text \(text)")
            guard (try? read.get()) != nil, text.contains(0x7B) else { continue }
            var members = JSONMembers()
            try? members.read(text.span)
            for place in 0..<members.count { #expect(members[place].value.end <= text.count) }
        }
        #expect(accepted > 500, "seed \(seed)")
    }
}
