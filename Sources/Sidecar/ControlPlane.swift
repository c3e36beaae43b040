// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Configuration
import Gateway
import Glibc
import HTTPTypes
import Identity
import Runtime
import Telemetry
import Vending

/// Everything slow, on the control thread: keys, credentials, provisioning, names, health, records, the admin plane.
/// It holds the master copy of every cache and does each thing once for all workers.
actor ControlPlane {
    let loop: ControlLoop
    var plan: ControlPlan
    let workers: [Mailbox<WorkerMessage>]
    let inbox: Mailbox<ControlMessage>
    let client: ControlClient
    var snapshot: Snapshot
    /// What the configuration in force was made from and into.
    var standing: Standing
    /// Earlier configurations, while a request still has one of them.
    var older: [UInt64: OlderPlan] = [:]
    /// The last attempt to read the configuration anew.
    var lastReload: ReloadReport?
    var reloading: Task<ReloadReport, Never>?
    var isWatchingFiles = false
    /// Those who look after an issuer's keys, by a number of their own; and that number by the issuer's place.
    var issuers: [Int: IssuerWatch] = [:]
    var issuerIDs: [Int] = []
    /// By place: which task looks after the upstream.
    var upstreamWatches: [Int: Int] = [:]
    var lastWatch = 0
    /// The last good answer for each endpoint.
    var resolved: [Configuration.Endpoint: [SocketAddress]] = [:]
    var credentials = CredentialCache<VendedCredential>()
    var vendLedger = VendLedger(overflow: TenantLabels.other)
    /// By the name of the agent.
    var leases: [String: LeaseTable] = [:]
    /// By ticket.
    var leaseHoldings: [UInt64: LeaseHolding] = [:]
    /// Who waits for a credential.
    var credentialWaiters: [CredentialKey: [CredentialWaiter]] = [:]
    /// Keys of tables, by table and role; looked after as credentials are.
    var schemas = SchemaDesk()
    /// The keys that asked STS last, and for which credential of which configuration.
    var baseKeys: (generation: UInt64, place: Int, keys: AWSCredential)?
    var provisions: [ProvisionNeed: Provisioning] = [:]
    var entropy = EntropyPool()
    var isDraining = false

    enum Provisioning {
        case underWay(waiting: Set<Int>)
        /// So long ago; a worker that asks again later has seen the store lose it.
        case done(at: Instant)
    }

    /// Memory is short.
    var isPressed = false
    private let backlog: RecordBacklog
    private let wake: WakeSource
    private let signals: Signals
    var log: Descriptor
    var audit: AuditSink?
    var admin: [AdminListener] = []
    /// What is left to do before this process takes another's place.
    var takeOver: TakeOver?
    /// Why this process could not do what it was started for.
    nonisolated let failure = Failure()
    /// Accepted, and not yet taken by the task that serves it.
    var adminConnections: [Int32: AsyncSocket] = [:]
    var openAdminConnections = 0
    /// Where the admin plane answers; tells the port where 0 was asked for.
    nonisolated let adminAddresses: [(name: String, address: String)]
    let startedOn = Clock.wallTime()
    var tenantLabels: TenantLabels
    /// What this thread counts itself.
    private(set) var counted = MetricSet(tenantsLabelled: 0)
    /// By the upstream's place.
    var healthyEndpoints: [Int: Int] = [:]
    let ownership: OwnershipDesk
    /// Who waits for the next look into it.
    var ownerWaiters: [(need: Need, worker: Int)] = []
    /// It is asked, or connected to: one at a time.
    var isAskingOwners = false
    private var pending = Buffer()
    private var isWriting = false
    private var drainedWorkers = 0
    private var collections: [Int: Collection] = [:]
    private var nextCollection = 0

    private struct Collection {
        var snapshots: [MetricSnapshot]
        let continuation: CheckedContinuation<[MetricSnapshot], Never>
    }

    /// Records that wait for a slow disk or pipe; beyond it they are dropped and counted (DESIGN §10).
    private static let maximumPendingBytes = 16 << 20

    init(
        _ plan: ControlPlan,
        loop: ControlLoop,
        wake: consuming WakeSource,
        signals: consuming Signals,
        inbox: Mailbox<ControlMessage>,
        workers: [Mailbox<WorkerMessage>],
        standing: Standing,
        backlog: RecordBacklog,
        takeOver: TakeOver?
    ) throws {
        self.plan = plan
        self.backlog = backlog
        self.takeOver = takeOver
        self.standing = standing
        self.loop = loop
        self.inbox = inbox
        self.workers = workers
        snapshot = standing.workerPlan.snapshot
        self.wake = wake
        self.signals = signals
        client = try ControlClient(loop: loop, resolver: Resolver(on: loop))
        log = try Self.open(plan.accessLog)
        var random = EntropyPool()
        audit = try plan.auditLog.map { try AuditSink(path: $0, name: random.integer()) }
        ownership = try OwnershipDesk(plan.ownership, client)
        tenantLabels = TenantLabels(limit: snapshot.plan.tenantsLabelled)
        // The process before answers there until this one takes its place.
        let listeners = try takeOver == nil ? Self.listen(plan.admin, nil, on: loop) : []
        admin = listeners.map(\.listener)
        adminAddresses = listeners.map { ("admin", $0.address) }
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// Starts everything that goes on by itself; returns when nothing is left to start.
    func start() {
        beginAudit()
        Task(executorPreference: loop) { await self.readMessages() }
        Task(executorPreference: loop) { await self.readSignals() }
        issuerIDs = plan.keySources.enumerated().map { startWatching($1, at: $0) }
        for place in plan.upstreams.indices { startWatching(place) }
        startLeasing()
        startWatchingFiles()
        startAdmin()
        Task(executorPreference: loop) { await self.watchOwnership() }
        Task(executorPreference: loop) { await self.watchMemory() }
        if takeOver != nil { Task(executorPreference: loop) { await self.takePlace() } }
    }

    private func readMessages() async {
        try? loop.watch(wake.raw)
        while true {
            _ = await loop.ready(wake.raw, .reading, until: nil)
            wake.drain()
            for message in inbox.drain() { receive(message) }
        }
    }

    private func receive(_ message: ControlMessage) {
        switch message {
        case .need(let need, let worker): meet(need, for: worker)
        case .released(let ticket): releaseLease(ticket)
        case .rejected(let key): rejectCredential(key)
        case .records(let lines):
            backlog.remove(lines.count)
            write(lines)
        case .audit(let events):
            backlog.remove(events.count)
            writeAudit(events)
        case .counters(let request, let snapshot): collected(request, snapshot)
        case .drained: drained()
        }
    }

    /// Tells every worker.
    func broadcast(_ message: WorkerMessage) {
        for worker in workers { worker.send(message) }
    }

    static func open(_ target: Configuration.LogTarget) throws(Files.Failure) -> Descriptor {
        switch target {
        case .standardOutput: try Files.standardStream(1)
        case .standardError: try Files.standardStream(2)
        case .file(let path): try Files.append(to: path)
        }
    }

    func startAdmin() {
        for place in admin.indices { Task(executorPreference: loop) { await self.serveAdmin(place) } }
    }

    /// - Parameter inherited: the TCP socket of the process before.
    static func listen(
        _ plan: AdminPlan,
        _ inherited: Descriptor?,
        on loop: ControlLoop
    ) throws -> [(listener: AdminListener, address: String)] {
        var listeners: [(listener: AdminListener, address: String)] = []
        let unix = plan.socketPath.map { SocketAddress(.unix($0)) }
        for address in [unix, plan.address].compactMap(\.self) {
            do {
                let isUnix = address.family == AF_UNIX
                let socket =
                    if let inherited, !isUnix {
                        Socket(inherited)
                    } else {
                        try Socket.listen(on: address, sharedPort: false)
                    }
                let bound = socket.localAddress() ?? address
                let listener = AdminListener(socket: try AsyncSocket(socket, on: loop), isUnix: isUnix)
                listeners.append((listener, bound.description))
            } catch {
                throw LoadProblems(["admin: \(address): \(error)"])
            }
        }
        return listeners
    }

    func count(_ counter: Counter) { counted.add(counter) }

    var ownCounters: MetricSnapshot { counted.snapshot() }

    // MARK: signals, drain

    private func readSignals() async {
        try? loop.watch(signals.raw)
        while true {
            while let signal = signals.next() {
                switch signal {
                case SIGTERM, SIGINT: drain()
                case SIGHUP: Task(executorPreference: loop) { _ = await self.reload() }
                default: break
                }
            }
            _ = await loop.ready(signals.raw, .reading, until: nil)
        }
    }

    func drain() {
        guard !isDraining else { return notice("stopping is under way") }
        isDraining = true
        notice("stopping: no new connections, waiting for requests under way")
        standing.sockets = []
        broadcast(.drain(until: Clock.now() + plan.drainTimeout, isHandedOver: false))
    }

    /// Turns new requests away while memory is short, until a tenth of it is free again.
    private func watchMemory() async {
        while true {
            if let limit = plan.memoryBytes {
                let resident = Memory.resident
                let isShort = resident > (isPressed ? limit / 10 * 9 : limit)
                if isShort != isPressed {
                    isPressed = isShort
                    notice(
                        "memory: \(resident >> 20) MiB, \(isShort ? "new requests are turned away" : "all is well again")"
                    )
                    broadcast(.pressure(isShort))
                }
            }
            await loop.sleep(until: Clock.now() + .milliseconds(200))
        }
    }

    private func drained() {
        drainedWorkers += 1
        // A worker that has ended answers no more.
        for collection in collections.values {
            collection.continuation.resume(returning: collection.snapshots)
        }
        collections = [:]
        guard drainedWorkers == workers.count else { return }
        Task(executorPreference: loop) {
            await self.flushRecords(until: Clock.now() + .seconds(5))
            notice("stopped")
            self.loop.stop()
        }
    }

    // MARK: records

    private func write(_ lines: [UInt8]) {
        if pending.count + lines.count > Self.maximumPendingBytes {
            return counted.add(.recordsDropped, lines.count { $0 == ASCII.lineFeed })
        }
        pending.append(lines)
        guard !isWriting else { return }
        Task(executorPreference: loop) { await self.flushRecords(until: nil) }
    }

    private func flushRecords(until deadline: Instant?) async {
        isWriting = true
        defer { isWriting = false }
        while !pending.isEmpty {
            switch log.write(pending.bytes) {
            case .moved(let count): pending.consume(count)
            case .wouldBlock: await loop.sleep(until: Clock.now() + .milliseconds(10))
            case .ended, .failed:
                notice("the access log cannot be written; \(pending.count) bytes are lost")
                pending.removeAll()
            }
            if let deadline, Clock.now() > deadline { return }
        }
    }

    /// The audit log's file is another one, or there is one now.
    func beginAudit() {
        guard audit != nil else { return }
        noteAudit(1, isWritten: audit?.begin(at: Clock.wallTime()) ?? true)
    }

    private func writeAudit(_ events: [UInt8]) {
        // A request may have begun under a configuration that had one.
        guard audit != nil else { return }
        noteAudit(events.count { $0 == ASCII.lineFeed }, isWritten: audit?.write(events) ?? true)
    }

    private func noteAudit(_ count: Int, isWritten: Bool) {
        counted.add(isWritten ? .auditEvents : .auditEventsDropped, count)
        if !isWritten { notice("the audit log cannot be written; \(count) events are lost") }
    }

    // MARK: counters

    /// The counters of all workers, as each has them at its next turn.
    func collectCounters() async -> [MetricSnapshot] {
        if isDraining { return [] }
        nextCollection += 1
        let request = nextCollection
        return await withCheckedContinuation { continuation in
            collections[request] = Collection(snapshots: [], continuation: continuation)
            broadcast(.collect(request: request))
        }
    }

    private func collected(_ request: Int, _ snapshot: MetricSnapshot) {
        collections[request]?.snapshots.append(snapshot)
        guard let collection = collections[request], collection.snapshots.count == workers.count else {
            return
        }
        collections[request] = nil
        collection.continuation.resume(returning: collection.snapshots)
    }
}
