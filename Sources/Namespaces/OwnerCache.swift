// SPDX-License-Identifier: Apache-2.0

/// What one worker knows of the owners of ids that can bear no seal: numbers that a store counts (`own: number`).
///
/// The truth is a table on the control thread. A transform that meets an id which is not known here notes what it would
/// have to know and goes on with a placeholder; whoever runs it looks at `missing` afterwards, throws away what came out,
/// has the questions answered (all at once), and runs it again. What is known is never changed (THREATS 14), so it may
/// be kept; that somebody owns nothing is true for a moment only, so it is forgotten with the exchange that asked.
package final class OwnerCache {
    package struct Query: Hashable, Sendable {
        package enum Ask: Hashable, Sendable {
            /// Which of the store's ids the compartment calls by this number.
            case real(of: Int64)
            /// What the compartment calls one of the store's ids.
            case number(of: [UInt8])
            /// The same, of one that the store has just made for this compartment.
            case created([UInt8])
        }

        /// One space of ids: an upstream, and the name of the rewrite.
        package let space: [UInt8]
        package let compartment: [UInt8]
        package let ask: Ask
    }

    package enum Answer: Equatable, Sendable {
        case real([UInt8])
        case number(Int64)
        /// Nobody's, or another's: the same to whoever asks.
        case unowned
    }

    /// Most that is kept; beyond it all is forgotten and asked for again.
    private static let maximumCount = 65_536

    private let echoes: Bool
    private var known: [Query: Answer] = [:]
    private var passing: [Query: Answer] = [:]
    /// What the last transform would have had to know.
    package private(set) var missing: [Query] = []

    /// - Parameter echoes: for the examples of a table: everything is the compartment's own, under the store's number.
    package init(echoes: Bool = false) { self.echoes = echoes }

    /// Nil when it has to be asked for; it is noted.
    func find(_ query: Query) -> Answer? {
        if echoes { return Self.echo(query.ask) }
        if let answer = known[query] ?? passing[query] { return answer }
        if !missing.contains(query) { missing.append(query) }
        return nil
    }

    private static func echo(_ ask: Query.Ask) -> Answer {
        switch ask {
        case .real(let number): .real(Array("\(number)".utf8))
        case .number(let id), .created(let id): IDNumber.parse(id.span).map { .number($0) } ?? .unowned
        }
    }

    /// Before a transform.
    package func begin() { if !missing.isEmpty { missing.removeAll(keepingCapacity: true) } }

    /// Before an exchange, and before its answer: what others were told is nothing that it may rely on.
    package func forget() {
        if !passing.isEmpty { passing.removeAll() }
        begin()
    }

    package func learn(_ queries: [Query], _ answers: [Answer]) {
        if known.count + queries.count > Self.maximumCount { known.removeAll() }
        for (query, answer) in zip(queries, answers) {
            switch answer {
            case .real, .number: known[query] = answer
            case .unowned: passing[query] = answer
            }
        }
    }
}

/// Numbers as stores write ids: decimal, positive, without leading zeros, at most 18 digits.
enum IDNumber {
    static func parse(_ text: borrowing Span<UInt8>) -> Int64? {
        guard (1...18).contains(text.count), text[0] != 0x30 || text.count == 1 else { return nil }
        var value: Int64 = 0
        for index in text.indices {
            guard (0x30...0x39).contains(text[index]) else { return nil }
            value = value * 10 + Int64(text[index] - 0x30)
        }
        return value
    }
}
