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
        /// The caller has ended a tunnel: what it said last is on its way out, what still comes is dropped.
        case closing
    }

    /// Of the connection that carries it.
    let descriptor: Int32
    /// Whether it is a stream of HTTP/2, made for one exchange.
    let isStream: Bool
    /// Place of the upstream in the snapshot, and the pool within it.
    let place: Int
    let pool: Int
    /// Its address and port, as records name them.
    let endpoint: String
    var io: UpstreamIO
    unowned var downstream: Downstream?
    var phase: Phase = .connecting
    /// Has carried an exchange before, so that its peer may have closed it in the meantime.
    var isReused = false
    var isConnected = false
    /// Which protocol the upstream speaks shows when the connection stands, and whether it takes WebSockets when a stream's
    /// connection has its settings; nothing is sent before.
    var isUndecided = false
    /// Reading stopped because the caller has a full window; whoever drains that must let it go on, also when there
    /// is nothing left to read: the engine may still have to say that the response has ended.
    var isPaused = false
    /// What came while it was closing, roughly.
    var droppedBytes = 0
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
        endpoint: String,
        limits: HTTP1Limits
    ) {
        descriptor = socket.raw
        isStream = false
        io = UpstreamIO(Transport(socket, session: session, connecting: true), limits: limits)
        self.place = place
        self.pool = pool
        self.endpoint = endpoint
    }

    /// A stream of `connection`, for one exchange.
    init(streamOf connection: UpstreamMultiplex, limits: HTTP1Limits) {
        descriptor = connection.descriptor
        isStream = true
        io = UpstreamIO(.detached(), limits: limits)
        place = connection.place
        pool = connection.pool
        endpoint = connection.endpoint
        phase = .idle
    }
}
