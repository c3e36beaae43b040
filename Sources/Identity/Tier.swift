// SPDX-License-Identifier: Apache-2.0

/// A product level; `rank` orders the levels of one configuration from the lowest, 0.
package struct Tier: Hashable, Sendable {
    package let name: String
    package let rank: Int
}

/// The product levels of a configuration, from the lowest to the highest.
package struct TierTable: Sendable {
    package let tiers: [Tier]

    /// Nil when a name is empty, longer than 64 bytes, or there twice.
    package init?(lowestFirst names: [String]) {
        guard Set(names).count == names.count,
            names.allSatisfy({
                (1...64).contains($0.utf8.count) && $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
            })
        else { return nil }
        tiers = names.enumerated().map { Tier(name: $1, rank: $0) }
    }

    /// The level of that exact name.
    package func find(_ name: String) -> Tier? {
        tiers.first { $0.name.utf8.elementsEqual(name.utf8) }
    }
}

/// What to do with a token whose tier is not the one that the registry has for the tenant.
package enum TierDrift: String, Sendable {
    /// Serve it with the lower of the two.
    case lesser
    case refuse
}
