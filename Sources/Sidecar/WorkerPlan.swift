// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Crypto
import Gateway
import HTTP1
import HTTP2
import Identity
import Runtime
import TLS

/// What a worker is told at start and by each reload. Immutable, shared by all workers.
struct WorkerPlan: Sendable {
    /// The state of the world when it was made; later ones of the same plan come as messages.
    let snapshot: Snapshot
    /// Of all workers; see `OpenExchanges`.
    let exchanges: OpenExchanges
    /// By place, those that are no longer in use among them.
    let upstreams: [UpstreamPlan]
    /// By place, those that are closed among them.
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
    /// Of all workers: from one address, and whether that counts for this host's own.
    let maximumPerAddress: Int
    let countsLoopback: Bool
    /// This worker's share of the requests under way.
    let maximumExchanges: Int
    /// How long an exchange may wait for keys, a credential or a provision.
    let needTimeout = Interval.seconds(10)
    /// An idle connection gives its buffers back after this.
    let trimAfter = Interval.seconds(2)
    /// How long an exchange may wait for a need; for an endpoint the control thread says when.
    func timeout(of need: Need) -> Interval {
        guard case .lease(let lease) = need else { return needTimeout }
        guard lease.upstream < upstreams.count else { return needTimeout }
        let wait = upstreams[lease.upstream].source.leasing.wait
        return Interval(nanoseconds: wait.nanoseconds + needTimeout.nanoseconds)
    }

    /// How long the last bytes of an answer may take after we have ended.
    let lingerTimeout = Interval.seconds(2)
    /// How long a connection that is to end may be idle before it is closed: a request may be on its way to it.
    let retireAfter = Interval.milliseconds(500)
    /// How long handshakes with the kernel may take to end when a listener is closed.
    let handshakeTime = Interval.milliseconds(200)
}

struct UpstreamPlan: Sendable {
    let name: String
    let endpoints: [Configuration.Endpoint]
    /// What Host says: the first endpoint.
    let authority: [UInt8]
    private(set) var tls: TLSContext?
    /// The same, for what speaks HTTP/1.1 alone: WebSockets, and the control thread where it may.
    private(set) var tlsHTTP1: TLSContext?
    let serverName: String
    let `protocol`: Configuration.UpstreamProtocol
    let timeouts: Configuration.Timeouts
    let health: Configuration.Health?
    let maximumConnections: Int
    let maximumIdle: Int
    /// As it is configured, and what was in its files: another one of the same name is another upstream, whose
    /// connections are not those of this one.
    let source: Configuration.Upstream
    let digests: [Digest?]
    /// Takes no new requests: what began before ends with it.
    var isRetired = false

    /// Whether connections of one are as good for the other.
    func isSame(as other: UpstreamPlan) -> Bool { source == other.source && digests == other.digests }

    func retired() -> UpstreamPlan {
        var plan = self
        plan.isRetired = true
        return plan
    }

    /// Of no use to anybody, and without what costs memory.
    func vacated() -> UpstreamPlan {
        var plan = retired()
        plan.tls = nil
        plan.tlsHTTP1 = nil
        return plan
    }

    func makeSession(onlyHTTP1: Bool) -> TLSSession? {
        (onlyHTTP1 ? tlsHTTP1 : tls).map { TLSSession(client: $0, serverName: serverName) }
    }
}

struct ListenerPlan: Sendable {
    let name: String
    let address: SocketAddress
    let tls: TLSContext?
    /// What `tls` was made from; nil for plain text.
    let material: Material?
    /// Several certificates, chosen by name: what is asked for after the handshake must be what was asked for in it.
    let bindsAuthority: Bool
    /// Whether it is in the configuration: else the last of its connections are on their way out.
    let isOpen: Bool
    let agents: Agents
    /// Open connections of all workers.
    let maximumConnections: Int

    /// Whether agents call their stores here.
    enum Agents: Sendable {
        case none
        /// Whose a call is says what it carries.
        case named
        /// Whose a call is knows the process alone that leases the agent's endpoint.
        case leased
    }

    struct Material: Equatable, Sendable {
        let settings: Configuration.ServerTLS
        let certificates: [Digest?]
        let authorities: Digest?
        let ticketSecrets: [Secret]

        /// Whether whoever was let in by the other would be let in by this one too.
        func trustsLike(_ other: Material) -> Bool {
            authorities == other.authorities
                && settings.clientCertificates == other.settings.clientCertificates
                && settings.minimumVersion == other.settings.minimumVersion
        }
    }

    /// Whether connections that were let in by the other may stay.
    func trustsLike(_ other: ListenerPlan) -> Bool {
        switch (material, other.material) {
        case (nil, nil): true
        case (let mine?, let theirs?): mine.trustsLike(theirs)
        case (nil, .some), (.some, nil): false
        }
    }
}

/// A bound socket of one worker.
final class ListenerSocket: Sendable {
    /// Place of the listener.
    let place: Int
    let socket: Socket
    var descriptor: Int32 { socket.raw }

    init(place: Int, socket: consuming Socket) {
        self.place = place
        self.socket = socket
    }
}
