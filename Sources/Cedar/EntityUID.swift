// SPDX-License-Identifier: Apache-2.0

/// The name of an entity: a type (`Shop::User`, no spaces) and an id.
/// Cost: one allocation when made; copies and hashes are cheap, since the hash is kept.
package struct EntityUID: Sendable {
    private final class Storage: Sendable {
        let type: Text
        let id: Text
        let hash: Int

        init(type: Text, id: Text) {
            self.type = type
            self.id = id
            var hasher = Hasher()
            hasher.combine(type)
            hasher.combine(id)
            hash = hasher.finalize()
        }
    }

    private let storage: Storage

    /// `type` must be a normalised path; `EntityUID(parsing:)` checks text that was written by people.
    package init(type: Text, id: Text) { storage = Storage(type: type, id: id) }

    package var type: Text { storage.type }
    package var id: Text { storage.id }
}

extension EntityUID: Hashable {
    package static func == (left: EntityUID, right: EntityUID) -> Bool {
        if left.storage === right.storage { return true }
        return left.storage.hash == right.storage.hash && left.storage.id == right.storage.id
            && left.storage.type == right.storage.type
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(storage.hash) }
}

extension EntityUID: Comparable, CustomStringConvertible {
    package static func < (left: EntityUID, right: EntityUID) -> Bool {
        left.type == right.type ? left.id < right.id : left.type < right.type
    }

    /// As written in a policy: `Shop::User::"alice"`.
    package var description: String { type.string + "::" + Escape.quoted(id.string) }

    /// Whether the last component of the type is `Action`, as an action's must be.
    var isAction: Bool { type == "Action" || type.string.utf8.hasSuffix("::Action") }
}

extension Substring.UTF8View {
    func hasSuffix(_ suffix: String) -> Bool { self.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) }
}

extension String.UTF8View {
    func hasSuffix(_ suffix: String) -> Bool { self[...].hasSuffix(suffix) }
}
