// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
import TestSupport
import Testing

@Suite struct QueryTests {
    private func pairs(_ query: String) -> [String] {
        let bytes = query.bytes
        var cursor = QueryCursor()
        var found: [String] = []
        while let parameter = cursor.next(in: bytes.span) {
            found.append(
                bytes.span.extracting(parameter.name).text + "→" + bytes.span.extracting(parameter.value).text
            )
            #expect(bytes.span.extracting(parameter.whole).firstIndex(of: UInt8(ascii: "&")) == nil)
        }
        return found
    }

    @Test func walksPairs() {
        #expect(pairs("") == [])
        #expect(pairs("a") == ["a→"])
        #expect(pairs("a=") == ["a→"])
        #expect(pairs("=b") == ["→b"])
        #expect(pairs("a=b=c&&d=%20&") == ["a→b=c", "d→%20"])
        #expect(pairs("&&&") == [])
    }

    @Test func findsByMeaning() {
        let query = "te%6Eant=1&x+y=2&tenant=3&Tenant=4".bytes
        let tenant = Query.find("tenant".bytes.span, in: query.span)
        #expect(tenant.count == 2)
        #expect(tenant.first?.whole == 0..<10)
        #expect(Query.find("x y".bytes.span, in: query.span).count == 1)
        #expect(Query.find("x y".bytes.span, in: query.span, plusIsSpace: false).count == 0)
        #expect(Query.find("x+y".bytes.span, in: query.span, plusIsSpace: false).count == 1)
        #expect(Query.find("none".bytes.span, in: query.span).first == nil)
    }

    @Test(
        arguments: [
            ("a=1&b=2", nil), ("a=1&b=2&a=3", 8), ("a=1&%61=2", 4), ("a=1&A=2", 4), ("x+y=1&x%20y=2", 6),
            ("a&aa&aaa", nil),
            ("", nil), ("=1&=2", 3),
        ] as [(String, Int?)]
    )
    func duplicates(_ query: String, _ offset: Int?) {
        #expect(Query.firstDuplicate(in: query.bytes.span)?.whole.lowerBound == offset)
    }

    @Test func duplicateSearchIsBounded() {
        let query = (0..<129).map { "p\($0)" }.joined(separator: "&")
        #expect(Query.firstDuplicate(in: query.bytes.span) != nil)
        #expect(Query.firstDuplicate(in: query.bytes.span, limit: 129) == nil)
    }

    @Test func writesWhatItReads() {
        for seed in 0..<500 as Range<UInt64> {
            var generator = Seeded(seed: seed)
            var output = Buffer()
            var expected: [[UInt8]] = []
            for index in 0..<4 {
                let text = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
                    UInt8.random(in: 0...255, using: &generator)
                }
                Query.append(name: text.span, value: text.span, isFirst: index == 0, into: &output)
                expected.append(text)
            }
            var cursor = QueryCursor()
            for text in expected {
                guard let parameter = cursor.next(in: output.bytes) else {
                    Issue.record("seed \(seed)")
                    break
                }
                let name = output.bytes.extracting(parameter.name)
                let value = output.bytes.extracting(parameter.value)
                #expect(
                    PercentEncoding.decoded(name, plusIsSpace: true, equals: text.span) == true,
                    "seed \(seed)"
                )
                #expect(PercentEncoding.decoded(value, equals: text.span) == true, "seed \(seed)")
            }
            #expect(cursor.next(in: output.bytes) == nil)
        }
    }

    @Test func percentEncoding() {
        var output = Buffer()
        PercentEncoding.encode("a/b c~%".bytes.span, as: .segment, into: &output)
        #expect(output.bytes.text == "a%2Fb%20c~%25")
        output.removeAll()
        PercentEncoding.encode("a/b".bytes.span, as: .path, into: &output)
        #expect(output.bytes.text == "a/b")
        output.removeAll()
        #expect(PercentEncoding.decode("a%2Fb+c".bytes.span, into: &output) == true)
        #expect(output.bytes.text == "a/b+c")
        #expect(PercentEncoding.decode("x%2".bytes.span, into: &output) == false)
        #expect(output.bytes.text == "a/b+c")
        #expect(PercentEncoding.decoded("%6".bytes.span, equals: "n".bytes.span) == false)
        #expect(PercentEncoding.decoded("ab".bytes.span, equals: "a".bytes.span) == false)
        #expect(PercentEncoding.decoded("a".bytes.span, equals: "ab".bytes.span) == false)
    }
}

@Suite struct TraceTests {
    static let sample = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test func traceParentRoundTrips() {
        guard let parent = TraceParent(Self.sample.bytes.span) else {
            Issue.record("the sample of the specification was refused")
            return
        }
        #expect(parent.traceHigh == 0x0af7_6519_16cd_43dd && parent.traceLow == 0x8448_eb21_1c80_319c)
        #expect(parent.span == 0xb7ad_6b71_6920_3331 && parent.isSampled)
        var output = Buffer()
        parent.append(to: &output)
        #expect(output.bytes.text == Self.sample && output.count == TraceParent.count)
    }

    @Test(arguments: [
        "", "00", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-g1",
    ])
    func traceParentsThatAreNone(_ text: String) {
        #expect(TraceParent(text.bytes.span) == nil)
    }

    @Test func laterVersionsAreReadAsFarAsTheFirst() {
        #expect(TraceParent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what".bytes.span) != nil)
        #expect(
            TraceParent("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00".bytes.span)?.isSampled
                == false
        )
        #expect(TraceParent(traceHigh: 0, traceLow: 0, span: 1, isSampled: true) == nil)
    }

    @Test func baggageIsWalked() {
        let value = "a=1 , b = two;p=q;r ,,bad, =x, c=%20y,d=\"".bytes
        var cursor = BaggageCursor()
        var found: [String] = []
        while let member = cursor.next(in: value.span) {
            let key = value.span.extracting(member.key).text
            found.append(key + "→" + value.span.extracting(member.value).text)
        }
        #expect(found == ["a→1", "b→two", "c→%20y"])
        let member = Baggage.find("b".bytes.span, in: value.span)
        #expect(member.map { value.span.extracting($0.whole).text } == "b = two;p=q;r")
        #expect(Baggage.find("B".bytes.span, in: value.span) == nil)
    }

    @Test func baggageIsFilteredAndExtended() {
        let folding = HeaderFolding(names: [], prefixes: ["tenant"])
        var output = Buffer()
        let dropped = Baggage.append(
            membersOf: "keep=1,Tenant_id=evil,other=2;x=y,broken".bytes.span,
            into: &output
        ) { folding.protects($0) }
        #expect(dropped == 2)
        #expect(output.bytes.text == "keep=1,other=2;x=y")
        #expect(
            Baggage.append(key: "tenant.id".bytes.span, value: "a,b c%".bytes.span, into: &output) == true
        )
        #expect(output.bytes.text == "keep=1,other=2;x=y,tenant.id=a%2Cb%20c%25")
        #expect(Baggage.append(key: "no token".bytes.span, value: "v".bytes.span, into: &output) == false)
    }

    @Test func baggageIsBounded() {
        var output = Buffer()
        let many = (0..<100).map { "k\($0)=v" }.joined(separator: ",").bytes
        #expect(Baggage.append(membersOf: many.span, into: &output) { _ in false } == 36)
        #expect(Baggage.append(key: "k".bytes.span, value: "v".bytes.span, into: &output) == false)
        output.removeAll()
        let long = [UInt8](repeating: UInt8(ascii: "v"), count: 9000)
        #expect(Baggage.append(key: "k".bytes.span, value: long.span, into: &output) == false)
        #expect(output.isEmpty == true)
    }
}

@Suite struct RemovedParameterTests {
    private func left(_ target: String, _ name: String) throws -> String {
        var path = CanonicalPath()
        try path.parse(target.bytes.span)
        let before = path.pathAndQuery.text
        let changed = path.removeParameters(HeaderFolding(names: [name], prefixes: []))
        #expect(changed == (path.pathAndQuery.text != before))
        return path.pathAndQuery.text
    }

    @Test func everySpellingGoes() throws {
        #expect(try left("/a", "k") == "/a")
        #expect(try left("/a?", "k") == "/a?")
        #expect(try left("/a?k=1", "k") == "/a")
        #expect(try left("/a?x=1&k=1&&y=%20&K=2&%6B=3", "k") == "/a?x=1&y=%20")
        #expect(try left("/k?x=k&kk=1&k2=", "k") == "/k?x=k&kk=1&k2=")
        #expect(try left("/a?the_key=1&the-key=2&the%2Ekey=3&The+Key%5B0%5D=4&keep", "the_key") == "/a?keep")
        #expect(try left("/a?=1&k", "k") == "/a?=1")
    }
}
