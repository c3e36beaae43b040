// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Gateway
import HTTP1
import HTTP2
import Telemetry

/// WebSockets: how they are opened, what goes through them, how they end. Either side may speak HTTP/1.1 (RFC 6455) or HTTP/2
/// (RFC 8441); nothing is a tunnel before the upstream has granted it (THREATS 19).
///
///     open ──▶ undecided ─settings─▶ asked ─101, or 200 on a stream─▶ tunnel ─either side ends─▶ closing
extension Worker {
    // MARK: opening

    /// Finds a connection of HTTP/2 that the WebSocket may share with exchanges of its tenant and credential.
    /// - Returns: false where it needs a connection of its own.
    mutating func openTunnel(
        _ connection: Downstream,
        _ exchange: ExchangeBox,
        _ place: Int,
        _ pool: Int
    ) -> Bool {
        if connection.needsHTTP1 { return false }
        guard let shared = pools[place].tunnelConnection(pool) else { return false }
        if shared.takesWebSockets == false { return !fallsBack(connection, exchange, place) }
        gateway.count(.poolHits)
        attachTunnel(connection, shared, exchange)
        return true
    }

    /// The upstream takes no WebSockets in HTTP/2.
    /// - Returns: whether HTTP/1.1 is to be tried; else it was refused.
    private mutating func fallsBack(_ connection: Downstream, _ exchange: ExchangeBox, _ place: Int) -> Bool {
        connection.needsHTTP1 = plan.upstreams[place].protocol == .auto
        if !connection.needsHTTP1 { refuse(connection, exchange, .upstreamTakesNoWebSocket) }
        return connection.needsHTTP1
    }

    /// Lets the exchange have a stream; nothing is sent on it until the upstream has said that it takes WebSockets.
    mutating func attachTunnel(
        _ connection: Downstream,
        _ multiplex: UpstreamMultiplex,
        _ exchange: ExchangeBox
    ) {
        let stream = multiplex.open(limits: plan.upstreamLimits)
        if multiplex.takesWebSockets == nil {
            stream.isUndecided = true
            stream.phase = .connecting
        }
        attach(connection, stream, exchange)
    }

    /// An upstream's settings are known: what has waited for them goes on.
    mutating func openTunnels(_ multiplex: UpstreamMultiplex) {
        for stream in multiplex.streams where stream.isUndecided {
            stream.isUndecided = false
            guard let connection = stream.downstream, let exchange = connection.exchange else {
                close(stream)
                continue
            }
            guard multiplex.takesWebSockets == true else {
                close(stream)
                if fallsBack(connection, exchange, multiplex.place) {
                    connection.phase = .waiting
                    open(connection, exchange)
                }
                schedule(connection)
                continue
            }
            stream.phase = .carrying
            stream.deadline = now + plan.upstreams[stream.place].timeouts.response
            arm(stream)
            sendHead(connection, stream, exchange)
        }
    }

    /// The upstream has granted it.
    /// - Returns: whether there may be more to read for this exchange.
    mutating func beginTunnel(
        _ upstream: Upstream,
        _ connection: Downstream,
        _ exchange: ExchangeBox
    ) -> Bool {
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

    // MARK: what goes through

    /// Passes on a stretch of what the caller said.
    mutating func relay(_ range: Range<Int>, of connection: Downstream) {
        guard let upstream = connection.upstream else { return }
        connection.exchange?.value.bytesIn += range.count
        upstream.io.relay(range, of: connection.io.transport.input)
        upstream.deadline = now + plan.upstreams[upstream.place].timeouts.idle
        schedule(upstream)
    }

    // MARK: endings

    /// The caller has ended its side: what it said until then still reaches the upstream, then both are closed
    /// (RFC 9110 §9.3.6). Half a tunnel is none.
    mutating func callerEndedTunnel(_ connection: Downstream) {
        guard let upstream = connection.upstream, let exchange = connection.exchange else {
            return hangUp(connection)
        }
        connection.upstream = nil
        upstream.downstream = nil
        upstream.phase = .closing
        upstream.io.link?.endTunnel()
        upstream.deadline = now + plan.bodyTimeout
        arm(upstream)
        schedule(upstream)
        endTunnel(connection, exchange)
    }

    /// Nothing more goes to the caller but what waits for it.
    mutating func endTunnel(_ connection: Downstream, _ exchange: ExchangeBox) {
        dropUpstream(connection)
        _ = try? connection.io.link?.finish()
        endExchange(connection, exchange, .close)
    }

    /// As for callers: the last words go out, and what still comes is taken away, so that no reset overtakes them. One who goes
    /// on and on is not read any more, and what comes on a stream is left to its window.
    mutating func linger(_ upstream: Upstream) {
        if let link = upstream.io.link {
            guard let id = link.id, link.failure == nil else { return close(upstream) }
            if link.pendingBytes > 0 {
                link.connection.io.client.session.tellWhenDrained(id, to: 0)
            } else {
                upstream.deadline = min(upstream.deadline, now + plan.lingerTimeout)
                arm(upstream)
            }
            return schedule(link.connection)
        }
        while upstream.io.transport.isReadable, upstream.droppedBytes < plan.windowBytes {
            upstream.io.transport.fill(scratch: &scratch)
            // What comes after our own end is not decrypted, and counts all the same.
            upstream.droppedBytes += max(upstream.io.transport.input.count, 1024)
            upstream.io.transport.input.removeAll()
            guard upstream.io.transport.state == .open else { return close(upstream) }
        }
        if case .failed = upstream.io.transport.flush(scratch: &scratch) { return close(upstream) }
        guard upstream.io.transport.pendingBytes == 0 else { return }
        upstream.io.transport.close()
        upstream.deadline = min(upstream.deadline, now + plan.lingerTimeout)
        arm(upstream)
    }
}
