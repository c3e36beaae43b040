// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Gateway
import Runtime
import TLS
import Telemetry

extension Worker {
    /// Takes waiting connections. At the limit the newest are turned away at once, so that those that are open go
    /// on; without descriptors accepting pauses and nothing else does.
    mutating func accept(on listener: ListenerSocket) {
        while true {
            switch listener.socket.accept() {
            case .none: return
            case .exhausted:
                gateway.count(.acceptExhausted)
                return pauseAccepting()
            case .connection(let socket, let peer):
                guard connectionCount < plan.maximumConnections else {
                    gateway.count(.connectionsRefused)
                    continue
                }
                guard admits(peer, listener.place) else { continue }
                open(socket, peer, listener.place)
            }
        }
    }

    /// Whether listener and address may have one more; then it is counted for both.
    private mutating func admits(_ peer: SocketAddress?, _ listener: Int) -> Bool {
        let address = peer?.ip
        let isCounted = address.map { plan.countsLoopback || !$0.isLoopback } ?? false
        switch census.enter(
            listener,
            limit: plan.listeners[listener].maximumConnections,
            address,
            limit: isCounted ? plan.maximumPerAddress : .max
        ) {
        case .admitted: return true
        case .listenerIsFull:
            gateway.count(.connectionsRefusedAtListener)
            return false
        case .addressHasEnough:
            gateway.count(.connectionsRefusedFromAddress)
            return false
        }
    }

    private mutating func open(_ socket: consuming Socket, _ peer: SocketAddress?, _ listener: Int) {
        let session = plan.listeners[listener].tls.map { TLSSession(server: $0) }
        let connection = Downstream(
            socket,
            session: session,
            listener: listener,
            peer: peer,
            limits: plan.callerLimits
        )
        do throws(SystemError) {
            try reactor.add(connection.descriptor)
        } catch {
            return census.leave(listener, connection.source)
        }
        put(.downstream(connection), at: connection.descriptor)
        count(1, at: listener)
        gateway.count(.connectionsAccepted)
        // The handshake and the first head share one deadline.
        connection.deadline = now + plan.headTimeout
        arm(connection)
        connection.io.transport.assumeReady()
        schedule(connection)
    }
}
