// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing

/// What the caller sees, and what is recorded, when something ends that should not.
@Suite(.serialized) struct FailureTests {
    struct Cut: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var answer: String
        var isReset = false
    }

    private static let cuts = [
        Cut(
            testDescription: "of fixed length",
            answer: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"
        ),
        Cut(
            testDescription: "in chunks",
            answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n"
        ),
        Cut(
            testDescription: "in the middle of a chunk",
            answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\nonly this"
        ),
        Cut(
            testDescription: "by a reset",
            answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n",
            isReset: true
        ),
    ]

    /// A cut body never looks whole (THREATS 18).
    @Test(arguments: cuts)
    func aCutBodyStaysCut(_ cut: Cut) throws {
        let read = Signal()
        let upstream = ScriptedUpstream { _, wire, _ in
            _ = try wire.request()
            wire.send(cut.answer)
            if cut.isReset {
                _ = read.wait()
                wire.reset()
            }
        }
        let bulkhead = try Bulkhead(to: upstream.port)
        let wire = try bulkhead.connect()
        wire.send(bulkhead.request("GET /a"))
        if cut.isReset {
            _ = try #require(try wire.read(until: "only this"))
            read.give()
            let rest = try wire.readToEnd()
            #expect(!rest.contains("0\r\n\r\n"))
        } else {
            let reply = try #require(try wire.reply())
            #expect(reply.status == 200)
            #expect(reply.body.hasPrefix("only this"))
            #expect(!reply.isWhole)
        }
        let records = try bulkhead.stop()
        #expect(records.count == 1)
        #expect(records[0].contains(#""bulkhead.outcome":"failed""#))
    }

    /// An upstream may begin to answer before it has the whole request. What is found in the rest of that request cuts the
    /// answer off; a second answer would be none (THREATS 18).
    @Test func aBodyThatTurnsBadBehindAnEarlyAnswerCutsItOff() throws {
        let upstream = ScriptedUpstream { upstream, wire, number in
            if number > 0 {
                _ = try wire.request()
                wire.send(ScriptedUpstream.ok("second"))
                return
            }
            _ = try wire.read(until: "\"input\"")
            wire.send(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "18\r\nevent: values\ndata: {}\n\n\r\n"
            )
            upstream.note(try wire.readToEnd().suffix(5) == "0\r\n\r\n" ? "ended" : "cut")
        }
        let bulkhead = try Bulkhead(to: upstream.port)
        let wire = try bulkhead.connect()
        let beginning = #"{"assistant_id":"a","input":""# + String(repeating: "x", count: 400_000)
        let head = bulkhead.request(
            "POST /runs/stream",
            host: "graph.local",
            ["Content-Type: application/json", "Content-Length: 1000000"]
        )
        wire.send(head + beginning)
        _ = try #require(try wire.read(until: "event: values"))
        wire.send("\"}]" + String(repeating: " ", count: 65_536))
        #expect(try !wire.readToEnd().hasSuffix("0\r\n\r\n"))
        #expect(try bulkhead.ask(bulkhead.request("GET /a")).body == "second")
        let records = try bulkhead.stop()
        #expect(records.count == 2)
        #expect(records[0].contains(#""error.type":"body_invalid""#))
        #expect(upstream.requests == ["cut"])
    }

    /// On a new connection nobody knows whether the request was carried out: it is not sent again.
    @Test(arguments: ["GET /a", "POST /a"])
    func anUpstreamThatDiesUnheardIsABadGateway(_ line: String) throws {
        let upstream = ScriptedUpstream { upstream, wire, _ in
            if let (head, _) = try wire.request() { upstream.note(head) }
        }
        let bulkhead = try Bulkhead(to: upstream.port)
        let reply = try bulkhead.ask(bulkhead.request(line, body: line.hasPrefix("POST") ? "x" : ""))
        #expect(reply.status == 502)
        #expect(reply.field("x-bulkhead-reason") == "closed_before_response")
        #expect(upstream.requests.count == 1)
        let records = try bulkhead.stop()
        #expect(records.count == 1)
        #expect(records[0].contains(#""error.type":"closed_before_response""#))
    }

    /// A kept connection may have died in the meantime: what may be repeated is, once; the rest is not.
    @Test func onlyIdempotentRequestsAreRepeated() throws {
        let upstream = ScriptedUpstream { upstream, wire, _ in
            // Serves one request, and dies with the second in hand.
            guard let (head, _) = try wire.request() else { return }
            upstream.note(head)
            wire.send(ScriptedUpstream.ok("ok"))
            if let (next, _) = try wire.request() { upstream.note(next) }
        }
        let bulkhead = try Bulkhead(to: upstream.port)
        let wire = try bulkhead.connect()
        wire.send(bulkhead.request("GET /1"))
        #expect(try wire.reply()?.status == 200)
        wire.send(bulkhead.request("GET /2"))
        #expect(try wire.reply()?.status == 200)
        #expect(upstream.requests.count == 3)
        // The second connection has served one request, so it is kept; it dies with this one.
        wire.send(bulkhead.request("POST /3", body: "x"))
        #expect(try wire.reply()?.status == 502)
        #expect(upstream.requests.count == 4)
        #expect(upstream.connections == 2)
        #expect(try bulkhead.stop().count == 3)
    }

    @Test func anUpstreamThatIsNotThereIsABadGateway() throws {
        let upstream = ScriptedUpstream.answering { _, _ in ScriptedUpstream.ok("ok") }
        let bulkhead = try Bulkhead(to: upstream.port)
        upstream.stop()
        let reply = try bulkhead.ask(bulkhead.request("GET /a"))
        #expect(reply.status == 502)
        #expect(reply.field("x-bulkhead-reason") == "upstream_unreachable")
        #expect(try bulkhead.stop().count == 1)
    }

    @Test func whatIsNoAnswerIsABadGateway() throws {
        let upstream = ScriptedUpstream.answering { _, _ in "SSH-2.0-OpenSSH\r\n\r\n" }
        let bulkhead = try Bulkhead(to: upstream.port)
        #expect(try bulkhead.ask(bulkhead.request("GET /a")).status == 502)
        #expect(try bulkhead.stop().count == 1)
    }

    /// A caller who goes away leaves a record like anybody else, and his upstream connection is not used again.
    @Test func callersWhoLeaveAreRecorded() throws {
        let arrived = Signal()
        let ended = Signal()
        let upstream = ScriptedUpstream { _, wire, number in
            guard let (_, _) = try wire.request() else { return }
            if number > 0 {
                wire.send(ScriptedUpstream.ok("ok"))
                return
            }
            arrived.give()
            _ = try wire.readToEnd()
            ended.give()
        }
        let bulkhead = try Bulkhead(to: upstream.port)
        let wire = try bulkhead.connect()
        wire.send(bulkhead.request("GET /a"))
        #expect(arrived.wait())
        wire.reset()
        #expect(ended.wait())
        #expect(try bulkhead.ask(bulkhead.request("GET /b")).body == "ok")
        #expect(upstream.connections == 2)
        let records = try bulkhead.stop()
        #expect(records.count == 2)
        #expect(records.filter { $0.contains(#""error.type":"caller_gone""#) }.count == 1)
    }

    /// A piece of a request that will never be whole holds no descriptor until a time-out.
    @Test(arguments: ["", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n"])
    func piecesOfRequestsEndWithTheirCaller(_ piece: String) throws {
        let upstream = ScriptedUpstream.answering { _, _ in ScriptedUpstream.ok("ok") }
        let bulkhead = try Bulkhead(to: upstream.port)
        let wire = try bulkhead.connect()
        wire.setTimeout(SO_RCVTIMEO, milliseconds: 5000)
        wire.send(piece)
        wire.finishSending()
        #expect(try wire.readToEnd().isEmpty)
        #expect(try bulkhead.stop().isEmpty)
    }

    @Test func whatIsNoRequestIsRecorded() throws {
        let upstream = ScriptedUpstream.answering { _, _ in ScriptedUpstream.ok("ok") }
        let bulkhead = try Bulkhead(to: upstream.port)
        for text in [
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "\u{16}\u{3}\u{1}",
            "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ] {
            #expect(try bulkhead.ask(text).status == 400, "\(text)")
        }
        #expect(upstream.connections == 0)
        #expect(try bulkhead.stop().count == 4)
    }

    // MARK: the process

    @Test func drainingLetsRequestsEnd() throws {
        let arrived = Signal()
        let goOn = Signal()
        let upstream = ScriptedUpstream { _, wire, _ in
            _ = try wire.request()
            arrived.give()
            guard goOn.wait() else { return }
            wire.send(ScriptedUpstream.ok("late"))
            _ = try wire.readToEnd()
        }
        let bulkhead = try Bulkhead(to: upstream.port)
        let idle = try bulkhead.connect()
        let wire = try bulkhead.connect()
        wire.send(bulkhead.request("GET /a"))
        #expect(arrived.wait())
        bulkhead.terminate()
        // Those with nothing under way are closed, and nobody new is taken.
        #expect(try idle.readToEnd() == "")
        #expect(Wire(port: bulkhead.port) == nil)
        goOn.give()
        let reply = try #require(try wire.reply())
        #expect(reply.body == "late")
        #expect(reply.field("connection") == "close")
        #expect(try wire.readToEnd() == "")
        #expect(bulkhead.waitUntilExit() == 0)
        #expect(try bulkhead.records().count == 1)
    }

    /// With hardly any descriptors: some are turned away, none hangs, and afterwards all is as before.
    @Test func descriptorsThatRunOutAreSurvived() throws {
        let upstream = ScriptedUpstream.answering { _, _ in ScriptedUpstream.ok("ok") }
        let bulkhead = try Bulkhead(to: upstream.port, descriptors: 32)
        var wires: [Wire] = []
        for _ in 0..<100 {
            let wire = try bulkhead.connect()
            wire.send(bulkhead.request("GET /a"))
            wires.append(wire)
        }
        // Those that got in are answered one way or the other; the rest is closed or still waits to be accepted.
        let first = try #require(try wires[0].reply())
        #expect(first.status == 200 || first.status == 502)
        for wire in wires { wire.close() }
        wires.removeAll()
        var answered = 0
        for _ in 0..<200 where answered < 5 {
            guard let reply = try? bulkhead.ask(bulkhead.request("GET /b")) else { continue }
            if reply.status == 200 { answered += 1 }
        }
        #expect(answered == 5)
        let exhausted = try bulkhead.metric("bulkhead_accept_exhausted_total")
        let refused = try bulkhead.metric("bulkhead_connections_refused_total{limit=\"process\"}")
        #expect(exhausted + refused > 0)
        let records = try bulkhead.stop()
        #expect(records.count >= 6)
    }
}
