// SPDX-License-Identifier: Apache-2.0
import Bytes

/// Follows what stands between a chunk's size and its CRLF: `;name`, `;name=token`, `;name="quoted"`, any number of
/// them, without the white space that RFC 9112 §7.1.1 only tolerates. Nothing is kept: whoever reads quotes and whoever
/// does not must agree on where the line ends.
struct ChunkExtension {
    private enum Phase {
        case nameStart, name
        case valueStart, token
        case quoted, escaped, afterQuoted
    }

    private var phase: Phase = .nameStart

    /// Whether the line may end here.
    var mayEnd: Bool {
        switch phase {
        case .name, .token, .afterQuoted: true
        case .nameStart, .valueStart, .quoted, .escaped: false
        }
    }

    /// The next byte behind the first `;`, CR left out.
    /// - Returns: false where the grammar has no such byte.
    mutating func take(_ byte: UInt8) -> Bool {
        switch phase {
        case .nameStart:
            phase = .name
            return ASCII.isToken(byte)
        case .name:
            if byte == UInt8(ascii: "=") {
                phase = .valueStart
                return true
            }
            return continues(byte)
        case .valueStart:
            phase = byte == ASCII.quote ? .quoted : .token
            return byte == ASCII.quote || ASCII.isToken(byte)
        case .token: return continues(byte)
        case .quoted:
            if byte == ASCII.quote { phase = .afterQuoted }
            if byte == UInt8(ascii: "\\") { phase = .escaped }
            return ASCII.isFieldValue(byte)
        case .escaped:
            phase = .quoted
            return ASCII.isFieldValue(byte)
        case .afterQuoted:
            phase = .nameStart
            return byte == UInt8(ascii: ";")
        }
    }

    private mutating func continues(_ byte: UInt8) -> Bool {
        if byte == UInt8(ascii: ";") {
            phase = .nameStart
            return true
        }
        return ASCII.isToken(byte)
    }
}
