// SPDX-License-Identifier: Apache-2.0

/// A point on the monotonic clock, in nanoseconds. For deadlines; read once per loop turn and passed down.
package struct Instant: Hashable, Comparable, Sendable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }
    package static func + (left: Instant, right: Interval) -> Instant {
        Instant(nanoseconds: left.nanoseconds.addingClamped(right.nanoseconds))
    }
    package static func - (left: Instant, right: Instant) -> Interval {
        Interval(nanoseconds: left.nanoseconds.subtractingClamped(right.nanoseconds))
    }
}

/// A point on the wall clock, in nanoseconds since 1970 (UTC). For token expiry and records.
package struct WallTime: Hashable, Comparable, Sendable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
    /// Seconds since 1970 as JWT's NumericDate counts them (RFC 7519 §2); out of range values are clamped.
    package init(seconds: Int64) {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        nanoseconds = overflow ? (seconds < 0 ? .min : .max) : product
    }

    package var seconds: Int64 { nanoseconds / 1_000_000_000 }

    package static func < (left: WallTime, right: WallTime) -> Bool { left.nanoseconds < right.nanoseconds }
    package static func + (left: WallTime, right: Interval) -> WallTime {
        WallTime(nanoseconds: left.nanoseconds.addingClamped(right.nanoseconds))
    }
    package static func - (left: WallTime, right: WallTime) -> Interval {
        Interval(nanoseconds: left.nanoseconds.subtractingClamped(right.nanoseconds))
    }
}

/// A length of time in nanoseconds.
package struct Interval: Hashable, Comparable, Sendable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
    package static func milliseconds(_ count: Int64) -> Interval {
        Interval(nanoseconds: count.multipliedClamped(by: 1_000_000))
    }
    package static func seconds(_ count: Int64) -> Interval {
        Interval(nanoseconds: count.multipliedClamped(by: 1_000_000_000))
    }
    package static let zero = Interval(nanoseconds: 0)

    package static func < (left: Interval, right: Interval) -> Bool { left.nanoseconds < right.nanoseconds }
}

extension Int64 {
    // Peers choose some of these numbers (`exp`), so the arithmetic saturates instead of trapping.
    fileprivate func addingClamped(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    fileprivate func subtractingClamped(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }

    fileprivate func multipliedClamped(by other: Int64) -> Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
    }
}
