// SPDX-License-Identifier: Apache-2.0
import Cedar
import JSON
import Testing

/// One case in the format of cedar-integration-tests.
struct Case {
    let name: String
    let json: JSONObject
    let policies: PolicySet
    let store: EntityStore

    /// `folder` is what the paths in the case are relative to.
    init(_ name: String, in folder: String) throws {
        self.name = name
        let json = try #require(try Document.parse(Corpora.read("\(folder)/\(name).json").span).object)
        self.json = json
        func text(_ key: String) throws -> String {
            String(decoding: Corpora.read("\(folder)/\(try #require(json[key]?.string))"), as: UTF8.self)
        }
        policies = try PolicySet([Source(name: name, text: try text("policies"))])
        store = try EntityStore(try ValueReader().entities(try Document.parse(try text("entities"))))
    }

    /// What differs from the expected decisions, if anything does.
    func disagreements() throws -> [String] {
        let authorizer = Authorizer(policies)
        var found: [String] = []
        for request in json["requests"]?.array ?? [] {
            let object = try #require(request.object)
            let decision = authorizer.authorize(try Case.request(object), store)
            let errors = decision.errors.map(\.policy.string)
            if (decision.allowed ? "allow" : "deny") != object["decision"]?.string
                || Set(decision.reasons.map(\.string)) != Set(object["reason"]?.strings ?? [])
                || Set(errors) != Set(object["errors"]?.strings ?? [])
            {
                found.append("\(name): \(object["description"]?.string ?? ""): \(decision)")
            }
        }
        return found
    }

    static func request(_ object: JSONObject) throws -> AccessRequest {
        let reader = ValueReader()
        return AccessRequest(
            principal: try reader.uid(try #require(object["principal"])),
            action: try reader.uid(try #require(object["action"])),
            resource: try reader.uid(try #require(object["resource"])),
            context: try reader.record(try #require(object["context"]))
        )
    }
}
