// SPDX-License-Identifier: Apache-2.0
import Bytes
import Glibc
import JSON

/// `swift run -c release JSONBenchmark`: how fast bodies pass through the editor, in pieces of 32 KiB, processor time, best of 20 rounds.

func text(_ count: Int, _ piece: String) -> String {
    var text = ""
    while text.utf8.count < count { text += piece }
    return text
}

func table(_ rules: [(String, JSONRule)]) -> JSONEditTable {
    do throws(JSONTableError) {
        return try JSONEditTable(rules.map { (JSONPattern($0.0) ?? JSONPattern([]), $0.1) })
    } catch {
        preconditionFailure("a rule of the benchmark is wrong: \(error)")
    }
}

/// - Returns: seconds for the whole body.
func pass(_ body: [UInt8], _ editor: inout JSONEditor, _ table: JSONEditTable, _ output: inout Buffer)
    -> Double
{
    let before = clock()
    editor.restart(table)
    var start = 0
    while start < body.count {
        let end = min(start + 32 << 10, body.count)
        do throws(JSONEditError) {
            while let request = try editor.next(
                body.span.extracting(start..<end),
                isFinal: end == body.count,
                into: &output
            ) {
                switch request {
                case .value: editor.replace("t4acme-notes".utf8Span.span, &output)
                case .name, .null: editor.keep(&output)
                case .text: editor.insert("1".utf8Span.span, &output)
                }
            }
        } catch {
            preconditionFailure("a body of the benchmark is no JSON: \(error)")
        }
        start = end
        output.removeAll()
    }
    return Double(clock() - before) / Double(CLOCKS_PER_SEC)
}

let sentence = "The quick brown fox jumps over the lazy dog, again and again. "
let long = text(4 << 10, sentence)
let short = "{\"name\":\"\(sentence)\",\"more\":\"\(sentence)\"},"
let cases: [(name: String, body: String, rules: [(String, JSONRule)])] = [
    (
        "texts of 4 KiB, one id each",
        "[" + text(1 << 20, "{\"id\":\"notes\",\"text\":\"\(long)\"},") + "{}]",
        [("/*/id", .edit(binding: 0, .optional)), ("/*/text", .scalar)]
    ),
    (
        "one opaque value of short texts",
        "{\"any\":[" + text(1 << 20, short) + "{}]}", [("/any", .any)]
    ),
    ("text outside ASCII", "{\"any\":\"" + text(1 << 20, "Füße über Äcker, 你好世界 ") + "\"}", [("/any", .any)]),
    ("numbers", "{\"any\":[" + text(1 << 20, "-0.01234567,") + "1]}", [("/any", .any)]),
    (
        "many small members, an id in each",
        "[" + text(1 << 20, "{\"id\":\"notes\",\"n\":1,\"ok\":true},") + "{}]",
        [("/*/id", .edit(binding: 0, .optional)), ("/*/n", .scalar), ("/*/ok", .scalar)]
    ),
]
for (name, text, rules) in cases {
    let body = Array(text.utf8)
    let table = table(rules)
    var editor = JSONEditor(table)
    var output = Buffer()
    var best = Double.infinity
    for _ in 0..<20 { best = min(best, pass(body, &editor, table, &output)) }
    let rate = Double(body.count) / best / 1e9
    print("\(name): \(Int(rate * 1000)) MB/s")
}
