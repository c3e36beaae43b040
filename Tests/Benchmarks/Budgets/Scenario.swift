// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import GatewayRig
import HTTP1
import HTTPTypes

/// One kind of request, over and over, through one gateway that has seen it before.
struct Scenario {
    let name: String
    let text: [UInt8]
    let listener: Int
    /// Empty for requests that are refused.
    let response: [UInt8]

    static func all(_ rig: Rig) throws -> [Scenario] {
        let token = Signer.pool.token(.ann)
        let handle = try rig.handle(token)
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
        let list = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nETag: \"1\"\r\n\r\n"
        let session = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id: session-of-thirty-three-characters"
        let common = ["User-Agent: client/1.0", "Accept: */*", "Accept-Encoding: identity"]
        return [
            Scenario(
                "ingress",
                Rig.request(
                    "POST /invocations",
                    token: token,
                    common + ["Content-Type: application/json"],
                    body: "{}"
                ),
                rig.listener("ingress"),
                answer
            ),
            Scenario(
                "ingress with a session",
                Rig.request(
                    "POST /invocations",
                    token: token,
                    common + ["Content-Type: application/json", session],
                    body: "{}"
                ),
                rig.listener("ingress"),
                answer
            ),
            Scenario(
                "rest",
                Rig.request("GET /notes/1?x=1", host: "notes.local", token: handle, common),
                rig.listener("stores"),
                list
            ),
            Scenario(
                "refused: no token",
                Rig.request("POST /invocations", common, body: "{}"),
                rig.listener("ingress"),
                ""
            ),
        ]
    }

    private init(_ name: String, _ text: String, _ listener: Int, _ response: String) {
        self.name = name
        self.text = Array(text.utf8)
        self.listener = listener
        self.response = Array(response.utf8)
    }
}

/// What a worker keeps between requests.
final class Bench {
    private let rig: Rig
    private var exchange = Exchange()
    private var requests = RequestParser(limits: .callers)
    private var responses = ResponseParser(limits: .upstreams)
    private var records = Buffer(capacity: 64 << 10)
    private var moment: Int64 = 1_000_000

    enum Failure: Error { case unexpected(String) }

    init(_ rig: Rig) { self.rig = rig }

    /// Head in, record out, as a worker does it for each request.
    func turn(_ scenario: Scenario) throws {
        moment += 1_000_000
        rig.fillRandom(&exchange.random)
        guard try requests.parse(scenario.text.span, into: &exchange.request) != nil else {
            throw Failure.unexpected("a head that is not whole")
        }
        exchange.bodyLength = requests.facts.framing.length
        let start = Gateway.Start(
            listener: scenario.listener,
            now: Instant(nanoseconds: moment),
            wallTime: Rig.now
        )
        let action = rig.gateway.begin(&exchange, start)
        if scenario.response.isEmpty {
            guard action == .answer else { throw Failure.unexpected("\(scenario.name): \(action)") }
        } else {
            guard action == .forward else { throw Failure.unexpected("\(scenario.name): \(action)") }
            try respond(scenario)
        }
        exchange.isAnswered = true
        rig.gateway.record(
            exchange,
            caller: "192.0.2.1",
            now: Instant(nanoseconds: moment + 900_000),
            into: &records
        )
        if records.count > 32 << 10 { records.removeAll() }
        exchange.reset()
    }

    private func respond(_ scenario: Scenario) throws {
        exchange.endpoint = "127.0.0.1:8080"
        exchange.upstreamStartedAt = Instant(nanoseconds: moment)
        let count = try responses.parse(
            scenario.response.span,
            to: exchange.outgoing.method,
            into: &exchange.upstreamResponse
        )
        guard count != nil else { throw Failure.unexpected("a response that is not whole") }
        exchange.upstreamAnsweredAt = Instant(nanoseconds: moment + 500_000)
        switch rig.gateway.respond(&exchange, length: responses.facts.length, now: Rig.now) {
        case .stream: break
        case .collect, .answer: throw Failure.unexpected("\(scenario.name): \(exchange.answer.status)")
        }
    }

    /// The credential and the caches are there afterwards.
    func warm(_ scenario: Scenario) throws {
        guard let text = scenario.text.span.string() else { throw Failure.unexpected("no text") }
        let listener = rig.snapshot.plan.listeners[scenario.listener].name
        _ = try rig.run(text, on: listener)
        for _ in 0..<200 { try turn(scenario) }
    }
}
