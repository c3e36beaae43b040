// SPDX-License-Identifier: Apache-2.0
package import JSON

/// Policies as JSON ("EST"), the writing half. Source: Cedar documentation, "JSON policy format".
extension PolicySet {
    /// `{"staticPolicies", "templates", "templateLinks"}`.
    package var json: JSONValue {
        func table(_ policies: [Policy]) -> JSONValue {
            .object(policies.map { ($0.id.string, $0.json) })
        }
        return .object([
            ("staticPolicies", table(policies)), ("templates", table(templates)),
            ("templateLinks", .array(links.map(\.json))),
        ])
    }
}

extension JSONValue {
    /// An object with these members, whose names are distinct.
    static func object(_ members: [(String, JSONValue)]) -> JSONValue {
        var object = JSONObject()
        for (name, value) in members { _ = object.append(name, value) }
        return .object(object)
    }

    static func string(_ text: Text) -> JSONValue { .string(text.string) }
}

extension EntityUID {
    package var json: JSONValue { .object([("type", .string(type)), ("id", .string(id))]) }
}

extension TemplateLink {
    fileprivate var json: JSONValue {
        var values: [(String, JSONValue)] = []
        if let principal { values.append((Slot.principal.rawValue, principal.json)) }
        if let resource { values.append((Slot.resource.rawValue, resource.json)) }
        return .object([
            ("templateId", .string(template.text)), ("newId", .string(id.text)), ("values", .object(values)),
        ])
    }
}

extension Policy {
    package var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("effect", .string(effect.rawValue)),
            ("principal", principal.json(.principal)),
            ("action", action.json),
            ("resource", resource.json(.resource)),
            ("conditions", .array(conditions.map(\.json))),
        ]
        if !annotations.isEmpty {
            members.append(
                (
                    "annotations",
                    .object(annotations.map { ($0.key.string, $0.value.map { .string($0) } ?? .null) })
                )
            )
        }
        return .object(members)
    }
}

extension Policy.Condition {
    fileprivate var json: JSONValue { .object([("kind", .string(kind.rawValue)), ("body", body.json)]) }
}

extension ScopeConstraint {
    fileprivate func json(_ slot: Slot) -> JSONValue {
        func member(_ reference: Reference) -> (String, JSONValue) {
            switch reference {
            case .entity(let uid): ("entity", uid.json)
            case .slot: ("slot", .string(slot.rawValue))
            }
        }
        return switch self {
        case .any: .object([("op", .string("All"))])
        case .equal(let reference): .object([("op", .string("==")), member(reference)])
        case .in(let reference): .object([("op", .string("in")), member(reference)])
        case .is(let type): .object([("op", .string("is")), ("entity_type", .string(type))])
        case .isIn(let type, let reference):
            .object([
                ("op", .string("is")), ("entity_type", .string(type)), ("in", .object([member(reference)])),
            ])
        }
    }
}

extension ActionConstraint {
    fileprivate var json: JSONValue {
        switch self {
        case .any: .object([("op", .string("All"))])
        case .equal(let uid): .object([("op", .string("==")), ("entity", uid.json)])
        case .in(let uid): .object([("op", .string("in")), ("entity", uid.json)])
        // So the reference writes a list of one.
        case .inAny(let uids) where uids.count == 1:
            .object([("op", .string("in")), ("entity", uids[0].json)])
        case .inAny(let uids): .object([("op", .string("in")), ("entities", .array(uids.map(\.json)))])
        }
    }
}

extension Expression {
    fileprivate var json: JSONValue {
        func node(_ name: String, _ members: [(String, JSONValue)]) -> JSONValue {
            .object([(name, .object(members))])
        }
        switch kind {
        case .literal(let value): return .object([("Value", value.json)])
        case .variable(let variable): return .object([("Var", .string(variable.rawValue))])
        case .slot(let slot): return .object([("Slot", .string(slot.rawValue))])
        case .conditional(let condition, let first, let second):
            return node(
                "if-then-else",
                [("if", condition.json), ("then", first.json), ("else", second.json)]
            )
        case .and(let left, let right): return node("&&", [("left", left.json), ("right", right.json)])
        case .or(let left, let right): return node("||", [("left", left.json), ("right", right.json)])
        case .unary(let operation, let operand): return node(operation.rawValue, [("arg", operand.json)])
        case .binary(let operation, let left, let right):
            return node(operation.rawValue, [("left", left.json), ("right", right.json)])
        case .attribute(let target, let name):
            return node(".", [("left", target.json), ("attr", .string(name))])
        case .has(let target, let path):
            guard path.count == 1 else { return hasChain(target, path).json }
            return node("has", [("left", target.json), ("attr", .string(path[0]))])
        case .like(let target, let pattern):
            return node("like", [("left", target.json), ("pattern", .array(pattern.elements.map(\.json)))])
        case .is(let target, let type, let ancestor):
            var members = [("left", target.json), ("entity_type", .string(type))]
            if let ancestor { members.append(("in", ancestor.json)) }
            return node("is", members)
        case .call(let function, let arguments):
            return .object([(function.name, .array(arguments.map(\.json)))])
        case .set(let elements): return .object([("Set", .array(elements.map(\.json)))])
        case .record(let members):
            return node("Record", members.map { ($0.name.string, $0.value.json) })
        }
    }
}

/// `e has a.b` spelled out: `e has a && e.a has b`.
func hasChain(_ target: Expression, _ path: [Text], at offset: Int32 = 0) -> Expression {
    var step = target
    var chain: Expression?
    for name in path {
        let test = Expression(.has(step, [name]), at: offset)
        chain = chain.map { Expression(.and($0, test), at: offset) } ?? test
        step = Expression(.attribute(step, name), at: offset)
    }
    return chain ?? Expression(.literal(.bool(true)), at: offset)
}

extension Pattern.Element {
    fileprivate var json: JSONValue {
        switch self {
        case .wildcard: .string("Wildcard")
        case .scalar(let scalar): .object([("Literal", .string(String(scalar)))])
        }
    }
}

extension Value {
    /// In the syntax of entities: extension values by a constructor that gives the same value.
    package var json: JSONValue {
        func function(_ name: ExtensionFunction, _ argument: String) -> JSONValue {
            .object([("__extn", .object([("fn", .string(name.name)), ("arg", .string(argument))]))])
        }
        return switch self {
        case .bool(let value): .bool(value)
        case .long(let value): .integer(value)
        case .string(let text): .string(text)
        case .entity(let uid): .object([("__entity", uid.json)])
        case .set(let set): .array(set.elements.map(\.json))
        case .record(let record): .object(record.fields.map { ($0.name.string, $0.value.json) })
        case .decimal(let value): function(.decimal, value.description)
        case .address(let value): function(.ip, value.description)
        case .duration(let value): function(.duration, "\(value.milliseconds)ms")
        // Years beyond 9999 have no text of their own, so every instant is written by its distance.
        case .datetime(let value):
            .object([
                (
                    "__extn",
                    .object([
                        ("fn", .string("offset")),
                        (
                            "args",
                            .array([
                                function(.datetime, "1970-01-01"),
                                function(.duration, "\(value.milliseconds)ms"),
                            ])
                        ),
                    ])
                )
            ])
        }
    }
}
