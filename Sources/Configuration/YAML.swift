// SPDX-License-Identifier: Apache-2.0
import Bytes

/// YAML as configuration needs it: one document, no anchors or aliases, no tags but `!!str`, no key twice.
/// Scalars are resolved by the core schema of YAML 1.2.2 §10.3 and only when written plain, so `no` is a text
/// and `"1"` is not a number.
package enum YAML {
    /// Counted from 1, in lines and characters, as editors do.
    package struct Position: Hashable, Comparable, Sendable {
        package var line: Int
        package var column: Int

        package init(line: Int, column: Int) {
            self.line = line
            self.column = column
        }

        package static func < (left: Position, right: Position) -> Bool {
            (left.line, left.column) < (right.line, right.column)
        }
    }

    package enum Style: Hashable, Sendable {
        case plain, quoted, block
    }

    /// What a scalar is by the core schema. `text` for everything that is not written plain.
    package enum Kind: Hashable, Sendable {
        case null, boolean, integer, float, text
    }

    package struct Scalar: Hashable, Sendable {
        package var text: String
        package var style: Style
        package var kind: Kind

        package init(text: String, style: Style, kind: Kind) {
            self.text = text
            self.style = style
            self.kind = kind
        }
    }

    /// A key and its value, in the order of the file.
    package struct Entry: Equatable, Sendable {
        package var key: String
        package var keyPosition: Position
        package var value: Node
    }

    package struct Node: Equatable, Sendable {
        package indirect enum Content: Equatable, Sendable {
            case scalar(Scalar)
            case sequence([Node])
            case mapping([Entry])
        }

        package var content: Content
        /// Where the value begins: its first character, the first `-`, or the first key.
        package var position: Position

        package init(_ content: Content, at position: Position) {
            self.content = content
            self.position = position
        }

        package var isNull: Bool {
            if case .scalar(let scalar) = content { scalar.kind == .null } else { false }
        }

        /// The value under `key`; nil when there is none, or when this is no mapping. Cost: O(entries).
        package subscript(key: String) -> Node? {
            guard case .mapping(let entries) = content else { return nil }
            return entries.first { $0.key == key }?.value
        }
    }

    /// Bytes of the file, levels of nesting, nodes in all.
    package struct Limits: Sendable {
        package var bytes: Int
        package var depth: Int
        package var nodes: Int

        package init(bytes: Int = 16 << 20, depth: Int = 32, nodes: Int = 1 << 20) {
            self.bytes = bytes
            self.depth = depth
            self.nodes = nodes
        }
    }

    /// The document of a file.
    /// - Throws: every duplicate key, alias, anchor and tag; or the one place where it is no YAML at all.
    package static func parse(
        _ bytes: borrowing Span<UInt8>,
        file: String,
        limits: Limits = Limits()
    ) throws(Configuration.Problems) -> Node {
        let start = Position(line: 1, column: 1)
        guard bytes.count <= limits.bytes else {
            let message = "the file is larger than \(limits.bytes) bytes"
            throw Configuration.Problems([.init(file: file, position: start, message: message)])
        }
        guard let events = YAMLEvents(bytes) else {
            throw Configuration.Problems([.init(file: file, position: start, message: "not enough memory")])
        }
        var composer = YAMLComposer(events: events, file: file, limits: limits)
        return try composer.document()
    }
}

extension YAML.Scalar {
    /// The kind that the core schema gives a plain scalar.
    static func kind(ofPlain text: String) -> YAML.Kind {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE", "false", "False", "FALSE": return .boolean
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", ".nan", ".NaN",
            ".NAN":
            return .float
        default: return numberKind(Array(text.utf8))
        }
    }

    private static func numberKind(_ text: [UInt8]) -> YAML.Kind {
        if text.count > 2, text[0] == UInt8(ascii: "0") {
            let digits = text.dropFirst(2)
            if text[1] == UInt8(ascii: "x"), digits.allSatisfy({ isHex($0) }) { return .integer }
            if text[1] == UInt8(ascii: "o"), digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x37 }) {
                return .integer
            }
        }
        var rest = text[...]
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            rest.removeFirst()
        }
        let whole = rest.prefix(while: isDigit)
        rest = rest.dropFirst(whole.count)
        if rest.isEmpty { return whole.isEmpty ? .text : .integer }
        var fraction = rest.prefix(0)
        if rest.first == UInt8(ascii: ".") {
            fraction = rest.dropFirst().prefix(while: isDigit)
            rest = rest.dropFirst(1 + fraction.count)
        }
        if whole.isEmpty && fraction.isEmpty { return .text }
        if rest.isEmpty { return .float }
        guard rest.removeFirst() | 0x20 == UInt8(ascii: "e") else { return .text }
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            rest.removeFirst()
        }
        return !rest.isEmpty && rest.allSatisfy(isDigit) ? .float : .text
    }

    private static func isDigit(_ byte: UInt8) -> Bool { ASCII.isDigit(byte) }

    private static func isHex(_ byte: UInt8) -> Bool { ASCII.hexValue(byte) != nil }
}
