// SPDX-License-Identifier: Apache-2.0

/// Finds the policies whose scope can match a request. Each policy stands under the one of its constraints that
/// the fewest policies share, so that a set where most policies name a tenant, on either side, stays fast.
struct ScopeIndex: Sendable {
    /// One constraint of a head, as a key.
    private enum Key: Hashable {
        case principal(EntityUID), resource(EntityUID), action(EntityUID)
        case principalType(Text), resourceType(Text)
    }

    private var byPrincipal: [EntityUID: [Int32]] = [:]
    private var byResource: [EntityUID: [Int32]] = [:]
    private var byAction: [EntityUID: [Entry]] = [:]
    private var byPrincipalType: [Text: [Int32]] = [:]
    private var byResourceType: [Text: [Int32]] = [:]
    private var rest: [Int32] = []

    /// A policy that stands under several actions is a candidate once: under the first that the request's
    /// action is in.
    private struct Entry: Sendable {
        let policy: Int32
        let earlier: [EntityUID]
    }

    init(_ policies: [Authorizer.Compiled]) {
        var counts: [Key: Int] = [:]
        for policy in policies {
            for choice in ScopeIndex.choices(policy) {
                for key in choice { counts[key, default: 0] += 1 }
            }
        }
        for (position, policy) in policies.enumerated() {
            // A list of actions costs as much as all its members' policies together.
            let best = ScopeIndex.choices(policy).min { left, right in
                ScopeIndex.cost(left, counts) < ScopeIndex.cost(right, counts)
            }
            insert(Int32(position), under: best)
        }
    }

    private static func cost(_ choice: [Key], _ counts: [Key: Int]) -> Int {
        choice.reduce(0) { $0 + (counts[$1] ?? 0) }
    }

    /// The sets of keys under which a policy may be filed; it never matches without one of them.
    private static func choices(_ policy: Authorizer.Compiled) -> [[Key]] {
        var choices: [[Key]] = []
        switch policy.principal {
        case .equal(.entity(let uid)), .in(.entity(let uid)), .isIn(_, .entity(let uid)):
            choices.append([.principal(uid)])
        case .is(let type): choices.append([.principalType(type)])
        case .any, .equal(.slot), .in(.slot), .isIn(_, .slot): break
        }
        switch policy.resource {
        case .equal(.entity(let uid)), .in(.entity(let uid)), .isIn(_, .entity(let uid)):
            choices.append([.resource(uid)])
        case .is(let type): choices.append([.resourceType(type)])
        case .any, .equal(.slot), .in(.slot), .isIn(_, .slot): break
        }
        if policy.action != .any { choices.append(policy.action.entities.map { .action($0) }) }
        return choices
    }

    private mutating func insert(_ position: Int32, under choice: [Key]?) {
        guard let choice else {
            rest.append(position)
            return
        }
        var earlier: [EntityUID] = []
        for key in choice {
            switch key {
            case .principal(let uid): byPrincipal[uid, default: []].append(position)
            case .resource(let uid): byResource[uid, default: []].append(position)
            case .principalType(let type): byPrincipalType[type, default: []].append(position)
            case .resourceType(let type): byResourceType[type, default: []].append(position)
            case .action(let uid):
                if earlier.contains(uid) { continue }
                byAction[uid, default: []].append(Entry(policy: position, earlier: earlier))
                earlier.append(uid)
            }
        }
    }

    /// Calls `body` once for each policy that is not excluded by the key it is filed under.
    func forEachCandidate(_ request: AccessRequest, _ entities: EntityStore, _ body: (Int32) -> Void) {
        visit(byPrincipal, request.principal, entities, body)
        visit(byResource, request.resource, entities, body)
        if !byPrincipalType.isEmpty { byPrincipalType[request.principal.type]?.forEach(body) }
        if !byResourceType.isEmpty { byResourceType[request.resource.type]?.forEach(body) }
        if !byAction.isEmpty {
            visit(byAction[request.action], request.action, entities, body)
            if let node = entities.node(request.action) {
                for uid in node.ancestors.uids { visit(byAction[uid], request.action, entities, body) }
            }
        }
        rest.forEach(body)
    }

    private func visit(
        _ table: [EntityUID: [Int32]],
        _ uid: EntityUID,
        _ entities: EntityStore,
        _ body: (Int32) -> Void
    ) {
        if table.isEmpty { return }
        table[uid]?.forEach(body)
        guard let node = entities.node(uid) else { return }
        for ancestor in node.ancestors.uids { table[ancestor]?.forEach(body) }
    }

    private func visit(
        _ entries: [Entry]?,
        _ action: EntityUID,
        _ entities: EntityStore,
        _ body: (Int32) -> Void
    ) {
        guard let entries else { return }
        for entry in entries where !entry.earlier.contains(where: { entities.isIn(action, $0) }) {
            body(entry.policy)
        }
    }
}
