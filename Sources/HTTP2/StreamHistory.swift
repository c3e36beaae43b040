// SPDX-License-Identifier: Apache-2.0

/// What streams that are gone were: a head on one of them is an error of one kind or another, or none at all
/// (RFC 9113 §5.1, §5.1.1). Bounded: what is forgotten counts as closed by both sides.
struct StreamHistory {
    enum Verdict: Equatable {
        case new
        /// It was skipped when a higher one was opened, and so can never be.
        case skipped
        /// We reset it; what the peer had sent before it knew is dropped.
        case resetByUs
        case closed
    }

    static let skippedRanges = 64
    static let remembered = 512

    private var last: Int32 = -1
    private var skipped: [ClosedRange<Int32>] = []
    private var resets: [Int32] = []
    private var nextReset = 0

    /// A head came on a stream with an odd number.
    mutating func opens(_ id: Int32) -> Verdict {
        guard id <= last else {
            if id > last + 2 {
                if skipped.count == Self.skippedRanges { skipped.removeFirst() }
                skipped.append(last + 2...id - 2)
            }
            last = id
            return .new
        }
        return verdict(id)
    }

    /// What a stream is that is not open.
    func verdict(_ id: Int32) -> Verdict {
        if id > last { return .new }
        if skipped.contains(where: { $0.contains(id) }) { return .skipped }
        return resets.contains(id) ? .resetByUs : .closed
    }

    mutating func reset(_ id: Int32) {
        if resets.count < Self.remembered {
            resets.append(id)
        } else {
            resets[nextReset] = id
            nextReset = (nextReset + 1) % Self.remembered
        }
    }
}
