// SPDX-License-Identifier: Apache-2.0
package import JSON

/// Reads values, entities, contexts and requests from Cedar's JSON. Where a schema says what type a value has,
/// the escapes `__entity` and `__extn` may be left out.
/// Source: Cedar documentation, "Entities and context syntax".
package struct ValueReader: Sendable {
    package init() {}

    /// `{"type", "id"}`, on its own or within `__entity`.
    package func uid(_ json: JSONValue, at path: String = "") throws(DataError) -> EntityUID {
        var object = try json.object(at: path)
        if let inner = object["__entity"] {
            try object.only(["__entity"], at: path)
            object = try inner.object(at: path + "/__entity")
        }
        guard let uid = try plainUID(object, at: path) else {
            throw DataError(path, "expected an entity: {\"type\", \"id\"}")
        }
        return uid
    }

    /// Nil where the object is not just `type` and `id`.
    private func plainUID(_ object: JSONObject, at path: String) throws(DataError) -> EntityUID? {
        guard object.count == 2, let type = object["type"]?.string, let id = object["id"]?.string else {
            return nil
        }
        guard EntityUID.isTypeName(Text(type)) else { throw DataError(path, "`\(type)` is no entity type") }
        return EntityUID(type: Text(type), id: Text(id))
    }

    /// A context or the attributes of an entity.
    package func record(
        _ json: JSONValue,
        _ type: RecordType? = nil,
        at path: String = ""
    ) throws(DataError) -> RecordValue {
        let object = try json.object(at: path)
        if object["__entity"] != nil || object["__extn"] != nil {
            throw DataError(path, "expected a record, not an escape")
        }
        return try fields(object, type, at: path)
    }

    private func fields(
        _ object: JSONObject,
        _ type: RecordType?,
        at path: String
    ) throws(DataError) -> RecordValue {
        var fields: [RecordValue.Field] = []
        fields.reserveCapacity(object.count)
        for (name, json) in object.members {
            let name = Text(name)
            fields.append(.init(name, try value(json, type?[name]?.type, at: path + "/" + name.string)))
        }
        return RecordValue(fields)
    }

    /// - Parameter type: what the schema declares; only a guide for the short forms, `Schema` checks the rest.
    package func value(
        _ json: JSONValue,
        _ type: SchemaType? = nil,
        at path: String = ""
    ) throws(DataError) -> Value {
        switch json {
        case .null: throw DataError(path, "Cedar has no null")
        case .number(let text): throw DataError(path, "`\(text)` is no 64-bit integer")
        case .bool(let value): return .bool(value)
        case .integer(let value): return .long(value)
        case .string(let text):
            guard let function = type?.constructor else { return .string(Text(text)) }
            return try construct(function, [.string(Text(text))], at: path)
        case .array(let elements):
            var element: SchemaType?
            if case .set(let inner) = type { element = inner }
            var values: [Value] = []
            values.reserveCapacity(elements.count)
            for (index, json) in elements.enumerated() {
                values.append(try value(json, element, at: "\(path)/\(index)"))
            }
            return .set(SetValue(values))
        case .object(let object): return try value(object, type, at: path)
        }
    }

    private func value(
        _ object: JSONObject,
        _ type: SchemaType?,
        at path: String
    ) throws(DataError) -> Value {
        if object["__expr"] != nil { throw DataError(path, "`__expr` is no longer part of Cedar") }
        if object["__entity"] != nil { return .entity(try uid(.object(object), at: path)) }
        if let call = object["__extn"] {
            try object.only(["__extn"], at: path)
            return try function(try call.object(at: path), at: path + "/__extn")
        }
        if case .entity = type, let uid = try plainUID(object, at: path) { return .entity(uid) }
        if type?.constructor != nil, object["fn"] != nil { return try function(object, at: path) }
        var record: RecordType?
        if case .record(let inner) = type { record = inner }
        return .record(try fields(object, record, at: path))
    }

    /// `{"fn", "arg"}` or `{"fn", "args"}`.
    private func function(_ object: JSONObject, at path: String) throws(DataError) -> Value {
        try object.only(["fn", "arg", "args"], at: path)
        let name = try object.required("fn", at: path).text(at: path + "/fn")
        guard let function = ExtensionFunction(rawValue: name.string) else {
            throw DataError(path, "`\(name)` is no extension function")
        }
        var arguments: [Value] = []
        switch (object["arg"], object["args"]) {
        case (let json?, nil): arguments = [try value(json, at: path + "/arg")]
        case (nil, let json?):
            for (index, json) in try json.array(at: path + "/args").enumerated() {
                arguments.append(try value(json, at: "\(path)/args/\(index)"))
            }
        case (nil, nil), (_?, _?): throw DataError(path, "expected one of `arg` and `args`")
        }
        return try construct(function, arguments, at: path)
    }

    private func construct(
        _ function: ExtensionFunction,
        _ arguments: [Value],
        at path: String
    ) throws(DataError) -> Value {
        do throws(EvaluationError) {
            return try function.apply(arguments)
        } catch {
            throw DataError(path, error.description)
        }
    }
}

extension ValueReader {
    /// An array of `{"uid", "attrs", "parents", "tags"?}`; members of other names are passed over.
    package func entities(_ json: JSONValue, _ schema: Schema? = nil) throws(DataError) -> [Entity] {
        var entities: [Entity] = []
        for (index, json) in try json.array(at: "").enumerated() {
            entities.append(try entity(json, schema, at: "/\(index)"))
        }
        return entities
    }

    private func entity(
        _ json: JSONValue,
        _ schema: Schema?,
        at path: String
    ) throws(DataError) -> Entity {
        let object = try json.object(at: path)
        let uid = try uid(try object.required("uid", at: path), at: path + "/uid")
        let declared = schema?.entityTypes[uid.type]
        let attributes = try record(
            try object.required("attrs", at: path),
            declared?.attributes,
            at: path + "/attrs"
        )
        var parents: [EntityUID] = []
        for (index, json) in try object.required("parents", at: path).array(at: path + "/parents")
            .enumerated()
        {
            parents.append(try self.uid(json, at: "\(path)/parents/\(index)"))
        }
        var tags: [RecordValue.Field] = []
        if let json = object["tags"] {
            for (name, json) in try json.object(at: path + "/tags").members {
                let value = try value(json, declared?.tags, at: path + "/tags/" + name)
                tags.append(.init(Text(name), value))
            }
        }
        return Entity(uid, attributes: attributes, tags: RecordValue(tags), parents: parents)
    }
}
