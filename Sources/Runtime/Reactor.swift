// SPDX-License-Identifier: Apache-2.0
package import Bytes
import CSystem
import Glibc

/// What happened to a descriptor.
package struct Readiness: OptionSet, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let readable = Readiness(
        rawValue: EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLPRI.rawValue
    )
    package static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    package static let ended = Readiness(rawValue: EPOLLRDHUP.rawValue | EPOLLHUP.rawValue)
    package static let failed = Readiness(rawValue: EPOLLERR.rawValue | EPOLLHUP.rawValue)
}

/// One worker's epoll instance. Registrations are edge-triggered and made once for the life of a descriptor,
/// so that a warm request costs no `epoll_ctl`; owners remember what is readable and writable.
/// The event's data is generation (high 32 bits) and descriptor (low 32): an event for a descriptor that was
/// closed and used again within the same batch carries a stale generation and is dropped.
@safe
package struct Reactor: ~Copyable {
    package struct Event: Sendable {
        package let descriptor: Int32
        package let readiness: Readiness
    }

    private static let batch = 256
    private let epoll: Descriptor
    private let wake: Descriptor
    private var generations: [UInt32]
    private var raw = unsafe [epoll_event](repeating: epoll_event(), count: batch)
    private var ready = 0
    private var taken = 0

    package init() throws(SystemError) {
        let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw SystemError("epoll_create1") }
        let owner = Descriptor(owning: epoll)
        let wake = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard wake >= 0 else { throw SystemError("eventfd") }
        let wakeOwner = Descriptor(owning: wake)
        try Self.watch(wake, by: owner, key: Self.key(generation: 0, wake))
        self.init(owner, wakeOwner)
    }

    // The other delegates to it: see `Descriptor` for what a branch with fields of its own would do.
    private init(_ epoll: Descriptor, _ wake: Descriptor) {
        self.epoll = epoll
        self.wake = wake
        generations = [UInt32](repeating: 0, count: Int(wake.raw) + 1)
    }

    /// A handle by which other threads end this reactor's wait.
    package var waker: Waker { Waker(descriptor: wake.raw) }

    /// Watches a descriptor, edge-triggered, for both directions.
    package mutating func add(_ descriptor: Int32) throws(SystemError) {
        let index = Int(descriptor)
        while generations.count <= index { generations.append(0) }
        generations[index] &+= 1
        try Self.watch(descriptor, by: epoll, key: key(of: descriptor))
    }

    private static func watch(_ descriptor: Int32, by epoll: Descriptor, key: UInt64) throws(SystemError) {
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        unsafe event.data.u64 = key
        // Safe because the kernel copies the structure during the call.
        guard unsafe epoll_ctl(epoll.raw, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
            throw SystemError("epoll_ctl")
        }
    }

    /// Forgets a descriptor before it is closed; events of it that are still in the batch are dropped.
    package mutating func remove(_ descriptor: Int32) {
        generations[Int(descriptor)] &+= 1
        var event = unsafe epoll_event()
        _ = unsafe epoll_ctl(epoll.raw, EPOLL_CTL_DEL, descriptor, &event)
    }

    /// Generation and descriptor in one number, for timers: a key made before a close never matches after it.
    package func key(of descriptor: Int32) -> UInt64 {
        Self.key(generation: generations[Int(descriptor)], descriptor)
    }

    private static func key(generation: UInt32, _ descriptor: Int32) -> UInt64 {
        UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
    }

    /// The descriptor of a key that is still current, or nil.
    package func descriptor(of key: UInt64) -> Int32? {
        let descriptor = Int32(truncatingIfNeeded: key)
        guard Int(descriptor) < generations.count, generations[Int(descriptor)] == UInt32(key >> 32) else {
            return nil
        }
        return descriptor
    }

    /// Waits until something happens, `deadline` passes or a waker calls.
    package mutating func wait(until deadline: Instant?, now: Instant) {
        var timeout: Int32 = -1
        if let deadline {
            let nanoseconds = max((deadline - now).nanoseconds, 0)
            // Rounded up, or the loop would spin through the last millisecond.
            timeout = Int32(clamping: (nanoseconds + 999_999) / 1_000_000)
        }
        // A process that was stopped and goes on, or a signal, ends a wait without a look at what has come meanwhile.
        ready = poll(timeout) ?? poll(0) ?? 0
        taken = 0
    }

    /// - Returns: how many events there are; nil when it was interrupted.
    private mutating func poll(_ timeout: Int32) -> Int? {
        // Safe because the array holds `batch` events and nobody else writes to it.
        let count = unsafe raw.withUnsafeMutableBufferPointer { events in
            unsafe epoll_wait(epoll.raw, events.baseAddress, Int32(Self.batch), timeout)
        }
        return count < 0 ? nil : Int(count)
    }

    /// The next event of the batch, or nil when it is used up. Wake-ups are consumed here.
    package mutating func nextEvent() -> Event? {
        while taken < ready {
            let event = unsafe raw[taken]
            taken += 1
            let key = unsafe event.data.u64
            guard let descriptor = descriptor(of: key) else { continue }
            if descriptor == wake.raw {
                drainWake()
                continue
            }
            return Event(descriptor: descriptor, readiness: Readiness(rawValue: unsafe event.events))
        }
        return nil
    }

    private func drainWake() {
        var value: UInt64 = 0
        _ = unsafe read(wake.raw, &value, 8)
    }
}

/// Ends a reactor's wait from another thread.
package struct Waker: Sendable {
    fileprivate let descriptor: Int32

    package func wake() {
        var one: UInt64 = 1
        // A full counter means that a wake-up is already pending.
        _ = unsafe write(descriptor, &one, 8)
    }
}

/// Something to wake that is no reactor: a descriptor that turns readable. For a mailbox that is read by code
/// which suspends on its descriptor.
package struct WakeSource: ~Copyable {
    private let descriptor: Descriptor

    package init() throws(SystemError) {
        let raw = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard raw >= 0 else { throw SystemError("eventfd") }
        descriptor = Descriptor(owning: raw)
    }

    package var raw: Int32 { descriptor.raw }
    package var waker: Waker { Waker(descriptor: descriptor.raw) }

    /// Makes it unreadable again; before the mailbox is read, so that no message is missed.
    package borrowing func drain() {
        var value: UInt64 = 0
        // Safe because eight bytes of a local are written.
        _ = unsafe read(descriptor.raw, &value, 8)
    }
}
