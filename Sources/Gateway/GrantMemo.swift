// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Identity
import Vending

/// The grants that were used last, found without hashing what their key covers: a small table before the cache.
///
/// An entry is good for the very objects that its grant was made for, which it keeps alive: the principal, and the
/// route, which belongs to one snapshot and names resource and adapter. Only grants come in whose policies read nothing
/// of the context, so nothing is left of what a grant's key covers (THREATS 8). Emptied whenever the worker adopts a
/// snapshot, so tenants' epochs are what they were when the grant was found (THREATS 9).
struct GrantMemo {
    private struct Key: Equatable {
        let principal: ObjectIdentifier
        let route: ObjectIdentifier
        let operation: Int

        init(_ principal: Principal, _ route: Route, _ operation: Int) {
            self.principal = ObjectIdentifier(principal)
            self.route = ObjectIdentifier(route)
            self.operation = operation
        }
    }

    /// With the objects whose identity the key has: alive, so that no others can have it.
    private struct Entry {
        let principal: Principal
        let route: Route
        let grant: Grant
    }

    /// A power of two.
    private static let slots = 1024
    /// Beside the entries, so that a comparison counts no references.
    private var keys = [Key?](repeating: nil, count: slots)
    private var entries = [Entry?](repeating: nil, count: slots)
    /// Only grows.
    private(set) var hits: UInt64 = 0

    /// A grant that needs no renewal yet, or nil. Cost: a few comparisons.
    mutating func find(_ principal: Principal, _ route: Route, _ operation: Int, now: WallTime) -> Grant? {
        let slot = Self.slot(principal, route, operation)
        guard keys[slot] == Key(principal, route, operation), let grant = entries[slot]?.grant,
            now < grant.renewAt
        else { return nil }
        hits += 1
        return grant
    }

    mutating func note(_ grant: Grant, _ principal: Principal, _ route: Route, _ operation: Int) {
        let slot = Self.slot(principal, route, operation)
        keys[slot] = Key(principal, route, operation)
        entries[slot] = Entry(principal: principal, route: route, grant: grant)
    }

    mutating func removeAll() {
        for slot in entries.indices {
            keys[slot] = nil
            entries[slot] = nil
        }
    }

    /// A digest is random enough as it is; who takes another's slot costs him a look into the cache.
    private static func slot(_ principal: Principal, _ route: Route, _ operation: Int) -> Int {
        let random = Int(principal.digest.bytes[0]) | Int(principal.digest.bytes[1]) << 8
        return (random ^ route.place &* 31 ^ operation) & (slots - 1)
    }
}
