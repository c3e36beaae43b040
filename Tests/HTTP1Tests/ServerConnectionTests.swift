// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP1
import HTTPTypes
import TestSupport
import Testing

/// Feeds a server and keeps what it writes.
struct ServerHarness: ~Copyable {
    var server: ServerConnection
    var input = Buffer()
    var output = Buffer()
    var head = RequestHead()

    init(limits: HTTP1Limits = .callers) { server = ServerConnection(limits: limits) }

    /// The name of the next event, its bytes consumed.
    mutating func next(_ more: String = "") -> String {
        input.append(more.wire)
        let step = Self.step(&server, input, &head)
        var name = "\(step.event)".prefix { $0 != "(" }
        if case .body(let range) = step.event { name += " " + input.bytes.extracting(range).text }
        if case .tunnel(let range) = step.event { name += " " + input.bytes.extracting(range).text }
        if case .refused(let error) = step.event { name += " \(error.code)" }
        input.consume(step.consumed)
        return String(name)
    }

    private static func step(
        _ server: inout ServerConnection,
        _ input: borrowing Buffer,
        _ head: inout RequestHead
    ) -> ServerConnection.Step {
        server.received(input.bytes, into: &head)
    }

    mutating func respond(_ status: UInt16 = 200, _ length: BodyLength = .none, close: Bool = false) {
        server.respond(status: Status(status), fields: Fields(), length: length, close: close, into: &output)
    }

    mutating func write(_ text: String) throws(HTTP1Error) {
        try server.write(text.bytes.span, into: &output)
    }

    mutating func finish() -> String {
        do throws(HTTP1Error) { return "\(try server.finish(into: &output))" } catch {
            return "\(error.code)"
        }
    }

    mutating func written() -> String {
        let text = output.bytes.text
        output.removeAll()
        return text
    }
}

@Suite struct ServerConnectionTests {
    static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func keepAliveAndPipelining() {
        var harness = ServerHarness()
        #expect(harness.server.isIdle == true)
        #expect(harness.next(Self.get + Self.get) == "head")
        #expect(harness.server.isIdle == false)
        #expect(harness.next() == "ended")
        // The second request waits where it is until the first is answered.
        #expect(harness.next() == "waiting")
        #expect(harness.input.count == Self.get.utf8.count)
        harness.respond(200, .fixed(2))
        #expect(harness.next() == "waiting")
        #expect(throws: Never.self) { try harness.write("ok") }
        #expect(harness.finish() == "reuse")
        #expect(harness.written() == "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        #expect(harness.next() == "head")
        #expect(harness.next() == "ended")
        harness.respond(404, .none)
        #expect(harness.finish() == "reuse")
        #expect(harness.written() == "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        #expect(harness.next() == "needsInput")
        #expect(harness.server.isIdle == true)
        #expect(harness.next("G") == "needsInput")
        #expect(harness.server.isIdle == false)
    }

    @Test func streamsInChunksAndByCloseForHTTP10() {
        var harness = ServerHarness()
        _ = harness.next(Self.get)
        _ = harness.next()
        harness.respond(200, .unknown)
        #expect(throws: Never.self) { try harness.write("data: 1\n\n") }
        #expect(harness.written().hasSuffix("Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n") == true)
        #expect(harness.finish() == "reuse")
        #expect(harness.written() == "0\r\n\r\n")

        var old = ServerHarness()
        _ = old.next("GET / HTTP/1.0\r\n\r\n")
        _ = old.next()
        old.respond(200, .unknown)
        #expect(throws: Never.self) { try old.write("abc") }
        #expect(old.finish() == "close")
        #expect(old.written() == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc")
        #expect(old.next("more") == "closed")
    }

    @Test(
        arguments: [
            (200, BodyLength.fixed(5), "Content-Length: 5\r\n"), (200, .unknown, ""), (200, .none, ""),
            (404, .fixed(3), "Content-Length: 3\r\n"),
        ] as [(UInt16, BodyLength, String)]
    )
    func headIsAnsweredWithoutABody(_ status: UInt16, _ length: BodyLength, _ framing: String) {
        var harness = ServerHarness()
        _ = harness.next("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = harness.next()
        harness.respond(status, length)
        #expect(throws: Never.self) { try harness.write("hello") }
        #expect(harness.finish() == "reuse")
        #expect(harness.written() == "HTTP/1.1 \(status) \(Status(status).reason)\r\n\(framing)\r\n")
    }

    @Test(
        arguments: [
            (204, BodyLength.fixed(5), ""), (204, .unknown, ""), (304, .fixed(5), "Content-Length: 5\r\n"),
            (304, .unknown, ""),
        ] as [(UInt16, BodyLength, String)]
    )
    func statusesWithoutABody(_ status: UInt16, _ length: BodyLength, _ framing: String) {
        var harness = ServerHarness()
        _ = harness.next(Self.get)
        _ = harness.next()
        harness.respond(status, length)
        #expect(throws: Never.self) { try harness.write("hello") }
        #expect(harness.finish() == "reuse")
        #expect(harness.written() == "HTTP/1.1 \(status) \(Status(status).reason)\r\n\(framing)\r\n")
    }

    @Test func continueIsSentOnceWhenTheBodyIsWanted() {
        let request = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        var harness = ServerHarness()
        _ = harness.next(request)
        #expect(harness.next() == "needsInput")
        harness.server.bodyWanted(into: &harness.output)
        harness.server.bodyWanted(into: &harness.output)
        #expect(harness.written() == "HTTP/1.1 100 Continue\r\n\r\n")
        #expect(harness.next("ab") == "body ab")
        #expect(harness.next() == "ended")

        // The caller did not wait.
        var early = ServerHarness()
        _ = early.next(request + "a")
        #expect(early.next() == "body a")
        early.server.bodyWanted(into: &early.output)
        #expect(early.written().isEmpty == true)

        // Answered without the body: nobody knows whether it comes.
        var refused = ServerHarness()
        _ = refused.next(request)
        refused.respond(403, .none)
        #expect(refused.finish() == "close")
        #expect(
            refused.written() == "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        refused.server.bodyWanted(into: &refused.output)
        #expect(refused.written().isEmpty == true)
    }

    @Test func anUnreadBodyIsDrainedWithinTheLimit() {
        var limits = HTTP1Limits()
        limits.drainBytes = 10
        var harness = ServerHarness(limits: limits)
        _ = harness.next("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nab")
        harness.respond(403, .none)
        #expect(harness.finish() == "drain")
        #expect(harness.next("cd") == "needsInput")
        #expect(harness.next("efgh" + Self.get) == "head")
        #expect(harness.next() == "ended")
        #expect(harness.input.isEmpty == true)

        var large = ServerHarness(limits: limits)
        _ = large.next("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n")
        large.respond(403, .none)
        #expect(large.finish() == "close")

        var chunked = ServerHarness(limits: limits)
        _ = chunked.next("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunked.respond(403, .none)
        #expect(chunked.finish() == "drain")
        #expect(chunked.next("5\r\nabcde\r\n") == "needsInput")
        #expect(chunked.next("5\r\nabcde\r\n") == "closed")

        var wrong = ServerHarness(limits: limits)
        _ = wrong.next("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        wrong.respond(403, .none)
        #expect(wrong.finish() == "drain")
        #expect(wrong.next("x") == "closed")
    }

    @Test func refusalsAreAnsweredAndClose() {
        var harness = ServerHarness()
        #expect(harness.next("GET / HTTP/3.0\r\n") == "refused version_not_supported")
        #expect(harness.server.awaitsResponse == true)
        #expect(harness.next() == "waiting")
        harness.respond(505, .fixed(1))
        #expect(throws: Never.self) { try harness.write("x") }
        #expect(harness.finish() == "close")
        #expect(
            harness.written()
                == "HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"
        )

        var body = ServerHarness()
        _ = body.next("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz")
        #expect(body.next() == "refused invalid_chunk_size")
        body.respond(400, .none)
        #expect(body.finish() == "close")

        // Mid-body, after the response began: it can only be cut off.
        var late = ServerHarness()
        _ = late.next("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        late.respond(200, .unknown)
        #expect(late.next("zz") == "refused invalid_chunk_size")
        #expect(late.server.awaitsResponse == false)
        late.server.abort()
        #expect(late.next() == "closed")

        // A head that is wrong says nothing of HEAD: the answer has a body.
        var half = ServerHarness()
        _ = half.next("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = half.next()
        half.respond()
        #expect(half.finish() == "reuse")
        #expect(half.next("HEAD / HTTP/1.1\r\n\r\n") == "refused host_missing")
        _ = half.written()
        half.respond(400, .fixed(2))
        #expect(throws: Never.self) { try half.write("no") }
        #expect(half.written().hasSuffix("\r\n\r\nno") == true)
    }

    @Test func lengthsMustBeKept() {
        var harness = ServerHarness()
        _ = harness.next(Self.get)
        _ = harness.next()
        harness.respond(200, .fixed(3))
        #expect(throws: HTTP1Error(.bodyTooLong, .response, at: 3)) { try harness.write("abcd") }
        #expect(harness.finish() == "body_too_short")
        harness.server.abort()
        #expect(harness.server.isIdle == false)
    }

    @Test func drainingForShutdownCloses() {
        var harness = ServerHarness()
        _ = harness.next(Self.get)
        _ = harness.next()
        harness.server.closeAfterResponse()
        harness.respond()
        #expect(harness.finish() == "close")
        #expect(harness.written().contains("Connection: close") == true)
    }

    @Test func webSocketBecomesATunnel() {
        var harness = ServerHarness()
        let request =
            "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        #expect(harness.next(request + "early") == "head")
        #expect(harness.next() == "ended")
        // Nothing is relayed before the switch.
        #expect(harness.next() == "waiting")
        var fields = Fields()
        fields.append(.secWebSocketAccept, value: "x")
        harness.server.switchProtocols(fields, into: &harness.output)
        #expect(
            harness.written().contains("sec-websocket-accept: x\r\nConnection: Upgrade\r\nUpgrade: websocket")
        )
        #expect(harness.next() == "tunnel early")
        #expect(harness.next() == "needsInput")
        #expect(harness.next("\u{0}\r\n") == "tunnel \u{0}\r\n")
        #expect(harness.server.peerClosed() == .tunnel)

        // Refused by the upstream: an ordinary response, and no tunnel.
        var refused = ServerHarness()
        _ = refused.next(request + Self.get)
        _ = refused.next()
        refused.respond(403, .none)
        #expect(refused.finish() == "reuse")
        #expect(refused.next() == "head")
    }
}
