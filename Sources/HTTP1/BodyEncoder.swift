// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import HTTPTypes

/// Writes a body as its head has announced it, and lets neither more nor less through.
package struct BodyEncoder: Sendable {
    private enum Phase: Equatable {
        case finished
        /// So many bytes are still to be written.
        case fixed(Int)
        case chunked
        case untilClose
    }

    private var phase: Phase
    private let side: HTTP1Error.Side

    package init(_ framing: BodyFraming, _ side: HTTP1Error.Side) {
        self.side = side
        switch framing {
        case .none: phase = .fixed(0)
        case .fixed(let count): phase = .fixed(count)
        case .chunked: phase = .chunked
        case .untilClose: phase = .untilClose
        }
    }

    package var isFinished: Bool { phase == .finished }

    /// Appends `data`, as one chunk where the body is chunked; nothing for no data: an empty chunk would end the body.
    /// - Throws: `bodyTooLong` with nothing appended; the message can only be cut off then.
    package mutating func append(
        _ data: borrowing Span<UInt8>,
        into output: inout Buffer
    ) throws(HTTP1Error) {
        guard !data.isEmpty else { return }
        output.reserve(data.count + 20)
        try begin(data.count, into: &output)
        output.append(data)
        end(into: &output)
    }

    /// Begins a piece of `count` bytes, more than none, that its owner sends by itself: appends what stands before it where the
    /// body is chunked. The piece comes next, and `end` behind it.
    /// - Throws: as `append` does.
    package mutating func begin(_ count: Int, into output: inout Buffer) throws(HTTP1Error) {
        switch phase {
        case .finished: throw HTTP1Error(.bodyTooLong, side, at: 0)
        case .fixed(let left):
            guard count <= left else { throw HTTP1Error(.bodyTooLong, side, at: left) }
            phase = .fixed(left - count)
        case .untilClose: break
        case .chunked:
            Self.append(hex: count, into: &output)
            output.append("\r\n")
        }
    }

    /// Ends the piece that was begun.
    package func end(into output: inout Buffer) {
        switch phase {
        case .chunked: output.append("\r\n")
        case .finished, .fixed, .untilClose: break
        }
    }

    /// Ends the body.
    /// - Throws: `bodyTooShort`; the message can only be cut off then, so that its reader sees that it is not whole.
    package mutating func finish(into output: inout Buffer) throws(HTTP1Error) {
        if try end() { output.append("0\r\n\r\n") }
    }

    /// Ends the body with trailers. A body that is not chunked has no place for them: they are dropped, as are
    /// those that a reader might take for part of the head.
    package mutating func finish(
        trailers: borrowing Fields,
        into output: inout Buffer
    ) throws(HTTP1Error) {
        guard try end() else { return }
        output.append("0\r\n")
        trailers.append(linesTo: &output, skipping: .forbiddenInTrailers)
        output.append("\r\n")
    }

    /// - Returns: whether the body was chunked and its last chunk must be written.
    private mutating func end() throws(HTTP1Error) -> Bool {
        switch phase {
        case .finished: return false
        case .fixed(0), .untilClose:
            phase = .finished
            return false
        case .fixed: throw HTTP1Error(.bodyTooShort, side, at: 0)
        case .chunked:
            phase = .finished
            return true
        }
    }

    private static func append(hex value: Int, into output: inout Buffer) {
        var shift = (Int.bitWidth - 1 - value.leadingZeroBitCount) & ~3
        while shift >= 0 {
            output.append(ASCII.hexDigit(UInt8(truncatingIfNeeded: value >> shift) & 15))
            shift -= 4
        }
    }
}
