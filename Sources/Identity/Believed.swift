// SPDX-License-Identifier: Apache-2.0

/// A principal in a cache, with what it takes to tell whether it still holds: only while its tenant's epoch stands
/// and the key that vouched for it is still the issuer's, which is looked at again whenever the snapshot is
/// another (THREATS 9).
struct Believed: Sendable {
    let principal: Principal
    private let issuer: Int
    private let generation: UInt64
    /// Of the last snapshot under which the epochs were found unchanged.
    private var serial: UInt64

    /// - Parameter snapshot: what it was verified against. When that is no longer the one in force, `holds` compares.
    init(_ principal: Principal, issuer: Int, in snapshot: IdentitySnapshot) {
        self.principal = principal
        self.issuer = issuer
        generation = snapshot.generation
        serial = snapshot.serial
    }

    /// Whether `snapshot` bears it out too. Cost: one comparison when it was asked before.
    mutating func holds(in snapshot: IdentitySnapshot) -> Bool {
        if serial == snapshot.serial { return true }
        guard generation == snapshot.generation,
            snapshot.tenants.epoch(of: principal.tenant) == principal.tenantEpoch,
            snapshot.vouches(for: principal, issuer: issuer)
        else { return false }
        serial = snapshot.serial
        return true
    }
}
