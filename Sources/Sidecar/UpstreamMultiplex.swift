// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP1
import HTTP2
import Runtime

/// An upstream's bytes and the machine of HTTP/2 that understands them.
struct UpstreamMultiplexIO: ~Copyable {
    var transport: Transport
    var client: ClientSession

    init(_ transport: consuming Transport, limits: HTTP2Limits) {
        self.transport = transport
        client = ClientSession(limits: limits)
    }

    /// See `MultiplexIO.receive`.
    mutating func receive(now: Instant) { Self.receive(&client, transport.input, now) }

    private static func receive(_ client: inout ClientSession, _ input: borrowing Buffer, _ now: Instant) {
        client.session.received(input.bytes, now: now)
    }

    /// See `MultiplexIO.send`.
    mutating func send(upTo limit: Int) {
        repeat {
            client.session.send(into: &transport.output, upTo: limit)
            transport.flush()
        } while transport.pendingBytes == 0 && transport.isOpen && client.session.hasBodiesToSend
    }
}

/// A connection to an upstream in HTTP/2, shared by exchanges of one tenant and credential (THREATS 18), each of which has
/// an `Upstream` of its own.
final class UpstreamMultiplex {
    let descriptor: Int32
    let place: Int
    let pool: Int
    let endpoint: String
    var io: UpstreamMultiplexIO
    private(set) var streams: [Upstream] = []
    var deadline = Instant(nanoseconds: .max)
    var armedAt = Instant(nanoseconds: .max)
    var isScheduled = false
    var isClosed = false
    /// Its settings are known.
    var isGreeted = false
    /// Takes no more exchanges: the upstream has said so, or what it sent is in doubt.
    var isRetiring = false

    init(_ transport: consuming Transport, _ connection: borrowing Upstream, limits: HTTP2Limits) {
        descriptor = connection.descriptor
        place = connection.place
        pool = connection.pool
        endpoint = connection.endpoint
        io = UpstreamMultiplexIO(transport, limits: limits)
    }

    /// Whether one more exchange fits. Before its settings are known an upstream is trusted with a hundred.
    var hasRoom: Bool {
        !isRetiring && !isClosed && io.client.session.failure == nil
            && streams.count < min(io.client.session.peerMaximumStreams, 100)
    }

    /// Whether it takes WebSockets (RFC 8441 §3); nil until its settings are known.
    var takesWebSockets: Bool? { isGreeted ? io.client.session.peerAllowsConnect : nil }

    func find(_ id: StreamID) -> Upstream? { streams.first { $0.io.link?.id == id } }

    func open(limits: HTTP1Limits) -> Upstream {
        let stream = Upstream(streamOf: self, limits: limits)
        stream.io.link = UpstreamLink(self)
        streams.append(stream)
        return stream
    }

    func remove(_ stream: Upstream) { streams.removeAll { $0 === stream } }
}
