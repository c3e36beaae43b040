// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP1
import Runtime
import TLS

/// One connection to an upstream: idle in a pool, or carrying one exchange.
final class Upstream {
    enum Phase: Equatable {
        case connecting
        case idle
        case carrying
        case tunnel
    }

    let descriptor: Int32
    /// Place of the upstream in the snapshot, and the pool within it.
    let place: Int
    let pool: Int
    let endpoint: Int
    var transport: Transport
    var client: ClientConnection
    unowned var downstream: Downstream?
    var phase: Phase = .connecting
    /// Has carried an exchange before, so that its peer may have closed it in the meantime.
    var isReused = false
    var isConnected = false
    /// Reading stopped because the caller has a full window; whoever drains that must let it go on, also when there
    /// is nothing left to read: the engine may still have to say that the response has ended.
    var isPaused = false
    var deadline = Instant(nanoseconds: .max)
    var armedAt = Instant(nanoseconds: .max)
    var isScheduled = false
    /// Closed and forgotten by the worker; it may still stand in the list of this turn's tasks.
    var isClosed = false

    init(
        _ socket: consuming Socket,
        session: consuming TLSSession?,
        place: Int,
        pool: Int,
        endpoint: Int,
        limits: HTTP1Limits
    ) {
        descriptor = socket.raw
        transport = Transport(socket, session: session, connecting: true)
        client = ClientConnection(limits: limits)
        self.place = place
        self.pool = pool
        self.endpoint = endpoint
    }

    /// Appends a stretch of the request's body.
    func write(_ range: Range<Int>, of body: borrowing Buffer) throws(HTTP1Error) {
        try client.write(body.bytes.extracting(range), into: &transport.output)
    }
}
