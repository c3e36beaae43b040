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
}
