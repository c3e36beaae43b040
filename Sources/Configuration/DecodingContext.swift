// SPDX-License-Identifier: Apache-2.0
import Bytes

extension YAML {
    /// One reading of one document: what it is called, what `${NAME}` stands for, and everything that was found
    /// wrong so far. Decoders note problems and go on with a placeholder; `finish` throws them all at once.
    package final class Context {
        package let file: String
        private let environment: [String: String]?
        private var problems: [Configuration.Problem] = []
        /// Where each value stands, by its path (`listeners[0].tls.certificate`).
        private(set) var positions: [String: Position] = [:]
        /// Every key that a decoder asked for, by its pattern (`listeners[].tls.certificate`, `tiers.*.weight`).
        /// A test holds the documentation against it.
        package private(set) var knownKeys: Set<String> = []

        /// - Parameter environment: what `${NAME}` is filled from; nil leaves such text alone.
        package init(file: String, environment: [String: String]? = nil) {
            self.file = file
            self.environment = environment
        }

        package func root(_ node: Node) -> Value {
            Value(context: self, node: node, path: "", pattern: "")
        }

        package func note(_ position: Position, _ message: String) {
            problems.append(.init(file: file, position: position, message: message))
        }

        /// - Throws: all that was noted, if anything was.
        package func finish() throws(Configuration.Problems) {
            guard problems.isEmpty else { throw Configuration.Problems(problems) }
        }

        func record(path: String, pattern: String, position: Position?) {
            knownKeys.insert(pattern)
            if let position { positions[path] = position }
        }

        /// A path of the file system; relative ones are relative to the folder of the file (DESIGN §11).
        func resolved(_ path: String) -> String {
            guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
            return file[...slash] + path
        }
    }

    /// A scalar's text with the environment filled in.
    struct Expansion {
        var text: String
        /// Whether any of it came from the environment: then it may be a secret, and has no type of its own.
        var isFilled: Bool
    }
}

extension YAML.Context {
    /// Fills `${NAME}` and `${NAME:-otherwise}` (taken when unset or empty); `$${` stands for `${`.
    /// Nil, with a problem noted, for an unset name or a brace that is not closed.
    func expand(_ text: String, at position: YAML.Position) -> YAML.Expansion? {
        guard let environment, text.utf8.contains(UInt8(ascii: "$")) else {
            return YAML.Expansion(text: text, isFilled: false)
        }
        var result = ""
        var isFilled = false
        var rest = Substring(text)
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[dollar...]
            if rest.hasPrefix("$${") {
                result += "${"
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("${") {
                guard let end = rest.firstIndex(of: "}") else {
                    note(position, "\"${\" without \"}\"; write \"$${\" for the characters themselves")
                    return nil
                }
                let inside = rest[rest.index(rest.startIndex, offsetBy: 2)..<end]
                guard let value = value(of: inside, in: environment, at: position) else { return nil }
                result += value
                isFilled = true
                rest = rest[rest.index(after: end)...]
            } else {
                result += "$"
                rest = rest.dropFirst()
            }
        }
        return YAML.Expansion(text: result + rest, isFilled: isFilled)
    }

    /// Whether `expand` would ask the environment for any of it.
    func isFilled(_ text: String) -> Bool {
        environment != nil && text.replacing("$${", with: "").contains("${")
    }

    private func value(
        of reference: Substring,
        in environment: [String: String],
        at position: YAML.Position
    ) -> String? {
        var name = reference
        var otherwise: Substring?
        if let colon = reference.firstIndex(of: ":") {
            let rest = reference[colon...]
            guard rest.hasPrefix(":-") else {
                note(position, "\"${\(reference)}\": expected ${NAME} or ${NAME:-otherwise}")
                return nil
            }
            name = reference[..<colon]
            otherwise = rest.dropFirst(2)
        }
        guard isVariableName(name) else {
            note(position, "\"${\(reference)}\": expected a name of letters, digits and _")
            return nil
        }
        let value = environment[String(name)]
        if let otherwise { return value == nil || value == "" ? String(otherwise) : value }
        if value == nil { note(position, "environment variable \(name) is not set") }
        return value
    }
}

private func isVariableName(_ name: Substring) -> Bool {
    guard let first = name.utf8.first, !ASCII.isDigit(first) else { return false }
    return name.utf8.allSatisfy { ASCII.isAlphanumeric($0) || $0 == UInt8(ascii: "_") }
}
