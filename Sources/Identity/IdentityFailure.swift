// SPDX-License-Identifier: Apache-2.0

/// A thing that a token says, for failures that are about one of them.
package enum Claim: Hashable, Sendable, CaseIterable {
    case issuer, audience, clientID, tokenUse, expiry, notBefore, issuedAt
    case tenant, tier, user, groups, tag

    package var name: StaticString {
        switch self {
        case .issuer: "issuer"
        case .audience: "audience"
        case .clientID: "client_id"
        case .tokenUse: "token_use"
        case .expiry: "expiry"
        case .notBefore: "not_before"
        case .issuedAt: "issued_at"
        case .tenant: "tenant"
        case .tier: "tier"
        case .user: "user"
        case .groups: "groups"
        case .tag: "tag"
        }
    }
}

/// Why nobody was recognised. Each has a stable code for records, metrics and tests; callers see less.
package enum IdentityFailure: Error, Hashable, Sendable {
    /// No carrier that the listener accepts is there.
    case tokenMissing
    /// Not three parts of strict base64url, or longer than the cap, or a header or claims that are not strict JSON.
    case tokenMalformed
    /// A header member that must not decide anything: `crit`, `jku`, `jwk`, `x5u`, `x5c`, `b64`; an odd `typ`.
    case headerRefused
    /// An algorithm that the issuer does not use; `none` and the HS family are never used.
    case algorithmRefused
    case issuerUnknown
    /// The issuer's keys are not there, or are too old.
    case keysUnavailable
    /// The key id is not among the issuer's keys, also after a refetch.
    case keyUnknown
    /// No key id, and not exactly one key that fits.
    case keyAmbiguous
    case signatureInvalid
    case tokenExpired
    case tokenNotYetValid
    case audienceMismatch
    case tokenUseMismatch
    case claimMissing(Claim)
    /// Of another type, or outside its limits.
    case claimInvalid(Claim)
    /// What the token says of the user is too much for a handle to carry.
    case claimsTooLarge
    case tierUnknown
    case tierDrift
    case tenantUnknown
    case tenantSuspended
    /// The tenant's entry does not name this issuer (THREATS 5).
    case issuerNotForTenant
    /// The tenant's entry names a group that the token does not list.
    case groupNotForTenant
    /// Not one of our handles, or changed on its way.
    case handleInvalid
    case handleExpired
    /// Made for another agent's listeners.
    case handleForeign
    /// A trace of no exchange that is open here, and no other carrier.
    case traceUnknown
    /// A trace of an exchange with another agent.
    case traceForeign
    /// Nobody has the endpoint whose calls come in here, or nobody has had it lately.
    case leaseIdle
    /// Two carriers name different people (THREATS 1).
    case carriersDisagree
    /// Outside the time for which the caller's certificate was made.
    case certificateExpired
    /// No issuer knows the names and the authority of the caller's certificate, or more than one does.
    case certificateUnmapped

    /// The stable name; for records and metrics.
    package var code: StaticString {
        switch self {
        case .tokenMissing: "token_missing"
        case .tokenMalformed: "token_malformed"
        case .headerRefused: "header_refused"
        case .algorithmRefused: "algorithm_refused"
        case .issuerUnknown: "issuer_unknown"
        case .keysUnavailable: "keys_unavailable"
        case .keyUnknown: "key_unknown"
        case .keyAmbiguous: "key_ambiguous"
        case .signatureInvalid: "signature_invalid"
        case .tokenExpired: "token_expired"
        case .tokenNotYetValid: "token_not_yet_valid"
        case .audienceMismatch: "audience_mismatch"
        case .tokenUseMismatch: "token_use_mismatch"
        case .claimMissing: "claim_missing"
        case .claimInvalid: "claim_invalid"
        case .claimsTooLarge: "claims_too_large"
        case .tierUnknown: "tier_unknown"
        case .tierDrift: "tier_drift"
        case .tenantUnknown: "tenant_unknown"
        case .tenantSuspended: "tenant_suspended"
        case .issuerNotForTenant: "issuer_not_for_tenant"
        case .groupNotForTenant: "group_not_for_tenant"
        case .handleInvalid: "handle_invalid"
        case .handleExpired: "handle_expired"
        case .handleForeign: "handle_foreign"
        case .traceUnknown: "trace_unknown"
        case .traceForeign: "trace_foreign"
        case .leaseIdle: "lease_idle"
        case .carriersDisagree: "carriers_disagree"
        case .certificateExpired: "certificate_expired"
        case .certificateUnmapped: "certificate_unmapped"
        }
    }

    /// The claim that the failure is about; for records.
    package var claim: Claim? {
        switch self {
        case .claimMissing(let claim), .claimInvalid(let claim): claim
        case .tokenMissing, .tokenMalformed, .headerRefused, .algorithmRefused, .issuerUnknown,
            .keysUnavailable,
            .keyUnknown, .keyAmbiguous, .signatureInvalid, .tokenExpired, .tokenNotYetValid,
            .audienceMismatch,
            .tokenUseMismatch, .claimsTooLarge, .tierUnknown, .tierDrift, .tenantUnknown, .tenantSuspended,
            .issuerNotForTenant, .groupNotForTenant, .handleInvalid, .handleExpired, .handleForeign,
            .traceUnknown, .traceForeign, .leaseIdle, .carriersDisagree, .certificateExpired,
            .certificateUnmapped:
            nil
        }
    }

    /// What the caller may be told: unknown, suspended and foreign look alike (THREATS 16).
    package var callerCode: StaticString {
        switch self {
        case .tenantUnknown, .tenantSuspended, .issuerNotForTenant, .groupNotForTenant: "tenant_refused"
        case .handleInvalid, .handleExpired, .handleForeign: "handle_refused"
        case .traceUnknown, .traceForeign: "trace_refused"
        default: code
        }
    }

    package enum Answer: Hashable, Sendable {
        /// 401: come back with another token.
        case unauthenticated
        /// 403: this token is good, and that does not help.
        case forbidden
        /// 503: come back later.
        case unavailable
    }

    package var answer: Answer {
        switch self {
        case .keysUnavailable: .unavailable
        case .tierUnknown, .tierDrift, .tenantUnknown, .tenantSuspended, .issuerNotForTenant,
            .groupNotForTenant,
            .claimsTooLarge, .claimMissing, .claimInvalid, .carriersDisagree, .certificateUnmapped:
            .forbidden
        case .tokenMissing, .tokenMalformed, .headerRefused, .algorithmRefused, .issuerUnknown, .keyUnknown,
            .keyAmbiguous, .signatureInvalid, .tokenExpired, .tokenNotYetValid, .audienceMismatch,
            .tokenUseMismatch, .handleInvalid, .handleExpired, .handleForeign, .traceUnknown, .traceForeign,
            .leaseIdle, .certificateExpired:
            .unauthenticated
        }
    }

    /// One of each, for tables of metrics and tests.
    package static let all: [IdentityFailure] = [
        .tokenMissing, .tokenMalformed, .headerRefused, .algorithmRefused, .issuerUnknown, .keysUnavailable,
        .keyUnknown, .keyAmbiguous, .signatureInvalid, .tokenExpired, .tokenNotYetValid, .audienceMismatch,
        .tokenUseMismatch, .claimMissing(.tenant), .claimInvalid(.tenant), .claimsTooLarge, .tierUnknown,
        .tierDrift, .tenantUnknown, .tenantSuspended, .issuerNotForTenant, .groupNotForTenant, .handleInvalid,
        .handleExpired, .handleForeign, .traceUnknown, .traceForeign, .carriersDisagree, .certificateExpired,
        .certificateUnmapped, .leaseIdle,
    ]
}
