// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto
import HTTPTypes

/// Events that somebody has to look at, as lines of JSON without their last brace: `AuditChain` adds what binds each to the
/// one before. Joined to the record of the request by `trace_id`. Nothing of a foreign object is in them.
package enum AuditLog {
    package enum Kind: Sendable {
        /// A store answered with something of another compartment; it was held back.
        case leakStopped
        /// A request that nobody makes by mistake, refused.
        case attackRefused
        /// This process begins to write here.
        case opened

        var name: StaticString {
            switch self {
            case .leakStopped: "leak_stopped"
            case .attackRefused: "attack_refused"
            case .opened: "opened"
            }
        }
    }

    /// Appends one line, its end included.
    /// - Parameters:
    ///   - rewrite: the table's name of the rewrite at whose place something foreign stood; nil for none.
    ///   - owner: SHA-256 of the code of the foreign compartment, which `bulkhead namespace encode` writes; nil where it is
    ///     not known.
    package static func append(
        _ hop: borrowing Hop,
        _ kind: Kind,
        rewrite: String?,
        owner: Digest?,
        into output: inout Buffer
    ) {
        var writer = RecordWriter()
        begin(kind, hop.time, &output)
        writer.text(",\"error.type\":\"", hop.reason, &output)
        if hop.traceID.high | hop.traceID.low != 0 {
            output.append(",\"trace_id\":\"")
            output.append(hexadecimal: hop.traceID.high)
            output.append(hexadecimal: hop.traceID.low)
            output.append(ASCII.quote)
        }
        writer.text(",\"bulkhead.leak.rewrite\":\"", rewrite, &output)
        if let owner {
            output.append(",\"bulkhead.leak.owner\":\"")
            Hex.encode(owner.bytes, into: &output)
            output.append(ASCII.quote)
        }
        writer.text(",\"client.address\":\"", hop.caller, &output)
        writer.part(hop.who, &output)
        writer.text(",\"bulkhead.listener\":\"", hop.listener, &output)
        writer.part(hop.place, &output)
        writer.text(",\"bulkhead.upstream\":\"", hop.upstream, &output)
        output.append(ASCII.lineFeed)
    }

    /// Appends the line of a process that begins to write.
    package static func appendOpening(at time: WallTime, version: String, into output: inout Buffer) {
        var writer = RecordWriter()
        begin(.opened, time, &output)
        writer.text(",\"service.version\":\"", version, &output)
        output.append(ASCII.lineFeed)
    }

    private static func begin(_ kind: Kind, _ time: WallTime, _ output: inout Buffer) {
        output.append("{\"time\":\"")
        output.append(rfc3339: time)
        output.append("\",\"event\":\"")
        output.append(kind.name)
        output.append(ASCII.quote)
    }
}
