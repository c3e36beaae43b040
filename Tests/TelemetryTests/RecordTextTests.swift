// SPDX-License-Identifier: Apache-2.0
import Bytes
import Foundation
import JSON
import Telemetry
import TestSupport
import Testing

/// What a caller writes into a record must neither end it, nor look like another, nor act on who reads it.
@Suite("Text in records")
struct RecordTextTests {
    @Test(arguments: [
        ("plain text ~", "plain text ~"), ("\"", "\\\""), ("\\", "\\\\"), ("a\nb", "a\\u000ab"),
        ("\r\n{\"x\":1}", "\\u000d\\u000a{\\\"x\\\":1}"), ("\u{0}", "\\u0000"), ("\u{1B}[2J", "\\u001b[2J"),
        ("\u{7F}", "\\u007f"), ("\u{7F}\u{7F}a\u{7F}", "\\u007f\\u007fa\\u007f"),
        ("12345678\u{7F}12345678\"", "12345678\\u007f12345678\\\""),
        ("\u{9B}2J", "\\u009b2J"), ("\u{80}\u{9F}\u{A0}", "\\u0080\\u009f\u{A0}"),
        ("\u{61C}\u{600}", "\\u061c\u{600}"), ("\u{202E}\u{2066}", "\\u202e\\u2066"),
        ("\u{2028}\u{2029}\u{200B}", "\\u2028\\u2029\\u200b"), ("\u{FEFF}\u{FFFD}", "\\ufeff\u{FFFD}"),
        ("\u{2080}", "\u{2080}"), ("naïve 日本 🦆", "naïve 日本 🦆"),
    ])
    func escapes(text: String, expected: String) {
        #expect(written(Array(text.utf8)) == expected)
    }

    @Test(
        arguments: [
            ([0xFF], "\u{FFFD}"), ([0x61, 0x80, 0x62], "a\u{FFFD}b"), ([0xC0, 0xAF], "\u{FFFD}\u{FFFD}"),
            ([0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"), ([0xE2, 0x80], "\u{FFFD}\u{FFFD}"),
            ([0xC2], "\u{FFFD}"), ([0xD8], "\u{FFFD}"), ([0xEF, 0xBB], "\u{FFFD}\u{FFFD}"),
            ([0xF4, 0x90, 0x80, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
        ] as [([UInt8], String)]
    )
    func invalid(bytes: [UInt8], expected: String) {
        #expect(written(bytes) == expected)
    }

    @Test("Any bytes in every field make one line of JSON that means the same text")
    func anything() {
        var random = Seeded.printed()
        for _ in 0..<2000 {
            let bytes = noise(&random)
            let text = String(decoding: bytes, as: UTF8.self)
            var hop = Sample.full
            var who = HopWho()
            who.user = text
            who.policies = [text, text]
            who.compartment = bytes
            hop.who = .who(who)
            var buffer = Buffer()
            AccessLog.append(
                hop,
                target: bytes.span,
                rewritten: bytes.span,
                session: bytes.span,
                into: &buffer
            )
            let line = buffer.bytes.string() ?? ""
            let last = line.utf8.last
            #expect(last == ASCII.lineFeed)
            #expect(!line.utf8.dropLast().contains { $0 < 0x20 || $0 == 0x7F })
            // Bulkhead's own reader refuses duplicate members, and all that is not UTF-8.
            #expect(throws: Never.self) { try JSONValue.parse(buffer.bytes) }
            let record = parse(line)
            #expect((record["tenancy.user.id"] as? String)?.utf8.elementsEqual(text.utf8) == true)
            #expect((record["bulkhead.policy.ids"] as? [String])?.count == 2)
        }
    }

    private func noise(_ random: inout Seeded) -> [UInt8] {
        let alphabet: [UInt8] = Array("ab\"\\/?#{}\n\r\u{1B}\u{7F}é\u{9B}\u{202E}🦆".utf8)
        return (0..<Int.random(in: 0...60, using: &random)).map { _ in
            Bool.random(using: &random)
                ? alphabet.randomElement(using: &random)! : UInt8.random(in: .min ... .max, using: &random)
        }
    }

    /// What stands between the quotes of the session.
    private func written(_ bytes: [UInt8]) -> String? {
        let none: [UInt8] = []
        var buffer = Buffer()
        AccessLog.append(Hop(), target: none.span, rewritten: none.span, session: bytes.span, into: &buffer)
        guard let line = buffer.bytes.string(), let start = line.range(of: "\"session.id\":\""),
            let end = line.range(of: "\",\"bulkhead.listener\"")
        else { return nil }
        return String(line[start.upperBound..<end.lowerBound])
    }
}
