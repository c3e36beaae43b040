// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Crypto
import Gateway
import Glibc
import HTTP1
import Identity
import Runtime
import TLS
import Vending

/// The whole: listeners, workers and the control thread, made from a loaded configuration.
package final class Sidecar {
    private let loop: ControlLoop
    private let control: ControlPlane
    private let workers: [Worker]
    /// Every address that is bound, by listener name; tells the ports where 0 was asked for.
    package let addresses: [(name: String, address: String)]

    /// Binds everything; after this nothing can fail but the network.
    package init(_ loader: Loader) throws(LoadProblems) {
        do {
            forbidCoreFiles()
            let descriptors = raiseDescriptorLimit()
            let signals = try Signals([SIGTERM, SIGINT, SIGHUP])
            let count = loader.workerCount
            let places = try loader.firstPlaces()
            let plan = try loader.workerPlan(
                Self.firstSnapshot(loader),
                places,
                workers: count,
                descriptors: descriptors
            )
            loop = try ControlLoop()
            let wake = try WakeSource()
            let inbox = Mailbox<ControlMessage>(waker: wake.waker)
            var workers: [Worker] = []
            var addresses: [(name: String, address: String)] = []
            var bound: [SocketAddress?] = Array(repeating: nil, count: plan.listeners.count)
            for index in 0..<count {
                let worker = try Worker(plan, index: index, control: inbox)
                var sockets: [ListenerSocket] = []
                for (place, listener) in plan.listeners.enumerated() {
                    let socket = try Self.bind(bound[place] ?? listener.address, listener.name)
                    bound[place] = socket.localAddress() ?? listener.address
                    sockets.append(ListenerSocket(place: place, socket: socket))
                }
                try worker.listen(sockets)
                workers.append(worker)
            }
            for (place, listener) in plan.listeners.enumerated() {
                addresses.append((listener.name, bound[place]?.description ?? ""))
            }
            self.workers = workers
            control = try ControlPlane(
                loader.controlPlan(plan),
                loop: loop,
                wake: wake,
                signals: signals,
                inbox: inbox,
                workers: workers.map(\.inbox),
                standing: Standing(
                    loader: loader,
                    places: places,
                    workerPlan: plan,
                    encodings: loader.routeEncodings,
                    lastRead: loader.files,
                    descriptors: descriptors
                )
            )
            self.addresses = addresses + control.adminAddresses
        } catch let problems as LoadProblems {
            throw problems
        } catch {
            throw LoadProblems(["\(error)"])
        }
    }

    /// With the suspensions that an operator commanded before.
    private static func firstSnapshot(_ loader: Loader) throws(LoadProblems) -> Snapshot {
        let snapshot = try loader.makeSnapshot()
        guard let socket = loader.configuration.admin.socket else { return snapshot }
        var tenants = snapshot.identity.tenants
        for tenant in try Suspensions.read(AdminPlan.suspensionsPath(beside: socket)) {
            tenants = tenants.suspending(tenant)
        }
        return Snapshot(snapshot.plan, identity: snapshot.identity.with(tenants: tenants))
    }

    static func bind(_ address: SocketAddress, _ name: String) throws(LoadProblems) -> Socket {
        do throws(SystemError) {
            return try Socket.listen(on: address, sharedPort: true)
        } catch {
            throw LoadProblems(["listener \(name): \(address): \(error)"])
        }
    }

    /// Serves until a signal says to stop, and what is under way has ended. The calling thread becomes the control
    /// thread.
    package func run() throws(LoadProblems) {
        var threads: [ThreadBox] = []
        do throws(SystemError) {
            for worker in workers {
                let carried = Carried(worker)
                let thread = try Thread(name: "worker-\(worker.index)") { carried.worker.run() }
                threads.append(ThreadBox(thread))
            }
        } catch {
            throw LoadProblems(["\(error)"])
        }
        let control = control
        Task(executorPreference: loop) { await control.start() }
        loop.run()
        for thread in threads { thread.join() }
    }
}

/// A worker on its way to its thread: made here, used there and nowhere else from then on.
private struct Carried: @unchecked Sendable {
    let worker: Worker
    init(_ worker: Worker) { self.worker = worker }
}

private final class ThreadBox {
    private var thread: Thread?
    init(_ thread: consuming Thread) { self.thread = consume thread }
    func join() { self.thread.take()?.join() }
}
