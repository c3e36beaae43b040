// SPDX-License-Identifier: Apache-2.0
package import JSON

/// One case in the format of cedar-integration-tests: policies, entities, a schema, and requests with the decision,
/// reasons and errors that are expected.
package struct ConformanceCase: Sendable {
    private struct Expectation: Sendable {
        let description: String
        let request: AccessRequest
        let mustBeValid: Bool
        let isAllowed: Bool
        let reasons: Set<String>
        let errors: Set<String>
    }

    package let policies: PolicySet
    package let schema: Schema
    package let store: EntityStore
    private let shouldValidate: Bool
    private let expectations: [Expectation]

    /// - Parameter read: gives the text of a file that the case names.
    package init(_ json: JSONValue, read: (String) throws(DataError) -> String) throws(DataError) {
        let object = try json.object(at: "")
        try object.only(
            ["policies", "policyFormat", "entities", "schema", "schemaFormat", "shouldValidate", "requests"],
            at: ""
        )
        func text(_ key: String) throws(DataError) -> (path: String, text: String) {
            let path = try object.required(key, at: "").text(at: "/" + key).string
            return (path, try read(path))
        }
        let (policyPath, policyText) = try text("policies")
        let (schemaPath, schemaText) = try text("schema")
        let entityJSON = try Document.parse(try text("entities").text)
        do throws(SyntaxError) {
            let isJSON = object["schemaFormat"]?.string == "json"
            let document =
                isJSON
                ? try SchemaDocument.reading(schemaText)
                : try SchemaDocument(Source(name: schemaPath, text: schemaText))
            schema = try Schema(document)
            policies =
                object["policyFormat"]?.string == "json"
                ? try PolicySet.reading(policyText)
                : try PolicySet([Source(name: policyPath, text: policyText)])
        } catch {
            throw DataError("", error.description)
        }
        store = try EntityStore(try ValueReader().entities(entityJSON, schema), conformingTo: schema)
        guard let shouldValidate = object["shouldValidate"]?.bool else {
            throw DataError("/shouldValidate", "expected a Bool")
        }
        self.shouldValidate = shouldValidate
        var expectations: [Expectation] = []
        for json in try object.required("requests", at: "").array(at: "/requests") {
            expectations.append(try ConformanceCase.expectation(json, schema))
        }
        self.expectations = expectations
    }

    private static func expectation(_ json: JSONValue, _ schema: Schema) throws(DataError) -> Expectation {
        let path = "/requests"
        let object = try json.object(at: path)
        try object.only(
            [
                "description", "principal", "action", "resource", "context", "validateRequest", "decision",
                "reason",
                "errors",
            ],
            at: path
        )
        let decision = try object.required("decision", at: path).text(at: path + "/decision")
        guard decision == "allow" || decision == "deny" else {
            throw DataError(path + "/decision", "expected `allow` or `deny`")
        }
        guard let reasons = object["reason"]?.strings, let errors = object["errors"]?.strings else {
            throw DataError(path, "expected lists of policy ids in `reason` and `errors`")
        }
        return Expectation(
            description: object["description"]?.string ?? "",
            request: try ValueReader().request(object, schema),
            mustBeValid: object["validateRequest"]?.bool ?? true,
            isAllowed: decision == "allow",
            reasons: Set(reasons),
            errors: Set(errors)
        )
    }

    package var requestCount: Int { expectations.count }

    /// What differs from the expectations, one line each.
    package func failures() -> [String] {
        var failures: [String] = []
        let errors = Validator(schema).validate(policies).filter { $0.severity == .error }
        if errors.isEmpty != shouldValidate {
            failures.append("shouldValidate is \(shouldValidate): \(errors.map(\.description))")
        }
        let authorizer = Authorizer(policies)
        for expected in expectations {
            if expected.mustBeValid {
                do throws(DataError) { try schema.validate(expected.request) } catch {
                    failures.append("\(expected.description): the request is invalid: \(error)")
                }
            }
            let decision = authorizer.authorize(expected.request, store)
            let reasons = Set(decision.reasons.map(\.string))
            let errors = Set(decision.errors.map(\.policy.string))
            if decision.allowed != expected.isAllowed || reasons != expected.reasons
                || errors != expected.errors
            {
                failures.append(
                    "\(expected.description): \(decision.allowed ? "allow" : "deny"), reasons \(reasons.sorted()), "
                        + "errors \(errors.sorted())"
                )
            }
        }
        return failures
    }
}

extension EntityStore {
    /// The entities and the schema's actions, after all were checked against the schema.
    package init(_ entities: [Entity], conformingTo schema: Schema) throws(DataError) {
        for entity in entities { try schema.validate(entity) }
        let others = entities.filter { schema.actions[$0.uid] == nil }
        do throws(EntityError) {
            self = try EntityStore(others + schema.actionEntities)
        } catch {
            throw DataError("", error.description)
        }
    }
}

extension PolicySet {
    fileprivate static func reading(_ text: String) throws(SyntaxError) -> PolicySet {
        do throws(DataError) { return try PolicySet(try Document.parse(text)) } catch {
            throw SyntaxError(nil, error.description)
        }
    }
}

extension SchemaDocument {
    fileprivate static func reading(_ text: String) throws(SyntaxError) -> SchemaDocument {
        do throws(DataError) { return try SchemaDocument(try Document.parse(text)) } catch {
            throw SyntaxError(nil, error.description)
        }
    }
}
