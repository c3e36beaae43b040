// SPDX-License-Identifier: Apache-2.0
package import Bytes
import HTTPTypes

/// Writes records of requests as lines of JSON, with the attribute names of OpenTelemetry where it has one.
package enum AccessLog {
    /// Bytes that are written of one text; of a longer one the rest is left out, and the record says so.
    package static let maximumTextBytes = 2048
    /// Policies that are named in one list; the same.
    package static let maximumListCount = 32

    /// Appends one line, its end included.
    /// - Parameters:
    ///   - target: as the caller sent it; may be empty. Only its path is written: a query's values may be
    ///     credentials (law 8), such as the signature of a presigned URL.
    ///   - rewritten: the target that the upstream got; empty for none. Only its path is written.
    ///   - session: a digest of the session id, as text; empty for none.
    ///
    /// Cost: well under a microsecond; no allocation but the buffer's growth.
    package static func append(
        _ hop: borrowing Hop,
        target: Span<UInt8>,
        rewritten: Span<UInt8>,
        session: Span<UInt8>,
        into output: inout Buffer
    ) {
        var writer = RecordWriter()
        output.append("{\"time\":\"")
        output.append(rfc3339: hop.time)
        appendOutcome(hop, TargetPath.of(target), &writer, &output)
        writer.text(",\"client.address\":\"", hop.caller, &output)
        if !session.isEmpty { writer.text(",\"session.id\":\"", session, &output) }
        writer.part(hop.who, &output)
        appendUpstream(hop, TargetPath.of(rewritten), &writer, &output)
        if writer.isCut { output.append(",\"bulkhead.truncated\":true") }
        output.append("}\n")
    }

    /// Comes first, and first in it the closing quote of the time.
    private static func appendOutcome(
        _ hop: borrowing Hop,
        _ path: Span<UInt8>,
        _ writer: inout RecordWriter,
        _ output: inout Buffer
    ) {
        output.append("\",\"bulkhead.outcome\":\"")
        output.append(hop.outcome.name)
        output.append(ASCII.quote)
        writer.text(",\"error.type\":\"", hop.reason, &output)
        if let method = hop.method {
            output.append(",\"http.request.method\":\"")
            output.append(method.name)
            output.append(ASCII.quote)
        }
        if !path.isEmpty { writer.text(",\"url.path\":\"", path, &output) }
        if let status = hop.status {
            writer.number(",\"http.response.status_code\":", Int(status.rawValue), &output)
        }
        writer.seconds(",\"http.server.request.duration\":", hop.duration, &output)
        writer.number(",\"http.request.body.size\":", hop.bytesIn, &output)
        writer.number(",\"http.response.body.size\":", hop.bytesOut, &output)
        if hop.traceID.high | hop.traceID.low != 0 {
            output.append(",\"trace_id\":\"")
            output.append(hexadecimal: hop.traceID.high)
            output.append(hexadecimal: hop.traceID.low)
            output.append(ASCII.quote)
        }
    }

    private static func appendUpstream(
        _ hop: borrowing Hop,
        _ path: Span<UInt8>,
        _ writer: inout RecordWriter,
        _ output: inout Buffer
    ) {
        writer.text(",\"bulkhead.listener\":\"", hop.listener, &output)
        writer.part(hop.place, &output)
        writer.text(",\"bulkhead.upstream\":\"", hop.upstream, &output)
        writer.text(",\"bulkhead.upstream.endpoint\":\"", hop.endpoint, &output)
        if !path.isEmpty { writer.text(",\"bulkhead.upstream.path\":\"", path, &output) }
        if let duration = hop.upstreamDuration {
            writer.seconds(",\"http.client.request.duration\":", duration, &output)
        }
    }
}
