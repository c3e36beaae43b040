// SPDX-License-Identifier: Apache-2.0
import Bytes
import Identity
import TestSupport
import Testing

/// The table beside a list that does the same the slow way: any order of beginnings, ends and look-ups.
@Suite struct OpenExchangesTests {
    private struct Known {
        var exchange: OpenExchange
        var until: WallTime
        var traceUntil: WallTime
        var hasEnded = false
    }

    /// Those of one part, oldest end first among the ended.
    private struct Model {
        let capacity: Int
        var open: [UInt64: Known] = [:]
        var ended: [UInt64] = []

        mutating func begin(_ exchange: OpenExchange, _ now: WallTime) -> Bool {
            while let first = ended.first, open.count >= capacity || (open[first]?.until ?? now) <= now {
                open[first] = nil
                ended.removeFirst()
            }
            guard open.count < capacity, open[exchange.trace.low] == nil else { return false }
            open[exchange.trace.low] = Known(
                exchange: exchange,
                until: exchange.until,
                traceUntil: exchange.traceUntil
            )
            return true
        }

        mutating func end(_ low: UInt64, _ until: WallTime) {
            guard var known = open[low], !known.hasEnded else { return }
            known.hasEnded = true
            known.until = min(known.until, until)
            known.traceUntil = min(known.traceUntil, until)
            open[low] = known
            ended.append(low)
        }
    }

    @Test(arguments: [1, 3, 64, 5000])
    func itAnswersAsAListWould(_ share: Int) throws {
        var random = Seeded.printed("open exchanges, \(share)")
        let owner = ExchangeOwner(try World().ann(), session: nil, agent: "agent")
        let exchanges = OpenExchanges(instance: 7, capacity: share * 16)
        var models = (0..<16).map { _ in Model(capacity: share) }
        var traces: [(high: UInt64, low: UInt64)] = []
        var now = World.now
        for _ in 0..<20_000 {
            now = now + .milliseconds(Int64(random.next() % 50))
            if traces.isEmpty || random.next() % 3 == 0 {
                // Of few ids, so that the same comes again, and many share a chain.
                let trace = (high: random.next() % 2, low: random.next() % 4096 &* 0x4000_0001)
                let exchange = OpenExchange(
                    trace: trace,
                    owner: owner,
                    until: now + .seconds(Int64(random.next() % 60)),
                    traceUntil: now + .seconds(Int64(random.next() % 60))
                )
                let began = models[Int(trace.low % 16)].begin(exchange, now)
                #expect(exchanges.begin(exchange, now: now) == began)
                if began { traces.append(trace) }
                continue
            }
            let trace = traces[Int(random.next() % UInt64(traces.count))]
            if random.next() % 2 == 0 {
                let until = now + .seconds(5)
                models[Int(trace.low % 16)].end(trace.low, until)
                exchanges.end(trace, until: until)
            }
            let known = models[Int(trace.low % 16)].open[trace.low]
            let nonce = exchanges.nonce(of: trace)
            #expect(exchanges.admits(nonce, now: now) == (known.map { now < $0.until } ?? false))
            let isFound = known.map { $0.exchange.trace.high == trace.high && now < $0.traceUntil } ?? false
            #expect((exchanges.find(trace, now: now) != nil) == isFound)
        }
    }

    /// Whose principal and session an exchange has is kept as long as somebody may ask, and no longer.
    @Test func whatIsForgottenIsGivenUp() throws {
        let exchanges = OpenExchanges(instance: 7, capacity: 16)
        weak var forgotten: ExchangeOwner?
        let principal = try World().ann()
        func begin(_ low: UInt64) -> ExchangeOwner {
            let owner = ExchangeOwner(principal, session: nil, agent: "agent")
            let until = World.now + .seconds(60)
            let exchange = OpenExchange(trace: (1, low), owner: owner, until: until, traceUntil: until)
            #expect(exchanges.begin(exchange, now: World.now))
            return owner
        }
        forgotten = begin(16)
        #expect(forgotten != nil)
        exchanges.end((1, 16), until: World.now + .seconds(1))
        exchanges.end((1, 16), until: World.now + .seconds(2))
        #expect(exchanges.find((1, 16), now: World.now) != nil)
        _ = begin(32)
        #expect(forgotten == nil)
        #expect(exchanges.find((1, 16), now: World.now) == nil)
        #expect(exchanges.find((1, 32), now: World.now) != nil)
    }
}
