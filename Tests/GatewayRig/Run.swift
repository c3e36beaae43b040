// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Gateway
import HTTP1
import HTTPTypes
package import Identity
import JSON

/// One request on its way through a rig, step by step as a worker would take it.
package final class Run {
    package var exchange = Exchange()
    package private(set) var action: Gateway.Action
    /// Everything that it was parked for, in order.
    package private(set) var needs: [Need] = []
    /// The lines that it left.
    package private(set) var records: [String] = []
    private let rig: Rig
    private let body: [UInt8]
    private let now: WallTime
    private var streamed: [UInt8] = []

    /// Parses `text` (a head, an empty line, the body) and begins; parked or to be forwarded afterwards, or answered.
    fileprivate init(
        _ rig: Rig,
        _ text: String,
        _ listener: String,
        _ certificate: ClientCertificate?,
        _ now: WallTime
    ) throws {
        self.rig = rig
        self.now = now
        let bytes = Array(text.utf8)
        var parser = RequestParser(limits: .callers)
        guard let count = try parser.parse(bytes.span, into: &exchange.request) else { throw Incomplete() }
        body = Array(bytes[count...])
        exchange.isWebSocket = parser.facts.isWebSocket
        exchange.bodyLength = parser.facts.framing.length
        exchange.bytesIn = body.count
        rig.fillRandom(&exchange.random)
        exchange.certificate = certificate
        let start = Gateway.Start(
            listener: rig.listener(listener),
            now: Instant(nanoseconds: 1_000_000),
            wallTime: now
        )
        action = .answer
        action = rig.gateway.begin(&exchange, start)
        note()
    }

    private struct Incomplete: Error {}

    private func note() {
        while true {
            switch action {
            case .need(let need):
                needs.append(need)
                return
            case .collect:
                collect()
            case .forward:
                exchange.endpoint = "127.0.0.1:8080"
                exchange.upstreamStartedAt = Instant(nanoseconds: 2_000_000)
                return
            case .answer:
                exchange.isAnswered = true
                exchange.bytesOut = exchange.answer.body.count
                record()
                return
            }
        }
    }

    /// As a worker does: a body that is large goes on in pieces, if it may.
    private func collect() {
        let count = min(body.count, Gateway.collectedBytes)
        exchange.requestBody.append(Array(body[..<count]))
        let rest = Array(body[count...])
        guard !rest.isEmpty, let next = rig.gateway.requestOverflowed(&exchange) else {
            exchange.requestBody.append(rest)
            action = rig.gateway.collected(&exchange, now: now)
            return
        }
        action = next
        exchange.piece.append(rest)
        if next == .forward, !rig.gateway.rewritePiece(&exchange, isFinal: true) { action = .answer }
    }

    private func record() {
        var output = Buffer()
        rig.gateway.record(
            exchange,
            caller: "192.0.2.1",
            now: Instant(nanoseconds: 5_000_000),
            into: &output
        )
        records += (output.bytes.string() ?? "").split(separator: "\n").map(String.init)
    }

    /// What it waits for is there, or is not to be had.
    package func resume(_ outcome: NeedOutcome, credential: VendedCredential? = nil) {
        guard case .need(let need) = action else { preconditionFailure("nothing is needed") }
        rig.gateway.met(need, credential, outcome, now: now)
        action = rig.gateway.resume(&exchange, outcome, now: now)
        note()
    }

    /// Meets needs as the control thread would, a few times at most.
    package func meetNeeds() {
        while case .need(let need) = action, needs.count < 8 {
            switch need {
            case .credential:
                rig.vended += 1
                resume(.met, credential: rig.credential(at: now))
            case .keys, .provision, .owners: resume(.met)
            case .schema: resume(.failed(.schemaUnavailable))
            case .lease(let lease): resume(.leased(upstream: lease.upstream))
            }
        }
    }

    /// The upstream answers; `text` is a head, an empty line, the body.
    package func respond(_ text: String) throws {
        guard action == .forward else { preconditionFailure("nothing was sent") }
        let bytes = Array(text.utf8)
        var parser = ResponseParser(limits: .upstreams)
        guard
            let count = try parser.parse(
                bytes.span,
                to: exchange.outgoing.method,
                into: &exchange.upstreamResponse
            )
        else { throw Incomplete() }
        exchange.upstreamAnsweredAt = Instant(nanoseconds: 4_000_000)
        switch rig.gateway.respond(&exchange, length: parser.facts.length, now: now) {
        case .stream: streamed = Array(bytes[count...])
        case .collect:
            exchange.responseBody.append(Array(bytes[count...]))
            _ = rig.gateway.respondCollected(&exchange, now: now)
        case .answer: break
        }
        exchange.isAnswered = true
        exchange.bytesOut = streamed.count + exchange.answer.body.count
        record()
    }

    // MARK: seeing

    package var pool: Int? { exchange.destination?.pool }
    package var isForwarded: Bool { action == .forward }
    /// Stable code of the refusal, as records and metrics have it.
    package var reason: String? { exchange.refusal?.code }
    package var status: UInt16 { exchange.answer.status.rawValue }
    package var answerBody: String {
        String(decoding: streamed, as: UTF8.self) + Self.text(exchange.answer.body)
    }
    package var target: String { Self.text(exchange.outgoing.target) }
    /// The request's body as the upstream gets it.
    package var sentBody: String {
        exchange.isBodyCollected || exchange.rewritesPieces
            ? Self.text(exchange.requestBody) : String(decoding: body, as: UTF8.self)
    }

    /// Names in lower case.
    package var sent: [(name: String, value: String)] { Self.list(exchange.outgoing.fields) }
    package var answered: [(name: String, value: String)] { Self.list(exchange.answer.fields) }

    package func sent(_ name: String) -> [String] { sent.filter { $0.name == name }.map(\.value) }
    package func answered(_ name: String) -> [String] { answered.filter { $0.name == name }.map(\.value) }

    /// Everything that goes to the upstream, as one text.
    package var everythingSent: String {
        target + "\n" + sent.map { "\($0.name): \($0.value)\n" }.joined() + sentBody
    }

    /// A member of the one record, as text.
    package func recorded(_ name: String) -> String? {
        guard records.count == 1, let line = records.first,
            let value = try? JSONValue.parse(line.utf8Span.span), case .object(let members) = value
        else { return nil }
        switch members[name] {
        case .string(let text): return text
        case .integer(let number): return "\(number)"
        case .bool(let flag): return "\(flag)"
        case .array(let items):
            return items.map { item in if case .string(let text) = item { text } else { "?" } }
                .joined(separator: ",")
        case .null, .number, .object, nil: return nil
        }
    }

    private static func text(_ buffer: borrowing Buffer) -> String { buffer.bytes.string() ?? "" }

    private static func list(_ fields: borrowing Fields) -> [(name: String, value: String)] {
        var list: [(name: String, value: String)] = []
        for index in fields.indices {
            let name = (fields.name(at: index).string() ?? "").lowercased()
            list.append((name, fields.value(at: index).string() ?? ""))
        }
        return list
    }
}

extension Rig {
    /// - Parameter meetsNeeds: false to see what it is parked for.
    package func run(
        _ text: String,
        on listener: String = "ingress",
        certificate: ClientCertificate? = nil,
        now: WallTime = Rig.now,
        meetsNeeds: Bool = true
    ) throws -> Run {
        let run = try Run(self, text, listener, certificate, now)
        if meetsNeeds { run.meetNeeds() }
        return run
    }

    package func credential(at now: WallTime) -> VendedCredential {
        VendedCredential(
            bytes: Array("context-token-\(vended)".utf8),
            renewAt: now + .seconds(45),
            expiry: now + .seconds(60)
        )
    }

    /// A request of HTTP/1.1 in wire form.
    package static func request(
        _ line: String,
        host: String = "agent.local",
        token: String? = nil,
        _ fields: [String] = [],
        body: String = ""
    ) -> String {
        var lines = ["\(line) HTTP/1.1", "Host: \(host)"]
        if let token { lines.append("Authorization: Bearer \(token)") }
        lines += fields
        if !body.isEmpty { lines.append("Content-Length: \(body.utf8.count)") }
        return lines.joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    /// The handle that the agent gets with a caller's request.
    package func handle(_ token: String, host: String = "agent.local", _ fields: [String] = []) throws
        -> String
    {
        let run = try run(Self.request("POST /invocations", host: host, token: token, fields, body: "{}"))
        guard let value = run.sent("authorization").first, value.hasPrefix("Bearer ") else {
            preconditionFailure("no handle")
        }
        try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        return String(value.dropFirst(7))
    }
}
