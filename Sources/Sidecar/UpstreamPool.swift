// SPDX-License-Identifier: Apache-2.0
import Bytes
import Runtime

/// One worker's connections to one upstream.
///
/// A connection is only ever used again for the same tenant and credential (THREATS 18): `idle` is kept by the
/// grant's pool number, which the gateway gives out, from 0, for each (upstream, credential, tenant).
struct UpstreamPool {
    /// Waits for a connection when the upstream has as many as it may.
    var waiting: [Downstream] = []
    private(set) var addresses: [SocketAddress] = []
    private(set) var openCount = 0
    private var idle: [[Upstream]] = []
    /// Where `evict` looks first.
    private var hand = 0
    private(set) var idleCount = 0
    /// Connections of HTTP/2 that are open.
    private var shared: [UpstreamMultiplex] = []
    private var turn = 0
    let maximum: Int
    private var maximumIdle: Int

    init(maximum: Int, maximumIdle: Int) {
        self.maximum = maximum
        self.maximumIdle = maximumIdle
    }

    mutating func use(_ addresses: [SocketAddress]) {
        self.addresses = addresses
    }

    var isSaturated: Bool { openCount >= maximum }

    mutating func opened() { openCount += 1 }
    mutating func closed() { openCount -= 1 }

    /// The next address, in turn.
    mutating func nextAddress() -> SocketAddress? {
        guard !addresses.isEmpty else { return nil }
        turn = (turn + 1) % addresses.count
        return addresses[turn]
    }

    /// The connection that was used last, which is the least likely to have been closed by the peer.
    mutating func take(_ pool: Int) -> Upstream? {
        guard pool < idle.count, let connection = idle[pool].popLast() else { return nil }
        idleCount -= 1
        return connection
    }

    mutating func share(_ connection: UpstreamMultiplex) { shared.append(connection) }
    mutating func unshare(_ connection: UpstreamMultiplex) { shared.removeAll { $0 === connection } }

    /// A connection of HTTP/2 that takes one more exchange.
    func sharedConnection(_ pool: Int) -> UpstreamMultiplex? {
        shared.first { $0.pool == pool && $0.hasRoom }
    }

    /// The same for a WebSocket: one that takes them, else one of which nothing is known yet, else one that takes none.
    func tunnelConnection(_ pool: Int) -> UpstreamMultiplex? {
        var found: UpstreamMultiplex?
        for connection in shared where connection.pool == pool && connection.hasRoom {
            if connection.takesWebSockets == true { return connection }
            if found == nil || connection.takesWebSockets == nil { found = connection }
        }
        return found
    }

    /// One that carries nothing, to make room.
    func idleShared() -> UpstreamMultiplex? { shared.first { $0.streams.isEmpty } }

    /// - Returns: false when enough are kept already; the caller closes it then.
    mutating func put(_ connection: Upstream, _ pool: Int) -> Bool {
        guard idleCount < maximumIdle else { return false }
        while idle.count <= pool { idle.append([]) }
        idle[pool].append(connection)
        idleCount += 1
        return true
    }

    /// Takes out a connection that closed while idle.
    mutating func remove(_ connection: Upstream, _ pool: Int) {
        guard pool < idle.count, let index = idle[pool].firstIndex(where: { $0 === connection }) else {
            return
        }
        idle[pool].remove(at: index)
        idleCount -= 1
    }

    /// Takes out every idle connection and keeps none from now on: the upstream is no longer in use.
    mutating func retire() -> [Upstream] {
        for connection in shared { connection.isRetiring = true }
        let connections = idle.flatMap(\.self)
        idle = []
        idleCount = 0
        maximumIdle = 0
        return connections
    }

    /// Some idle connection of another pool, to make room: of each in turn.
    mutating func evict() -> Upstream? {
        guard idleCount > 0 else { return nil }
        while true {
            hand = hand + 1 < idle.count ? hand + 1 : 0
            if let connection = take(hand) { return connection }
        }
    }
}
