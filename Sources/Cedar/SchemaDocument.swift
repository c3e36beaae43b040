// SPDX-License-Identifier: Apache-2.0

/// A schema as written, in either syntax: names are not resolved yet.
package struct SchemaDocument: Sendable {
    package struct Namespace: Sendable {
        /// "" for the declarations outside of any namespace.
        let name: Text
        var annotations: [Policy.Annotation] = []
        var entities: [EntityDeclaration] = []
        var actions: [ActionDeclaration] = []
        var types: [TypeDeclaration] = []

        /// The full name of what is called `name` in here.
        func qualify(_ name: Text) -> Text { self.name == "" ? name : Text("\(self.name)::\(name)") }
    }

    struct EntityDeclaration: Sendable {
        enum Body: Sendable {
            case standard(parents: [Text], shape: TypeExpression, tags: TypeExpression?)
            case enumerated([Text])
        }

        let name: Text
        let annotations: [Policy.Annotation]
        let body: Body
        let location: SourceLocation?
    }

    struct ActionDeclaration: Sendable {
        let name: Text
        let annotations: [Policy.Annotation]
        let parents: [ActionReference]
        let appliesTo: AppliesTo?
        let location: SourceLocation?
    }

    struct ActionReference: Sendable {
        /// Nil means an action of the same namespace, else of the empty one.
        let type: Text?
        let id: Text
    }

    struct AppliesTo: Sendable {
        let principals: [Text]
        let resources: [Text]
        let context: TypeExpression
    }

    struct TypeDeclaration: Sendable {
        let name: Text
        let annotations: [Policy.Annotation]
        let type: TypeExpression
        let location: SourceLocation?
    }

    indirect enum TypeExpression: Sendable {
        case bool, long, string
        case set(TypeExpression)
        case record([Member])
        case entity(Text)
        case `extension`(Text)
        /// A common type.
        case common(Text)
        /// A common type, an entity type or a built-in type, in this order.
        case named(Text)
    }

    struct Member: Sendable {
        let name: Text
        let type: TypeExpression
        let isRequired: Bool
        let annotations: [Policy.Annotation]
    }

    package internal(set) var namespaces: [Namespace] = []

    init() {}

    /// Reads Cedar's own syntax.
    package init(_ source: Source) throws(SyntaxError) { self = try SchemaParser.document(source) }
}
