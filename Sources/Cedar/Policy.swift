// SPDX-License-Identifier: Apache-2.0

/// The name of a policy, a template or a link: one space of names in a set.
package struct PolicyID: Hashable, Comparable, Sendable {
    package let text: Text

    package init(_ text: Text) { self.text = text }
    package init(_ string: String) { text = Text(string) }

    package var string: String { text.string }

    package static func < (left: PolicyID, right: PolicyID) -> Bool { left.text < right.text }
}

extension PolicyID: ExpressibleByStringLiteral, CustomStringConvertible {
    package init(stringLiteral value: String) { text = Text(value) }

    package var description: String { text.string }
}

package enum Effect: String, Sendable {
    case permit, forbid
}

/// One policy or template, as written.
package struct Policy: Hashable, Sendable {
    package var id: PolicyID
    package var effect: Effect
    /// In the order of the text; keys are distinct.
    package var annotations: [Annotation]
    package var principal: ScopeConstraint
    package var action: ActionConstraint
    package var resource: ScopeConstraint
    package var conditions: [Condition]
    /// Where it begins; nil where it came from JSON.
    package var location: SourceLocation?

    package struct Annotation: Hashable, Sendable {
        package let key: Text
        /// Nil where none was written, which counts as "".
        package let value: Text?
    }

    package struct Condition: Hashable, Sendable {
        package enum Kind: String, Sendable {
            case when, unless
        }

        package let kind: Kind
        package let body: Expression
    }

    /// Whether it has a slot and so authorizes nothing until it is linked.
    package var isTemplate: Bool { principal.hasSlot || resource.hasSlot }

    package func annotation(_ key: Text) -> Text? {
        for annotation in annotations where annotation.key == key { return annotation.value ?? "" }
        return nil
    }
}

/// What a policy's head says of the principal or the resource.
package enum ScopeConstraint: Hashable, Sendable {
    case any
    case equal(Reference)
    case `in`(Reference)
    case `is`(Text)
    case isIn(Text, Reference)

    package enum Reference: Hashable, Sendable {
        case entity(EntityUID)
        /// The slot of the same place; a template's only.
        case slot
    }

    var reference: Reference? {
        switch self {
        case .any, .is: nil
        case .equal(let reference), .in(let reference), .isIn(_, let reference): reference
        }
    }

    var hasSlot: Bool { reference == .slot }

    /// The constraint with `uid` in the slot's place.
    func filled(with uid: EntityUID?) -> ScopeConstraint {
        guard hasSlot, let uid else { return self }
        switch self {
        case .any, .is: return self
        case .equal: return .equal(.entity(uid))
        case .in: return .in(.entity(uid))
        case .isIn(let type, _): return .isIn(type, .entity(uid))
        }
    }
}

package enum ActionConstraint: Hashable, Sendable {
    case any
    case equal(EntityUID)
    case `in`(EntityUID)
    case inAny([EntityUID])

    /// The actions and groups that it names.
    package var entities: [EntityUID] {
        switch self {
        case .any: []
        case .equal(let uid), .in(let uid): [uid]
        case .inAny(let uids): uids
        }
    }
}

/// A template with its slots filled: a policy of its own.
package struct TemplateLink: Hashable, Sendable {
    package let id: PolicyID
    package let template: PolicyID
    package let principal: EntityUID?
    package let resource: EntityUID?

    package init(id: PolicyID, template: PolicyID, principal: EntityUID?, resource: EntityUID?) {
        self.id = id
        self.template = template
        self.principal = principal
        self.resource = resource
    }
}

/// A place in a source file. Lines and columns count from 1, columns in Unicode scalars.
package struct SourceLocation: Hashable, Sendable, CustomStringConvertible {
    package let file: String
    package let line: Int
    package let column: Int

    package var description: String { "\(file):\(line):\(column)" }
}
