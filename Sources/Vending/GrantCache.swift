// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Crypto

/// The TVM cache of one worker: grants by their key, bounded.
/// Cost: a hit is one lookup and a few comparisons, no allocation.
package struct GrantCache<Means> {
    /// What was done so far; each only grows.
    package struct Counters: Hashable, Sendable {
        package var hits: UInt64 = 0
        package var misses: UInt64 = 0
        /// Of the misses: there, and too old or of other epochs.
        package var stale: UInt64 = 0
        /// Not taken in, because they were void already.
        package var refused: UInt64 = 0

        package init() {}
    }

    package private(set) var counters = Counters()
    private var grants: DigestTable<Grant<Means>>

    package init(capacity: Int = 16384) { grants = DigestTable(capacity: capacity) }

    package var count: Int { grants.count }

    /// The grant of that key while it holds, or nil. One past its `renewAt` is still given: see there.
    /// - Parameter epochs: those in force now.
    package mutating func find(_ key: GrantKey, epochs: GrantEpochs, now: WallTime) -> Grant<Means>? {
        guard let slot = grants.find(key.digest) else {
            counters.misses += 1
            return nil
        }
        let grant = grants[slot]
        guard grant.epochs == epochs, now < grant.expiry else {
            grants.remove(slot)
            counters.misses += 1
            counters.stale += 1
            return nil
        }
        counters.hits += 1
        return grant
    }

    /// Takes in a grant, in the place of an older one of that key.
    /// - Parameter epochs: those in force now, not when the grant was asked for: what was in flight during a purge
    ///   must not come back to life.
    /// - Returns: false when the grant is void already. It must not be used then, not even once.
    package mutating func insert(_ key: GrantKey, _ grant: Grant<Means>, epochs: GrantEpochs, now: WallTime)
        -> Bool
    {
        guard grant.epochs == epochs, now < grant.expiry else {
            counters.refused += 1
            return false
        }
        grants.insert(key.digest, grant)
        return true
    }

    /// Forgets all: another configuration is in force.
    package mutating func removeAll() { grants.removeAll { _ in true } }

    /// Forgets a tenant's grants.
    package mutating func purge(tenant: String) { grants.removeAll { $0.tenant == tenant } }
}
