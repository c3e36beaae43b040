// SPDX-License-Identifier: Apache-2.0
import Bytes
import Foundation
import TLS
import Testing

@Suite(.enabled(if: PublicKeys.shared != nil, needsOpenSSL))
struct FootprintTests {
    /// The budget of an idle TLS connection is 24 KiB in all (DESIGN §12); the session may take this much of it.
    private static let budgetBytes = 14 << 10
    private static let count = 2000

    /// In a process of its own, so that other tests do not count.
    @Test(.enabled(if: !isSanitized, "a sanitizer pads every allocation"))
    func idleSessionsAreSmall() async {
        await #expect(processExitsWith: .success) {
            for version in [TLSVersion.v12, .v13] {
                let each = try FootprintTests.residentBytes(version)
                FileHandle.standardError.write(
                    Data("idle session, \(version): \(each) bytes resident\n".utf8)
                )
                if each > FootprintTests.budgetBytes { exit(1) }
            }
        }
    }

    private static var isSanitized: Bool {
        unsafe dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil
    }

    private static func residentBytes(_ version: TLSVersion) throws -> Int {
        let ends = try Ends(version: version)
        let client = try TLSContext(client: ends.client)
        let server = try TLSContext(server: ends.server)
        var kept: [Link.Half] = []
        kept.reserveCapacity(count)
        // What the library allocates once is not a session's.
        for _ in 0..<50 { _ = Link.visit(client, server) }
        let before = try resident()
        for _ in 0..<count { kept.append(Link.visit(client, server)) }
        let after = try resident()
        return withExtendedLifetime(kept) { (after - before) / count }
    }

    private static func resident() throws -> Int {
        let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return try #require(Int(pages[1])) * 4096
    }
}

extension Link {
    /// The server's half of a connection that nobody uses for the moment.
    final class Half {
        var session: TLSSession

        init(_ session: consuming TLSSession) { self.session = session }
    }

    /// Both ends talk, then the client's end is let go of.
    static func visit(_ clientContext: TLSContext, _ serverContext: TLSContext) -> Half {
        var client = TLSSession(client: clientContext, serverName: "example.test")
        var server = TLSSession(server: serverContext)
        var up = Buffer()
        var down = Buffer()
        var plain = Buffer()
        client.start(output: &up)
        for _ in 0..<4 {
            server.receive(up.bytes, plain: &plain, output: &down)
            up.removeAll()
            client.receive(down.bytes, plain: &plain, output: &up)
            down.removeAll()
        }
        let request = pattern(600)
        client.send(request.span, output: &up)
        server.receive(up.bytes, plain: &plain, output: &down)
        server.send(plain.bytes, output: &down)
        return Half(server)
    }
}
