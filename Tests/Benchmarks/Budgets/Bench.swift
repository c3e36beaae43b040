// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import GatewayRig
import HTTP1
import HTTPTypes

/// What a worker keeps between requests.
final class Bench {
    private let rig: Rig
    private var exchange = Exchange()
    private var requests = RequestParser(limits: .callers)
    private var responses = ResponseParser(limits: .upstreams)
    private var records = Buffer(capacity: 64 << 10)
    private var streams: StreamBench?
    private var moment: Int64 = 1_000_000

    enum Failure: Error { case unexpected(String) }

    init(_ rig: Rig) { self.rig = rig }

    /// Head in, record out, as a worker does it for each request.
    func turn(_ scenario: Scenario) throws {
        moment += 1_000_000
        rig.fillRandom(&exchange.random)
        try read(scenario)
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
        if scenario.isMultiplexed { try streams?.answer(exchange.answer) }
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

    private func read(_ scenario: Scenario) throws {
        if scenario.isMultiplexed {
            let streams = try self.streams ?? StreamBench(scenario.text)
            self.streams = streams
            try streams.read(into: &exchange.request, now: Instant(nanoseconds: moment))
            exchange.bodyLength = BodyLength.none
            return
        }
        guard try requests.parse(scenario.text.span, into: &exchange.request) != nil else {
            throw Failure.unexpected("a head that is not whole")
        }
        exchange.bodyLength = requests.facts.framing.length
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
