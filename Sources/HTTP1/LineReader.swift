// SPDX-License-Identifier: Apache-2.0
import Bytes

/// Finds lines that end in CRLF and remembers how far it has looked, so that input which comes byte by byte is
/// looked at once.
struct LineReader {
    enum Fault: Error, Equatable {
        case tooLong
        case bareLineFeed
    }

    /// Bytes of the line at hand that hold no line feed.
    private var scanned = 0

    /// Whether nothing of the line at hand was looked at.
    var isAtStart: Bool { scanned == 0 }

    /// The line that begins at `start`.
    /// - Parameters:
    ///   - start: the same one until the line is found.
    ///   - limit: the most bytes that the line and its CRLF may have.
    ///   - offset: where a fault stands in `bytes`.
    /// - Returns: the index of its CR, or nil when more input is needed.
    @inline(__always)
    mutating func end(
        in bytes: borrowing Span<UInt8>,
        from start: Int,
        limit: Int,
        fault offset: inout Int
    ) throws(Fault) -> Int? {
        guard let lineFeed = bytes.firstIndex(of: ASCII.lineFeed, from: start + scanned),
            lineFeed - start < limit
        else {
            guard bytes.count - start < limit else {
                offset = start + limit
                throw .tooLong
            }
            scanned = bytes.count - start
            return nil
        }
        guard lineFeed > start, bytes[lineFeed - 1] == ASCII.carriageReturn else {
            offset = lineFeed
            throw .bareLineFeed
        }
        scanned = 0
        return lineFeed - 1
    }
}
