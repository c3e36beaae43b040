// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import HTTP1
import HTTP2
import HTTPTypes

/// A caller's connection in HTTP/2 that makes one request after another, each on a stream of its own.
final class StreamBench {
    private var server = ServerSession(limits: HTTP2Limits())
    private var output = Buffer(capacity: 64 << 10)
    /// The request's frames, as a client writes them whose tables know the fields by now.
    private var frames: [UInt8] = []
    private var stream: UInt32 = 1
    private static let body: [UInt8] = Array("{}".utf8)

    init(_ text: [UInt8]) throws {
        var requests = RequestParser(limits: .callers)
        var head = RequestHead()
        guard try requests.parse(text.span, into: &head) != nil else {
            throw Bench.Failure.unexpected("a head that is not whole")
        }
        var client = ClientSession(limits: HTTP2Limits())
        var sent = Buffer()
        for _ in 0..<2 {
            sent.removeAll()
            let request = OutgoingHead(head.method, length: .none, isSecure: true)
            _ = client.send(request, target: head.target, authority: head.authority, fields: head.fields)
            client.session.send(into: &sent, upTo: 64 << 10)
            if frames.isEmpty { server.session.received(sent.bytes, now: Instant(nanoseconds: 0)) }
            frames = sent.bytes.array()
        }
        // So large a window that no answer ever waits for one (RFC 9113 §6.9).
        let window: [UInt8] = [0, 0, 4, 8, 0, 0, 0, 0, 0, 0x3F, 0, 0, 0]
        server.session.received(window.span, now: Instant(nanoseconds: 0))
        while server.session.nextEvent() != nil {}
        var first = RequestHead()
        _ = try server.request(of: StreamID(1), into: &first)
        server.session.reset(StreamID(1), .cancel)
        server.session.send(into: &output, upTo: 64 << 10)
        while server.session.nextEvent() != nil {}
    }

    /// Frames in, head out.
    func read(into head: inout RequestHead, now: Instant) throws {
        stream += 2
        for place in 0..<4 {
            frames[5 + place] = UInt8(truncatingIfNeeded: stream >> (24 - 8 * UInt32(place)))
        }
        server.session.received(frames.span, now: now)
        var isWhole = false
        while let event = server.session.nextEvent() {
            if case .head(let id) = event { _ = try server.request(of: id, into: &head) }
            if case .ended = event { isWhole = true }
        }
        guard isWhole else { throw Bench.Failure.unexpected("no request on stream \(stream)") }
    }

    /// Answer in, frames out.
    func answer(_ answer: borrowing OutgoingResponse) throws {
        let id = StreamID(Int32(bitPattern: stream))
        server.respond(id, status: answer.status, fields: answer.fields, length: .fixed(Self.body.count))
        try server.session.write(Self.body.span, on: id)
        try server.session.finish(id)
        output.removeAll()
        server.session.send(into: &output, upTo: 64 << 10)
        var isOver = false
        while let event = server.session.nextEvent() {
            if case .closed = event { isOver = true }
        }
        guard isOver, !output.isEmpty else { throw Bench.Failure.unexpected("stream \(stream) did not end") }
    }
}
