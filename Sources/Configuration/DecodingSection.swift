// SPDX-License-Identifier: Apache-2.0

extension YAML {
    /// A mapping whose keys are known: what is not asked for is an error when `Value.section` ends.
    package struct Section {
        package let value: Value
        private let entries: [Entry]
        private var asked: [String] = []
        private var isSkipped = false

        init(value: Value, entries: [Entry]) {
            self.value = value
            self.entries = entries
        }

        package var position: Position { value.position }

        /// The value under `key`; nil when it is absent or null.
        package mutating func value(_ key: String) -> Value? {
            guard let found = find(key), !found.node.isNull else { return nil }
            return found
        }

        /// The value under `key`; when it is absent or null, a problem and nil.
        package mutating func required(_ key: String) -> Value? {
            guard let found = find(key) else {
                value.note("missing key \"\(key)\"")
                return nil
            }
            guard !found.node.isNull else {
                found.note("expected a value, found null")
                return nil
            }
            return found
        }

        /// Whether the key is written with null, for those where that says something else than leaving it out.
        package mutating func isNull(_ key: String) -> Bool { find(key)?.node.isNull ?? false }

        /// Accepts null and nothing else for a key that the language has and this version has not.
        package mutating func unsupported(_ key: String, _ what: String) {
            value(key)?.note("\(what) is not in this version; leave it out or write null")
        }

        /// Leaves the keys that were not asked for in peace: what is wrong with the mapping has been said.
        package mutating func skipRest() { isSkipped = true }

        private mutating func find(_ key: String) -> Value? {
            asked.append(key)
            let node = entries.first { $0.key == key }?.value
            let path = value.path.isEmpty ? key : "\(value.path).\(key)"
            let pattern = value.pattern.isEmpty ? key : "\(value.pattern).\(key)"
            value.context.record(path: path, pattern: pattern, position: node?.position)
            return node.map { Value(context: value.context, node: $0, path: path, pattern: pattern) }
        }

        func noteUnknownKeys() {
            guard !isSkipped else { return }
            for entry in entries where !asked.contains(entry.key) {
                let place = value.path.isEmpty ? "" : " in \(value.path)"
                let hint: String
                if let near = Spelling.nearest(to: entry.key, among: asked) {
                    hint = "did you mean \"\(near)\"?"
                } else {
                    hint = "known keys: \(asked.sorted().joined(separator: ", "))"
                }
                value.context.note(entry.keyPosition, "unknown key \"\(entry.key)\"\(place); \(hint)")
            }
        }
    }
}

/// Finds what somebody probably meant.
enum Spelling {
    /// The candidate that is at most two edits away (one for short words), or nil.
    static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        let limit = word.utf8.count < 5 ? 1 : 2
        let written = Array(word.lowercased().utf8)
        var best: (distance: Int, word: String)?
        for candidate in candidates {
            let distance = distance(written, Array(candidate.lowercased().utf8))
            guard distance <= limit, distance < best?.distance ?? .max else { continue }
            best = (distance, candidate)
        }
        return best?.word
    }

    /// What to say of a name that stands for nothing.
    static func unknown(_ what: String, _ name: String, among known: [String]) -> String {
        if let near = nearest(to: name, among: known) {
            return "there is no \(what) \"\(name)\"; did you mean \"\(near)\"?"
        }
        guard !known.isEmpty else { return "there is no \(what) \"\(name)\"" }
        return "there is no \(what) \"\(name)\"; known: \(known.sorted().prefix(20).joined(separator: ", "))"
    }

    /// Levenshtein's, with two neighbours swapped as one edit. Words are capped so that a hostile key costs
    /// nothing.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        guard left.count <= 64, right.count <= 64 else { return .max }
        var before: [Int] = []
        var previous = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            for column in right.indices {
                let replaced = previous[column] + (left[row] == right[column] ? 0 : 1)
                var best = min(replaced, previous[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    best = min(best, before[column - 1] + 1)
                }
                current.append(best)
            }
            before = previous
            previous = current
        }
        return previous[right.count]
    }
}
