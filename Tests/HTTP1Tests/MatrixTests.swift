// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP1
import HTTPTypes
import Testing

/// Every state that a machine can be brought to, with every event that can then happen. A pair that is not listed fails.
@Suite struct MatrixTests {
    enum ServerState: CaseIterable {
        case idle, inHead, inBody, bodyDone, ended, responding, draining, tunnel, refused, closed
    }

    enum Event: CaseIterable {
        case nothing, more, garbage, eof
    }

    private func server(_ state: ServerState) -> ServerHarness {
        var harness = ServerHarness()
        let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"
        switch state {
        case .idle: break
        case .inHead: _ = harness.next("GE")
        case .inBody:
            _ = harness.next(post)
        case .bodyDone:
            _ = harness.next(post + "abcd")
            _ = harness.next()
        case .ended:
            _ = harness.next(ServerConnectionTests.get)
            _ = harness.next()
        case .responding:
            _ = harness.next(ServerConnectionTests.get)
            _ = harness.next()
            harness.respond(200, .unknown)
        case .draining:
            _ = harness.next(post)
            harness.respond()
            _ = harness.finish()
        case .tunnel:
            _ = harness.next(
                "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            harness.server.switchProtocols(Fields(), into: &harness.output)
        case .refused: _ = harness.next("@")
        case .closed: harness.server.abort()
        }
        return harness
    }

    static let serverTable: [ServerState: [Event: String]] = [
        .idle: [
            .nothing: "needsInput", .more: "needsInput", .garbage: "refused invalid_request_line",
            .eof: "idle",
        ],
        .inHead: [
            .nothing: "needsInput", .more: "needsInput", .garbage: "refused bare_line_feed",
            .eof: "inRequest",
        ],
        .inBody: [.nothing: "needsInput", .more: "body Q", .garbage: "body @\n", .eof: "inRequest"],
        .bodyDone: [.nothing: "ended", .more: "ended", .garbage: "ended", .eof: "inRequest"],
        .ended: [.nothing: "waiting", .more: "waiting", .garbage: "waiting", .eof: "inResponse"],
        .responding: [.nothing: "waiting", .more: "waiting", .garbage: "waiting", .eof: "inResponse"],
        .draining: [.nothing: "needsInput", .more: "needsInput", .garbage: "needsInput", .eof: "idle"],
        .tunnel: [.nothing: "needsInput", .more: "tunnel Q", .garbage: "tunnel @\n", .eof: "tunnel"],
        .refused: [.nothing: "waiting", .more: "waiting", .garbage: "waiting", .eof: "inResponse"],
        .closed: [.nothing: "closed", .more: "closed", .garbage: "closed", .eof: "idle"],
    ]

    @Test(arguments: ServerState.allCases, Event.allCases)
    func server(_ state: ServerState, _ event: Event) {
        var harness = server(state)
        let said: String
        switch event {
        case .nothing: said = harness.next()
        case .more: said = harness.next("Q")
        case .garbage: said = harness.next("@\n")
        case .eof: said = "\(harness.server.peerClosed())"
        }
        #expect(said == Self.serverTable[state]?[event])
    }

    enum ClientState: CaseIterable {
        case idle, sent, inHead, inBody, inChunks, untilClose, bodyDone, ended, tunnel, failed
    }

    private func client(_ state: ClientState) -> ClientHarness {
        var harness = ClientHarness()
        if state == .idle { return harness }
        harness.send(.get, .none, webSocket: state == .tunnel)
        harness.finish()
        switch state {
        case .idle, .sent: break
        case .inHead: _ = harness.next("HT")
        case .inBody: _ = harness.next("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
        case .inChunks: _ = harness.next("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        case .untilClose: _ = harness.next("HTTP/1.1 200 OK\r\n\r\n")
        case .bodyDone: _ = harness.next(ClientConnectionTests.empty)
        case .ended:
            _ = harness.next(ClientConnectionTests.empty)
            _ = harness.next()
        case .tunnel:
            _ = harness.next(
                "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"
            )
        case .failed: _ = harness.next("@")
        }
        return harness
    }

    static let clientTable: [ClientState: [Event: String]] = [
        .idle: [
            .nothing: "needsInput", .more: "failed stray_bytes", .garbage: "failed stray_bytes",
            .eof: "closed",
        ],
        .sent: [
            .nothing: "needsInput", .more: "failed invalid_status_line",
            .garbage: "failed invalid_status_line",
            .eof: "failed closed_before_response",
        ],
        .inHead: [
            .nothing: "needsInput", .more: "needsInput", .garbage: "failed bare_line_feed",
            .eof: "failed closed_in_head",
        ],
        .inBody: [
            .nothing: "needsInput", .more: "body Q", .garbage: "body @\n", .eof: "failed closed_in_body",
        ],
        .inChunks: [
            .nothing: "needsInput", .more: "failed invalid_chunk_size", .garbage: "failed invalid_chunk_size",
            .eof: "failed closed_in_body",
        ],
        .untilClose: [.nothing: "needsInput", .more: "body Q", .garbage: "body @\n", .eof: "ended"],
        .bodyDone: [.nothing: "ended", .more: "ended", .garbage: "ended", .eof: "ended"],
        .ended: [
            .nothing: "needsInput", .more: "failed stray_bytes", .garbage: "failed stray_bytes",
            .eof: "closed",
        ],
        .tunnel: [.nothing: "needsInput", .more: "tunnel", .garbage: "tunnel", .eof: "closed"],
        .failed: [.nothing: "closed", .more: "closed", .garbage: "closed", .eof: "closed"],
    ]

    @Test(arguments: ClientState.allCases, Event.allCases)
    func client(_ state: ClientState, _ event: Event) {
        var harness = client(state)
        let said: String
        switch event {
        case .nothing: said = harness.next()
        case .more: said = harness.next("Q")
        case .garbage: said = harness.next("@\n")
        case .eof:
            let event = harness.client.peerClosed(cleanly: true)
            if case .failed(let error) = event { said = "failed \(error.code)" } else { said = "\(event)" }
        }
        #expect(said == Self.clientTable[state]?[event])
    }

    @Test(arguments: ["respond twice", "write first", "finish first", "switch unasked", "send twice"])
    func misuseTraps(_ what: String) async {
        switch what {
        case "respond twice":
            await #expect(processExitsWith: .failure) {
                var harness = ServerHarness()
                _ = harness.next(ServerConnectionTests.get)
                harness.respond()
                harness.respond()
            }
        case "write first":
            await #expect(processExitsWith: .failure) {
                var harness = ServerHarness()
                try harness.write("x")
            }
        case "finish first":
            await #expect(processExitsWith: .failure) {
                var harness = ServerHarness()
                _ = harness.finish()
            }
        case "switch unasked":
            await #expect(processExitsWith: .failure) {
                var harness = ServerHarness()
                _ = harness.next(ServerConnectionTests.get)
                harness.server.switchProtocols(Fields(), into: &harness.output)
            }
        default:
            await #expect(processExitsWith: .failure) {
                var harness = ClientHarness()
                harness.send()
                harness.send()
            }
        }
    }
}
