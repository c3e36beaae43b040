// SPDX-License-Identifier: Apache-2.0

/// Who wants to do what with which, under which circumstances.
package struct AccessRequest: Hashable, Sendable {
    package var principal: EntityUID
    package var action: EntityUID
    package var resource: EntityUID
    package var context: RecordValue

    package init(
        principal: EntityUID,
        action: EntityUID,
        resource: EntityUID,
        context: RecordValue = .empty
    ) {
        self.principal = principal
        self.action = action
        self.resource = resource
        self.context = context
    }

    /// For folding constants, which look at no variable.
    static let none: AccessRequest = {
        let nobody = EntityUID(type: "", id: "")
        return AccessRequest(principal: nobody, action: nobody, resource: nobody)
    }()
}

/// What the policies say. Results are sets; their order has no meaning.
package struct Decision: Sendable {
    package struct Failure: Hashable, Sendable {
        package let policy: PolicyID
        package let error: EvaluationError
    }

    /// Permits and forbids that are satisfied.
    package fileprivate(set) var permits: [PolicyID] = []
    package fileprivate(set) var forbids: [PolicyID] = []
    /// Policies that could not be evaluated, whatever the decision; they count as absent.
    package fileprivate(set) var errors: [Failure] = []

    package init() {}

    package var allowed: Bool { forbids.isEmpty && !permits.isEmpty }

    /// The policies that decided: all satisfied forbids, else all satisfied permits; none for the default deny.
    package var reasons: [PolicyID] { forbids.isEmpty ? permits : forbids }
}

/// A policy set compiled and indexed by scope; immutable, shared by all threads. Make it once per policy set.
package final class Authorizer: Sendable {
    // A class, so that looking at one policy retains one object and not each of its parts.
    final class Compiled: Sendable {
        let id: PolicyID
        let effect: Effect
        let principal: ScopeConstraint
        let action: ActionConstraint
        let resource: ScopeConstraint
        let root: Int32?

        init(_ policy: Policy, root: Int32?) {
            id = policy.id
            effect = policy.effect
            principal = policy.principal
            action = policy.action
            resource = policy.resource
            self.root = root
        }
    }

    package let policySet: PolicySet
    let compiled: [Compiled]
    let program: Program
    private let index: ScopeIndex

    package init(_ policySet: PolicySet) {
        self.policySet = policySet
        var program = Program()
        compiled = policySet.effective.map { policy in
            Compiled(policy, root: program.compile(policy))
        }
        self.program = program
        index = ScopeIndex(compiled)
    }

    package func authorize(_ request: AccessRequest, _ entities: EntityStore) -> Decision {
        var decision = Decision()
        authorize(request, entities, into: &decision)
        return decision
    }

    /// Replaces what stands in `decision`. Cost: follows the policies whose scope can match, not those that
    /// exist; no allocation while the lists of `decision` have room, but for what `Evaluator` names.
    package func authorize(
        _ request: AccessRequest,
        _ entities: EntityStore,
        into decision: inout Decision
    ) {
        decision.permits.removeAll(keepingCapacity: true)
        decision.forbids.removeAll(keepingCapacity: true)
        decision.errors.removeAll(keepingCapacity: true)
        let evaluator = Evaluator(program: program, request: request, entities: entities)
        forEachMatch(request, entities) { policy in
            do throws(EvaluationError) {
                if let root = policy.root, try !evaluator.test(root) { return }
                switch policy.effect {
                case .permit: decision.permits.append(policy.id)
                case .forbid: decision.forbids.append(policy.id)
                }
            } catch {
                decision.errors.append(Decision.Failure(policy: policy.id, error: error))
            }
        }
    }

    /// Calls `body` for each policy whose head fits.
    func forEachMatch(_ request: AccessRequest, _ entities: EntityStore, _ body: (Compiled) -> Void) {
        index.forEachCandidate(request, entities) { position in
            let policy = compiled[Int(position)]
            if matches(policy, request, entities) { body(policy) }
        }
    }

    func matches(_ policy: Compiled, _ request: AccessRequest, _ entities: EntityStore) -> Bool {
        matches(policy.action, request.action, entities)
            && matches(policy.resource, request.resource, entities)
            && matches(policy.principal, request.principal, entities)
    }

    private func matches(_ constraint: ScopeConstraint, _ uid: EntityUID, _ entities: EntityStore) -> Bool {
        switch constraint {
        case .any: true
        case .equal(.entity(let other)): uid == other
        case .in(.entity(let other)): entities.isIn(uid, other)
        case .is(let type): uid.type == type
        case .isIn(let type, .entity(let other)): uid.type == type && entities.isIn(uid, other)
        case .equal(.slot), .in(.slot), .isIn(_, .slot): false
        }
    }

    func matches(_ constraint: ActionConstraint, _ uid: EntityUID, _ entities: EntityStore) -> Bool {
        switch constraint {
        case .any: return true
        case .equal(let other): return uid == other
        case .in(let other): return entities.isIn(uid, other)
        case .inAny(let others):
            for other in others where entities.isIn(uid, other) { return true }
            return false
        }
    }
}
