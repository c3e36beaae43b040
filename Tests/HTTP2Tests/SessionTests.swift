// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP2
import HTTPTypes
import TestSupport
import Testing

/// What a server's session does over the length of a connection.
@Suite struct ServerSessionTests {
    @Test func aRequestAndItsAnswer() {
        let rig = ServerRig()
        rig.feed(.headers(1, ServerRig.post + [("content-length", "5")], ends: false), .data(1, "he"))
        rig.feed(.data(1, "llo", ends: true))
        #expect(rig.told == ["head 1 post a.example /a fixed(5)", "data 1 he", "data 1 llo", "ended 1"])
        rig.told = []
        rig.answer(StreamID(1), body: "hi")
        rig.flush()
        #expect(rig.sent.map(\.description) == ["headers(1)", "data(1: 2, end)"])
        #expect(rig.told == ["closed 1 0"])
        #expect(rig.server.session.streamCount == 0)
    }

    @Test func theHeadIsTheSameAsInHTTP1() {
        let rig = ServerRig()
        let fields = [("x-a", "1"), ("cookie", "a=1"), ("x-b", "2"), ("cookie", "b=2")]
        rig.feed(.headers(1, ServerRig.get + fields))
        let names = lines(rig.head.fields)
        #expect(names == ["x-a: 1", "x-b: 2", "cookie: a=1; b=2", "host: a.example"])
        let (version, method) = (rig.head.version, rig.head.method)
        #expect(version == .http2 && method == .get)
    }

    @Test func manyStreamsAtOnce() {
        let rig = ServerRig()
        for stream in 0..<UInt32(50) { rig.feed(.headers(stream * 2 + 1, ServerRig.get)) }
        #expect(rig.server.session.streamCount == 50)
        for stream in stride(from: Int32(49), through: 0, by: -1) {
            rig.answer(StreamID(stream * 2 + 1), body: "x")
        }
        rig.flush()
        #expect(rig.server.session.streamCount == 0)
        #expect(rig.told.filter { $0.hasPrefix("closed") }.count == 50)
    }

    /// Of a caller that does not know the limit yet.
    @Test func streamsBeyondTheLimitAreRefused() {
        var limits = HTTP2Limits()
        limits.concurrentStreams = 2
        let rig = ServerRig(limits, greeted: false)
        rig.feed(ServerSession.preface.bytes.array() + Frame(.settings).bytes)
        for stream: UInt32 in [1, 3, 5] { rig.feed(.headers(stream, ServerRig.post, ends: false)) }
        #expect(rig.reset(5) == 7)
        // What it had sent before it knew.
        rig.feed(.data(5, "late", ends: true))
        #expect(rig.goAway == nil && rig.reset(1) == nil)
    }

    /// Of one that does.
    @Test func streamsBeyondAKnownLimitEndTheConnection() {
        var limits = HTTP2Limits()
        limits.concurrentStreams = 2
        let rig = ServerRig(limits)
        for stream: UInt32 in [1, 3, 5] { rig.feed(.headers(stream, ServerRig.post, ends: false)) }
        #expect(rig.goAway == 1)
    }

    @Test func windowsAreWithheldUntilConsumed() {
        var limits = HTTP2Limits()
        limits.streamWindowBytes = 1000
        let rig = ServerRig(limits)
        rig.consumes = false
        rig.feed(.headers(1, ServerRig.post, ends: false))
        rig.feed(.data(1, String(repeating: "a", count: 1000)))
        #expect(rig.windowUpdates.isEmpty)
        rig.server.session.consumed(600, on: StreamID(1))
        rig.flush()
        #expect(rig.windowUpdates.map(\.description) == ["windowUpdate(1: 600)"])
        rig.feed(.data(1, String(repeating: "a", count: 601)))
        #expect(rig.reset(1) == 3 || rig.goAway == 3, "more than the window")
    }

    @Test func bodiesWaitForThePeersWindow() {
        let rig = ServerRig()
        rig.feed(.settings([(4, 10)]), .headers(1, ServerRig.get))
        rig.sent = []
        rig.server.session.tellWhenDrained(StreamID(1), to: 5)
        rig.answer(StreamID(1), body: "0123456789abcdefghij")
        rig.flush()
        #expect(rig.sent.map(\.description) == ["headers(1)", "data(1: 10)"])
        #expect(rig.server.session.pendingBytes(StreamID(1)) == 10)
        rig.told = []
        rig.feed(.windowUpdate(1, 6))
        #expect(rig.told == ["drained 1"])
        rig.feed(.windowUpdate(1, 100))
        #expect(rig.sent.suffix(2).map(\.description) == ["data(1: 6)", "data(1: 4, end)"])
    }

    @Test func bodiesWaitForRoomInTheOutput() {
        let rig = ServerRig()
        rig.feed(.windowUpdate(0, 1 << 20), .settings([(4, 1 << 20)]), .headers(1, ServerRig.get))
        rig.sent = []
        rig.answer(StreamID(1), body: String(repeating: "x", count: 100_000))
        var output = Buffer()
        rig.server.session.send(into: &output, upTo: 20_000)
        #expect(output.count < 20_000 + 16_384 + 9)
        let before = output.count
        rig.server.session.send(into: &output, upTo: 20_000)
        #expect(output.count == before)
        let wants = rig.server.session.wantsToSend
        #expect(wants)
    }

    @Test func trailersFollowTheBody() throws {
        let rig = ServerRig()
        rig.feed(.headers(1, ServerRig.get))
        rig.server.respond(StreamID(1), status: .ok, fields: Fields(), length: .unknown)
        try rig.server.session.write("body".bytes.span, on: StreamID(1))
        rig.flush()
        var trailers = Fields()
        trailers.append(name: "Grpc-Status", value: "0")
        trailers.append(.contentType, value: "text/plain")
        try rig.server.session.finish(StreamID(1), trailers: trailers)
        rig.flush()
        #expect(
            rig.sent.map(\.description) == ["headers(1)", "data(1: 4)", "data(1: 0)", "headers(1, end)"]
                || rig.sent.map(\.description) == ["headers(1)", "data(1: 4)", "headers(1, end)"]
        )
        #expect(rig.told.last == "closed 1 0")
    }

    @Test func anAnswerBeforeTheRequestsEndStopsIt() {
        let rig = ServerRig()
        rig.feed(.headers(1, ServerRig.post, ends: false))
        rig.answer(StreamID(1), body: "no")
        rig.flush()
        #expect(rig.sent.map(\.description) == ["headers(1)", "data(1: 2, end)", "reset(1: 0)"])
        rig.feed(.data(1, "late"))
        #expect(rig.goAway == nil)
    }

    @Test func lengthsOfAnswersAreKept() throws {
        let rig = ServerRig()
        rig.feed(.headers(1, ServerRig.get), .headers(3, ServerRig.get))
        rig.server.respond(StreamID(1), status: .ok, fields: Fields(), length: .fixed(3))
        #expect(throws: HTTP2Error(.bodyTooLong, .response)) {
            try rig.server.session.write("four".bytes.span, on: StreamID(1))
        }
        rig.server.respond(StreamID(3), status: .ok, fields: Fields(), length: .fixed(3))
        try rig.server.session.write("ab".bytes.span, on: StreamID(3))
        #expect(throws: HTTP2Error(.bodyTooShort, .response)) { try rig.server.session.finish(StreamID(3)) }
        rig.server.session.reset(StreamID(3), .internalError)
        rig.flush()
        #expect(rig.reset(3) == 2)
    }

    @Test func anAnswerToHEADHasNoBody() throws {
        let rig = ServerRig()
        rig.feed(.headers(1, ServerRig.get.map { $0.0 == ":method" ? ($0.0, "HEAD") : $0 }))
        rig.server.respond(StreamID(1), status: .ok, fields: Fields(), length: .fixed(99))
        try rig.server.session.write("nobody sees this".bytes.span, on: StreamID(1))
        try rig.server.session.finish(StreamID(1))
        rig.flush()
        #expect(rig.sent.map(\.description) == ["headers(1, end)"])
    }

    @Test func drainingLetsStreamsEnd() {
        let rig = ServerRig()
        rig.feed(.headers(1, ServerRig.get))
        rig.server.session.drain()
        rig.flush()
        #expect(rig.sent.map(\.description) == ["goAway(0)", "ping"])
        // One that was on its way is still taken.
        rig.feed(.headers(3, ServerRig.get))
        rig.feed(Frame(.ping, flags: Frame.acknowledge, [UInt8](repeating: 0, count: 8)))
        #expect(rig.sent.filter { $0.type == 7 }.count == 2)
        #expect(rig.sent.last?.number(at: 0) == 3)
        rig.feed(.headers(5, ServerRig.post, ends: false), .data(5, "late"))
        #expect(!rig.told.contains { $0.hasPrefix("head 5") })
        #expect(!rig.isDone)
        rig.answer(StreamID(1), body: "a")
        rig.answer(StreamID(3), body: "b")
        rig.flush()
        #expect(rig.isDone)
        #expect(rig.failure == nil)
    }

    @Test func aDrainWithoutStreamsIsDone() {
        let rig = ServerRig()
        rig.server.session.drain()
        rig.flush()
        rig.feed(Frame(.ping, flags: Frame.acknowledge, [UInt8](repeating: 0, count: 8)))
        #expect(rig.isDone)
    }

    @Test func aHeadThatIsTooLargeIsAnswered() {
        let rig = ServerRig()
        let fields = (0..<30).map { ("x-\($0)", String(repeating: "a", count: 1200)) }
        let frames = [
            Frame.headers(1, ServerRig.get + fields[0..<10], whole: false),
            Frame(.continuation, stream: 1, Frame.block(Array(fields[10..<20]))),
            Frame(.continuation, flags: 4, stream: 1, Frame.block(Array(fields[20..<30]))),
        ]
        rig.feed(frames.flatMap(\.bytes))
        #expect(rig.told.first == "unread 1 head_too_large")
        rig.answer(StreamID(1))
        rig.flush()
        #expect(rig.sent.map(\.description) == ["headers(1, end)"])
    }

    @Test func onlyACallerThatWaitsIsToldToGoOn() {
        let rig = ServerRig()
        rig.feed(.headers(1, ServerRig.post, ends: false))
        rig.feed(.headers(3, ServerRig.post + [("expect", "100-continue")], ends: false))
        for id: Int32 in [1, 3, 3] { rig.server.bodyWanted(StreamID(id)) }
        rig.flush()
        #expect(rig.sent.map(\.description) == ["headers(3)"])
        rig.feed(.data(3, "body", ends: true))
        rig.answer(StreamID(3))
        rig.flush()
        #expect(rig.sent.map(\.description) == ["headers(3)", "headers(3, end)"])
    }

    @Test func aWebSocketIsGranted() throws {
        let rig = ServerRig()
        rig.feed(.headers(1, MessageRules.webSocket, ends: false), .data(1, "up"))
        rig.server.grantWebSocket(StreamID(1), fields: Fields())
        try rig.server.session.write("down".bytes.span, on: StreamID(1))
        rig.flush()
        #expect(rig.sent.map(\.description) == ["headers(1)", "data(1: 4)"])
        #expect(rig.told.last == "data 1 up")
    }
}
