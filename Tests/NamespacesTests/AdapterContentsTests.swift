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
        #expect(
            String(decoding: thing.list.filled([:], offset: 200).target, as: UTF8.self)
                == "/boxes?limit=100&offset=200"
        )
        let answer = try json(#"{"found":{"boxes":[{"name":"a/b \"c\"","n":7},{"name":"x"}]}}"#)
        let items = try #require(thing.items(in: answer))
        let values = try #require(thing.values(of: items[0]))
        #expect(values == ["box": "a/b \"c\"", "number": "7"])
        // A thing without a field cannot be named, so nothing is guessed.
        #expect(thing.values(of: items[1]) == nil)
        let export = try #require(thing.export).filled(values, offset: 0)
        #expect(String(decoding: export.target, as: UTF8.self) == "/boxes/a%2Fb%20%22c%22/all")
        #expect(String(decoding: export.body, as: UTF8.self) == #"{"of":"a/b \"c\"","n":7}"#)
        #expect(thing.items(in: try json(#"{"found":[]}"#)) == nil)
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
