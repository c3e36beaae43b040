// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP1
import HTTPTypes
import TestSupport
import Testing

struct ResponseCase: CustomTestStringConvertible, Sendable {
    var input: String
    var method: Method = .get
    var webSocket = false
    /// How the upstream closes behind the input, if it does.
    var closed: Bool?
    var events: [String]
    var testDescription: String { "\(method.name) " + input.debugDescription }
}

@Suite struct ResponseTests {
    static let cases = [
        ResponseCase(
            input: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nab",
            events: ["200 fixed(2) X=y", "body ab", "ended", "reusable"]
        ),
        ResponseCase(
            input: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
            events: ["200 fixed(0)", "ended", "reusable"]
        ),
        ResponseCase(
            input: "HTTP/1.1 200 \u{E9} x\r\nContent-Length: 0\r\n\r\n",
            events: ["200 fixed(0)", "ended", "reusable"]
        ),
        ResponseCase(
            input: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: 1\r\n\r\n",
            events: ["200 chunked", "body a", "ended T=1", "reusable"]
        ),
        ResponseCase(
            input: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na",
            events: ["200 fixed(1) closes", "body a", "ended"]
        ),
        ResponseCase(
            input:
                "HTTP/1.1 200 OK\r\nConnection: x-hop\r\nX-Hop: 1\r\nX-End: 2\r\nContent-Length: 0\r\n\r\n",
            events: ["200 fixed(0) X-End=2", "ended", "reusable"]
        ),
        ResponseCase(
            input: "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na",
            events: ["200 fixed(1) closes", "body a", "ended"]
        ),
        ResponseCase(
            input: "HTTP/1.1 200 OK\r\n\r\nabc",
            closed: true,
            events: ["200 untilClose closes", "body abc", "ended"]
        ),
        ResponseCase(
            input: "HTTP/1.1 200 OK\r\n\r\nabc",
            closed: false,
            events: ["200 untilClose closes", "body abc", "failed closed_in_body 502"]
        ),
        ResponseCase(
            input: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
            closed: true,
            events: ["200 fixed(5)", "body abc", "failed closed_in_body 502"]
        ),
        ResponseCase(
            input: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            closed: true,
            events: ["200 chunked", "body abc", "failed closed_in_body 502"]
        ),
        ResponseCase(input: "", closed: true, events: ["failed closed_before_response 502"]),
        ResponseCase(input: "HTTP/1.1 200 OK\r\n", closed: true, events: ["failed closed_in_head 502"]),
        ResponseCase(
            input:
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
            events: ["204 none", "ended", "reusable"]
        ),
        ResponseCase(
            input: String(repeating: "HTTP/1.1 102 x\r\n\r\n", count: 17),
            events: ["failed too_many_interim_responses 502"]
        ),
        ResponseCase(
            input: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            method: .head,
            events: ["200 none", "ended", "reusable"]
        ),
        ResponseCase(
            input: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            method: .head,
            events: ["200 none", "ended", "reusable"]
        ),
        ResponseCase(
            input: "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
            events: ["304 none", "ended", "reusable"]
        ),
        // What is left over belongs to nobody: the connection is not used again.
        ResponseCase(input: "HTTP/1.1 204 No\r\nContent-Length: 1\r\n\r\na", events: ["204 none", "ended"]),
        ResponseCase(
            input: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabHTTP/1.1 200 OK\r\n\r\n",
            events: ["200 fixed(1)", "body a", "ended"]
        ),
        ResponseCase(
            input:
                "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhi",
            webSocket: true,
            events: ["switched", "body hi"]
        ),
        refusal(
            "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n",
            "unexpected_switch"
        ),
        refusal(
            "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
            "unexpected_switch",
            webSocket: true
        ),
        refusal(
            "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n",
            "unexpected_switch",
            webSocket: true
        ),
        refusal(
            "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            "unexpected_switch",
            webSocket: true
        ),
        refusal("ICY 200 OK\r\n\r\n", "invalid_status_line"),
        refusal("\r\nHTTP/1.1 200 OK\r\n\r\n", "invalid_status_line"),
        refusal("HTTP/1.1  200 OK\r\n\r\n", "invalid_status"),
        refusal("HTTP/1.1 20 OK\r\n\r\n", "invalid_status"),
        refusal("HTTP/1.1 2000 OK\r\n\r\n", "invalid_status"),
        refusal("HTTP/1.1 099 OK\r\n\r\n", "invalid_status"),
        refusal("HTTP/1.1 600 OK\r\n\r\n", "invalid_status"),
        refusal("HTTP/1.1 +20 OK\r\n\r\n", "invalid_status"),
        refusal("HTTP/1.1 200OK\r\n\r\n", "invalid_status"),
        refusal("HTTP/1.1 200 O\u{0}K\r\n\r\n", "invalid_status_line"),
        refusal("HTTP/1.1 200 O\rK\r\n\r\n", "bare_carriage_return"),
        refusal("HTTP/2.0 200 OK\r\n\r\n", "version_not_supported"),
        refusal("HTTP/1.1\r\n\r\n", "invalid_status_line"),
        refusal("HTTP/1.1 200 OK\n\n", "bare_line_feed"),
        refusal("HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\n\r\n", "obsolete_fold"),
        refusal("HTTP/1.1 200 OK\r\nX : 1\r\n\r\n", "whitespace_before_colon"),
        refusal(
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "repeated_content_length"
        ),
        refusal(
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "content_length_with_transfer_encoding"
        ),
        refusal("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "transfer_encoding_not_supported"),
        refusal("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "transfer_encoding_in_http10"),
        refusal("HTTP/1.1 200 OK\r\nConnection: set-cookie\r\n\r\n", "connection_names_field"),
    ]

    private static func refusal(_ input: String, _ code: String, webSocket: Bool = false) -> ResponseCase {
        ResponseCase(input: input, webSocket: webSocket, events: ["failed \(code) 502"])
    }

    @Test(arguments: cases) func saysTheSameHoweverItIsSplit(_ item: ResponseCase) {
        let input = item.input.wire
        func run(_ cuts: Cuts) -> [String] {
            fetch(input, cuts, method: item.method, webSocket: item.webSocket, closed: item.closed)
        }
        #expect(run([]) == item.events)
        // What follows a whole response comes with it or later; only the first says that something is left over.
        let split = item.events.filter { $0 != "reusable" }
        #expect(run([1]).filter { $0 != "reusable" } == split)
        for seed in 0..<20 as Range<UInt64> {
            var generator = Seeded(seed: seed)
            let cuts = (0..<40).map { _ in Int.random(in: 1...12, using: &generator) }
            #expect(run(cuts).filter { $0 != "reusable" } == split, "seed \(seed)")
        }
    }
}

@Suite struct HeadEncoderTests {
    private func fields(_ lines: [(String, String)]) -> Fields {
        var fields = Fields()
        for (name, value) in lines { try? fields.append(name: name.bytes.span, value: value.bytes.span) }
        return fields
    }

    @Test func requestsAreWrittenWithoutWhatBelongsToOneHop() {
        let source = fields([
            ("Host", "evil"), ("X-A", "1"), ("Connection", "keep-alive"), ("Keep-Alive", "5"),
            ("Content-Length", "9"),
            ("Transfer-Encoding", "chunked"), ("Upgrade", "h2c"), ("Proxy-Authorization", "x"),
            ("Expect", "100-continue"),
            ("Proxy-Connection", "x"), ("HTTP2-Settings", "x"), ("Authorization", "b"), ("TE", "gzip"),
        ])
        var output = Buffer()
        HeadEncoder.append(
            method: .post,
            target: "/a?b".bytes.span,
            authority: "up:1".bytes.span,
            fields: source,
            framing: .chunked,
            connection: .keepAlive,
            into: &output
        )
        let expected =
            "POST /a?b HTTP/1.1\r\nHost: up:1\r\nX-A: 1\r\nAuthorization: b\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(output.bytes.text == expected)
    }

    @Test func trailersAreAskedForAgain() {
        var output = Buffer()
        HeadEncoder.append(
            method: .get,
            target: "/".bytes.span,
            authority: "u".bytes.span,
            fields: fields([("te", "deflate, Trailers")]),
            framing: .none,
            connection: .keepAlive,
            into: &output
        )
        #expect(output.bytes.text == "GET / HTTP/1.1\r\nHost: u\r\nTE: trailers\r\nConnection: TE\r\n\r\n")
    }

    @Test func responses() {
        var output = Buffer()
        HeadEncoder.append(
            status: Status(207),
            fields: fields([("Server", "x"), ("Content-Length", "9"), ("Connection", "upgrade")]),
            framing: .fixed(2),
            connection: .close,
            into: &output
        )
        #expect(
            output.bytes.text
                == "HTTP/1.1 207 Multi-Status\r\nServer: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
        )
        output.removeAll()
        HeadEncoder.append(
            status: .switchingProtocols,
            fields: fields([("Sec-WebSocket-Accept", "x"), ("Upgrade", "websocket")]),
            framing: .none,
            connection: .webSocket,
            into: &output
        )
        #expect(
            output.bytes.text
                == "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nConnection: Upgrade\r\n"
                + "Upgrade: websocket\r\n\r\n"
        )
    }

    /// What is parsed and written again is parsed as the same request.
    @Test(arguments: RequestTests.accepted) func parseAfterPrintIsIdentity(_ item: WireCase) {
        var server = ServerConnection(limits: .callers)
        var head = RequestHead()
        let step = server.received(item.input.wire.span, into: &head)
        guard case .head(let facts) = step.event else {
            Issue.record("\(step.event)")
            return
        }
        var output = Buffer()
        var authority = head.authority.array()
        if authority.isEmpty { authority = "x".bytes }
        HeadEncoder.append(
            method: head.method,
            target: head.path.pathAndQuery,
            authority: authority.span,
            fields: head.fields,
            framing: facts.framing,
            connection: facts.isWebSocket ? .webSocket : .keepAlive,
            into: &output
        )
        var again = ServerConnection(limits: .callers)
        var second = RequestHead()
        guard case .head(let found) = again.received(output.bytes, into: &second).event else {
            Issue.record("\(output.bytes.text)")
            return
        }
        #expect(found.framing == facts.framing && found.isWebSocket == facts.isWebSocket)
        let written = second.path.pathAndQuery.text
        #expect(written == head.path.pathAndQuery.text && second.method == head.method)
        for index in head.fields.indices where head.fields.known(at: index) == .other {
            let value = second.fields.first(named: head.fields.name(at: index))
                .map { second.fields.value(at: $0).text }
            #expect(value != nil)
        }
    }
}
