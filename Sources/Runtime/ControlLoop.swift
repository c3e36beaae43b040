// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Glibc
import Synchronization

/// The control thread: an epoll loop that is a Swift executor, so that plain `async` code (key fetches,
/// vending, the admin plane) runs on one thread beside its sockets, and nothing of it runs elsewhere.
/// Everything but `enqueue` and `stop` must be called on the loop's own thread, that is, from code that is
/// isolated to an actor with this executor.
@safe
package final class ControlLoop: SerialExecutor, TaskExecutor, @unchecked Sendable {
    package enum Direction: Sendable { case reading, writing }

    private struct Waiter {
        let descriptor: Int32
        let direction: Direction
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct Watch {
        var isReadable = false
        var isWritable = false
        var reader: UInt64?
        var writer: UInt64?
    }

    private let jobs = Mutex<[UnownedJob]>([])
    private let stopping = Atomic<Bool>(false)
    private var reactor: Reactor
    private let waker: Waker
    // Only the loop's thread touches what follows.
    private var watches: [Int32: Watch] = [:]
    private var waiters: [UInt64: Waiter] = [:]
    private var sleepers: [UInt64: CheckedContinuation<Void, Never>] = [:]
    private var timers = Timers()
    private var nextID: UInt64 = 1

    package init() throws(SystemError) {
        reactor = try Reactor()
        waker = reactor.waker
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let first = jobs.withLock { queue in
            queue.append(job)
            return queue.count == 1
        }
        if first { waker.wake() }
    }

    package func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        unsafe UnownedSerialExecutor(ordinary: self)
    }
    package func asUnownedTaskExecutor() -> UnownedTaskExecutor { unsafe UnownedTaskExecutor(ordinary: self) }

    /// Runs jobs and events on the calling thread until `stop`.
    package func run() {
        while !stopping.load(ordering: .acquiring) {
            runJobs()
            let idle = jobs.withLock { $0.isEmpty }
            let now = Clock.now()
            reactor.wait(until: idle ? timers.next : now, now: now)
            while let event = reactor.nextEvent() { note(event) }
            fireTimers(Clock.now())
        }
    }

    /// Ends `run`; callable from any thread.
    package func stop() {
        stopping.store(true, ordering: .releasing)
        waker.wake()
    }

    private func runJobs() {
        let batch = jobs.withLock { queue in
            let all = queue
            queue = []
            return all
        }
        for job in batch {
            unsafe job.runSynchronously(
                isolatedTo: asUnownedSerialExecutor(),
                taskExecutor: asUnownedTaskExecutor()
            )
        }
    }

    /// Begins to watch a descriptor; `forget` must come before it is closed.
    package func watch(_ descriptor: Int32) throws(SystemError) {
        try reactor.add(descriptor)
        watches[descriptor] = Watch()
    }

    /// Stops watching; whoever waits on the descriptor is told that it timed out.
    package func forget(_ descriptor: Int32) {
        guard let watch = watches.removeValue(forKey: descriptor) else { return }
        reactor.remove(descriptor)
        for case let id? in [watch.reader, watch.writer] { finish(id, ready: false) }
    }

    /// Suspends until the descriptor may be ready, or the deadline has passed.
    /// Call it only after a call on the descriptor said `wouldBlock`: readiness is edge-triggered.
    /// - Returns: false when the deadline passed first.
    package func ready(_ descriptor: Int32, _ direction: Direction, until deadline: Instant?) async -> Bool {
        // The continuation's body may run in a later job than this function's first line, with events noted
        // in between, so all state is looked at inside it.
        await withCheckedContinuation { continuation in
            switch takeReadiness(of: descriptor, direction) {
            case true?: continuation.resume(returning: true)
            case nil: continuation.resume(returning: false)
            case false?:
                let id = newID()
                waiters[id] = Waiter(descriptor: descriptor, direction: direction, continuation: continuation)
                switch direction {
                case .reading: watches[descriptor]?.reader = id
                case .writing: watches[descriptor]?.writer = id
                }
                if let deadline { timers.add(id, at: deadline) }
            }
        }
    }

    /// Whether the descriptor was seen to be ready since the last call; nil when it is not watched.
    private func takeReadiness(of descriptor: Int32, _ direction: Direction) -> Bool? {
        guard var watch = watches[descriptor] else { return nil }
        defer { watches[descriptor] = watch }
        switch direction {
        case .reading:
            defer { watch.isReadable = false }
            return watch.isReadable
        case .writing:
            defer { watch.isWritable = false }
            return watch.isWritable
        }
    }

    package func sleep(until deadline: Instant) async {
        await withCheckedContinuation { continuation in
            let id = newID()
            sleepers[id] = continuation
            timers.add(id, at: deadline)
        }
    }

    private func newID() -> UInt64 {
        nextID += 1
        return nextID
    }

    private func note(_ event: Reactor.Event) {
        guard var watch = watches[event.descriptor] else { return }
        var wakes: [UInt64] = []
        if !event.readiness.isDisjoint(with: [.readable, .failed]) {
            if let reader = watch.reader { wakes.append(reader) } else { watch.isReadable = true }
        }
        if !event.readiness.isDisjoint(with: [.writable, .failed]) {
            if let writer = watch.writer { wakes.append(writer) } else { watch.isWritable = true }
        }
        watches[event.descriptor] = watch
        for id in wakes { finish(id, ready: true) }
    }

    private func finish(_ id: UInt64, ready: Bool) {
        guard let waiter = waiters.removeValue(forKey: id) else { return }
        switch waiter.direction {
        case .reading: watches[waiter.descriptor]?.reader = nil
        case .writing: watches[waiter.descriptor]?.writer = nil
        }
        waiter.continuation.resume(returning: ready)
    }

    private func fireTimers(_ now: Instant) {
        while let id = timers.popDue(at: now) {
            if let sleeper = sleepers.removeValue(forKey: id) {
                sleeper.resume()
            } else {
                finish(id, ready: false)
            }
        }
    }
}
