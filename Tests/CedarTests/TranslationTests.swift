// SPDX-License-Identifier: Apache-2.0
import Bytes
import Cedar
import JSON
import TestSupport
import Testing

/// Text and JSON are two forms of one thing.
@Suite(.enabled(if: Corpora.root != nil, "the corpora are not here: set BULKHEAD_CORPORA"))
struct TranslationTests {
    /// Text → JSON is the reference's; JSON → policies, and printed text → policies, are the same again.
    private func disagreement(_ policies: PolicySet, _ expected: JSONValue, _ name: String) throws -> String?
    {
        func differ(_ json: JSONValue) -> Bool { json.sorted != expected.sorted }
        if differ(policies.json) { return "\(name): to JSON: \(policies.json.text) not \(expected.text)" }
        let again = try PolicySet(policies.json)
        if differ(again.json) { return "\(name): from JSON: \(again.json.text)" }
        let reread = try PolicySet([Source(name: name, text: policies.text)])
        if Self.plain(reread) != Self.plain(policies) || reread.text != policies.text {
            return "\(name): printed: \(policies.text)"
        }
        // JSON parts policies from templates, so that printing a mixture from it numbers them anew.
        if !policies.policies.isEmpty && !policies.templates.isEmpty { return nil }
        let printed = try PolicySet([Source(name: name, text: again.text)])
        return differ(printed.json) ? "\(name): printed from JSON: \(again.text)" : nil
    }

    private func expectNone(_ failures: [String]) {
        #expect(failures.isEmpty, "\(failures.count): \(failures.prefix(8).joined(separator: "\n"))")
    }

    private static func plain(_ policies: PolicySet) -> [Policy] {
        policies.written.map { policy in
            var policy = policy
            policy.location = nil
            return policy
        }
    }

    @Test func corpus() throws {
        var count = 0
        var failures: [String] = []
        for line in Corpora.lines("cedar/oracle-derived/est/corpus-tests.est.jsonl") {
            let object = try #require(try Document.parse(line.span).object)
            let name = try #require(object["case"]?.string)
            let text = Corpora.read("cedar/cedar-integration-tests/corpus-tests/\(name).cedar")
            let policies = try PolicySet([Source(name: name, text: String(decoding: text, as: UTF8.self))])
            if let failure = try disagreement(policies, try #require(object["est"]), name) {
                failures.append(failure)
            }
            count += 1
        }
        expectNone(failures)
        #expect(count == 1500)
    }

    @Test func probes() throws {
        var failures: [String] = []
        for line in Corpora.lines("cedar/oracle-derived/probes/policies.jsonl") {
            let object = try #require(try Document.parse(line.span).object)
            guard let expected = object["est"], let text = object["policies"]?.string else { continue }
            let policies = try PolicySet([Source(name: "probe", text: text)])
            if let failure = try disagreement(policies, expected, text) { failures.append(failure) }
        }
        expectNone(failures)
    }

    /// Every policy and schema file of the reference's repositories: read or refused as there.
    @Test func verdicts() throws {
        let verdicts = try Document.parse(Corpora.read("cedar/oracle-derived/parse-verdicts.json").span)
        var failures: [String] = []
        for (path, verdict) in try #require(verdicts.object).members {
            let text = String(decoding: Corpora.read("cedar/" + path), as: UTF8.self)
            let source = Source(name: path, text: text)
            var problem: String?
            do {
                if path.hasSuffix(".cedar") {
                    let policies = try PolicySet([source])
                    let counts = [policies.policies.count, policies.templates.count].map { Int64($0) }
                    let expected = ["static", "templates"].map { verdict.object?[$0]?.integer ?? 0 }
                    if counts != expected { failures.append("\(path): \(counts), not \(expected)") }
                    if let failure = try disagreement(policies, policies.json, path) {
                        failures.append(failure)
                    }
                } else if path.hasSuffix(".json") {
                    _ = try Schema(try SchemaDocument(try Document.parse(text)))
                } else {
                    let document = try SchemaDocument(source)
                    _ = try Schema(document)
                    let again = try SchemaDocument(Source(name: path, text: document.text))
                    if again.json.sorted != document.json.sorted || again.text != document.text {
                        failures.append("\(path): \(document.text)")
                    }
                    _ = try Schema(try SchemaDocument(document.json))
                }
            } catch {
                problem = "\(error)"
            }
            if (problem == nil) != verdict.object?["parses"]?.bool {
                failures.append("\(path): \(problem ?? "read") \(verdict)")
            }
        }
        expectNone(failures)
    }

    @Test func schemas() throws {
        var failures: [String] = []
        let folder = "cedar/cedar-go/corpus-tests-json-schemas"
        for file in Corpora.names(folder) {
            let name = file.prefix { $0 != "." }
            let text = Corpora.read("cedar/cedar-integration-tests/corpus-tests/\(name).cedarschema")
            let document = try SchemaDocument(Source(name: file, text: String(decoding: text, as: UTF8.self)))
            let expected = try Document.parse(Corpora.read("\(folder)/\(file)").span)
            let fromJSON = try SchemaDocument(expected)
            for json in [document.json, fromJSON.json] where json.sorted != expected.sorted {
                failures.append("\(name): \(json.text) not \(expected.text)")
            }
            let printed = try SchemaDocument(Source(name: file, text: fromJSON.text))
            let (first, second) = (try Schema(document), try Schema(printed))
            if printed.text != fromJSON.text || first.entityTypes != second.entityTypes
                || first.actions != second.actions
            {
                failures.append("\(name): \(fromJSON.text)")
            }
        }
        expectNone(failures)
    }
}

extension JSONValue {
    var text: String {
        var buffer = Buffer()
        write(into: &buffer)
        return buffer.bytes.string() ?? ""
    }

    /// Members in the order of their names: for comparing without regard to order.
    var sorted: JSONValue {
        switch self {
        case .null, .bool, .integer, .number, .string: return self
        case .array(let elements): return .array(elements.map(\.sorted))
        case .object(let object):
            var sorted = JSONObject()
            for (name, value) in object.members.sorted(by: { Text($0.name) < Text($1.name) }) {
                _ = sorted.append(name, value.sorted)
            }
            return .object(sorted)
        }
    }
}
