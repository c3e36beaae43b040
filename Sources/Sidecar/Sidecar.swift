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
    private let workers: [WorkerBox]
    /// Every address that is bound, by listener name; tells the ports where 0 was asked for.
    package let addresses: [(name: String, address: String)]

    /// Binds everything; after this nothing can fail but the network.
    /// - Parameters:
    ///   - inherited: sockets that are open already.
    ///   - before: the admin plane of a process whose place is taken as soon as this one is ready; nil for none.
    package init(
        _ loader: Loader,
        inherited: InheritedSockets = InheritedSockets(),
        replacing before: String? = nil
    ) throws(LoadProblems) {
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
            let (census, backlog) = (ConnectionCensus(), RecordBacklog())
            var workers: [WorkerBox] = []
            let (sockets, addresses) = try Self.sockets(plan, inherited, workers: count)
            for index in 0..<count {
                var worker = Worker(
                    plan,
                    index: index,
                    control: inbox,
                    census: census,
                    backlog: backlog,
                    reactor: try Reactor()
                )
                if before == nil { try worker.listen(sockets[index]) }
                workers.append(WorkerBox(worker))
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
                    descriptors: descriptors,
                    sockets: sockets.flatMap(\.self)
                ),
                backlog: backlog,
                takeOver: before.map { path in
                    TakeOver(path: path, admin: inherited.admin, sockets: sockets, addresses: addresses)
                }
            )
            self.addresses = before == nil ? addresses + control.adminAddresses : []
        } catch let problems as LoadProblems {
            throw problems
        } catch {
            throw LoadProblems(["\(error)"])
        }
    }

    /// Every worker's listening sockets. What was inherited is used to the last one, since somebody may wait at each;
    /// workers share where there are too few, since not every socket lets others have its port.
    private static func sockets(
        _ plan: WorkerPlan,
        _ inherited: InheritedSockets,
        workers: Int
    ) throws(LoadProblems) -> (byWorker: [[ListenerSocket]], addresses: [(name: String, address: String)]) {
        var sockets: [[ListenerSocket]] = Array(repeating: [], count: workers)
        var addresses: [(name: String, address: String)] = []
        for (place, listener) in plan.listeners.enumerated() {
            let open = inherited.sockets(of: listener)
            var bound = listener.address
            for index in 0..<max(workers, open.count) {
                let socket =
                    open.isEmpty ? try bind(bound, listener.name) : Socket(open[index % open.count])
                bound = socket.localAddress() ?? bound
                sockets[index % workers].append(ListenerSocket(place: place, socket: socket))
            }
            addresses.append((listener.name, bound.description))
        }
        return (sockets, addresses)
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
                let thread = try Thread(name: "worker-\(worker.index)") { worker.run() }
                threads.append(ThreadBox(thread))
            }
        } catch {
            throw LoadProblems(["\(error)"])
        }
        let control = control
        Task(executorPreference: loop) { await control.start() }
        loop.run()
        for thread in threads { thread.join() }
        let problems = control.failure.problems
        if !problems.isEmpty { throw LoadProblems(problems) }
    }
}

/// A worker on its way to its thread: made here, used there and nowhere else from then on.
private final class WorkerBox: @unchecked Sendable {
    let index: Int
    let inbox: Mailbox<WorkerMessage>
    private var worker: Worker

    init(_ worker: consuming Worker) {
        index = worker.index
        inbox = worker.inbox
        self.worker = worker
    }

    func run() { worker.run() }
}

private final class ThreadBox {
    private var thread: Thread?
    init(_ thread: consuming Thread) { self.thread = consume thread }
    func join() { self.thread.take()?.join() }
}
