// SPDX-License-Identifier: Apache-2.0
import Glibc

/// SplitMix64 with a seed that is printed, so that a failure can be run again with `BULKHEAD_SEED`.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    static func printed(_ name: String = #function) -> Seeded {
        // Safe because nothing in the tests changes the environment.
        let given = unsafe getenv("BULKHEAD_SEED").flatMap { unsafe UInt64(String(cString: $0)) }
        let seed = given ?? UInt64.random(in: 0 ... .max)
        print("seed of \(name): \(seed)")
        return Seeded(seed: seed)
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
