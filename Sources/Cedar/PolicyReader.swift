// SPDX-License-Identifier: Apache-2.0
package import JSON

extension PolicySet {
    /// Reads a set of policies from JSON ("EST"); unknown members are refused.
    package init(_ json: JSONValue) throws(DataError) {
        let object = try json.object(at: "")
        try object.only(["staticPolicies", "templates", "templateLinks"], at: "")
        self.init()
        for (key, isTemplate) in [("staticPolicies", false), ("templates", true)] {
            for (id, json) in try object.required(key, at: "").object(at: "/" + key).members {
                let policy = try PolicyReader().policy(json, PolicyID(id), at: "/\(key)/\(id)")
                guard policy.isTemplate == isTemplate else {
                    throw DataError(
                        "/\(key)/\(id)",
                        isTemplate ? "a template needs a slot" : "slots need a template"
                    )
                }
                try adding("/\(key)/\(id)") { (set) throws(SyntaxError) in try set.add(policy) }
            }
        }
        let links = try object.required("templateLinks", at: "").array(at: "/templateLinks")
        for (index, json) in links.enumerated() {
            let path = "/templateLinks/\(index)"
            let link = try PolicyReader().link(json, at: path)
            try adding(path) { (set) throws(SyntaxError) in try set.add(link) }
        }
    }

    private mutating func adding(
        _ path: String,
        _ body: (inout PolicySet) throws(SyntaxError) -> Void
    ) throws(DataError) {
        do throws(SyntaxError) { try body(&self) } catch { throw DataError(path, error.message) }
    }
}

extension Policy {
    /// Reads one policy or template from JSON.
    package init(_ json: JSONValue, id: PolicyID) throws(DataError) {
        self = try PolicyReader().policy(json, id, at: "")
    }
}

/// Reads policies, their heads and links from JSON; `ExpressionReader` reads their conditions.
struct PolicyReader {
    func link(_ json: JSONValue, at path: String) throws(DataError) -> TemplateLink {
        let object = try json.object(at: path)
        try object.only(["templateId", "newId", "values"], at: path)
        let values = try object.required("values", at: path).object(at: path + "/values")
        try values.only([Slot.principal.rawValue, Slot.resource.rawValue], at: path + "/values")
        func value(_ slot: Slot) throws(DataError) -> EntityUID? {
            guard let json = values[slot.rawValue] else { return nil }
            return try ValueReader().uid(json, at: "\(path)/values/\(slot.rawValue)")
        }
        return TemplateLink(
            id: PolicyID(try object.required("newId", at: path).text(at: path + "/newId")),
            template: PolicyID(try object.required("templateId", at: path).text(at: path + "/templateId")),
            principal: try value(.principal),
            resource: try value(.resource)
        )
    }

    func policy(_ json: JSONValue, _ id: PolicyID, at path: String) throws(DataError) -> Policy {
        let object = try json.object(at: path)
        try object.only(["effect", "principal", "action", "resource", "conditions", "annotations"], at: path)
        guard let effect = Effect(rawValue: try object.required("effect", at: path).text(at: path).string)
        else {
            throw DataError(path + "/effect", "expected `permit` or `forbid`")
        }
        var annotations: [Policy.Annotation] = []
        for (key, value) in try object["annotations"]?.object(at: path + "/annotations").members ?? [] {
            let place = "\(path)/annotations/\(key)"
            guard PolicyReader.isIdentifier(Text(key)) else { throw DataError(place, "no identifier") }
            annotations.append(.init(key: Text(key), value: value == .null ? nil : try value.text(at: place)))
        }
        var conditions: [Policy.Condition] = []
        let list = try object.required("conditions", at: path).array(at: path + "/conditions")
        for (index, json) in list.enumerated() {
            conditions.append(try condition(json, at: "\(path)/conditions/\(index)"))
        }
        return Policy(
            id: id,
            effect: effect,
            annotations: annotations,
            principal: try scope(
                try object.required("principal", at: path),
                .principal,
                at: path + "/principal"
            ),
            action: try action(try object.required("action", at: path), at: path + "/action"),
            resource: try scope(try object.required("resource", at: path), .resource, at: path + "/resource"),
            conditions: conditions,
            location: nil
        )
    }

    /// Any identifier, reserved ones too.
    private static func isIdentifier(_ text: Text) -> Bool {
        ExpressionPrinter.isName(Text(text.string + "_"))
    }

    private func condition(_ json: JSONValue, at path: String) throws(DataError) -> Policy.Condition {
        let object = try json.object(at: path)
        try object.only(["kind", "body"], at: path)
        let kind = try object.required("kind", at: path).text(at: path + "/kind").string
        guard let kind = Policy.Condition.Kind(rawValue: kind) else {
            throw DataError(path + "/kind", "expected `when` or `unless`")
        }
        let body = try ExpressionReader().expression(
            try object.required("body", at: path),
            at: path + "/body"
        )
        return Policy.Condition(kind: kind, body: body)
    }

    private func scope(
        _ json: JSONValue,
        _ slot: Slot,
        at path: String
    ) throws(DataError) -> ScopeConstraint {
        let object = try json.object(at: path)
        switch try object.required("op", at: path).text(at: path + "/op").string {
        case "All", "all":
            try object.only(["op"], at: path)
            return .any
        case "==":
            try object.only(["op", "entity", "slot"], at: path)
            return .equal(try reference(object, slot, at: path))
        case "in":
            try object.only(["op", "entity", "slot"], at: path)
            return .in(try reference(object, slot, at: path))
        case "is":
            try object.only(["op", "entity_type", "in"], at: path)
            let type = try object.required("entity_type", at: path).text(at: path + "/entity_type")
            guard EntityUID.isTypeName(type) else { throw DataError(path, "`\(type)` is no entity type") }
            guard let json = object["in"] else { return .is(type) }
            let inner = try json.object(at: path + "/in")
            try inner.only(["entity", "slot"], at: path + "/in")
            return .isIn(type, try reference(inner, slot, at: path + "/in"))
        case let other: throw DataError(path + "/op", "`\(other)` is unknown here")
        }
    }

    private func reference(
        _ object: JSONObject,
        _ slot: Slot,
        at path: String
    ) throws(DataError) -> ScopeConstraint.Reference {
        switch (object["entity"], object["slot"]) {
        case (let json?, nil): return .entity(try ValueReader().uid(json, at: path + "/entity"))
        case (nil, let json?):
            guard json.string == slot.rawValue else {
                throw DataError(path + "/slot", "expected \(slot.rawValue)")
            }
            return .slot
        case (nil, nil), (_?, _?): throw DataError(path, "expected one of `entity` and `slot`")
        }
    }

    private func action(_ json: JSONValue, at path: String) throws(DataError) -> ActionConstraint {
        let object = try json.object(at: path)
        try object.only(["op", "entity", "entities"], at: path)
        func uid(_ json: JSONValue, _ path: String) throws(DataError) -> EntityUID {
            let uid = try ValueReader().uid(json, at: path)
            guard uid.isAction else { throw DataError(path, "expected an entity of type `Action`") }
            return uid
        }
        let operation = try object.required("op", at: path).text(at: path + "/op").string
        switch (operation, object["entity"], object["entities"]) {
        case ("All", nil, nil), ("all", nil, nil): return .any
        case ("==", let json?, nil): return .equal(try uid(json, path + "/entity"))
        case ("in", let json?, nil): return .in(try uid(json, path + "/entity"))
        case ("in", nil, let json?):
            var uids: [EntityUID] = []
            for (index, json) in try json.array(at: path + "/entities").enumerated() {
                uids.append(try uid(json, "\(path)/entities/\(index)"))
            }
            return .inAny(uids)
        default: throw DataError(path, "`\(operation)` is unknown here, or its entity is missing")
        }
    }
}
