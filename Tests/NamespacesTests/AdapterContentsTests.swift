// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import JSON
import Namespaces
import Testing

/// What a table says of a compartment's contents.
@Suite struct AdapterContentsTests {
    private func table(_ contents: String) throws -> JSONValue {
        let text = """
            {"adapter":"things","kind":"store","errors":{"body":{"error":"{code}"}},
             "operations":[{"name":"get","method":"GET","path":"/things","action":"memory:Read",
                            "request":{"query":"opaque"},"response":{"body":"opaque"}}],
             "contents":\(contents)}
            """
        return try JSONValue.parse(Array(text.utf8).span)
    }

    private func problems(_ contents: String) throws -> [String] {
        let document = try table(contents)
        do throws(AdapterProblems) {
            _ = try Adapter(document)
            return []
        } catch {
            return error.list.map { "\($0.pointer): \($0.message)" }
        }
    }

    private func adapter(_ contents: String) throws -> Adapter { try Adapter(table(contents)) }

    private func json(_ text: String) throws -> JSONValue { try JSONValue.parse(Array(text.utf8).span) }

    @Test func holesAreFilledAndEscaped() throws {
        let thing = try adapter(
            """
            [{"name":"box","list":{"method":"GET","path":"/boxes?limit={limit}&offset={offset}"},"items":"/found/boxes",
              "fields":{"box":"/name","number":"/n"},
              "export":{"method":"POST","path":"/boxes/{box}/all","body":"{{\\"of\\":\\"{box}\\",\\"n\\":{number}}}"},
              "delete":{"method":"DELETE","path":"/boxes/{box}"}}]
            """
        ).contents[0]
        #expect(thing.list.isPaged)
        let page = try #require(thing.list.filled([:], offset: 200))
        #expect(String(decoding: page.target, as: UTF8.self) == "/boxes?limit=100&offset=200")
        let answer = try json(#"{"found":{"boxes":[{"name":"a/b \"c\"","n":7},{"name":"x"}]}}"#)
        let items = try #require(thing.listed(in: answer))
        let values = try #require(thing.values(of: items[0]))
        #expect(values == ["box": .string("a/b \"c\""), "number": .integer(7)])
        // A thing without a field cannot be named, so nothing is guessed.
        #expect(thing.values(of: items[1]) == nil)
        let export = try #require(thing.export?.first.filled(values, offset: 0))
        #expect(String(decoding: export.target, as: UTF8.self) == "/boxes/a%2Fb%20%22c%22/all")
        #expect(String(decoding: export.body, as: UTF8.self) == #"{"of":"a/b \"c\"","n":7}"#)
        #expect(thing.listed(in: try json(#"{"found":[]}"#)) == nil)
    }

    /// Lists and objects stand in bodies as they are, and nowhere in paths.
    @Test func whatIsNoTextFillsBodiesAlone() throws {
        let thing = try adapter(
            """
            [{"name":"item","list":{"method":"POST","path":"/find?page={page}","body":"{{\\"limit\\":{limit}}}"},
              "fields":{"space":"/space"},
              "delete":{"method":"DELETE","path":"/items","body":"{{\\"space\\":{space}}}"},
              "export":{"method":"GET","path":"/items/{space}"}}]
            """
        ).contents[0]
        #expect(thing.list.isPaged)
        let page = try #require(thing.list.filled([:], offset: 300))
        #expect(String(decoding: page.target, as: UTF8.self) == "/find?page=4")
        let item = try json(#"{"space":["a","b\\"]}"#)
        let values = try #require(thing.values(of: item))
        let delete = try #require(thing.delete?.filled(values, offset: 0))
        #expect(String(decoding: delete.body, as: UTF8.self) == #"{"space":["a","b\\"]}"#)
        #expect(try #require(thing.export).first.filled(values, offset: 0) == nil)
        #expect(thing.values(of: try json(#"{"space":null}"#)) == nil)
    }

    /// One list of several kinds, members' values, and names that are given.
    @Test func kindsAreToldApart() throws {
        let things = try adapter(
            """
            [{"name":"user","list":{"method":"GET","path":"/who"},"items":"/results","where":{"/type":"user"},
              "named":true,"fields":{"user":"/name"}},
             {"name":"part","list":{"method":"GET","path":"/all"},"items":"/*"}]
            """
        ).contents
        let answer = try json(
            #"{"results":[{"type":"user","name":"ann"},{"type":"agent","name":"x"},{"name":"y"}]}"#
        )
        let listed = try #require(things[0].listed(in: answer))
        #expect(listed.filter(things[0].includes).compactMap { $0.object?["name"]?.string } == ["ann"])
        #expect(things[0].isNamed && things[0].values(named: "b/c") == ["user": .string("b/c")])
        #expect(things[1].listed(in: try json(#"{"a":{"n":1},"b":2}"#))?.count == 2)
        #expect(things[1].listed(in: try json(#"{"a":{"n":1}}"#))?.first?.object?["n"] == .integer(1))
        #expect(things[1].listed(in: try json("[7]")) == [.integer(7)])
        #expect(things[1].listed(in: try json("7")) == nil)
    }

    @Test func pagesGoOnByTheirCursor() throws {
        let export = try #require(
            try adapter(
                """
                [{"name":"x","list":{"method":"GET","path":"/xs"},"export":{"method":"GET","path":"/a"},"rows":"",
                  "next":{"method":"GET","path":"/a?after={cursor}"},"cursor":"/-/id",
                  "end":{"method":"DELETE","path":"/a/{cursor}"}}]
                """
            ).contents[0].export
        )
        let page = try json(#"[{"id":"p"},{"id":"q r"}]"#)
        #expect(export.rowCount(in: page) == 2)
        let cursor = try #require(export.cursor(in: page))
        let next = try #require(export.next?.filled(["cursor": cursor], offset: 0))
        #expect(String(decoding: next.target, as: UTF8.self) == "/a?after=q%20r")
        #expect(export.end != nil && !export.first.isPaged)
        for ended in ["[]", #"[{"id":null}]"#, "{}", #"{"-":{"id":true}}"#] {
            #expect(try export.cursor(in: json(ended)) == nil, "\(ended)")
        }
        #expect(export.rowCount(in: .object(JSONObject())) == nil)
    }

    static let mistakes: [(contents: String, problem: String)] = [
        (#"[{"name":"x"}]"#, "/contents/0: missing key \"list\""),
        (
            #"[{"name":"X y","list":{"method":"GET","path":"/"}}]"#,
            "/contents/0/name: expected a name of a-z, 0-9 and _"
        ),
        (
            #"[{"name":"x","list":{"method":"GET","path":"/{y}"}}]"#,
            "/contents/0/list/path: what stands in braces"
        ),
        (
            #"[{"name":"x","list":{"method":"GET","path":"/{"}}]"#,
            "/contents/0/list/path: what stands in braces"
        ),
        (#"[{"name":"x","list":{"method":"GET","path":"/"},"rows":"/a"}]"#, "/contents/0/rows: only where"),
        (
            #"[{"name":"x","list":{"method":"GET","path":"/"},"items":"a"}]"#,
            "/contents/0/items: expected a JSON Pointer"
        ),
        (
            #"[{"name":"x","list":{"method":"GET","path":"/"},"export":{"method":"GET","path":"/?o={offset}"}}]"#,
            "/contents/0/export: has pages"
        ),
        (
            #"[{"name":"x","list":{"method":"GET","path":"/"},"next":{"method":"GET","path":"/"}}]"#,
            "/contents/0/next: only where"
        ),
        (
            #"[{"name":"x","list":{"method":"GET","path":"/"},"end":{"method":"GET","path":"/"}}]"#,
            "/contents/0/end: only where"
        ),
        (
            #"""
            [{"name":"x","list":{"method":"GET","path":"/"},"export":{"method":"GET","path":"/"},"rows":"",
              "next":{"method":"GET","path":"/"}}]
            """#, "/contents/0/next: needs \"cursor\""
        ),
        (
            #"""
            [{"name":"x","list":{"method":"GET","path":"/"},"export":{"method":"GET","path":"/{offset}"},"rows":"",
              "next":{"method":"GET","path":"/{cursor}"},"cursor":""}]
            """#, "/contents/0/export: goes on by"
        ),
        (
            #"[{"name":"x","list":{"method":"GET","path":"/"},"export":{"method":"GET","path":"/{cursor}"}}]"#,
            "/contents/0/export/path: what stands in braces"
        ),
        (
            #"[{"name":"x","list":{"method":"GET","path":"/"},"where":{"type":"user"}}]"#,
            "/contents/0/where/type: expected a JSON Pointer"
        ),
        (
            #"[{"name":"x","list":{"method":"GET","path":"/"},"named":true}]"#,
            "/contents/0/named: only where"
        ),
        (#"[{"name":"x","list":{"method":"GET","path":"/"},"purge":1}]"#, "/contents/0/purge: unknown key"),
    ]

    @Test(arguments: mistakes.indices) func mistakesAreTold(_ index: Int) throws {
        let (contents, problem) = Self.mistakes[index]
        let found = try problems(contents)
        #expect(found.contains { $0.hasPrefix(problem) }, "\(found)")
    }

    /// A field of a thing above is known below, and not beside.
    @Test func fieldsReachDownwards() throws {
        let inner = #"[{"name":"y","list":{"method":"GET","path":"/{x}/ys"}}]"#
        #expect(
            try problems(
                #"[{"name":"x","list":{"method":"GET","path":"/xs"},"fields":{"x":"/id"},"contents":\#(inner)}]"#
            ).isEmpty
        )
        #expect(try problems(inner).count == 1)
    }
}
