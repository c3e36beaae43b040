// SPDX-License-Identifier: Apache-2.0
import Bytes

/// A stretch of a record that many requests have in common: written once, and copied into each of their records.
package struct RecordPart: Sendable {
    let bytes: [UInt8]
    /// Whether some text was longer than a record takes.
    let isCut: Bool

    private init(_ write: (inout RecordWriter, inout Buffer) -> Void) {
        var writer = RecordWriter()
        var output = Buffer()
        write(&writer, &output)
        bytes = output.bytes.array()
        isCut = writer.isCut
    }
}

extension RecordPart {
    /// Which table knew the request, and as what. What is nil is left out.
    package static func place(route: String, adapter: String, operation: String?) -> RecordPart {
        RecordPart { writer, output in
            writer.text(",\"bulkhead.route\":\"", route, &output)
            writer.text(",\"bulkhead.adapter\":\"", adapter, &output)
            writer.text(",\"bulkhead.operation\":\"", operation, &output)
        }
    }

    /// Who it was, and by which right.
    package static func who(_ who: HopWho) -> RecordPart {
        RecordPart { writer, output in
            writer.text(",\"tenancy.tenant.id\":\"", who.tenant, &output)
            writer.text(",\"tenancy.tier\":\"", who.tier, &output)
            if who.isTierDrifted { output.append(",\"tenancy.tier.drift\":true") }
            writer.text(",\"tenancy.user.id\":\"", who.user, &output)
            writer.text(",\"tenancy.issuer\":\"", who.issuer, &output)
            writer.text(",\"bulkhead.token.id\":\"", who.tokenID, &output)
            writer.list(",\"bulkhead.policy.ids\":[", who.policies, &output)
            writer.list(",\"bulkhead.policy.would_deny\":[", who.shadowDenials, &output)
            if !who.compartment.isEmpty {
                writer.text(",\"bulkhead.compartment\":\"", who.compartment.span, &output)
            }
            writer.text(",\"bulkhead.credential\":\"", who.credential, &output)
            writer.text(",\"bulkhead.role\":\"", who.role, &output)
        }
    }
}

/// What a record says of a verified principal, and of the grant if there was one. What is nil, empty or false is left out.
package struct HopWho: Sendable {
    package var issuer = ""
    package var tenant = ""
    package var tier = ""
    package var user = ""
    /// A prefix of the token's digest, never the token.
    package var tokenID = ""
    package var isTierDrifted = false

    package var policies: [String] = []
    /// Policies in shadow mode that would have denied (THREATS 11).
    package var shadowDenials: [String] = []
    /// The compartment's code.
    package var compartment: [UInt8] = []
    /// Its name, never the credential.
    package var credential: String?
    /// ARN of the role whose keys it is.
    package var role: String?

    package init() {}
}
