// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import HTTPTypes

/// One connection to an upstream: a request out, its response in, then perhaps another.
///
/// It owns no buffer and no socket: it is shown the unconsumed input and appends to the output that it is given.
///
///     reading:  idle ──send──▶ head ──▶ body ──▶ ended ──send──▶ head …       writing:  idle ──send──▶ body ──▶ done
///                 │              │ └─101─▶ tunnel
///                 └── any byte ──┴──────▶ failed ─▶ (close)
///
/// Output:
///
///     client.send(head.method, target: path, authority: authority, fields: fields, length: facts.framing.length,
///                 into: &output)
///     try client.write(piece, into: &output)                  // as the caller's body comes
///     try client.finish(into: &output)                        // when it has ended, also where there was none
///
/// Input, after each read, and once when a connection is taken from the pool (it must say `.needsInput`):
///
///     loop: while true {
///         let step = client.received(input.bytes, into: &response)
///         switch step.event {
///         case .needsInput: input.consume(step.consumed); break loop
///         case .head(let facts):                              // `response` is filled
///             input.consume(step.consumed)
///             server.respond(status: response.status, fields: response.fields, length: facts.length, into: &out)
///         case .body(let range):
///             try server.write(input.bytes.extracting(range), into: &out); input.consume(step.consumed)
///         case .ended:
///             input.consume(step.consumed)
///             ending = try server.finish(trailers: client.body.trailers, into: &out)
///             if client.isReusable && input.isEmpty { pool.put(self) } else { close() }
///             break loop
///         case .switched:                                     // check Sec-WebSocket-Accept, then
///             input.consume(step.consumed); server.switchProtocols(response.fields, into: &out)
///         case .tunnel(let range): relay(input.bytes.extracting(range)); input.consume(step.consumed)
///         case .failed(let error): close(); fail(error); break loop
///         case .closed: close(); break loop
///         }
///     }
///     // At the end of the stream: handle the event of client.peerClosed(cleanly:) in the same way.
///
/// Interim responses (1xx) are read and dropped, 103 too: its fields would pass no adapter. Bulkhead answers a caller's
/// `Expect: 100-continue` itself and sends none.
/// A connection is reusable only when both messages were framed exactly and nothing is left over (THREATS 18).
package struct ClientConnection: ~Copyable {
    private enum Reading: Equatable {
        /// No request was sent yet, or the last response was whole.
        case idle
        /// A request was begun; 1xx heads may come before the final one.
        case head
        /// The body is being decoded, or has just been and `ended` is to be said.
        case body
        case tunnel
        case failed
    }

    private enum Writing: Equatable {
        /// No request yet, or the last one is whole.
        case idle
        case body
    }

    private let limits: HTTP1Limits
    private var parser: ResponseParser
    /// Its `trailers` are the response's, once `.ended` was said.
    package private(set) var body: BodyDecoder
    private var encoder = BodyEncoder(.none, .request)
    private var reading: Reading = .idle
    private var writing: Writing = .idle
    private var method: Method = .get
    private var asksForWebSocket = false
    private var closes = false
    private var interimCount = 0
    private var sawResponse = false
    private let lent = ByAddress()

    package init(limits: HTTP1Limits) {
        self.limits = limits
        parser = ResponseParser(limits: limits)
        body = BodyDecoder(limits: limits)
    }

    /// Whether another request may be sent: both messages are whole, and neither side is about to close. The caller of
    /// this must also see that no input is left.
    package var isReusable: Bool { reading == .idle && writing == .idle && !closes }

    /// Whether the upstream has sent anything since the request began: a request on a reused connection that got
    /// nothing at all back may be sent again where its method allows it.
    package var hasSeenResponse: Bool { sawResponse }

    /// No request will follow this one.
    package mutating func closeAfterResponse() { closes = true }

    // MARK: the request

    /// Appends a request's head.
    /// - Parameters:
    ///   - target: in origin form, canonical.
    ///   - fields: hop-by-hop ones in it are not copied; Host comes from `authority`, the length from `length`.
    ///   - length: of the body; one whose length is unknown is sent in chunks.
    package mutating func send(
        _ method: Method,
        target: borrowing Span<UInt8>,
        authority: borrowing Span<UInt8>,
        fields: borrowing Fields,
        length: BodyLength,
        webSocket: Bool = false,
        into output: inout Buffer
    ) {
        precondition(isReusable, "a request on a connection that is taken or spent")
        let framing: BodyFraming =
            switch length {
            case .none: .none
            case .fixed(let count): .fixed(count)
            case .unknown: .chunked
            }
        self.method = method
        asksForWebSocket = webSocket
        interimCount = 0
        sawResponse = false
        encoder = BodyEncoder(framing, .request)
        reading = .head
        writing = .body
        HeadEncoder.append(
            method: method,
            target: target,
            authority: authority,
            fields: fields,
            framing: framing,
            connection: webSocket ? .webSocket : .keepAlive,
            into: &output
        )
    }

    /// Appends a piece of the request's body.
    /// - Throws: `bodyTooLong`: more than was announced. The connection can only be closed.
    package mutating func write(
        _ data: borrowing Span<UInt8>,
        into output: inout Buffer
    ) throws(HTTP1Error) {
        precondition(writing == .body, "a body without a head")
        try encoder.append(data, into: &output)
    }

    /// Begins a piece of the body that its owner sends by itself, behind all that is in `output`; `endPiece` comes after it.
    /// - Parameter count: of its bytes, more than none.
    /// - Throws: as `write` does.
    package mutating func beginPiece(_ count: Int, into output: inout Buffer) throws(HTTP1Error) {
        precondition(writing == .body, "a body without a head")
        try encoder.begin(count, into: &output)
    }

    package func endPiece(into output: inout Buffer) { encoder.end(into: &output) }

    /// Ends the request.
    /// - Throws: `bodyTooShort`: less than was announced. The connection can only be closed.
    package mutating func finish(into output: inout Buffer) throws(HTTP1Error) {
        precondition(writing == .body, "an end without a head")
        try encoder.finish(into: &output)
        writing = .idle
    }

    /// Ends the request with trailers, which only a chunked one can carry.
    package mutating func finish(
        trailers: borrowing Fields,
        into output: inout Buffer
    ) throws(HTTP1Error) {
        precondition(writing == .body, "an end without a head")
        try encoder.finish(trailers: trailers, into: &output)
        writing = .idle
    }

    // MARK: the response

    /// Looks at the unconsumed input and says the next thing that it holds. Call again until it says `.needsInput`,
    /// `.ended`, `.failed` or `.closed`.
    package mutating func received(
        _ input: borrowing Span<UInt8>,
        into head: inout ResponseHead
    ) -> Step {
        do throws(HTTP1Error) {
            switch reading {
            case .idle:
                guard input.isEmpty else { throw HTTP1Error(.strayBytes, .response, at: 0) }
                return Step(consumed: 0, event: .needsInput)
            case .head:
                sawResponse = sawResponse || !input.isEmpty
                return try readHead(input, into: &head)
            case .body: return try readBody(input)
            case .tunnel:
                guard !input.isEmpty else { return Step(consumed: 0, event: .needsInput) }
                return Step(consumed: input.count, event: .tunnel(0..<input.count))
            case .failed: return Step(consumed: input.count, event: .closed)
            }
        } catch {
            return Step(consumed: 0, event: fail(error))
        }
    }

    /// The upstream will send nothing more.
    /// - Parameter cleanly: it said so: FIN without TLS, `close_notify` with it. A body that ends with the connection is
    ///   only whole then.
    package mutating func peerClosed(cleanly: Bool) -> Event {
        closes = true
        switch reading {
        case .idle, .failed, .tunnel:
            reading = .failed
            return .closed
        case .head:
            let reason: HTTP1Error.Reason = sawResponse ? .closedInHead : .closedBeforeResponse
            return fail(HTTP1Error(reason, .response, at: 0))
        case .body:
            do throws(HTTP1Error) {
                try body.end(cleanly: cleanly)
            } catch {
                return fail(error)
            }
            reading = .idle
            return .ended
        }
    }

    private mutating func fail(_ error: HTTP1Error) -> Event {
        closes = true
        reading = .failed
        return .failed(error)
    }

    private mutating func readHead(
        _ input: borrowing Span<UInt8>,
        into head: inout ResponseHead
    ) throws(HTTP1Error) -> Step {
        var consumed = 0
        while let count = try parser.parse(
            input.extracting(consumed..<input.count),
            to: method,
            into: &head
        ) {
            consumed += count
            if head.status.isInformational { try checkInterim(head) }
            if head.status == .switchingProtocols {
                try checkSwitch(head)
                reading = .tunnel
                closes = true
                return Step(consumed: consumed, event: .switched)
            }
            guard !head.status.isInformational else {
                interimCount += 1
                guard interimCount <= limits.interimCount else {
                    throw HTTP1Error(.tooManyInterim, .response, at: consumed)
                }
                continue
            }
            closes = closes || parser.facts.closes
            body.start(parser.facts.framing, .response)
            reading = .body
            return Step(consumed: consumed, event: .head(parser.facts))
        }
        return Step(consumed: consumed, event: .needsInput)
    }

    private mutating func readBody(_ input: borrowing Span<UInt8>) throws(HTTP1Error) -> Step {
        guard !body.isFinished else {
            reading = .idle
            return Step(consumed: 0, event: .ended)
        }
        let piece = try body.decode(input)
        if !piece.data.isEmpty { return Step(consumed: piece.consumed, event: .body(piece.data)) }
        if piece.isFinished {
            reading = .idle
            return Step(consumed: piece.consumed, event: .ended)
        }
        return Step(consumed: piece.consumed, event: .needsInput)
    }

    /// RFC 9110 §8.6 and RFC 9112 §6.1: a 1xx has no body and must not say that it has one; who believed it would read the
    /// final response as that body.
    private func checkInterim(_ head: borrowing ResponseHead) throws(HTTP1Error) {
        guard head.fields.first(.contentLength) == nil, head.fields.first(.transferEncoding) == nil else {
            throw HTTP1Error(.framedInterim, .response, at: 0)
        }
    }

    /// RFC 6455 §4.1: a switch to anything but what was asked for is none. That the accept value answers the key is
    /// for whoever has SHA-1.
    private func checkSwitch(_ head: borrowing ResponseHead) throws(HTTP1Error) {
        let fields =
            head.fields.occurrences(.upgrade) == 1 && head.fields.occurrences(.secWebSocketAccept) == 1
        guard asksForWebSocket, fields, head.version == .http11,
            let upgrade = head.fields.first(.upgrade),
            head.fields.value(at: upgrade).equalsIgnoringCase("websocket"),
            try ConnectionOptions(head.fields, side: .response).upgrades
        else { throw HTTP1Error(.unexpectedSwitch, .response, at: 0) }
    }
}
