// SPDX-License-Identifier: Apache-2.0
package import Bytes
import CAres
import CSystem
import Glibc

/// Host names to addresses, through c-ares on the control thread.
package struct Resolution: Sendable, Equatable {
    package let addresses: [SocketAddress]
    /// How long the answer may be kept; the least of its records.
    package let timeToLive: Interval
}

package struct ResolutionError: Error, Equatable, CustomStringConvertible {
    package let name: String
    package let reason: String
    package var description: String { "\(name): \(reason)" }
}

/// What the library's callback leaves behind: heap-allocated, so that its address holds across suspensions.
private final class Answer {
    var status: Int32?
    var nodes: [(address: SocketAddress, ttl: Int32)] = []
}

private nonisolated func answered(
    _ context: UnsafeMutableRawPointer?,
    _ status: Int32,
    _ timeouts: Int32,
    _ result: UnsafeMutablePointer<ares_addrinfo>?
) {
    // Safe because `resolve` keeps the Answer alive until the channel is destroyed.
    let answer = unsafe Unmanaged<Answer>.fromOpaque(context!).takeUnretainedValue()
    answer.status = status
    guard let result = unsafe result else { return }
    var node = unsafe result.pointee.nodes
    while let current = unsafe node {
        var storage = sockaddr_storage()
        let length = unsafe min(Int(current.pointee.ai_addrlen), MemoryLayout<sockaddr_storage>.size)
        // Safe because `length` is at most the size of the storage.
        unsafe withUnsafeMutableBytes(of: &storage) { target in
            unsafe target.copyMemory(
                from: UnsafeRawBufferPointer(start: current.pointee.ai_addr, count: length)
            )
        }
        if let address = SocketAddress(storage) {
            unsafe answer.nodes.append((address, current.pointee.ai_ttl))
        }
        unsafe node = unsafe current.pointee.ai_next
    }
    unsafe ares_freeaddrinfo(result)
}

@safe
package final class Resolver {
    private let loop: ControlLoop
    /// Answers without a life of their own (/etc/hosts) are asked for again after this.
    private static let defaultLifeSeconds: Int32 = 30
    private static let leastLifeSeconds: Int32 = 1
    private static let longestLifeSeconds: Int32 = 300

    package init(on loop: ControlLoop) throws(ResolutionError) {
        self.loop = loop
        let status = ares_library_init(ARES_LIB_INIT_ALL)
        guard status == ARES_SUCCESS else { throw Self.failure("resolver", status) }
    }

    deinit { ares_library_cleanup() }

    package func resolve(_ name: String, port: UInt16, deadline: Instant) async throws(ResolutionError)
        -> Resolution
    {
        if let address = SocketAddress(numeric: name, port: port) {
            return Resolution(addresses: [address], timeToLive: .seconds(Int64(Self.longestLifeSeconds)))
        }
        var channel: ares_channel?
        let status = unsafe ares_init(&channel)
        guard status == ARES_SUCCESS, let channel = unsafe channel else {
            throw Self.failure(name, status)
        }
        defer { unsafe ares_destroy(channel) }
        let answer = Answer()
        defer { withExtendedLifetime(answer) {} }
        var hints = ares_addrinfo_hints(
            ai_flags: 0,
            ai_family: AF_UNSPEC,
            ai_socktype: Int32(SOCK_STREAM.rawValue),
            ai_protocol: 0
        )
        unsafe ares_getaddrinfo(
            channel,
            name,
            String(port),
            &hints,
            answered,
            Unmanaged.passUnretained(answer).toOpaque()
        )
        while answer.status == nil {
            guard Clock.now() < deadline else {
                throw ResolutionError(name: name, reason: "the name servers did not answer in time")
            }
            unsafe await wait(for: channel, deadline: deadline)
        }
        guard answer.status == ARES_SUCCESS, !answer.nodes.isEmpty else {
            throw Self.failure(name, answer.status ?? 0)
        }
        let life = answer.nodes.map(\.ttl).min().map { $0 > 0 ? $0 : Self.defaultLifeSeconds }
        let seconds = min(
            max(life ?? Self.defaultLifeSeconds, Self.leastLifeSeconds),
            Self.longestLifeSeconds
        )
        return Resolution(addresses: answer.nodes.map(\.address), timeToLive: .seconds(Int64(seconds)))
    }

    /// Waits on the channel's sockets, then lets the library look at them. Its sockets come and go between
    /// calls, so they are gathered each time in an epoll instance of their own, which the loop watches as one.
    private func wait(for channel: ares_channel, deadline: Instant) async {
        var sockets = [ares_socket_t](repeating: -1, count: Int(ARES_GETSOCK_MAXNUM))
        let mask = UInt32(bitPattern: unsafe ares_getsock(channel, &sockets, ARES_GETSOCK_MAXNUM))
        let group = Descriptor(owning: epoll_create1(Int32(EPOLL_CLOEXEC)))
        for index in sockets.indices where mask & (0x10001 << UInt32(index)) != 0 {
            var event = unsafe epoll_event()
            unsafe event.events =
                EPOLLIN.rawValue | (mask & (0x10000 << UInt32(index)) != 0 ? EPOLLOUT.rawValue : 0)
            _ = unsafe epoll_ctl(group.raw, EPOLL_CTL_ADD, sockets[index], &event)
        }
        var longest = timeval(tv_sec: 1, tv_usec: 0)
        var chosen = timeval()
        _ = unsafe ares_timeout(channel, &longest, &chosen)
        let pause = Interval.milliseconds(Int64(longest.tv_sec) * 1000 + Int64(longest.tv_usec) / 1000)
        if (try? loop.watch(group.raw)) != nil {
            _ = await loop.ready(group.raw, .reading, until: min(deadline, Clock.now() + pause))
            loop.forget(group.raw)
        }
        for index in sockets.indices where mask & (0x10001 << UInt32(index)) != 0 {
            unsafe ares_process_fd(channel, sockets[index], sockets[index])
        }
        unsafe ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD)
    }

    private static func failure(_ name: String, _ status: Int32) -> ResolutionError {
        // Safe because ares_strerror returns a constant.
        unsafe ResolutionError(name: name, reason: String(cString: ares_strerror(status)))
    }
}
