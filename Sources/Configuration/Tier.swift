// SPDX-License-Identifier: Apache-2.0

extension Configuration {
    /// A product level. Their order in the file, lowest first, is their order.
    package struct Tier: Sendable {
        package var name: String
        /// The share of a saturated upstream, against the other tiers. Default: 1.
        package var weight = 1
        package var limits = Quota()
        /// Patterns of model names, `*` for any run of characters. Default: none.
        package var models: [String] = []
    }

    /// Limits of a tier, a tenant or a user; nil where there is none. Read and checked, not yet enforced.
    package struct Quota: Sendable, Equatable {
        package var requestsPerSecond: Double?
        package var concurrent: Int?
        package var tokensPerMinute: Int?
        package var tokensPerDay: Int?
        package var usdPerMonth: Double?
    }
}

extension Configuration.Tier {
    static func decode(_ name: String, _ section: inout YAML.Section) -> Self? {
        var tier = Self(name: name)
        section.read("weight", into: &tier.weight) { $0.integer(in: 1...1000) }
        section.read("limits", into: &tier.limits) { $0.section(Configuration.Quota.decode) }
        section.read("models", into: &tier.models) { $0.strings(count: 0...1000) }
        return tier
    }
}

extension Configuration.Quota {
    static func decode(_ section: inout YAML.Section) -> Self {
        var quota = Self()
        section.read("requests_per_second", into: &quota.requestsPerSecond) {
            $0.number(in: 0.001...1_000_000)
        }
        section.read("concurrent", into: &quota.concurrent) { $0.integer(in: 1...1_000_000) }
        section.read("tokens_per_minute", into: &quota.tokensPerMinute) {
            $0.integer(in: 1...1_000_000_000_000)
        }
        section.read("tokens_per_day", into: &quota.tokensPerDay) { $0.integer(in: 1...1_000_000_000_000) }
        section.read("usd_per_month", into: &quota.usdPerMonth) { $0.number(in: 0...1_000_000_000) }
        return quota
    }
}
