// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Glibc

package enum NetworkError: Error, Equatable, CustomStringConvertible {
    case system(SystemError)
    case timedOut
    /// The peer ended the connection before the exchange was over.
    case ended

    package var description: String {
        switch self {
        case .system(let error): error.description
        case .timedOut: "timed out"
        case .ended: "connection closed by the peer"
        }
    }
}

/// A socket of the control thread: each call suspends until it can go on, with a deadline.
package final class AsyncSocket {
    private let socket: Socket
    private let loop: ControlLoop

    package init(_ socket: consuming Socket, on loop: ControlLoop) throws(NetworkError) {
        self.socket = socket
        self.loop = loop
        do throws(SystemError) { try loop.watch(self.socket.raw) } catch { throw .system(error) }
    }

    deinit { loop.forget(socket.raw) }

    package static func connect(
        to address: SocketAddress,
        on loop: ControlLoop,
        deadline: Instant
    ) async throws(NetworkError) -> AsyncSocket {
        let socket = try AsyncSocket(open(to: address), on: loop)
        guard await loop.ready(socket.raw, .writing, until: deadline) else { throw .timedOut }
        let code = socket.socket.connectError()
        if code != 0 { throw .system(SystemError("connect", code)) }
        return socket
    }

    private static func open(to address: SocketAddress) throws(NetworkError) -> Socket {
        do throws(SystemError) { return try Socket.connect(to: address) } catch { throw .system(error) }
    }

    package var raw: Int32 { socket.raw }
    package var peerUserID: UInt32? { socket.peerUserID() }

    /// - Returns: the number of bytes appended; 0 at the end of the stream.
    package func read(into buffer: inout Buffer, limit: Int, deadline: Instant) async throws(NetworkError)
        -> Int
    {
        while true {
            switch socket.read(into: &buffer, limit: limit) {
            case .moved(let count): return count
            case .ended: return 0
            case .failed(let code): throw .system(SystemError("read", code))
            case .wouldBlock:
                guard await loop.ready(raw, .reading, until: deadline) else { throw .timedOut }
            }
        }
    }

    /// Writes everything and empties the buffer.
    package func write(_ buffer: inout Buffer, deadline: Instant) async throws(NetworkError) {
        while !buffer.isEmpty {
            switch socket.write(buffer.bytes) {
            case .moved(let count): buffer.consume(count)
            case .ended: throw .ended
            case .failed(let code): throw .system(SystemError("write", code))
            case .wouldBlock:
                guard await loop.ready(raw, .writing, until: deadline) else { throw .timedOut }
            }
        }
    }

    /// See `Socket.send`.
    package func send(_ descriptor: Int32, named line: [UInt8], deadline: Instant) async throws(NetworkError)
    {
        while true {
            switch socket.send(descriptor, named: line.span) {
            case .moved: return
            case .ended: throw .ended
            case .failed(let code): throw .system(SystemError("sendmsg", code))
            case .wouldBlock:
                guard await loop.ready(raw, .writing, until: deadline) else { throw .timedOut }
            }
        }
    }

    /// See `Socket.receiveDescriptor`.
    /// - Returns: nil at the end of the stream.
    package func receiveDescriptor(deadline: Instant) async throws(NetworkError) -> (
        line: [UInt8], descriptor: Descriptor?
    )? {
        while true {
            var line = Buffer()
            let (transfer, descriptor) = socket.receiveDescriptor(into: &line)
            switch transfer {
            case .moved: return (line.bytes.array(), descriptor)
            case .ended: return nil
            case .failed(let code): throw .system(SystemError("recvmsg", code))
            case .wouldBlock:
                guard await loop.ready(raw, .reading, until: deadline) else { throw .timedOut }
            }
        }
    }

    /// The next connection on a listening socket.
    /// - Throws: `.ended` when the loop was told to forget the socket.
    package func accept() async throws(NetworkError) -> AsyncSocket {
        while true {
            switch socket.accept() {
            case .connection(let connection, _): return try AsyncSocket(connection, on: loop)
            case .exhausted:
                // Nothing is free: let others close first rather than spin.
                await loop.sleep(until: Clock.now() + .milliseconds(50))
            case .none:
                guard await loop.ready(raw, .reading, until: nil) else { throw .ended }
            }
        }
    }
}
