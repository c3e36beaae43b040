// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP2
import HTTPTypes
import Testing

/// What a server must do of RFC 9113 and RFC 7541, one case for each rule, frame by frame.
@Suite struct RuleTests {
    enum Verdict: Equatable {
        /// GOAWAY with one of these codes.
        case connection([UInt32])
        /// RST_STREAM of stream 1 with one of these codes; the connection goes on.
        case stream([UInt32])
        /// Neither; the last line that was told.
        case fine(String)
    }

    struct Rule: CustomTestStringConvertible, Sendable {
        var name: String
        var bytes: [UInt8]
        var verdict: Verdict
        var testDescription: String { name }

        init(_ name: String, _ frames: [Frame], _ verdict: Verdict) {
            self.init(name, bytes: frames.flatMap(\.bytes), verdict)
        }

        init(_ name: String, bytes: [UInt8], _ verdict: Verdict) {
            self.name = name
            self.bytes = bytes
            self.verdict = verdict
        }
    }

    @Test(arguments: FrameRules.all + StreamRules.all + MessageRules.all + HPACKRules.all)
    func ruleHolds(_ rule: Rule) {
        check(rule, ServerRig(), [rule.bytes])
    }

    /// However the bytes are cut.
    @Test(arguments: FrameRules.all + StreamRules.all + MessageRules.all + HPACKRules.all)
    func ruleHoldsByteByByte(_ rule: Rule) {
        check(rule, ServerRig(), rule.bytes.map { [$0] })
    }

    private func check(_ rule: Rule, _ rig: ServerRig, _ pieces: [[UInt8]]) {
        for piece in pieces { rig.feed(piece) }
        switch rule.verdict {
        case .connection(let codes):
            #expect(rig.goAway.map(codes.contains) == true, "sent \(rig.sent), told \(rig.told)")
            #expect(rig.isDone)
        case .stream(let codes):
            #expect(rig.reset(1).map(codes.contains) == true, "sent \(rig.sent), told \(rig.told)")
            #expect(rig.goAway == nil)
            rig.told = []
            rig.feed(.headers(101, ServerRig.get))
            #expect(rig.told.contains("ended 101"), "the connection goes on")
        case .fine(let last):
            #expect(rig.goAway == nil && rig.reset(1) == nil, "sent \(rig.sent)")
            #expect(rig.told.contains(last), "told \(rig.told)")
        }
    }

    @Test func theFirstFrameMustBeSettings() {
        let rig = ServerRig(greeted: false)
        rig.feed(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8))
        rig.feed(.headers(1, ServerRig.get))
        #expect(rig.goAway == 1)
    }

    @Test(arguments: ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"])
    func aWrongPrefaceEndsTheConnection(_ preface: String) {
        let rig = ServerRig(greeted: false)
        rig.feed(Array(preface.utf8))
        #expect(rig.isDone && rig.goAway == 1)
        #expect(rig.failure == .invalidPreface)
    }
}

enum FrameRules {
    private static let open = Frame.headers(1, ServerRig.post, ends: false)
    static let all: [RuleTests.Rule] = [
        .init(
            "4.1 an unknown frame type is ignored",
            [Frame(type: 0xEE, stream: 0, [1, 2]), .headers(1, ServerRig.get)],
            .fine("ended 1")
        ),
        .init(
            "4.1 undefined flags are ignored",
            [Frame(.ping, flags: 0x16, [0, 0, 0, 0, 0, 0, 0, 1]), .headers(1, ServerRig.get)],
            .fine("ended 1")
        ),
        .init(
            "4.1 the reserved bit of the stream is ignored",
            [Frame(.headers, flags: 5, stream: 0x8000_0001, Frame.block(ServerRig.get))],
            .fine("ended 1")
        ),
        .init(
            "4.2 a DATA frame over 16,384 bytes",
            [open, Frame(.data, stream: 1, [UInt8](repeating: 0, count: 16_385))],
            .connection([6])
        ),
        .init(
            "4.2 a HEADERS frame over 16,384 bytes",
            [Frame(.headers, flags: 5, stream: 1, [UInt8](repeating: 0, count: 16_385))],
            .connection([6])
        ),
        .init(
            "4.3 a block that does not decompress",
            [Frame(.headers, flags: 5, stream: 1, [0x40, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])],
            .connection([9])
        ),
        .init(
            "4.3 a PRIORITY frame within a block",
            [.headers(1, ServerRig.get, whole: false), Frame(.priority, stream: 1, [0, 0, 0, 0, 16])],
            .connection([1])
        ),
        .init(
            "4.3 another stream's HEADERS within a block",
            [.headers(1, ServerRig.get, whole: false), .headers(3, ServerRig.get)],
            .connection([1])
        ),
        .init("6.1 DATA on stream 0", [Frame(.data, [1])], .connection([1])),
        .init(
            "6.1 DATA padded beyond its length",
            [open, Frame(.data, flags: Frame.padded, stream: 1, [6, 1, 2])],
            .connection([1])
        ),
        .init(
            "6.1 padded DATA",
            [open, Frame(.data, flags: 9, stream: 1, [2, 97, 0, 0])],
            .fine("data 1 a")
        ),
        .init(
            "6.2 HEADERS on stream 0",
            [Frame(.headers, flags: 5, Frame.block(ServerRig.get))],
            .connection([1])
        ),
        .init(
            "6.2 HEADERS padded beyond its length",
            [Frame(.headers, flags: 13, stream: 1, [200, 1])],
            .connection([1])
        ),
        .init(
            "6.2 HEADERS with a priority",
            [Frame(.headers, flags: 37, stream: 1, [0, 0, 0, 0, 16] + Frame.block(ServerRig.get))],
            .fine("ended 1")
        ),
        .init("6.3 PRIORITY on stream 0", [Frame(.priority, [0, 0, 0, 1, 16])], .connection([1])),
        .init(
            "6.3 PRIORITY of a wrong length",
            [Frame(.priority, stream: 1, [0, 0, 0, 1])],
            .connection([6])
        ),
        .init("6.4 RST_STREAM on stream 0", [Frame(.reset, Frame.number(8))], .connection([1])),
        .init("6.4 RST_STREAM on an idle stream", [.reset(1, 8)], .connection([1])),
        .init(
            "6.4 RST_STREAM of a wrong length",
            [open, Frame(.reset, stream: 1, [0, 0, 0])],
            .connection([6])
        ),
        .init(
            "6.5 SETTINGS acknowledged with a payload",
            [Frame(.settings, flags: 1, [0, 0, 0, 0, 0, 0])],
            .connection([6])
        ),
        .init(
            "6.5 SETTINGS on a stream",
            [Frame(.settings, stream: 1, [0, 3, 0, 0, 0, 100])],
            .connection([1])
        ),
        .init("6.5 SETTINGS of a wrong length", [Frame(.settings, [0, 3, 0])], .connection([6])),
        .init("6.5.2 ENABLE_PUSH that is neither 0 nor 1", [.settings([(2, 2)])], .connection([1])),
        .init("6.5.2 INITIAL_WINDOW_SIZE over 2^31-1", [.settings([(4, 0x8000_0000)])], .connection([3])),
        .init("6.5.2 MAX_FRAME_SIZE under 16,384", [.settings([(5, 16_383)])], .connection([1])),
        .init("6.5.2 MAX_FRAME_SIZE over 2^24-1", [.settings([(5, 0x100_0000)])], .connection([1])),
        .init(
            "6.5.2 an unknown setting is ignored",
            [.settings([(0xFF, 1)]), .headers(1, ServerRig.get)],
            .fine("ended 1")
        ),
        .init(
            "6.6 PUSH_PROMISE from a client",
            [Frame(.push, flags: 4, stream: 1, Frame.number(2))],
            .connection([1])
        ),
        .init("6.7 PING on a stream", [Frame(.ping, stream: 1, [0, 0, 0, 0, 0, 0, 0, 0])], .connection([1])),
        .init("6.7 PING of a wrong length", [Frame(.ping, [0, 0, 0, 0])], .connection([6])),
        .init(
            "6.8 GOAWAY on a stream",
            [Frame(.goAway, stream: 1, Frame.number(0) + Frame.number(0))],
            .connection([1])
        ),
        .init("6.9 WINDOW_UPDATE of 0 on the connection", [.windowUpdate(0, 0)], .connection([1])),
        .init("6.9 WINDOW_UPDATE of 0 on a stream", [open, .windowUpdate(1, 0)], .connection([1])),
        .init("6.9 WINDOW_UPDATE of a wrong length", [Frame(.windowUpdate, [0, 0, 1])], .connection([6])),
        .init(
            "6.9.1 the connection's window beyond 2^31-1",
            [.windowUpdate(0, 0x7FFF_FFFF), .windowUpdate(0, 0x7FFF_FFFF)],
            .connection([3])
        ),
        .init("6.9.1 a stream's window beyond 2^31-1", [open, .windowUpdate(1, 0x7FFF_FFFF)], .stream([3])),
        .init(
            "6.10 CONTINUATION behind a whole block",
            [open, Frame(.continuation, flags: 4, stream: 1, [])],
            .connection([1])
        ),
        .init(
            "6.10 CONTINUATION on stream 0",
            [.headers(1, ServerRig.get, whole: false), Frame(.continuation, flags: 4)],
            .connection([1])
        ),
        .init(
            "6.10 CONTINUATION behind DATA",
            [open, .data(1, "a"), Frame(.continuation, flags: 4, stream: 1)],
            .connection([1])
        ),
        .init(
            "6.10 a block in three pieces",
            [
                .headers(1, Array(ServerRig.get[0..<2]), whole: false),
                Frame(.continuation, stream: 1, Frame.block([ServerRig.get[2]])),
                Frame(.continuation, flags: 4, stream: 1, Frame.block([ServerRig.get[3]])),
            ],
            .fine("ended 1")
        ),
    ]
}

enum StreamRules {
    private static let whole = Frame.headers(1, ServerRig.get)
    private static let open = Frame.headers(1, ServerRig.post, ends: false)
    static let all: [RuleTests.Rule] = [
        .init("5.1 DATA on an idle stream", [.data(1, "a")], .connection([1])),
        .init("5.1 WINDOW_UPDATE on an idle stream", [.windowUpdate(1, 1)], .connection([1])),
        .init(
            "5.1 CONTINUATION on an idle stream",
            [Frame(.continuation, flags: 4, stream: 1)],
            .connection([1])
        ),
        .init("5.1 DATA behind the end", [whole, .data(1, "a")], .connection([5])),
        .init("5.1 HEADERS behind the end", [whole, .headers(1, ServerRig.get)], .connection([5])),
        .init("5.1 WINDOW_UPDATE behind the end", [whole, .windowUpdate(1, 1)], .fine("ended 1")),
        .init(
            "5.1 PRIORITY on any stream",
            [Frame(.priority, stream: 5, [0, 0, 0, 1, 16]), whole],
            .fine("ended 1")
        ),
        .init("5.1 DATA behind a reset", [open, .reset(1, 8), .data(1, "a")], .connection([5])),
        .init(
            "5.1 HEADERS behind a reset",
            [open, .reset(1, 8), .headers(1, ServerRig.get)],
            .connection([5])
        ),
        .init("5.1.1 a stream with an even number", [.headers(2, ServerRig.get)], .connection([1])),
        .init(
            "5.1.1 a number below one that was used",
            [.headers(5, ServerRig.get), .headers(3, ServerRig.get)],
            .connection([1])
        ),
        .init(
            "5.3.1 a stream that depends on itself",
            [Frame(.headers, flags: 37, stream: 1, [0, 0, 0, 1, 16] + Frame.block(ServerRig.get))],
            .connection([1])
        ),
        .init(
            "5.4 GOAWAY from the caller",
            [whole, Frame(.goAway, Frame.number(0) + Frame.number(0))],
            .fine("goAway 0")
        ),
    ]
}

enum MessageRules {
    private static func request(_ changes: (inout [(String, String)]) -> Void) -> [Frame] {
        var fields = ServerRig.get
        changes(&fields)
        return [.headers(1, fields)]
    }

    private static func adding(_ fields: (String, String)...) -> [Frame] { request { $0 += fields } }
    private static func without(_ name: String) -> [Frame] { request { $0.removeAll { $0.0 == name } } }
    private static func with(_ name: String, _ value: String) -> [Frame] {
        request { fields in fields = fields.map { $0.0 == name ? (name, value) : $0 } }
    }
    private static func post(_ fields: [(String, String)], _ frames: Frame...) -> [Frame] {
        [.headers(1, ServerRig.post + fields, ends: false)] + frames
    }

    static let all: [RuleTests.Rule] = [
        .init(
            "8.1 a second head without an end",
            post([], .data(1, "a"), .headers(1, [("a", "b")], ends: false)),
            .stream([1])
        ),
        .init(
            "8.1 trailers",
            post([], .data(1, "a"), .headers(1, [("a", "b")])),
            .fine("ended 1 trailers 1")
        ),
        .init(
            "8.1 a pseudo-field in trailers",
            post([], .data(1, "a"), .headers(1, [(":method", "GET")])),
            .stream([1])
        ),
        .init(
            "8.1 a trailer that frames",
            post([], .data(1, "a"), .headers(1, [("content-length", "1")])),
            .stream([1])
        ),
        .init(
            "8.1.1 Content-Length beyond the body",
            post([("content-length", "4")], .data(1, "test!", ends: true)),
            .stream([1])
        ),
        .init(
            "8.1.1 Content-Length short of the body",
            post([("content-length", "9")], .data(1, "te"), .data(1, "st", ends: true)),
            .stream([1])
        ),
        .init("8.1.1 Content-Length with an end at once", adding(("content-length", "1")), .stream([1])),
        .init(
            "8.1.1 Content-Length that agrees",
            post([("content-length", "4")], .data(1, "te"), .data(1, "st", ends: true)),
            .fine("ended 1")
        ),
        .init(
            "8.1.1 Content-Length twice",
            post([("content-length", "1"), ("content-length", "1")], .data(1, "a", ends: true)),
            .stream([1])
        ),
        .init(
            "8.1.1 Content-Length with a sign",
            post([("content-length", "+1")], .data(1, "a", ends: true)),
            .stream([1])
        ),
        .init("8.2 a name in upper case", adding(("X-Test", "ok")), .stream([1])),
        .init("8.2.1 an empty name", adding(("", "ok")), .stream([1])),
        .init("8.2.1 a space in a name", adding(("x test", "ok")), .stream([1])),
        .init("8.2.1 a colon in a name", adding(("x:test", "ok")), .stream([1])),
        .init("8.2.1 NUL in a value", adding(("x-test", "a\0b")), .stream([1])),
        .init("8.2.1 CR in a value", adding(("x-test", "a\rb")), .stream([1])),
        .init("8.2.1 LF in a value", adding(("x-test", "a\nx: y")), .stream([1])),
        .init("8.2.1 a space before a value", adding(("x-test", " a")), .stream([1])),
        .init("8.2.1 a tab behind a value", adding(("x-test", "a\t")), .stream([1])),
        .init("8.2.2 Connection", adding(("connection", "keep-alive")), .stream([1])),
        .init("8.2.2 Keep-Alive", adding(("keep-alive", "1")), .stream([1])),
        .init("8.2.2 Proxy-Connection", adding(("proxy-connection", "keep-alive")), .stream([1])),
        .init("8.2.2 Transfer-Encoding", adding(("transfer-encoding", "chunked")), .stream([1])),
        .init("8.2.2 Upgrade", adding(("upgrade", "h2c")), .stream([1])),
        .init("8.2.2 TE that is not trailers", adding(("te", "trailers, deflate")), .stream([1])),
        .init("8.2.2 TE: trailers", adding(("te", "trailers")), .fine("ended 1")),
        .init("8.3 an unknown pseudo-field", request { $0.insert((":test", "ok"), at: 0) }, .stream([1])),
        .init(
            "8.3 a response's pseudo-field",
            request { $0.insert((":status", "200"), at: 0) },
            .stream([1])
        ),
        .init("8.3 a pseudo-field behind a field", request { $0.insert(("x", "y"), at: 0) }, .stream([1])),
        .init("8.3.1 no :method", without(":method"), .stream([1])),
        .init("8.3.1 no :scheme", without(":scheme"), .stream([1])),
        .init("8.3.1 no :path", without(":path"), .stream([1])),
        .init("8.3.1 an empty :path", with(":path", ""), .stream([1])),
        .init("8.3.1 :method twice", request { $0.insert((":method", "GET"), at: 0) }, .stream([1])),
        .init("8.3.1 :scheme twice", request { $0.insert((":scheme", "https"), at: 0) }, .stream([1])),
        .init("8.3.1 :path twice", request { $0.insert((":path", "/"), at: 0) }, .stream([1])),
        .init(
            "8.3.1 :authority twice",
            request { $0.insert((":authority", "a.example"), at: 0) },
            .stream([1])
        ),
        .init("8.3.1 a method that is no token", with(":method", "GET / HTTP/1.1\r\n"), .stream([1])),
        .init("8.3.1 Host that differs", adding(("host", "b.example")), .stream([1])),
        .init("8.3.1 Host that agrees", adding(("host", "A.example")), .fine("head 1 get a.example /a none")),
        .init(
            "8.3.1 Host alone",
            request { $0 = $0.filter { $0.0 != ":authority" } + [("host", "b.example")] },
            .fine("head 1 get b.example /a none")
        ),
        .init("8.3.1 no authority at all", without(":authority"), .fine("unread 1 host_missing")),
        .init("8.3.1 a space in :authority", with(":authority", "a b"), .fine("unread 1 authority_invalid")),
        .init(
            "8.3.1 user information",
            with(":authority", "u@a.example"),
            .fine("unread 1 target_user_information")
        ),
        .init(
            "8.3.1 an absolute :path",
            with(":path", "https://b.example/"),
            .fine("unread 1 target_form_not_supported")
        ),
        .init("8.3.1 a space in :path", with(":path", "/a HTTP/1.1"), .fine("unread 1 target_invalid_byte")),
        .init("8.3.1 CR LF in :path", with(":path", "/a\r\nx: y"), .fine("unread 1 target_control_byte")),
        .init("8.3.1 a dot segment in :path", with(":path", "/a/../b"), .fine("unread 1 target_dot_segment")),
        .init("8.3.1 another scheme", with(":scheme", "ftp"), .fine("unread 1 target_scheme_not_supported")),
        .init("8.2.3 cookie crumbs", adding(("cookie", "a=1"), ("cookie", "b=2")), .fine("ended 1")),
        .init(
            "8.5 CONNECT",
            [.headers(1, [(":method", "CONNECT"), (":authority", "a:1")], ends: false)],
            .fine("unread 1 connect_not_supported")
        ),
        .init(
            "8441 a WebSocket",
            [.headers(1, webSocket, ends: false)],
            .fine("head 1 get a.example /a unknown websocket")
        ),
        .init(
            "8441 :protocol without CONNECT",
            request { $0.insert((":protocol", "websocket"), at: 0) },
            .stream([1])
        ),
        .init(
            "8441 another protocol",
            [.headers(1, webSocket.map { $0.0 == ":protocol" ? ($0.0, "connect-udp") : $0 }, ends: false)],
            .fine("unread 1 protocol_not_supported")
        ),
        .init("9110 TRACE", with(":method", "TRACE"), .fine("unread 1 trace_not_supported")),
        .init(
            "9110 a method that nobody knows",
            with(":method", "BREW"),
            .fine("unread 1 method_not_supported")
        ),
    ]

    static let webSocket = [
        (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/a"),
        (":authority", "a.example"), ("sec-websocket-version", "13"),
    ]
}

enum HPACKRules {
    private static func block(_ bytes: [UInt8]) -> [Frame] {
        [Frame(.headers, flags: 5, stream: 1, Frame.block(ServerRig.get) + bytes)]
    }

    static let all: [RuleTests.Rule] = [
        .init("2.3.3 an index beyond both tables", block([0xC6]), .connection([9])),
        .init(
            "2.3.3 a literal whose name is beyond both tables",
            block([0x7F, 0x10, 1, 97]),
            .connection([9])
        ),
        .init(
            "4.2 a table size above what was offered",
            [Frame(.headers, flags: 5, stream: 1, [0x3F, 0xE2, 0x1F] + Frame.block(ServerRig.get))],
            .connection([9])
        ),
        .init("4.2 a table size behind the first field", block([0x20]), .connection([9])),
        .init(
            "5.1 an integer without an end",
            block([0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]),
            .connection([9])
        ),
        .init(
            "5.2 Huffman padding of a whole byte",
            block([0, 0x81, 0x1F, 0x82, 0x1F, 0xFF]),
            .connection([9])
        ),
        .init("5.2 Huffman padding of zeros", block([0, 0x81, 0x18, 0x81, 0x18]), .connection([9])),
        .init(
            "5.2 Huffman with EOS",
            block([0, 0x81, 0x1F, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]),
            .connection([9])
        ),
        .init("6.1 index 0", block([0x80]), .connection([9])),
        .init(
            "6.1 an indexed field of the static table",
            [Frame(.headers, flags: 5, stream: 1, [0x82, 0x87, 0x84, 0x01, 1, 97])],
            .fine("head 1 get a / none")
        ),
        .init(
            "6.2 a literal that is indexed and used again",
            [
                Frame(.headers, flags: 5, stream: 1, Frame.block(ServerRig.get) + [0x40, 1, 120, 1, 121]),
                Frame(.headers, flags: 5, stream: 3, Frame.block(ServerRig.get) + [0xBE]),
            ],
            .fine("ended 3")
        ),
    ]
}
