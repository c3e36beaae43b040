// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import HTTPTypes

/// What a head says of the connection that carries it.
package enum ConnectionIntent: Equatable, Sendable {
    case keepAlive
    case close
    /// A WebSocket handshake, or the 101 that grants one.
    case webSocket
}

/// Writes heads from their parsed form: `Fields` holds nothing else.
///
/// Host, Content-Length, Transfer-Encoding, Connection and Upgrade are written from what the caller of these
/// functions knows, and never copied; other hop-by-hop fields are left out (`KnownField.isHopByHop`), but a request that
/// takes trailers says so again.
/// Cost: one reservation, then one copy for each run of fields between those that are left out; no allocation once the
/// buffer has grown.
package enum HeadEncoder {
    /// Appends a request's head in HTTP/1.1.
    /// - Parameters:
    ///   - target: in origin form, canonical.
    ///   - authority: what Host says; empty writes `Host:` with nothing behind it (RFC 9112 §3.2).
    package static func append(
        method: Method,
        target: borrowing Span<UInt8>,
        authority: borrowing Span<UInt8>,
        fields: borrowing Fields,
        framing: BodyFraming,
        connection: ConnectionIntent,
        into output: inout Buffer
    ) {
        output.reserve(fields.byteCount + target.count + authority.count + 192)
        output.append(method.name)
        output.append(ASCII.space)
        output.append(target)
        output.append(" HTTP/1.1\r\nHost: ")
        output.append(authority)
        output.append("\r\n")
        fields.append(linesTo: &output, skipping: .writtenInRequests)
        append(framing, into: &output)
        if fields.acceptsTrailers, connection == .keepAlive {
            output.append("TE: trailers\r\nConnection: TE\r\n")
        } else {
            append(connection, into: &output)
        }
        output.append("\r\n")
    }

    /// Appends a response's head in HTTP/1.1, whatever version the caller spoke (RFC 9110 §6.2).
    package static func append(
        status: Status,
        fields: borrowing Fields,
        framing: BodyFraming,
        connection: ConnectionIntent,
        into output: inout Buffer
    ) {
        output.reserve(fields.byteCount + 192)
        output.append("HTTP/1.1 ")
        output.append(decimal: Int(status.rawValue))
        output.append(ASCII.space)
        output.append(status.reason)
        output.append("\r\n")
        fields.append(linesTo: &output, skipping: .writtenInResponses)
        append(framing, into: &output)
        append(connection, into: &output)
        output.append("\r\n")
    }

    private static func append(_ framing: BodyFraming, into output: inout Buffer) {
        switch framing {
        case .none, .untilClose: break
        case .chunked: output.append("Transfer-Encoding: chunked\r\n")
        case .fixed(let count):
            output.append("Content-Length: ")
            output.append(decimal: count)
            output.append("\r\n")
        }
    }

    private static func append(_ connection: ConnectionIntent, into output: inout Buffer) {
        switch connection {
        case .keepAlive: break
        case .close: output.append("Connection: close\r\n")
        case .webSocket: output.append("Connection: Upgrade\r\nUpgrade: websocket\r\n")
        }
    }
}

extension KnownFieldSet {
    /// Never copied: what belongs to one hop, and the length, which the framing says.
    fileprivate static let writtenInResponses = hopByHop.union([.contentLength])
    /// And Host, which the authority says.
    fileprivate static let writtenInRequests = writtenInResponses.union([.host])
}
