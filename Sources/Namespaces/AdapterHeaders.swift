// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// The headers that a table says something of, for one direction. A name that ends in `*` in the table stands for all
/// that begin so.
struct AdapterHeaders: Sendable {
    private struct Entry: Sendable {
        var start: Int
        var count: Int
        var isPrefix: Bool
        var rule: AdapterRule
    }

    private var text: [UInt8] = []
    private var entries: [Entry] = []

    init() {}

    /// - Parameter headers: names in lower case with `-` and not `_`, without the `*`.
    init(_ headers: [(name: [UInt8], isPrefix: Bool, rule: AdapterRule)]) {
        // The first that matches decides: whole names, then the longest prefix.
        let sorted = headers.sorted {
            $0.isPrefix != $1.isPrefix ? !$0.isPrefix : $0.name.count > $1.name.count
        }
        for (name, isPrefix, rule) in sorted {
            entries.append(Entry(start: text.count, count: name.count, isPrefix: isPrefix, rule: rule))
            text += name
        }
    }

    /// The rule of a header, or nil where the table says nothing. A name that is a declared one but for `_` in the
    /// place of `-` is dropped: some readers take it for the other.
    func rule(_ name: borrowing Span<UInt8>) -> AdapterRule? {
        for entry in entries {
            guard entry.isPrefix ? name.count >= entry.count : name.count == entry.count else { continue }
            let expected = text.span.extracting(entry.start..<entry.start + entry.count)
            switch Self.compare(name, expected) {
            case .same: return entry.rule
            case .folded: return .drop
            case .other: continue
            }
        }
        return nil
    }

    private enum Comparison {
        case same, folded, other
    }

    private static func compare(
        _ name: borrowing Span<UInt8>,
        _ expected: borrowing Span<UInt8>
    ) -> Comparison {
        var result = Comparison.same
        for index in expected.indices {
            let byte = ASCII.lowercased(name[index])
            if byte == expected[index] { continue }
            guard byte == UInt8(ascii: "_"), expected[index] == UInt8(ascii: "-") else { return .other }
            result = .folded
        }
        return result
    }
}
