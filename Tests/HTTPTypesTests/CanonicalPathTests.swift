// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
import TestSupport
import Testing

struct PathCase: CustomTestStringConvertible, Sendable {
    var target: String
    var canonical: String
    var segments: [String]
    var flags: CanonicalPath.Flags
    var testDescription: String { target }

    init(_ target: String, _ canonical: String, _ segments: [String], _ flags: CanonicalPath.Flags = []) {
        self.target = target
        self.canonical = canonical
        self.segments = segments
        self.flags = flags
    }
}

struct RefusalCase: CustomTestStringConvertible, Sendable {
    var target: String
    var reason: TargetError.Reason
    var offset: Int
    var testDescription: String { target }

    init(_ target: String, _ reason: TargetError.Reason, _ offset: Int) {
        self.target = target
        self.reason = reason
        self.offset = offset
    }
}

@Suite struct CanonicalPathTests {
    static let accepted = [
        PathCase("/", "/", []),
        PathCase("/a", "/a", ["a"]),
        PathCase("/a/b/", "/a/b/", ["a", "b"]),
        PathCase("/a?b=c", "/a?b=c", ["a"]),
        PathCase("/a?", "/a?", ["a"]),
        PathCase("/?x", "/?x", []),
        PathCase("/%41%7a%2D%7E/b", "/Az-~/b", ["Az-~", "b"]),
        PathCase("/a%20b", "/a%20b", ["a%20b"], .hasEscapes),
        PathCase("/%c3%a9", "/%C3%A9", ["%C3%A9"], .hasEscapes),
        PathCase("/%f0%9f%98%80", "/%F0%9F%98%80", ["%F0%9F%98%80"], .hasEscapes),
        PathCase("/a%2fb/c", "/a%2Fb/c", ["a%2Fb", "c"], [.hasEscapes, .hasEncodedSlash]),
        PathCase("/a%5cb", "/a%5Cb", ["a%5Cb"], [.hasEscapes, .hasEncodedSlash]),
        PathCase("/a%3bb", "/a%3Bb", ["a%3Bb"], [.hasEscapes, .hasReservedEscapes]),
        PathCase("/%252e", "/%252e", ["%252e"], [.hasEscapes, .hasReservedEscapes]),
        PathCase("/a:b@c!$&'()*+,=", "/a:b@c!$&'()*+,=", ["a:b@c!$&'()*+,="]),
        PathCase("/...", "/...", ["..."]),
        PathCase("/.a/a./..a/a..", "/.a/a./..a/a..", [".a", "a.", "..a", "a.."]),
        PathCase("/a?b/../c//d?e=%2E%2e&[x]={y}|^`", "/a?b/../c//d?e=%2E%2e&[x]={y}|^`", ["a"]),
        PathCase("/a?x=%0A%c3%a9", "/a?x=%0A%c3%a9", ["a"]),
        PathCase(
            "/runtimes/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aruntime%2Fx/invocations",
            "/runtimes/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aruntime%2Fx/invocations",
            ["runtimes", "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aruntime%2Fx", "invocations"],
            [.hasEscapes, .hasEncodedSlash, .hasReservedEscapes]
        ),
    ]

    static let refused = [
        RefusalCase("", .empty, 0),
        RefusalCase("a", .formNotSupported, 0),
        RefusalCase("*", .formNotSupported, 0),
        RefusalCase("//", .emptySegment, 1),
        RefusalCase("//a", .emptySegment, 1),
        RefusalCase("/a//b", .emptySegment, 3),
        RefusalCase("/a//", .emptySegment, 3),
        RefusalCase("/.", .dotSegment, 1),
        RefusalCase("/..", .dotSegment, 1),
        RefusalCase("/a/./b", .dotSegment, 3),
        RefusalCase("/a/../b", .dotSegment, 3),
        RefusalCase("/a/..?x", .dotSegment, 3),
        RefusalCase("/a/%2e%2e/b", .escapedDot, 3),
        RefusalCase("/a/.%2E/b", .escapedDot, 4),
        RefusalCase("/a%2Ehtml", .escapedDot, 2),
        RefusalCase("/a%00", .escapedControl, 2),
        RefusalCase("/a%0d%0aX", .escapedControl, 2),
        RefusalCase("/a%7f", .escapedControl, 2),
        RefusalCase("/a%", .invalidEscape, 2),
        RefusalCase("/a%2", .invalidEscape, 2),
        RefusalCase("/a%2g", .invalidEscape, 2),
        RefusalCase("/a%%20", .invalidEscape, 2),
        RefusalCase("/a\\b", .backslash, 2),
        RefusalCase("/a;b=c/d", .parameter, 2),
        RefusalCase("/a#b", .fragment, 2),
        RefusalCase("/a b", .invalidByte, 2),
        RefusalCase("/a\tb", .controlByte, 2),
        RefusalCase("/a\u{7F}", .controlByte, 2),
        RefusalCase("/é", .rawNonASCII, 1),
        RefusalCase("/a\"b", .invalidByte, 2),
        RefusalCase("/<a>", .invalidByte, 1),
        RefusalCase("/[a]", .invalidByte, 1),
        RefusalCase("/a^b", .invalidByte, 2),
        RefusalCase("/{a}", .invalidByte, 1),
        RefusalCase("/a|b", .invalidByte, 2),
        RefusalCase("/%c0%af", .invalidUTF8, 1),
        RefusalCase("/%c0%ae%c0%ae/", .invalidUTF8, 1),
        RefusalCase("/%e0%80%af", .invalidUTF8, 1),
        RefusalCase("/%f0%80%80%af", .invalidUTF8, 1),
        RefusalCase("/%ed%a0%80", .invalidUTF8, 1),
        RefusalCase("/%f4%90%80%80", .invalidUTF8, 1),
        RefusalCase("/%80", .invalidUTF8, 1),
        RefusalCase("/a%c3", .invalidUTF8, 2),
        RefusalCase("/a%c3/%a9", .invalidUTF8, 2),
        RefusalCase("/a%e2%82x", .invalidUTF8, 2),
        RefusalCase("/a?b#c", .fragment, 4),
        RefusalCase("/a?b;c", .parameter, 4),
        RefusalCase("/a?b\\c", .backslash, 4),
        RefusalCase("/a?b c", .invalidByte, 4),
        RefusalCase("/a?%", .invalidEscape, 3),
        RefusalCase("/a?%00", .escapedControl, 3),
        RefusalCase("/a?%ff", .invalidUTF8, 3),
        RefusalCase("/a?é", .rawNonASCII, 3),
        RefusalCase("/a?\u{1}", .controlByte, 3),
    ]

    @Test(arguments: accepted) func hasOneForm(_ item: PathCase) throws {
        var path = CanonicalPath()
        try path.parse(item.target.bytes.span)
        #expect(path.pathAndQuery.text == item.canonical)
        let segments = (0..<path.segmentCount).map { path.segment(at: $0).text }
        #expect(segments == item.segments)
        #expect(path.flags == item.flags)
        let parts = item.canonical.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        #expect(path.bytes.text == String(parts[0]))
        #expect(path.hasQuery == (parts.count == 2))
        #expect(path.query.text == (parts.count == 2 ? String(parts[1]) : ""))
        #expect(path.endsWithSlash == (parts[0].count > 1 && parts[0].hasSuffix("/")))
    }

    @Test(arguments: refused) func isRefused(_ item: RefusalCase) {
        var path = CanonicalPath()
        #expect(throws: TargetError(item.reason, at: item.offset)) { try path.parse(item.target.bytes.span) }
        #expect(path.segmentCount == 0 && path.pathAndQuery.isEmpty)
    }

    @Test func segmentsAreCapped() throws {
        var path = CanonicalPath()
        try path.parse(String(repeating: "/s", count: 64).bytes.span)
        #expect(path.segmentCount == 64)
        #expect(throws: TargetError(.tooManySegments, at: 130)) {
            try path.parse(String(repeating: "/s", count: 65).bytes.span)
        }
    }

    @Test func flagsAndDecodingGoBySegment() throws {
        var path = CanonicalPath()
        try path.parse("/plain/a%2Fb%25/%C3%A9".bytes.span)
        #expect(path.flags(at: 0) == [])
        #expect(path.flags(at: 1) == [.hasEscapes, .hasEncodedSlash, .hasReservedEscapes])
        #expect(path.flags(at: 2) == .hasEscapes)
        var decoded = Buffer()
        path.decodeSegment(at: 1, into: &decoded)
        #expect(decoded.bytes.text == "a/b%")
        #expect(path.range(at: 1) == 7..<15)
    }

    /// What is accepted is in the form already, and no spelling of a path that is accepted means another path.
    @Test func canonicalIsAFixedPoint() {
        let pieces = [
            "/", "a", "B", "%41", "%2f", "%2F", "%20", "%c3%a9", ".", "..", "%2e", "%25", ";", "?", "=", "&",
            "~",
            "%7E", ":", "é", "%", "#", "\\", "%00", "%e2%82%ac", "//",
        ]
        var acceptedCount = 0
        for seed in 0..<20_000 as Range<UInt64> {
            var generator = Seeded(seed: seed)
            var target = "/"
            for _ in 0..<Int.random(in: 0...6, using: &generator) {
                target += pieces.randomElement(using: &generator)!
            }
            var first = CanonicalPath()
            guard (try? first.parse(target.bytes.span)) != nil else { continue }
            acceptedCount += 1
            var second = CanonicalPath()
            let form = first.pathAndQuery.array()
            #expect(throws: Never.self, "seed \(seed)") { try second.parse(form.span) }
            #expect(second.pathAndQuery.equals(form.span) == true, "seed \(seed)")
            #expect(
                decoded(first.bytes) == decoded(target.bytes.span, upTo: UInt8(ascii: "?")),
                "seed \(seed)"
            )
        }
        #expect(acceptedCount > 1000)
    }

    private func decoded(_ text: borrowing Span<UInt8>, upTo end: UInt8? = nil) -> [UInt8] {
        let count = end.flatMap { text.firstIndex(of: $0) } ?? text.count
        var output = Buffer()
        _ = PercentEncoding.decode(text.extracting(0..<count), into: &output)
        return output.bytes.array()
    }
}
