// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto

/// Tokens that were verified, by SHA-256 of the whole token (never of a part: CVE-2026-35030). One per worker.
///
/// An entry holds until the token expires or the issuer's keys grow stale, and only while its tenant's
/// epoch stands and the key that verified it is still the issuer's, which is looked at again whenever the snapshot is
/// another (THREATS 9).
struct TokenCache: Sendable {
    private struct Entry: Sendable {
        var verified: TokenVerifier.Verified
        var until: WallTime
        var generation: UInt64
        /// Of the last snapshot under which the epochs were found unchanged.
        var serial: UInt64
    }

    private var index: DigestIndex
    private var entries: [Entry?] = []

    init(capacity: Int) {
        index = DigestIndex(capacity: capacity)
        entries.reserveCapacity(capacity)
    }

    var count: Int { index.count }

    /// The principal of a token that still holds, or nil. Cost: one lookup, no allocation.
    mutating func find(_ digest: Digest, in snapshot: IdentitySnapshot, now: WallTime) -> Principal? {
        guard let slot = index.find(digest), let entry = entries[slot] else { return nil }
        guard now < entry.until else {
            remove(slot)
            return nil
        }
        if entry.serial != snapshot.serial {
            guard holds(entry, in: snapshot) else {
                remove(slot)
                return nil
            }
            entries[slot]?.serial = snapshot.serial
        }
        return entry.verified.principal
    }

    /// Remembers what was verified against `snapshot`. When that is no longer the one in force, the next find
    /// compares again before it believes the entry.
    mutating func insert(_ digest: Digest, _ verified: TokenVerifier.Verified, in snapshot: IdentitySnapshot)
    {
        var until = verified.principal.expiry
        if let staleAt = verified.staleAt { until = min(until, staleAt) }
        let entry = Entry(
            verified: verified,
            until: until,
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

    /// Forgets a tenant's tokens at once; a stale epoch would hide them at their next use anyway.
    mutating func purge(_ tenant: TenantID) {
        for slot in entries.indices where entries[slot]?.verified.principal.tenant == tenant { remove(slot) }
    }

    private func holds(_ entry: Entry, in snapshot: IdentitySnapshot) -> Bool {
        let principal = entry.verified.principal
        return entry.generation == snapshot.generation
            && snapshot.tenants.epoch(of: principal.tenant) == principal.tenantEpoch
            && snapshot.keys.vouches(for: principal, issuer: entry.verified.issuer)
    }

    private mutating func remove(_ slot: Int) {
        index.remove(slot: slot)
        entries[slot] = nil
    }
}
