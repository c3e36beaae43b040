// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Gateway
import HTTP1
import HTTP2
import HTTPTypes
import Runtime
import Telemetry

/// Upstreams that speak HTTP/2: connections, and the streams on them.
extension Worker {
    /// The connection stands, and its protocol is known: the exchange that has waited for that goes on.
    /// - Returns: false when it was taken over by `UpstreamMultiplex`, or is of no use.
    mutating func chooseProtocol(_ upstream: Upstream) -> Bool {
        guard upstream.isUndecided else { return true }
        upstream.isUndecided = false
        let wanted = plan.upstreams[upstream.place].protocol
        let speaksHTTP2 = upstream.io.transport.isPlain ? wanted == .http2 : upstream.io.transport.speaksHTTP2
        guard speaksHTTP2 || wanted == .auto else {
            failed(upstream, .upstreamTLSFailed)
            return false
        }
        guard let connection = upstream.downstream, let exchange = connection.exchange else {
            close(upstream)
            return false
        }
        guard speaksHTTP2 else {
            sendHead(connection, upstream, exchange)
            return true
        }
        let multiplex = self.multiplex(upstream)
        connection.upstream = nil
        upstream.downstream = nil
        if exchange.value.isWebSocket {
            attachTunnel(connection, multiplex, exchange)
        } else {
            attach(connection, multiplex.open(limits: plan.upstreamLimits), exchange)
        }
        admitWaiting(multiplex.place)
        return false
    }

    private mutating func multiplex(_ upstream: Upstream) -> UpstreamMultiplex {
        var transport = Transport.detached()
        swap(&transport, &upstream.io.transport)
        var limits = HTTP2Limits()
        limits.streamWindowBytes = plan.windowBytes
        limits.connectionWindowBytes = plan.http2.connectionWindowBytes
        limits.headerListBytes = plan.upstreamLimits.headBytes
        // What an upstream does too often is its own affair.
        limits.pings = 10_000
        limits.settings = 1000
        limits.emptyFrames = 10_000
        limits.windowUpdates = 100_000
        let multiplex = UpstreamMultiplex(transport, upstream, limits: limits)
        upstream.isClosed = true
        multiplex.armedAt = upstream.armedAt
        put(.upstreamMultiplex(multiplex), at: multiplex.descriptor)
        pools[multiplex.place].share(multiplex)
        gateway.count(.upstreamHTTP2Connections)
        schedule(multiplex)
        return multiplex
    }

    // MARK: the connection

    mutating func advance(_ connection: UpstreamMultiplex) {
        guard !connection.isClosed else { return }
        read(connection)
        guard !connection.isClosed else { return }
        connection.io.send(upTo: plan.windowBytes)
        tell(connection)
        if connection.io.client.session.failure != nil { return close(connection, .protocolViolation) }
        if case .failed = connection.io.transport.state { return close(connection, .closedInBody) }
        if connection.io.client.session.isDone { return close(connection, .closedInBody) }
        guard connection.streams.isEmpty else { return }
        if connection.isRetiring || draining != nil || plan.upstreams[connection.place].isRetired {
            return close(connection, .closedInBody)
        }
        connection.deadline = now + plan.upstreams[connection.place].timeouts.keepAlive
        arm(connection)
    }

    private mutating func read(_ connection: UpstreamMultiplex) {
        while connection.io.transport.pendingBytes < plan.windowBytes {
            if !connection.io.transport.input.isEmpty {
                connection.io.receive(now: now)
                tell(connection)
                connection.io.transport.input.removeAll()
            }
            guard connection.io.client.session.failure == nil,
                connection.io.transport.fill(scratch: &scratch)
            else { break }
        }
        switch connection.io.transport.state {
        case .opening, .open: break
        case .peerEnded, .failed: close(connection, .closedInBody)
        }
    }

    private mutating func tell(_ connection: UpstreamMultiplex) {
        while let event = connection.io.client.session.nextEvent() {
            switch event {
            case .head(let id): head(connection, id)
            case .data(let id, let range):
                guard let stream = connection.find(id) else {
                    connection.io.client.session.consumed(range.count, on: id)
                    break
                }
                stream.io.transport.input.append(range, of: connection.io.transport.input)
                schedule(stream)
            case .ended(let id):
                if let stream = connection.find(id) {
                    connection.io.client.session.takeTrailers(into: &stream.io.streamTrailers)
                }
                note(connection, id) { $0.isWhole = true }
            case .refused(let id, _): note(connection, id) { $0.failure = .invalidResponse }
            case .drained(let id): note(connection, id) { _ in }
            case .closed(let id, let code):
                note(connection, id) { link in
                    if link.failure == nil { link.failure = .closedInBody }
                    if code == .refusedStream { link.wasRefused = true }
                }
            case .goAway: connection.isRetiring = true
            case .settings:
                connection.isGreeted = true
                openTunnels(connection)
                admitWaiting(connection.place)
            }
        }
    }

    /// Reads a head at once: the stream may be gone before its exchange has its turn.
    private mutating func head(_ connection: UpstreamMultiplex, _ id: StreamID) {
        guard let exchange = connection.find(id)?.downstream?.exchange else { return }
        do throws(HTTP2Error) {
            let facts = try connection.io.client.response(of: id, into: &exchange.value.upstreamResponse)
            // As HTTP/1.1 would say it.
            if facts.isTunnel { exchange.value.upstreamResponse.status = .switchingProtocols }
            note(connection, id) {
                $0.facts = HTTP1.ResponseFacts(facts)
                $0.isTunnel = facts.isTunnel
            }
        } catch {
            note(connection, id) { $0.failure = .invalidResponse }
        }
    }

    private mutating func note(
        _ connection: UpstreamMultiplex,
        _ id: StreamID,
        _ change: (inout UpstreamLink) -> Void
    ) {
        guard let stream = connection.find(id), var link = stream.io.link else { return }
        change(&link)
        stream.io.link = link
        schedule(stream)
    }

    /// Makes room: it carries nothing.
    mutating func retire(_ connection: UpstreamMultiplex) { close(connection, .closedInBody) }

    /// The connection is at its end; what is under way on it ends as it would if it had one of its own.
    private mutating func close(_ connection: UpstreamMultiplex, _ reason: HTTP1Error.Reason) {
        guard !connection.isClosed else { return }
        connection.io.send(upTo: plan.windowBytes)
        connection.isClosed = true
        connection.isRetiring = true
        pools[connection.place].unshare(connection)
        for stream in connection.streams {
            // Whose response is whole in the buffers still gets it.
            if stream.io.link?.failure == nil { stream.io.link?.failure = reason }
            schedule(stream)
        }
        connection.io.transport.close()
        release(connection.descriptor)
        pools[connection.place].closed()
        gateway.count(.upstreamConnectionsClosed)
        admitWaiting(connection.place)
    }

    // MARK: streams

    /// As `advance`, for one stream.
    mutating func advanceStream(_ stream: Upstream) {
        guard stream.downstream != nil else { return }
        pump(stream)
        guard let link = stream.io.link else { return }
        schedule(link.connection)
        guard let connection = stream.downstream, connection.isPaused else { return }
        let half = plan.windowBytes / 2
        if link.pendingBytes <= half {
            schedule(connection)
        } else if let id = link.id {
            link.connection.io.client.session.tellWhenDrained(id, to: half)
        }
    }

    /// The exchange is over, one way or another.
    mutating func release(_ stream: Upstream, _ link: UpstreamLink) {
        stream.io.consume(stream.io.transport.input.count)
        // Of no effect where the stream has ended.
        if let id = link.id { link.connection.io.client.session.reset(id, .cancel) }
        stream.downstream?.upstream = nil
        stream.downstream = nil
        stream.io.link = nil
        stream.isClosed = true
        link.connection.remove(stream)
        schedule(link.connection)
        admitWaiting(stream.place)
    }

    // MARK: time

    mutating func timedOut(_ connection: UpstreamMultiplex) {
        if connection.streams.isEmpty { return close(connection, .closedInBody) }
        for stream in connection.streams where stream.deadline <= now { timedOut(stream) }
        connection.deadline = connection.streams.reduce(Instant(nanoseconds: .max)) { min($0, $1.deadline) }
        arm(connection)
        schedule(connection)
    }
}
