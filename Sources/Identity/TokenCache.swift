// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto

/// Tokens that were verified, by SHA-256 of the whole token (never of a part: CVE-2026-35030). One per worker.
///
/// An entry holds until the token expires or the issuer's keys grow stale, and only as long as it is `Believed`.
struct TokenCache: Sendable {
    private struct Entry: Sendable {
        var believed: Believed
        let until: WallTime
    }

    private var entries: DigestTable<Entry>

    init(capacity: Int) { entries = DigestTable(capacity: capacity) }

    var count: Int { entries.count }

    /// The principal of a token that still holds, or nil. Cost: one lookup, no allocation.
    mutating func find(_ digest: Digest, in snapshot: IdentitySnapshot, now: WallTime) -> Principal? {
        guard let slot = entries.find(digest) else { return nil }
        guard entries.update(slot, { now < $0.until && $0.believed.holds(in: snapshot) }) else {
            entries.remove(slot)
            return nil
        }
        return entries[slot].believed.principal
    }

    /// Remembers what was verified against `snapshot`. When that is no longer the one in force, the next find
    /// compares again before it believes the entry.
    mutating func insert(_ digest: Digest, _ verified: TokenVerifier.Verified, in snapshot: IdentitySnapshot)
    {
        var until = verified.principal.expiry
        if let staleAt = verified.staleAt { until = min(until, staleAt) }
        let believed = Believed(verified.principal, issuer: verified.issuer, in: snapshot)
        entries.insert(digest, Entry(believed: believed, until: until))
    }

    /// Forgets a tenant's tokens at once; a stale epoch would hide them at their next use anyway.
    mutating func purge(_ tenant: TenantID) {
        entries.removeAll { $0.believed.principal.tenant == tenant }
    }
}
