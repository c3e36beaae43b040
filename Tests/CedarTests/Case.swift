// SPDX-License-Identifier: Apache-2.0
import Cedar
import JSON
import Testing

/// One case in the format of cedar-integration-tests.
struct Case {
    let name: String
    let json: JSONObject
    let policies: PolicySet
    let schema: Schema
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
        let schema = try Schema(Source(name: name, text: try text("schema")))
        self.schema = schema
        let entities = try ValueReader().entities(try Document.parse(try text("entities")), schema)
        for entity in entities { try schema.validate(entity) }
        store = try EntityStore(entities.filter { schema.actions[$0.uid] == nil } + schema.actionEntities)
    }

    /// What differs from the expected decisions, if anything does.
    func disagreements() throws -> [String] {
        let authorizer = Authorizer(policies)
        var found: [String] = []
        let errors = Validator(schema).validate(policies).filter { $0.severity == .error }
        if errors.isEmpty != json["shouldValidate"]?.bool {
            found.append("\(name): shouldValidate is not \(errors.isEmpty): \(errors)")
        }
        for request in json["requests"]?.array ?? [] {
            let object = try #require(request.object)
            let request = try Case.request(object, schema)
            if object["validateRequest"]?.bool ?? true { try schema.validate(request) }
            let decision = authorizer.authorize(request, store)
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

    static func request(_ object: JSONObject, _ schema: Schema? = nil) throws -> AccessRequest {
        let reader = ValueReader()
        let action = try reader.uid(try #require(object["action"]))
        return AccessRequest(
            principal: try reader.uid(try #require(object["principal"])),
            action: action,
            resource: try reader.uid(try #require(object["resource"])),
            context: try reader.record(try #require(object["context"]), schema?.actions[action]?.context)
        )
    }
}
