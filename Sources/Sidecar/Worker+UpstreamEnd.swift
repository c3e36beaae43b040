// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Gateway
import HTTP1
import HTTPTypes
import Telemetry

/// The upstream's side: how connections and what is on them end.
extension Worker {
    /// Something happened on a connection that nobody uses: it has ended, or says what nobody asked for.
    mutating func idleEvent(_ upstream: Upstream) {
        upstream.io.transport.fill(scratch: &scratch)
        if upstream.io.transport.state != .open || !upstream.io.transport.input.isEmpty { close(upstream) }
    }

    mutating func peerClosed(
        _ upstream: Upstream,
        _ connection: Downstream,
        _ exchange: ExchangeBox,
        cleanly: Bool
    ) {
        if upstream.phase == .tunnel {
            connection.io.transport.flush(scratch: &scratch)
            _ = try? connection.io.link?.finish()
            return hangUp(connection)
        }
        switch upstream.io.client.peerClosed(cleanly: cleanly) {
        case .ended: responseEnded(upstream, connection, exchange)
        case .failed(let error): failed(upstream, Refusal(error))
        case .closed, .needsInput, .head, .switched, .body, .tunnel: failed(upstream, .upstreamClosed)
        }
    }

    /// The upstream connection is of no more use. The request goes to another one where that is safe: nothing of it
    /// was sent, or it died unused in the pool and the method may be repeated (RFC 9110 §9.2.2).
    mutating func failed(_ upstream: Upstream, _ refusal: Refusal) {
        guard let connection = upstream.downstream, let exchange = connection.exchange else {
            return close(upstream)
        }
        gateway.upstreamFailed(exchange.value, refusal)
        let isUnsent = upstream.phase == .connecting
        let isStale =
            upstream.io.link?.wasRefused
            ?? (upstream.isReused && !upstream.io.hasSeenResponse
                && exchange.value.outgoing.method.isIdempotent)
        let isWhole =
            exchange.value.isBodyCollected || exchange.value.bodyLength == .none
            || exchange.value.bytesIn == 0
        close(upstream)
        if isUnsent || isStale, isWhole, !connection.wasRetried, connection.io.awaitsResponse {
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

    mutating func timedOut(_ upstream: Upstream) {
        switch upstream.phase {
        case .idle: close(upstream)
        case .connecting: failed(upstream, .upstreamUnreachable)
        case .carrying:
            // Not its fault while the caller is the one who does not read, or has not sent all.
            if let connection = upstream.downstream,
                connection.io.pendingBytes >= plan.windowBytes || !connection.requestEnded
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
