// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP2
import HTTPTypes
import TestSupport
import Testing

/// Both ends of a connection, wired to each other.
final class PairRig {
    var client: ClientSession
    let server: ServerRig
    var told: [String] = []
    var response = ResponseHead()
    /// What the client has sent.
    var sent: [Frame] = []
    private var fromServer = 0

    init(_ limits: HTTP2Limits = HTTP2Limits()) {
        client = ClientSession(limits: limits)
        server = ServerRig(limits, greeted: false)
        exchange()
    }

    func request(
        _ fields: borrowing Fields = Fields(),
        _ method: Method = .get,
        length: BodyLength = .none,
        isWebSocket: Bool = false
    ) -> StreamID? {
        let target = "/a?b=c".bytes
        let authority = "a.example".bytes
        let head = OutgoingHead(method, length: length, isSecure: true, isWebSocket: isWebSocket)
        let id = client.send(head, target: target.span, authority: authority.span, fields: fields)
        exchange()
        return id
    }

    /// Carries bytes both ways until nobody has anything to say.
    func exchange() {
        for _ in 0..<20 {
            var output = Buffer()
            client.session.send(into: &output, upTo: 1 << 20)
            let toServer = output.bytes.array()
            server.flush()
            if !toServer.isEmpty {
                let preface = toServer.starts(with: "PRI".utf8) ? 24 : 0
                sent += Frame.parse(Array(toServer[preface...]))
                server.feed(toServer)
            }
            let toClient = server.sent[fromServer...].flatMap(\.bytes)
            fromServer = server.sent.count
            feed(toClient)
            if toServer.isEmpty, toClient.isEmpty { return }
        }
    }

    func feed(_ bytes: [UInt8]) {
        client.session.received(bytes.span, now: Instant(nanoseconds: 1))
        while let event = client.session.nextEvent() {
            switch event {
            case .head(let id): took(id)
            case .data(let id, let range):
                told.append("data \(id) \(String(decoding: bytes[range], as: UTF8.self))")
                client.session.consumed(range.count, on: id)
            case .ended(let id): told.append("ended \(id) \(lines(client.session.trailers))")
            case .refused(let id, let error): told.append("refused \(id) \(error.code)")
            case .drained(let id): told.append("drained \(id)")
            case .closed(let id, let code): told.append("closed \(id) \(code.rawValue)")
            case .goAway(let last, let code): told.append("goAway \(last) \(code.rawValue)")
            case .settings: break
            }
        }
    }

    private func took(_ id: StreamID) {
        do throws(HTTP2Error) {
            let facts = try client.response(of: id, into: &response)
            let tunnel = facts.isTunnel ? " tunnel" : ""
            told.append("head \(id) \(response.status.rawValue) \(facts.length)\(tunnel)")
        } catch {
            told.append("unread \(id) \(error.code)")
        }
    }

    var streamCount: Int { client.session.streamCount }
}

@Suite struct ClientSessionTests {
    @Test func aWebSocketIsAskedFor() throws {
        let pair = PairRig()
        var fields = Fields()
        fields.append(name: "sec-websocket-version", value: "13")
        fields.append(name: "sec-websocket-key", value: "dropped")
        fields.append(.upgrade, value: "websocket")
        let allows = pair.client.session.peerAllowsConnect
        #expect(allows)
        let made = pair.request(fields, isWebSocket: true)
        let id = try #require(made)
        #expect(pair.server.told.contains("head 1 get a.example /a?b=c unknown websocket"))
        #expect(lines(pair.server.head.fields) == ["sec-websocket-version: 13", "host: a.example"])
        pair.server.server.grantWebSocket(id, fields: Fields())
        try pair.server.server.session.write("down".bytes.span, on: id)
        try pair.client.session.write("up".bytes.span, on: id)
        pair.exchange()
        #expect(pair.told == ["head 1 200 none tunnel", "data 1 down"])
        #expect(pair.server.told.last == "data 1 up")
        try pair.client.session.finish(id)
        try pair.server.server.session.finish(id)
        pair.exchange()
        #expect(pair.told.suffix(2) == ["ended 1 []", "closed 1 0"])
    }

    /// RFC 8441 §5: what speaks of a body, or has ended, opened no tunnel; and there is no 101 (RFC 9113 §8.6).
    @Test(arguments: [
        ([(":status", "200")], true, "head 1 200 none"),
        ([(":status", "200"), ("content-length", "0")], false, "head 1 200 fixed(0)"),
        ([(":status", "204")], false, "head 1 204 none"),
        ([(":status", "403")], false, "head 1 403 unknown"),
        ([(":status", "101")], false, "refused 1 unexpected_response"),
    ])
    func whatIsNoGrant(_ head: [(String, String)], _ ends: Bool, _ expected: String) {
        let pair = PairRig()
        _ = pair.request(isWebSocket: true)
        pair.feed(Frame.headers(1, head, ends: ends).bytes)
        #expect(pair.told.first == expected)
    }

    @Test func aRequestAndItsAnswer() throws {
        let pair = PairRig()
        var fields = Fields()
        fields.append(name: "X-Custom", value: "1")
        fields.append(.host, value: "dropped.example")
        fields.append(.connection, value: "close")
        let made = pair.request(fields)
        let id = try #require(made)
        #expect(pair.server.told.contains("head 1 get a.example /a?b=c none"))
        #expect(lines(pair.server.head.fields) == ["x-custom: 1", "host: a.example"])
        pair.server.answer(id, body: "hi")
        pair.exchange()
        #expect(pair.told == ["head 1 200 fixed(2)", "data 1 hi", "ended 1 []", "closed 1 0"])
        #expect(pair.streamCount == 0)
    }

    @Test func bodiesAndTrailersBothWays() throws {
        let pair = PairRig()
        var fields = Fields()
        fields.append(.te, value: "trailers")
        let made = pair.request(fields, .post, length: .unknown)
        let id = try #require(made)
        try pair.client.session.write("one".bytes.span, on: id)
        pair.exchange()
        pair.server.server.respond(id, status: .ok, fields: Fields(), length: .unknown)
        try pair.server.server.session.write("two".bytes.span, on: id)
        pair.exchange()
        var trailers = Fields()
        trailers.append(name: "grpc-status", value: "0")
        try pair.client.session.finish(id)
        pair.exchange()
        try pair.server.server.session.finish(id, trailers: trailers)
        pair.exchange()
        #expect(
            pair.server.told.filter { !$0.hasPrefix("settings") } == [
                "head 1 post a.example /a?b=c unknown", "data 1 one", "ended 1", "closed 1 0",
            ]
        )
        #expect(
            pair.told == ["head 1 200 unknown", "data 1 two", "ended 1 [\"grpc-status: 0\"]", "closed 1 0"]
        )
    }

    @Test func secretsAreNeverIndexed() throws {
        let pair = PairRig()
        var fields = Fields()
        fields.append(.authorization, value: "Bearer secret")
        _ = pair.request(fields)
        let headers = try #require(pair.sent.first { $0.type == 1 })
        // `authorization` has index 23 in the static table: a never-indexed literal with that name begins 0x1F 0x08.
        #expect(
            headers.payload.indices.dropLast().contains {
                headers.payload[$0] == 0x1F && headers.payload[$0 + 1] == 0x08
            }
        )
    }

    private func respond(_ fields: [(String, String)], ends: Bool = true, then: Frame...) -> PairRig {
        let pair = PairRig()
        _ = pair.request()
        pair.feed(([.headers(1, fields, ends: ends)] + then).flatMap(\.bytes))
        return pair
    }

    @Test func interimResponsesAreDropped() {
        let pair = respond(
            [(":status", "103"), ("link", "x")],
            ends: false,
            then: .headers(1, [(":status", "204")])
        )
        #expect(pair.told == ["head 1 204 none", "ended 1 []", "closed 1 0"])
    }

    @Test func interimResponsesHaveALimit() {
        let pair = PairRig()
        _ = pair.request()
        for _ in 0..<17 { pair.feed(Frame.headers(1, [(":status", "103")], ends: false).bytes) }
        #expect(pair.told == ["refused 1 too_many_interim_responses"])
    }

    @Test(arguments: [
        [("x", "y")], [(":status", "99")], [(":status", "600")], [(":status", "abc")], [(":status", "2000")],
        [(":method", "GET")], [(":status", "200"), (":status", "200")], [(":status", "200"), ("X", "y")],
        [(":status", "200"), ("transfer-encoding", "chunked")],
        [(":status", "200"), ("connection", "close")],
        [(":status", "200"), ("x", "a\r\nb")], [(":status", "200"), ("content-length", "5")],
        [(":status", "200"), ("content-length", "0"), ("content-length", "0")],
    ])
    func whatIsNoResponseIsRefused(_ fields: [(String, String)]) {
        let pair = respond(fields)
        #expect(pair.told.first?.hasPrefix("unread 1") == true, "\(pair.told)")
        pair.exchange()
        #expect(pair.sent.last?.description == "reset(1: 1)" || pair.told.last == "closed 1 0")
    }

    @Test func lengthsOfResponsesAreKept() {
        let long = respond(
            [(":status", "200"), ("content-length", "1")],
            ends: false,
            then: .data(1, "ab", ends: true)
        )
        #expect(long.told.contains("refused 1 content_length_mismatch"))
        let short = respond(
            [(":status", "200"), ("content-length", "3")],
            ends: false,
            then: .data(1, "ab", ends: true)
        )
        #expect(short.told.contains("refused 1 content_length_mismatch"))
        let none = respond([(":status", "204")], ends: false, then: .data(1, "ab", ends: true))
        #expect(none.told.contains("refused 1 content_length_mismatch"))
    }

    @Test func streamsThatAServerWillNotAnswerAreClosed() {
        let pair = PairRig()
        for _ in 0..<3 { _ = pair.request() }
        pair.feed(Frame(.goAway, Frame.number(3) + Frame.number(0)).bytes)
        #expect(pair.told.contains("goAway 3 0"))
        #expect(pair.told.contains("closed 5 7"), "it may be sent again elsewhere")
        #expect(!pair.told.contains { $0.hasPrefix("closed 3") || $0.hasPrefix("closed 1") })
        #expect(pair.request() == nil || pair.sent.last?.stream != 7)
    }

    @Test func pushIsAnError() {
        let pair = PairRig()
        _ = pair.request()
        pair.feed(Frame(.push, flags: 4, stream: 1, Frame.number(2) + Frame.block([])).bytes)
        pair.exchange()
        #expect(pair.client.session.failure != nil)
    }
}
