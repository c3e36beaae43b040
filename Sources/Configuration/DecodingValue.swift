// SPDX-License-Identifier: Apache-2.0
package import Bytes

extension YAML {
    /// A node on its way into the model. Each getter answers nil with a problem noted when the node is not what
    /// is wanted, so that a decoder writes `value.integer(in: 1...9) ?? 1` and goes on.
    package struct Value {
        package let context: Context
        package let node: Node
        /// `listeners[0].tls`, for messages and for `Configuration.problem(at:)`.
        package let path: String
        let pattern: String

        package var position: Position { node.position }

        package func note(_ message: String) {
            context.note(position, path.isEmpty ? message : "\(path): \(message)")
        }

        func noteExpected(_ what: String) {
            note("expected \(what), found \(found)")
        }

        /// Where a mapping or a list is wanted, a text may be a secret that went astray.
        func noteExpectedShape(_ what: String) {
            if case .scalar(let scalar) = node.content, scalar.kind == .text {
                note("expected \(what), found a text")
            } else {
                noteExpected(what)
            }
        }

        /// How the text of the file shows in messages: as written, never what the environment made of it.
        private var found: String {
            switch node.content {
            case .sequence: "a list"
            case .mapping: "a mapping"
            case .scalar(let scalar) where scalar.kind == .null: "null"
            case .scalar(let scalar) where scalar.kind == .text: "\"\(scalar.text.prefix(80))\""
            case .scalar(let scalar): String(scalar.text.prefix(80))
            }
        }
    }
}

extension YAML.Value {
    /// Reads a mapping with known keys; those that `body` did not ask for are problems.
    package func section<T>(_ body: (inout YAML.Section) -> T) -> T? {
        guard case .mapping(let entries) = node.content else {
            noteExpectedShape("a mapping")
            return nil
        }
        var section = YAML.Section(value: self, entries: entries)
        let result = body(&section)
        section.noteUnknownKeys()
        return result
    }

    /// The items of a list. Limits: `count` items.
    package func list(count: ClosedRange<Int> = 0...100_000) -> [YAML.Value]? {
        guard case .sequence(let nodes) = node.content else {
            noteExpectedShape("a list")
            return nil
        }
        guard count.contains(nodes.count) else {
            note(
                nodes.count < count.lowerBound
                    ? "expected at least \(count.lowerBound) in the list, found \(nodes.count)"
                    : "expected at most \(count.upperBound) in the list, found \(nodes.count)"
            )
            return nil
        }
        return nodes.enumerated().map { index, node in
            let path = "\(path)[\(index)]"
            context.record(path: path, pattern: "\(pattern)[]", position: node.position)
            return YAML.Value(context: context, node: node, path: path, pattern: "\(pattern)[]")
        }
    }

    /// The entries of a mapping whose keys are names that the user chooses, in the order of the file.
    package func map() -> [(name: String, namePosition: YAML.Position, value: YAML.Value)]? {
        guard case .mapping(let entries) = node.content else {
            noteExpectedShape("a mapping")
            return nil
        }
        return entries.map { entry in
            let path = path.isEmpty ? entry.key : "\(path).\(entry.key)"
            let pattern = pattern.isEmpty ? "*" : "\(pattern).*"
            context.record(path: path, pattern: pattern, position: entry.value.position)
            let value = YAML.Value(context: context, node: entry.value, path: path, pattern: pattern)
            return (entry.key, entry.keyPosition, value)
        }
    }

    /// Limits: `count` bytes of UTF-8. A plain number, `true` or `null` is no text unless quoted.
    package func string(count: ClosedRange<Int> = 1...4096) -> String? {
        guard let (scalar, expansion) = expanded("a text") else { return nil }
        guard scalar.kind == .text || expansion.isFilled else {
            noteExpected("a text (in quotes)")
            return nil
        }
        let bytes = expansion.text.utf8.count
        guard count.contains(bytes) else {
            if bytes == 0 {
                note("expected a text, found an empty one")
            } else {
                note("expected a text of \(count.lowerBound) to \(count.upperBound) bytes, found \(bytes)")
            }
            return nil
        }
        return expansion.text
    }

    /// A list of texts; one that stands twice is a problem.
    package func strings(count: ClosedRange<Int> = 1...1000) -> [String]? {
        guard let items = list(count: count) else { return nil }
        var strings: [String] = []
        for item in items {
            guard let text = item.string() else { continue }
            if strings.contains(text) {
                item.note("stands twice in the list")
            } else {
                strings.append(text)
            }
        }
        return strings
    }

    package func boolean() -> Bool? {
        guard let (scalar, expansion) = expanded("true or false") else { return nil }
        guard kind(scalar, expansion) == .boolean else {
            noteExpected("true or false")
            return nil
        }
        return expansion.text.utf8.first.map { $0 | 0x20 } == UInt8(ascii: "t")
    }

    package func integer(in range: ClosedRange<Int>) -> Int? {
        let what = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let (scalar, expansion) = expanded(what) else { return nil }
        guard kind(scalar, expansion) == .integer, let number = Self.integer(expansion.text),
            range.contains(number)
        else {
            noteExpected(what)
            return nil
        }
        return number
    }

    /// A decimal number.
    package func number(in range: ClosedRange<Double>) -> Double? {
        let what = "a number from \(range.lowerBound) to \(range.upperBound)"
        guard let (scalar, expansion) = expanded(what) else { return nil }
        let kind = kind(scalar, expansion)
        guard kind == .integer || kind == .float, let number = Double(expansion.text), range.contains(number)
        else {
            noteExpected(what)
            return nil
        }
        return number
    }

    /// `250ms`, `30s`, `5m`, `24h`, `7d`: a whole number and its unit.
    package func duration(in range: ClosedRange<Interval>) -> Interval? {
        let what = "a duration such as 250ms, 30s, 5m or 24h"
        guard let (_, expansion) = expanded(what) else { return nil }
        guard let duration = Interval(configured: expansion.text) else {
            noteExpected(what)
            return nil
        }
        guard range.contains(duration) else {
            let low = range.lowerBound.configured
            noteExpected("a duration from \(low) to \(range.upperBound.configured)")
            return nil
        }
        return duration
    }

    /// Bytes: a whole number, or one with the unit `KiB`, `MiB` or `GiB`.
    package func size(in range: ClosedRange<Int>) -> Int? {
        let what = "a size such as 4096, 64KiB, 1MiB or 2GiB"
        guard let (_, expansion) = expanded(what) else { return nil }
        guard let size = Self.size(expansion.text) else {
            noteExpected(what)
            return nil
        }
        guard range.contains(size) else {
            let high = Self.size(range.upperBound)
            noteExpected("a size from \(Self.size(range.lowerBound)) to \(high)")
            return nil
        }
        return size
    }

    /// One of the allowed words.
    /// - Parameter refused: words that the language has and this version has not, with what to say of each.
    package func choice<T>(_ allowed: [(String, T)], refused: [String: String] = [:]) -> T? {
        let words = allowed.map(\.0).joined(separator: ", ")
        let what = allowed.count == 1 ? words : "one of \(words)"
        guard let (_, expansion) = expanded(what) else { return nil }
        if let match = allowed.first(where: { $0.0 == expansion.text }) { return match.1 }
        if let reason = refused[expansion.text] {
            note("\(expansion.text) \(reason); expected \(what)")
            return nil
        }
        noteExpected(what)
        return nil
    }

    /// One case of an enumeration by its raw value.
    package func choice<T: CaseIterable & RawRepresentable<String>>(
        _ type: T.Type,
        refused: [String: String] = [:]
    ) -> T? {
        choice(T.allCases.map { ($0.rawValue, $0) }, refused: refused)
    }

    /// A path of the file system, made absolute or relative to the working folder by way of the file's own.
    package func filePath() -> String? { string().map(context.resolved) }

    /// A scalar with the environment filled in, or nil with a problem noted.
    func expanded(_ what: String) -> (YAML.Scalar, YAML.Expansion)? {
        guard case .scalar(let scalar) = node.content else {
            noteExpected(what)
            return nil
        }
        guard let expansion = context.expand(scalar.text, at: position) else { return nil }
        return (scalar, expansion)
    }

    /// Whether the environment had a part in the text.
    var isFilled: Bool {
        guard case .scalar(let scalar) = node.content else { return false }
        return context.isFilled(scalar.text)
    }

    private func kind(_ scalar: YAML.Scalar, _ expansion: YAML.Expansion) -> YAML.Kind {
        expansion.isFilled ? YAML.Scalar.kind(ofPlain: expansion.text) : scalar.kind
    }
}
