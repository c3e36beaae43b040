// SPDX-License-Identifier: Apache-2.0

/// Whether those who were let in may stay (THREATS 9).
extension IdentitySnapshot {
    /// Whether there may be somebody who was let in by the other and would not be now. Cost: nothing much where neither
    /// keys nor tenants have changed.
    package func mayRefuseMore(than old: IdentitySnapshot) -> Bool {
        generation != old.generation || tenants !== old.tenants || keys.hasLost(keysOf: old.keys)
    }

    /// Why a principal that was let in is not to stay; nil where it may. A change of its tenant that leaves the door open,
    /// such as of the tier, is for its next request.
    package func refusal(of principal: Principal) -> IdentityFailure? {
        // Nobody vouched for an agent by itself but the configuration, and requests keep theirs.
        if principal.isService { return nil }
        // Whoever took over the name of another is somebody else.
        guard let place = issuers.place(named: principal.issuer.name.utf8Span.span),
            issuers[place].fingerprint == principal.issuer.fingerprint
        else { return .issuerUnknown }
        let admission = tenants.admit(
            principal.tenant,
            from: issuers[place],
            groups: principal.groups,
            claimed: principal.tier,
            // What the tier is worth was decided when it came in.
            drift: .lesser
        )
        if case .failure(let failure) = admission { return failure }
        // Keys that are not there yet took nobody's word back.
        let hasNoKeysYet = issuers[place].certificates == nil && keys[place] == nil
        guard hasNoKeysYet || vouches(for: principal, issuer: place) else { return issuers[place].disowned }
        return nil
    }
}

extension KeyRing {
    /// Whether a key of the other is not here.
    func hasLost(keysOf old: KeyRing) -> Bool {
        guard count == old.count else { return true }
        return (0..<count).contains { place in
            guard let before = old[place] else { return false }
            guard let now = self[place] else { return true }
            return before.set.keys.contains { !now.set.contains($0.fingerprint) }
        }
    }
}
