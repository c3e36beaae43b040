// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto
package import JSON

/// Who acts: a verified user of a tenant. Only `TokenVerifier` and `HandleCodec` make one, out of what they have
/// verified; nothing else in the process can. Besides, each agent is one by itself (`service`).
///
/// Immutable and shared: handing it on is a reference count. Two principals are the same exactly when their
/// digests are.
package final class Principal: Sendable {
    package let issuer: Issuer
    package let tenant: TenantID
    package let user: UserID
    /// The tier in force, after drift was settled.
    package let tier: Tier
    /// Whether the token named another tier than the registry has.
    package let isTierDrifted: Bool
    package let groups: [String]
    /// The claims that the issuer's configuration lists as tags.
    package let tags: JSONObject
    /// The first 16 bytes of the SHA-256 of the token, in hexadecimal: names a token without being one.
    package let tokenID: String
    /// When the token stops being accepted, leeway included.
    package let expiry: WallTime
    /// Why nothing goes on for it after that.
    package var expired: IdentityFailure { issuer.certificates == nil ? .tokenExpired : .certificateExpired }
    /// SHA-256 of an injective encoding of all of the above but the drift.
    package let digest: Digest
    /// Of the issuer's key that the token was signed with, or of the authority that vouches for the certificate.
    let keyFingerprint: UInt64
    /// The tenant's epoch when this was decided; see `TenantRegistry.epoch(of:)`.
    package let tenantEpoch: UInt64
    /// The encoding as it stands in a handle: base64url, without padding by construction.
    let handleText: [UInt8]

    /// Nil when the encoding is too long for a handle.
    init?(_ claims: PrincipalClaims, issuer: Issuer, admission: Admission) {
        self.issuer = issuer
        tenant = claims.tenant
        user = claims.user
        tier = admission.tier
        isTierDrifted = admission.isDrifted
        groups = claims.groups
        tags = claims.tags
        tokenID = Hex.encode(claims.tokenID.span)
        expiry = claims.expiry
        keyFingerprint = claims.keyFingerprint
        tenantEpoch = admission.epoch
        var encoded = Buffer()
        guard PrincipalCode.encode(claims, issuer: issuer, tier: admission.tier, into: &encoded) else {
            return nil
        }
        digest = SHA256.hash(encoded.bytes)
        var text = Buffer()
        Base64URL.encode(encoded.bytes, into: &text)
        handleText = text.bytes.array()
    }

    /// An agent outside any exchange, as when it starts (THREATS 7): of no tenant that there can be, so in a compartment of its
    /// own; of no groups, without an end.
    /// - Parameters:
    ///   - agent: the upstream's name, 1 to 64 bytes.
    ///   - tier: whose limits and models it has.
    package static func service(of agent: String, tier: Tier) -> Principal? {
        guard (1...64).contains(agent.utf8.count), let user = UserID("service") else { return nil }
        return Principal(
            PrincipalClaims(
                tenant: TenantID(serviceOf: agent),
                user: user,
                groups: [],
                tags: JSONObject(),
                tokenID: [UInt8](repeating: 0, count: 16),
                // The year 2100: a bound that sums of times stay far from overflowing by.
                expiry: WallTime(nanoseconds: 4_102_444_800_000_000_000),
                keyFingerprint: 0
            ),
            issuer: .service,
            admission: Admission(tier: tier, epoch: 0, isDrifted: false)
        )
    }

    /// Whether it is an agent by itself, and nobody's user.
    package var isService: Bool { issuer === Issuer.service }

    /// Whether both speak for the same person: issuer, tenant and user, not the token. A certificate's issuer is no
    /// token's, so there the configuration must say that their users are the same people.
    package func isSamePerson(as other: Principal) -> Bool {
        tenant == other.tenant && user == other.user
            && (issuer.fingerprint == other.issuer.fingerprint || issuer.sharesUsers(with: other.issuer))
    }
}

/// What a token or a handle says of its bearer, once it is verified.
struct PrincipalClaims {
    var tenant: TenantID
    var user: UserID
    var groups: [String]
    var tags: JSONObject
    /// 16 bytes.
    var tokenID: [UInt8]
    var expiry: WallTime
    var keyFingerprint: UInt64
}
