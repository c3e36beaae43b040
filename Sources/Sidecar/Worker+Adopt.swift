// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import HTTP1
import Identity
import Runtime
import Telemetry

/// Another state of the world, from one message to the next: what is under way goes on as it began (THREATS 10), but for
/// those who may not be here any more.
extension Worker {
    /// Other keys, other tenants.
    mutating func adopt(_ snapshot: Snapshot) {
        let old = gateway.identity
        gateway.adopt(snapshot)
        endStale(since: old)
    }

    /// Another configuration.
    mutating func adopt(_ next: WorkerPlan, _ sockets: [ListenerSocket], _ addresses: [Int: [SocketAddress]])
    {
        let old = plan
        plan = next
        adoptUpstreams(replacing: old, addresses)
        adopt(next.snapshot)
        adoptListeners(replacing: old, sockets)
    }

    private mutating func adoptUpstreams(replacing old: WorkerPlan, _ addresses: [Int: [SocketAddress]]) {
        for (place, upstream) in plan.upstreams.enumerated() {
            let before = place < old.upstreams.count ? old.upstreams[place] : nil
            if let before, before.isSame(as: upstream), before.isRetired == upstream.isRetired { continue }
            // Idle connections of what stood there are of no use to what stands there now.
            if before != nil { for idle in pools[place].retire() { close(idle) } }
            guard !upstream.isRetired else { continue }
            let pool = UpstreamPool(
                maximum: upstream.maximumConnections,
                maximumIdle: upstream.maximumIdle
            )
            if place < pools.count { pools[place] = pool } else { pools.append(pool) }
            pools[place].use(addresses[place] ?? [])
        }
    }

    private mutating func adoptListeners(replacing old: WorkerPlan, _ sockets: [ListenerSocket]) {
        for listener in listeners where !plan.listeners[listener.place].isOpen { close(listener) }
        listeners.removeAll { !plan.listeners[$0.place].isOpen }
        // Without room for one more descriptor in the reactor the other workers answer on that port.
        try? listen(sockets)
        let endsConnections = plan.listeners.indices.map { place in
            guard place < old.listeners.count else { return false }
            return !plan.listeners[place].isOpen || !plan.listeners[place].trustsLike(old.listeners[place])
        }
        for connection in multiplexes where endsConnections[connection.listener] { drain(connection) }
        for connection in downstreams where endsConnections[connection.listener] { retire(connection) }
    }

    /// Closes a listener so that nobody is reset who is connected in the kernel's eyes: no new handshake begins, those
    /// under way have a moment to end, and who waits at the door is taken in.
    mutating func close(_ listener: ListenerSocket) {
        listener.socket.refuseNewConnections()
        closing.append(listener)
        closeListenersAt = now + plan.handshakeTime
    }

    mutating func closeListeners() {
        closeListenersAt = nil
        for listener in closing {
            accept(on: listener)
            release(listener.descriptor)
        }
        closing = []
    }

    /// Ends a connection as soon as nothing is under way on it. One that was used a moment ago is given another moment:
    /// its next request may be on its way, and would be lost with it.
    mutating func retire(_ connection: Downstream) {
        // A stream has no next request, and its connection takes care of itself.
        if connection.isStream { return }
        connection.isRetiring = true
        connection.io.server.closeAfterResponse()
        guard connection.isIdle else { return }
        if connection.isTrimmed { return close(connection) }
        connection.deadline = min(connection.deadline, now + plan.retireAfter)
        arm(connection)
    }

    /// Ends what is under way for those who may not be here any more: a tenant that was suspended or has gone, a token
    /// whose key was taken back (THREATS 9).
    private mutating func endStale(since old: IdentitySnapshot) {
        let identity = gateway.identity
        guard identity.mayRefuseMore(than: old) else { return }
        for connection in downstreams {
            guard let exchange = connection.exchange, let principal = exchange.value.principal else {
                continue
            }
            guard let failure = identity.refusal(of: principal) else { continue }
            refuse(connection, exchange, Refusal(failure))
            gateway.count(.exchangesCut)
            schedule(connection)
        }
    }
}
