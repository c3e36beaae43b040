// SPDX-License-Identifier: Apache-2.0

/// Some of the known fields. Cost: a shift and a test.
package struct KnownFieldSet: Equatable, Sendable, ExpressibleByArrayLiteral {
    private var bits: UInt128 = 0

    package init(arrayLiteral elements: KnownField...) {
        for element in elements { insert(element) }
    }

    package func contains(_ field: KnownField) -> Bool {
        (bits >> UInt128(field.rawValue)) & 1 == 1
    }

    package func union(_ other: KnownFieldSet) -> KnownFieldSet {
        var both = self
        both.bits |= other.bits
        return both
    }

    package mutating func insert(_ field: KnownField) {
        bits |= 1 << UInt128(field.rawValue)
    }
}
