// SPDX-License-Identifier: Apache-2.0
import Bytes
import JSON
import TestSupport
import Testing

private func parse(_ text: String) throws(JSONError) -> JSONValue {
    try JSONValue.parse(Array(text.utf8).span)
}

private func print(_ value: JSONValue) -> String {
    var buffer = Buffer()
    value.write(into: &buffer)
    return buffer.bytes.string() ?? "not UTF-8"
}

@Suite struct JSONValueTests {
    @Test(arguments: [
        "null", "true", "false", "0", "-17", "9223372036854775807", "-9223372036854775808", "1.5",
        "9223372036854775808", "-0.0", "1E400", #""""#, #""a\"\\\n\r\t\u0000é😀""#, "[]", "[1,[2,[]],{}]",
        "{}",
        #"{"b":1,"a":{"c":[null,true]},"":"x"}"#,
    ])
    func printsWhatItRead(_ text: String) throws { #expect(print(try parse(text)) == text) }

    @Test func resolvesEscapes() throws {
        #expect(try parse(#""\u0061\/\b\f\ud83d\ude00""#) == .string("a/\u{8}\u{C}😀"))
    }

    @Test func duplicateNamesAreRefusedHoweverSpelled() {
        #expect(throws: JSONError(.duplicateName, at: 8)) { try parse(#"{"a":1,"\u0061":2}"#) }
        #expect(throws: JSONError(.duplicateName, at: 14)) { try parse(#"{"x":{"":1,  "":2}}"#) }
        let many = (0..<40).map { #""n\#($0)":\#($0)"# }.joined(separator: ",")
        #expect(throws: JSONError.self) { try parse("{\(many),\"n3\":1}") }
        #expect(throws: JSONError.self) { try parse("{\(many),\"n39\":1}") }
        #expect(throws: Never.self) { try parse("{\(many)}") }
    }

    /// U+00E9 and e + U+0301 are equal to Swift, and two names to JSON.
    @Test func namesAreCodePoints() throws {
        let object = try #require(try parse("{\"\u{E9}\":1,\"e\u{301}\":2}").object)
        #expect(object.count == 2)
        #expect(object["\u{E9}"] == .integer(1))
        #expect(object["e\u{301}"] == .integer(2))
        #expect(try parse("\"\u{E9}\"") != parse("\"e\u{301}\""))
    }

    @Test func sizeAndDepthAreCapped() {
        let text = Array("[[[1]]]".utf8)
        #expect(throws: JSONError(.tooDeep, at: 2)) { try JSONValue.parse(text.span, maximumDepth: 2) }
        #expect(throws: JSONError(.tooLarge, at: 6)) { try JSONValue.parse(text.span, maximumBytes: 6) }
        #expect(throws: Never.self) { try JSONValue.parse(text.span, maximumDepth: 3, maximumBytes: 7) }
    }

    @Test func membersAreFoundAmongFewAndMany() throws {
        for count in [1, 16, 17, 100] {
            let members = (0..<count).map { #""n\#($0)":\#($0)"# }.joined(separator: ",")
            let object = try #require(try parse("{\(members)}").object)
            for index in 0..<count { #expect(object["n\(index)"] == .integer(Int64(index))) }
            #expect(object["m"] == nil)
            #expect(object.members.map(\.name) == (0..<count).map { "n\($0)" })
        }
    }

    @Test func readsOneValueInTheMiddle() throws {
        let text = Array(#"[1,{"a":2},3]"#.utf8)
        var reader = JSONReader()
        _ = try reader.next(text.span)
        _ = try reader.next(text.span)
        #expect(print(try JSONValue.parse(&reader, text.span)) == #"{"a":2}"#)
        #expect(try JSONValue.parse(&reader, text.span) == .integer(3))
        #expect(throws: JSONError(.unexpectedByte, at: 12)) { try JSONValue.parse(&reader, text.span) }
    }

    @Test func accessorsAnswerForTheirOwnKindOnly() throws {
        let value = try parse(#"{"s":"x","i":1,"b":true,"l":["a","b"],"m":["a",1]}"#)
        let object = try #require(value.object)
        #expect(object["s"]?.string == "x" && object["s"]?.integer == nil && object["s"]?.array == nil)
        #expect(object["i"]?.integer == 1 && object["i"]?.bool == nil && object["i"]?.object == nil)
        #expect(object["b"]?.bool == true && object["b"]?.string == nil)
        #expect(object["l"]?.strings == ["a", "b"] && object["m"]?.strings == nil)
    }
}

@Suite struct JSONTextTests {
    struct Comparison: Sendable, CustomTestStringConvertible {
        let spelled: String
        let meant: String
        let equal: Bool
        var testDescription: String { "\(spelled) \(equal ? "is" : "is not") \(meant)" }
    }

    @Test(arguments: [
        Comparison(spelled: #""tenant""#, meant: "tenant", equal: true),
        Comparison(spelled: #""ten\u0061nt""#, meant: "tenant", equal: true),
        Comparison(spelled: #""\u0074\u0065nant""#, meant: "tenant", equal: true),
        Comparison(spelled: #""Tenant""#, meant: "tenant", equal: false),
        Comparison(spelled: #""tenan\u0074s""#, meant: "tenant", equal: false),
        Comparison(spelled: #""tena\u006e""#, meant: "tenant", equal: false),
        Comparison(spelled: #""tena\u00e9""#, meant: "tenant", equal: false),
        Comparison(spelled: #""\ud83d\ude00\"""#, meant: "😀\"", equal: true),
        Comparison(spelled: #""é\/""#, meant: "é/", equal: true),
        Comparison(spelled: #""""#, meant: "", equal: true),
    ])
    func equalsWhatIsMeant(_ comparison: Comparison) throws {
        let text = Array(comparison.spelled.utf8)
        var reader = JSONReader()
        guard case .string(let range, let escaped) = try reader.next(text.span) else { return }
        #expect(
            JSONText.equals(text.span, range, escaped: escaped, Array(comparison.meant.utf8).span)
                == comparison.equal
        )
        let string = JSONText.string(text.span, range, escaped: escaped)
        #expect(string.utf8.elementsEqual(comparison.meant.utf8) == comparison.equal)
    }

    @Test func comparesWithLiterals() throws {
        let text = Array(#""\u0061b""#.utf8)
        var reader = JSONReader()
        guard case .string(let range, let escaped) = try reader.next(text.span) else { return }
        let same = JSONText.equals(text.span, range, escaped: escaped, "ab")
        let other = JSONText.equals(text.span, range, escaped: escaped, "a")
        #expect(same && !other)
    }
}

@Suite struct JSONNumberTests {
    struct Number: Sendable, CustomTestStringConvertible {
        let text: String
        let scale: Int
        let value: Int64?
        init(_ text: String, _ scale: Int, _ value: Int64?) {
            (self.text, self.scale, self.value) = (text, scale, value)
        }
        init(_ text: String, _ value: Int64?) { self.init(text, 0, value) }
        var testDescription: String { "\(text) at scale \(scale)" }
    }

    @Test(arguments: [
        Number("0", 0), Number("-0", 0), Number("17", 17), Number("9223372036854775807", .max),
        Number("-9223372036854775808", .min), Number("9223372036854775808", nil),
        Number("-9223372036854775809", nil), Number("99999999999999999999", nil), Number("1.0", nil),
        Number("1e2", nil),
    ])
    func integers(_ number: Number) {
        let text = Array(number.text.utf8)
        #expect(
            (try? JSONNumber.integer(text.span, ByteRange(start: 0, count: text.count))) == number.value
        )
    }

    @Test(arguments: [
        Number("1.5", 4, 15000), Number("-1.5", 0, -1), Number("1e3", 0, 1000), Number("1.25E+1", 1, 125),
        Number("123456", -3, 123), Number("0.00001", 4, 0), Number("0.00001", 5, 1),
        Number("0e99999999999999999999", 0),
        Number("1e-99999999999999999999", 0), Number("1e99999999999999999999", nil), Number("1e19", nil),
        Number("9223372036854775807.9", .max), Number("-9.223372036854775808e18", .min),
        Number("922337203685477580.7", 2, nil), Number("0.0000000000000000000000001e25", 1),
        Number("1760000000.123", 3, 1_760_000_000_123), Number("12e-2", 0), Number("12e-1", 1),
    ])
    func decimals(_ number: Number) {
        let text = Array(number.text.utf8)
        let range = ByteRange(start: 0, count: text.count)
        #expect((try? JSONNumber.decimal(text.span, range, scale: number.scale)) == number.value)
    }
}

@Suite struct JSONWriterTests {
    @Test func writesEveryKind() {
        var output = Buffer()
        var writer = JSONWriter()
        writer.beginObject(&output)
        writer.key("a", &output)
        writer.integer(-1, &output)
        writer.key(Array("b\"".utf8).span, &output)
        writer.beginArray(&output)
        writer.string("x", &output)
        writer.bool(true, &output)
        writer.null(&output)
        writer.beginObject(&output)
        writer.endObject(&output)
        writer.endArray(&output)
        writer.key("c", &output)
        writer.raw(Array("[1]".utf8).span, &output)
        writer.endObject(&output)
        #expect(output.bytes.string() == #"{"a":-1,"b\"":["x",true,null,{}],"c":[1]}"#)
    }

    /// Whatever bytes a peer sends, a log line stays one valid string that holds them as far as they are text.
    @Test func everyByteStringBecomesAValidString() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = Seeded(seed: seed)
        for _ in 0..<2000 {
            let text = (0..<Int.random(in: 0..<12, using: &random)).map { _ in
                [UInt8.random(in: .min ... .max, using: &random), 0x22, 0x5C, 0xE2, 0x82, 0xAC, 0x0A]
                    .randomElement(using: &random)!
            }
            var output = Buffer()
            JSONWriter.appendString(text.span, &output)
            let value = try? JSONValue.parse(output.bytes)
            #expect(value?.string != nil, "seed \(seed), bytes \(text)")
            if let exact = text.span.string() {
                #expect(value == .string(exact), "seed \(seed), bytes \(text)")
            }
        }
    }
}
