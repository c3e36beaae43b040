// SPDX-License-Identifier: Apache-2.0
import Foundation

/// SplitMix64: the same numbers for the same seed everywhere, so that a failure whose seed is known can be run again.
package struct Seeded: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// A generator whose seed is printed, and taken from `BULKHEAD_SEED` where that is set.
    package static func printed(_ name: String = #function) -> Seeded {
        let given = ProcessInfo.processInfo.environment["BULKHEAD_SEED"].flatMap { UInt64($0) }
        let seed = given ?? UInt64.random(in: 0 ... .max)
        print("seed of \(name): \(seed)")
        return Seeded(seed: seed)
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
