// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import JSON

/// What became of a token.
package enum TokenOutcome: Sendable {
    case principal(Principal)
    case refused(IdentityFailure)
    /// A configured issuer, and a key id that is not among its keys: have them fetched again, once, and ask
    /// again with `isLastTry`. Nothing of the token is proven at this point.
    case unknownKey(issuer: Int, keyID: String?)
}

package struct TokenLimits: Sendable {
    /// Of the whole token.
    package var maximumBytes = 8192
    /// Of its claims.
    package var maximumDepth = 16

    package init() {}
}

/// Checks tokens: one per worker, for its scratch space. It remembers nothing; see `Authenticator` for the cache.
///
/// Order: form, header, issuer, algorithm, key, signature, and only then what the claims say; so a reason that
/// is about the claims is never given to somebody without a signed token.
/// Source: RFC 7515, RFC 7519, RFC 8725; the Cognito developer guide on verifying user pool tokens.
struct TokenVerifier: ~Copyable, Sendable {
    private let limits: TokenLimits
    private var signed = SignedToken()
    private var claimMembers = JSONMembers(maximumCount: 128)

    init(limits: TokenLimits) { self.limits = limits }

    /// A token that passed, and what that rests on.
    struct Verified {
        let principal: Principal
        let issuer: Int
        /// When the issuer's keys are too old to be believed.
        let staleAt: WallTime?
    }

    enum Verdict {
        case verified(Verified)
        case refused(IdentityFailure)
        case unknownKey(issuer: Int, keyID: String?)
    }

    /// - Parameter digest: SHA-256 of the whole token.
    /// Cost: one signature check, and an allocation for each claim that is kept.
    mutating func verify(
        _ token: Span<UInt8>,
        digest: Digest,
        in snapshot: IdentitySnapshot,
        now: WallTime
    ) -> Verdict {
        do throws(IdentityFailure) {
            return try check(token, digest, snapshot, now)
        } catch {
            return .refused(error)
        }
    }

    private mutating func check(
        _ token: Span<UInt8>,
        _ digest: Digest,
        _ snapshot: IdentitySnapshot,
        _ now: WallTime
    ) throws(IdentityFailure) -> Verdict {
        let header = try signed.open(token, maximumBytes: limits.maximumBytes)
        do throws(JSONError) {
            try Self.read(&claimMembers, signed.payload, maximumDepth: limits.maximumDepth)
        } catch {
            throw .tokenMalformed
        }
        let claims = TokenClaims(signed.payload.bytes, claimMembers)
        let place = try claims.issuer(in: snapshot.issuers)
        let issuer = snapshot.issuers[place]
        guard issuer.algorithms.contains(header.algorithm) else { throw .algorithmRefused }
        guard let keys = snapshot.keys[place] else { throw .keysUnavailable }
        if let staleAt = keys.staleAt, now >= staleAt { throw .keysUnavailable }
        guard let key = try signed.verify(token, header, by: keys.set, issuer.algorithms) else {
            return .unknownKey(issuer: place, keyID: header.keyID)
        }
        guard issuer.tokenTypes.contains(header.type) else { throw .tokenUseMismatch }
        let expiry = try Self.checkTimes(claims, issuer, now)
        try Self.checkAudience(claims, issuer)
        let kept = try Self.kept(claims, issuer, expiry, digest, key)
        let principal = try Self.admit(kept, claims, issuer, snapshot)
        return .verified(Verified(principal: principal, issuer: place, staleAt: keys.staleAt))
    }

    private static func read(
        _ members: inout JSONMembers,
        _ bytes: borrowing Buffer,
        maximumDepth: Int
    ) throws(JSONError) {
        try members.readStrictly(bytes.bytes, maximumDepth: maximumDepth)
    }

    /// - Returns: when the token stops being accepted.
    private static func checkTimes(
        _ claims: borrowing TokenClaims,
        _ issuer: Issuer,
        _ now: WallTime
    ) throws(IdentityFailure) -> WallTime {
        guard let expiry = try claims.time("exp", .expiry) else { throw .claimMissing(.expiry) }
        let end = expiry + issuer.leeway
        if now >= end { throw .tokenExpired }
        if let notBefore = try claims.time("nbf", .notBefore), now + issuer.leeway < notBefore {
            throw .tokenNotYetValid
        }
        if let issuedAt = try claims.time("iat", .issuedAt), now + issuer.leeway < issuedAt {
            throw .tokenNotYetValid
        }
        return end
    }

    private static func checkAudience(
        _ claims: borrowing TokenClaims,
        _ issuer: Issuer
    ) throws(IdentityFailure) {
        if issuer.profile == .cognito {
            let name = try claims.requiredText("token_use", .tokenUse)
            guard let use = TokenUse(rawValue: name), issuer.tokenUse.contains(use) else {
                throw .tokenUseMismatch
            }
            if use == .access {
                // Cognito's access tokens name the app client here; an `aud`, where they have one, is an API.
                let client = try claims.requiredText("client_id", .clientID)
                guard issuer.accepts(audience: client) else { throw .audienceMismatch }
                return
            }
        }
        guard try claims.audiences().contains(where: { issuer.accepts(audience: $0) }) else {
            throw .audienceMismatch
        }
    }

    /// What the token says of its bearer.
    private static func kept(
        _ claims: borrowing TokenClaims,
        _ issuer: Issuer,
        _ expiry: WallTime,
        _ digest: Digest,
        _ key: KeySet.Key
    ) throws(IdentityFailure) -> PrincipalClaims {
        let names = issuer.claims
        guard let tenant = TenantID(try claims.requiredText(names.tenant, .tenant)) else {
            throw .claimInvalid(.tenant)
        }
        guard let user = UserID(try claims.requiredText(names.user, .user)) else {
            throw .claimInvalid(.user)
        }
        var groups: [String] = []
        if let name = names.groups { groups = try claims.texts(name, .groups) ?? [] }
        var tags = JSONObject()
        for name in names.tags {
            if let value = try claims.value(name, .tag) { _ = tags.append(name, value) }
        }
        return PrincipalClaims(
            tenant: tenant,
            user: user,
            groups: groups,
            tags: tags,
            tokenID: digest.bytes.extracting(0..<16).array(),
            expiry: expiry,
            keyFingerprint: key.fingerprint
        )
    }

    private static func admit(
        _ kept: PrincipalClaims,
        _ claims: borrowing TokenClaims,
        _ issuer: Issuer,
        _ snapshot: IdentitySnapshot
    ) throws(IdentityFailure) -> Principal {
        var tier: Tier? = nil
        if let name = issuer.claims.tier {
            tier = snapshot.tiers.find(try claims.requiredText(name, .tier))
            if tier == nil { throw .tierUnknown }
        }
        let admission = try snapshot.tenants.admit(
            kept.tenant,
            from: issuer,
            groups: kept.groups,
            claimed: tier,
            drift: snapshot.tierDrift
        ).get()
        guard let principal = Principal(kept, issuer: issuer, admission: admission) else {
            throw .claimsTooLarge
        }
        return principal
    }
}

extension Issuer {
    fileprivate func accepts(audience: String) -> Bool {
        audiences.contains { $0.utf8.elementsEqual(audience.utf8) }
    }
}
