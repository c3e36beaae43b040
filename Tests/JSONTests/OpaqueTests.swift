// SPDX-License-Identifier: Apache-2.0
import JSON
import Testing

/// What is passed over quickly is still all of it JSON: numbers, and texts of any characters.
@Suite struct OpaqueTests {
    private static let good = [
        "0", "-0", "1", "-17", "1234567", "12345678", "123456789012345678901", "0.5", "-0.01234567", "1.0e5",
        "1E-12",
        "1e+100", "0e0", "10.12345678901e12",
    ]

    private static let bad = [
        "-", "+1", "01", "-01", "00", "1.", ".5", "-.5", "1.e5", "1e", "1e+", "1e-", "1.5e", "0x1", "1_0",
        "1a", "--1",
        "1-", "1.2.3", "1e5.2", "Infinity", "NaN", "-Infinity", "1e5e5", "０", "12345678x", "0.12345678.",
    ]

    /// Around a number: in arrays of others, in members, with white space and without.
    private static let around = [
        ("[", "]"), ("[1,", ",2]"), ("[ 1 , ", " , 2 ]"), ("[0.12345678,-1,", "]"), ("{\"a\":", "}"),
        ("{\"a\":[1, ", "]}"),
        ("[\"x\",", ",\"y\",null]"), ("[[", "],[1]]"), ("[1\n,\n", "\n]"),
    ]

    private func table() throws -> JSONEditTable { try EditorTests.table([("/any", .any)]) }

    @Test func numbersPass() throws {
        for (before, after) in Self.around {
            for number in Self.good {
                let text = "{\"any\":\(before)\(number)\(after)}"
                #expect(try EditorTests.edit(text, table()) == text)
            }
        }
    }

    @Test func whatIsNoNumberIsRefused() throws {
        let table = try table()
        for (before, after) in Self.around {
            for number in Self.bad + [""]
            where !(number.isEmpty && before.hasSuffix("[") && after.hasPrefix("]")) {
                let text = "{\"any\":\(before)\(number)\(after)}"
                for cut in [0, text.utf8.count / 2, text.utf8.count - after.utf8.count - 1] {
                    #expect(throws: JSONEditError.self, "\(text) cut at \(cut)") {
                        try EditorTests.edit(text, .document(table), cuts: [cut])
                    }
                }
            }
        }
    }

    @Test func textsPass() throws {
        for inside in [
            "Füße über Äcker, 你好世界", "𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞 and more", "\\ud834\\udd1e ß \\n", "ﾊﾛｰ・ワールド、世界のみなさん",
            String(repeating: "x", count: 33) + "é",
        ] {
            let text = "{\"any\":[\"\(inside)\",\"\(inside)\",1]}"
            #expect(try EditorTests.edit(text, table()) == text)
        }
    }
}
