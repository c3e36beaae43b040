// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto

/// A secret, and the key that it makes for one day, region and service. Both are overwritten when the last reference goes.
package final class ClaimKey {
    package let secret: Secret
    package var dayKey: DayKey

    package init(secret: Secret, for claim: SignatureClaim) {
        self.secret = secret
        dayKey = DayKey(secret: secret, day: claim.time.day, scope: claim.scope)
    }
}

/// The signing keys that agents' requests were verified with last, so that the next one needs no derivation: a small table, one
/// for each worker. A key is found by all that it depends on, whole, beside `keys.current`: access key id, day, region, service.
/// Who asks has looked at the access key id already; the table says nothing about whom it stands for.
/// Cost: a find compares some 300 bytes. Bounded: another key of the same place takes it.
package struct ClaimKeyTable: ~Copyable {
    /// None stays longer than this, whoever uses it.
    package static let longestStay = Interval.seconds(900)
    private static let places = 256

    private struct Entry {
        let accessKeyID: [UInt8]
        let day: InlineArray<8, UInt8>
        let scope: SigningScope
        let key: ClaimKey
        let until: WallTime

        func isOf(_ claim: SignatureClaim) -> Bool {
            day.span.equals(claim.time.day) && accessKeyID == claim.accessKeyID && scope == claim.scope
        }
    }

    private var entries = [Entry?](repeating: nil, count: places)
    /// Where the next look for those that are over begins.
    private var swept = 0

    package init() {}

    /// How many are there.
    package var count: Int { entries.count { $0 != nil } }

    package mutating func find(_ claim: SignatureClaim, now: WallTime) -> ClaimKey? {
        let place = Self.place(claim)
        guard let entry = entries[place], entry.isOf(claim) else { return nil }
        if now < entry.until { return entry.key }
        entries[place] = nil
        return nil
    }

    /// Takes in the key that a claim was verified with. Two others that are over go for each that comes.
    /// - Parameter until: when the access key id ends; the key goes then at the latest.
    package mutating func insert(_ key: ClaimKey, of claim: SignatureClaim, until: WallTime, now: WallTime) {
        for _ in 0..<2 {
            if let entry = entries[swept], now >= entry.until { entries[swept] = nil }
            swept = (swept + 1) % Self.places
        }
        let day = InlineArray<8, UInt8> { claim.time.day[$0] }
        entries[Self.place(claim)] = Entry(
            accessKeyID: claim.accessKeyID,
            day: day,
            scope: claim.scope,
            key: key,
            until: min(until, now + Self.longestStay)
        )
    }

    package mutating func removeAll() { entries = [Entry?](repeating: nil, count: Self.places) }

    /// By the end of the access key id, which is an authenticator: what all keys have in common stands before it.
    private static func place(_ claim: SignatureClaim) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in claim.accessKeyID.suffix(12) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return Int(truncatingIfNeeded: hash ^ hash >> 32) & (places - 1)
    }
}
