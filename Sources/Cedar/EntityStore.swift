// SPDX-License-Identifier: Apache-2.0

/// One entity: attributes, tags, and the entities that it is directly in.
package struct Entity: Hashable, Sendable {
    package let uid: EntityUID
    package let attributes: RecordValue
    package let tags: RecordValue
    package let parents: [EntityUID]

    package init(
        _ uid: EntityUID,
        attributes: RecordValue = .empty,
        tags: RecordValue = .empty,
        parents: [EntityUID] = []
    ) {
        self.uid = uid
        self.attributes = attributes
        self.tags = tags
        self.parents = parents
    }
}

package enum EntityError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The entity is its own ancestor.
    case cycle(EntityUID)
    /// The same uid twice, with different contents.
    case duplicate(EntityUID)
    /// An action in something that is no action.
    case actionParent(EntityUID)
    case tooManyAncestors(EntityUID)

    package var description: String {
        switch self {
        case .cycle(let uid): "\(uid) is its own ancestor"
        case .duplicate(let uid): "\(uid) stands twice, with different contents"
        case .actionParent(let uid): "a parent of the action \(uid) is no action"
        case .tooManyAncestors(let uid): "\(uid) has more than \(EntityStore.maximumAncestors) ancestors"
        }
    }
}

/// Entities with their hierarchy closed over at load, so that `in` is one look-up.
/// A store can carry a layer of a few more entities (a request's own) without copying the rest.
package struct EntityStore: Sendable {
    package static let maximumAncestors = 10_000

    final class Node: Sendable {
        let entity: Entity
        let ancestors: Ancestors

        init(_ entity: Entity, ancestors: Ancestors) {
            self.entity = entity
            self.ancestors = ancestors
        }
    }

    /// Distinct, in order of distance. Cost of a test: linear up to eight, one hash look-up beyond.
    struct Ancestors: Sendable {
        static let none = Ancestors([])

        let uids: [EntityUID]
        private let table: Set<EntityUID>?

        init(_ uids: [EntityUID]) {
            self.uids = uids
            table = uids.count > 8 ? Set(uids) : nil
        }

        func contains(_ uid: EntityUID) -> Bool {
            if let table { return table.contains(uid) }
            for ancestor in uids where ancestor == uid { return true }
            return false
        }
    }

    package static let empty = EntityStore()

    private let nodes: [EntityUID: Node]
    /// Looked at first, from the front.
    private var layer: [Node] = []

    private init() { nodes = [:] }

    /// Parents need no entry of their own.
    /// Cost: the sum of all entities' ancestors.
    package init(_ entities: [Entity]) throws(EntityError) {
        var table: [EntityUID: Entity] = [:]
        for entity in entities {
            if let other = table.updateValue(entity, forKey: entity.uid), !other.isSame(as: entity) {
                throw .duplicate(entity.uid)
            }
            if entity.uid.isAction, !entity.parents.allSatisfy(\.isAction) { throw .actionParent(entity.uid) }
        }
        var nodes: [EntityUID: Node] = [:]
        for (uid, entity) in table {
            let ancestors = try EntityStore.ancestors(of: entity) { table[$0]?.parents ?? [] }
            nodes[uid] = Node(entity, ancestors: ancestors)
        }
        self.nodes = nodes
    }

    /// The same store with `entities` on top; one of them hides an entity of the store with the same uid.
    /// Entities of the store must not have any of them for a parent: their hierarchy stays as it is.
    /// Cost: two allocations for each entity; the store itself is shared.
    package func adding(_ entities: [Entity]) throws(EntityError) -> EntityStore {
        var store = self
        for entity in entities {
            let ancestors = try EntityStore.ancestors(of: entity) { uid in
                entities.first { $0.uid == uid }?.parents ?? node(uid)?.entity.parents ?? []
            }
            store.layer.insert(Node(entity, ancestors: ancestors), at: 0)
        }
        return store
    }

    package subscript(uid: EntityUID) -> Entity? { node(uid)?.entity }

    /// Without those that the layer hides; in no order.
    package var entities: [Entity] {
        layer.map(\.entity) + nodes.values.filter { node in !isHidden(node.entity.uid) }.map(\.entity)
    }

    /// Whether `uid` is `ancestor` or in it. Unknown entities have no ancestors.
    package func isIn(_ uid: EntityUID, _ ancestor: EntityUID) -> Bool {
        uid == ancestor || node(uid)?.ancestors.contains(ancestor) ?? false
    }

    /// All entities that `uid` is in, without itself.
    package func ancestors(of uid: EntityUID) -> [EntityUID] { node(uid)?.ancestors.uids ?? [] }

    func node(_ uid: EntityUID) -> Node? {
        for node in layer where node.entity.uid == uid { return node }
        return nodes[uid]
    }

    private func isHidden(_ uid: EntityUID) -> Bool { layer.contains { $0.entity.uid == uid } }

    private static func ancestors(
        of entity: Entity,
        parents: (EntityUID) -> [EntityUID]
    ) throws(EntityError) -> Ancestors {
        if entity.parents.isEmpty { return .none }
        var seen: Set<EntityUID> = []
        var order: [EntityUID] = []
        var next = entity.parents
        while !next.isEmpty {
            var level: [EntityUID] = []
            for uid in next where seen.insert(uid).inserted {
                if uid == entity.uid { throw .cycle(uid) }
                guard order.count < maximumAncestors else { throw .tooManyAncestors(entity.uid) }
                order.append(uid)
                level += parents(uid)
            }
            next = level
        }
        return Ancestors(order)
    }
}

extension Entity {
    /// Whether both say the same; parents in any order.
    fileprivate func isSame(as other: Entity) -> Bool {
        uid == other.uid && attributes == other.attributes && tags == other.tags
            && Set(parents) == Set(other.parents)
    }
}
