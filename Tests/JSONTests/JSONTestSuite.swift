// SPDX-License-Identifier: Apache-2.0
import Bytes
import JSON
import TestSupport
import Testing

/// nst/JSONTestSuite, every file: `y_` is accepted, `n_` refused, and what the suite leaves open is decided by rule.
@Suite(
    .enabled(if: Corpora.has("jsontestsuite"), "set BULKHEAD_CORPORA to a folder that holds jsontestsuite")
)
struct JSONTestSuite {
    static let cases = Corpora.files(below: "jsontestsuite", suffix: ".json")

    /// Of what is open, numbers are accepted: they are read as text, so none is too large or too small. All else is refused: text
    /// that is no UTF-8, halves of surrogate pairs, byte order marks, more than 64 levels.
    private func isAcceptedOpen(_ name: String) -> Bool { name.hasPrefix("i_number_") }

    @Test(arguments: cases) func decides(_ path: String) {
        let name = String(path.split(separator: "/").last ?? "")
        let text = Corpora.read(path)
        let accepted = (try? tokens(text).get()) != nil
        switch name.prefix(2) {
        case "y_": #expect(accepted)
        case "n_": #expect(!accepted)
        case "i_": #expect(accepted == isAcceptedOpen(name))
        // `test_transform` asks what becomes of odd values, not whether they are JSON.
        default: break
        }
        // A value is what the tokens say, or refused for a member that comes twice.
        do throws(JSONError) {
            _ = try JSONValue.parse(text.span)
            #expect(accepted)
        } catch {
            #expect(!accepted || error.reason == .duplicateName)
        }
    }

    /// What is written again is read as the same value.
    @Test(arguments: cases) func isWrittenAgain(_ path: String) throws {
        guard let value = try? JSONValue.parse(Corpora.read(path).span) else { return }
        var output = Buffer()
        value.write(into: &output)
        let again = try JSONValue.parse(output.bytes)
        #expect(again == value)
    }

    @Test func counts() {
        for kind in ["y_", "n_", "i_"] {
            let count = Self.cases.count { $0.split(separator: "/").last?.hasPrefix(kind) == true }
            print("jsontestsuite: \(count) × \(kind)")
        }
    }
}
