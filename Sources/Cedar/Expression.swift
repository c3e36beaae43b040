// SPDX-License-Identifier: Apache-2.0

/// An expression as it was written: what is printed, translated, validated and compiled.
/// Equality and hash ignore where it stands.
package struct Expression: Hashable, Sendable {
    package let kind: Kind
    /// Byte offset in its source; 0 where it came from JSON.
    package let offset: Int32
    /// Height of the tree, so that every walk of it is known to end before the stack does.
    let height: Int

    package indirect enum Kind: Hashable, Sendable {
        /// A Bool, Long, String or entity.
        case literal(Value)
        case variable(Variable)
        case slot(Slot)
        case conditional(Expression, then: Expression, else: Expression)
        case and(Expression, Expression)
        case or(Expression, Expression)
        case unary(UnaryOperator, Expression)
        case binary(BinaryOperator, Expression, Expression)
        case attribute(Expression, Text)
        /// `e has a.b.c`; at least one name.
        case has(Expression, [Text])
        case like(Expression, Pattern)
        case `is`(Expression, type: Text, in: Expression?)
        case call(ExtensionFunction, [Expression])
        case set([Expression])
        case record([Member])
    }

    package struct Member: Hashable, Sendable {
        package let name: Text
        package let value: Expression
    }

    package init(_ kind: Kind, at offset: Int32 = 0) {
        self.kind = kind
        self.offset = offset
        height = 1 + kind.childHeight
    }

    package static func == (left: Expression, right: Expression) -> Bool { left.kind == right.kind }

    package func hash(into hasher: inout Hasher) { hasher.combine(kind) }
}

extension Expression.Kind {
    fileprivate var childHeight: Int {
        switch self {
        case .literal, .variable, .slot: 0
        case .conditional(let first, let second, let third): max(first.height, second.height, third.height)
        case .and(let left, let right), .or(let left, let right): max(left.height, right.height)
        case .binary(_, let left, let right): max(left.height, right.height)
        case .unary(_, let child), .attribute(let child, _), .like(let child, _): child.height
        case .has(let child, let path): child.height + path.count
        case .is(let child, _, let ancestor): max(child.height, ancestor?.height ?? 0)
        case .call(_, let children), .set(let children): children.lazy.map(\.height).max() ?? 0
        case .record(let members): members.lazy.map(\.value.height).max() ?? 0
        }
    }
}

package enum Variable: String, CaseIterable, Sendable {
    case principal, action, resource, context
}

package enum Slot: String, Sendable {
    case principal = "?principal"
    case resource = "?resource"
}

package enum UnaryOperator: String, CaseIterable, Sendable {
    case not = "!"
    case negate = "neg"
    case isEmpty
}

package enum BinaryOperator: String, CaseIterable, Sendable {
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case `in`
    case plus = "+"
    case minus = "-"
    case times = "*"
    case contains, containsAll, containsAny, hasTag, getTag

    /// The methods of the language itself; the others stand between their operands.
    var isMethod: Bool {
        switch self {
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: false
        case .in, .plus, .minus, .times: false
        case .contains, .containsAll, .containsAny, .hasTag, .getTag: true
        }
    }
}

/// The right side of `like`: literal scalars and wildcards, anchored at both ends.
package struct Pattern: Hashable, Sendable {
    package enum Element: Hashable, Sendable {
        case wildcard
        case scalar(Unicode.Scalar)
    }

    package let elements: [Element]

    package init(_ elements: [Element]) { self.elements = elements }

    /// Cost: at most text × pattern steps, no allocation.
    package func matches(_ text: Text) -> Bool {
        let scalars = text.string.unicodeScalars
        var position = scalars.startIndex
        var index = 0
        // Where to go on when the scalars after the last wildcard fail to match: it swallows one more.
        var retry: (index: Int, position: String.Index)?
        while position < scalars.endIndex {
            if index < elements.count {
                switch elements[index] {
                case .wildcard:
                    index += 1
                    retry = (index, position)
                    continue
                case .scalar(let scalar) where scalar == scalars[position]:
                    index += 1
                    position = scalars.index(after: position)
                    continue
                case .scalar: break
                }
            }
            guard let back = retry else { return false }
            position = scalars.index(after: back.position)
            index = back.index
            retry = (index, position)
        }
        while index < elements.count, elements[index] == .wildcard { index += 1 }
        return index == elements.count
    }
}
