// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP1
import HTTP2
import Runtime

/// A connection's bytes and the machine of HTTP/2 that understands them; see `CallerIO`.
struct MultiplexIO: ~Copyable {
    var transport: Transport
    var server: ServerSession

    init(_ transport: consuming Transport, limits: HTTP2Limits) {
        self.transport = transport
        server = ServerSession(limits: limits)
    }

    /// Shows the machine all that has come. It is dropped when its events were handled: they speak of it.
    mutating func receive(now: Instant) { Self.receive(&server, transport.input, now) }

    // Takes the fields that it needs, so that one may change while another is read.
    private static func receive(_ server: inout ServerSession, _ input: borrowing Buffer, _ now: Instant) {
        server.session.received(input.bytes, now: now)
    }

    /// Writes what the machine has to say, as long as the socket takes it.
    mutating func send(upTo limit: Int) {
        repeat {
            server.session.send(into: &transport.output, upTo: limit)
            transport.flush()
        } while transport.pendingBytes == 0 && transport.isOpen && server.session.hasBodiesToSend
    }
}

/// One caller's connection in HTTP/2. It only makes exchanges, each of which goes its way in a `Downstream` of its own,
/// and carries their events.
final class Multiplex {
    let descriptor: Int32
    let listener: Int
    let source: IPAddress?
    let peerText: String?
    var io: MultiplexIO
    /// Exchanges under way. An array: there are at most some hundred, and mostly few.
    private(set) var streams: [Downstream] = []
    private var ids: [StreamID] = []
    /// Those that are not in use.
    var spare: [Downstream] = []
    var deadline = Instant(nanoseconds: .max)
    var armedAt = Instant(nanoseconds: .max)
    var isScheduled = false
    /// Closed and forgotten by the worker; it may still stand in the list of this turn's tasks.
    var isClosed = false
    /// The last words are on their way out.
    var isClosing = false
    var isTrimmed = false
    /// No new requests; see `Worker.drain`.
    var isRetiring = false
    /// When a body last moved towards the caller, and how much had until then.
    var progress = (at: Instant(nanoseconds: 0), bytes: 0)

    init(
        _ transport: consuming Transport,
        _ connection: borrowing Downstream,
        limits: HTTP2Limits,
        now: Instant
    ) {
        descriptor = connection.descriptor
        listener = connection.listener
        source = connection.source
        peerText = connection.peerText
        io = MultiplexIO(transport, limits: limits)
        progress.at = now
    }

    /// The exchange of a stream, nil when it is over.
    func find(_ id: StreamID) -> Downstream? { ids.firstIndex(of: id).map { streams[$0] } }

    func open(_ id: StreamID, limits: HTTP1Limits) -> Downstream {
        let stream = spare.popLast() ?? Downstream(streamOf: self, limits: limits)
        stream.io.link = StreamLink(self, id)
        streams.append(stream)
        ids.append(id)
        return stream
    }

    func remove(_ id: StreamID) {
        guard let index = ids.firstIndex(of: id) else { return }
        spare.append(streams[index])
        streams.swapAt(index, streams.count - 1)
        streams.removeLast()
        ids.swapAt(index, ids.count - 1)
        ids.removeLast()
    }

    /// Whether answers wait for a caller that does not take them, though their exchanges are over.
    var hasUnreadAnswers: Bool { io.server.session.streamCount > streams.count }
}
