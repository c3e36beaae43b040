// SPDX-License-Identifier: Apache-2.0

/// What may exist: entity types with their attributes, and actions with what they apply to; names resolved.
package struct Schema: Sendable {
    package struct EntityType: Hashable, Sendable {
        package let name: Text
        /// Types that an entity of this type may be directly in.
        package let parents: Set<Text>
        package let attributes: RecordType
        package let tags: SchemaType?
        /// The only ids that exist, for an enumerated type.
        package let ids: [Text]?
    }

    package struct Action: Hashable, Sendable {
        package let uid: EntityUID
        package let parents: [EntityUID]
        /// Empty for a group, which no request can name.
        package let principals: [Text]
        package let resources: [Text]
        package let context: RecordType
    }

    package let entityTypes: [Text: EntityType]
    package let actions: [EntityUID: Action]
    /// The actions with their groups, to be added to every store that is used with this schema.
    package let actionEntities: [Entity]
    /// The actions' hierarchy alone.
    let actionStore: EntityStore
    /// For each type the types that it may be in, directly or not.
    private let ancestors: [Text: Set<Text>]

    init(entityTypes: [Text: EntityType], actions: [EntityUID: Action]) throws(SyntaxError) {
        self.entityTypes = entityTypes
        self.actions = actions
        actionEntities = actions.values.sorted { $0.uid < $1.uid }
            .map { Entity($0.uid, parents: $0.parents) }
        do throws(EntityError) {
            actionStore = try EntityStore(actionEntities)
        } catch {
            throw SyntaxError(nil, "actions: \(error)")
        }
        var ancestors: [Text: Set<Text>] = [:]
        for name in entityTypes.keys {
            var seen: Set<Text> = []
            var next = [name]
            while let type = next.popLast() {
                for parent in entityTypes[type]?.parents ?? [] where seen.insert(parent).inserted {
                    next.append(parent)
                }
            }
            ancestors[name] = seen
        }
        self.ancestors = ancestors
    }

    /// Whether an entity of `type` can be in one of type `ancestor`.
    func canBeIn(_ type: Text, _ ancestor: Text) -> Bool {
        type == ancestor || ancestors[type]?.contains(ancestor) ?? false
    }

    /// The group actions, and the actions, that are `uid` or in it.
    func members(of uid: EntityUID) -> [Action] {
        actions.values.filter { actionStore.isIn($0.uid, uid) }
    }
}
