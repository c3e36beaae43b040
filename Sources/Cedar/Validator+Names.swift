// SPDX-License-Identifier: Apache-2.0

extension Schema {
    /// Why `uid` cannot exist, or nil.
    func problem(with uid: EntityUID) -> String? {
        if uid.isAction { return actions[uid] == nil ? "there is no action \(uid)" : nil }
        guard let type = entityTypes[uid.type] else { return "there is no entity type `\(uid.type)`" }
        if let ids = type.ids, !ids.contains(uid.id) {
            return "\(uid) is none of the declared entities of `\(uid.type)`"
        }
        return nil
    }

    /// Why there can be no entity of this type, or nil.
    func problem(withType name: Text) -> String? {
        if entityTypes[name] != nil || actions.keys.contains(where: { $0.type == name }) { return nil }
        return "there is no entity type `\(name)`"
    }
}

extension Validator {
    /// Entities and types anywhere in the policy that the schema does not know, in dead branches too.
    func unknownNames(in policy: Policy) -> [TypeFailure] {
        var failures: [TypeFailure] = []
        func note(_ problem: String?, _ offset: Int32 = 0) {
            if let problem { failures.append(TypeFailure(offset: offset, message: problem)) }
        }
        for constraint in [policy.principal, policy.resource] {
            switch constraint {
            case .is(let type), .isIn(let type, _): note(schema.problem(withType: type))
            case .any, .equal, .in: break
            }
            if case .entity(let uid) = constraint.reference { note(schema.problem(with: uid)) }
        }
        for uid in policy.action.entities { note(schema.problem(with: uid)) }
        for condition in policy.conditions {
            condition.body.forEach { expression in
                switch expression.kind {
                case .literal(.entity(let uid)): note(schema.problem(with: uid), expression.offset)
                case .is(_, let type, _): note(schema.problem(withType: type), expression.offset)
                case .literal, .variable, .slot, .conditional, .and, .or, .unary, .binary, .attribute, .has,
                    .like, .call, .set, .record:
                    break
                }
            }
        }
        return failures
    }
}

extension Expression {
    /// Calls `body` for this expression and all within it, outermost first.
    func forEach(_ body: (Expression) -> Void) {
        body(self)
        for child in children { child.forEach(body) }
    }

    var children: [Expression] {
        switch kind {
        case .literal, .variable, .slot: []
        case .conditional(let condition, let first, let second): [condition, first, second]
        case .and(let left, let right), .or(let left, let right), .binary(_, let left, let right):
            [left, right]
        case .unary(_, let operand), .attribute(let operand, _), .has(let operand, _), .like(let operand, _):
            [operand]
        case .is(let target, _, let ancestor): ancestor.map { [target, $0] } ?? [target]
        case .call(_, let arguments): arguments
        case .set(let elements): elements
        case .record(let members): members.map(\.value)
        }
    }
}
