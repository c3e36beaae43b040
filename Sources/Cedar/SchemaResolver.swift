// SPDX-License-Identifier: Apache-2.0

extension Schema {
    /// Resolves all names.
    /// - Throws: for unknown, duplicate, reserved, shadowing and cyclic declarations.
    package init(_ document: SchemaDocument) throws(SyntaxError) {
        var resolver = SchemaResolver()
        for namespace in document.namespaces { try resolver.declare(namespace) }
        try resolver.checkShadowing()
        for namespace in document.namespaces { try resolver.resolve(namespace) }
        try self.init(entityTypes: resolver.entityTypes, actions: resolver.actions)
    }

    /// Reads a schema in Cedar's own syntax.
    package init(_ source: Source) throws(SyntaxError) {
        try self.init(SchemaParser.document(source))
    }
}

/// Finds what the names of a schema stand for: inside their own namespace first, then in the empty one; a common
/// type before an entity type before a built-in one.
struct SchemaResolver {
    private typealias Expression = SchemaDocument.TypeExpression

    /// Nodes of one resolved type: common types that use one another twice at each level would grow without end.
    private static let maximumWeight = 100_000
    private static let maximumDepth = 256

    private struct Common {
        let expression: SchemaDocument.TypeExpression
        let namespace: SchemaDocument.Namespace
        let location: SourceLocation?
        var resolved: (type: SchemaType, weight: Int)?
        var isOpen = false
    }

    private(set) var entityTypes: [Text: Schema.EntityType] = [:]
    private(set) var actions: [EntityUID: Schema.Action] = [:]
    private var entityNames: Set<Text> = []
    private var actionNames: Set<EntityUID> = []
    private var actionTypes: Set<Text> = []
    private var commons: [Text: Common] = [:]
    private var places: [(name: Text, namespace: Text, location: SourceLocation?)] = []
    private var depth = 0
    private var weight = 0
    private var location: SourceLocation?

    // MARK: Declarations

    mutating func declare(_ namespace: SchemaDocument.Namespace) throws(SyntaxError) {
        for entity in namespace.entities {
            let name = namespace.qualify(entity.name)
            if entity.name == "Action" {
                throw SyntaxError(entity.location, "`Action` cannot be an entity type")
            }
            guard entityNames.insert(name).inserted else {
                throw SyntaxError(entity.location, "the entity type `\(name)` is declared twice")
            }
            places.append((entity.name, namespace.name, entity.location))
        }
        for type in namespace.types {
            let name = namespace.qualify(type.name)
            if SchemaResolver.isReserved(type.name) {
                throw SyntaxError(type.location, "`\(type.name)` is reserved")
            }
            guard commons[name] == nil else {
                throw SyntaxError(type.location, "the type `\(name)` is declared twice")
            }
            commons[name] = Common(expression: type.type, namespace: namespace, location: type.location)
            places.append((type.name, namespace.name, type.location))
        }
        for action in namespace.actions {
            let uid = EntityUID(type: namespace.qualify("Action"), id: action.name)
            actionTypes.insert(uid.type)
            guard actionNames.insert(uid).inserted else {
                throw SyntaxError(action.location, "the action \(uid) is declared twice")
            }
        }
    }

    func checkShadowing() throws(SyntaxError) {
        for place in places where place.namespace != "" {
            if entityNames.contains(place.name) || commons[place.name] != nil {
                throw SyntaxError(
                    place.location,
                    "`\(place.namespace)::\(place.name)` shadows `\(place.name)` of the empty namespace"
                )
            }
        }
    }

    private static func isReserved(_ name: Text) -> Bool {
        switch name.string {
        case "Bool", "Boolean", "Entity", "Extension", "Long", "Record", "Set", "String": true
        default: false
        }
    }

    // MARK: Resolution

    mutating func resolve(_ namespace: SchemaDocument.Namespace) throws(SyntaxError) {
        for type in namespace.types {
            location = type.location
            weight = 0
            _ = try common(namespace.qualify(type.name))
        }
        for entity in namespace.entities { try resolve(entity, namespace) }
        for action in namespace.actions { try resolve(action, namespace) }
    }

    private mutating func resolve(
        _ entity: SchemaDocument.EntityDeclaration,
        _ namespace: SchemaDocument.Namespace
    ) throws(SyntaxError) {
        location = entity.location
        weight = 0
        let name = namespace.qualify(entity.name)
        switch entity.body {
        case .enumerated(let ids):
            entityTypes[name] = Schema.EntityType(
                name: name,
                parents: [],
                attributes: .empty,
                tags: nil,
                ids: ids
            )
        case .standard(let parents, let shape, let tags):
            var ancestors: Set<Text> = []
            for parent in parents { ancestors.insert(try entityType(parent, namespace)) }
            guard case .record(let attributes) = try type(shape, namespace) else {
                throw SyntaxError(location, "the shape of `\(name)` is no record")
            }
            var tagType: SchemaType?
            if let tags { tagType = try type(tags, namespace) }
            entityTypes[name] = Schema.EntityType(
                name: name,
                parents: ancestors,
                attributes: attributes,
                tags: tagType,
                ids: nil
            )
        }
    }

    private mutating func resolve(
        _ action: SchemaDocument.ActionDeclaration,
        _ namespace: SchemaDocument.Namespace
    ) throws(SyntaxError) {
        location = action.location
        weight = 0
        let uid = EntityUID(type: namespace.qualify("Action"), id: action.name)
        var parents: [EntityUID] = []
        for reference in action.parents {
            let type = reference.type ?? "Action"
            let candidates = SchemaResolver.candidates(type, namespace).map {
                EntityUID(type: $0, id: reference.id)
            }
            guard let parent = candidates.first(where: actionNames.contains) else {
                throw SyntaxError(location, "there is no action \(candidates[0])")
            }
            parents.append(parent)
        }
        var principals: [Text] = []
        var resources: [Text] = []
        var context = RecordType.empty
        if let appliesTo = action.appliesTo {
            for name in appliesTo.principals { principals.append(try entityType(name, namespace)) }
            for name in appliesTo.resources { resources.append(try entityType(name, namespace)) }
            guard case .record(let record) = try type(appliesTo.context, namespace) else {
                throw SyntaxError(location, "the context of \(uid) is no record")
            }
            context = record
        }
        actions[uid] = Schema.Action(
            uid: uid,
            parents: parents,
            principals: principals,
            resources: resources,
            context: context
        )
    }

    /// What an unqualified name can mean, best first; a qualified one means itself.
    private static func candidates(_ path: Text, _ namespace: SchemaDocument.Namespace) -> [Text] {
        if namespace.name == "" || path.string.utf8.contains(UInt8(ascii: ":")) { return [path] }
        return [namespace.qualify(path), path]
    }

    private func entityType(
        _ path: Text,
        _ namespace: SchemaDocument.Namespace
    ) throws(SyntaxError) -> Text {
        guard let name = SchemaResolver.candidates(path, namespace).first(where: entityNames.contains) else {
            throw unknown(path)
        }
        return name
    }

    /// In an attribute an action can stand too.
    private func entityOrActionType(
        _ path: Text,
        _ namespace: SchemaDocument.Namespace
    ) throws(SyntaxError) -> Text {
        for name in SchemaResolver.candidates(path, namespace) where actionTypes.contains(name) {
            return name
        }
        return try entityType(path, namespace)
    }

    private func unknown(_ path: Text) -> SyntaxError {
        SyntaxError(location, "there is no type `\(path)`")
    }

    private mutating func type(
        _ expression: SchemaDocument.TypeExpression,
        _ namespace: SchemaDocument.Namespace
    ) throws(SyntaxError) -> SchemaType {
        weight += 1
        guard weight <= SchemaResolver.maximumWeight, depth < SchemaResolver.maximumDepth else {
            throw SyntaxError(location, "this type is too large when its names are resolved")
        }
        depth += 1
        defer { depth -= 1 }
        switch expression {
        case .bool: return .bool
        case .long: return .long
        case .string: return .string
        case .set(let element): return .set(try type(element, namespace))
        case .record(let members):
            var attributes: [Text: RecordType.Attribute] = [:]
            for member in members {
                attributes[member.name] = .init(
                    type: try type(member.type, namespace),
                    isRequired: member.isRequired
                )
            }
            return .record(RecordType(attributes: attributes))
        case .entity(let path): return .entity(try entityOrActionType(path, namespace))
        case .extension(let path):
            guard let type = SchemaResolver.builtIn(path), type.constructor != nil else {
                throw unknown(path)
            }
            return type
        case .common(let path):
            for name in SchemaResolver.candidates(path, namespace) where commons[name] != nil {
                return try common(name)
            }
            guard let type = SchemaResolver.builtIn(path) else { throw unknown(path) }
            return type
        case .named(let path):
            for name in SchemaResolver.candidates(path, namespace) {
                if commons[name] != nil { return try common(name) }
                if entityNames.contains(name) || actionTypes.contains(name) { return .entity(name) }
            }
            guard let type = SchemaResolver.builtIn(path) else { throw unknown(path) }
            return type
        }
    }

    private mutating func common(_ name: Text) throws(SyntaxError) -> SchemaType {
        guard let common = commons[name] else { throw unknown(name) }
        if let resolved = common.resolved {
            weight += resolved.weight
            return resolved.type
        }
        if common.isOpen { throw SyntaxError(common.location, "the type `\(name)` contains itself") }
        commons[name]?.isOpen = true
        let before = weight
        let type = try type(common.expression, common.namespace)
        commons[name]?.resolved = (type, weight - before)
        return type
    }

    private static func builtIn(_ path: Text) -> SchemaType? {
        switch path.string {
        case "Bool", "__cedar::Bool": .bool
        case "Long", "__cedar::Long": .long
        case "String", "__cedar::String": .string
        case "decimal", "__cedar::decimal": .decimal
        case "ipaddr", "__cedar::ipaddr": .address
        case "datetime", "__cedar::datetime": .datetime
        case "duration", "__cedar::duration": .duration
        default: nil
        }
    }
}
