// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Gateway
import HTTP1
import HTTPTypes
import Identity
import Runtime
import TLS
import Telemetry

/// The upstream's side: connections, requests out, responses in.
extension Worker {
    // MARK: connections

    /// Finds a connection for the exchange: an idle one of the same tenant and credential, else a new one.
    mutating func open(_ connection: Downstream, _ exchange: ExchangeBox) {
        guard let (place, pool) = exchange.value.destination else { return }
        if plan.upstreams[place].protocol != .http1 {
            let allowsHTTP1 = plan.upstreams[place].protocol == .auto
            guard allowsHTTP1 || !exchange.value.isWebSocket else {
                return refuse(connection, exchange, .upgradeRefused)
            }
            if !exchange.value.isWebSocket, let shared = pools[place].sharedConnection(pool) {
                gateway.count(.poolHits)
                return attach(connection, shared.open(limits: plan.upstreamLimits), exchange)
            }
        }
        if !connection.wasRetried {
            while let upstream = pools[place].take(pool) {
                if upstream.io.isUntouched(scratch: &scratch) {
                    gateway.count(.poolHits)
                    return attach(connection, upstream, exchange)
                }
                close(upstream)
            }
        }
        gateway.count(.poolMisses)
        connect(connection, exchange, place, pool)
    }

    private mutating func connect(
        _ connection: Downstream,
        _ exchange: ExchangeBox,
        _ place: Int,
        _ pool: Int
    ) {
        if pools[place].isSaturated {
            if let idle = pools[place].idleShared() { retire(idle) }
        }
        if pools[place].isSaturated {
            guard let victim = pools[place].evict() else {
                connection.phase = .queued
                connection.deadline = now + plan.upstreams[place].timeouts.connect
                arm(connection)
                pools[place].waiting.append(connection)
                return
            }
            close(victim)
        }
        guard let address = pools[place].nextAddress() else {
            return refuse(connection, exchange, .upstreamUnresolved)
        }
        do throws(SystemError) {
            let upstream = try Upstream(
                Socket.connect(to: address),
                session: plan.upstreams[place].makeSession(onlyHTTP1: exchange.value.isWebSocket),
                place: place,
                pool: pool,
                endpoint: address.description,
                limits: plan.upstreamLimits
            )
            try reactor.add(upstream.descriptor)
            upstream.isUndecided =
                plan.upstreams[place].protocol != .http1 && !exchange.value.isWebSocket
            put(.upstream(upstream), at: upstream.descriptor)
            pools[place].opened()
            gateway.count(.upstreamConnectionsOpened)
            attach(connection, upstream, exchange)
        } catch {
            refuse(connection, exchange, .upstreamUnreachable)
        }
    }

    /// Lets the exchange have the connection, and sends the head (it waits in the buffer until connected).
    mutating func attach(_ connection: Downstream, _ upstream: Upstream, _ exchange: ExchangeBox) {
        connection.upstream = upstream
        connection.phase = .forwarding
        connection.pace = (now, exchange.value.bytesIn)
        upstream.downstream = connection
        let timeouts = plan.upstreams[upstream.place].timeouts
        if upstream.phase == .idle {
            upstream.phase = .carrying
            upstream.deadline = now + timeouts.response
        } else {
            upstream.deadline = now + timeouts.connect
        }
        connection.principalEndsAt = exchange.value.principal.map { now + ($0.expiry - wallTime) } ?? now
        connection.exchangeDeadline = min(
            exchange.value.startedAt + timeouts.total,
            connection.principalEndsAt
        )
        exchange.value.upstreamStartedAt = now
        exchange.value.endpoint = upstream.endpoint
        // What is opaque waits until it is known how to frame it.
        if !upstream.isUndecided { sendHead(connection, upstream, exchange) }
        arm(upstream)
        schedule(upstream)
    }

    mutating func sendHead(_ connection: Downstream, _ upstream: Upstream, _ exchange: ExchangeBox) {
        let authority = plan.upstreams[upstream.place].authority
        let (length, hasPieces) = exchange.value.outgoingLength(announced: connection.facts.framing.length)
        upstream.io.send(
            exchange.value.outgoing,
            authority: authority.span,
            length: length,
            webSocket: connection.facts.isWebSocket,
            acceptsTrailers: connection.facts.acceptsTrailers
        )
        if hasPieces { _ = sendPieces(connection, upstream, exchange) }
        if connection.requestEnded {
            sendCollected(connection, upstream, exchange)
        } else {
            connection.io.bodyWanted()
            schedule(connection)
        }
    }

    private mutating func sendCollected(
        _ connection: Downstream,
        _ upstream: Upstream,
        _ exchange: ExchangeBox
    ) {
        do throws(HTTP1Error) {
            try upstream.io.write(0..<exchange.value.requestBody.count, of: exchange.value.requestBody)
            try upstream.io.finish()
        } catch {
            refuse(connection, exchange, Refusal(error))
        }
    }

    /// Sends what was rewritten so far of a request's body.
    /// - Returns: whether the exchange goes on.
    mutating func sendPieces(_ connection: Downstream, _ upstream: Upstream, _ exchange: ExchangeBox) -> Bool
    {
        if exchange.value.requestBody.isEmpty { return true }
        do throws(HTTP1Error) {
            try upstream.io.write(0..<exchange.value.requestBody.count, of: exchange.value.requestBody)
            exchange.value.requestBody.removeAll()
            return true
        } catch {
            refuse(connection, exchange, Refusal(error))
            return false
        }
    }

    /// Somebody may have a connection now.
    mutating func admitWaiting(_ place: Int) {
        // Who finds nothing after all waits again, at the end.
        for _ in pools[place].waiting.indices {
            guard !pools[place].waiting.isEmpty else { return }
            let connection = pools[place].waiting.removeFirst()
            guard !connection.isClosed, connection.phase == .queued, let exchange = connection.exchange else {
                continue
            }
            connection.phase = .waiting
            open(connection, exchange)
            schedule(connection)
        }
    }

    mutating func close(_ upstream: Upstream) {
        guard !upstream.isClosed else { return }
        if let link = upstream.io.link { return release(upstream, link) }
        if upstream.phase == .idle { pools[upstream.place].remove(upstream, upstream.pool) }
        upstream.downstream?.upstream = nil
        upstream.downstream = nil
        upstream.isClosed = true
        upstream.io.transport.close()
        release(upstream.descriptor)
        pools[upstream.place].closed()
        gateway.count(.upstreamConnectionsClosed)
        admitWaiting(upstream.place)
    }

    /// Cancels what the exchange has at an upstream.
    mutating func dropUpstream(_ connection: Downstream) {
        guard let upstream = connection.upstream else { return }
        close(upstream)
    }

    // MARK: reading

    mutating func advance(_ upstream: Upstream) {
        guard !upstream.isClosed else { return }
        if upstream.isStream { return advanceStream(upstream) }
        if upstream.phase == .connecting { connecting(upstream) }
        guard !upstream.isClosed else { return }
        if upstream.phase != .connecting { pump(upstream) }
        guard !upstream.isClosed else { return }
        if case .failed = upstream.io.transport.flush(scratch: &scratch), upstream.io.transport.input.isEmpty
        {
            return failed(upstream, .upstreamClosed)
        }
        if let connection = upstream.downstream, connection.isPaused,
            upstream.io.pendingBytes <= plan.windowBytes / 2
        {
            schedule(connection)
        }
    }

    private mutating func connecting(_ upstream: Upstream) {
        if !upstream.isConnected, upstream.io.transport.isWritable {
            upstream.isConnected = true
            upstream.io.transport.connected()
        }
        if upstream.isConnected { upstream.io.transport.fill(scratch: &scratch) }
        switch upstream.io.transport.state {
        case .opening: break
        case .open, .peerEnded:
            guard chooseProtocol(upstream) else { return }
            upstream.phase = .carrying
            upstream.deadline = now + plan.upstreams[upstream.place].timeouts.response
            arm(upstream)
        case .failed(let cause):
            failed(upstream, cause == .tls ? .upstreamTLSFailed : .upstreamUnreachable)
        }
    }

    /// Feeds the engine with what the upstream sent, as long as the caller takes it.
    mutating func pump(_ upstream: Upstream) {
        guard let connection = upstream.downstream, let exchange = connection.exchange else {
            return idleEvent(upstream)
        }
        if upstream.isStream { return read(upstream, connection, exchange) }
        upstream.io.transport.borrow(&scratch)
        read(upstream, connection, exchange)
        upstream.io.transport.giveBack(&scratch)
    }

    /// One read for each round: who sends as fast as it is read must not keep others waiting.
    private mutating func read(_ upstream: Upstream, _ connection: Downstream, _ exchange: ExchangeBox) {
        var hasRead = false
        while true {
            upstream.isPaused = connection.io.pendingBytes >= plan.windowBytes
            if upstream.isPaused { return }
            let step = upstream.io.next(into: &exchange.value.upstreamResponse)
            if step.event != .needsInput {
                guard handle(step, upstream, connection, exchange) else { return }
                continue
            }
            if !hasRead {
                let limit = readLimit(upstream, connection, exchange)
                hasRead = upstream.io.transport.fill(scratch: &scratch, limit: limit)
                if hasRead { continue }
            } else if upstream.io.transport.isReadable {
                return schedule(upstream)
            }
            switch upstream.io.transport.state {
            case .opening, .open: return
            case .peerEnded: return peerClosed(upstream, connection, exchange, cleanly: true)
            case .failed: return peerClosed(upstream, connection, exchange, cleanly: false)
            }
        }
    }

    /// More at once, where what comes goes on as it is and nothing waits.
    private func readLimit(_ upstream: Upstream, _ connection: Downstream, _ exchange: ExchangeBox) -> Int {
        let isDirect = !connection.isStream && upstream.phase == .carrying && exchange.value.passesResponse
        return isDirect && connection.io.pendingBytes == 0 ? Transport.burstBytes : Transport.readBytes
    }

    /// - Returns: whether there may be more to read for this exchange.
    private mutating func handle(
        _ step: ClientConnection.Step,
        _ upstream: Upstream,
        _ connection: Downstream,
        _ exchange: ExchangeBox
    ) -> Bool {
        let timeouts = plan.upstreams[upstream.place].timeouts
        upstream.deadline = now + timeouts.idle
        arm(upstream)
        switch step.event {
        case .needsInput: return true
        case .head(let facts): return respond(upstream, connection, exchange, facts)
        case .switched: return switchProtocols(upstream, connection, exchange)
        case .body(let range):
            let fits = pass(range, of: upstream, connection, exchange)
            if fits { upstream.io.consume(step.consumed) }
            return fits
        case .tunnel(let range):
            exchange.value.bytesOut += range.count
            connection.io.relay(range, of: upstream.io.transport.input)
            upstream.io.transport.input.consume(step.consumed)
            schedule(connection)
            return true
        case .ended:
            responseEnded(upstream, connection, exchange)
            return false
        case .failed(let error):
            failed(upstream, Refusal(error))
            return false
        case .closed:
            failed(upstream, .upstreamClosed)
            return false
        }
    }

    /// Credentials that an upstream did not take are vended anew.
    private mutating func tellRejected() {
        if gateway.rejected.isEmpty { return }
        for key in gateway.rejected { control.send(.rejected(key)) }
        gateway.forgetRejected()
    }

    private mutating func respond(
        _ upstream: Upstream,
        _ connection: Downstream,
        _ exchange: ExchangeBox,
        _ facts: ResponseFacts
    ) -> Bool {
        exchange.value.upstreamAnsweredAt = now
        defer { tellRejected() }
        switch gateway.respond(&exchange.value, length: facts.length, now: wallTime) {
        case .stream(let length):
            exchange.value.isAnswered = true
            connection.io.respond(exchange.value.answer, length: length)
            schedule(connection)
        case .collect: break
        case .answer:
            answer(connection, exchange)
            return false
        }
        return true
    }

    private mutating func pass(
        _ range: Range<Int>,
        of upstream: Upstream,
        _ connection: Downstream,
        _ exchange: ExchangeBox
    ) -> Bool {
        if exchange.value.passes(range.count) {
            do throws(HTTP1Error) {
                try connection.io.pass(range, of: upstream.io.transport.input, scratch: &scratch)
            } catch {
                refuse(connection, exchange, Refusal(error))
                return false
            }
            schedule(connection)
            return true
        }
        if exchange.value.mapsPieces {
            exchange.value.piece.append(range, of: upstream.io.transport.input)
            return map(isFinal: false, connection, exchange)
        }
        if exchange.value.responseBody.count + range.count > Gateway.collectedBytes,
            let action = gateway.responseOverflowed(&exchange.value)
        {
            return overflow(action, range, upstream, connection, exchange)
        }
        guard exchange.value.responseBody.count + range.count <= exchange.value.responseLimit ?? 0 else {
            refuse(connection, exchange, .responseTooLarge)
            return false
        }
        exchange.value.responseBody.append(range, of: upstream.io.transport.input)
        return true
    }

    /// The response is larger than what is collected: its head and what was mapped so far leave now.
    private mutating func overflow(
        _ action: Gateway.ResponseAction,
        _ range: Range<Int>,
        _ upstream: Upstream,
        _ connection: Downstream,
        _ exchange: ExchangeBox
    ) -> Bool {
        guard case .stream(let length) = action else {
            answer(connection, exchange)
            return false
        }
        exchange.value.isAnswered = true
        connection.io.respond(exchange.value.answer, length: length)
        exchange.value.piece.append(range, of: upstream.io.transport.input)
        return map(isFinal: false, connection, exchange)
    }

    /// Maps a piece of the response's body and sends what goes on.
    /// - Returns: whether there may be more to read for this exchange.
    private mutating func map(isFinal: Bool, _ connection: Downstream, _ exchange: ExchangeBox) -> Bool {
        guard gateway.mapPiece(&exchange.value, isFinal: isFinal) else {
            cutOff(connection, exchange)
            return false
        }
        let count = exchange.value.responseBody.count
        if count == 0 { return true }
        exchange.value.bytesOut += count
        do throws(HTTP1Error) {
            try connection.io.write(0..<count, of: exchange.value.responseBody)
        } catch {
            refuse(connection, exchange, Refusal(error))
            return false
        }
        exchange.value.responseBody.removeAll()
        schedule(connection)
        return true
    }

    mutating func responseEnded(
        _ upstream: Upstream,
        _ connection: Downstream,
        _ exchange: ExchangeBox
    ) {
        if exchange.value.mapsPieces {
            guard map(isFinal: true, connection, exchange) else { return }
        }
        guard exchange.value.responseLimit == nil else {
            settle(upstream, connection)
            return perform(gateway.respondCollected(&exchange.value, now: wallTime), connection, exchange)
        }
        do throws(HTTP1Error) {
            if upstream.isStream {
                gateway.respondTrailers(&exchange.value, upstream.io.streamTrailers)
            } else {
                gateway.respondTrailers(&exchange.value, upstream.io.client.body.trailers)
            }
            let ending = try connection.io.finish(trailers: exchange.value.answer.fields)
            settle(upstream, connection)
            endExchange(connection, exchange, ending)
        } catch {
            refuse(connection, exchange, Refusal(error))
        }
    }

    /// The exchange is over at the upstream: its connection goes back to its pool if nothing about it is in doubt.
    private mutating func settle(_ upstream: Upstream, _ connection: Downstream) {
        guard !upstream.isStream, upstream.io.isReusable, !isDraining else { return close(upstream) }
        connection.upstream = nil
        upstream.downstream = nil
        upstream.phase = .idle
        upstream.isReused = true
        upstream.deadline = now + plan.upstreams[upstream.place].timeouts.keepAlive
        arm(upstream)
        if !pools[upstream.place].put(upstream, upstream.pool) { close(upstream) }
        admitWaiting(upstream.place)
    }

    private mutating func switchProtocols(
        _ upstream: Upstream,
        _ connection: Downstream,
        _ exchange: ExchangeBox
    )
        -> Bool
    {
        exchange.value.upstreamAnsweredAt = now
        guard gateway.switchProtocols(&exchange.value) else {
            answer(connection, exchange)
            return false
        }
        connection.io.switchProtocols(exchange.value.answer.fields)
        exchange.value.isAnswered = true
        connection.phase = .tunnel
        upstream.phase = .tunnel
        schedule(connection)
        return true
    }
}
