// SPDX-License-Identifier: Apache-2.0

/// What a person who answers for the policies wants to know beyond validation.
extension Validator {
    /// Findings of `validate`, and warnings about: a policy that can never apply; a permit that one forbid always
    /// overrides; a permit that may let one tenant at what is another's.
    ///
    /// A permit counts as kept within a tenant if its head names one (an entity whose type ends in `Tenant`), or if
    /// its conditions, or those of a forbid whose head covers it, compare something of the principal with something of
    /// the resource, `tenant` among them.
    package func review(_ policies: PolicySet, sources: [Source] = []) -> [Finding] {
        var findings = validate(policies, sources: sources)
        let all = policies.effective + policies.templates
        let forbids = all.filter { $0.effect == .forbid }
        for permit in all where permit.effect == .permit {
            func warn(_ message: String) {
                findings.append(
                    Finding(
                        policy: permit.id,
                        severity: .warning,
                        location: permit.location,
                        message: message
                    )
                )
            }
            let covering = forbids.filter { covers($0, permit) }
            if let forbid = covering.first(where: { Set(permit.conditions).isSuperset(of: $0.conditions) }) {
                warn("the forbid `\(forbid.id)` always overrides it")
            }
            let isKept =
                permit.namesTenant || permit.comparesTenants || covering.contains(where: \.comparesTenants)
            if !isKept {
                warn("it may cross tenants: nothing compares the principal's tenant with the resource's")
            }
        }
        return findings
    }

    /// Whether the head of `wide` fits every request that the head of `narrow` fits.
    private func covers(_ wide: Policy, _ narrow: Policy) -> Bool {
        covers(wide.principal, narrow.principal) && covers(wide.resource, narrow.resource)
            && covers(wide.action, narrow.action)
    }

    private func covers(_ wide: ScopeConstraint, _ narrow: ScopeConstraint) -> Bool {
        if wide == narrow { return !wide.hasSlot }
        switch (wide, narrow) {
        case (.any, _): return true
        case (.is(let type), .equal(.entity(let uid))): return uid.type == type
        case (.is(let type), .isIn(let other, _)): return type == other
        case (.in(let group), .equal(let member)), (.in(let group), .isIn(_, let member)):
            return group == member && group != .slot
        case (.equal, _), (.is, _), (.in, _), (.isIn, _): return false
        }
    }

    private func covers(_ wide: ActionConstraint, _ narrow: ActionConstraint) -> Bool {
        func members(_ constraint: ActionConstraint) -> [EntityUID] {
            switch constraint {
            case .any: Array(schema.actions.keys)
            case .equal(let uid): [uid]
            case .in(let uid): schema.members(of: uid).map(\.uid)
            case .inAny(let uids): uids.flatMap { schema.members(of: $0).map(\.uid) }
            }
        }
        return wide == .any || Set(members(wide)).isSuperset(of: members(narrow))
    }
}

extension Policy {
    fileprivate var namesTenant: Bool {
        [principal, resource].contains { constraint in
            guard case .entity(let uid) = constraint.reference else { return false }
            return uid.type == "Tenant" || uid.type.string.utf8.hasSuffix("::Tenant")
        }
    }

    fileprivate var comparesTenants: Bool {
        var found = false
        for condition in conditions {
            condition.body.forEach { expression in
                switch expression.kind {
                case .binary(let operation, let left, let right):
                    switch operation {
                    case .equal, .notEqual, .in, .contains, .containsAll, .containsAny:
                        let sides = [left, right]
                        if sides.contains(where: \.readsTenant), Set(sides.compactMap(\.root)).count == 2 {
                            found = true
                        }
                    case .less, .lessOrEqual, .greater, .greaterOrEqual, .plus, .minus, .times, .hasTag,
                        .getTag:
                        break
                    }
                case .literal, .variable, .slot, .conditional, .and, .or, .unary, .attribute, .has, .like,
                    .is,
                    .call, .set, .record:
                    break
                }
            }
        }
        return found
    }
}

extension Expression {
    /// `principal` or `resource`, where this is one of them or reached from it.
    fileprivate var root: Variable? {
        switch kind {
        case .variable(.principal): .principal
        case .variable(.resource): .resource
        case .attribute(let target, _), .binary(.getTag, let target, _): target.root
        case .literal, .variable, .slot, .conditional, .and, .or, .unary, .binary, .has, .like, .is, .call,
            .set,
            .record:
            nil
        }
    }

    fileprivate var readsTenant: Bool {
        switch kind {
        case .attribute(let target, let name): name == "tenant" || name == "tenants" || target.readsTenant
        case .binary(.getTag, let target, let key):
            key.kind == .literal(.string("tenant")) || target.readsTenant
        case .literal, .variable, .slot, .conditional, .and, .or, .unary, .binary, .has, .like, .is, .call,
            .set,
            .record:
            false
        }
    }
}
