// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import HTTPTypes
import Identity
import Runtime

/// Listening sockets that another process opened: one that this process takes the place of, or the system's.
package struct InheritedSockets: Sendable {
    /// What the other calls it, where it says so; the address that was configured for it; the socket.
    private let listeners: [(name: String, address: String, socket: Descriptor)]
    let admin: Descriptor?

    init(listeners: [(name: String, address: String, socket: Descriptor)], admin: Descriptor?) {
        self.listeners = listeners
        self.admin = admin
    }

    /// None.
    package init() { self.init(listeners: [], admin: nil) }

    /// What systemd gives a service with sockets of its own (sd_listen_fds): descriptors from 3 on, known by their
    /// addresses.
    package init(environment: [String: String], process: Int32) {
        var listeners: [(name: String, address: String, socket: Descriptor)] = []
        if environment["LISTEN_PID"] == "\(process)",
            let count = environment["LISTEN_FDS"].flatMap(Int32.init),
            (1...1024).contains(count)
        {
            for raw in 3..<3 + count {
                let descriptor = Descriptor(owning: raw)
                let address = Socket(descriptor).localAddress()?.description ?? ""
                listeners.append((name: "", address: address, socket: descriptor))
            }
        }
        self.init(listeners: listeners, admin: nil)
    }

    /// Those of a listener.
    func sockets(of listener: ListenerPlan) -> [Descriptor] {
        let address = listener.address.description
        return listeners.filter { inherited in
            // With a port that the system chose, the address says nothing.
            inherited.address == address && (listener.address.port != 0 || inherited.name == listener.name)
        }.map(\.socket)
    }
}

/// A start that takes the place of a running process: what is left to do once this one is ready.
struct TakeOver: Sendable {
    /// The admin plane of the process before.
    let path: String
    let admin: Descriptor?
    /// By worker.
    let sockets: [[ListenerSocket]]
    let addresses: [(name: String, address: String)]
}

/// An upgrade that drops no request: the new process asks the old one for its listening sockets, becomes ready, takes
/// connections from them, and then tells the old one to stop. Until then the old one serves as if nothing were; if the
/// new one does not get ready, nothing has happened.
extension ControlPlane {
    private static let readyWithin = Interval.seconds(60)

    // MARK: the old one

    /// Gives away every listening socket: a line with the listener's name and address beside each.
    func sendSockets(to socket: AsyncSocket) async throws(FetchError) {
        let deadline = Clock.now() + .seconds(10)
        do throws(NetworkError) {
            for listener in standing.sockets {
                let plan = standing.workerPlan.listeners[listener.place]
                let line = Array("listener \(plan.name) \(plan.address)\n".utf8)
                try await socket.send(listener.descriptor, named: line, deadline: deadline)
            }
            for listener in admin where !listener.isUnix {
                try await socket.send(
                    listener.socket.raw,
                    named: Array("admin - -\n".utf8),
                    deadline: deadline
                )
            }
        } catch {
            throw .network(error)
        }
    }

    /// The new one serves: this one ends with what it has under way.
    /// - Parameter successor: kept until this process ends.
    func handOver(to successor: AsyncSocket) -> AdminReply {
        guard !isDraining else { return AdminReply(Status(409), "stopping is under way\n") }
        isDraining = true
        self.successor = successor
        notice("another process has taken over: waiting for requests under way")
        standing.sockets = []
        for listener in admin { loop.forget(listener.socket.raw) }
        admin = []
        // Handles speak for themselves in any process; who leases which endpoint knows this one alone.
        drain(isHandedOver: true, keeping: [.leased])
        return AdminReply(.ok, "handed over\n")
    }

    // MARK: the new one

    /// Takes the place of the process before, as soon as this one could serve its requests.
    func takePlace() async {
        guard let takeOver else { return }
        let deadline = Clock.now() + Self.readyWithin
        while !(isReady && knowsUpstreams) {
            guard Clock.now() < deadline else {
                return giveUp("not ready within \(Self.readyWithin.nanoseconds / 1_000_000_000) s")
            }
            await loop.sleep(until: Clock.now() + .milliseconds(10))
        }
        do {
            let address = SocketAddress(.unix(takeOver.path))
            let before = try await AsyncSocket.connect(to: address, on: loop, deadline: deadline)
            try syncSuspensions()
            let listeners = try Self.listen(plan.admin, takeOver.admin, on: loop)
            admin = listeners.map(\.listener)
            listen(takeOver.sockets) { $0 != .leased }
            for (name, address) in takeOver.addresses { notice("\(name) listens on \(address)") }
            for listener in listeners { notice("admin listens on \(listener.address)") }
            self.takeOver = nil
            startAdmin()
            await dismiss(before, deadline)
            // Until then its agents' processes are at work for those who lease them there.
            listen(takeOver.sockets) { $0 == .leased }
            takeLeases()
        } catch {
            giveUp("\(error)")
        }
    }

    private func listen(_ sockets: [[ListenerSocket]], where isMeant: (ListenerPlan.Agents) -> Bool) {
        let listeners = standing.workerPlan.listeners
        for (index, worker) in workers.enumerated() {
            worker.send(.listen(sockets[index].filter { isMeant(listeners[$0.place].agents) }))
        }
    }

    /// Both serve now; the one before may go. Returns when it has gone, which ends the connection.
    private func dismiss(_ before: AsyncSocket, _ deadline: Instant) async {
        do throws(FetchError) {
            var stream = ControlStream(before, session: nil)
            let reply = try await stream.ask(
                .post,
                "/handover/complete",
                authority: "localhost",
                deadline: deadline
            )
            if reply.status == 200 {
                notice("took over from the process before")
                while (try? await stream.read(Instant(nanoseconds: .max))) == true {}
                return
            }
            notice("the process before answered \(reply.status) to be told to stop")
        } catch {
            notice("the process before does not answer: \(error)")
        }
    }

    private func giveUp(_ reason: String) {
        failure.note("cannot take over: \(reason); the process before goes on")
        drain()
    }

    private var knowsUpstreams: Bool {
        plan.upstreams.indices.allSatisfy { plan.upstreams[$0].isRetired || healthyEndpoints[$0] != nil }
    }

    /// What was commanded while this process was starting.
    private func syncSuspensions() throws(LoadProblems) {
        guard let path = plan.admin.suspensionsPath else { return }
        let commanded = Set(try Suspensions.read(path))
        var tenants = snapshot.identity.tenants
        for tenant in commanded.subtracting(tenants.suspended) { tenants = tenants.suspending(tenant) }
        for tenant in tenants.suspended.subtracting(commanded) { tenants = tenants.resuming(tenant) }
        snapshot = Snapshot(snapshot.plan, identity: snapshot.identity.with(tenants: tenants))
        broadcast(.snapshot(snapshot))
    }
}
