// SPDX-License-Identifier: Apache-2.0
package import JSON

/// Schemas as JSON, the writing half. Source: Cedar documentation, "Schema JSON format".
extension SchemaDocument {
    package var json: JSONValue {
        .object(namespaces.map { ($0.name.string, $0.json) })
    }
}

extension SchemaDocument.Namespace {
    fileprivate var json: JSONValue {
        var members: [(String, JSONValue)] = []
        if !types.isEmpty {
            members.append(("commonTypes", .object(types.map { ($0.name.string, $0.json) })))
        }
        members.append(("entityTypes", .object(entities.map { ($0.name.string, $0.json) })))
        members.append(("actions", .object(actions.map { ($0.name.string, $0.json) })))
        return .object(members + annotations.json)
    }
}

extension [Policy.Annotation] {
    /// No member at all where there is nothing to say.
    fileprivate var json: [(String, JSONValue)] {
        if isEmpty { return [] }
        return [("annotations", .object(map { ($0.key.string, .string($0.value ?? "")) }))]
    }
}

extension SchemaDocument.TypeDeclaration {
    fileprivate var json: JSONValue { .object(type.members + annotations.json) }
}

extension SchemaDocument.EntityDeclaration {
    fileprivate var json: JSONValue {
        var members: [(String, JSONValue)] = []
        switch body {
        case .enumerated(let ids): members.append(("enum", .array(ids.map { .string($0) })))
        case .standard(let parents, let shape, let tags):
            if !parents.isEmpty { members.append(("memberOfTypes", .array(parents.map { .string($0) }))) }
            if !shape.isEmptyRecord { members.append(("shape", .object(shape.members))) }
            if let tags { members.append(("tags", .object(tags.members))) }
        }
        return .object(members + annotations.json)
    }
}

extension SchemaDocument.ActionDeclaration {
    fileprivate var json: JSONValue {
        var applies: [(String, JSONValue)] = [
            ("principalTypes", .array((appliesTo?.principals ?? []).map { .string($0) })),
            ("resourceTypes", .array((appliesTo?.resources ?? []).map { .string($0) })),
        ]
        if let context = appliesTo?.context, !context.isEmptyRecord {
            applies.append(("context", .object(context.members)))
        }
        var members: [(String, JSONValue)] = [("appliesTo", .object(applies))]
        if !parents.isEmpty { members.append(("memberOf", .array(parents.map(\.json)))) }
        return .object(members + annotations.json)
    }
}

extension SchemaDocument.ActionReference {
    fileprivate var json: JSONValue {
        .object([("id", .string(id))] + (type.map { [("type", .string($0))] } ?? []))
    }
}

extension SchemaDocument.TypeExpression {
    var isEmptyRecord: Bool {
        if case .record(let members) = self { return members.isEmpty }
        return false
    }

    fileprivate var members: [(String, JSONValue)] {
        func type(_ name: String) -> (String, JSONValue) { ("type", .string(name)) }
        switch self {
        case .bool: return [type("Boolean")]
        case .long: return [type("Long")]
        case .string: return [type("String")]
        case .set(let element): return [type("Set"), ("element", .object(element.members))]
        case .entity(let name): return [type("Entity"), ("name", .string(name))]
        case .extension(let name): return [type("Extension"), ("name", .string(name))]
        case .common(let name): return [type(name.string)]
        case .named(let name): return [type("EntityOrCommon"), ("name", .string(name))]
        case .record(let attributes):
            let list = attributes.map { attribute in
                let optional: [(String, JSONValue)] = attribute.isRequired ? [] : [("required", .bool(false))]
                let members = attribute.type.members + optional + attribute.annotations.json
                return (attribute.name.string, JSONValue.object(members))
            }
            return [type("Record"), ("attributes", .object(list))]
        }
    }
}
