// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Gateway
import HTTP1
import HTTPTypes
import Identity
import Runtime
import Telemetry

/// The caller's side: reading requests.
extension Worker {
    /// Looks at everything that may have changed for a caller's connection, then writes once.
    mutating func advance(_ connection: Downstream) {
        guard !connection.isClosed else { return }
        if connection.isStream { return advanceStream(connection) }
        if connection.io.transport.isHungUp, connection.phase != .waiting { return hangUp(connection) }
        if connection.isAbandoned { return hangUp(connection) }
        if connection.phase == .closing { return linger(connection) }
        read(connection)
        guard !connection.isClosed else { return }
        if case .failed = connection.io.transport.flush(scratch: &scratch) { return hangUp(connection) }
        if connection.phase == .closing { return linger(connection) }
        connection.io.transport.spare()
        if let upstream = connection.upstream, upstream.isPaused,
            connection.io.pendingBytes <= plan.windowBytes / 2
        {
            schedule(upstream)
        }
        setDeadline(connection)
    }

    mutating func read(_ connection: Downstream) {
        connection.io.transport.borrow(&scratch)
        readOnce(connection)
        connection.io.transport.giveBack(&scratch)
        guard !connection.isOver else { return }
        switch connection.io.transport.state {
        case .opening, .open: break
        case .peerEnded: callerEnded(connection)
        case .failed: hangUp(connection)
        }
    }

    /// One read for each round: who sends as fast as it is read must not keep others waiting.
    private mutating func readOnce(_ connection: Downstream) {
        guard pump(connection) == .needsInput, !connection.isOver,
            connection.io.transport.fill(scratch: &scratch, limit: readLimit(connection)),
            pump(connection) == .needsInput, !connection.isOver
        else { return }
        if connection.io.transport.isReadable { schedule(connection) }
    }

    /// More at once, where what comes goes on as it is and nothing waits.
    private func readLimit(_ connection: Downstream) -> Int {
        guard connection.phase == .forwarding, let upstream = connection.upstream, !upstream.isStream,
            upstream.io.pendingBytes == 0, let exchange = connection.exchange, !exchange.value.rewritesPieces
        else { return Transport.readBytes }
        return Transport.burstBytes
    }

    private enum Pump { case needsInput, paused }

    /// Feeds the engine with what has been read, as long as there is somewhere for it to go.
    private mutating func pump(_ connection: Downstream) -> Pump {
        while !connection.isOver, acceptsInput(connection) {
            if connection.exchange == nil {
                if connection.io.transport.input.isEmpty { return .needsInput }
                guard connection.isProtocolKnown || chooseProtocol(connection) else { return .needsInput }
                guard !connection.isClosed else { return .paused }
                startHead(connection)
            }
            guard let exchange = connection.exchange else { return .paused }
            let step = connection.io.next(into: &exchange.value.request)
            switch step.event {
            case .needsInput: return .needsInput
            case .head(let facts): begin(connection, exchange, facts)
            case .body(let range):
                take(range, of: connection, exchange)
                if !connection.isOver { connection.io.consume(step.consumed) }
            case .ended:
                requestEnded(connection, exchange)
                // What comes behind it waits for the response's end.
                if connection.phase == .forwarding { return .paused }
            case .tunnel(let range):
                relay(range, of: connection)
                connection.io.consume(step.consumed)
            case .waiting: return .paused
            case .refused(let error): refuse(connection, error)
            case .closed:
                close(connection)
                return .paused
            }
        }
        return .paused
    }

    private mutating func acceptsInput(_ connection: Downstream) -> Bool {
        switch connection.phase {
        case .waiting, .collecting: return true
        case .parked, .queued, .closing: return false
        case .forwarding, .tunnel:
            guard let upstream = connection.upstream else { return false }
            connection.isPaused = upstream.isUndecided || upstream.io.pendingBytes >= plan.windowBytes
            return !connection.isPaused
        }
    }

    private mutating func startHead(_ connection: Downstream) {
        let exchange = takeExchange()
        entropy.take(Gateway.randomBytes, into: &exchange.value.random)
        connection.exchange = exchange
        connection.isTrimmed = false
        connection.io.transport.noteRequest()
        connection.deadline = now + plan.headTimeout
        arm(connection)
    }

    mutating func begin(_ connection: Downstream, _ exchange: ExchangeBox, _ facts: RequestFacts) {
        connection.facts = facts
        connection.requestEnded = false
        connection.wasRetried = false
        connection.hasServed = true
        let caller = connection.io.caller
        connection.hasHalfClosed = caller.hasEnded
        exchange.value.arrived(
            from: connection.source,
            caller.certificate,
            isWebSocket: facts.isWebSocket,
            bodyLength: facts.framing.length
        )
        if plan.listeners[connection.listener].bindsAuthority, let name = connection.serverName {
            exchange.value.bind(to: name.span)
        }
        if isDraining || connection.isRetiring { connection.io.server.closeAfterResponse() }
        let start = Gateway.Start(listener: connection.listener, now: now, wallTime: wallTime)
        let isFull = isPressed || gateway.exchangesUnderWay >= plan.maximumExchanges
        var action = isFull ? gateway.shed(&exchange.value, start) : gateway.begin(&exchange.value, start)
        if case .fixed(let count) = facts.framing, count > plan.bodyBytes, action != .answer {
            action = gateway.refuse(&exchange.value, .bodyTooLarge)
        }
        perform(action, connection, exchange)
    }

    /// Does what the gateway asks for.
    mutating func perform(_ action: Gateway.Action, _ connection: Downstream, _ exchange: ExchangeBox) {
        switch action {
        case .need(let need): park(connection, need)
        case .collect(let limit):
            connection.phase = .collecting(limit: limit)
            connection.pace = (now, exchange.value.bytesIn)
            connection.io.bodyWanted()
        case .forward: open(connection, exchange)
        case .answer: answer(connection, exchange)
        }
    }

    private mutating func park(_ connection: Downstream, _ need: Need) {
        connection.phase = .parked
        connection.need = need
        connection.deadline = now + plan.timeout(of: need)
        arm(connection)
        if parked[need]?.append(connection) == nil {
            parked[need] = [connection]
            control.send(.need(need, worker: index))
        }
    }

    /// The need is met, or is not to be met; the step that asked runs again.
    mutating func resume(_ connection: Downstream, _ outcome: NeedOutcome) {
        guard !connection.isClosed, connection.phase == .parked, let exchange = connection.exchange else {
            return
        }
        connection.phase = .waiting
        connection.need = nil
        perform(gateway.resume(&exchange.value, outcome, now: wallTime), connection, exchange)
        schedule(connection)
    }

    private mutating func take(_ range: Range<Int>, of connection: Downstream, _ exchange: ExchangeBox) {
        exchange.value.bytesIn += range.count
        if exchange.value.bytesIn > plan.bodyBytes { return refuse(connection, exchange, .bodyTooLarge) }
        switch connection.phase {
        case .collecting(let limit):
            if exchange.value.requestBody.count + range.count > Gateway.collectedBytes {
                if overflow(range, connection, exchange) { return }
            }
            if exchange.value.requestBody.count + range.count > limit {
                return refuse(connection, exchange, .bodyTooLarge)
            }
            exchange.value.requestBody.append(range, of: connection.io.transport.input)
        case .forwarding:
            guard let upstream = connection.upstream else { return }
            if exchange.value.rewritesPieces {
                exchange.value.piece.append(range, of: connection.io.transport.input)
                guard rewrite(isFinal: false, connection, upstream, exchange) else { return }
                return schedule(upstream)
            }
            do throws(HTTP1Error) {
                try upstream.io.pass(range, of: connection.io.transport.input, scratch: &scratch)
            } catch {
                return refuse(connection, exchange, Refusal(error))
            }
            schedule(upstream)
        case .waiting, .parked, .queued, .tunnel, .closing: break
        }
    }

    /// The body is larger than what is collected: the request goes out, and its body follows in pieces.
    /// - Returns: false where the adapter must see the whole.
    private mutating func overflow(_ range: Range<Int>, _ connection: Downstream, _ exchange: ExchangeBox)
        -> Bool
    {
        guard let action = gateway.requestOverflowed(&exchange.value) else { return false }
        if action == .forward { exchange.value.piece.append(range, of: connection.io.transport.input) }
        guard action == .forward, gateway.rewritePiece(&exchange.value, isFinal: false) else {
            answer(connection, exchange)
            return true
        }
        connection.phase = .waiting
        open(connection, exchange)
        return true
    }

    /// Rewrites a piece of the request's body and sends what goes on.
    private mutating func rewrite(
        isFinal: Bool,
        _ connection: Downstream,
        _ upstream: Upstream,
        _ exchange: ExchangeBox
    ) -> Bool {
        guard gateway.rewritePiece(&exchange.value, isFinal: isFinal) else {
            // The upstream may have begun to answer before it had the whole request.
            if exchange.value.isAnswered {
                cutOff(connection, exchange)
            } else {
                answer(connection, exchange)
            }
            return false
        }
        return sendPieces(connection, upstream, exchange)
    }

    private mutating func requestEnded(_ connection: Downstream, _ exchange: ExchangeBox) {
        connection.requestEnded = true
        switch connection.phase {
        case .collecting:
            connection.phase = .waiting
            perform(gateway.collected(&exchange.value, now: wallTime), connection, exchange)
        case .forwarding:
            guard let upstream = connection.upstream else { return }
            endRequest(connection, upstream, exchange)
        // Half a tunnel is none.
        case .tunnel: hangUp(connection)
        case .waiting, .parked, .queued, .closing: break
        }
    }

    /// Ends the request's message at the upstream. Its trailers end here (RFC 9110 §6.5.2): they came too late for what is
    /// decided about fields, and no table names them.
    mutating func endRequest(_ connection: Downstream, _ upstream: Upstream, _ exchange: ExchangeBox) {
        if exchange.value.rewritesPieces {
            guard rewrite(isFinal: true, connection, upstream, exchange) else { return }
        }
        do throws(HTTP1Error) {
            try upstream.io.finish()
        } catch {
            return refuse(connection, exchange, Refusal(error))
        }
        schedule(upstream)
    }

    private mutating func relay(_ range: Range<Int>, of connection: Downstream) {
        guard let upstream = connection.upstream else { return }
        connection.exchange?.value.bytesIn += range.count
        upstream.io.transport.output.append(range, of: connection.io.transport.input)
        schedule(upstream)
    }

    // MARK: endings

    /// The caller sent its last byte. It may still want the answer to what it asked.
    private mutating func callerEnded(_ connection: Downstream) {
        switch connection.phase {
        // What is left of the input is a piece that will never be whole.
        case .waiting, .collecting: break
        // Pipelined requests wait there for their turn.
        case .parked, .queued, .forwarding, .tunnel, .closing:
            guard connection.io.transport.input.isEmpty || !acceptsInput(connection) else { return }
        }
        switch connection.io.server.peerClosed() {
        case .idle: close(connection)
        case .inRequest, .tunnel: hangUp(connection)
        case .inResponse: connection.io.server.closeAfterResponse()
        }
    }

    /// Nobody is there any more: what is under way is cancelled and recorded.
    mutating func hangUp(_ connection: Downstream, _ reason: Refusal = .callerGone) {
        if connection.io.transport.state == .failed(.tls), !connection.hasServed {
            gateway.count(.tlsHandshakeFailures)
        }
        if let exchange = connection.exchange, exchange.value.hasBegun {
            if connection.phase != .tunnel { gateway.abandon(&exchange.value, reason) }
            dropUpstream(connection)
            finish(exchange, connection)
        }
        close(connection)
    }

    /// Flushes the answer, says goodbye, and drops what still comes until the caller has seen it: closing at once
    /// would reset the connection and could take the answer with it (RFC 9112 §9.6).
    private mutating func linger(_ connection: Downstream) {
        connection.io.transport.flush(scratch: &scratch)
        if case .failed = connection.io.transport.state { return close(connection) }
        guard connection.io.pendingBytes == 0 else { return setDeadline(connection) }
        connection.io.transport.close()
        while connection.io.transport.isReadable {
            connection.io.transport.fill(scratch: &scratch)
            connection.io.transport.input.removeAll()
            guard connection.io.transport.state == .open else { return close(connection) }
        }
        if connection.io.transport.state != .open { return close(connection) }
        setDeadline(connection)
    }

    mutating func close(_ connection: Downstream) {
        guard !connection.isClosed else { return }
        dropUpstream(connection)
        leaveQueues(connection)
        if let exchange = connection.exchange {
            connection.exchange = nil
            give(exchange)
        }
        if let link = connection.io.link {
            // What was said to its end still goes out.
            if !link.hasFinished { link.reset() }
            return release(connection, link)
        }
        connection.isClosed = true
        connection.io.transport.close()
        release(connection.descriptor)
        connectionCount -= 1
        census.leave(connection.listener, connection.source)
        gateway.count(.connectionsClosed)
    }

    /// Takes a connection out of whatever it waits in.
    mutating func leaveQueues(_ connection: Downstream) {
        switch connection.phase {
        case .parked:
            guard let need = connection.need else { return }
            parked[need]?.removeAll { $0 === connection }
            connection.need = nil
        case .queued:
            guard let place = connection.exchange?.value.upstream else { return }
            pools[place].waiting.removeAll { $0 === connection }
        case .waiting, .collecting, .forwarding, .tunnel, .closing: break
        }
    }

    mutating func setDeadline(_ connection: Downstream) {
        switch connection.phase {
        case .waiting:
            // Within a head, and while a body is dropped, the deadline stands since it began.
            return
        case .parked, .queued: return
        case .collecting: connection.deadline = bodyDeadline(connection)
        case .forwarding:
            let total = connection.exchangeDeadline
            let waitsForCaller = !connection.requestEnded || connection.io.pendingBytes > 0
            connection.deadline = waitsForCaller ? min(total, bodyDeadline(connection)) : total
        case .tunnel: connection.deadline = min(now + plan.idleTimeout, connection.principalEndsAt)
        case .closing:
            // A slow reader has its time for what is left of the answer; the rest is a matter of seconds.
            guard connection.io.transport.pendingBytes == 0 else { break }
            connection.deadline = min(connection.deadline, now + plan.lingerTimeout)
        }
        arm(connection)
    }

    /// Until when the next byte of the request's body must come, and where the body can be held to a pace, enough of them: a
    /// caller that sends one now and then would hold a connection, and an upstream's, for as long as it likes.
    private mutating func bodyDeadline(_ connection: Downstream) -> Instant {
        let idle = now + plan.bodyTimeout
        guard let exchange = connection.exchange, !connection.requestEnded, plan.bodyRate > 0 else {
            return idle
        }
        if case .chunked = connection.facts.framing, connection.phase == .forwarding { return idle }
        let wanted = plan.bodyRate * Int(plan.bodyTimeout.nanoseconds / 1_000_000) / 1000
        // While Bulkhead itself does not read, nothing can come.
        if connection.isPaused || exchange.value.bytesIn - connection.pace.bytes >= wanted {
            connection.pace = (now, exchange.value.bytesIn)
        }
        return min(idle, connection.pace.start + plan.bodyTimeout)
    }

    /// Set when the token or certificate that the exchange under way began with has come to its end.
    private mutating func expired(_ connection: Downstream) -> Refusal? {
        guard now >= connection.principalEndsAt, let principal = connection.exchange?.value.principal else {
            return nil
        }
        return Refusal(principal.expired)
    }

    mutating func timedOut(_ connection: Downstream) {
        switch connection.phase {
        case .waiting:
            // One that never asked for anything, or stalls in its handshake, has had its time.
            guard connection.isIdle, connection.hasServed, !connection.isTrimmed, !connection.isRetiring
            else {
                return close(connection)
            }
            connection.io.transport.trim()
            connection.isTrimmed = true
            connection.deadline = now + plan.idleTimeout
            arm(connection)
        case .parked: refuse(connection, .needTimedOut)
        case .queued: refuse(connection, .upstreamSaturated)
        case .collecting: refuse(connection, .requestTimedOut)
        case .forwarding:
            if let expired = expired(connection) { return refuse(connection, expired) }
            let stalled = !connection.requestEnded || connection.io.pendingBytes > 0
            refuse(connection, stalled ? .requestTimedOut : .upstreamTimedOut)
        case .tunnel:
            if let expired = expired(connection) { return refuse(connection, expired) }
            hangUp(connection)
        case .closing: close(connection)
        }
    }
}
