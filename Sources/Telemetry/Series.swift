// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes

/// What requests are counted by.
struct SeriesKey: Hashable, Comparable, Sendable {
    var route: String
    var tenant: String
    var tier: String

    static func < (left: SeriesKey, right: SeriesKey) -> Bool {
        (left.route, left.tenant, left.tier) < (right.route, right.tenant, right.tier)
    }
}

/// What durations are counted by: with the tenant as well, there would be too many series.
struct DurationKey: Hashable, Comparable, Sendable {
    var route: String
    var tier: String

    static func < (left: DurationKey, right: DurationKey) -> Bool {
        (left.route, left.tier) < (right.route, right.tier)
    }
}

/// What went wrong, and where: a reason code with a route or an upstream.
struct ReasonKey: Hashable, Comparable, Sendable {
    var place: String
    var reason: String

    static func < (left: ReasonKey, right: ReasonKey) -> Bool {
        (left.place, left.reason) < (right.place, right.reason)
    }
}

/// Columns of a series: one for each outcome, then these.
enum SeriesColumn {
    static let bytesIn = Outcome.allCases.count
    static let bytesOut = bytesIn + 1
    /// Grants that were in the cache, and grants that had to be made.
    static let grantHits = bytesOut + 1
    static let grantMisses = grantHits + 1
    static let count = grantMisses + 1
}

/// Columns of a row of durations: responses by class, then two histograms.
enum DurationColumn {
    /// 0 for none, 1...5 for 1xx...5xx.
    static let classCount = 6
    static let request = classCount
    static let upstream = request + Histogram.columns
    static let count = upstream + Histogram.columns

    static func statusClass(_ status: Status?) -> Int {
        guard let status, (100..<600).contains(status.rawValue) else { return 0 }
        return Int(status.rawValue / 100)
    }
}

/// The buckets of a histogram of durations, then one for all that is longer, then the sum in nanoseconds.
enum Histogram {
    static let bucketCount = 16
    static let overflow = bucketCount
    static let sum = overflow + 1
    static let columns = sum + 1

    /// Upper bounds. The first ones are as fine as a proxy needs, the last as wide as an agent takes.
    static func bound(_ bucket: Int) -> (microseconds: Int64, text: StaticString) {
        switch bucket {
        case 0: (250, "0.00025")
        case 1: (500, "0.0005")
        case 2: (1_000, "0.001")
        case 3: (2_500, "0.0025")
        case 4: (5_000, "0.005")
        case 5: (10_000, "0.01")
        case 6: (25_000, "0.025")
        case 7: (50_000, "0.05")
        case 8: (100_000, "0.1")
        case 9: (250_000, "0.25")
        case 10: (500_000, "0.5")
        case 11: (1_000_000, "1.0")
        case 12: (5_000_000, "5.0")
        case 13: (15_000_000, "15.0")
        case 14: (60_000_000, "60.0")
        case 15: (300_000_000, "300.0")
        default: preconditionFailure("there is no such bucket")
        }
    }

    /// A duration that equals a bound is in its bucket.
    static func bucket(of duration: Interval) -> Int {
        for bucket in 0..<bucketCount where duration.nanoseconds <= bound(bucket).microseconds * 1000 {
            return bucket
        }
        return overflow
    }
}
