// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import HTTP1
import HTTPTypes
import Identity
import Runtime
import Telemetry

/// One thread of the data plane: its own reactor, listeners, connections, pools, caches and counters. Nothing is
/// shared with another worker; messages come through the mailbox.
///
/// Each turn: gather events, read messages, fire timers, then let every connection that has something to do
/// advance, which ends in one write for each.
///
/// A value, so that what its own methods do with its own fields is checked by the compiler; a class would have each
/// access checked at run time.
struct Worker: ~Copyable {
    /// What stands behind a descriptor.
    enum Slot {
        case empty
        case listener(ListenerSocket)
        case downstream(Downstream)
        case multiplex(Multiplex)
        case upstream(Upstream)
        case upstreamMultiplex(UpstreamMultiplex)
    }

    private enum Task {
        case downstream(Downstream)
        case multiplex(Multiplex)
        case upstream(Upstream)
        case upstreamMultiplex(UpstreamMultiplex)
    }

    let index: Int
    var reactor: Reactor
    let inbox: Mailbox<WorkerMessage>
    let control: Mailbox<ControlMessage>
    var plan: WorkerPlan
    var gateway: Gateway
    var listeners: [ListenerSocket] = []
    /// Listeners on their way out, until then.
    var closing: [ListenerSocket] = []
    var closeListenersAt: Instant?
    var pools: [UpstreamPool] = []
    var parked: [Need: [Downstream]] = [:]
    var entropy = EntropyPool()
    var now = Clock.now()
    var wallTime = Clock.wallTime()
    var connectionCount = 0
    /// Of all workers.
    let census: ConnectionCensus
    /// Memory is short: what is under way goes on, nothing else begins.
    var isPressed = false
    var isDraining = false
    var scratch = Scratch()
    var records = Buffer(capacity: Worker.recordBytes)

    private var slots: [Slot] = []
    private var timers = Timers()
    private var tasks: [Task] = []
    /// Storage for those that are being run.
    private var spare: [Task] = []
    private var exchanges: [ExchangeBox] = []
    private var drainDeadline: Instant?
    /// Of all workers.
    private let backlog: RecordBacklog
    private var recordsDue = Instant(nanoseconds: .max)
    private var acceptAgainAt: Instant?

    /// A batch of records is handed over when it is this large, or this old.
    static let recordBytes = 256 << 10
    static let recordAge = Interval.milliseconds(50)
    private static let roundsPerTurn = 16

    init(
        _ plan: WorkerPlan,
        index: Int,
        control: Mailbox<ControlMessage>,
        census: ConnectionCensus,
        backlog: RecordBacklog,
        reactor: consuming Reactor
    ) {
        self.plan = plan
        self.census = census
        self.backlog = backlog
        self.index = index
        self.control = control
        inbox = Mailbox(waker: reactor.waker)
        self.reactor = reactor
        gateway = Gateway(plan.snapshot, exchanges: plan.exchanges)
        pools = plan.upstreams.map {
            UpstreamPool(maximum: $0.maximumConnections, maximumIdle: $0.maximumIdle)
        }
    }

    /// Takes over listening sockets.
    mutating func listen(_ sockets: consuming [ListenerSocket]) throws(SystemError) {
        for socket in sockets {
            try reactor.add(socket.descriptor)
            put(.listener(socket), at: socket.descriptor)
            listeners.append(socket)
        }
    }

    /// Runs until drained.
    mutating func run() {
        while !isFinished {
            reactor.wait(until: nextDeadline, now: now)
            now = Clock.now()
            wallTime = Clock.wallTime()
            while let event = reactor.nextEvent() { note(event) }
            for message in inbox.drain() { receive(message) }
            fireTimers()
            runTasks()
            handOverRecords(force: false)
        }
        // What is still under way at the deadline ends here, with its record.
        for slot in slots {
            switch slot {
            case .downstream(let connection): hangUp(connection, .draining)
            case .multiplex(let connection): hangUp(connection, .draining)
            case .empty, .listener, .upstream, .upstreamMultiplex: break
            }
        }
        handOverRecords(force: true)
        control.send(.drained(worker: index))
    }

    private var isFinished: Bool {
        guard isDraining else { return false }
        if connectionCount == 0, closing.isEmpty { return true }
        return drainDeadline.map { now >= $0 } ?? false
    }

    private var nextDeadline: Instant? {
        if !tasks.isEmpty { return now }
        var next = timers.next ?? Instant(nanoseconds: .max)
        if !records.isEmpty { next = min(next, recordsDue) }
        if let drainDeadline { next = min(next, drainDeadline) }
        if let acceptAgainAt { next = min(next, acceptAgainAt) }
        if let closeListenersAt { next = min(next, closeListenersAt) }
        return next.nanoseconds == .max ? nil : next
    }

    private mutating func note(_ event: Reactor.Event) {
        switch slot(of: event.descriptor) {
        case .empty: break
        case .listener(let listener): accept(on: listener)
        case .downstream(let connection):
            connection.io.transport.note(event.readiness)
            schedule(connection)
        case .multiplex(let connection):
            connection.io.transport.note(event.readiness)
            schedule(connection)
        case .upstream(let connection):
            connection.io.transport.note(event.readiness)
            schedule(connection)
        case .upstreamMultiplex(let connection):
            connection.io.transport.note(event.readiness)
            schedule(connection)
        }
    }

    // MARK: what runs in this turn

    mutating func schedule(_ connection: Downstream) {
        guard !connection.isScheduled else { return }
        connection.isScheduled = true
        tasks.append(.downstream(connection))
    }

    mutating func schedule(_ connection: Multiplex) {
        guard !connection.isScheduled else { return }
        connection.isScheduled = true
        tasks.append(.multiplex(connection))
    }

    mutating func schedule(_ connection: UpstreamMultiplex) {
        guard !connection.isScheduled else { return }
        connection.isScheduled = true
        tasks.append(.upstreamMultiplex(connection))
    }

    mutating func schedule(_ connection: Upstream) {
        guard !connection.isScheduled else { return }
        connection.isScheduled = true
        tasks.append(.upstream(connection))
    }

    /// Connections schedule each other while they advance. The turn ends when nobody has anything left, or after so many
    /// rounds: a fast upstream and a fast caller could keep each other going, and nobody else's events would be seen.
    private mutating func runTasks() {
        var round: [Task] = []
        swap(&round, &spare)
        for _ in 0..<Self.roundsPerTurn where !tasks.isEmpty {
            swap(&round, &tasks)
            for index in round.indices {
                switch round[index] {
                case .downstream(let connection):
                    connection.isScheduled = false
                    advance(connection)
                case .multiplex(let connection):
                    connection.isScheduled = false
                    advance(connection)
                case .upstream(let connection):
                    connection.isScheduled = false
                    advance(connection)
                case .upstreamMultiplex(let connection):
                    connection.isScheduled = false
                    advance(connection)
                }
            }
            round.removeAll(keepingCapacity: true)
        }
        swap(&round, &spare)
    }

    // MARK: descriptors

    mutating func put(_ slot: Slot, at descriptor: Int32) {
        while slots.count <= Int(descriptor) { slots.append(.empty) }
        slots[Int(descriptor)] = slot
    }

    func slot(of descriptor: Int32) -> Slot {
        Int(descriptor) < slots.count ? slots[Int(descriptor)] : .empty
    }

    /// Forgets a descriptor; it closes when its owner goes.
    mutating func release(_ descriptor: Int32) {
        reactor.remove(descriptor)
        slots[Int(descriptor)] = .empty
    }

    /// Ends the pause that `accept` made when no descriptor was left.
    mutating func pauseAccepting() { acceptAgainAt = now + .milliseconds(20) }

    // MARK: timers

    /// Makes sure that the connection's deadline will be looked at; moving it later costs nothing.
    mutating func arm(_ connection: Downstream) {
        guard connection.deadline < connection.armedAt else { return }
        if let link = connection.io.link {
            // Its connection has a timer, and looks at each stream when that comes.
            link.connection.deadline = min(link.connection.deadline, connection.deadline)
            return arm(link.connection)
        }
        connection.armedAt = connection.deadline
        timers.add(reactor.key(of: connection.descriptor), at: connection.deadline)
    }

    mutating func arm(_ connection: Multiplex) {
        guard connection.deadline < connection.armedAt else { return }
        connection.armedAt = connection.deadline
        timers.add(reactor.key(of: connection.descriptor), at: connection.deadline)
    }

    mutating func arm(_ connection: Upstream) {
        guard connection.deadline < connection.armedAt else { return }
        if let link = connection.io.link {
            link.connection.deadline = min(link.connection.deadline, connection.deadline)
            return arm(link.connection)
        }
        connection.armedAt = connection.deadline
        timers.add(reactor.key(of: connection.descriptor), at: connection.deadline)
    }

    mutating func arm(_ connection: UpstreamMultiplex) {
        guard connection.deadline < connection.armedAt else { return }
        connection.armedAt = connection.deadline
        timers.add(reactor.key(of: connection.descriptor), at: connection.deadline)
    }

    private mutating func fireTimers() {
        if let again = acceptAgainAt, again <= now {
            acceptAgainAt = nil
            for listener in listeners { accept(on: listener) }
        }
        if let due = closeListenersAt, due <= now { closeListeners() }
        while let key = timers.popDue(at: now) {
            guard let descriptor = reactor.descriptor(of: key) else { continue }
            switch slot(of: descriptor) {
            case .empty, .listener: break
            case .downstream(let connection):
                connection.armedAt = Instant(nanoseconds: .max)
                if connection.deadline <= now { timedOut(connection) } else { arm(connection) }
            case .multiplex(let connection):
                connection.armedAt = Instant(nanoseconds: .max)
                if connection.deadline <= now { timedOut(connection) } else { arm(connection) }
            case .upstreamMultiplex(let connection):
                connection.armedAt = Instant(nanoseconds: .max)
                if connection.deadline <= now { timedOut(connection) } else { arm(connection) }
            case .upstream(let connection):
                connection.armedAt = Instant(nanoseconds: .max)
                if connection.deadline <= now { timedOut(connection) } else { arm(connection) }
            }
        }
    }

    // MARK: exchanges and records

    mutating func takeExchange() -> ExchangeBox { exchanges.popLast() ?? ExchangeBox() }

    mutating func give(_ exchange: ExchangeBox) {
        exchange.value.reset()
        exchanges.append(exchange)
    }

    mutating func finish(_ exchange: ExchangeBox, _ connection: Downstream) {
        if records.isEmpty { recordsDue = now + Self.recordAge }
        gateway.record(
            exchange.value,
            caller: connection.peerText,
            now: now,
            into: &records
        )
        handOverAudit()
        if let ticket = exchange.value.leaseTicket { control.send(.released(lease: ticket)) }
        if records.count >= Self.recordBytes { handOverRecords(force: true) }
    }

    /// Events are few and wait for nothing.
    private mutating func handOverAudit() {
        let events = gateway.takeAudit()
        if events.isEmpty { return }
        if backlog.add(events.count) {
            control.send(.audit(events))
        } else {
            gateway.count(.auditEventsDropped)
        }
    }

    private mutating func handOverRecords(force: Bool) {
        guard !records.isEmpty, force || now >= recordsDue else { return }
        if backlog.add(records.count) {
            control.send(.records(records.bytes.array()))
        } else {
            gateway.countDropped(records)
        }
        records.removeAll()
    }

    // MARK: messages

    private mutating func receive(_ message: WorkerMessage) {
        switch message {
        case .snapshot(let snapshot): adopt(snapshot)
        case .adopt(let plan, let sockets, let addresses): adopt(plan, sockets, addresses)
        case .met(let need, let credential, let outcome):
            gateway.met(need, credential, outcome, now: wallTime)
            let waiting = parked.removeValue(forKey: need) ?? []
            for connection in waiting { resume(connection, outcome) }
            // Whoever asked has left in the meantime.
            if case .lease(let lease) = need, waiting.isEmpty {
                control.send(.released(lease: lease.claim.ticket))
            }
        case .addresses(let upstream, let addresses):
            pools[upstream].use(addresses)
            admitWaiting(upstream)
        case .collect(let request): control.send(.counters(request: request, gateway.counters()))
        case .listen(let sockets): try? listen(sockets)
        case .pressure(let isPressed): self.isPressed = isPressed
        case .drain(let deadline, let isHandedOver): drain(until: deadline, isHandedOver: isHandedOver)
        }
    }

    /// - Parameter isHandedOver: another process has the same sockets, and takes who waits there.
    private mutating func drain(until deadline: Instant, isHandedOver: Bool) {
        isDraining = true
        drainDeadline = deadline
        for listener in listeners {
            if isHandedOver { release(listener.descriptor) } else { close(listener) }
        }
        listeners = []
        for connection in multiplexes { drain(connection) }
        for connection in downstreams { retire(connection) }
    }

    /// Every caller's connection in HTTP/1.1, and every stream of those in HTTP/2.
    var downstreams: [Downstream] {
        var all: [Downstream] = []
        for case .downstream(let connection) in slots { all.append(connection) }
        for connection in multiplexes { all += connection.streams }
        return all
    }

    /// Every caller's connection in HTTP/2.
    var multiplexes: [Multiplex] {
        var all: [Multiplex] = []
        for case .multiplex(let connection) in slots { all.append(connection) }
        return all
    }
}
