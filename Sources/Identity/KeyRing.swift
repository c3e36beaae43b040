// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// The keys of one issuer as they were last fetched.
package struct IssuerKeys: Sendable {
    package let set: KeySet
    package let fetchedAt: WallTime
    /// When they are too old to be believed (`jwks.max_stale`); nil for keys from a file.
    package let staleAt: WallTime?
}

/// The keys of all issuers of one configuration, by the issuer's place in its table.
package struct KeyRing: Sendable {
    private var keys: [IssuerKeys?]

    package init(issuers: Int) { keys = Array(repeating: nil, count: issuers) }

    var count: Int { keys.count }
    package subscript(_ issuer: Int) -> IssuerKeys? { keys[issuer] }

    /// Puts what was fetched in the place of what was there. What was verified with a key that is no longer among
    /// them is void from then on (THREATS 9).
    package mutating func replace(issuer: Int, with set: KeySet, fetchedAt: WallTime, staleAt: WallTime?) {
        keys[issuer] = IssuerKeys(set: set, fetchedAt: fetchedAt, staleAt: staleAt)
    }

    /// Whether a key of that fingerprint is still one of the issuer's.
    func has(_ fingerprint: UInt64, of issuer: Int) -> Bool {
        keys[issuer]?.set.contains(fingerprint) ?? false
    }
}
