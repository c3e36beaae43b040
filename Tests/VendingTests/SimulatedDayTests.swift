// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import TestSupport
import Testing
import Vending

/// 1,000 tenants over a day on a fake clock, in front of a token service that is slow, and at times throttles or is away.
@Suite struct SimulatedDayTests {
    private static let start = WallTime(seconds: 1_800_000_000)
    private static let tenants = 1000
    /// Seconds that keys live, and that the service takes to make them.
    private static let life: Int64 = 900
    private static let latency: Int64 = 2

    private struct Attempt {
        let tenant: Int
        let ticket: VendTicket
        let due: Int64
    }

    private struct Day {
        var cache = CredentialCache<Int64>(capacity: 4096)
        var attempts: [Attempt] = []
        var inFlight = [Int](repeating: 0, count: tenants)
        var vends = 0
        var served = 0
        var refused = 0
        /// The most vends that began within one second, after everybody was warm.
        var peak = 0
        let keys = (0..<tenants).map { tenant in
            var hasher = KeyHasher()
            hasher.beginCredential(
                generation: 1,
                credential: "sts".utf8Span.span,
                tenant: "\(tenant)".utf8Span.span
            )
            return hasher.finishCredential()
        }

        mutating func request(_ tenant: Int, at second: Int64) {
            let now = start + .seconds(second)
            switch cache.lookup(keys[tenant], tenant: "\(tenant)", now: now) {
            case .hit(let end): serve(end, second)
            case .refresh(let end, let ticket):
                serve(end, second)
                begin(tenant, ticket, second)
            case .vend(let ticket):
                refused += 1
                begin(tenant, ticket, second)
            case .wait, .failed: refused += 1
            }
        }

        private mutating func serve(_ end: Int64, _ second: Int64) {
            #expect(second < end, "served past its end")
            served += 1
        }

        private mutating func begin(_ tenant: Int, _ ticket: VendTicket, _ second: Int64) {
            inFlight[tenant] += 1
            #expect(inFlight[tenant] == 1, "two vends for one grant")
            vends += 1
            attempts.append(Attempt(tenant: tenant, ticket: ticket, due: second + latency))
        }

        mutating func answer(at second: Int64, _ failure: VendFailure?, spread: UInt8) {
            let now = start + .seconds(second)
            let due = attempts.filter { $0.due <= second }
            attempts.removeAll { $0.due <= second }
            for attempt in due {
                inFlight[attempt.tenant] -= 1
                let spread = spread &+ UInt8(truncatingIfNeeded: attempt.tenant &* 37)
                if let failure {
                    _ = cache.failed(keys[attempt.tenant], attempt.ticket, failure, now: now, spread: spread)
                } else {
                    let end = second + life
                    _ = cache.vended(
                        keys[attempt.tenant],
                        attempt.ticket,
                        end,
                        expiry: start + .seconds(end),
                        now: now,
                        spread: spread
                    )
                }
            }
        }
    }

    @Test func nobodyIsServedPastTheEndAndNobodyStampedes() {
        var generator = Seeded.printed()
        var day = Day()
        for second in 0..<Int64(86_400) {
            // Away for ten minutes at noon, throttling for five in the evening.
            let failure: VendFailure? =
                (43_200..<43_800).contains(second)
                ? .unavailable : (64_800..<65_100).contains(second) ? .throttled : nil
            day.answer(at: second, failure, spread: UInt8.random(in: 0...255, using: &generator))
            let before = day.vends
            for _ in 0..<20 { day.request(Int.random(in: 0..<Self.tenants, using: &generator), at: second) }
            if second > 3600 { day.peak = max(day.peak, day.vends - before) }
        }
        let perTenant = Double(day.vends) / Double(Self.tenants)
        // A day has 96 lives of 900 s, each renewed after some 75 % of it when somebody asks: about 120.
        #expect((90...140).contains(perTenant), "\(perTenant) vends for each tenant")
        #expect(day.peak <= 20)
        // Who asks while nothing is there is refused: at the beginning, and while the service is away for too long.
        #expect(Double(day.refused) / Double(day.served) < 0.02, "\(day.refused) of \(day.served)")
        // And it is well again by itself.
        let (served, refused) = (day.served, day.refused)
        for tenant in 0..<Self.tenants { day.request(tenant, at: 86_400) }
        #expect(day.served - served > 980 && day.refused - refused < 20)
    }
}
