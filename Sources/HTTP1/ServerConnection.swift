// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import HTTPTypes

/// One caller's connection: requests in, responses out, one exchange at a time.
///
/// It owns no buffer and no socket: it is shown the unconsumed input and appends to the output that it is given.
///
///     reading:  head ──▶ body ──▶ ended ──(response ended)──▶ head …        writing:  idle ──▶ awaiting ──▶ body ──▶ idle
///                 │        │ └─(response ended first)─▶ draining ─▶ head
///                 └────────┴──▶ refused ─▶ closed             101 on a WebSocket request: both ─▶ tunnel
///
/// Input, after each read and after each response that ended with `.reuse` or `.drain`:
///
///     loop: while true {
///         let step = server.received(input.bytes, into: &head)
///         switch step.event {
///         case .needsInput:                                   // read from the socket, then call again
///             input.consume(step.consumed); break loop
///         case .head(let facts):                              // `head` is filled: begin an exchange
///             input.consume(step.consumed)
///             exchange.begin(head, facts)
///         case .body(let range):                              // forward at once; pause by not calling again
///             exchange.receive(input.bytes.extracting(range))
///             input.consume(step.consumed)
///         case .ended:                                        // the request is whole; see `body.trailers`
///             exchange.requestEnded(server.body.trailers)
///         case .waiting: break loop                           // an exchange is under way: leave what is there
///         case .tunnel(let range):                            // WebSocket bytes, as they are
///             exchange.relay(input.bytes.extracting(range)); input.consume(step.consumed)
///         case .refused(let error):                           // answer with error.status (if nothing was answered
///             exchange.refuse(error); break loop              // yet, else `abort` and close), then close
///         case .closed: break loop
///         }
///     }
///
/// Output, as the exchange goes on:
///
///     server.bodyWanted(into: &output)                        // when an upstream is ready for the body
///     server.respond(responseHead, length: .unknown, into: &output)
///     try server.write(piece, into: &output)                  // any number of times; flush when the turn ends
///     switch try server.finish(into: &output) {
///     case .reuse, .drain: call `received` with what is in the buffer, then read on
///     case .close: flush, shut down writing, read and drop until the caller closes or a timer says so
///     }
///
/// Closing rules (RFC 9112 §9.6): the caller asked, HTTP/1.0, after any refusal, `closeAfterResponse`, a body that ends
/// with the connection, a response before a body that cannot be drained within the limits.
package struct ServerConnection: ~Copyable {
    private enum Reading: Equatable {
        /// Between requests or within a head.
        case head
        /// The body is being decoded, or has just been and `ended` is to be said.
        case body
        /// The request is whole and its response is not.
        case ended
        /// The response is whole and its request is not; so many bytes may still be dropped.
        case draining(Int)
        case tunnel
        case refused
        case closed
    }

    private enum Writing: Equatable {
        case idle
        /// A request was read and no response begun.
        case awaiting
        case body
        case tunnel
        case closed
    }

    private let limits: HTTP1Limits
    private var parser: RequestParser
    /// Its `trailers` are the request's, once `.ended` was said.
    package private(set) var body: BodyDecoder
    private var encoder = BodyEncoder(.none, .response)
    private var reading: Reading = .head
    private var writing: Writing = .idle
    private var facts = RequestFacts()
    private var isHead = false
    private var sawBody = false
    private var discardsBody = false
    private var closes = false
    private let lent = ByAddress()

    package init(limits: HTTP1Limits) {
        self.limits = limits
        parser = RequestParser(limits: limits)
        body = BodyDecoder(limits: limits)
    }

    /// Between requests, with no byte of the next one seen.
    package var isIdle: Bool { reading == .head && writing == .idle && !parser.isInHead }

    /// Whether a response may still be begun.
    package var awaitsResponse: Bool { writing == .awaiting }

    /// The response under way, or the next one, is the last.
    package mutating func closeAfterResponse() { closes = true }

    // MARK: what the caller sent

    /// Looks at the unconsumed input and says the next thing that it holds. Call again until it says `.needsInput`,
    /// `.waiting`, `.refused` or `.closed`.
    package mutating func received(_ input: borrowing Span<UInt8>, into head: inout RequestHead) -> Step {
        do throws(HTTP1Error) {
            switch reading {
            case .head: return try readHead(input, into: &head)
            case .body: return try readBody(input)
            case .ended: return Step(consumed: 0, event: .waiting)
            case .draining(let left): return try drain(input, left, into: &head)
            case .tunnel:
                guard !input.isEmpty else { return Step(consumed: 0, event: .needsInput) }
                return Step(consumed: input.count, event: .tunnel(0..<input.count))
            case .refused: return Step(consumed: input.count, event: .waiting)
            case .closed: return Step(consumed: input.count, event: .closed)
            }
        } catch {
            return refuse(error)
        }
    }

    /// The caller will send nothing more, and `received` has seen all that it sent. A response under way may go on;
    /// `finish` then says `.close`. Requests that still wait behind it are dropped.
    package mutating func peerClosed() -> Closing {
        let before = reading
        closes = true
        reading = .closed
        switch before {
        case .head:
            writing = .closed
            return parser.isInHead ? .inRequest : .idle
        case .body: return .inRequest
        case .ended, .refused: return .inResponse
        case .draining, .closed: return .idle
        case .tunnel: return .tunnel
        }
    }

    private mutating func readHead(
        _ input: borrowing Span<UInt8>,
        into head: inout RequestHead
    ) throws(HTTP1Error) -> Step {
        guard let count = try parser.parse(input, into: &head) else {
            return Step(consumed: 0, event: .needsInput)
        }
        facts = parser.facts
        isHead = head.method == .head
        sawBody = false
        discardsBody = false
        closes = closes || facts.closes
        body.start(facts.framing, .request)
        reading = .body
        writing = .awaiting
        return Step(consumed: count, event: .head(facts))
    }

    private mutating func readBody(_ input: borrowing Span<UInt8>) throws(HTTP1Error) -> Step {
        guard !body.isFinished else {
            reading = .ended
            return Step(consumed: 0, event: .ended)
        }
        let piece = try body.decode(input)
        sawBody = sawBody || piece.consumed > 0
        if !piece.data.isEmpty { return Step(consumed: piece.consumed, event: .body(piece.data)) }
        if piece.isFinished {
            reading = .ended
            return Step(consumed: piece.consumed, event: .ended)
        }
        return Step(consumed: piece.consumed, event: .needsInput)
    }

    private mutating func drain(
        _ input: borrowing Span<UInt8>,
        _ left: Int,
        into head: inout RequestHead
    ) throws(HTTP1Error) -> Step {
        var consumed = 0
        while !body.isFinished {
            let piece = try body.decode(input.extracting(consumed..<input.count))
            consumed += piece.consumed
            guard consumed <= left else {
                reading = .closed
                return Step(consumed: consumed, event: .closed)
            }
            if piece.consumed == 0, !piece.isFinished {
                reading = .draining(left - consumed)
                return Step(consumed: consumed, event: .needsInput)
            }
        }
        reading = .head
        let next = try readHead(input.extracting(consumed..<input.count), into: &head)
        return Step(consumed: consumed + next.consumed, event: next.event)
    }

    private mutating func refuse(_ error: HTTP1Error) -> Step {
        closes = true
        switch reading {
        case .head:
            // What was read may be half a head: nothing in it counts.
            facts = RequestFacts()
            isHead = false
            discardsBody = false
            writing = .awaiting
            reading = .refused
        case .draining:
            reading = .closed
            return Step(consumed: 0, event: .closed)
        case .body, .ended, .tunnel, .refused, .closed: reading = .refused
        }
        return Step(consumed: 0, event: .refused(error))
    }

    // MARK: what the caller is answered

    /// Someone is ready for the request's body: appends `100 Continue` where the caller waits for it.
    package mutating func bodyWanted(into output: inout Buffer) {
        guard facts.expectsContinue, !sawBody, reading == .body, writing == .awaiting else { return }
        facts.expectsContinue = false
        output.append("HTTP/1.1 100 Continue\r\n\r\n")
    }

    /// Appends the head of the final response.
    /// - Parameters:
    ///   - status: 200...599; 101 is `switchProtocols`.
    ///   - length: of the body that will be written, or, for a response to HEAD and 304, of the body that would be.
    ///   - close: whether the connection ends with this response in any case.
    package mutating func respond(
        status: Status,
        fields: borrowing Fields,
        length: BodyLength,
        close: Bool = false,
        into output: inout Buffer
    ) {
        precondition(writing == .awaiting, "a response without a request, or a second one")
        precondition(!status.isInformational, "an interim response is no answer")
        let announced = framing(of: length, status)
        discardsBody = isHead || !status.allowsBody
        if close || announced == .untilClose || !canDrain { closes = true }
        encoder = BodyEncoder(discardsBody ? .none : announced, .response)
        writing = .body
        let intent: ConnectionIntent = closes ? .close : .keepAlive
        HeadEncoder.append(
            status: status,
            fields: fields,
            framing: announced,
            connection: intent,
            into: &output
        )
    }

    /// Appends a piece of the response's body. What a response to HEAD, 204 or 304 would say is dropped.
    /// - Throws: `bodyTooLong`: more than was announced. Only `abort` is left.
    package mutating func write(
        _ data: borrowing Span<UInt8>,
        into output: inout Buffer
    ) throws(HTTP1Error) {
        precondition(writing == .body, "a body without a head")
        if !discardsBody { try encoder.append(data, into: &output) }
    }

    /// Begins a piece of the body that its owner sends by itself, behind all that is in `output`; `endPiece` comes after it.
    /// - Parameter count: of its bytes, more than none.
    /// - Returns: false where the piece is to be dropped, as `write` would.
    /// - Throws: as `write` does.
    package mutating func beginPiece(_ count: Int, into output: inout Buffer) throws(HTTP1Error) -> Bool {
        precondition(writing == .body, "a body without a head")
        if discardsBody { return false }
        try encoder.begin(count, into: &output)
        return true
    }

    package func endPiece(into output: inout Buffer) { encoder.end(into: &output) }

    /// Ends the response.
    /// - Throws: `bodyTooShort`: less than was announced. Only `abort` is left.
    package mutating func finish(into output: inout Buffer) throws(HTTP1Error) -> Ending {
        precondition(writing == .body, "an end without a head")
        try encoder.finish(into: &output)
        return responseEnded()
    }

    /// Ends the response with trailers, which only a chunked one can carry.
    package mutating func finish(
        trailers: borrowing Fields,
        into output: inout Buffer
    ) throws(HTTP1Error) -> Ending {
        precondition(writing == .body, "an end without a head")
        try encoder.finish(trailers: trailers, into: &output)
        return responseEnded()
    }

    /// Appends the 101 that grants a WebSocket; from here both ways are a tunnel.
    /// - Parameter fields: of the upstream's 101, `Sec-WebSocket-Accept` among them.
    package mutating func switchProtocols(_ fields: borrowing Fields, into output: inout Buffer) {
        precondition(facts.isWebSocket && writing == .awaiting, "a switch that nobody asked for")
        HeadEncoder.append(
            status: .switchingProtocols,
            fields: fields,
            framing: .none,
            connection: .webSocket,
            into: &output
        )
        reading = .tunnel
        writing = .tunnel
    }

    /// The exchange cannot be ended as it was begun: the connection must be closed without the body's proper end.
    package mutating func abort() {
        closes = true
        reading = .closed
        writing = .closed
    }

    private func framing(of length: BodyLength, _ status: Status) -> BodyFraming {
        if !status.allowsBody {
            // RFC 9110 §8.6: a 304 may repeat the length, a 204 must not have one.
            if case .fixed(let count) = length, status == .notModified { return .fixed(count) }
            return .none
        }
        switch length {
        case .none: return isHead ? .none : .fixed(0)
        case .fixed(let count): return .fixed(count)
        case .unknown: return isHead ? .none : facts.isHTTP10 ? .untilClose : .chunked
        }
    }

    /// Whether what the caller still sends of the request can be read and dropped. A caller that waits for a 100
    /// may send the body or not: there is no telling where its next request begins.
    private var canDrain: Bool {
        guard reading == .body, !body.isFinished else { return reading != .refused }
        if facts.expectsContinue && !sawBody { return false }
        return body.remaining.map { $0 <= limits.drainBytes } ?? true
    }

    private mutating func responseEnded() -> Ending {
        if closes {
            reading = .closed
            writing = .closed
            return .close
        }
        writing = .idle
        if reading == .body, !body.isFinished {
            reading = .draining(limits.drainBytes)
            return .drain
        }
        reading = .head
        return .reuse
    }
}
