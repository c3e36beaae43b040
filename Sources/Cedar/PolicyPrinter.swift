// SPDX-License-Identifier: Apache-2.0

extension PolicySet {
    /// All policies and templates as text, in the order in which they were added. What is read back from it is
    /// equal, and printing that gives the same text again. Links have no form in text.
    package var text: String {
        written.map { $0.text + "\n" }.joined(separator: "\n")
    }
}

extension Policy {
    /// The policy as text, without a line's end.
    package var text: String {
        var lines = annotations.map { annotation in
            "@\(annotation.key)" + (annotation.value.map { "(\(Escape.quoted($0.string)))" } ?? "")
        }
        lines += [
            "\(effect.rawValue) (", "    principal\(principal.text(.principal)),",
            "    action\(action.text),",
            "    resource\(resource.text(.resource))", ")",
        ]
        for condition in conditions {
            let body = ExpressionPrinter.text(condition.body)
            if body.utf8.count <= 90 {
                lines.append("\(condition.kind.rawValue) { \(body) }")
            } else {
                lines.append("\(condition.kind.rawValue) {")
                lines += ExpressionPrinter.lines(condition.body).map { "    " + $0 }
                lines.append("}")
            }
        }
        return lines.joined(separator: "\n") + ";"
    }
}

extension ScopeConstraint {
    fileprivate func text(_ slot: Slot) -> String {
        func text(_ reference: Reference) -> String {
            switch reference {
            case .entity(let uid): uid.description
            case .slot: slot.rawValue
            }
        }
        return switch self {
        case .any: ""
        case .equal(let reference): " == \(text(reference))"
        case .in(let reference): " in \(text(reference))"
        case .is(let type): " is \(type)"
        case .isIn(let type, let reference): " is \(type) in \(text(reference))"
        }
    }
}

extension ActionConstraint {
    fileprivate var text: String {
        switch self {
        case .any: ""
        case .equal(let uid): " == \(uid)"
        case .in(let uid): " in \(uid)"
        case .inAny(let uids): " in [\(uids.map(\.description).joined(separator: ", "))]"
        }
    }
}

/// Prints expressions with no more parentheses than reading them back needs.
enum ExpressionPrinter {
    /// How tightly an expression binds; an operand that binds less stands in parentheses.
    private enum Level: Int {
        case conditional, disjunction, conjunction, relation, sum, product, unary, member
    }

    static func text(_ expression: Expression) -> String { text(expression, .conditional) }

    /// A chain of `&&` or `||` on lines of its own.
    static func lines(_ expression: Expression) -> [String] {
        switch expression.kind {
        case .and(let left, let right): join(left, "&&", text(right, .relation), .conjunction)
        case .or(let left, let right): join(left, "||", text(right, .conjunction), .disjunction)
        case .literal, .variable, .slot, .conditional, .unary, .binary, .attribute, .has, .like, .is, .call,
            .set, .record:
            [text(expression)]
        }
    }

    private static func join(
        _ left: Expression,
        _ operation: String,
        _ right: String,
        _ level: Level
    ) -> [String] {
        var before = self.level(left) == level ? lines(left) : [text(left, level)]
        before[before.count - 1] += " " + operation
        return before + [right]
    }

    private static func text(_ expression: Expression, _ least: Level) -> String {
        let text = bare(expression)
        return level(expression).rawValue < least.rawValue ? "(\(text))" : text
    }

    private static func level(_ expression: Expression) -> Level {
        switch expression.kind {
        case .conditional: .conditional
        case .or: .disjunction
        case .and: .conjunction
        case .has, .like, .is: .relation
        case .binary(let operation, _, _):
            switch operation {
            case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .in: .relation
            case .plus, .minus: .sum
            case .times: .product
            case .contains, .containsAll, .containsAny, .hasTag, .getTag: .member
            }
        case .unary(.isEmpty, _): .member
        case .unary: .unary
        case .literal(.long(let value)): value < 0 ? .unary : .member
        case .literal, .variable, .slot, .attribute, .call, .set, .record: .member
        }
    }

    private static func bare(_ expression: Expression) -> String {
        switch expression.kind {
        case .literal(let value): return literal(value)
        case .variable(let variable): return variable.rawValue
        case .slot(let slot): return slot.rawValue
        case .conditional(let condition, let first, let second):
            return "if \(text(condition)) then \(text(first)) else \(text(second))"
        case .and(let left, let right): return "\(text(left, .conjunction)) && \(text(right, .relation))"
        case .or(let left, let right): return "\(text(left, .disjunction)) || \(text(right, .conjunction))"
        case .unary(.isEmpty, let operand): return "\(text(operand, .member)).isEmpty()"
        case .unary(.not, let operand): return "!" + text(operand, .member)
        case .unary(.negate, let operand):
            // Before a number the sign would become part of it.
            if case .literal(.long) = operand.kind { return "-(\(bare(operand)))" }
            return "-" + text(operand, .member)
        case .binary(let operation, let left, let right): return binary(operation, left, right)
        case .attribute(let target, let name):
            let target = text(target, .member)
            return isName(name) ? "\(target).\(name)" : "\(target)[\(Escape.quoted(name.string))]"
        case .has(let target, let path):
            let names = path.map { isName($0) ? $0.string : Escape.quoted($0.string) }
            return "\(text(target, .sum)) has \(names.joined(separator: "."))"
        case .like(let target, let pattern): return "\(text(target, .sum)) like \(Escape.quoted(pattern))"
        case .is(let target, let type, let ancestor):
            return "\(text(target, .sum)) is \(type)" + (ancestor.map { " in \(text($0, .sum))" } ?? "")
        case .call(let function, let arguments):
            if function.isConstructor { return "\(function.name)(\(list(arguments[...])))" }
            return "\(text(arguments[0], .member)).\(function.name)(\(list(arguments.dropFirst())))"
        case .set(let elements): return "[\(list(elements[...]))]"
        case .record(let members):
            let fields = members.map { member in
                "\(isName(member.name) ? member.name.string : Escape.quoted(member.name.string)): \(text(member.value))"
            }
            return "{\(fields.joined(separator: ", "))}"
        }
    }

    private static func binary(_ operation: BinaryOperator, _ left: Expression, _ right: Expression) -> String
    {
        switch operation {
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .in:
            "\(text(left, .sum)) \(operation.rawValue) \(text(right, .sum))"
        case .plus, .minus: "\(text(left, .sum)) \(operation.rawValue) \(text(right, .product))"
        case .times: "\(text(left, .product)) * \(text(right, .unary))"
        case .contains, .containsAll, .containsAny, .hasTag, .getTag:
            "\(text(left, .member)).\(operation.rawValue)(\(text(right)))"
        }
    }

    private static func literal(_ value: Value) -> String {
        switch value {
        case .bool(let value): "\(value)"
        case .long(let value): "\(value)"
        case .string(let text): Escape.quoted(text.string)
        case .entity(let uid): uid.description
        // Only folding makes these, and it does not change what is printed.
        case .set, .record, .decimal, .address, .datetime, .duration: preconditionFailure("not a literal")
        }
    }

    private static func list(_ expressions: ArraySlice<Expression>) -> String {
        expressions.map { text($0) }.joined(separator: ", ")
    }

    /// Whether `name` can stand without quotes.
    static func isName(_ name: Text) -> Bool {
        EntityUID.isTypeName(name) && !name.string.utf8.contains(UInt8(ascii: ":"))
    }
}
