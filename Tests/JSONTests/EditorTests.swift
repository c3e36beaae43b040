// SPDX-License-Identifier: Apache-2.0
import Bytes
import JSON
import TestSupport
import Testing

@Suite struct EditorTests {
    /// Edits every handed-out value to `<binding>` and every name to `<binding:meaning>`; what is called "hidden" is
    /// hidden. In pieces that end at `cuts`.
    static func edit(_ text: String, _ form: JSONBodyForm, cuts: [Int]) throws(JSONEditError) -> String {
        let bytes = Array(text.utf8)
        var body = JSONBodyEditor(form)
        var output = Buffer()
        var start = 0
        for end in cuts + [bytes.count] {
            let piece = Array(bytes[start..<end])
            while let request = try body.next(piece.span, isFinal: end == bytes.count, into: &output) {
                answer(request, &body.editor, &output)
            }
            start = end
        }
        return output.bytes.string() ?? "no text"
    }

    static func answer(_ request: JSONEditRequest, _ editor: inout JSONEditor, _ output: inout Buffer) {
        var text = Buffer()
        text.append("<")
        switch request {
        case .value(let binding):
            let isHidden = editor.text.equals("hidden")
            if isHidden, editor.canHide { return editor.hide(&output) }
            text.append(decimal: binding)
        case .name(let binding):
            text.append(decimal: binding)
            text.append(":")
            text.append(editor.text)
            text.append(">")
            return editor.replace(text.bytes, &output)
        case .null: return editor.keep(&output)
        case .text(let binding, let part):
            text.append(decimal: binding)
            text.append(string: "\(part)")
        }
        text.append(">")
        editor.insert(text.bytes, &output)
    }

    /// Whole, and cut at every place: what comes out must be the same.
    static func edit(_ text: String, _ form: JSONBodyForm) throws(JSONEditError) -> String {
        let whole = try edit(text, form, cuts: [])
        for cut in 0...text.utf8.count {
            do throws(JSONEditError) {
                let pieces = try edit(text, form, cuts: [cut])
                #expect(pieces == whole, "cut at \(cut)")
            } catch {
                Issue.record("\(error) when \(text) is cut at \(cut)")
            }
        }
        #expect(try edit(text, form, cuts: Array(1..<max(text.utf8.count, 1))) == whole)
        return whole
    }

    static func edit(_ text: String, _ table: JSONEditTable) throws(JSONEditError) -> String {
        try edit(text, .document(table))
    }

    static func table(_ rules: [(String, JSONRule)]) throws -> JSONEditTable {
        try JSONEditTable(rules.map { (try #require(JSONPattern($0.0)), $0.1) })
    }

    static let rules: [(String, JSONRule)] = [
        ("/id", .edit(binding: 1, .optional)), ("/owner", .edit(binding: 2, .required)),
        ("/any", .any), ("/plain", .scalar), ("/no", .refused),
        ("/list/*/id", .edit(binding: 3, .optional)),
        ("/list/*/any", .any), ("/deep/er/id", .edit(binding: 4, .optional)), ("/a~1b~0c", .scalar),
    ]

    @Test(arguments: [
        (#"{"owner":"x"}"#, #"{"owner":<2>}"#),
        (
            #" { "id" : "a\"b" , "owner":null,"any":[{"id":"x","id":1}] } "#,
            #" { "id" : <1> , "owner":null,"any":[{"id":"x","id":1}] } "#
        ),
        (
            #"{"list":[{"id":1,"any":{}},{"any":"é"},null,{}],"owner":"t"}"#,
            #"{"list":[{"id":<3>,"any":{}},{"any":"é"},null,{}],"owner":<2>}"#
        ),
        (
            #"{"owner":-1.5e3,"deep":{"er":{"id":"z"}},"plain":"p"}"#,
            #"{"owner":<2>,"deep":{"er":{"id":<4>}},"plain":"p"}"#
        ),
        (
            #"{"deep":null,"list":null,"no":null,"any":null,"plain":null,"owner":""}"#,
            #"{"deep":null,"list":null,"no":null,"any":null,"plain":null,"owner":<2>}"#
        ),
        (
            #"{"deep":{"er":null},"list":[],"owner":"x","a/b~c":0}"#,
            #"{"deep":{"er":null},"list":[],"owner":<2>,"a/b~c":0}"#
        ),
    ])
    func changesTheEditedValuesAlone(_ text: String, _ edited: String) throws {
        #expect(try Self.edit(text, Self.table(Self.rules)) == edited)
    }

    @Test(arguments: [
        (#"{"owner":"x","other":1}"#, JSONEditError.Reason.memberUndeclared, 14),
        (#"{"owner":"x","Id":1}"#, .memberUndeclared, 14),
        (#"{"owner":"x","i\u0064":1}"#, .memberUndeclared, 14),
        (#"{"owner":"x","id":1,"id":2}"#, .memberDuplicate, 21), (#"{"id":"x"}"#, .memberMissing, 9),
        (#"{}"#, .memberMissing, 1), (#"{"owner":"x","no":0}"#, .memberRefused, 18),
        (#"{"owner":["x"]}"#, .unexpectedType, 9), (#"{"owner":"x","plain":{}}"#, .unexpectedType, 21),
        (#"{"owner":"x","list":{}}"#, .unexpectedType, 20),
        (#"{"owner":"x","list":[[]]}"#, .unexpectedType, 21),
        (#"{"owner":"x","deep":"er"}"#, .unexpectedType, 20), (#"[]"#, .unexpectedType, 0),
        (#""text""#, .unexpectedType, 0), (#"{"owner":"x"}}"#, .syntax(.trailingBytes), 13),
        ("null", .memberMissing, 0), ("", .syntax(.truncated), 0),
        (#"{"owner":"x","any":{"a":}}"#, .syntax(.unexpectedByte), 24),
        (#"{"owner":"x","any":1"#, .syntax(.truncated), 20),
        (#"{"owner":"x","list":[{"id":1},{"id":1,"id":1}]}"#, .memberDuplicate, 39),
    ])
    func refusesWhatIsNotDeclared(_ text: String, _ reason: JSONEditError.Reason, _ offset: Int) throws {
        let table = try Self.table(Self.rules)
        do throws(JSONEditError) {
            let edited = try Self.edit(text, table)
            Issue.record("\(edited) passed")
        } catch {
            #expect(error.reason == reason)
            #expect(error.offset == offset)
        }
    }

    @Test func declaresNothingOrOneValue() throws {
        let nothing = try Self.table([])
        #expect(try Self.edit(" {} ", nothing) == " {} ")
        #expect(try Self.edit("null", nothing) == "null")
        #expect(throws: JSONEditError.self) { try Self.edit(#"{"a":1}"#, nothing) }
        #expect(throws: JSONEditError.self) { try Self.edit("[]", nothing) }
        let scalar = try Self.table([("", .scalar)])
        #expect(try Self.edit("7", scalar) == "7")
        #expect(throws: JSONEditError.self) { try Self.edit("[7]", scalar) }
        #expect(try Self.edit(#" "a" "#, Self.table([("", .edit(binding: 9, .required))])) == " <9> ")
        let list = try Self.table([("/*", .edit(binding: 1, .optional))])
        #expect(try Self.edit(#"["a", 1 ,null,"b"]"#, list) == "[<1>, <1> ,null,<1>]")
    }

    /// A member that must be there makes the objects around it needed.
    @Test func requiresWhatHoldsARequiredMember() throws {
        let table = try Self.table([("/a/b/c", .edit(binding: 1, .required)), ("/x", .any)])
        #expect(try Self.edit(#"{"a":{"b":{"c":"1"}}}"#, table) == #"{"a":{"b":{"c":<1>}}}"#)
        for text in [
            "{}", #"{"x":1}"#, #"{"a":null}"#, #"{"a":{}}"#, #"{"a":{"b":{}}}"#, #"{"a":{"b":null}}"#,
        ] {
            #expect(throws: JSONEditError.self) { try Self.edit(text, table) }
        }
    }

    @Test func compilesOnlyWhatIsClear() throws {
        let cases: [([(String, JSONRule)], JSONTableError)] = [
            ([("/a", .any), ("/a", .scalar)], .conflict), ([("/a", .any), ("/a/b", .scalar)], .conflict),
            ([("", .any), ("/a", .scalar)], .conflict),
            ([("/a", .hide), ("/a", .any), ("/a/*", .scalar)], .conflict),
            ([("/*", .any), ("/*", .any)], .conflict),
            ((0..<65).map { ("/m\($0)", .any) }, .tooManyMembers),
            ([(String(repeating: "/a", count: 17), .any)], .tooDeep),
        ]
        for (rules, error) in cases {
            #expect(throws: error) { try JSONEditTable(rules.map { (JSONPattern($0.0)!, $0.1) }) }
        }
        let deepest = String(repeating: "/a", count: 16)
        let table = try Self.table([(deepest, .edit(binding: 1, .optional))])
        let text = String(repeating: #"{"a":"#, count: 16) + "1" + String(repeating: "}", count: 16)
        #expect(try Self.edit(text, table) == text.replacing("1", with: "<1>"))
        for bad in ["a", "/a~", "/~2", "/a~x", "a/", "/{x}", "/a/{x}/b"] { #expect(JSONPattern(bad) == nil) }
    }

    /// Any document: either an error, or what comes out differs from what went in by the edited values alone.
    @Test func neverTrapsAndNeverChangesMore() throws {
        let seed = UInt64.random(in: 0 ... .max)
        print("seed of neverTrapsAndNeverChangesMore: \(seed)")
        var random = Seeded(seed: seed)
        let table = try Self.table(Self.rules)
        let pieces = [
            "{", "}", "[", "]", ",", ":", "\"id\"", "\"owner\"", "\"any\"", "\"list\"", "\"deep\"", "\"er\"",
            "null",
            "true", "1", "-0.5e1", "\"\\u0041\"", " ", "\"é\"", "\"\\", "\u{0}", "\"no\"",
        ]
        for _ in 0..<20_000 {
            var text = #"{"owner":"x","list":[{"id":"y","any":[1]}],"deep":{"er":{"id":"z"}}}"#
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let place = text.index(
                    text.startIndex,
                    offsetBy: Int.random(in: 0..<text.count, using: &random)
                )
                if Bool.random(using: &random) {
                    text.insert(contentsOf: pieces.randomElement(using: &random)!, at: place)
                } else {
                    text.remove(at: place)
                }
            }
            guard let edited = try? Self.edit(text, .document(table), cuts: []) else { continue }
            let cut = Int.random(in: 0...text.utf8.count, using: &random)
            #expect(try Self.edit(text, .document(table), cuts: [cut]) == edited)
            let value = try? JSONValue.parse(text.utf8Span.span)
            // Opaque parts may hold duplicates, which JSONValue refuses; all else that passed is JSON.
            if value == nil { #expect(text.contains("\"any\"")) }
            #expect(edited.contains("<2>") || edited.contains("null"))
        }
    }
}
