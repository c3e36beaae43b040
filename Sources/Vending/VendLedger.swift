// SPDX-License-Identifier: Apache-2.0

/// How many credentials each tenant has had asked for, and how many of them came: for metrics, bounded.
package struct VendLedger: Sendable {
    package struct Counts: Hashable, Sendable {
        package var vended: UInt64 = 0
        package var failed: UInt64 = 0

        package init() {}
    }

    package private(set) var counts: [String: Counts] = [:]
    private let limit: Int
    private let overflow: String

    /// - Parameters:
    ///   - limit: of tenants that are told apart.
    ///   - overflow: whom those that come later are counted under.
    package init(limit: Int = 1 << 14, overflow: String) {
        self.limit = limit
        self.overflow = overflow
    }

    package mutating func add(_ tenant: String, isVended: Bool) {
        let name = counts[tenant] != nil || counts.count < limit ? tenant : overflow
        if isVended {
            counts[name, default: Counts()].vended &+= 1
        } else {
            counts[name, default: Counts()].failed &+= 1
        }
    }
}
