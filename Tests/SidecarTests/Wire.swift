// SPDX-License-Identifier: Apache-2.0
import Glibc

/// One end of a TCP connection over loopback, with control of each byte. Used by one thread at a time.
final class Wire: @unchecked Sendable {
    /// Nothing came within ten seconds.
    struct Stalled: Error {}

    private let descriptor: Int32
    private var pending: [UInt8] = []
    private var isClosed = false

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        setTimeout(SO_RCVTIMEO, milliseconds: 10_000)
        var on: Int32 = 1
        // Safe because the option is an Int32 that outlives the call.
        _ = unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
    }

    deinit { close() }

    /// Nil when nobody listens there.
    convenience init?(port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        var address = Self.loopback(port)
        // Safe because the address is of the size that is given, and outlives the call.
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            Glibc.close(descriptor)
            return nil
        }
        self.init(descriptor)
    }

    static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    func setTimeout(_ option: Int32, milliseconds: Int) {
        var time = timeval(tv_sec: milliseconds / 1000, tv_usec: (milliseconds % 1000) * 1000)
        // Safe because the option is a timeval that outlives the call.
        _ = unsafe setsockopt(
            descriptor,
            SOL_SOCKET,
            option,
            &time,
            socklen_t(MemoryLayout<timeval>.size)
        )
    }

    /// - Returns: false when it did not all go.
    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) == text.utf8.count }

    /// - Returns: bytes that went before an error or the send timeout.
    func send(_ bytes: [UInt8]) -> Int {
        var sent = 0
        while sent < bytes.count {
            // Safe because the pointer stays inside the array, which outlives the call.
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.send(
                    descriptor,
                    buffer.baseAddress.map { unsafe $0 + sent },
                    bytes.count - sent,
                    Int32(MSG_NOSIGNAL)
                )
            }
            if count <= 0 { return sent }
            sent += count
        }
        return sent
    }

    /// - Returns: false at the end, and when the connection was reset.
    private func fill() throws -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        // Safe because the buffer is as long as is said.
        let count = unsafe recv(descriptor, &chunk, chunk.count, 0)
        if count < 0, errno == EAGAIN { throw Stalled() }
        if count <= 0 { return false }
        pending += chunk[..<count]
        return true
    }

    /// Up to and with the end mark; nil when the peer ends before.
    func read(until mark: String) throws -> String? {
        let mark = Array(mark.utf8)
        while true {
            if let end = Self.find(mark, in: pending) { return take(end + mark.count) }
            guard try fill() else { return nil }
        }
    }

    /// Fewer when the peer ends before.
    func read(count: Int) throws -> String {
        while pending.count < count, try fill() {}
        return take(min(count, pending.count))
    }

    func readToEnd() throws -> String {
        while try fill() {}
        return take(pending.count)
    }

    /// Reads and drops so many bytes.
    func drop(count: Int) throws -> Int {
        var dropped = 0
        while dropped < count {
            if pending.isEmpty, try !fill() { return dropped }
            let step = min(pending.count, count - dropped)
            pending.removeFirst(step)
            dropped += step
        }
        return dropped
    }

    private func take(_ count: Int) -> String {
        let text = String(decoding: pending[..<count], as: UTF8.self)
        pending.removeFirst(count)
        return text
    }

    private static func find(_ mark: [UInt8], in bytes: [UInt8]) -> Int? {
        guard bytes.count >= mark.count else { return nil }
        return (0...bytes.count - mark.count).first { bytes[$0..<$0 + mark.count].elementsEqual(mark) }
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        Glibc.close(descriptor)
    }

    /// Ends this side alone: the peer reads an end and may still answer.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Ends without a goodbye: the peer sees a reset.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        // Safe because the option is a linger that outlives the call.
        _ = unsafe setsockopt(
            descriptor,
            SOL_SOCKET,
            SO_LINGER,
            &linger,
            socklen_t(MemoryLayout<Glibc.linger>.size)
        )
        close()
    }
}

/// A response as a caller sees it.
struct Reply {
    var status = 0
    var head = ""
    var body = ""
    /// The body came to its proper end.
    var isWhole = false

    func field(_ name: String) -> String? {
        for line in head.split(separator: "\r\n").dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == name {
                return String(parts[1].drop { $0 == " " })
            }
        }
        return nil
    }
}

extension Wire {
    /// Reads one response. Nil when the connection ended first.
    func reply(isHead: Bool = false) throws -> Reply? {
        guard let head = try read(until: "\r\n\r\n") else { return nil }
        var reply = Reply()
        reply.head = head
        reply.status = head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        if isHead || reply.status < 200 || reply.status == 204 || reply.status == 304 {
            reply.isWhole = true
        } else if let length = reply.field("content-length").flatMap({ Int($0) }) {
            reply.body = try read(count: length)
            reply.isWhole = reply.body.utf8.count == length
        } else if reply.field("transfer-encoding") == "chunked" {
            try readChunks(into: &reply)
        } else {
            reply.body = try readToEnd()
            reply.isWhole = true
        }
        return reply
    }

    /// CR LF is one character of a string.
    private func readChunks(into reply: inout Reply) throws {
        while let line = try read(until: "\r\n") {
            guard let count = Int(line.dropLast(), radix: 16) else { return }
            if count == 0 {
                reply.isWhole = try read(until: "\r\n") == "\r\n"
                return
            }
            let data = try read(count: count + 2)
            reply.body += data.hasSuffix("\r\n") ? String(data.dropLast()) : data
            if data.utf8.count < count + 2 { return }
        }
    }

    /// Reads one request as an upstream gets it: head, and a body of fixed length or in chunks.
    func request() throws -> (head: String, body: String)? {
        guard let head = try read(until: "\r\n\r\n") else { return nil }
        var reply = Reply()
        reply.head = head
        if let length = reply.field("content-length").flatMap({ Int($0) }) {
            reply.body = try read(count: length)
        } else if reply.field("transfer-encoding") == "chunked" {
            try readChunks(into: &reply)
        }
        return (head, reply.body)
    }
}
