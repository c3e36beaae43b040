// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Gateway
import HTTP1
import HTTPTypes
import Runtime
import TLS
import Telemetry

/// The upstream's side: connections, requests out, responses in.
extension Worker {
    // MARK: connections

    /// Finds a connection for the exchange: an idle one of the same tenant and credential, else a new one.
    func open(_ connection: Downstream, _ exchange: Exchange) {
        guard let route = exchange.route, let pool = exchange.pool else { return }
        if !connection.wasRetried {
            while let upstream = pools[route.upstream].take(pool) {
                upstream.transport.fill(scratch: &scratch)
                if upstream.transport.state == .open, upstream.transport.input.isEmpty {
                    gateway.count(.poolHits)
                    return attach(connection, upstream, exchange)
                }
                close(upstream)
            }
        }
        gateway.count(.poolMisses)
        connect(connection, exchange, route.upstream, pool)
    }

    private func connect(_ connection: Downstream, _ exchange: Exchange, _ place: Int, _ pool: Int) {
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
        guard let (endpoint, address) = pools[place].nextAddress() else {
            return refuse(connection, exchange, .upstreamUnresolved)
        }
        do throws(SystemError) {
            let upstream = try Upstream(
                Socket.connect(to: address),
                session: plan.upstreams[place].makeSession(),
                place: place,
                pool: pool,
                endpoint: endpoint,
                limits: plan.upstreamLimits
            )
            try reactor.add(upstream.descriptor)
            put(.upstream(upstream), at: upstream.descriptor)
            pools[place].opened()
            gateway.count(.upstreamConnectionsOpened)
            attach(connection, upstream, exchange)
        } catch {
            refuse(connection, exchange, .upstreamUnreachable)
        }
    }

    /// Lets the exchange have the connection, and sends the head (it waits in the buffer until connected).
    private func attach(_ connection: Downstream, _ upstream: Upstream, _ exchange: Exchange) {
        connection.upstream = upstream
        connection.phase = .forwarding
        connection.pace = (now, exchange.bytesIn)
        upstream.downstream = connection
        let timeouts = plan.upstreams[upstream.place].timeouts
        if upstream.phase == .idle {
            upstream.phase = .carrying
            upstream.deadline = now + timeouts.response
        } else {
            upstream.deadline = now + timeouts.connect
        }
        exchange.upstreamStartedAt = now
        exchange.endpoint = upstream.endpoint
        let authority = plan.upstreams[upstream.place].authority
        upstream.client.send(
            exchange.outgoing.method,
            target: exchange.outgoing.target.bytes,
            authority: authority.span,
            fields: exchange.outgoing.fields,
            length: exchange.isBodyCollected
                ? .fixed(exchange.requestBody.count) : connection.facts.framing.length,
            webSocket: connection.facts.isWebSocket,
            into: &upstream.transport.output
        )
        if connection.requestEnded {
            sendCollected(connection, upstream, exchange)
        } else {
            connection.server.bodyWanted(into: &connection.transport.output)
            schedule(connection)
        }
        arm(upstream)
        schedule(upstream)
    }

    private func sendCollected(_ connection: Downstream, _ upstream: Upstream, _ exchange: Exchange) {
        do throws(HTTP1Error) {
            try upstream.write(0..<exchange.requestBody.count, of: exchange.requestBody)
            try upstream.client.finish(into: &upstream.transport.output)
        } catch {
            refuse(connection, exchange, Refusal(error))
        }
    }

    /// Somebody may have a connection now.
    func admitWaiting(_ place: Int) {
        while !pools[place].waiting.isEmpty, !pools[place].isSaturated || pools[place].idleCount > 0 {
            let connection = pools[place].waiting.removeFirst()
            guard !connection.isClosed, connection.phase == .queued, let exchange = connection.exchange else {
                continue
            }
            connection.phase = .waiting
            open(connection, exchange)
            schedule(connection)
        }
    }

    func close(_ upstream: Upstream) {
        guard !upstream.isClosed else { return }
        if upstream.phase == .idle { pools[upstream.place].remove(upstream, upstream.pool) }
        upstream.downstream?.upstream = nil
        upstream.downstream = nil
        upstream.isClosed = true
        upstream.transport.close()
        release(upstream.descriptor)
        pools[upstream.place].closed()
        gateway.count(.upstreamConnectionsClosed)
        admitWaiting(upstream.place)
    }

    /// Cancels what the exchange has at an upstream.
    func dropUpstream(_ connection: Downstream) {
        guard let upstream = connection.upstream else { return }
        close(upstream)
    }

    // MARK: reading

    func advance(_ upstream: Upstream) {
        guard !upstream.isClosed else { return }
        if upstream.phase == .connecting { connecting(upstream) }
        guard !upstream.isClosed else { return }
        if upstream.phase != .connecting { pump(upstream) }
        guard !upstream.isClosed else { return }
        upstream.transport.flush()
        if case .failed = upstream.transport.state, upstream.transport.input.isEmpty {
            return failed(upstream, .upstreamClosed)
        }
        if let connection = upstream.downstream, connection.isPaused,
            upstream.transport.pendingBytes <= plan.windowBytes / 2
        {
            schedule(connection)
        }
    }

    private func connecting(_ upstream: Upstream) {
        if !upstream.isConnected, upstream.transport.isWritable {
            upstream.isConnected = true
            upstream.transport.connected()
        }
        if upstream.isConnected { upstream.transport.fill(scratch: &scratch) }
        switch upstream.transport.state {
        case .opening: break
        case .open, .peerEnded:
            upstream.phase = .carrying
            upstream.deadline = now + plan.upstreams[upstream.place].timeouts.response
            arm(upstream)
        case .failed(let cause):
            failed(upstream, cause == .tls ? .upstreamTLSFailed : .upstreamUnreachable)
        }
    }

    /// Feeds the engine with what the upstream sent, as long as the caller takes it.
    private func pump(_ upstream: Upstream) {
        guard let connection = upstream.downstream, let exchange = connection.exchange else {
            return idleEvent(upstream)
        }
        while true {
            upstream.isPaused = connection.transport.pendingBytes >= plan.windowBytes
            if upstream.isPaused { return }
            let step = upstream.client.received(
                upstream.transport.input.bytes,
                into: &exchange.upstreamResponse
            )
            if step.event != .needsInput {
                guard handle(step, upstream, connection, exchange) else { return }
                continue
            }
            upstream.transport.input.consume(step.consumed)
            let before = upstream.transport.input.count
            upstream.transport.fill(scratch: &scratch)
            if upstream.transport.input.count > before { continue }
            switch upstream.transport.state {
            case .opening, .open: return
            case .peerEnded: return peerClosed(upstream, connection, exchange, cleanly: true)
            case .failed: return peerClosed(upstream, connection, exchange, cleanly: false)
            }
        }
    }

    /// - Returns: whether there may be more to read for this exchange.
    private func handle(
        _ step: ClientConnection.Step,
        _ upstream: Upstream,
        _ connection: Downstream,
        _ exchange: Exchange
    ) -> Bool {
        let timeouts = plan.upstreams[upstream.place].timeouts
        upstream.deadline = now + timeouts.idle
        arm(upstream)
        switch step.event {
        case .needsInput: return true
        case .head(let facts):
            upstream.transport.input.consume(step.consumed)
            return respond(upstream, connection, exchange, facts)
        case .switched:
            upstream.transport.input.consume(step.consumed)
            return switchProtocols(upstream, connection, exchange)
        case .body(let range):
            let fits = pass(range, of: upstream, connection, exchange)
            if fits { upstream.transport.input.consume(step.consumed) }
            return fits
        case .tunnel(let range):
            exchange.bytesOut += range.count
            connection.transport.output.append(range, of: upstream.transport.input)
            upstream.transport.input.consume(step.consumed)
            schedule(connection)
            return true
        case .ended:
            upstream.transport.input.consume(step.consumed)
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

    private func respond(
        _ upstream: Upstream,
        _ connection: Downstream,
        _ exchange: Exchange,
        _ facts: ResponseFacts
    ) -> Bool {
        exchange.upstreamAnsweredAt = now
        switch gateway.respond(exchange, length: facts.length, now: wallTime) {
        case .stream(let length):
            exchange.isAnswered = true
            connection.server.respond(
                status: exchange.answer.status,
                fields: exchange.answer.fields,
                length: length,
                into: &connection.transport.output
            )
            schedule(connection)
        case .collect: break
        case .answer:
            answer(connection, exchange)
            return false
        }
        return true
    }

    private func pass(
        _ range: Range<Int>,
        of upstream: Upstream,
        _ connection: Downstream,
        _ exchange: Exchange
    ) -> Bool {
        if let limit = exchange.responseLimit {
            guard exchange.responseBody.count + range.count <= limit else {
                refuse(connection, exchange, .responseTooLarge)
                return false
            }
            exchange.responseBody.append(range, of: upstream.transport.input)
            return true
        }
        exchange.bytesOut += range.count
        do throws(HTTP1Error) {
            try connection.write(range, of: upstream.transport.input)
        } catch {
            refuse(connection, exchange, Refusal(error))
            return false
        }
        schedule(connection)
        return true
    }

    private func responseEnded(_ upstream: Upstream, _ connection: Downstream, _ exchange: Exchange) {
        guard exchange.responseLimit == nil else {
            settle(upstream, connection)
            gateway.respondCollected(exchange, now: wallTime)
            return answer(connection, exchange)
        }
        do throws(HTTP1Error) {
            gateway.respondTrailers(exchange, upstream.client.body.trailers)
            let ending = try connection.server.finish(
                trailers: exchange.answer.fields,
                into: &connection.transport.output
            )
            settle(upstream, connection)
            endExchange(connection, exchange, ending)
        } catch {
            refuse(connection, exchange, Refusal(error))
        }
    }

    /// The exchange is over at the upstream: its connection goes back to its pool if nothing about it is in doubt.
    private func settle(_ upstream: Upstream, _ connection: Downstream) {
        guard upstream.client.isReusable, upstream.transport.input.isEmpty, upstream.transport.state == .open,
            upstream.transport.pendingBytes == 0, !isDraining
        else { return close(upstream) }
        connection.upstream = nil
        upstream.downstream = nil
        upstream.phase = .idle
        upstream.isReused = true
        upstream.deadline = now + plan.upstreams[upstream.place].timeouts.keepAlive
        arm(upstream)
        if !pools[upstream.place].put(upstream, upstream.pool) { close(upstream) }
        admitWaiting(upstream.place)
    }

    private func switchProtocols(_ upstream: Upstream, _ connection: Downstream, _ exchange: Exchange) -> Bool
    {
        exchange.upstreamAnsweredAt = now
        guard gateway.switchProtocols(exchange) else {
            answer(connection, exchange)
            return false
        }
        connection.server.switchProtocols(exchange.answer.fields, into: &connection.transport.output)
        exchange.isAnswered = true
        connection.phase = .tunnel
        upstream.phase = .tunnel
        schedule(connection)
        return true
    }

    // MARK: endings

    /// Something happened on a connection that nobody uses: it has ended, or says what nobody asked for.
    private func idleEvent(_ upstream: Upstream) {
        upstream.transport.fill(scratch: &scratch)
        if upstream.transport.state != .open || !upstream.transport.input.isEmpty { close(upstream) }
    }

    private func peerClosed(
        _ upstream: Upstream,
        _ connection: Downstream,
        _ exchange: Exchange,
        cleanly: Bool
    ) {
        if upstream.phase == .tunnel {
            connection.transport.flush()
            return hangUp(connection)
        }
        switch upstream.client.peerClosed(cleanly: cleanly) {
        case .ended: responseEnded(upstream, connection, exchange)
        case .failed(let error): failed(upstream, Refusal(error))
        case .closed, .needsInput, .head, .switched, .body, .tunnel: failed(upstream, .upstreamClosed)
        }
    }

    /// The upstream connection is of no more use. The request goes to another one where that is safe: nothing of it
    /// was sent, or it died unused in the pool and the method may be repeated (RFC 9110 §9.2.2).
    private func failed(_ upstream: Upstream, _ refusal: Refusal) {
        guard let connection = upstream.downstream, let exchange = connection.exchange else {
            return close(upstream)
        }
        gateway.upstreamFailed(exchange, refusal)
        let isUnsent = upstream.phase == .connecting
        let isStale =
            upstream.isReused && !upstream.client.hasSeenResponse && exchange.outgoing.method.isIdempotent
        let isWhole = exchange.isBodyCollected || exchange.bodyLength == .none || exchange.bytesIn == 0
        close(upstream)
        if isUnsent || isStale, isWhole, !connection.wasRetried, connection.server.awaitsResponse {
            connection.wasRetried = true
            gateway.count(.upstreamRetries)
            connection.phase = .waiting
            open(connection, exchange)
            schedule(connection)
        } else {
            refuse(connection, exchange, refusal)
            schedule(connection)
        }
    }

    func timedOut(_ upstream: Upstream) {
        switch upstream.phase {
        case .idle: close(upstream)
        case .connecting: failed(upstream, .upstreamUnreachable)
        case .carrying:
            // Not its fault while the caller is the one who does not read, or has not sent all.
            if let connection = upstream.downstream,
                connection.transport.pendingBytes >= plan.windowBytes || !connection.requestEnded
            {
                upstream.deadline = now + plan.upstreams[upstream.place].timeouts.idle
                return arm(upstream)
            }
            failed(upstream, .upstreamTimedOut)
        case .tunnel:
            if let connection = upstream.downstream { hangUp(connection) } else { close(upstream) }
        }
    }
}
