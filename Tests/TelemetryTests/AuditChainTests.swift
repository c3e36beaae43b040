// SPDX-License-Identifier: Apache-2.0
import Bytes
import Telemetry
import TestSupport
import Testing

@Suite struct AuditChainTests {
    /// Lines as they stand in the file.
    private func lines(_ count: Int, name: UInt64 = 7, after last: String = "") -> [String] {
        var chain = AuditChain(name: name, after: last.utf8Span.span)
        var output = Buffer()
        for number in 0..<count {
            // One at a time, and some together.
            let event = #"{"time":"t","event":"e","n":\#(number)"# + "\n"
            chain.append(event.utf8Span.span, into: &output)
        }
        return (output.bytes.string() ?? "").split(separator: "\n").map(String.init)
    }

    private func verify(_ lines: [String]) -> AuditVerifier {
        var verifier = AuditVerifier()
        for line in lines { verifier.add(line.utf8Span.span) }
        return verifier
    }

    @Test func aWholeOneIsWhole() {
        let first = lines(20)
        let second = lines(5, name: 9, after: first[19])
        // Two processes that write at the same time.
        var mixed = first
        for (index, line) in second.enumerated() { mixed.insert(line, at: 20 - index) }
        #expect(verify(first).breaks.isEmpty)
        #expect(verify(first + second).breaks.isEmpty && verify(first + second).chainCount == 2)
        #expect(verify(Array(first[7...])).breaks.isEmpty && verify(Array(first[7...])).beheaded == 1)
        #expect(verify([]).breaks.isEmpty)
    }

    /// Each single change of any line shows.
    @Test func everyChangeShows() {
        let whole = lines(12)
        for index in whole.indices.dropLast() {
            var fewer = whole
            fewer.remove(at: index)
            if index > 0 { #expect(!verify(fewer).breaks.isEmpty, "without \(index)") }
            var changed = whole
            changed[index] = changed[index].replacing("\"t\"", with: "\"u\"")
            #expect(!verify(changed).breaks.isEmpty, "changed \(index)")
            var swapped = whole
            swapped.swapAt(index, index + 1)
            #expect(!verify(swapped).breaks.isEmpty, "swapped \(index)")
            var doubled = whole
            doubled.insert(whole[index], at: index)
            #expect(!verify(doubled).breaks.isEmpty, "doubled \(index)")
            var torn = whole
            torn[index].removeLast(3)
            #expect(!verify(torn).breaks.isEmpty, "torn \(index)")
        }
        let next = lines(3, name: 9, after: "something else")
        #expect(verify(whole + next).breaks.count == 1)
    }

    @Test func whateverIsInTheFileIsRead() {
        for text in [
            "", "{", "}", "\"}", String(repeating: "0", count: 66),
            ",\"previous\":\"" + String(repeating: "0", count: 64) + "\"}",
            "1,\"previous\":\"" + String(repeating: "0", count: 64) + "\"}",
            "\",\"sequence\":99999999999999999999,\"previous\":\"" + String(repeating: "0", count: 64)
                + "\"}",
            "{\"chain\":\"00000000000000zz\",\"sequence\":1,\"previous\":\""
                + String(repeating: "0", count: 64) + "\"}",
        ] {
            #expect(verify([text]).breaks.count == 1)
        }
    }
}
