// SPDX-License-Identifier: Apache-2.0
import Crypto

/// Principals by the digest of the encoding that a handle carries, so that the next handle of the same token
/// needs no decoding. Says nothing about whether a handle is authentic. One per worker.
struct PrincipalCache: Sendable {
    private struct Entry: Sendable {
        var principal: Principal
        var issuer: Int
        var generation: UInt64
        var serial: UInt64
    }

    private var index: DigestIndex
    private var entries: [Entry?] = []

    init(capacity: Int) { index = DigestIndex(capacity: capacity) }

    mutating func find(_ digest: Digest, in snapshot: IdentitySnapshot) -> Principal? {
        guard let slot = index.find(digest), let entry = entries[slot] else { return nil }
        if entry.serial != snapshot.serial {
            let holds =
                entry.generation == snapshot.generation
                && snapshot.tenants.epoch(of: entry.principal.tenant) == entry.principal.tenantEpoch
                && snapshot.keys.vouches(for: entry.principal, issuer: entry.issuer)
            guard holds else {
                remove(slot)
                return nil
            }
            entries[slot]?.serial = snapshot.serial
        }
        return entry.principal
    }

    mutating func insert(_ digest: Digest, _ principal: Principal, issuer: Int, in snapshot: IdentitySnapshot)
    {
        let entry = Entry(
            principal: principal,
            issuer: issuer,
            generation: snapshot.generation,
            serial: snapshot.serial
        )
        let slot = index.insert(digest)
        if slot == entries.count {
            entries.append(entry)
        } else {
            entries[slot] = entry
        }
    }

    mutating func purge(_ tenant: TenantID) {
        for slot in entries.indices where entries[slot]?.principal.tenant == tenant { remove(slot) }
    }

    private mutating func remove(_ slot: Int) {
        index.remove(slot: slot)
        entries[slot] = nil
    }
}
