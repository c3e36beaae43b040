// SPDX-License-Identifier: Apache-2.0
package import Bytes
import CAres  // Clang may file <sys/socket.h> under any module that includes it, so both are imported.
import CSystem
import Glibc

/// A non-blocking stream socket.
package struct Socket: ~Copyable {
    private let descriptor: Descriptor

    private init(owning raw: Int32) { descriptor = Descriptor(owning: raw) }

    /// A socket that came from elsewhere.
    package init(_ descriptor: Descriptor) {
        self.descriptor = descriptor
        let flags = fcntl(descriptor.raw, F_GETFL)
        _ = fcntl(descriptor.raw, F_SETFL, flags | O_NONBLOCK)
        _ = fcntl(descriptor.raw, F_SETFD, FD_CLOEXEC)
    }

    package var raw: Int32 { descriptor.raw }

    /// No socket at all: every call fails.
    package static var none: Socket { Socket(owning: -1) }

    /// Opens a listener. With `sharedPort` several workers may bind the same address and the kernel spreads
    /// connections over them (SO_REUSEPORT).
    package static func listen(
        on address: SocketAddress,
        sharedPort: Bool,
        backlog: Int32 = 4096
    ) throws(SystemError) -> Socket {
        let socket = try open(address)
        socket.enable(SOL_SOCKET, SO_REUSEADDR)
        if sharedPort { socket.enable(SOL_SOCKET, SO_REUSEPORT) }
        if case .unix(let path) = address.kind { _ = unsafe unlink(path) }
        let raw = socket.raw
        guard let bound = unsafe address.withSockaddr({ unsafe bind(raw, $0, $1) }), bound == 0 else {
            throw SystemError("bind")
        }
        // Only our own user may knock; see `peerUserID` for who may come in.
        if case .unix(let path) = address.kind { _ = unsafe chmod(path, 0o600) }
        guard Glibc.listen(raw, backlog) == 0 else { throw SystemError("listen") }
        return socket
    }

    /// Starts to connect; the socket turns writable when the attempt has ended, and `connectError` says how.
    package static func connect(to address: SocketAddress) throws(SystemError) -> Socket {
        let socket = try open(address)
        socket.disableDelay()
        let raw = socket.raw
        let result = unsafe address.withSockaddr { unsafe Glibc.connect(raw, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else { throw SystemError("connect") }
        return socket
    }

    package enum Accepted: ~Copyable {
        case connection(Socket, SocketAddress?)
        case none
        /// The process or the system has no descriptor left (EMFILE, ENFILE, ENOBUFS, ENOMEM).
        case exhausted
    }

    /// Takes one waiting connection. One that was reset before it was taken is passed over.
    package borrowing func accept() -> Accepted {
        while true {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let raw = raw
            // Safe because the storage is as large as `length` says.
            let accepted = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    unsafe bulkhead_accept4(
                        raw,
                        address,
                        &length,
                        Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
                    )
                }
            }
            if accepted >= 0 {
                let socket = Socket(owning: accepted)
                socket.disableDelay()
                return .connection(socket, SocketAddress(storage))
            }
            switch errno {
            case EINTR, ECONNABORTED, EPROTO: continue
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
            default: return .none
            }
        }
    }

    /// Reads what is there, up to `limit` bytes. Cost: one call.
    package borrowing func read(into buffer: inout Buffer, limit: Int) -> Transfer {
        var result = 0
        let raw = raw
        unsafe buffer.append(upTo: limit) { room in
            result = retrying { unsafe bulkhead_receive(raw, room.baseAddress, room.count) }
            return max(result, 0)
        }
        return Descriptor.transfer(result, ending: true)
    }

    /// Writes as much as fits. Cost: one call.
    package borrowing func write(_ bytes: borrowing Span<UInt8>) -> Transfer {
        let raw = raw
        let result = unsafe bytes.withUnsafeBufferPointer { pointer in
            retrying { unsafe bulkhead_send(raw, pointer.baseAddress, pointer.count) }
        }
        return Descriptor.transfer(result, ending: false)
    }

    /// Writes as much of both as fits, `first` before `second`. Cost: one call.
    package borrowing func write(_ first: borrowing Span<UInt8>, _ second: borrowing Span<UInt8>) -> Transfer
    {
        let raw = raw
        let result = unsafe first.withUnsafeBufferPointer { one in
            unsafe second.withUnsafeBufferPointer { two in
                retrying {
                    unsafe bulkhead_send_two(raw, one.baseAddress, one.count, two.baseAddress, two.count)
                }
            }
        }
        return Descriptor.transfer(result, ending: false)
    }

    /// Gives another process a descriptor, with a line that says what it is. Unix sockets only. Cost: one call.
    package borrowing func send(_ descriptor: Int32, named line: borrowing Span<UInt8>) -> Transfer {
        let raw = raw
        let result = unsafe line.withUnsafeBufferPointer { text in
            retrying { unsafe bulkhead_send_descriptor(raw, descriptor, text.baseAddress, text.count) }
        }
        return Descriptor.transfer(result, ending: false)
    }

    /// What another process gave by `send`: the line is appended to `line`. Nil without a descriptor. Cost: one call.
    package borrowing func receiveDescriptor(into line: inout Buffer) -> (transfer: Transfer, Descriptor?) {
        var result = 0
        var received: Int32 = -1
        let raw = raw
        unsafe line.append(upTo: 4096) { room in
            result = retrying {
                unsafe bulkhead_receive_descriptor(raw, &received, room.baseAddress, room.count)
            }
            return max(result, 0)
        }
        let transfer = Descriptor.transfer(result, ending: true)
        return (transfer, received >= 0 ? Descriptor(owning: received) : nil)
    }

    /// Ends our side; the peer reads an end of stream.
    package borrowing func shutdownWriting() { _ = shutdown(raw, Int32(SHUT_WR)) }

    /// Lets the handshakes that are under way on a listening socket end, and begins no other: what it is closed for may
    /// then be waited for, and nobody who is connected is reset. Callers who try are answered once it is closed.
    package borrowing func refuseNewConnections() { _ = bulkhead_refuse_new_connections(raw) }

    /// The outcome of `connect`: 0, or the error that ended it.
    package borrowing func connectError() -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let result = unsafe getsockopt(raw, SOL_SOCKET, SO_ERROR, &value, &length)
        return result == 0 ? value : errno
    }

    /// The address that the socket is bound to; tells the port when 0 was asked for.
    package borrowing func localAddress() -> SocketAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let raw = raw
        let result = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(raw, $0, &length)
            }
        }
        return result == 0 ? SocketAddress(storage) : nil
    }

    /// The user id of the process at the other end of a Unix socket (SO_PEERCRED), or nil.
    package borrowing func peerUserID() -> UInt32? {
        var user: UInt32 = 0
        return unsafe bulkhead_peer_uid(raw, &user) == 0 ? user : nil
    }

    private static func open(_ address: SocketAddress) throws(SystemError) -> Socket {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let raw = socket(address.family, type, 0)
        guard raw >= 0 else { throw SystemError("socket") }
        return Socket(owning: raw)
    }

    private borrowing func enable(_ level: Int32, _ option: Int32) {
        var one: Int32 = 1
        _ = unsafe setsockopt(raw, level, option, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    private borrowing func disableDelay() { enable(Int32(IPPROTO_TCP), TCP_NODELAY) }
}
