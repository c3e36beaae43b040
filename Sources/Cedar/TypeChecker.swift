// SPDX-License-Identifier: Apache-2.0

/// Types one expression in one request environment, strictly. Source: Cedar's formal model, Validation.
struct TypeChecker {
    typealias Proofs = Set<Capability>

    struct Result {
        let type: StaticType
        /// What holds where the expression is true.
        var proofs: Proofs = []
    }

    let schema: Schema
    let environment: RequestEnvironment

    func check(_ expression: Expression, _ proofs: Proofs) throws(TypeFailure) -> Result {
        switch expression.kind {
        case .literal(let value): return Result(type: try literal(value, expression))
        case .variable(let variable): return Result(type: type(of: variable))
        case .slot: throw failure(expression, "a slot cannot stand in a condition")
        case .conditional(let condition, let first, let second):
            return try conditional(condition, first, second, expression, proofs)
        case .and(let left, let right): return try conjunction(left, right, proofs)
        case .or(let left, let right): return try disjunction(left, right, proofs)
        case .unary(let operation, let operand): return try unary(operation, operand, proofs)
        case .binary(let operation, let left, let right):
            return try binary(operation, left, right, expression, proofs)
        case .attribute(let target, let name): return try attribute(target, name, expression, proofs)
        case .has(let target, let path): return try has(target, path, expression, proofs)
        case .like(let target, _):
            try expect(target, .string, proofs)
            return Result(type: .bool)
        case .is(let target, let type, let ancestor):
            let test = try isType(target, type, proofs)
            guard let ancestor, test.type != .false else { return test }
            let membership = Expression(.binary(.in, target, ancestor), at: expression.offset)
            return try conjunction(Expression(.is(target, type: type, in: nil)), membership, proofs)
        case .call(let function, let arguments): return try call(function, arguments, expression, proofs)
        case .set(let elements): return try set(elements, expression, proofs)
        case .record(let members):
            var attributes: [Text: StaticType.Attribute] = [:]
            for member in members {
                let type = try check(member.value, proofs).type
                attributes[member.name] = StaticType.Attribute(type: type, isRequired: true)
            }
            return Result(type: .record(attributes))
        }
    }

    func failure(_ expression: Expression, _ message: String) -> TypeFailure {
        TypeFailure(offset: expression.offset, message: message)
    }

    @discardableResult
    func expect(
        _ expression: Expression,
        _ type: StaticType,
        _ proofs: Proofs
    ) throws(TypeFailure) -> StaticType {
        let found = try check(expression, proofs).type
        guard found == type || (type == .bool && found.isBool) else {
            throw failure(expression, "expected \(type.description), found \(found.description)")
        }
        return found
    }

    /// The literal that stands here, the request's action included.
    func literal(_ expression: Expression) -> Value? {
        switch expression.kind {
        case .literal(let value): value
        case .variable(.action): .entity(environment.action)
        case .variable, .slot, .conditional, .and, .or, .unary, .binary, .attribute, .has, .like, .is, .call,
            .set, .record:
            nil
        }
    }

    private func literal(_ value: Value, _ expression: Expression) throws(TypeFailure) -> StaticType {
        switch value {
        case .bool(let value): return .known(value)
        case .long: return .long
        case .string: return .string
        case .entity(let uid):
            if let problem = schema.problem(with: uid) { throw failure(expression, problem) }
            return .entity(uid.type)
        // Only folding makes these, and what is validated has not been folded.
        case .set, .record, .decimal, .address, .datetime, .duration:
            throw failure(expression, "not a literal of the language")
        }
    }

    private func type(of variable: Variable) -> StaticType {
        switch variable {
        case .principal: .entity(environment.principal)
        case .action: .entity(environment.action.type)
        case .resource: .entity(environment.resource)
        case .context: StaticType(environment.context)
        }
    }

    private func conditional(
        _ condition: Expression,
        _ first: Expression,
        _ second: Expression,
        _ whole: Expression,
        _ proofs: Proofs
    ) throws(TypeFailure) -> Result {
        let test = try check(condition, proofs)
        switch test.type {
        case .true:
            let then = try check(first, proofs.union(test.proofs))
            return Result(type: then.type, proofs: test.proofs.union(then.proofs))
        case .false: return try check(second, proofs)
        case .bool:
            let then = try check(first, proofs.union(test.proofs))
            let otherwise = try check(second, proofs)
            guard let type = then.type.union(otherwise.type) else {
                throw failure(
                    whole,
                    "the branches are \(then.type.description) and \(otherwise.type.description)"
                )
            }
            let proven = test.proofs.union(then.proofs).intersection(otherwise.proofs)
            return Result(type: type, proofs: proven)
        case .long, .string, .decimal, .address, .datetime, .duration, .set, .record, .entity:
            throw failure(condition, "expected Bool, found \(test.type.description)")
        }
    }

    func conjunction(_ left: Expression, _ right: Expression, _ proofs: Proofs) throws(TypeFailure) -> Result
    {
        let first = try check(left, proofs)
        try requireBool(first.type, left)
        if first.type == .false { return Result(type: .false) }
        let second = try check(right, proofs.union(first.proofs))
        try requireBool(second.type, right)
        if second.type == .false { return Result(type: .false) }
        let type: StaticType = first.type == .true && second.type == .true ? .true : .bool
        return Result(type: type, proofs: first.proofs.union(second.proofs))
    }

    private func disjunction(
        _ left: Expression,
        _ right: Expression,
        _ proofs: Proofs
    ) throws(TypeFailure) -> Result {
        let first = try check(left, proofs)
        try requireBool(first.type, left)
        if first.type == .true { return Result(type: .true, proofs: first.proofs) }
        let second = try check(right, proofs)
        try requireBool(second.type, right)
        if first.type == .false { return second }
        if second.type == .true { return second }
        if second.type == .false { return first }
        return Result(type: .bool, proofs: first.proofs.intersection(second.proofs))
    }

    private func requireBool(_ type: StaticType, _ expression: Expression) throws(TypeFailure) {
        guard type.isBool else { throw failure(expression, "expected Bool, found \(type.description)") }
    }

    private func unary(
        _ operation: UnaryOperator,
        _ operand: Expression,
        _ proofs: Proofs
    ) throws(TypeFailure) -> Result {
        switch operation {
        case .not:
            switch try expect(operand, .bool, proofs) {
            case .true: return Result(type: .false)
            case .false: return Result(type: .true)
            case .bool, .long, .string, .decimal, .address, .datetime, .duration, .set, .record, .entity:
                return Result(type: .bool)
            }
        case .negate:
            try expect(operand, .long, proofs)
            return Result(type: .long)
        case .isEmpty:
            let type = try check(operand, proofs).type
            guard case .set = type else {
                throw failure(operand, "expected a set, found \(type.description)")
            }
            return Result(type: .bool)
        }
    }

    private func isType(
        _ target: Expression,
        _ type: Text,
        _ proofs: Proofs
    ) throws(TypeFailure) -> Result {
        let found = try check(target, proofs).type
        guard case .entity(let name) = found else {
            throw failure(target, "expected an entity, found \(found.description)")
        }
        return Result(type: .known(name == type))
    }

    private func set(
        _ elements: [Expression],
        _ whole: Expression,
        _ proofs: Proofs
    ) throws(TypeFailure) -> Result {
        var union: StaticType?
        for element in elements {
            let type = try check(element, proofs).type
            guard let before = union else {
                union = type
                continue
            }
            guard let next = before.union(type) else {
                throw failure(element, "the set holds \(before.description) and \(type.description)")
            }
            union = next
        }
        guard let union else { throw failure(whole, "the type of an empty set is unknown") }
        return Result(type: .set(union))
    }

    private func call(
        _ function: ExtensionFunction,
        _ arguments: [Expression],
        _ whole: Expression,
        _ proofs: Proofs
    ) throws(TypeFailure) -> Result {
        guard arguments.count == function.argumentCount else {
            throw failure(whole, "`\(function.name)` takes \(function.argumentCount) argument(s)")
        }
        for (argument, type) in zip(arguments, function.parameterTypes) { try expect(argument, type, proofs) }
        if function.isConstructor {
            guard case .literal(let value) = arguments[0].kind else {
                throw failure(arguments[0], "`\(function.name)` needs a literal here")
            }
            do throws(EvaluationError) { _ = try function.apply(value) } catch {
                throw failure(arguments[0], error.description)
            }
        }
        return Result(type: function.resultType)
    }
}

extension ExtensionFunction {
    var parameterTypes: [StaticType] {
        switch self {
        case .decimal, .ip, .datetime, .duration: [.string]
        case .lessThan, .lessThanOrEqual, .greaterThan, .greaterThanOrEqual: [.decimal, .decimal]
        case .isIpv4, .isIpv6, .isLoopback, .isMulticast: [.address]
        case .isInRange: [.address, .address]
        case .offset: [.datetime, .duration]
        case .durationSince: [.datetime, .datetime]
        case .toDate, .toTime: [.datetime]
        case .toMilliseconds, .toSeconds, .toMinutes, .toHours, .toDays: [.duration]
        }
    }

    var resultType: StaticType {
        switch self {
        case .decimal: .decimal
        case .ip: .address
        case .datetime, .offset, .toDate: .datetime
        case .duration, .durationSince, .toTime: .duration
        case .lessThan, .lessThanOrEqual, .greaterThan, .greaterThanOrEqual: .bool
        case .isIpv4, .isIpv6, .isLoopback, .isMulticast, .isInRange: .bool
        case .toMilliseconds, .toSeconds, .toMinutes, .toHours, .toDays: .long
        }
    }
}
