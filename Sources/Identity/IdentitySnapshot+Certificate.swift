// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import JSON

extension IdentitySnapshot {
    /// Whom a caller's certificate speaks for. Its chain was verified in the handshake; here its time is looked at again,
    /// and which issuer knows it: one whose authority vouches for it, and whose mapping fits its name. Two issuers that
    /// both know it could each mean another tenant, so then nobody is recognised.
    /// Source: THREATS 1, 5; X.509-SVID §4.1 (a leaf is no authority).
    func verify(
        _ certificate: ClientCertificate,
        now: WallTime
    ) throws(IdentityFailure) -> TokenVerifier.Verified {
        if certificate.isAuthority { throw .certificateUnmapped }
        guard certificate.notBefore <= now, now < certificate.notAfter else { throw .certificateExpired }
        let (place, authority, found) = try mapping(of: certificate)
        let issuer = issuers[place]
        guard let tenant = TenantID(String(found.tenant)) else { throw .claimInvalid(.tenant) }
        guard let user = UserID(String(found.user)) else { throw .claimInvalid(.user) }
        var tier: Tier?
        if let name = found.tier {
            tier = tiers.find(String(name))
            if tier == nil { throw .tierUnknown }
        }
        let groups = issuer.certificates?.groups ?? []
        let admission = try tenants.admit(
            tenant,
            from: issuer,
            groups: groups,
            claimed: tier,
            drift: tierDrift
        ).get()
        let claims = PrincipalClaims(
            tenant: tenant,
            user: user,
            groups: groups,
            tags: JSONObject(),
            tokenID: certificate.fingerprint.bytes.extracting(0..<16).array(),
            expiry: certificate.notAfter,
            keyFingerprint: authority.prefix64
        )
        guard let principal = Principal(claims, issuer: issuer, admission: admission) else {
            throw .claimsTooLarge
        }
        return TokenVerifier.Verified(principal: principal, issuer: place, staleAt: nil)
    }

    private func mapping(
        of certificate: ClientCertificate
    ) throws(IdentityFailure) -> (place: Int, authority: Digest, found: CertificateNames.Found) {
        var mapping: (place: Int, authority: Digest, found: CertificateNames.Found)?
        for place in issuers.issuers.indices {
            guard let source = issuers[place].certificates,
                let authority = certificate.authorities.first(where: { source.authorities.contains($0) }),
                let found = source.names.find(in: certificate)
            else { continue }
            if mapping != nil { throw .certificateUnmapped }
            mapping = (place, authority, found)
        }
        guard let mapping else { throw .certificateUnmapped }
        return mapping
    }
}
