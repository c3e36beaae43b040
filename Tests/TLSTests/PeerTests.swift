// SPDX-License-Identifier: Apache-2.0
import Bytes
import Foundation
import Synchronization
import TLS
import Testing

/// `openssl s_client` as the peer, over a socket on a port that the kernel chooses.
@Suite(.enabled(if: PublicKeys.shared != nil, needsOpenSSL), .serialized)
struct PeerTests {
    struct Visit: Equatable, Sendable {
        var serverName: String?
        var isResumed: Bool
        var text: String
    }

    /// A ticket is taken up for the name that it was issued under and no other, nor for none (THREATS 19).
    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func ticketsAreBoundToTheName(_ version: String) throws {
        var ends = try Ends()
        ends.server.certificates = [try ends.keys.certificate("server"), try ends.keys.certificate("wild")]
        let context = try TLSContext(server: ends.server)
        let ticket = FileManager.default.temporaryDirectory
            .appendingPathComponent("bulkhead-ticket-\(ProcessInfo.processInfo.processIdentifier)\(version)")
            .path
        defer { try? FileManager.default.removeItem(atPath: ticket) }
        func visit(_ arguments: String...) throws -> Visit? { try Self.visit(context, [version] + arguments) }

        let first = try visit("-servername", "example.test", "-sess_out", ticket)
        #expect(first == Visit(serverName: "example.test", isResumed: false, text: "hello\n"))
        let other = try visit("-servername", "a.wild.test", "-sess_in", ticket)
        #expect(other == Visit(serverName: "a.wild.test", isResumed: false, text: "hello\n"))
        let none = try visit("-noservername", "-sess_in", ticket)
        #expect(none == Visit(serverName: nil, isResumed: false, text: "hello\n"))
        let longer = try visit("-servername", "example.test.x", "-sess_in", ticket)
        #expect(longer?.isResumed == false)
        let same = try visit("-servername", "EXAMPLE.test", "-sess_in", ticket)
        #expect(same == Visit(serverName: "example.test", isResumed: true, text: "hello\n"))
    }

    @Test func renegotiationIsRefused() throws {
        let context = try TLSContext(server: Ends().server)
        // A line with `R` alone makes s_client ask for it; nothing of what follows is answered.
        let visit = try Self.visit(
            context,
            ["-tls1_2", "-servername", "example.test"],
            says: "R\nhello\n",
            isQuiet: false
        )
        #expect(visit?.text.contains("hello") != true)
    }

    /// Runs one s_client against one connection, and says what the server saw of it.
    private static func visit(
        _ context: TLSContext,
        _ arguments: [String],
        says text: String = "hello\n",
        isQuiet: Bool = true
    ) throws -> Visit? {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = unsafe withUnsafeMutablePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(listener, $0, size) == 0 && listen(listener, 1) == 0
                    && getsockname(listener, $0, &size) == 0
            }
        }
        try #require(isListening)

        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["openssl", "s_client"] + (isQuiet ? ["-quiet"] : [])
            + ["-connect", "127.0.0.1:\(UInt16(bigEndian: address.sin_port))"] + arguments
        let input = Pipe()
        process.standardInput = input
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
        // Without -quiet the end of input would end the client before it has asked for anything.
        if isQuiet { try input.fileHandleForWriting.close() }
        let connection = accept(listener, nil, nil)
        try #require(connection >= 0)
        let visit = serve(connection, context)
        close(connection)
        if !isQuiet { try input.fileHandleForWriting.close() }
        process.waitUntilExit()
        return visit
    }

    /// Answers the first line, then ends; nil when the session dies first.
    private static func serve(_ connection: Int32, _ context: TLSContext) -> Visit? {
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        unsafe setsockopt(
            connection,
            SOL_SOCKET,
            SO_RCVTIMEO,
            &patience,
            socklen_t(MemoryLayout<timeval>.size)
        )
        var session = TLSSession(server: context)
        var plain = Buffer()
        var output = Buffer()
        var chunk = [UInt8](repeating: 0, count: 4096)
        func flush() {
            let bytes = output.bytes.array()
            output.removeAll()
            _ = unsafe bytes.withUnsafeBytes {
                unsafe send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
        }
        while plain.bytes.firstIndex(of: UInt8(ascii: "\n")) == nil {
            let count = unsafe recv(connection, &chunk, chunk.count, 0)
            guard count > 0 else { return nil }
            let outcome = session.receive(chunk.span.extracting(0..<count), plain: &plain, output: &output)
            flush()
            guard outcome == .done || outcome == .handshaking else { return nil }
        }
        let visit = Visit(
            serverName: session.serverName,
            isResumed: session.isResumed,
            text: plain.bytes.string() ?? ""
        )
        session.send(Array("bye\n".utf8).span, output: &output)
        session.close(output: &output)
        flush()
        return visit
    }
}
