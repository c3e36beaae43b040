// SPDX-License-Identifier: Apache-2.0

/// Everything that decides who somebody is, at one moment. Immutable, shared by all workers.
///
/// The control thread makes each snapshot out of the one before, so their serial numbers are unique, and an
/// entry of a cache that was checked against a snapshot needs no second check against the same one.
package final class IdentitySnapshot: Sendable {
    package enum Problem: Error, Equatable {
        /// `mode: claims` believes whatever its issuer says, so there must be one only (THREATS 5).
        case claimsModeNeedsOneIssuer
        /// The key ring was made for another table of issuers.
        case keysOfAnotherTable
    }

    /// Of the whole configuration; issuers of another generation make every cached entry void.
    package let generation: UInt64
    package let issuers: IssuerTable
    package let tiers: TierTable
    package let tierDrift: TierDrift
    package let tenants: TenantRegistry
    package let keys: KeyRing
    let serial: UInt64

    /// - Parameter previous: the snapshot in force; nil at start.
    package init(
        generation: UInt64,
        issuers: IssuerTable,
        tiers: TierTable,
        tierDrift: TierDrift = .lesser,
        tenants: TenantRegistry,
        keys: KeyRing,
        replacing previous: IdentitySnapshot? = nil
    ) throws(Problem) {
        if tenants.mode == .claims, issuers.count != 1 { throw .claimsModeNeedsOneIssuer }
        if keys.count != issuers.count { throw .keysOfAnotherTable }
        self.generation = generation
        self.issuers = issuers
        self.tiers = tiers
        self.tierDrift = tierDrift
        self.tenants = tenants
        self.keys = keys
        serial = (previous?.serial ?? 0) + 1
    }

    private init(_ old: IdentitySnapshot, tenants: TenantRegistry, keys: KeyRing) {
        generation = old.generation
        issuers = old.issuers
        tiers = old.tiers
        tierDrift = old.tierDrift
        self.tenants = tenants
        self.keys = keys
        serial = old.serial + 1
    }

    /// Whether every issuer of tokens has keys: without them Bulkhead is not ready.
    package var hasAllKeys: Bool {
        issuers.issuers.indices.allSatisfy { issuers[$0].certificates != nil || keys[$0] != nil }
    }

    /// Whether a principal of that issuer rests on a key, or on an authority of certificates, that is still believed.
    func vouches(for principal: Principal, issuer: Int) -> Bool {
        guard let source = issuers[issuer].certificates else {
            return keys.has(principal.keyFingerprint, of: issuer)
        }
        return source.authorities.contains { $0.prefix64 == principal.keyFingerprint }
    }

    /// The same with other tenants of the same mode: a changed file, a suspension.
    package func with(tenants: TenantRegistry) -> IdentitySnapshot {
        precondition(tenants.mode == self.tenants.mode, "another mode is another configuration")
        return IdentitySnapshot(self, tenants: tenants, keys: keys)
    }

    /// The same with other keys, after a fetch.
    package func with(keys: KeyRing) -> IdentitySnapshot {
        precondition(keys.count == issuers.count, "keys of another table of issuers")
        return IdentitySnapshot(self, tenants: tenants, keys: keys)
    }
}
