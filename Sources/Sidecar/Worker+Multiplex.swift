// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Gateway
import HTTP1
import HTTP2
import HTTPTypes
import Runtime
import Telemetry

/// Callers that speak HTTP/2: connections, and the streams on them.
extension Worker {
    // MARK: beginning

    /// Which protocol the caller speaks: what ALPN has chosen, or without TLS what it says first (RFC 9113 §3.3).
    /// - Returns: false when more input is needed.
    mutating func chooseProtocol(_ connection: Downstream) -> Bool {
        if connection.io.transport.speaksHTTP2 {
            multiplex(connection)
            return true
        }
        if connection.io.transport.isPlain {
            switch ServerSession.isPreface(connection.io.transport.input) {
            case true?:
                multiplex(connection)
                return true
            case nil: return false
            case false?: break
            }
        }
        connection.isProtocolKnown = true
        return true
    }

    /// The connection goes on as one of HTTP/2.
    private mutating func multiplex(_ connection: Downstream) {
        connection.io.transport.giveBack(&scratch)
        var transport = Transport.detached()
        swap(&transport, &connection.io.transport)
        let multiplex = Multiplex(transport, connection, limits: plan.http2, now: now)
        connection.isClosed = true
        multiplex.deadline = connection.deadline
        multiplex.armedAt = connection.armedAt
        put(.multiplex(multiplex), at: multiplex.descriptor)
        gateway.count(.http2Connections)
        if isDraining || connection.isRetiring { drain(multiplex) }
        arm(multiplex)
        schedule(multiplex)
    }

    // MARK: the connection

    /// Looks at everything that may have changed for a connection, then writes.
    mutating func advance(_ connection: Multiplex) {
        guard !connection.isClosed else { return }
        if connection.io.transport.isHungUp { return hangUp(connection) }
        if connection.isClosing { return linger(connection) }
        read(connection)
        guard !connection.isClosed else { return }
        connection.io.send(upTo: plan.windowBytes)
        tell(connection)
        if let failure = connection.io.server.session.failure { return fail(connection, failure) }
        if case .failed = connection.io.transport.state { return hangUp(connection) }
        if connection.io.server.session.isDone {
            connection.isClosing = true
            return linger(connection)
        }
        connection.io.transport.spare()
        setDeadline(connection)
    }

    /// Reads while there is room for what it may lead to: a caller that does not read is not read either.
    private mutating func read(_ connection: Multiplex) {
        while connection.io.transport.pendingBytes < plan.windowBytes {
            if !connection.io.transport.input.isEmpty {
                connection.io.receive(now: now)
                tell(connection)
                connection.io.transport.input.removeAll()
            }
            guard connection.io.server.session.failure == nil,
                connection.io.transport.fill(scratch: &scratch)
            else { break }
        }
        switch connection.io.transport.state {
        case .opening, .open: break
        // Nobody half-closes a connection of HTTP/2.
        case .peerEnded, .failed: hangUp(connection)
        }
    }

    /// Hands on what the machine has to tell.
    private mutating func tell(_ connection: Multiplex) {
        while let event = connection.io.server.session.nextEvent() {
            switch event {
            case .head(let id): begin(connection, id)
            case .data(let id, let range):
                guard let stream = connection.find(id) else {
                    connection.io.server.session.consumed(range.count, on: id)
                    break
                }
                stream.io.transport.input.append(range, of: connection.io.transport.input)
                schedule(stream)
            case .ended(let id):
                guard let stream = connection.find(id) else { break }
                stream.io.endInput()
                schedule(stream)
            case .refused(let id, let error):
                if let stream = connection.find(id) { hangUp(stream, Refusal(error)) }
            case .drained(let id): if let stream = connection.find(id) { schedule(stream) }
            case .closed(let id, _): if let stream = connection.find(id) { hangUp(stream) }
            case .goAway, .settings: break
            }
        }
    }

    private mutating func fail(_ connection: Multiplex, _ failure: HTTP2Error) {
        if case .flood(let flood) = failure.reason { gateway.count(flood.counter) }
        for stream in connection.streams { hangUp(stream, Refusal(failure)) }
        connection.io.send(upTo: plan.windowBytes)
        connection.isClosing = true
        linger(connection)
    }

    /// Nobody is there any more.
    mutating func hangUp(_ connection: Multiplex, _ reason: Refusal = .callerGone) {
        for stream in connection.streams { hangUp(stream, reason) }
        close(connection)
    }

    /// As for HTTP/1.1: the last words must not be lost to a reset.
    private mutating func linger(_ connection: Multiplex) {
        connection.deadline = min(connection.deadline, now + plan.lingerTimeout)
        connection.io.transport.flush()
        if case .failed = connection.io.transport.state { return close(connection) }
        guard connection.io.transport.pendingBytes == 0 else { return arm(connection) }
        connection.io.transport.close()
        while connection.io.transport.isReadable {
            connection.io.transport.fill(scratch: &scratch)
            connection.io.transport.input.removeAll()
            guard connection.io.transport.state == .open else { return close(connection) }
        }
        if connection.io.transport.state != .open { return close(connection) }
        arm(connection)
    }

    /// No new requests; see `Session.drain`.
    mutating func drain(_ connection: Multiplex) {
        connection.isRetiring = true
        connection.io.server.session.drain()
        schedule(connection)
    }

    mutating func close(_ connection: Multiplex) {
        guard !connection.isClosed else { return }
        connection.isClosed = true
        connection.spare = []
        connection.io.transport.close()
        release(connection.descriptor)
        connectionCount -= 1
        census.leave(connection.listener, connection.source)
        gateway.count(.connectionsClosed)
    }

    // MARK: streams

    private mutating func begin(_ connection: Multiplex, _ id: StreamID) {
        let stream = connection.open(id, limits: plan.callerLimits)
        let exchange = takeExchange()
        entropy.take(Gateway.randomBytes, into: &exchange.value.random)
        stream.exchange = exchange
        connection.isTrimmed = false
        connection.io.transport.noteRequest()
        gateway.count(.http2Streams)
        do throws(HTTP2Error) {
            let facts = try connection.io.server.request(of: id, into: &exchange.value.request)
            if facts.isWebSocket {
                addKey(to: &exchange.value.request.fields)
                stream.io.link?.isWebSocket = true
            }
            begin(stream, exchange, HTTP1.RequestFacts(facts))
            schedule(stream)
        } catch {
            let start = Gateway.Start(listener: connection.listener, now: now, wallTime: wallTime)
            gateway.reject(&exchange.value, start, Refusal(error))
            if case .answer = error.handling { return answer(stream, exchange) }
            finish(exchange, stream)
            close(stream)
        }
    }

    /// What the handshake of HTTP/1.1 has, and that of HTTP/2 has not (RFC 8441 §5).
    private mutating func addKey(to fields: inout Fields) {
        var random = Buffer()
        entropy.take(16, into: &random)
        var key = Buffer()
        Base64.encode(random.bytes, into: &key)
        try? fields.append(.secWebSocketKey, value: key.bytes)
    }

    /// As `advance`, for one stream; what it has to say is written by its connection.
    mutating func advanceStream(_ stream: Downstream) {
        guard stream.exchange != nil else { return }
        read(stream)
        guard let link = stream.io.link else { return }
        schedule(link.connection)
        if let upstream = stream.upstream, upstream.isPaused {
            let half = plan.windowBytes / 2
            if link.pendingBytes <= half {
                schedule(upstream)
            } else {
                link.connection.io.server.session.tellWhenDrained(link.id, to: half)
            }
        }
        setDeadline(stream)
    }

    /// The exchange is over: the stream may be used for another, while the last of its answer still goes out.
    mutating func release(_ stream: Downstream, _ link: StreamLink) {
        stream.io.consume(stream.io.transport.input.count)
        if stream.io.transport.input.capacity > plan.windowBytes { stream.io.transport.input.release() }
        stream.io.link = nil
        stream.phase = .waiting
        stream.deadline = Instant(nanoseconds: .max)
        stream.isPaused = false
        link.connection.remove(link.id)
        schedule(link.connection)
    }

    // MARK: time

    private mutating func setDeadline(_ connection: Multiplex) {
        let sent = connection.io.server.session.bodyBytesSent
        if sent != connection.progress.bytes || !isWaiting(connection) { connection.progress = (now, sent) }
        let usual =
            connection.streams.isEmpty && !isWaiting(connection)
            ? now + (connection.isTrimmed ? plan.idleTimeout : plan.trimAfter)
            : connection.progress.at + plan.bodyTimeout
        let earliest = min(usual, headDeadline(connection))
        // The streams' own are looked at when the timer comes.
        if connection.streams.isEmpty {
            connection.deadline = earliest
        } else {
            connection.deadline = min(connection.deadline, earliest)
        }
        arm(connection)
    }

    /// Whether something waits for the caller that no exchange waits for any more.
    private mutating func isWaiting(_ connection: Multiplex) -> Bool {
        connection.hasUnreadAnswers || connection.io.transport.pendingBytes > 0
    }

    /// When the head that is under way must have ended.
    private func headDeadline(_ connection: Multiplex) -> Instant {
        connection.io.server.session.headBeganAt.map { $0 + plan.headTimeout } ?? Instant(nanoseconds: .max)
    }

    mutating func timedOut(_ connection: Multiplex) {
        if connection.isClosing { return close(connection) }
        // Nothing else can be understood before its end: all that is under way here ends with it.
        if headDeadline(connection) <= now {
            connection.io.server.session.fail(.flood(.slowHeads))
            return schedule(connection)
        }
        for stream in connection.streams where stream.deadline <= now { timedOut(stream) }
        if isWaiting(connection), connection.progress.at + plan.bodyTimeout <= now {
            gateway.count(.http2WindowStalls)
            return hangUp(connection)
        }
        if connection.streams.isEmpty, !isWaiting(connection) { return idle(connection) }
        var next = connection.progress.at + plan.bodyTimeout
        if next <= now { next = now + plan.bodyTimeout }
        next = min(next, headDeadline(connection))
        for stream in connection.streams { next = min(next, stream.deadline) }
        connection.deadline = next
        arm(connection)
        schedule(connection)
    }

    private mutating func idle(_ connection: Multiplex) {
        guard connection.isTrimmed || connection.isRetiring else {
            connection.isTrimmed = true
            connection.io.transport.trim()
            connection.io.server.session.trim()
            connection.spare = []
            connection.deadline = min(now + plan.idleTimeout, headDeadline(connection))
            return arm(connection)
        }
        connection.io.server.session.drain()
        connection.io.send(upTo: plan.windowBytes)
        connection.isClosing = true
        connection.deadline = now + plan.lingerTimeout
        arm(connection)
        linger(connection)
    }
}

extension HTTP1.RequestFacts {
    /// The same, in the words of HTTP/1.1.
    fileprivate init(_ facts: HTTP2.RequestFacts) {
        self.init()
        framing =
            switch facts.length {
            case .none: .none
            case .fixed(let count): .fixed(count)
            case .unknown: facts.isWebSocket ? .none : .chunked
            }
        closes = false
        expectsContinue = facts.expectsContinue
        isWebSocket = facts.isWebSocket
        acceptsTrailers = facts.acceptsTrailers
    }
}

extension HTTP2Error.Flood {
    fileprivate var counter: Counter {
        switch self {
        case .resets: .http2ResetFloods
        case .continuations: .http2ContinuationFloods
        case .settings: .http2SettingsFloods
        case .pings: .http2PingFloods
        case .emptyFrames: .http2EmptyFrameFloods
        case .otherFrames: .http2OtherFrameFloods
        case .windowUpdates: .http2WindowUpdateFloods
        case .queuedFrames: .http2QueuedFrameFloods
        case .headerBytes: .http2HeaderFloods
        case .slowHeads: .http2SlowHeads
        }
    }
}
