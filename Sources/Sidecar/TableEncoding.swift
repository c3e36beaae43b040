// SPDX-License-Identifier: Apache-2.0
import Configuration
import Crypto
import JSON

/// What of an adapter's table decides under which keys data lie in a store: the rewrites, and every place that names
/// one. Operations may come and go without it; a place that is rewritten in another way finds none of the old data.
struct TableEncoding: Sendable {
    private var rewrites: Set<String> = []
    /// Every text of the table by its place. Members of lists that have a name stand under it, so that the order does
    /// not count.
    private var places: [String: String] = [:]

    init(_ table: JSONValue) {
        if case .object(let members) = table, case .object(let named)? = members["rewrites"] {
            rewrites = Set(named.members.map(\.name))
        }
        collect(table, at: "")
    }

    private mutating func collect(_ value: JSONValue, at place: String) {
        switch value {
        case .null: break
        case .bool(let flag): places[place] = flag ? "true" : "false"
        case .integer(let number): places[place] = "\(number)"
        case .number(let text), .string(let text): places[place] = text
        case .array(let elements):
            for (index, element) in elements.enumerated() {
                collect(element, at: "\(place)/\(Self.name(of: element) ?? "\(index)")")
            }
        case .object(let members):
            for member in members.members { collect(member.value, at: "\(place)/\(member.name)") }
        }
    }

    private static func name(of value: JSONValue) -> String? {
        guard case .object(let members) = value, case .string(let name)? = members["name"] else { return nil }
        return name
    }

    /// Whether something that both have is rewritten in another way.
    func rekeys(_ old: TableEncoding) -> Bool {
        for (place, before) in old.places {
            guard let now = places[place], now != before else { continue }
            if place.hasPrefix("/rewrites/") || old.rewrites.contains(before) || rewrites.contains(now) {
                return true
            }
        }
        return false
    }
}

/// Everything that decides under which keys a route's data lie. Another one finds none of them, so a reload with
/// another is refused unless `migrate` names the route (THREATS 10, 27).
struct RouteEncoding: Sendable {
    let scope: Configuration.Scope
    let adapter: String
    let table: TableEncoding?
    /// Ids leave sealed under it, and agents keep them; nil where none do.
    let idKey: Secret?
    /// By DynamoDB table, the attributes whose values begin with a compartment.
    let attributes: [String: Set<String>]

    /// What differs, in words; nil where nothing does.
    func difference(from old: RouteEncoding) -> String? {
        if scope != old.scope {
            return "its namespace.scope was \(old.scope.rawValue) and is now \(scope.rawValue)"
        }
        if adapter != old.adapter { return "its adapter was \(old.adapter) and is now \(adapter)" }
        if let table, let before = old.table, table.rekeys(before) {
            return "the table of adapter \(adapter) rewrites keys in another way"
        }
        if let idKey, let before = old.idKey, idKey != before {
            return "keys.current is another one, and ids that are sealed with it would all change"
        }
        for (name, now) in attributes.sorted(by: { $0.key < $1.key }) {
            guard let before = old.attributes[name], before != now else { continue }
            return
                "partition keys of table \(name) were \(Self.list(before)) and are now \(Self.list(now)), whose values would differ"
        }
        return nil
    }

    private static func list(_ names: Set<String>) -> String { names.sorted().joined(separator: ", ") }
}
