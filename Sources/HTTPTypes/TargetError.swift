// SPDX-License-Identifier: Apache-2.0

/// Why a request target or an authority has no single meaning, and where.
package struct TargetError: Error, Equatable, Sendable {
    package enum Reason: UInt8, Sendable, CaseIterable {
        case empty
        /// `*` or `host:port`: forms for OPTIONS and CONNECT, which go nowhere here.
        case formNotSupported
        case schemeNotSupported
        case userInformation
        case authorityInvalid
        case hostMissing
        case hostRepeated
        /// The authority of an absolute-form target is not the one in Host (RFC 9112 §3.2.2).
        case hostMismatch
        case fragment
        case controlByte
        case rawNonASCII
        /// A byte that RFC 3986 does not let stand in a path or a query.
        case invalidByte
        case backslash
        /// `;`: origins disagree on where a segment's or a pair's end then is.
        case parameter
        /// `%` without two hexadecimal digits behind it.
        case invalidEscape
        case escapedControl
        case escapedDot
        case invalidUTF8
        case dotSegment
        case emptySegment
        case tooManySegments
    }

    package var reason: Reason
    /// In bytes from the start of the target (or of the authority, for its reasons).
    package var offset: Int

    package init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }
}

extension TargetError.Reason {
    /// A stable name for records, metrics and answers.
    package var code: StaticString {
        switch self {
        case .empty: "target_empty"
        case .formNotSupported: "target_form_not_supported"
        case .schemeNotSupported: "target_scheme_not_supported"
        case .userInformation: "target_user_information"
        case .authorityInvalid: "authority_invalid"
        case .hostMissing: "host_missing"
        case .hostRepeated: "host_repeated"
        case .hostMismatch: "host_mismatch"
        case .fragment: "target_fragment"
        case .controlByte: "target_control_byte"
        case .rawNonASCII: "target_raw_non_ascii"
        case .invalidByte: "target_invalid_byte"
        case .backslash: "target_backslash"
        case .parameter: "target_parameter"
        case .invalidEscape: "target_invalid_escape"
        case .escapedControl: "target_escaped_control"
        case .escapedDot: "target_escaped_dot"
        case .invalidUTF8: "target_invalid_utf8"
        case .dotSegment: "target_dot_segment"
        case .emptySegment: "target_empty_segment"
        case .tooManySegments: "target_too_many_segments"
        }
    }
}
