// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP1
import HTTPTypes
import TestSupport
import Testing

@Suite struct BodyTests {
    /// The decoded body and the trailers, or the refusal's code and offset.
    private func decode(
        _ input: [UInt8],
        _ cuts: Cuts = [],
        _ limits: HTTP1Limits = .callers
    ) -> String {
        var decoder = BodyDecoder(limits: limits)
        decoder.start(.chunked, .request)
        var buffer = Buffer()
        var body: [UInt8] = []
        do throws(HTTP1Error) {
            for piece in pieces(input, cuts) {
                buffer.append(piece)
                while true {
                    let found = try decoder.decode(buffer.bytes)
                    body += buffer.bytes.extracting(found.data).array()
                    buffer.consume(found.consumed)
                    if found.isFinished {
                        var text = String(decoding: body, as: UTF8.self)
                        for index in decoder.trailers.indices {
                            text += "|" + decoder.trailers.name(at: index).text
                        }
                        return text + "|" + buffer.bytes.text
                    }
                    if found.consumed == 0 { break }
                }
            }
        } catch {
            return "\(error.code) @\(error.offset)"
        }
        return "incomplete"
    }

    static let cases = [
        ("0\r\n\r\nleft", "|left"),
        ("1\r\na\r\n0\r\n\r\n", "a|"),
        ("0000000000000001\r\na\r\n0\r\n\r\n", "a|"),
        ("a\r\n0123456789\r\nA;a;b=\"c\"\r\n0123456789\r\n0;x\r\n\r\n", "01234567890123456789|"),
        ("0\r\nA: b\r\nC: d\r\n\r\n", "|A|C|"),
        ("", "incomplete"),
        ("0\r\n", "incomplete"),
        ("5\r\nabc", "incomplete"),
        ("\r\n", "invalid_chunk_size @0"),
        ("g\r\n", "invalid_chunk_size @0"),
        ("-1\r\n", "invalid_chunk_size @0"),
        ("+1\r\n", "invalid_chunk_size @0"),
        ("0x1\r\n", "invalid_chunk_size @1"),
        (" 1\r\n", "invalid_chunk_size @0"),
        ("1 \r\na", "invalid_chunk_size @1"),
        ("1\t;a\r\n", "invalid_chunk_size @1"),
        ("1_0\r\n", "invalid_chunk_size @1"),
        ("00000000000000001\r\n", "chunk_too_large @16"),
        ("8000000000000000\r\n", "chunk_too_large @15"),
        ("FFFFFFFFFFFFFFFF\r\n", "chunk_too_large @15"),
        ("1\na\r\n", "bare_line_feed @1"),
        ("1\ra\r\n", "bare_carriage_return @2"),
        ("1;a\n", "invalid_chunk_extension @3"),
        ("1;\r\n", "invalid_chunk_extension @2"),
        ("1;a\u{0}\r\n", "invalid_chunk_extension @3"),
        ("1;é\r\n", "invalid_chunk_extension @2"),
        ("1;a=\r\n", "invalid_chunk_extension @4"),
        ("1;a=b c\r\n", "invalid_chunk_extension @5"),
        ("1; a\r\n", "invalid_chunk_extension @2"),
        ("1;;a\r\n", "invalid_chunk_extension @2"),
        ("1;a=\"b\r\n", "invalid_chunk_extension @6"),
        ("1;a=\"b\\\"\r\n", "invalid_chunk_extension @8"),
        ("1;a=\"b\"c\r\n", "invalid_chunk_extension @7"),
        ("1;a=\"b\\\";\";c=d;e\r\na\r\n0\r\n\r\n", "a|"),
        ("1\r\nab\r\n", "invalid_chunk_end @4"),
        ("1\r\na\n", "invalid_chunk_end @4"),
        ("1\r\na\rb", "invalid_chunk_end @5"),
        ("0\r\nA : b\r\n\r\n", "whitespace_before_colon @4"),
        ("0\r\n A: b\r\n\r\n", "obsolete_fold @3"),
        ("0\r\nA: b\n\r\n", "bare_line_feed @7"),
        ("0\r\nContent-Length: 5\r\n\r\n", "forbidden_trailer @3"),
        ("0\r\nAuthorization: x\r\n\r\n", "forbidden_trailer @3"),
        ("0\r\nX: 1\r\nHost: x\r\n\r\n", "forbidden_trailer @9"),
        ("0\r\ntransfer-encoding: x\r\n\r\n", "forbidden_trailer @3"),
    ]

    @Test(arguments: cases) func chunked(_ input: String, _ expected: String) {
        #expect(decode(input.bytes) == expected)
        let alone = expected.replacing("|left", with: "|")
        #expect(decode(input.bytes, [1]) == alone)
        for cut in 1..<max(input.utf8.count, 2) {
            let split = decode(input.bytes, [cut, input.utf8.count])
            #expect(split == expected || expected.hasPrefix(split), "\(cut)")
        }
    }

    @Test func sizesUpToTheLargestInteger() {
        #expect(decode("7FFFFFFFFFFFFFFF\r\nabc".bytes) == "incomplete")
    }

    @Test func limitsHold() {
        var limits = HTTP1Limits()
        limits.chunkExtensionBytes = 4
        limits.trailerBytes = 12
        limits.trailerCount = 2
        limits.chunkOverheadBytes = 40
        #expect(decode("1;abcd\r\na\r\n0\r\n\r\n".bytes, [], limits) == "a|")
        #expect(decode("1;abcde\r\na\r\n0\r\n\r\n".bytes, [], limits) == "chunk_extension_too_long @6")
        #expect(decode("0\r\nA: 1\r\n\r\n".bytes, [], limits) == "|A|")
        #expect(decode("0\r\nA: 123456789\r\n\r\n".bytes, [], limits) == "trailers_too_large @15")
        limits.trailerBytes = 100
        #expect(decode("0\r\nA:\r\nB:\r\nC:\r\n\r\n".bytes, [], limits) == "trailers_too_large @11")
        let ones = String(repeating: "1\r\na\r\n", count: 60)
        #expect(decode(ones.bytes, [], limits).hasPrefix("chunk_overhead") == true)
        let twos = String(repeating: "2\r\naa\r\n", count: 500) + "0\r\n\r\n"
        #expect(decode(twos.bytes, [], limits) == String(repeating: "aa", count: 500) + "|")
        let padded = String(repeating: "2;xxx\r\naa\r\n", count: 60)
        #expect(decode(padded.bytes, [], limits).hasPrefix("chunk_overhead") == true)
    }

    @Test func fixedAndUntilClose() throws {
        var decoder = BodyDecoder(limits: .callers)
        #expect(decoder.isFinished == true)
        decoder.start(.fixed(5), .response)
        var piece = try decoder.decode("abc".bytes.span)
        #expect(piece.consumed == 3 && piece.data == 0..<3 && piece.isFinished == false)
        #expect(decoder.remaining == 2)
        piece = try decoder.decode("defg".bytes.span)
        #expect(piece.consumed == 2 && piece.data == 0..<2 && piece.isFinished == true)
        try decoder.end(cleanly: false)
        decoder.start(.fixed(5), .response)
        #expect(throws: HTTP1Error(.closedInBody, .response, at: 0)) { try decoder.end(cleanly: true) }
        decoder.start(.untilClose, .response)
        piece = try decoder.decode("abc".bytes.span)
        #expect(piece.consumed == 3 && piece.data == 0..<3 && piece.isFinished == false)
        #expect(throws: HTTP1Error(.closedInBody, .response, at: 0)) { try decoder.end(cleanly: false) }
        try decoder.end(cleanly: true)
        #expect(decoder.isFinished == true)
        decoder.start(.chunked, .request)
        #expect(throws: HTTP1Error(.closedInBody, .request, at: 0)) { try decoder.end(cleanly: true) }
    }

    @Test func encoderLetsNeitherMoreNorLessThrough() throws {
        var output = Buffer()
        var encoder = BodyEncoder(.fixed(3), .response)
        try encoder.append("ab".bytes.span, into: &output)
        #expect(throws: HTTP1Error(.bodyTooLong, .response, at: 1)) {
            try encoder.append("cd".bytes.span, into: &output)
        }
        #expect(throws: HTTP1Error(.bodyTooShort, .response, at: 0)) { try encoder.finish(into: &output) }
        try encoder.append("c".bytes.span, into: &output)
        try encoder.finish(into: &output)
        #expect(output.bytes.text == "abc")
        #expect(encoder.isFinished == true)
        #expect(throws: HTTP1Error(.bodyTooLong, .response, at: 0)) {
            try encoder.append("d".bytes.span, into: &output)
        }
    }

    /// What its owner sends by itself is framed as what is appended.
    @Test(arguments: [BodyFraming.fixed(7), .chunked, .untilClose])
    func piecesAreFramedAlike(_ framing: BodyFraming) throws {
        var appended = Buffer()
        var sent = Buffer()
        var one = BodyEncoder(framing, .response)
        var other = BodyEncoder(framing, .response)
        for piece in ["abc", "defg"] {
            try one.append(piece.bytes.span, into: &appended)
            try other.begin(piece.utf8.count, into: &sent)
            sent.append(string: piece)
            other.end(into: &sent)
        }
        try one.finish(into: &appended)
        try other.finish(into: &sent)
        #expect(sent.bytes.text == appended.bytes.text)
        #expect(throws: HTTP1Error(.bodyTooLong, .response, at: 0)) { try other.begin(1, into: &sent) }
        var short = BodyEncoder(.fixed(3), .request)
        #expect(throws: HTTP1Error(.bodyTooLong, .request, at: 3)) { try short.begin(4, into: &sent) }
    }

    @Test func encoderDropsTrailersThatMustNotBe() throws {
        var trailers = Fields()
        trailers.append(name: "X-Sum", value: "1")
        trailers.append(.contentLength, decimal: 3)
        trailers.append(.authorization, value: "x")
        var output = Buffer()
        var encoder = BodyEncoder(.chunked, .response)
        try encoder.append("".bytes.span, into: &output)
        try encoder.finish(trailers: trailers, into: &output)
        #expect(output.bytes.text == "0\r\nX-Sum: 1\r\n\r\n")
    }

    @Test func whatIsEncodedIsDecoded() throws {
        for seed in 0..<200 as Range<UInt64> {
            var generator = Seeded(seed: seed)
            var output = Buffer()
            var encoder = BodyEncoder(.chunked, .response)
            var plain = ""
            for _ in 0..<Int.random(in: 0...8, using: &generator) {
                let text = String(repeating: "x", count: Int.random(in: 0...300, using: &generator))
                plain += text
                try encoder.append(text.bytes.span, into: &output)
            }
            try encoder.finish(into: &output)
            let cuts = (0..<30).map { _ in Int.random(in: 1...60, using: &generator) }
            #expect(decode(output.bytes.array(), cuts) == plain + "|", "seed \(seed)")
        }
    }
}
