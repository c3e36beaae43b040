// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Gateway
import HTTP1
import HTTP2
import Runtime
import TLS

/// What a worker is told at start and keeps for its life. Immutable, shared by all workers.
struct WorkerPlan: Sendable {
    /// The first state of the world; later ones come as messages.
    let snapshot: Snapshot
    let upstreams: [UpstreamPlan]
    let listeners: [ListenerPlan]
    let callerLimits: HTTP1Limits
    let upstreamLimits: HTTP1Limits
    /// Of callers that speak HTTP/2.
    let http2: HTTP2Limits
    /// Bytes in flight between the two sides of an exchange; reading resumes at half.
    let windowBytes: Int
    let bodyBytes: Int
    let headTimeout: Interval
    let bodyTimeout: Interval
    /// Bytes per second, over each `bodyTimeout`.
    let bodyRate: Int
    let idleTimeout: Interval
    /// This worker's share.
    let maximumConnections: Int
    /// How long an exchange may wait for keys, a credential or a provision.
    let needTimeout = Interval.seconds(10)
    /// An idle connection gives its buffers back after this.
    let trimAfter = Interval.seconds(2)
    /// How long the last bytes of an answer may take after we have ended.
    let lingerTimeout = Interval.seconds(2)
}

struct UpstreamPlan: Sendable {
    let name: String
    let endpoints: [Configuration.Endpoint]
    /// What Host says: the first endpoint.
    let authority: [UInt8]
    let tls: TLSContext?
    let serverName: String
    let timeouts: Configuration.Timeouts
    let health: Configuration.Health?
    let maximumConnections: Int
    let maximumIdle: Int

    func makeSession() -> TLSSession? { tls.map { TLSSession(client: $0, serverName: serverName) } }
}

struct ListenerPlan: Sendable {
    let name: String
    let address: SocketAddress
    let tls: TLSContext?
    /// Several certificates, chosen by name: what is asked for after the handshake must be what was asked for in it.
    let bindsAuthority: Bool
}

/// A bound socket of one worker.
final class ListenerSocket: Sendable {
    let plan: Int
    let socket: Socket
    var descriptor: Int32 { socket.raw }

    init(plan: Int, socket: consuming Socket) {
        self.plan = plan
        self.socket = socket
    }
}
