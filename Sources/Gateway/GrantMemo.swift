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

    /// The objects whose identity a key has: alive, so that no others can have it.
    private struct Owners {
        let principal: Principal
        let route: Route
    }

    /// A power of two: some times as many as tokens that are in use at once, so that few take others' slots.
    private static let slots = 4096
    // Each for itself, so that a look-up counts the references of a grant alone.
    private var keys = [Key?](repeating: nil, count: slots)
    private var grants = [Grant?](repeating: nil, count: slots)
    private var owners = [Owners?](repeating: nil, count: slots)
    /// Only grows.
    private(set) var hits: UInt64 = 0

    /// A grant that needs no renewal yet, or nil. Cost: a few comparisons.
    mutating func find(_ principal: Principal, _ route: Route, _ operation: Int, now: WallTime) -> Grant? {
        let slot = Self.slot(principal, route, operation)
        guard keys[slot] == Key(principal, route, operation), let grant = grants[slot], now < grant.renewAt
        else { return nil }
        hits += 1
        return grant
    }

    mutating func note(_ grant: Grant, _ principal: Principal, _ route: Route, _ operation: Int) {
        let slot = Self.slot(principal, route, operation)
        keys[slot] = Key(principal, route, operation)
        grants[slot] = grant
        owners[slot] = Owners(principal: principal, route: route)
    }

    mutating func removeAll() {
        for slot in keys.indices where keys[slot] != nil {
            keys[slot] = nil
            grants[slot] = nil
            owners[slot] = nil
        }
    }

    /// A digest is random enough as it is; who takes another's slot costs him a look into the cache.
    private static func slot(_ principal: Principal, _ route: Route, _ operation: Int) -> Int {
        let random = Int(principal.digest.bytes[0]) | Int(principal.digest.bytes[1]) << 8
        return (random ^ route.place &* 31 ^ operation) & (slots - 1)
    }
}
