// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import HTTP1
import HTTPTypes
import Identity
import Runtime
import TLS

/// Keeps an exchange for a connection, or in the worker's pool. Lent to the gateway for one step at a time.
final class ExchangeBox {
    var value = Exchange()
}

/// A need for which an exchange is parked. By reference: a connection that waits for its next request has no room for it.
final class Parked {
    let need: Need

    init(for need: Need) { self.need = need }
}

/// One caller's connection in HTTP/1.1, or one stream of its connection in HTTP/2 (`Multiplex`): it turns bytes into
/// exchanges, and what an exchange answers into bytes.
///
///     waiting ─head─▶ deciding ─need─▶ parked ─met─▶ deciding
///                        │ └─body wanted─▶ collecting ─whole─▶ deciding
///                        ├─forward─▶ queued ─▶ forwarding ─response ends─▶ waiting
///                        └─answer──────────────────────────────────────▶ waiting | closing
///     forwarding ─101─▶ tunnel
final class Downstream {
    enum Phase: Equatable {
        /// Between requests, or within a head; also while the rest of an answered request is dropped.
        case waiting
        /// The exchange needs something, see `parked`; input is left where it is.
        case parked
        /// The adapter must see the whole body.
        case collecting(limit: Int)
        /// The upstream has as many connections as it may.
        case queued
        /// An upstream connection carries the exchange.
        case forwarding
        case tunnel
        /// The answer is on its way out, then the connection ends.
        case closing
    }

    /// Of the connection that carries it.
    let descriptor: Int32
    /// Whether it is a stream of HTTP/2, made for one exchange and used again for others.
    let isStream: Bool
    let listener: Int
    /// The caller's address, for policies and for records.
    let source: IPAddress?
    let peerText: String?
    var io: CallerIO
    var exchange: ExchangeBox?
    var upstream: Upstream?
    var phase: Phase = .waiting
    /// What it is parked for.
    var parked: Parked?
    /// When `timedOut` must look at it; moved later without touching the timers.
    var deadline = Instant(nanoseconds: .max)
    var armedAt = Instant(nanoseconds: .max)
    /// When the exchange under way must have ended, once it is forwarded.
    var exchangeDeadline = Instant(nanoseconds: .max)
    /// When nobody vouches any more for who began the exchange under way (THREATS 9); a tunnel ends then, too.
    var principalEndsAt = Instant(nanoseconds: .max)
    var isScheduled = false
    /// Closed and forgotten by the worker; it may still stand in the list of this turn's tasks.
    var isClosed = false
    /// The whole request has been read, and handed to the upstream's machine.
    var requestEnded = false
    /// How the request's length is announced to the upstream.
    var facts = RequestFacts()
    /// Sent once already on a pooled connection that turned out to be dead.
    var wasRetried = false
    /// The upstream takes no WebSockets in HTTP/2, and this is one.
    var needsHTTP1 = false
    var isTrimmed = false
    /// Which protocol the caller speaks is clear from its first bytes on.
    var isProtocolKnown = false
    /// The next response is the last, and an idle connection is closed soon.
    var isRetiring = false
    /// The caller had ended its side already when its request was read: it is of the kind that still waits for the
    /// answer. One that ends later has left.
    var hasHalfClosed = false
    /// Has had a request.
    var hasServed = false
    /// The pace of the request's body: when the time in which it has to bring enough began, and at which byte.
    var pace = (start: Instant(nanoseconds: 0), bytes: 0)
    /// Reading stopped because the upstream has a full window.
    var isPaused = false

    init(
        _ socket: consuming Socket,
        session: consuming TLSSession?,
        listener: Int,
        peer: SocketAddress?,
        limits: HTTP1Limits
    ) {
        descriptor = socket.raw
        isStream = false
        io = CallerIO(Transport(socket, session: session, connecting: false), limits: limits)
        self.listener = listener
        peerText = peer?.host
        source = peer?.ip
    }

    /// A stream of `connection`, ready for an exchange.
    init(streamOf connection: Multiplex, limits: HTTP1Limits) {
        descriptor = connection.descriptor
        isStream = true
        io = CallerIO(.detached(), limits: limits)
        listener = connection.listener
        peerText = connection.peerText
        source = connection.source
    }

    /// Nothing more can be read from it or written to it.
    var isOver: Bool { isClosed || (isStream && io.link == nil) }

    /// The name that the caller asked for in its handshake.
    var serverName: [UInt8]? {
        if let link = io.link { return link.connection.io.transport.serverName }
        return io.transport.serverName
    }

    /// Whether the caller has left while its request is under way.
    var isAbandoned: Bool {
        guard io.transport.sawEnd, !hasHalfClosed else { return false }
        switch phase {
        case .parked, .queued, .forwarding: return requestEnded || facts.framing == .none
        case .waiting, .collecting, .tunnel, .closing: return false
        }
    }

    /// Between two requests with nothing of the next one seen: may be closed without a word.
    var isIdle: Bool { phase == .waiting && io.server.isIdle && io.transport.input.isEmpty }
}
