// SPDX-License-Identifier: Apache-2.0
import Bytes
import JSON
import TestSupport
import Testing

/// Every token of a document, or the error that ends it.
func tokens(_ text: [UInt8], maximumDepth: Int = 64) -> Result<[JSONToken], JSONError> {
    var reader = JSONReader(maximumDepth: maximumDepth)
    var tokens: [JSONToken] = []
    do {
        while true {
            let token = try reader.next(text.span)
            tokens.append(token)
            if token == .end { return .success(tokens) }
        }
    } catch {
        return .failure(error)
    }
}

private func range(_ start: Int, _ count: Int) -> ByteRange { ByteRange(start: start, count: count) }

@Suite struct JSONReaderTests {
    @Test func readsEveryKindOfToken() throws {
        let text = Array(#" {"a" : [1,-2.5e+3,true,false,null,""] ,"b\n":"\u0041","c":{},"d":[]} "#.utf8)
        #expect(
            try tokens(text).get() == [
                .beginObject, .key(range(3, 1), escaped: false), .beginArray, .number(range(9, 1)),
                .number(range(11, 7)), .true, .false, .null, .string(range(36, 0), escaped: false), .endArray,
                .key(range(41, 3), escaped: true), .string(range(47, 6), escaped: true),
                .key(range(56, 1), escaped: false), .beginObject, .endObject,
                .key(range(63, 1), escaped: false), .beginArray, .endArray, .endObject, .end,
            ]
        )
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let text: [UInt8]
        let error: JSONError
        init(_ text: String, _ reason: JSONError.Reason, at offset: Int) {
            self.init(bytes: Array(text.utf8), reason, at: offset)
        }
        init(bytes: [UInt8], _ reason: JSONError.Reason, at offset: Int) {
            text = bytes
            error = JSONError(reason, at: offset)
        }
        var testDescription: String { "\(error.reason.rawValue) in \(String(decoding: text, as: UTF8.self))" }
    }

    @Test(arguments: [
        Refusal("", .truncated, at: 0),
        Refusal("  ", .truncated, at: 2),
        Refusal("\u{FEFF}1", .byteOrderMark, at: 0),
        Refusal(" \u{FEFF}1", .unexpectedByte, at: 1),
        Refusal("[1,]", .unexpectedByte, at: 3),
        Refusal("[,1]", .unexpectedByte, at: 1),
        Refusal("[1 2]", .unexpectedByte, at: 3),
        Refusal("[1}", .unexpectedByte, at: 2),
        Refusal("{\"a\":1]", .unexpectedByte, at: 6),
        Refusal("{\"a\":1,}", .unexpectedByte, at: 7),
        Refusal("{\"a\" 1}", .unexpectedByte, at: 5),
        Refusal("{1:2}", .unexpectedByte, at: 1),
        Refusal("{\"a\":}", .unexpectedByte, at: 5),
        Refusal("{} {}", .trailingBytes, at: 3),
        Refusal("1 1", .trailingBytes, at: 2),
        Refusal("]", .unexpectedByte, at: 0),
        Refusal("01", .invalidNumber, at: 1),
        Refusal("-", .truncated, at: 1),
        Refusal("-a", .invalidNumber, at: 1),
        Refusal("1.a", .invalidNumber, at: 2),
        Refusal("1e+", .truncated, at: 3),
        Refusal("+1", .unexpectedByte, at: 0),
        Refusal("NaN", .unexpectedByte, at: 0),
        Refusal("tru", .truncated, at: 3),
        Refusal("True", .unexpectedByte, at: 0),
        Refusal("\"a\u{1}\"", .controlCharacter, at: 2),
        Refusal("\"\\x\"", .invalidEscape, at: 2),
        Refusal("\"\\u12g4\"", .invalidEscape, at: 5),
        Refusal("\"\\ud800\"", .loneSurrogate, at: 1),
        Refusal("\"\\ud800\\n\"", .loneSurrogate, at: 1),
        Refusal("\"\\ud800\\u0041\"", .loneSurrogate, at: 1),
        Refusal("\"\\udc00\"", .loneSurrogate, at: 1),
        Refusal("\"abc", .truncated, at: 4),
        Refusal(bytes: [0x22, 0xC0, 0x80, 0x22], .invalidUTF8, at: 1),
        Refusal(bytes: [0x22, 0xED, 0xA0, 0x80, 0x22], .invalidUTF8, at: 1),
        Refusal(bytes: [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], .invalidUTF8, at: 1),
        Refusal(bytes: [0x22, 0x80, 0x22], .invalidUTF8, at: 1),
        Refusal(bytes: [0x22, 0xE2, 0x82], .truncated, at: 3),
        Refusal("[[[[]]]]", .tooDeep, at: 3),
    ])
    func refuses(_ refusal: Refusal) {
        #expect(tokens(refusal.text, maximumDepth: 3) == .failure(refusal.error))
    }

    @Test func depthIsCountedExactly() throws {
        for depth in [1, 2, 63, 64, 128] {
            let fits = [UInt8](repeating: 0x5B, count: depth) + [UInt8](repeating: 0x5D, count: depth)
            #expect(throws: Never.self) { try tokens(fits, maximumDepth: depth).get() }
            #expect(tokens([0x5B] + fits, maximumDepth: depth) == .failure(JSONError(.tooDeep, at: depth)))
        }
    }

    @Test func skipsOneValue() throws {
        let text = Array(#"{"a": {"x":[1,{"y":"]"}]} ,"b":[10,"s",false],"c":-3}"#.utf8)
        var reader = JSONReader()
        var skipped: [String] = []
        #expect(try reader.next(text.span) == .beginObject)
        while case .key = try reader.next(text.span) {
            let range = try reader.skipValue(text.span)
            skipped.append(text.span.extracting(range).string() ?? "")
        }
        #expect(skipped == [#"{"x":[1,{"y":"]"}]}"#, #"[10,"s",false]"#, "-3"])
        #expect(try reader.next(text.span) == .end)
    }

    @Test func skippingWhereNoValueStandsIsRefused() throws {
        for text in ["[]", #"{"a":1}"#] {
            let text = Array(text.utf8)
            var reader = JSONReader()
            _ = try reader.next(text.span)
            let before = reader
            #expect(throws: JSONError(.unexpectedByte, at: 1)) { try reader.skipValue(text.span) }
            #expect(reader == before)
        }
    }

    @Test func lineAndColumnAreFoundFromTheOffset() {
        let text = Array("{\n  \"a\": 1,\n  oops\n}".utf8)
        guard case .failure(let error) = tokens(text) else { return #expect(Bool(false)) }
        #expect(error == JSONError(.unexpectedByte, at: 14))
        #expect(error.position(in: text.span) == (3, 3))
    }
}

@Suite struct JSONStreamingTests {
    static let documents = [
        #"{"a":[1,22,-3.5e10,true,false,null,"x\u0041\ud83d\ude00é€😀"],"b":{"c":[]},"d":""}"#, "123",
        "-0.5e-7",
        " \"text\" ", "[[],[[1]],{}]", "\t null\n", #"{"k" : "v" , "l" : [ 1 , 2 ] }"#,
    ]

    /// What a strict prefix says is never worse than "not yet".
    @Test(arguments: documents) func everyPrefixIsTruncated(_ document: String) {
        let text = Array(document.utf8)
        for count in 0..<text.count {
            let prefix = Array(text[..<count])
            var reader = JSONReader()
            reader.isFinal = false
            do {
                while true { _ = try reader.next(prefix.span) }
            } catch {
                #expect(error.reason == .truncated, "prefix of \(count)")
            }
        }
    }

    /// Bytes that arrive one at a time, and are dropped as soon as they are read, give the same tokens.
    @Test(arguments: documents, [1, 2, 3, 7]) func splittingChangesNothing(_ document: String, _ step: Int)
        throws
    {
        let text = Array(document.utf8)
        let expected = try tokens(text).get()
        var reader = JSONReader()
        reader.isFinal = false
        var seen: [JSONToken] = []
        var dropped = 0
        var given = 0
        while seen.last != .end {
            let window = Array(text[dropped..<given])
            do {
                seen.append(try reader.next(window.span).moved(by: dropped))
            } catch {
                try #require(error.reason == .truncated)
                dropped += reader.position
                reader.rebase(reader.position)
                if given == text.count { reader.isFinal = true }
                given = min(given + step, text.count)
            }
        }
        #expect(seen == expected)
    }
}

extension JSONToken {
    fileprivate func moved(by offset: Int) -> JSONToken {
        switch self {
        case .key(let range, let escaped):
            .key(ByteRange(start: range.start + offset, count: range.count), escaped: escaped)
        case .string(let range, let escaped):
            .string(ByteRange(start: range.start + offset, count: range.count), escaped: escaped)
        case .number(let range): .number(ByteRange(start: range.start + offset, count: range.count))
        case .beginObject, .endObject, .beginArray, .endArray, .true, .false, .null, .end: self
        }
    }
}
