// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing

/// Bodies that are read and written in large stretches: whole and in order, however they are framed and taken.
@Suite(.serialized) struct LargeBodyTests {
    /// Around the sizes at which Bulkhead does something else: 16 KiB, 32 KiB, 64 KiB, 128 KiB.
    private static let sizes = [16_383, 16_384, 16_385, 32_768, 65_537, 131_071, 131_072, 135_169, 1_000_003]

    /// No two stretches of it are alike.
    private static func text(_ count: Int, _ seed: Int = 0) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        var number = seed
        while bytes.count < count {
            bytes += "\(number);".utf8
            number += 7
        }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    private static func chunked(_ body: String, _ size: Int) -> String {
        let bytes = Array(body.utf8)
        var framed = ""
        for start in stride(from: 0, to: bytes.count, by: size) {
            let part = bytes[start..<min(start + size, bytes.count)]
            framed += String(part.count, radix: 16) + "\r\n" + String(decoding: part, as: UTF8.self) + "\r\n"
        }
        return framed + "0\r\n\r\n"
    }

    private static let echo = ScriptedUpstream.answering { head, body in
        if head.contains("/fixed") { return ScriptedUpstream.ok(body) }
        let size = head.contains("/small") ? 5000 : 140_000
        return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(body, size)
    }

    @Test(arguments: ["/fixed", "/small", "/large"])
    func goBothWays(_ path: String) throws {
        let bulkhead = try Bulkhead(to: Self.echo.port)
        let wire = try bulkhead.connect()
        for (number, size) in Self.sizes.enumerated() {
            let body = Self.text(size, number)
            if number % 2 == 0 {
                wire.send(bulkhead.request("PUT \(path)", ["Content-Length: \(size)"]) + body)
            } else {
                wire.send(bulkhead.request("PUT \(path)", ["Transfer-Encoding: chunked"]))
                wire.send(Self.chunked(body, number % 4 == 1 ? 20_000 : 3000))
            }
            let reply = try #require(try wire.reply())
            #expect(reply.status == 200 && reply.isWhole && reply.body == body, "\(size) bytes")
        }
        // What comes behind a body in the same read is the next request.
        let body = Self.text(300_000)
        let request = bulkhead.request("PUT \(path)", ["Content-Length: 300000"]) + body
        wire.send(request + bulkhead.request("PUT /fixed", ["Content-Length: 3"]) + "end")
        #expect(try wire.reply()?.body == body)
        #expect(try wire.reply()?.body == "end")
        let records = try bulkhead.stop()
        #expect(records.count == Self.sizes.count + 2)
        #expect(records[0].contains(#""http.request.body.size":16383"#))
        #expect(records[0].contains(#""http.response.body.size":16383"#))
    }

    /// A response to HEAD has none of it, and a body of another length than was announced is never made whole.
    @Test func announcedLengthsHold() throws {
        let upstream = ScriptedUpstream { upstream, wire, _ in
            guard let (head, _) = try wire.request() else { return }
            upstream.note(head)
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n")
            if !head.hasPrefix("HEAD") { wire.send(Self.text(150_000)) }
        }
        let bulkhead = try Bulkhead(to: upstream.port)
        let cut = try bulkhead.ask(bulkhead.request("GET /cut"))
        #expect(cut.status == 200 && !cut.isWhole && Self.text(150_000).hasPrefix(cut.body))
        let wire = try bulkhead.connect()
        wire.send(bulkhead.request("HEAD /all"))
        #expect(try wire.reply(isHead: true)?.field("content-length") == "200000")
        wire.send(bulkhead.request("PUT /long", ["Content-Length: 100000"]) + Self.text(100_000))
        #expect(try wire.reply()?.isWhole == false)
        #expect(try bulkhead.stop().count == 3)
    }

    /// The socket takes only a part, and nothing is lost or doubled when it takes more.
    @Test func slowReadersGetAllOfIt() throws {
        let stalled = Signal()
        let body = Self.text(16 << 20)
        let upstream = ScriptedUpstream { upstream, wire, _ in
            guard let (head, _) = try wire.request() else { return }
            upstream.note(head)
            let message = Array(ScriptedUpstream.ok(body).utf8)
            wire.setTimeout(SO_SNDTIMEO, milliseconds: 200)
            let sent = wire.send(message)
            stalled.give()
            wire.setTimeout(SO_SNDTIMEO, milliseconds: 10_000)
            _ = wire.send(Array(message[sent...]))
        }
        let bulkhead = try Bulkhead(to: upstream.port)
        let wire = try bulkhead.connect()
        wire.send(bulkhead.request("GET /a"))
        #expect(stalled.wait())
        let reply = try #require(try wire.reply())
        #expect(reply.isWhole && reply.body == body)
        #expect(try bulkhead.stop().count == 1)
    }

    /// The same of an upstream that does not read for a while.
    @Test func slowUpstreamsGetAllOfIt() throws {
        let stalled = Signal()
        let body = Self.text(16 << 20)
        let upstream = ScriptedUpstream { upstream, wire, _ in
            _ = stalled.wait()
            guard let (head, got) = try wire.request() else { return }
            upstream.note(head)
            wire.send(ScriptedUpstream.ok(got == body ? "same" : "other"))
        }
        let bulkhead = try Bulkhead(to: upstream.port)
        let wire = try bulkhead.connect()
        let message = Array((bulkhead.request("PUT /a", ["Content-Length: \(body.utf8.count)"]) + body).utf8)
        wire.setTimeout(SO_SNDTIMEO, milliseconds: 200)
        let sent = wire.send(message)
        stalled.give()
        wire.setTimeout(SO_SNDTIMEO, milliseconds: 10_000)
        _ = wire.send(Array(message[sent...]))
        #expect(try wire.reply()?.body == "same")
        #expect(try bulkhead.stop().count == 1)
    }
}
