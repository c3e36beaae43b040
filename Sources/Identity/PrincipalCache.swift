// SPDX-License-Identifier: Apache-2.0
import Crypto

/// Principals by the digest of the encoding that a handle carries, so that the next handle of the same token
/// needs no decoding. Says nothing about whether a handle is authentic. One per worker.
struct PrincipalCache: Sendable {
    private var entries: DigestTable<Believed>

    init(capacity: Int) { entries = DigestTable(capacity: capacity) }

    mutating func find(_ digest: Digest, in snapshot: IdentitySnapshot) -> Principal? {
        guard let slot = entries.find(digest) else { return nil }
        guard entries.update(slot, { $0.holds(in: snapshot) }) else {
            entries.remove(slot)
            return nil
        }
        return entries[slot].principal
    }

    mutating func insert(_ digest: Digest, _ principal: Principal, issuer: Int, in snapshot: IdentitySnapshot)
    {
        entries.insert(digest, Believed(principal, issuer: issuer, in: snapshot))
    }

    mutating func purge(_ tenant: TenantID) { entries.removeAll { $0.principal.tenant == tenant } }
}
