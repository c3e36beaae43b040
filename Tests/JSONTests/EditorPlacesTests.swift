// SPDX-License-Identifier: Apache-2.0
import Bytes
import JSON
import TestSupport
import Testing

/// What the editor puts in, leaves out and hides, and bodies of several documents.
@Suite struct EditorPlacesTests {
    static func edit(_ text: String, _ rules: [(String, JSONRule)], shapes: [[(String, JSONRule)]] = [])
        throws -> String
    {
        try EditorTests.edit(text, .document(table(rules, shapes: shapes)))
    }

    static func table(_ rules: [(String, JSONRule)], shapes: [[(String, JSONRule)]] = []) throws
        -> JSONEditTable
    {
        func list(_ rules: [(String, JSONRule)]) throws -> [(pattern: JSONPattern, rule: JSONRule)] {
            try rules.map { (try #require(JSONPattern($0.0) { Int($0) }), $0.1) }
        }
        return try JSONEditTable(list(rules), shapes: shapes.map(list))
    }

    @Test(arguments: [
        (#"{"a":1}"#, #"{"a":1,"s":<7absent>}"#), ("{}", #"{"s":<7absent>}"#), ("{ }", #"{ "s":<7absent>}"#),
        (#"{ "a" : 1 } "#, #"{ "a" : 1 ,"s":<7absent>} "#),
    ])
    func putsInAMember(_ text: String, _ edited: String) throws {
        #expect(try Self.edit(text, [("/a", .scalar), ("/s", .insert(binding: 7))]) == edited)
    }

    /// An object that is left out is made for what is put into it; null cannot stand in its place.
    @Test func makesTheObjectThatAMemberIsPutInto() throws {
        let rules: [(String, JSONRule)] = [("/m/n/s", .insert(binding: 7)), ("/m/{}", .any), ("/a", .scalar)]
        #expect(try Self.edit("{}", rules) == #"{"m":{"n":{"s":<7absent>}}}"#)
        #expect(
            try Self.edit(#"{"a":1,"m":{"x":[]}}"#, rules) == #"{"a":1,"m":{"x":[],"n":{"s":<7absent>}}}"#
        )
        #expect(throws: JSONEditError.self) { try Self.edit(#"{"m":null}"#, rules) }
    }

    @Test func dropsAMemberWhateverItIs() throws {
        let rules: [(String, JSONRule)] = [("/d", .drop), ("/{}", .any)]
        for value in ["1", "{}", #"[{"a":[1,"x"]}]"#, "null", #""x""#] {
            #expect(try Self.edit(#"{"a":1,"d":\#(value),"b":2}"#, rules) == #"{"a":1,"b":2}"#)
            #expect(try Self.edit(#"{"d":\#(value)}"#, rules) == "{}")
        }
    }

    @Test func refusesAMemberThatIsOurs() throws {
        #expect(throws: JSONEditError.self) {
            try Self.edit(#"{"s":"x"}"#, [("/a", .scalar), ("/s", .insert(binding: 7))])
        }
    }

    @Test(arguments: [
        (#"{"s":"x"}"#, "{}"), (#"{"a":1,"s":"x"}"#, #"{"a":1}"#), (#"{"s":"x","a":1}"#, #"{"a":1}"#),
        (#"{ "a" : 1 , "s" : "x" , "b" : 2 }"#, #"{ "a" : 1 , "b" : 2 }"#),
        (#"{"s":"x" , "a":1 , "b":2 }"#, #"{  "a":1 , "b":2 }"#),
    ])
    func leavesAMemberOut(_ text: String, _ edited: String) throws {
        let rules: [(String, JSONRule)] = [("/a", .scalar), ("/b", .scalar), ("/s", .remove(binding: 7))]
        let output = try Self.edit(text, rules)
        #expect(output.replacing("<7>", with: "") == edited)
    }

    @Test func needsTheMemberThatItLeavesOut() throws {
        for text in ["{}", #"{"s":null}"#, #"{"s":1}"#, #"{"s":["x"]}"#] {
            #expect(throws: JSONEditError.self) { try Self.edit(text, [("/s", .remove(binding: 7))]) }
        }
    }

    @Test(arguments: [
        (#"{"f":{"x":1}}"#, #"{"f":<3before>{"x":1}<3after>}"#), (#"{"f":null}"#, #"{"f":<3absent>}"#),
        ("{}", #"{"f":<3absent>}"#), (#"{ "f" : [ ] , "g":1}"#, #"{ "f" : <3before>[ ]<3after> , "g":1}"#),
    ])
    func wrapsAValue(_ text: String, _ edited: String) throws {
        let rules: [(String, JSONRule)] = [
            ("/f", .wrap(binding: 3, isAdded: true)), ("/f/x", .scalar), ("/f/*", .scalar), ("/g", .scalar),
        ]
        #expect(try Self.edit(text, rules) == edited)
    }

    @Test(arguments: [
        (#"{"n":["a", "b"]}"#, #"{"n":[<4element>,"a", "b"]}"#), (#"{"n":[]}"#, #"{"n":[<4element>]}"#),
        (#"{"n":[ ]}"#, #"{"n":[<4element> ]}"#), (#"{"n":null}"#, #"{"n":<4absent>}"#),
        ("{}", #"{"n":<4absent>}"#),
    ])
    func putsInAFirstElement(_ text: String, _ edited: String) throws {
        #expect(try Self.edit(text, [("/n", .prepend(binding: 4)), ("/n/*", .scalar)]) == edited)
    }

    @Test(arguments: [
        (#"["t","a", "b"]"#, #"["a", "b"]"#), (#"["t"]"#, "[]"), (#"[ "t" , "a" ]"#, #"[   "a" ]"#),
    ])
    func leavesTheFirstElementOut(_ text: String, _ edited: String) throws {
        let output = try Self.edit(text, [("", .behead(binding: 4)), ("/*", .scalar)])
        #expect(output.replacing("<4>", with: "") == edited)
        for bad in ["[]", "null", "[1]", "[null]"] {
            #expect(throws: JSONEditError.self) {
                try Self.edit(bad, [("", .behead(binding: 4)), ("/*", .scalar)])
            }
        }
    }

    @Test(arguments: [
        (#"[{"o":"hidden"},{"o":"a"}]"#, #"[{"o":<5>}]"#), (#"[{"o":"a"},{"o":"hidden"}]"#, #"[{"o":<5>}]"#),
        (#"[{"o":"hidden"}]"#, "[]"),
        (#"[ {"o":"a"} , {"x":1,"o":"hidden"} , {"o":"b"} ]"#, #"[ {"o":<5>}  , {"o":<5>} ]"#),
        ("[]", "[]"),
    ])
    func hidesElements(_ text: String, _ edited: String) throws {
        let rules: [(String, JSONRule)] = [
            ("", .hide), ("/*/o", .edit(binding: 5, .optional)), ("/*/x", .scalar),
        ]
        #expect(try Self.edit(text, rules) == edited)
    }

    @Test func declaresMembersByAnyName() throws {
        let rules: [(String, JSONRule)] = [
            ("/known", .scalar), ("/{}", .edit(binding: 1, .optional)), ("/m/{2}/x", .scalar),
        ]
        #expect(
            try Self.edit(#"{"known":1,"a":"x","\u00e9":"y","m":{"n":{"x":1}, "\u006f" : {}}}"#, rules)
                == #"{"known":1,"a":<1>,"\u00e9":<1>,"m":{"<2:n>":{"x":1}, "<2:o>" : {}}}"#
        )
        // The name of a declared member, spelled so that it would count as any other.
        #expect(throws: JSONEditError.self) { try Self.edit(#"{"\u006bnown":"x"}"#, rules) }
    }

    /// A shape that holds itself: the grammar of a query.
    @Test func followsShapesThatHoldThemselves() throws {
        let query: [(String, JSONRule)] = [
            ("/bool/must", .shape(0)), ("/bool/must/*", .shape(0)), ("/term/{}", .any),
            ("/ids/index", .edit(binding: 1, .optional)),
        ]
        let rules: [(String, JSONRule)] = [("/query", .shape(0))]
        let text =
            #"{"query":{"bool":{"must":[{"term":{"index":1}},{"bool":{"must":{"ids":{"index":"i"}}}}]}}}"#
        #expect(try Self.edit(text, rules, shapes: [query]) == text.replacing(#""i""#, with: "<1>"))
        for bad in [#"{"query":{"x":1}}"#, #"{"query":{"bool":{"must":[{"bool":{"must":[[]]}}]}}}"#] {
            #expect(throws: JSONEditError.self) { try Self.edit(bad, rules, shapes: [query]) }
        }
        var deep = #"{"query":"#
        for _ in 0..<40 { deep += #"{"bool":{"must":["# }
        #expect(throws: JSONEditError.self) { try Self.edit(deep, rules, shapes: [query]) }
        #expect(throws: JSONTableError.conflict) {
            try Self.edit("{}", [("/a", .shape(0))], shapes: [[("", .shape(0))]])
        }
    }

    @Test func wantsSomethingInAnArrayThatIsFilled() throws {
        let rules: [(String, JSONRule)] = [
            ("/i", .edit(binding: 1, .filled)), ("/i/*", .edit(binding: 1, .filled)), ("/x", .scalar),
        ]
        #expect(try Self.edit(#"{"i":["a"]}"#, rules) == #"{"i":[<1>]}"#)
        #expect(try Self.edit(#"{"i":"a"}"#, rules) == #"{"i":<1>}"#)
        #expect(try Self.edit(#"{"x":1}"#, rules) == #"{"x":1}"#)
        #expect(throws: JSONEditError.self) { try Self.edit(#"{"i":[]}"#, rules) }
    }

    @Test(arguments: [
        (
            "{\"index\":{\"i\":\"a\"}}\n{\"doc\":1}\n{\"delete\":{\"i\":\"b\"}}\n",
            "{\"index\":{\"i\":<1>}}\n{\"doc\":1}\n{\"delete\":{\"i\":<1>}}\n"
        ),
        ("{\"index\":{}}\r\n[1]", "{\"index\":{}}\r\n[1]"), ("", ""), ("\n\n", "\n\n"),
    ])
    func readsLines(_ text: String, _ edited: String) throws {
        #expect(try EditorTests.edit(text, Self.lines()) == edited)
    }

    @Test(arguments: [
        "{\"index\":{}}\n", "{\"index\":{}}\n\n{}\n", "{\"index\":\n{}}\n{}\n", "{\"other\":{}}\n{}\n",
        "{\"index\":{}}\n{} {}\n", "{\"index\":{}} {\"index\":{}}\n{}\n",
    ])
    func refusesLines(_ text: String) throws {
        let form = try Self.lines()
        #expect(throws: JSONEditError.self) { try EditorTests.edit(text, form) }
    }

    static func lines() throws -> JSONBodyForm {
        let action = try table([
            ("/index/i", .edit(binding: 1, .optional)), ("/delete/i", .edit(binding: 1, .optional)),
        ])
        return .lines([action, nil], alone: [Array("delete".utf8)])
    }

    @Test(arguments: [
        ("event: a\ndata: {\"i\":\"x\"}\n\n", "event: a\ndata: {\"i\":<1>}\n\n"),
        (
            "id: 1\r\ndata:{\"i\":\r\ndata: \"x\"}\r\n\r\n: ping\n\ndata: [DONE]\n\n",
            "id: 1\r\ndata:{\"i\":\r\ndata: <1>}\r\n\r\n: ping\n\ndata: [DONE]\n\n"
        ),
        ("event: b\ndata: what ever\n\n", "event: b\ndata: what ever\n\n"), ("", ""),
    ])
    func readsEvents(_ text: String, _ edited: String) throws {
        let some = try Self.table([("/i", .edit(binding: 1, .optional))])
        let form = JSONBodyForm.events([(Array("b".utf8), nil), ([], some)])
        #expect(try EditorTests.edit(text, form) == edited)
        for bad in [
            "data: {\"i\":1}\nevent: b\n\n", "data: {}\n", "data: {\"j\":1}\n\n", "data: {\n\n",
            "event: c\ndata: x\n\n",
        ] {
            #expect(throws: JSONEditError.self) { try EditorTests.edit(bad, form) }
        }
    }

    /// A body far larger than what is held, in small pieces.
    @Test func holdsLittle() throws {
        let table = try Self.table([("/*/id", .edit(binding: 1, .optional)), ("/*/text", .scalar)])
        let piece =
            Array(#"{"id":"a","text":""#.utf8) + Array(repeating: UInt8(ascii: "x"), count: 100_000)
            + Array(#""},"#.utf8)
        var editor = JSONEditor(table)
        var output = Buffer()
        var count = 0
        func feed(_ bytes: [UInt8], isFinal: Bool) throws {
            while let request = try editor.next(bytes.span, isFinal: isFinal, into: &output) {
                EditorTests.answer(request, &editor, &output)
            }
            count += output.count
            output.removeAll()
        }
        try feed(Array("[".utf8), isFinal: false)
        for _ in 0..<100 { try feed(piece, isFinal: false) }
        try feed(Array("{}]".utf8), isFinal: true)
        #expect(count == 100 * piece.count + 4)
        #expect(output.capacity < 300_000)
    }
}
