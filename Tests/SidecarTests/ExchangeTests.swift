// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing

/// Messages through the real binary: what one side says is what the other hears, and each request is one record.
@Suite(.serialized) struct ExchangeTests {
    @Test func pipelinedAnswersComeInOrder() throws {
        let upstream = ScriptedUpstream.answering { head, _ in
            ScriptedUpstream.ok(String(head.split(separator: " ")[1].suffix(2)))
        }
        let bulkhead = try Bulkhead(to: upstream.port)
        let wire = try bulkhead.connect()
        wire.send(["/a", "/b", "/c", "/d"].map { bulkhead.request("GET \($0)") }.joined())
        for path in ["/a", "/b", "/c", "/d"] {
            let reply = try wire.reply()
            #expect(reply?.status == 200)
            #expect(reply?.body == path)
        }
        #expect(try bulkhead.stop().count == 4)
    }

    @Test func connectionsAreKept() throws {
        let upstream = ScriptedUpstream.answering { _, _ in ScriptedUpstream.ok("ok") }
        let bulkhead = try Bulkhead(to: upstream.port)
        let wire = try bulkhead.connect()
        for _ in 0..<5 {
            wire.send(bulkhead.request("GET /a"))
            #expect(try wire.reply()?.body == "ok")
        }
        // Another caller of the same tenant may have it too.
        #expect(try bulkhead.ask(bulkhead.request("GET /a")).body == "ok")
        #expect(upstream.connections == 1)
        #expect(try bulkhead.stop().count == 6)
    }

    @Test func chunksGoBothWays() throws {
        let upstream = ScriptedUpstream.answering { _, body in
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ngot\r\n"
                + String(body.utf8.count, radix: 16) + "\r\n\(body)\r\n0\r\n\r\n"
        }
        let bulkhead = try Bulkhead(to: upstream.port)
        let wire = try bulkhead.connect()
        wire.send(bulkhead.request("PUT /a", ["Transfer-Encoding: chunked"]) + "5\r\nhello\r\n")
        wire.send("6;x=y\r\n world\r\n0\r\n\r\n")
        let reply = try #require(try wire.reply())
        #expect(reply.status == 200)
        #expect(reply.body == "gothello world")
        #expect(reply.isWhole)
        // The connection goes on.
        wire.send(bulkhead.request("GET /b"))
        let second = try wire.reply()
        #expect(second?.body == "got", "\(String(describing: second))")
        let records = try bulkhead.stop()
        #expect(records.count == 2)
        #expect(records[0].contains(#""http.request.body.size":11"#))
        #expect(records[0].contains(#""http.response.body.size":14"#))
    }

    @Test func callersAreToldToContinue() throws {
        let upstream = ScriptedUpstream.answering { _, body in ScriptedUpstream.ok(body) }
        let bulkhead = try Bulkhead(to: upstream.port)
        let wire = try bulkhead.connect()
        wire.send(bulkhead.request("PUT /a", ["Expect: 100-continue", "Content-Length: 4"]))
        #expect(try wire.reply()?.status == 100)
        wire.send("body")
        #expect(try wire.reply()?.body == "body")
        // One that is refused is told so at once, and its body is never asked for.
        let refused = try bulkhead.connect()
        refused.send(
            "PUT /a HTTP/1.1\r\nHost: notes.local\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
        )
        #expect(try refused.reply()?.status == 401)
        #expect(try bulkhead.stop().count == 2)
    }

    @Test func answersWithoutABody() throws {
        let upstream = ScriptedUpstream.answering { head, _ in
            if head.hasPrefix("HEAD") { return "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" }
            if head.contains("/none") { return "HTTP/1.1 204 No Content\r\n\r\n" }
            if head.contains("/same") { return "HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\n\r\n" }
            return ScriptedUpstream.ok("end")
        }
        let bulkhead = try Bulkhead(to: upstream.port)
        let wire = try bulkhead.connect()
        wire.send(
            bulkhead.request("HEAD /a") + bulkhead.request("GET /none") + bulkhead.request("GET /same")
                + bulkhead.request("GET /end")
        )
        let head = try wire.reply(isHead: true)
        #expect(head?.field("content-length") == "5")
        #expect(try wire.reply()?.status == 204)
        #expect(try wire.reply()?.status == 304)
        #expect(try wire.reply()?.body == "end")
        #expect(upstream.connections == 1)
        #expect(try bulkhead.stop().count == 4)
    }

    /// The answer comes before the body is sent: the caller gets it, and nothing waits for the rest.
    @Test func earlyAnswersArrive() throws {
        let upstream = ScriptedUpstream { upstream, wire, _ in
            guard let head = try wire.read(until: "\r\n\r\n") else { return }
            upstream.note(head)
            wire.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
            _ = try wire.readToEnd()
        }
        let bulkhead = try Bulkhead(to: upstream.port)
        let wire = try bulkhead.connect()
        wire.send(bulkhead.request("PUT /a", ["Content-Length: 1000000"]) + "some of it")
        let reply = try #require(try wire.reply())
        #expect(reply.status == 413)
        #expect(reply.body == "no")
        wire.close()
        #expect(try bulkhead.stop().count == 1)
    }

    // MARK: streams

    @Test func eventsLeaveAtOnce() throws {
        let seen = Signal()
        let upstream = ScriptedUpstream { _, wire, _ in
            _ = try wire.request()
            wire.send(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            for number in 1...3 {
                wire.send("9\r\ndata: \(number)\n\n\r\n")
                // The next one only when the caller has this one.
                guard seen.wait() else { return }
            }
            wire.send("0\r\n\r\n")
        }
        let bulkhead = try Bulkhead(to: upstream.port)
        let wire = try bulkhead.connect()
        wire.send(bulkhead.request("POST /invocations", host: "agent.local", body: "{}"))
        _ = try #require(try wire.read(until: "\r\n\r\n"))
        for number in 1...3 {
            #expect(try wire.read(until: "data: \(number)\n\n") != nil)
            seen.give()
        }
        #expect(try wire.read(until: "0\r\n\r\n") != nil)
        #expect(try bulkhead.stop().count == 1)
    }

    @Test func webSocketsAreRelayed() throws {
        let upstream = ScriptedUpstream { upstream, wire, _ in
            guard let head = try wire.read(until: "\r\n\r\n") else { return }
            upstream.note(head)
            wire.send(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nfirst"
            )
            while true {
                let text = try wire.read(count: 4)
                if text.utf8.count < 4 { return }
                wire.send(String(text.reversed()))
            }
        }
        let bulkhead = try Bulkhead(to: upstream.port)
        let wire = try bulkhead.connect()
        wire.send(
            bulkhead.request(
                "GET /ws",
                host: "agent.local",
                [
                    "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                ]
            )
        )
        let head = try #require(try wire.read(until: "\r\n\r\n"))
        #expect(head.hasPrefix("HTTP/1.1 101 "))
        #expect(try wire.read(count: 5) == "first")
        for text in ["abcd", "efgh"] {
            wire.send(text)
            #expect(try wire.read(count: 4) == String(text.reversed()))
        }
        wire.close()
        let records = try bulkhead.stop()
        #expect(records.count == 1)
        #expect(records[0].contains(#""http.response.status_code":101"#))
    }

    /// A caller who does not read stops the upstream, and costs a bounded amount of memory.
    @Test func slowReadersHoldTheUpstreamBack() throws {
        let total = 64 << 20
        let stalled = Signal()
        let upstream = ScriptedUpstream { upstream, wire, _ in
            _ = try wire.request()
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: \(total)\r\n\r\n")
            wire.setTimeout(Int32(SO_SNDTIMEO), milliseconds: 500)
            let chunk = [UInt8](repeating: 120, count: 64 << 10)
            var sent = 0
            var hasStalled = false
            while sent < total {
                let count = wire.send(Array(chunk.prefix(min(chunk.count, total - sent))))
                sent += count
                if count < chunk.count, sent < total, !hasStalled {
                    hasStalled = true
                    upstream.note("\(sent)")
                    stalled.give()
                }
            }
        }
        let bulkhead = try Bulkhead(to: upstream.port)
        let before = try bulkhead.residentKiB()
        let wire = try bulkhead.connect()
        wire.send(bulkhead.request("GET /a"))
        #expect(stalled.wait())
        let sent = upstream.requests.first.flatMap { Int($0) } ?? total
        // What the kernel's buffers of two connections hold, and a window.
        #expect(sent < 24 << 20, "\(sent) bytes left the upstream")
        let after = try bulkhead.residentKiB()
        #expect(after - before < 8 << 10, "\(after - before) KiB more")
        // Nothing is lost once the caller reads.
        _ = try #require(try wire.read(until: "\r\n\r\n"))
        #expect(try wire.drop(count: total) == total)
        #expect(try bulkhead.stop().count == 1)
    }

    /// The other way round: an upstream that does not read stops the caller.
    @Test func slowUpstreamsHoldTheCallerBack() throws {
        let total = 48 << 20
        let goOn = Signal()
        let upstream = ScriptedUpstream { _, wire, _ in
            _ = try wire.read(until: "\r\n\r\n")
            guard goOn.wait() else { return }
            let count = try wire.drop(count: total)
            wire.send(ScriptedUpstream.ok("\(count)"))
        }
        let bulkhead = try Bulkhead(to: upstream.port, limits: "{body_bytes: 64MiB}")
        let before = try bulkhead.residentKiB()
        let wire = try bulkhead.connect()
        wire.send(bulkhead.request("PUT /a", ["Content-Length: \(total)"]))
        wire.setTimeout(Int32(SO_SNDTIMEO), milliseconds: 500)
        let chunk = [UInt8](repeating: 120, count: 64 << 10)
        var sent = 0
        var step = chunk.count
        while step == chunk.count, sent < total {
            step = wire.send(chunk)
            sent += step
        }
        #expect(sent < 24 << 20, "\(sent) bytes left the caller")
        #expect(try bulkhead.residentKiB() - before < 8 << 10)
        goOn.give()
        while sent < total { sent += wire.send(Array(chunk.prefix(min(chunk.count, total - sent)))) }
        #expect(try wire.reply()?.body == "\(total)")
        #expect(try bulkhead.stop().count == 1)
    }
}
