// SPDX-License-Identifier: Apache-2.0
import Bytes
package import HTTPTypes

/// Finds a body's bytes in what the peer sends, without moving them.
///
///     decoder.start(facts.framing, .request)
///     while true {
///         let piece = try decoder.decode(input.bytes)
///         forward(input.bytes.extracting(piece.data))
///         input.consume(piece.consumed)
///         if piece.isFinished || piece.consumed == 0 { break }        // finished, or more input is needed
///     }
///
/// Trailers are lines of their own limits; those that frame, route or authenticate are refused. Chunk extensions are
/// checked, bounded and dropped. Source: RFC 9112 §6, §7.
package struct BodyDecoder: ~Copyable {
    package struct Piece: Equatable, Sendable {
        /// Bytes to drop from the front of the input, `data` among them.
        package var consumed = 0
        /// The body's bytes, as a range of the input; often empty.
        package var data = 0..<0
        package var isFinished = false
    }

    private enum Phase: Equatable {
        case finished
        /// So many bytes are left.
        case fixed(Int)
        case untilClose
        /// Within a chunked body.
        case chunked
    }

    private let limits: HTTP1Limits
    private var side: HTTP1Error.Side = .request
    private var phase: Phase = .finished
    private var chunks = ChunkedDecoder()
    /// Of the last chunked body; valid from its end to the next `start`.
    package private(set) var trailers = Fields()

    package init(limits: HTTP1Limits) { self.limits = limits }

    package var isFinished: Bool { phase == .finished }

    /// How many bytes are still to come, nil where only the peer knows.
    package var remaining: Int? {
        switch phase {
        case .finished: 0
        case .fixed(let count): count
        case .untilClose, .chunked: nil
        }
    }

    /// Begins a body. `none` and `fixed(0)` are finished at once.
    package mutating func start(_ framing: BodyFraming, _ side: HTTP1Error.Side) {
        self.side = side
        chunks = ChunkedDecoder()
        trailers.removeAll()
        switch framing {
        case .none, .fixed(0): phase = .finished
        case .fixed(let count): phase = .fixed(count)
        case .untilClose: phase = .untilClose
        case .chunked: phase = .chunked
        }
    }

    /// Looks at the unconsumed input.
    /// - Returns: at most one stretch of the body's bytes; call again until nothing is consumed or it is finished.
    /// - Throws: at the first byte that is wrong; the body has no end then, and the connection none but closing.
    package mutating func decode(_ input: borrowing Span<UInt8>) throws(HTTP1Error) -> Piece {
        switch phase {
        case .finished: return Piece(isFinished: true)
        case .untilClose: return Piece(consumed: input.count, data: 0..<input.count)
        case .fixed(let left):
            let count = min(left, input.count)
            phase = count == left ? .finished : .fixed(left - count)
            return Piece(consumed: count, data: 0..<count, isFinished: count == left)
        case .chunked:
            let piece = try chunks.decode(input, limits, side, trailers: &trailers)
            if piece.isFinished { phase = .finished }
            return piece
        }
    }

    /// The peer will send nothing more.
    /// - Parameter cleanly: it said so (FIN without TLS, `close_notify` with it); a body that ends with the connection is
    ///   only complete then.
    package mutating func end(cleanly: Bool) throws(HTTP1Error) {
        switch phase {
        case .finished: return
        case .untilClose where cleanly: phase = .finished
        case .untilClose, .fixed, .chunked: throw HTTP1Error(.closedInBody, side, at: chunks.position)
        }
    }
}
