// SPDX-License-Identifier: Apache-2.0
import Bytes

/// A length of time in milliseconds. Source: Cedar language, `duration` (RFC 80).
package struct DurationValue: Hashable, Comparable, Sendable {
    package let milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    /// Reads an optional `-` and then `Nd`, `Nh`, `Nm`, `Ns`, `Nms`, in this order, each at most once and at
    /// least one; nil for any other form and where a number or the sum does not fit.
    package init?(_ text: Text) {
        let bytes = Array(text.string.utf8)
        var index = 0
        let negative = bytes.first == UInt8(ascii: "-")
        if negative { index = 1 }
        var terms: [(count: UInt64, unit: Unit)] = []
        while index < bytes.count {
            var count: UInt64 = 0
            let start = index
            while index < bytes.count, ASCII.isDigit(bytes[index]) {
                let (product, overflowed) = count.multipliedReportingOverflow(by: 10)
                let (sum, carried) = product.addingReportingOverflow(UInt64(bytes[index] - 0x30))
                if overflowed || carried { return nil }
                count = sum
                index += 1
            }
            guard index > start, let unit = Unit(bytes, &index) else { return nil }
            if let last = terms.last, last.unit.rawValue >= unit.rawValue { return nil }
            terms.append((count, unit))
        }
        guard !terms.isEmpty else { return nil }
        // From the smallest unit up, the sign on each term: only so is the least duration readable.
        var total: Int64 = 0
        for (count, unit) in terms.reversed() {
            let sign: Int64 = negative ? -1 : 1
            let scale = unit.milliseconds * sign
            guard let term = DurationValue.product(count, scale) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(term)
            if overflow { return nil }
            total = sum
        }
        milliseconds = total
    }

    package static func < (left: DurationValue, right: DurationValue) -> Bool {
        left.milliseconds < right.milliseconds
    }

    private static func product(_ count: UInt64, _ scale: Int64) -> Int64? {
        let (high, low) = count.multipliedFullWidth(by: scale.magnitude)
        guard high == 0 else { return nil }
        if scale < 0 { return low <= Int64.min.magnitude ? Int64(truncatingIfNeeded: 0 &- low) : nil }
        return Int64(exactly: low)
    }

    private enum Unit: Int {
        case day, hour, minute, second, millisecond

        init?(_ bytes: [UInt8], _ index: inout Int) {
            guard index < bytes.count else { return nil }
            let next = index + 1 < bytes.count ? bytes[index + 1] : 0
            switch (bytes[index], next) {
            case (UInt8(ascii: "d"), _): self = .day
            case (UInt8(ascii: "h"), _): self = .hour
            case (UInt8(ascii: "m"), UInt8(ascii: "s")):
                self = .millisecond
                index += 1
            case (UInt8(ascii: "m"), _): self = .minute
            case (UInt8(ascii: "s"), _): self = .second
            default: return nil
            }
            index += 1
        }

        var milliseconds: Int64 {
            switch self {
            case .day: 86_400_000
            case .hour: 3_600_000
            case .minute: 60_000
            case .second: 1000
            case .millisecond: 1
            }
        }
    }
}
