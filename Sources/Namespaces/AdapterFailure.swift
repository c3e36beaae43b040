// SPDX-License-Identifier: Apache-2.0
package import Crypto

/// Why an adapter refuses a request or a response. The raw value is the reason code of records, metrics and answers.
package enum AdapterReason: String, Hashable, Sendable, CaseIterable {
    /// No operation of the table has this method and path.
    case operationUnknown = "operation_unknown"
    /// The operation is declared to be refused.
    case operationRefused = "operation_refused"
    /// A path segment holds an escaped slash or an escape of an escape where the table does not call it opaque.
    case pathEncodingRefused = "path_encoding_refused"
    case parameterUndeclared = "parameter_undeclared"
    case parameterDuplicate = "parameter_duplicate"
    case parameterRefused = "parameter_refused"
    /// A parameter is left out without which nobody can tell whose the request is.
    case parameterMissing = "parameter_missing"
    /// A name that the store would give a meaning of its own: a pattern that is not plain, an empty one.
    case nameRefused = "name_refused"
    case headerRefused = "header_refused"
    case headerDuplicate = "header_duplicate"
    /// A body where the operation has none.
    case bodyUndeclared = "body_undeclared"
    case bodyTooLarge = "body_too_large"
    /// The body is no JSON.
    case bodyInvalid = "body_invalid"
    case contentTypeRefused = "content_type_refused"
    case contentCodingRefused = "content_coding_refused"
    case memberUndeclared = "member_undeclared"
    case memberDuplicate = "member_duplicate"
    case memberRefused = "member_refused"
    case memberMissing = "member_missing"
    case memberType = "member_type"
    /// An id that is none of this compartment's: unknown and foreign ones look alike.
    case idUnknown = "id_unknown"
    /// Not the form that the store's ids have.
    case idMalformed = "id_malformed"
    /// A bucket or table that the route does not name.
    case resourceUnknown = "resource_unknown"
    /// A table whose partition key cannot hold a compartment, or has become another one.
    case keyRefused = "key_refused"
    /// A native tenant field names something else than the caller's own tenant.
    case tenantForeign = "tenant_foreign"
    /// A virtual session id that stands in a key is not one of the identified principal's (THREATS 4).
    case sessionForeign = "session_foreign"

    /// The store answered with something that the table does not declare.
    case responseUndeclared = "response_undeclared"
    /// The store's answer is not the JSON that the table declares.
    case responseInvalid = "response_invalid"
    case responseTooLarge = "response_too_large"
    case responseCodingRefused = "response_coding_refused"
    case responseStatusRefused = "response_status_refused"
    /// The store answered with an object that bears another owner's stamp: a leak that was stopped.
    case foreignObject = "foreign_object"

    /// The status of the answer where the table names no other.
    package var status: UInt16 {
        switch self {
        case .operationUnknown, .operationRefused, .tenantForeign, .sessionForeign, .resourceUnknown,
            .keyRefused:
            403
        case .pathEncodingRefused, .parameterUndeclared, .parameterDuplicate, .parameterRefused,
            .parameterMissing, .nameRefused, .headerRefused,
            .headerDuplicate, .bodyUndeclared, .bodyInvalid, .memberUndeclared, .memberDuplicate,
            .memberRefused, .memberMissing, .memberType, .idMalformed:
            400
        case .idUnknown: 404
        case .bodyTooLarge: 413
        case .contentTypeRefused, .contentCodingRefused: 415
        case .responseUndeclared, .responseInvalid, .responseTooLarge, .responseCodingRefused,
            .responseStatusRefused, .foreignObject:
            502
        }
    }

    /// Whether the store's answer is at fault, not the request.
    package var isUpstream: Bool { status == 502 }

    /// What the caller is told: that a neighbour's object was there is not for him to know (THREATS 16).
    package var callerCode: String { isLeak ? AdapterReason.responseInvalid.rawValue : rawValue }

    /// Whether something of another tenant was stopped on its way out: for the audit log and an alarm.
    package var isLeak: Bool { self == .foreignObject }
}

/// A refusal, thrown by everything in `Adapter` that meets a request or a response.
package struct AdapterFailure: Error, Hashable, Sendable {
    package var reason: AdapterReason
    /// The path segment that is at fault, if one is: it may be repeated to the caller, who wrote it.
    package var segment: Int?
    /// What is known of a leak that was stopped.
    package var leak: AdapterLeak?

    package init(_ reason: AdapterReason, segment: Int? = nil, leak: AdapterLeak? = nil) {
        self.reason = reason
        self.segment = segment
        self.leak = leak
    }
}

/// Where something foreign stood in an answer, and whose it was: for the audit log, so nothing of the value itself.
package struct AdapterLeak: Hashable, Sendable {
    /// The table's name of the rewrite whose place it was.
    package var rewrite: String
    /// SHA-256 of the code of the compartment that the value named; nil where it named none.
    package var owner: Digest?
}
