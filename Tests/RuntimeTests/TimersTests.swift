// SPDX-License-Identifier: Apache-2.0
import Bytes
import Runtime
import Testing

@Suite struct TimersTests {
    @Test func popsInOrderOfDeadline() {
        var generator = SystemRandomNumberGenerator()
        let seed = generator.next()
        print("seed", seed)
        var state = seed
        var timers = Timers()
        var deadlines: [Int64] = []
        for key in 0..<500 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let deadline = Int64(state >> 40)
            deadlines.append(deadline)
            timers.add(UInt64(key), at: Instant(nanoseconds: deadline))
        }
        var popped: [Int64] = []
        while let key = timers.popDue(at: Instant(nanoseconds: .max)) { popped.append(deadlines[Int(key)]) }
        #expect(popped == deadlines.sorted())
        #expect(timers.next == nil)
    }

    @Test func keepsWhatIsNotDue() {
        var timers = Timers()
        timers.add(1, at: Instant(nanoseconds: 10))
        #expect(timers.popDue(at: Instant(nanoseconds: 9)) == nil)
        #expect(timers.popDue(at: Instant(nanoseconds: 10)) == 1)
    }
}

@Suite struct EntropyTests {
    @Test func neverRepeatsAcrossRefills() {
        var pool = EntropyPool()
        var seen: Set<[UInt8]> = []
        for _ in 0..<2000 {
            var buffer = Buffer()
            pool.take(16, into: &buffer)
            #expect(seen.insert(buffer.bytes.array()).inserted)
        }
        #expect(Set((0..<1000).map { _ in pool.integer() }).count == 1000)
    }
}
