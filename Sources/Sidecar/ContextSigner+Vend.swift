// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Gateway
import Identity
import Vending

extension ContextSigner {
    /// The context token that a worker asked for.
    /// - Parameter id: fresh random bytes.
    /// Cost: one signature, some 50 µs; it suspends nowhere.
    func vend(_ asked: CredentialNeed, id: [16 of UInt8], now: WallTime) throws(KeyError) -> VendedCredential
    {
        let subject = ContextSubject(asked.principal)
        var token = Buffer()
        try sign(subject, audience: asked.audience, id: id, now: now, into: &token)
        let expiry = validity(subject, now: now).expiry
        // The cache gives no credential out in the last quarter of its life, so that is when to ask again.
        let life = (expiry - now).nanoseconds
        return VendedCredential(
            bytes: token.bytes.array(),
            renewAt: now + Interval(nanoseconds: life - life / 4),
            expiry: expiry
        )
    }
}

extension ContextSubject {
    init(_ principal: Principal) {
        self.init(
            tenant: principal.tenant.text,
            tier: principal.tier.name,
            user: principal.user.text,
            userIssuer: principal.issuer.url,
            groups: principal.groups,
            tokenID: principal.tokenID,
            expiry: principal.expiry
        )
    }
}
