// SPDX-License-Identifier: Apache-2.0

/// Checks of data against a schema: entities, contexts, requests.
extension Schema {
    /// - Throws: for the first thing in `entity` that the schema does not allow.
    package func validate(_ entity: Entity) throws(DataError) {
        let place = entity.uid.description
        if let problem = problem(with: entity.uid) { throw DataError(place, problem) }
        if entity.uid.isAction {
            let declared = actionStore.ancestors(of: entity.uid)
            guard Set(declared).isSuperset(of: entity.parents), entity.attributes.isEmpty,
                entity.tags.isEmpty,
                Set(actions[entity.uid]?.parents ?? []).isSubset(of: entity.parents)
            else { throw DataError(place, "differs from the schema's declaration") }
            return
        }
        guard let type = entityTypes[entity.uid.type] else { return }
        try check(entity.attributes, type.attributes, place)
        for parent in entity.parents {
            guard canBeInStrictly(type.name, parent.type) else {
                throw DataError(place, "`\(type.name)` cannot be in `\(parent.type)`")
            }
            if let problem = problem(with: parent) { throw DataError(place, problem) }
        }
        guard !entity.tags.isEmpty else { return }
        guard let tags = type.tags else { throw DataError(place, "`\(type.name)` has no tags") }
        for tag in entity.tags.fields { try check(tag.value, tags, "\(place): tag \(tag.name)") }
    }

    /// - Throws: for an action, a principal, a resource or a context that the schema does not allow.
    package func validate(_ request: AccessRequest) throws(DataError) {
        guard let action = actions[request.action] else {
            throw DataError("action", "there is no action \(request.action)")
        }
        for (name, uid, types) in [
            ("principal", request.principal, action.principals),
            ("resource", request.resource, action.resources),
        ] {
            if let problem = problem(with: uid) { throw DataError(name, problem) }
            guard types.contains(uid.type) else {
                throw DataError(name, "\(request.action) does not apply to a \(name) of type `\(uid.type)`")
            }
        }
        try check(request.context, action.context, "context")
    }

    private func check(_ record: RecordValue, _ type: RecordType, _ path: String) throws(DataError) {
        for field in record.fields {
            guard let attribute = type[field.name] else {
                throw DataError(path, "the attribute `\(field.name)` is not declared")
            }
            try check(field.value, attribute.type, "\(path).\(field.name)")
        }
        for (name, attribute) in type.attributes where attribute.isRequired && !record.contains(name) {
            throw DataError(path, "the attribute `\(name)` is missing")
        }
    }

    private func check(_ value: Value, _ type: SchemaType, _ path: String) throws(DataError) {
        switch (value, type) {
        case (.bool, .bool), (.long, .long), (.string, .string), (.decimal, .decimal), (.address, .address),
            (.datetime, .datetime), (.duration, .duration):
            return
        case (.entity(let uid), .entity(let name)) where uid.type == name:
            if let problem = problem(with: uid) { throw DataError(path, problem) }
        case (.set(let set), .set(let element)):
            for value in set.elements { try check(value, element, path) }
        case (.record(let record), .record(let declared)): try check(record, declared, path)
        case (.bool, _), (.long, _), (.string, _), (.decimal, _), (.address, _), (.datetime, _),
            (.duration, _),
            (.entity, _), (.set, _), (.record, _):
            throw DataError(path, "expected \(type.description), found \(value.typeName)")
        }
    }
}
