// SPDX-License-Identifier: Apache-2.0
import Cedar
import JSON
import TestSupport
import Testing

/// What the reference implementation's validator and entity reader say, policy by policy and entity by entity.
@Suite(.enabled(if: Corpora.root != nil, "the corpora are not here: set BULKHEAD_CORPORA"))
struct VerdictTests {
    private func object(_ path: String) throws -> JSONObject {
        try #require(try Document.parse(Corpora.read(path).span).object)
    }

    /// The names of policies, entities and requests on which we disagree.
    private func disagreements(_ base: String, _ verdictPath: String, _ folder: String) throws -> [String] {
        let json = try object(base + ".json")
        let verdict = try object(verdictPath)
        func file(_ key: String) throws -> String {
            let path = try #require(json[key]?.string).replacing("testdata/", with: "")
            return Corpora.text(folder + path)
        }
        let schema = try Schema(Source(name: base, text: try file("schema")))
        let policies = try PolicySet([Source(name: base, text: try file("policies"))])
        var found: [String] = []
        for (id, expected) in try #require(verdict["policyValidation"]?.object?["perPolicy"]?.object).members
        {
            let policy = try #require(policies.policy(PolicyID(id)))
            let findings = Validator(schema).validate(policy).filter { $0.severity == .error }
            if findings.isEmpty != expected.object?["strict"]?.bool {
                found.append("\(base): \(id): \(findings.map(\.message)) \(expected)")
            }
        }
        let perEntity = verdict["entityValidation"]?.object?["perEntity"]?.object?.members ?? []
        let entities = try Document.parse(try file("entities"))
        for json in entities.array ?? [] {
            let uid = try ValueReader().uid(try #require(json.object?["uid"]))
            guard let expected = perEntity.first(where: { $0.name == "\(uid.type)::\(uid.id)" }) else {
                continue
            }
            let error = problem { try schema.validate(try ValueReader().entities(.array([json]), schema)[0]) }
            if (error == nil) != (expected.value.object?["errors"] == nil) {
                found.append("\(base): \(uid): \(error ?? "fine") \(expected.value)")
            }
        }
        for (json, expected) in zip(
            json["requests"]?.array ?? [],
            verdict["requestValidation"]?.array ?? []
        ) {
            let error = problem {
                try schema.validate(try request(json, schema))
            }
            if (error == nil) != expected.object?["strict"]?.bool {
                found.append("\(base): \(json): \(error ?? "fine") \(expected)")
            }
        }
        return found
    }

    /// Only what a request is made of: a case adds what is expected of it.
    private func request(_ json: JSONValue, _ schema: Schema) throws -> AccessRequest {
        var object = JSONObject()
        for name in ["principal", "action", "resource", "context"] {
            _ = object.append(name, try #require(json.object?[name]))
        }
        return try ValueReader().request(.object(object), schema)
    }

    private func problem(_ body: () throws -> Void) -> String? {
        do {
            try body()
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func corpus() throws {
        let folder = "cedar/cedar-go/corpus-tests-validation"
        var found: [String] = []
        let names = Corpora.names(folder)
        for name in names {
            let id = String(name.prefix { $0 != "." })
            let base = "cedar/cedar-integration-tests/corpus-tests/" + id
            found += try disagreements(base, "\(folder)/\(name)", "cedar/cedar-integration-tests/")
        }
        #expect(names.count == 1491)
        #expect(found.isEmpty, "\(found.count): \(found.prefix(10).joined(separator: "\n"))")
    }

    @Test func validator() throws {
        let folder = "cedar/cedar-go/schema-validate-testdata/"
        var found: [String] = []
        let names = Corpora.names(folder).filter { $0.hasSuffix(".validation.json") }.map {
            String($0.dropLast(16))
        }
        for name in names {
            found += try disagreements(folder + name, "\(folder)\(name).validation.json", folder)
        }
        #expect(names.count == 73)
        #expect(found.isEmpty, "\(found.count): \(found.prefix(30).joined(separator: "\n"))")
    }

    @Test func entityParsing() throws {
        let folder = "cedar/cedar-go/entity-parsing-testdata/"
        var found: [String] = []
        let names = Corpora.names(folder).filter { $0.hasSuffix(".parsing.json") }.map {
            String($0.dropLast(13))
        }
        for name in names {
            let json = try object("\(folder)\(name).json")
            let verdict = try object("\(folder)\(name).parsing.json")
            let schema = try Schema(
                Source(name: name, text: Corpora.text(folder + (json["schema"]?.string ?? "")))
            )
            func read(_ json: JSONValue) throws {
                for entity in try ValueReader().entities(json, schema) { try schema.validate(entity) }
            }
            let path = folder + (json["entities"]?.string ?? "")
            let error = problem { try read(try Document.parse(Corpora.read(path).span)) }
            let expected = verdict["allEntities"]?.object?["success"]?.bool
            if (error == nil) != expected {
                found.append("\(name): \(error ?? "fine"), not \(String(describing: expected))")
            }
        }
        #expect(names.count == 14)
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }
}
