// SPDX-License-Identifier: Apache-2.0

/// Reads a schema in Cedar's own syntax.
struct SchemaParser {
    private typealias Declarations = SchemaDocument.Namespace
    private typealias Expression = SchemaDocument.TypeExpression

    private var reader: TokenReader

    static func document(_ source: Source) throws(SyntaxError) -> SchemaDocument {
        var parser = SchemaParser(reader: try TokenReader(source))
        var document = SchemaDocument()
        var bare = SchemaDocument.Namespace(name: "")
        while parser.reader.kind != .end {
            let annotations = try parser.reader.annotations()
            if parser.reader.isWord("namespace") {
                let place = parser.reader.offset
                let namespace = try parser.namespace(annotations)
                if document.namespaces.contains(where: { $0.name == namespace.name }) {
                    throw parser.reader.error(
                        "the namespace `\(namespace.name)` is declared twice",
                        at: place
                    )
                }
                document.namespaces.append(namespace)
            } else {
                try parser.declaration(annotations, into: &bare)
            }
        }
        if !bare.entities.isEmpty || !bare.actions.isEmpty || !bare.types.isEmpty {
            document.namespaces.insert(bare, at: 0)
        }
        return document
    }

    private mutating func namespace(
        _ annotations: [Policy.Annotation]
    ) throws(SyntaxError) -> SchemaDocument.Namespace {
        reader.advance()
        var namespace = SchemaDocument.Namespace(name: try reader.path("the namespace's name"))
        namespace.annotations = annotations
        try reader.expect(.leftBrace)
        while !reader.accept(.rightBrace) {
            try declaration(try reader.annotations(), into: &namespace)
        }
        return namespace
    }

    private mutating func declaration(
        _ annotations: [Policy.Annotation],
        into namespace: inout SchemaDocument.Namespace
    ) throws(SyntaxError) {
        let location = reader.location
        if reader.accept(word: "entity") {
            var names = [try reader.identifier("the entity type's name")]
            while reader.accept(.comma) { names.append(try reader.identifier("the entity type's name")) }
            let body = try entityBody()
            namespace.entities += names.map {
                .init(name: $0, annotations: annotations, body: body, location: location)
            }
        } else if reader.accept(word: "action") {
            var names = [try name("the action's name")]
            while reader.accept(.comma) { names.append(try name("the action's name")) }
            let parents = reader.accept(word: "in") ? try actionReferences() : []
            let appliesTo = reader.accept(word: "appliesTo") ? try appliesTo() : nil
            if reader.accept(word: "attributes") {
                try reader.expect(.leftBrace)
                try reader.expect(.rightBrace)
            }
            namespace.actions += names.map {
                .init(
                    name: $0,
                    annotations: annotations,
                    parents: parents,
                    appliesTo: appliesTo,
                    location: location
                )
            }
        } else if reader.accept(word: "type") {
            let name = try reader.identifier("the type's name")
            try reader.expect(.assign)
            let type = try type()
            namespace.types.append(
                .init(name: name, annotations: annotations, type: type, location: location)
            )
        } else {
            throw reader.expected("`namespace`, `entity`, `action` or `type`")
        }
        try reader.expect(.semicolon)
    }

    /// In quotes, or an identifier; unlike elsewhere `__cedar` is no reserved one here.
    private mutating func name(_ what: String) throws(SyntaxError) -> Text {
        if reader.kind == .string { return try reader.string(what) }
        if reader.isWord("__cedar") { return try reader.anyIdentifier(what) }
        return try reader.identifier(what + ", in quotes or not")
    }

    private mutating func entityBody() throws(SyntaxError) -> SchemaDocument.EntityDeclaration.Body {
        if reader.accept(word: "enum") {
            try reader.expect(.leftBracket)
            var ids = [try reader.string("an id in quotes")]
            while reader.accept(.comma) { ids.append(try reader.string("an id in quotes")) }
            try reader.expect(.rightBracket)
            return .enumerated(ids)
        }
        let parents = reader.accept(word: "in") ? try paths() : []
        let hasSign = reader.accept(.assign)
        var shape = Expression.record([])
        if hasSign || reader.kind == .leftBrace { shape = try record() }
        let tags = reader.accept(word: "tags") ? try type() : nil
        return .standard(parents: parents, shape: shape, tags: tags)
    }

    /// One path, or a list of them in brackets, which may be empty.
    private mutating func paths() throws(SyntaxError) -> [Text] {
        guard reader.accept(.leftBracket) else { return [try reader.path("an entity type")] }
        if reader.accept(.rightBracket) { return [] }
        var paths = [try reader.path("an entity type")]
        while reader.accept(.comma) { paths.append(try reader.path("an entity type")) }
        try reader.expect(.rightBracket)
        return paths
    }

    private mutating func actionReferences() throws(SyntaxError) -> [SchemaDocument.ActionReference] {
        guard reader.accept(.leftBracket) else { return [try actionReference()] }
        var references = [try actionReference()]
        while reader.accept(.comma) { references.append(try actionReference()) }
        try reader.expect(.rightBracket)
        return references
    }

    private mutating func actionReference() throws(SyntaxError) -> SchemaDocument.ActionReference {
        if reader.kind == .identifier, reader.kind(after: 1) == .doubleColon {
            let uid = try reader.entity("an action")
            return .init(type: uid.type, id: uid.id)
        }
        return .init(type: nil, id: try name("an action"))
    }

    private mutating func appliesTo() throws(SyntaxError) -> SchemaDocument.AppliesTo {
        let place = reader.offset
        try reader.expect(.leftBrace)
        var principals: [Text]?
        var resources: [Text]?
        var context: Expression?
        repeat {
            if reader.kind == .rightBrace, principals != nil || resources != nil || context != nil { break }
            let member = reader.offset
            let key = try reader.anyIdentifier("`principal`, `resource` or `context`").string
            try reader.expect(.colon)
            switch key {
            case "principal" where principals == nil: principals = try paths()
            case "resource" where resources == nil: resources = try paths()
            case "context" where context == nil:
                context = reader.kind == .leftBrace ? try record() : .named(try typePath())
            default: throw reader.error("`\(key)` is unknown here or stands twice", at: member)
            }
        } while reader.accept(.comma)
        try reader.expect(.rightBrace)
        guard let principals, let resources, !principals.isEmpty, !resources.isEmpty else {
            throw reader.error("`appliesTo` needs at least one `principal` and one `resource`", at: place)
        }
        return .init(principals: principals, resources: resources, context: context ?? .record([]))
    }

    private mutating func type() throws(SyntaxError) -> SchemaDocument.TypeExpression {
        try reader.enter()
        defer { reader.leave() }
        if reader.kind == .leftBrace { return try record() }
        if reader.isWord("Set"), reader.kind(after: 1) == .less {
            reader.advance()
            reader.advance()
            let element = try type()
            try reader.expect(.greater)
            return .set(element)
        }
        return .named(try typePath())
    }

    private mutating func typePath() throws(SyntaxError) -> Text {
        guard reader.isWord("__cedar"), reader.kind(after: 1) == .doubleColon else {
            return try reader.path("a type")
        }
        reader.advance()
        reader.advance()
        return Text("__cedar::\(try reader.identifier("a built-in type"))")
    }

    private mutating func record() throws(SyntaxError) -> SchemaDocument.TypeExpression {
        try reader.expect(.leftBrace)
        var members: [SchemaDocument.Member] = []
        while !reader.accept(.rightBrace) {
            if !members.isEmpty {
                try reader.expect(.comma)
                if reader.accept(.rightBrace) { break }
            }
            let annotations = try reader.annotations()
            let name = try name("an attribute")
            let isRequired = !reader.accept(.question)
            try reader.expect(.colon)
            let type = try type()
            // Of attributes with the same name the last one counts, as in the reference.
            members.removeAll { $0.name == name }
            members.append(.init(name: name, type: type, isRequired: isRequired, annotations: annotations))
        }
        return .record(members)
    }
}
