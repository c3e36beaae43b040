// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Synchronization

/// A server that does with each connection exactly what a test says, on a thread of its own for each.
final class ScriptedUpstream: Sendable {
    let port: UInt16
    private let listener: Int32
    private let state = Mutex((connections: 0, requests: [String]()))

    /// - Parameter serve: gets a connection and its number, from 0; it is closed when that returns.
    init(_ serve: @escaping @Sendable (ScriptedUpstream, Wire, Int) throws -> Void) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Wire.loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // Safe because the address is of the size that is given, and outlives the calls.
        unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                precondition(unsafe bind(listener, raw, length) == 0)
                precondition(unsafe getsockname(listener, raw, &length) == 0)
            }
        }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        precondition(listen(listener, 128) == 0)
        Thread.detachNewThread { [self] in
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else { return }
                let number = state.withLock { state in
                    state.connections += 1
                    return state.connections - 1
                }
                let wire = Wire(descriptor)
                Thread.detachNewThread { [self] in
                    try? serve(self, wire, number)
                    wire.close()
                }
            }
        }
    }

    /// Connections that were accepted.
    var connections: Int { state.withLock { $0.connections } }
    /// First lines of the requests, in the order in which they came.
    var requests: [String] { state.withLock { $0.requests } }

    func note(_ head: String) {
        let line = head.prefix { $0 != "\r\n" && $0 != "\r" }
        state.withLock { $0.requests.append(String(line)) }
    }

    /// No more connections.
    func stop() {
        _ = shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// Answers every request on every connection.
    static func answering(_ answer: @escaping @Sendable (_ head: String, _ body: String) -> String)
        -> ScriptedUpstream
    {
        ScriptedUpstream { upstream, wire, _ in
            while let (head, body) = try wire.request() {
                upstream.note(head)
                wire.send(answer(head, body))
            }
        }
    }

    static func ok(_ body: String, _ more: String = "") -> String {
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n\(more)\r\n\(body)"
    }
}

/// A thing that one thread waits for and another gives.
final class Signal: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    func give() { semaphore.signal() }
    /// - Returns: false after ten seconds.
    func wait() -> Bool { semaphore.wait(timeout: .now() + 10) == .success }
}
