// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP1
import HTTPTypes
import TestSupport
import Testing

/// Feeds a client and keeps what it writes.
struct ClientHarness: ~Copyable {
    var client: ClientConnection
    var input = Buffer()
    var output = Buffer()
    var head = ResponseHead()

    init(limits: HTTP1Limits = .upstreams) { client = ClientConnection(limits: limits) }

    mutating func next(_ more: String = "") -> String {
        input.append(more.wire)
        let step = Self.step(&client, input, &head)
        let name = String("\(step.event)".prefix { $0 != "(" })
        var detail = ""
        if case .body(let range) = step.event { detail = " " + input.bytes.extracting(range).text }
        if case .failed(let error) = step.event { detail = " \(error.code)" }
        input.consume(step.consumed)
        return name + detail
    }

    private static func step(
        _ client: inout ClientConnection,
        _ input: borrowing Buffer,
        _ head: inout ResponseHead
    ) -> ClientConnection.Step {
        client.received(input.bytes, into: &head)
    }

    mutating func send(_ method: Method = .get, _ length: BodyLength = .none, webSocket: Bool = false) {
        client.send(
            method,
            target: "/p".bytes.span,
            authority: "u".bytes.span,
            fields: Fields(),
            length: length,
            webSocket: webSocket,
            into: &output
        )
    }

    mutating func finish() { #expect(throws: Never.self) { try client.finish(into: &output) } }

    mutating func written() -> String {
        let text = output.bytes.text
        output.removeAll()
        return text
    }
}

@Suite struct ClientConnectionTests {
    static let empty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    @Test func oneRequestAfterTheOther() {
        var harness = ClientHarness()
        #expect(harness.client.isReusable == true)
        for _ in 0..<3 {
            harness.send(.post, .fixed(2))
            #expect(harness.client.isReusable == false)
            #expect(throws: Never.self) { try harness.client.write("ab".bytes.span, into: &harness.output) }
            harness.finish()
            #expect(harness.written() == "POST /p HTTP/1.1\r\nHost: u\r\nContent-Length: 2\r\n\r\nab")
            #expect(harness.client.hasSeenResponse == false)
            #expect(harness.next(Self.empty) == "head")
            #expect(harness.client.hasSeenResponse == true)
            #expect(harness.next() == "ended")
            #expect(harness.client.isReusable == true)
            #expect(harness.next() == "needsInput")
        }
    }

    @Test func chunksAndTrailers() {
        var harness = ClientHarness()
        harness.send(.put, .unknown)
        #expect(throws: Never.self) { try harness.client.write("abc".bytes.span, into: &harness.output) }
        var trailers = Fields()
        trailers.append(name: "x-sum", value: "1")
        #expect(throws: Never.self) { try harness.client.finish(trailers: trailers, into: &harness.output) }
        #expect(
            harness.written().hasSuffix("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 1\r\n\r\n")
        )
    }

    @Test func notReusedWithoutAWholeRequest() {
        var harness = ClientHarness()
        harness.send(.post, .fixed(5))
        #expect(harness.next("HTTP/1.1 413 x\r\nContent-Length: 0\r\n\r\n") == "head")
        #expect(harness.next() == "ended")
        #expect(harness.client.isReusable == false)
        #expect(throws: HTTP1Error(.bodyTooShort, .request, at: 0)) {
            try harness.client.finish(into: &harness.output)
        }
        #expect(throws: HTTP1Error(.bodyTooLong, .request, at: 5)) {
            try harness.client.write("123456".bytes.span, into: &harness.output)
        }
        #expect(harness.client.isReusable == false)
    }

    @Test func bytesThatNobodyAskedForEndIt() {
        var harness = ClientHarness()
        #expect(harness.next(Self.empty) == "failed stray_bytes")
        #expect(harness.client.isReusable == false)
        #expect(harness.next() == "closed")

        var after = ClientHarness()
        after.send()
        after.finish()
        #expect(after.next(Self.empty + "x") == "head")
        #expect(after.next() == "ended")
        #expect(after.next() == "failed stray_bytes")
        #expect(after.client.isReusable == false)
    }

    @Test func closingIsSaidForWhatItIs() {
        var idle = ClientHarness()
        #expect(idle.client.peerClosed(cleanly: true) == .closed)
        #expect(idle.client.isReusable == false)

        var unanswered = ClientHarness()
        unanswered.send()
        unanswered.finish()
        let failure = unanswered.client.peerClosed(cleanly: true)
        #expect(failure == .failed(HTTP1Error(.closedBeforeResponse, .response, at: 0)))

        var interim = ClientHarness()
        interim.send()
        interim.finish()
        #expect(interim.next("HTTP/1.1 100 x\r\n\r\n") == "needsInput")
        #expect(interim.client.hasSeenResponse == true)
        let late = interim.client.peerClosed(cleanly: true)
        #expect(late == .failed(HTTP1Error(.closedInHead, .response, at: 0)))

        var tunnel = ClientHarness()
        tunnel.send(.get, .none, webSocket: true)
        tunnel.finish()
        #expect(tunnel.written().hasSuffix("Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n") == true)
        let grant =
            "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Accept: x\r\n\r\n"
        #expect(tunnel.next(grant) == "switched")
        #expect(tunnel.client.isReusable == false)
        #expect(tunnel.client.peerClosed(cleanly: false) == .closed)
    }

    @Test func aRequestThatAsksToCloseIsTheLast() {
        var harness = ClientHarness()
        harness.send()
        harness.finish()
        harness.client.closeAfterResponse()
        #expect(harness.next(Self.empty) == "head")
        #expect(harness.next() == "ended")
        #expect(harness.client.isReusable == false)
    }
}
