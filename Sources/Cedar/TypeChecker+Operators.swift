// SPDX-License-Identifier: Apache-2.0

extension TypeChecker {
    func binary(
        _ operation: BinaryOperator,
        _ left: Expression,
        _ right: Expression,
        _ whole: Expression,
        _ proofs: Proofs
    ) throws(TypeFailure) -> Result {
        switch operation {
        case .equal: return Result(type: try equality(left, right, whole, proofs))
        case .notEqual:
            switch try equality(left, right, whole, proofs) {
            case .true: return Result(type: .false)
            case .false: return Result(type: .true)
            case .bool, .long, .string, .decimal, .address, .datetime, .duration, .set, .record, .entity:
                return Result(type: .bool)
            }
        case .less, .lessOrEqual, .greater, .greaterOrEqual: return try comparison(left, right, proofs)
        case .plus, .minus, .times:
            try expect(left, .long, proofs)
            try expect(right, .long, proofs)
            return Result(type: .long)
        case .in: return Result(type: try membership(left, right, proofs))
        case .contains, .containsAll, .containsAny: return try containment(operation, left, right, proofs)
        case .hasTag, .getTag: return try tag(operation, left, right, whole, proofs)
        }
    }

    private func equality(
        _ left: Expression,
        _ right: Expression,
        _ whole: Expression,
        _ proofs: Proofs
    ) throws(TypeFailure) -> StaticType {
        let (first, second) = (try check(left, proofs).type, try check(right, proofs).type)
        if let left = literal(left), let right = literal(right) { return .known(left == right) }
        if case .entity(let left) = first, case .entity(let right) = second {
            return left == right ? .bool : .false
        }
        guard first.union(second) != nil else {
            throw failure(whole, "\(first.description) and \(second.description) are never equal")
        }
        return .bool
    }

    private func comparison(
        _ left: Expression,
        _ right: Expression,
        _ proofs: Proofs
    ) throws(TypeFailure) -> Result {
        let type = try check(left, proofs).type
        guard type == .long || type == .datetime || type == .duration else {
            throw failure(left, "expected Long, datetime or duration, found \(type.description)")
        }
        try expect(right, type, proofs)
        return Result(type: .bool)
    }

    private func containment(
        _ operation: BinaryOperator,
        _ left: Expression,
        _ right: Expression,
        _ proofs: Proofs
    ) throws(TypeFailure) -> Result {
        let (first, second) = (try check(left, proofs).type, try check(right, proofs).type)
        guard case .set(let element) = first else {
            throw failure(left, "expected a set, found \(first.description)")
        }
        let other = operation == .contains ? StaticType.set(second) : second
        guard case .set(let candidate) = other else {
            throw failure(right, "expected a set, found \(second.description)")
        }
        guard element.union(candidate) != nil else {
            throw failure(right, "a set of \(element.description) never has \(candidate.description)")
        }
        return Result(type: .bool)
    }

    /// `left in right`: for actions known exactly, for others by what types may be in what types.
    func membership(
        _ left: Expression,
        _ right: Expression,
        _ proofs: Proofs
    ) throws(TypeFailure) -> StaticType {
        let (first, second) = (try check(left, proofs).type, try check(right, proofs).type)
        guard case .entity(let type) = first else {
            throw failure(left, "expected an entity, found \(first.description)")
        }
        let ancestor: Text
        switch second {
        case .entity(let name), .set(.entity(let name)): ancestor = name
        case .bool, .true, .false, .long, .string, .decimal, .address, .datetime, .duration, .set, .record:
            throw failure(right, "expected an entity or a set of entities, found \(second.description)")
        }
        if case .entity(let uid) = literal(left), uid.isAction, let others = actions(right) {
            return .known(others.contains { schema.actionStore.isIn(uid, $0) })
        }
        return schema.canBeIn(type, ancestor) ? .bool : .false
    }

    /// The entities that stand here literally, alone or in a set.
    private func actions(_ expression: Expression) -> [EntityUID]? {
        if case .entity(let uid) = literal(expression) { return [uid] }
        guard case .set(let elements) = expression.kind else { return nil }
        var uids: [EntityUID] = []
        for element in elements {
            guard case .entity(let uid) = literal(element) else { return nil }
            uids.append(uid)
        }
        return uids
    }

    private func tag(
        _ operation: BinaryOperator,
        _ target: Expression,
        _ key: Expression,
        _ whole: Expression,
        _ proofs: Proofs
    ) throws(TypeFailure) -> Result {
        let type = try check(target, proofs).type
        guard case .entity(let name) = type else {
            throw failure(target, "expected an entity, found \(type.description)")
        }
        try expect(key, .string, proofs)
        let capability = Capability(target: target, key: .tag(key))
        let tags = schema.entityTypes[name]?.tags
        if operation == .hasTag {
            guard tags != nil else { return Result(type: .false) }
            return proofs.contains(capability)
                ? Result(type: .true) : Result(type: .bool, proofs: [capability])
        }
        guard let tags else { throw failure(whole, "entities of type `\(name)` have no tags") }
        guard proofs.contains(capability) else {
            throw failure(whole, "this tag may be missing: test with `hasTag` first")
        }
        return Result(type: StaticType(tags))
    }

    func has(
        _ target: Expression,
        _ path: [Text],
        _ whole: Expression,
        _ proofs: Proofs
    ) throws(TypeFailure) -> Result {
        guard path.count > 1 else { return try has(target, path[0], proofs) }
        return try check(hasChain(target, path, at: whole.offset), proofs)
    }

    private func has(_ target: Expression, _ name: Text, _ proofs: Proofs) throws(TypeFailure) -> Result {
        let type = try check(target, proofs).type
        let attributes = try self.attributes(of: type, target)
        guard let attribute = attributes[name] else { return Result(type: .false) }
        let capability = Capability(target: target, key: .attribute(name))
        if proofs.contains(capability) { return Result(type: .true) }
        // An entity of a right type may still not exist, so that even what is required is not known to be there.
        if case .record = type, attribute.isRequired { return Result(type: .true) }
        return Result(type: .bool, proofs: [capability])
    }

    func attribute(
        _ target: Expression,
        _ name: Text,
        _ whole: Expression,
        _ proofs: Proofs
    ) throws(TypeFailure) -> Result {
        let type = try check(target, proofs).type
        guard let attribute = try attributes(of: type, target)[name] else {
            throw failure(whole, "\(type.description) has no attribute `\(name)`")
        }
        guard
            attribute.isRequired
                || proofs.contains(Capability(target: target, key: .attribute(name)))
        else { throw failure(whole, "the attribute `\(name)` may be missing: test with `has` first") }
        return Result(type: attribute.type)
    }

    private func attributes(
        of type: StaticType,
        _ target: Expression
    ) throws(TypeFailure) -> [Text: StaticType.Attribute] {
        switch type {
        case .record(let attributes): return attributes
        case .entity(let name):
            guard let declared = schema.entityTypes[name] else { return [:] }
            guard case .record(let attributes) = StaticType(declared.attributes) else { return [:] }
            return attributes
        case .bool, .true, .false, .long, .string, .decimal, .address, .datetime, .duration, .set:
            throw failure(target, "expected a record or an entity, found \(type.description)")
        }
    }
}
