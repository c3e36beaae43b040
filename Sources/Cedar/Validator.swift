// SPDX-License-Identifier: Apache-2.0

/// What validation says of one policy.
package struct Finding: Hashable, Sendable, CustomStringConvertible {
    package enum Severity: String, Sendable {
        case error, warning
    }

    package let policy: PolicyID
    package let severity: Severity
    /// Nil where the policy came from JSON.
    package let location: SourceLocation?
    package let message: String

    package var description: String {
        "\(location.map { "\($0): " } ?? "")\(severity.rawValue): policy `\(policy)`: \(message)"
    }
}

/// Strict validation of policies against a schema. A policy without an error can fail at run time only by overflow,
/// by an entity that does not exist, or by entities and requests that were not validated.
package struct Validator: Sendable {
    let schema: Schema

    package init(_ schema: Schema) { self.schema = schema }

    /// Findings of all policies and templates, and of links whose values do not fit.
    /// - Parameter sources: the texts that the policies were read from, to tell line and column.
    package func validate(_ policies: PolicySet, sources: [Source] = []) -> [Finding] {
        var findings: [Finding] = []
        for policy in policies.policies + policies.templates { findings += validate(policy, sources) }
        for link in policies.links {
            guard let policy = policies.policy(link.id) else { continue }
            findings += validate(policy, sources)
        }
        return findings
    }

    package func validate(_ policy: Policy, _ sources: [Source] = []) -> [Finding] {
        func finding(_ severity: Finding.Severity, _ message: String, _ offset: Int32? = nil) -> Finding {
            var location = policy.location
            if let offset, offset > 0, let source = sources.first(where: { $0.name == location?.file }) {
                location = source.location(of: Int(offset))
            }
            return Finding(policy: policy.id, severity: severity, location: location, message: message)
        }
        var findings = unknownNames(in: policy).map { finding(.error, $0.message, $0.offset) }
        let environments = environments(of: policy)
        if environments.isEmpty {
            findings.append(
                finding(.error, "no action of the schema applies to such a principal and resource")
            )
            return findings
        }
        var isPossible = false
        for environment in environments {
            do throws(TypeFailure) {
                if try check(policy, environment) { isPossible = true }
            } catch {
                let found = finding(.error, error.message, error.offset)
                if !findings.contains(found) { findings.append(found) }
            }
        }
        if findings.isEmpty, !isPossible {
            findings.append(finding(.warning, "it can never apply: its conditions are always false"))
        }
        return findings
    }

    /// The environments of the schema that the policy's head does not exclude by type.
    func environments(of policy: Policy) -> [RequestEnvironment] {
        var environments: [RequestEnvironment] = []
        for action in schema.actions.values.sorted(by: { $0.uid < $1.uid })
        where fits(policy.action, action.uid) {
            for principal in action.principals where fits(policy.principal, principal) {
                for resource in action.resources where fits(policy.resource, resource) {
                    environments.append(
                        RequestEnvironment(
                            principal: principal,
                            action: action.uid,
                            resource: resource,
                            context: action.context
                        )
                    )
                }
            }
        }
        return environments
    }

    private func fits(_ constraint: ActionConstraint, _ uid: EntityUID) -> Bool {
        switch constraint {
        case .any: true
        case .equal(let other): uid == other
        case .in(let other): schema.actionStore.isIn(uid, other)
        case .inAny(let others): others.contains { schema.actionStore.isIn(uid, $0) }
        }
    }

    private func fits(_ constraint: ScopeConstraint, _ type: Text) -> Bool {
        switch constraint {
        case .any, .equal(.slot), .in(.slot): true
        case .equal(.entity(let uid)): uid.type == type
        case .in(.entity(let uid)): schema.canBeIn(type, uid.type)
        case .is(let name), .isIn(let name, .slot): name == type
        case .isIn(let name, .entity(let uid)): name == type && schema.canBeIn(type, uid.type)
        }
    }

    /// Whether the conditions can all hold, as far as types tell. What the head tests is not known to hold, but
    /// for the types that chose the environment.
    func check(_ policy: Policy, _ environment: RequestEnvironment) throws(TypeFailure) -> Bool {
        let checker = TypeChecker(schema: schema, environment: environment)
        var proofs: TypeChecker.Proofs = []
        for condition in policy.conditions {
            let result = try checker.check(condition.body, proofs)
            guard result.type.isBool else {
                throw TypeFailure(
                    offset: condition.body.offset,
                    message: "expected Bool, found \(result.type.description)"
                )
            }
            let isTrue = condition.kind == .when
            if result.type == .known(!isTrue) { return false }
            if isTrue { proofs.formUnion(result.proofs) }
        }
        return true
    }
}
