// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// Writes records of requests as lines of JSON, with the attribute names of OpenTelemetry where it has one.
package enum AccessLog {
    /// Bytes that are written of one text; of a longer one the rest is left out, and the record says so.
    package static let maximumTextBytes = 2048

    /// Appends one line.
    /// - Parameters:
    ///   - target: as the caller sent it; may be empty. Only its path is written: a query's values may be
    ///     credentials (law 8), such as the signature of a presigned URL.
    ///   - rewritten: the target that the upstream got; empty for none. Only its path is written.
    ///   - session: a digest of the session id, as text; empty for none.
    package static func append(
        _ hop: borrowing Hop,
        target: Span<UInt8>,
        rewritten: Span<UInt8>,
        session: Span<UInt8>,
        into output: inout Buffer
    ) {
    }
}
