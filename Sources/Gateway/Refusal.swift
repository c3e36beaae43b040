// SPDX-License-Identifier: Apache-2.0
package import AWS
package import HTTPTypes
package import Identity
package import Namespaces

/// Why a request goes no further (or a response does not come back): one place maps every failure of the parts
/// to what the caller sees, what the record says and what the metric counts.
package struct Refusal: Sendable {
    package enum Source: Sendable {
        /// What the caller sent or is.
        case client
        case upstream
        /// Bulkhead itself: something it needs is not there.
        case us
    }

    /// Stable and exact; for records and metrics only.
    package let code: String
    /// What the caller may know: nothing in it depends on another tenant (THREATS 16).
    package let callerCode: String
    package let status: Status
    package let source: Source

    package init(_ code: String, _ status: Status, _ source: Source, callerCode: String? = nil) {
        self.code = code
        self.callerCode = callerCode ?? code
        self.status = status
        self.source = source
    }

    package init(_ failure: IdentityFailure) {
        let (status, source): (Status, Source) =
            switch failure.answer {
            case .unauthenticated: (.unauthorized, .client)
            case .forbidden: (.forbidden, .client)
            case .unavailable: (.serviceUnavailable, .us)
            }
        self.init("\(failure.code)", status, source, callerCode: "\(failure.callerCode)")
    }

    package init(_ failure: AdapterFailure) {
        let reason = failure.reason
        self.init(
            reason.rawValue,
            Status(reason.status),
            reason.isUpstream ? .upstream : .client,
            callerCode: reason.callerCode
        )
    }

    package init(_ failure: SignatureFailure) {
        self.init("\(failure.code)", .forbidden, .client)
    }

    // Routing.
    package static let routeUnknown = Refusal("route_unknown", .notFound, .client)
    package static let upgradeRefused = Refusal("upgrade_refused", .forbidden, .client)
    package static let misdirected = Refusal("misdirected", .misdirectedRequest, .client)
    /// The process behind the listener serves another tenant alone.
    package static let leaseForeign = Refusal("lease_foreign", .forbidden, .client)
    // AWS.
    package static let signatureChunksRefused = Refusal("signature_chunks_refused", .badRequest, .client)
    package static let payloadMismatch = Refusal("payload_mismatch", .badRequest, .client)
    /// Two permits that let the request through choose different roles.
    package static let roleAmbiguous = Refusal("role_ambiguous", .forbidden, .us)
    /// A permit chooses a role that the route's credential does not offer.
    package static let roleRefused = Refusal("role_refused", .forbidden, .us)
    package static let roleMissing = Refusal("role_missing", .forbidden, .us)
    package static let sessionPolicyTooLarge = Refusal("session_policy_too_large", .forbidden, .us)
    /// The process did not say the word that its container was given for fetching keys.
    package static let containerTokenWrong = Refusal("container_token_wrong", .forbidden, .client)
    // Policy.
    package static let policyDenied = Refusal("policy_denied", .forbidden, .client)
    package static let policyFailed = Refusal("policy_failed", .internalServerError, .us)
    // Needs.
    package static let credentialFailed = Refusal("credential_failed", .serviceUnavailable, .us)
    /// There is none for this tenant.
    package static let credentialMissing = Refusal("credential_missing", .forbidden, .us)
    /// The credential is made from the caller's token, and none came.
    package static let subjectTokenMissing = Refusal("subject_token_missing", .forbidden, .client)
    package static let provisionFailed = Refusal("provision_failed", .serviceUnavailable, .upstream)
    /// The store could not be asked for the keys of a table.
    package static let schemaUnavailable = Refusal("schema_unavailable", .serviceUnavailable, .upstream)
    package static let ownershipFailed = Refusal("ownership_failed", .serviceUnavailable, .us)
    package static let leaseUnavailable = Refusal("lease_unavailable", .serviceUnavailable, .us)
    package static let needTimedOut = Refusal("need_timed_out", .serviceUnavailable, .us)
    // Bodies.
    package static let bodyTooLarge = Refusal("body_too_large", .contentTooLarge, .client)
    package static let requestTimedOut = Refusal("request_timed_out", .requestTimeout, .client)
    package static let fieldsTooLarge = Refusal("fields_too_large", .fieldsTooLarge, .client)
    // Upstreams.
    package static let upstreamUnresolved = Refusal("upstream_unresolved", .serviceUnavailable, .upstream)
    package static let upstreamSaturated = Refusal("upstream_saturated", .serviceUnavailable, .us)
    package static let upstreamUnreachable = Refusal("upstream_unreachable", .badGateway, .upstream)
    package static let upstreamTLSFailed = Refusal("upstream_tls_failed", .badGateway, .upstream)
    package static let upstreamClosed = Refusal("upstream_closed", .badGateway, .upstream)
    package static let upstreamTimedOut = Refusal("upstream_timed_out", .gatewayTimeout, .upstream)
    /// The upstream said back what no agent may see.
    package static let credentialEchoed = Refusal("credential_echoed", .badGateway, .upstream)
    package static let responseTooLarge = Refusal("response_too_large", .badGateway, .upstream)
    // The caller went away: there is nobody to answer, but there is a record.
    package static let callerGone = Refusal("caller_gone", Status(499), .client)
    package static let overloaded = Refusal("overloaded", .serviceUnavailable, .us)
    package static let draining = Refusal("draining", .serviceUnavailable, .us)
}
