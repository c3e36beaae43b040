// SPDX-License-Identifier: Apache-2.0
package import JSON

extension SchemaDocument {
    /// Reads a schema in JSON; unknown members are refused.
    package init(_ json: JSONValue) throws(DataError) {
        self.init()
        for (name, json) in try json.object(at: "").members {
            guard name.isEmpty || EntityUID.isTypeName(Text(name)) else {
                throw DataError("/" + name, "no name for a namespace")
            }
            namespaces.append(try SchemaReader().namespace(json, Text(name), at: "/" + name))
        }
    }
}

private struct SchemaReader {
    private typealias TypeExpression = SchemaDocument.TypeExpression

    func namespace(
        _ json: JSONValue,
        _ name: Text,
        at path: String
    ) throws(DataError) -> SchemaDocument.Namespace {
        let object = try json.object(at: path)
        try object.only(["entityTypes", "actions", "commonTypes", "annotations"], at: path)
        var namespace = SchemaDocument.Namespace(name: name)
        namespace.annotations = try annotations(object, at: path)
        for (name, json) in try object["commonTypes"]?.object(at: path + "/commonTypes").members ?? [] {
            let place = "\(path)/commonTypes/\(name)"
            try requireName(name, at: place)
            let type = try type(try json.object(at: place), ["annotations"], at: place)
            let annotations = try annotations(try json.object(at: place), at: place)
            namespace.types.append(
                .init(name: Text(name), annotations: annotations, type: type, location: nil)
            )
        }
        for (name, json) in try object.required("entityTypes", at: path).object(at: path + "/entityTypes")
            .members
        {
            let place = "\(path)/entityTypes/\(name)"
            try requireName(name, at: place)
            namespace.entities.append(try entity(try json.object(at: place), Text(name), at: place))
        }
        for (name, json) in try object.required("actions", at: path).object(at: path + "/actions").members {
            let place = "\(path)/actions/\(name)"
            namespace.actions.append(try action(try json.object(at: place), Text(name), at: place))
        }
        return namespace
    }

    private func requireName(_ name: String, at path: String) throws(DataError) {
        guard ExpressionPrinter.isName(Text(name)) else {
            throw DataError(path, "`\(name)` is no name for a type")
        }
    }

    private func annotations(
        _ object: JSONObject,
        at path: String
    ) throws(DataError) -> [Policy.Annotation] {
        var annotations: [Policy.Annotation] = []
        for (key, json) in try object["annotations"]?.object(at: path + "/annotations").members ?? [] {
            let value = json == .null ? nil : try json.text(at: "\(path)/annotations/\(key)")
            annotations.append(.init(key: Text(key), value: value == "" ? nil : value))
        }
        return annotations
    }

    private func paths(_ json: JSONValue?, at path: String) throws(DataError) -> [Text] {
        var names: [Text] = []
        for (index, json) in try json?.array(at: path).enumerated().map({ $0 }) ?? [] {
            let name = try json.text(at: "\(path)/\(index)")
            guard EntityUID.isTypeName(name) else {
                throw DataError("\(path)/\(index)", "`\(name)` is no type")
            }
            names.append(name)
        }
        return names
    }

    private func entity(
        _ object: JSONObject,
        _ name: Text,
        at path: String
    ) throws(DataError) -> SchemaDocument.EntityDeclaration {
        try object.only(["memberOfTypes", "shape", "tags", "enum", "annotations"], at: path)
        let body: SchemaDocument.EntityDeclaration.Body
        if let ids = object["enum"] {
            try object.only(["enum", "annotations"], at: path)
            guard let ids = ids.strings, !ids.isEmpty else {
                throw DataError(path + "/enum", "expected ids, at least one")
            }
            body = .enumerated(ids.map(Text.init(_:)))
        } else {
            var shape = TypeExpression.record([])
            if let json = object["shape"] {
                shape = try type(try json.object(at: path + "/shape"), [], at: path + "/shape")
            }
            var tags: TypeExpression?
            if let json = object["tags"] {
                tags = try type(try json.object(at: path + "/tags"), [], at: path + "/tags")
            }
            let parents = try paths(object["memberOfTypes"], at: path + "/memberOfTypes")
            body = .standard(parents: parents, shape: shape, tags: tags)
        }
        return .init(name: name, annotations: try annotations(object, at: path), body: body, location: nil)
    }

    private func action(
        _ object: JSONObject,
        _ name: Text,
        at path: String
    ) throws(DataError) -> SchemaDocument.ActionDeclaration {
        try object.only(["memberOf", "appliesTo", "attributes", "annotations"], at: path)
        if let attributes = object["attributes"], attributes != .null {
            guard try attributes.object(at: path + "/attributes").count == 0 else {
                throw DataError(path + "/attributes", "actions have no attributes")
            }
        }
        var parents: [SchemaDocument.ActionReference] = []
        if let json = object["memberOf"], json != .null {
            for (index, json) in try json.array(at: path + "/memberOf").enumerated() {
                let place = "\(path)/memberOf/\(index)"
                let object = try json.object(at: place)
                try object.only(["id", "type"], at: place)
                let type = try object["type"]?.text(at: place + "/type")
                parents.append(
                    .init(type: type, id: try object.required("id", at: place).text(at: place + "/id"))
                )
            }
        }
        var appliesTo: SchemaDocument.AppliesTo?
        if let json = object["appliesTo"], json != .null {
            appliesTo = try self.appliesTo(try json.object(at: path + "/appliesTo"), at: path + "/appliesTo")
        }
        return .init(
            name: name,
            annotations: try annotations(object, at: path),
            parents: parents,
            appliesTo: appliesTo,
            location: nil
        )
    }

    private func appliesTo(_ object: JSONObject, at path: String) throws(DataError) -> SchemaDocument
        .AppliesTo?
    {
        try object.only(["principalTypes", "resourceTypes", "context"], at: path)
        let principals = try paths(
            try object.required("principalTypes", at: path),
            at: path + "/principalTypes"
        )
        let resources = try paths(try object.required("resourceTypes", at: path), at: path + "/resourceTypes")
        var context = TypeExpression.record([])
        if let json = object["context"] {
            context = try type(try json.object(at: path + "/context"), [], at: path + "/context")
        }
        // Without either, no request can name the action: it is a group.
        if principals.isEmpty && resources.isEmpty { return nil }
        return .init(principals: principals, resources: resources, context: context)
    }

    private func type(
        _ object: JSONObject,
        _ others: [String],
        at path: String
    ) throws(DataError) -> TypeExpression {
        func name() throws(DataError) -> Text {
            try object.only(["type", "name"] + others, at: path)
            return try object.required("name", at: path).text(at: path + "/name")
        }
        let kind = try object.required("type", at: path).text(at: path + "/type")
        switch kind.string {
        case "Set":
            try object.only(["type", "element"] + others, at: path)
            let element = try object.required("element", at: path).object(at: path + "/element")
            return .set(try type(element, [], at: path + "/element"))
        case "Record":
            try object.only(["type", "attributes", "additionalAttributes"] + others, at: path)
            if let more = object["additionalAttributes"], more != .bool(false) {
                throw DataError(path + "/additionalAttributes", "not part of the language")
            }
            return .record(try members(try object.required("attributes", at: path), at: path + "/attributes"))
        case "Entity": return .entity(try name())
        case "Extension": return .extension(try name())
        case "EntityOrCommon": return .named(try name())
        default: break
        }
        try object.only(["type"] + others, at: path)
        switch kind.string {
        case "Bool", "Boolean": return .bool
        case "Long": return .long
        case "String": return .string
        default: return .common(kind)
        }
    }

    private func members(_ json: JSONValue, at path: String) throws(DataError) -> [SchemaDocument.Member] {
        var members: [SchemaDocument.Member] = []
        for (name, json) in try json.object(at: path).members {
            let place = "\(path)/\(name)"
            let object = try json.object(at: place)
            var isRequired = true
            if let json = object["required"] {
                guard let value = json.bool else { throw DataError(place + "/required", "expected a Bool") }
                isRequired = value
            }
            members.append(
                .init(
                    name: Text(name),
                    type: try type(object, ["required", "annotations"], at: place),
                    isRequired: isRequired,
                    annotations: try annotations(object, at: place)
                )
            )
        }
        return members
    }
}
