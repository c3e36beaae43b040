// SPDX-License-Identifier: Apache-2.0
import Bytes
import JSON
import Testing

@Suite struct JSONMembersTests {
    private func read(_ text: String, maximumCount: Int = 8) -> Result<JSONMembers, JSONError> {
        var members = JSONMembers(maximumCount: maximumCount)
        let bytes = Array(text.utf8)
        do throws(JSONError) {
            try members.read(bytes.span)
            return .success(members)
        } catch {
            #expect(members.count == 0)
            return .failure(error)
        }
    }

    private func failure(_ text: String, maximumCount: Int = 8) -> JSONError? {
        if case .failure(let error) = read(text, maximumCount: maximumCount) { error } else { nil }
    }

    @Test func findsMembersByTheirMeaning() throws {
        let text = #" {"a": 1, "b\u0063" : {"x":[1]}, "d":"te\txt" ,"e":null} "#
        let bytes = Array(text.utf8)
        let members = try read(text).get()
        #expect(members.count == 4)
        func value(_ name: StaticString) -> String? {
            members.find(name, in: bytes.span).flatMap { bytes.span.extracting($0.value).string() }
        }
        #expect(value("a") == "1" && value("bc") == #"{"x":[1]}"# && value("d") == #""te\txt""#)
        #expect(value("e") == "null" && value("x") == nil && value("") == nil)
        #expect(
            members[0].token == .number(ByteRange(start: 7, count: 1)) && members[1].token == .beginObject
        )
        #expect(members[1].nameIsEscaped && !members[0].nameIsEscaped)
    }

    @Test func refusesOddObjects() {
        #expect(failure("[]") == JSONError(.unexpectedByte, at: 0))
        #expect(failure("{} {}") == JSONError(.trailingBytes, at: 3))
        #expect(failure(#"{"a":1,"a":2}"#) == JSONError(.duplicateName, at: 8))
        #expect(failure(#"{"\u0061":1,"a":2}"#) == JSONError(.duplicateName, at: 13))
        #expect(failure(#"{"a":1,"\u0061":2}"#) == JSONError(.duplicateName, at: 8))
        #expect(failure(#"{"a":{"b":]}}"#) == JSONError(.unexpectedByte, at: 10))
        #expect(failure(#"{"a":1,"b":2,"c":3}"#, maximumCount: 2) == JSONError(.tooLarge, at: 14))
        #expect(failure(#"{"a":1,"b":2}"#, maximumCount: 2) == nil)
        #expect(failure("") == JSONError(.truncated, at: 0))
    }

    @Test func forgetsTheDocumentBefore() throws {
        var members = JSONMembers()
        let first = Array(#"{"a":1}"#.utf8)
        let second = Array(#"{"b":1}"#.utf8)
        try members.read(first.span)
        try members.read(second.span)
        let old = members.find("a", in: second.span)
        let new = members.find("b", in: second.span)
        #expect(members.count == 1 && old == nil && new != nil)
    }
}
