// SPDX-License-Identifier: Apache-2.0
import Bytes
import FuzzDriver
import HTTP2
import HTTPTypes

/// Whatever a caller sends behind the preface, the session neither traps nor forgets a stream: each that was told of ends
/// once, and what goes out is bounded by what came in.
func check(_ input: Span<UInt8>, pieces: Int) {
    var limits = HTTP2Limits()
    limits.concurrentStreams = 8
    var server = ServerSession(limits: limits)
    var head = RequestHead()
    var output = Buffer()
    let now = Instant(nanoseconds: 1)
    server.session.received(ServerSession.preface.bytes, now: now)
    let step = max(input.count / pieces, 1)
    var start = 0
    while start < input.count, !server.session.isDone {
        let end = min(start + step, input.count)
        server.session.received(input.extracting(start..<end), now: now)
        while let event = server.session.nextEvent() { handle(event, &server, &head) }
        server.session.send(into: &output, upTo: 1 << 16)
        while let event = server.session.nextEvent() { handle(event, &server, &head) }
        precondition(server.session.streamCount <= 3 * 8, "streams that nobody ended")
        start = end
    }
    precondition(output.count < 4096 + 64 * input.count, "more came out than went in")
}

func handle(_ event: Event, _ server: inout ServerSession, _ head: inout RequestHead) {
    switch event {
    case .head(let id):
        do throws(HTTP2Error) {
            _ = try server.request(of: id, into: &head)
            precondition(head.path.bytes.isEmpty || head.path.bytes[0] == ASCII.slash)
        } catch {
            if case .answer(let status) = error.handling {
                server.respond(id, status: status, fields: Fields(), length: .none)
            }
        }
    case .data(let id, let range): server.session.consumed(range.count, on: id)
    case .ended(let id):
        guard server.session.awaitsResponse(id) else { return }
        server.respond(id, status: .ok, fields: Fields(), length: .unknown)
        try? server.session.write(StaticString("answer").bytes, on: id)
        try? server.session.finish(id)
    case .refused, .drained, .closed, .goAway, .settings: break
    }
}

// Safe because libFuzzer owns the bytes for the length of the call.
unsafe Fuzzer.run { base, count in
    let input = unsafe UnsafeBufferPointer(start: base, count: count)
    unsafe check(input.span, pieces: 1)
    unsafe check(input.span, pieces: 7)
    return 0
}
