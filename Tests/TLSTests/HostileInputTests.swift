// SPDX-License-Identifier: Apache-2.0
import Bytes
import TLS
import TestSupport
import Testing

@Suite(.enabled(if: PublicKeys.shared != nil, needsOpenSSL))
struct HostileInputTests {
    /// What a session made of bytes that arrived in one piece.
    private static func feed(
        _ session: inout TLSSession,
        _ bytes: [UInt8]
    ) -> (outcome: TLSOutcome, plain: [UInt8], output: [UInt8]) {
        var plain = Buffer()
        var output = Buffer()
        let outcome = session.receive(bytes.span, plain: &plain, output: &output)
        return (outcome, plain.bytes.array(), output.bytes.array())
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\n", "\u{16}\u{5}\u{5}\u{0}\u{1}x",
        "SSH-2.0-x\r\n",
    ])
    func otherProtocols(_ text: String) throws {
        var session = TLSSession(server: try TLSContext(server: Ends().server))
        let result = Self.feed(&session, Array(text.utf8))
        #expect(result.outcome == .failed(.notTLS), "\(result.outcome)")
        #expect(result.plain.isEmpty)
        // It stays dead, whatever comes.
        let again = Self.feed(&session, [1, 2, 3])
        #expect(again.outcome == result.outcome && again.output.isEmpty)
    }

    @Test func noiseNeverOpensASession() throws {
        let context = try TLSContext(server: Ends().server)
        for seed in UInt64(1)...300 {
            var generator = Seeded(seed: seed)
            var noise = (0..<Int.random(in: 1...600, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            // Half of them look like a handshake record.
            if seed % 2 == 0, noise.count > 5 {
                noise.replaceSubrange(0..<5, with: [22, 3, 1, 0, UInt8(truncatingIfNeeded: noise.count - 5)])
            }
            var session = TLSSession(server: context)
            let result = Self.feed(&session, noise)
            #expect(result.outcome != .done && result.plain.isEmpty, "seed \(seed)")
        }
    }

    @Test(arguments: [TLSVersion.v12, .v13])
    func everyPrefixIsIncomplete(_ version: TLSVersion) throws {
        let ends = try Ends(version: version)
        let server = try TLSContext(server: ends.server)
        var client = TLSSession(client: try TLSContext(client: ends.client), serverName: "example.test")
        var hello = Buffer()
        client.start(output: &hello)
        let bytes = hello.bytes.array()
        for count in 0..<bytes.count {
            var session = TLSSession(server: server)
            let result = Self.feed(&session, Array(bytes[..<count]))
            #expect(result.outcome == .handshaking && result.output.isEmpty, "\(count)")
        }
    }

    /// A byte changed anywhere on the way in the handshake: no session ever opens on both sides.
    @Test(arguments: [TLSVersion.v12, .v13])
    func changedHandshakesNeverOpen(_ version: TLSVersion) throws {
        let ends = try Ends(version: version)
        let clientContext = try TLSContext(client: ends.client)
        let serverContext = try TLSContext(server: ends.server)
        for seed in UInt64(1)...200 {
            var generator = Seeded(seed: seed)
            let link = Link(clientContext, serverContext)
            if seed % 2 == 0 {
                let bytes = link.toServer.bytes.array()
                link.serverOutcome = link.server.receive(
                    bytes.span,
                    plain: &link.serverPlain,
                    output: &link.toClient
                )
                link.toServer.removeAll()
                Self.change(&link.toClient, &generator)
            } else {
                Self.change(&link.toServer, &generator)
            }
            link.run()
            #expect(!link.isOpen, "seed \(seed)")
        }
    }

    private static func change(_ buffer: inout Buffer, _ generator: inout Seeded) {
        var bytes = buffer.mutableBytes
        // The legacy version of a record header is ignored by specification (RFC 8446 §5.1), so it is left alone.
        let index = Int.random(in: 5..<bytes.count, using: &generator)
        bytes[index] ^= UInt8.random(in: 1...255, using: &generator)
    }

    @Test(arguments: [TLSVersion.v12, .v13])
    func changedRecordsAreRefusedWithAnAlert(_ version: TLSVersion) throws {
        let ends = try Ends(version: version)
        let clientContext = try TLSContext(client: ends.client)
        let serverContext = try TLSContext(server: ends.server)
        for position in stride(from: 5, to: 120, by: 7) {
            let link = Link(clientContext, serverContext)
            link.run()
            link.clientSends([7, 7, 7])
            let whole = link.toServer.count
            link.clientSends(pattern(200))
            var bytes = link.toServer.bytes.array()
            bytes[whole + position] ^= 1
            link.toServer.removeAll()
            let result = Self.feed(&link.server, bytes)
            guard case .failed(.other) = result.outcome else {
                Issue.record("position \(position): \(result.outcome)")
                continue
            }
            // What came before it is whole; nothing of the changed record shows; the peer learns of it.
            #expect(result.plain == [7, 7, 7])
            #expect(!result.output.isEmpty)
            link.toClient.append(result.output)
            link.run()
            #expect(link.clientOutcome == .failed(.alert(20)))
        }
    }

    @Test(arguments: [TLSVersion.v12, .v13])
    func replayedAndDroppedRecordsAreRefused(_ version: TLSVersion) throws {
        let link = try Ends(version: version).link()
        link.run()
        link.clientSends([1, 1, 1])
        let record = link.toServer.bytes.array()
        let result = Self.feed(&link.server, record + record)
        #expect(result.plain == [1, 1, 1])
        guard case .failed(.other) = result.outcome else {
            Issue.record("a replayed record was taken: \(result.outcome)")
            return
        }
        let other = try Ends(version: version).link()
        other.run()
        other.clientSends([1])
        other.toServer.removeAll()
        other.clientSends([2])
        other.run()
        #expect(other.takeServerPlain().isEmpty)
        guard case .failed(.other) = other.serverOutcome else {
            Issue.record("a gap went unseen: \(other.serverOutcome)")
            return
        }
    }

    @Test(arguments: [TLSVersion.v12, .v13])
    func cutAnywhereIsNotClean(_ version: TLSVersion) throws {
        let link = try Ends(version: version).link()
        link.run()
        link.clientSends(pattern(300))
        link.client.close(output: &link.toServer)
        let bytes = link.toServer.bytes.array()
        link.toServer.removeAll()
        let first = Self.feed(&link.server, Array(bytes[..<(bytes.count - 1)]))
        #expect(first.outcome == .done && first.plain == pattern(300))
        #expect(link.server.transportEnded() == .closed(cleanly: false))
    }
}
