// SPDX-License-Identifier: Apache-2.0
import Bytes

/// The escapes of string literals and of patterns, both ways.
enum Escape {
    enum Mode {
        case string, pattern
    }

    /// The scalars of a literal between its quotes; in a pattern also what a star means.
    /// - Returns: nil for an unknown escape, a raw carriage return, `\x` above 7F, or `\u` outside Unicode.
    static func elements(_ bytes: ArraySlice<UInt8>, _ mode: Mode) -> [Pattern.Element]? {
        var elements: [Pattern.Element] = []
        var scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            switch scalar {
            case "\r": return nil
            case "\\":
                guard let kind = scalars.popFirst() else { return nil }
                if kind == "*", mode == .pattern {
                    elements.append(.scalar("*"))
                } else {
                    guard let value = escaped(kind, &scalars) else { return nil }
                    // A star that was written by its number is a wildcard too: so the reference has it.
                    elements.append(value == "*" && mode == .pattern ? .wildcard : .scalar(value))
                }
            case "*" where mode == .pattern: elements.append(.wildcard)
            default: elements.append(.scalar(scalar))
            }
        }
        return elements
    }

    static func unescape(_ bytes: ArraySlice<UInt8>) -> Text? {
        if !bytes.contains(UInt8(ascii: "\\")), !bytes.contains(ASCII.carriageReturn) {
            return Text(String(decoding: bytes, as: UTF8.self))
        }
        guard let elements = elements(bytes, .string) else { return nil }
        var string = String.UnicodeScalarView()
        for element in elements {
            if case .scalar(let scalar) = element { string.append(scalar) }
        }
        return Text(String(string))
    }

    private static func escaped(
        _ kind: Unicode.Scalar,
        _ rest: inout Substring.UnicodeScalarView
    ) -> Unicode.Scalar? {
        switch kind {
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "0": return "\0"
        case "\\", "'", "\"": return kind
        case "x":
            guard let high = hexDigit(rest.popFirst()), let low = hexDigit(rest.popFirst()), high < 8 else {
                return nil
            }
            return Unicode.Scalar(high << 4 | low)
        case "u": return braced(&rest)
        default: return nil
        }
    }

    private static func braced(_ rest: inout Substring.UnicodeScalarView) -> Unicode.Scalar? {
        guard rest.popFirst() == "{" else { return nil }
        var value: UInt32 = 0
        var digits = 0
        while let scalar = rest.popFirst() {
            if scalar == "}" { return digits > 0 ? Unicode.Scalar(value) : nil }
            if scalar == "_", digits > 0 { continue }
            guard let digit = hexDigit(scalar), digits < 6 else { return nil }
            value = value << 4 | digit
            digits += 1
        }
        return nil
    }

    private static func hexDigit(_ scalar: Unicode.Scalar?) -> UInt32? {
        guard let scalar, scalar.isASCII else { return nil }
        return ASCII.hexValue(UInt8(scalar.value)).map { UInt32($0) }
    }

    /// A literal that reads back as `string`, quotes included.
    static func quoted(_ string: String) -> String {
        var text = "\""
        for scalar in string.unicodeScalars { text += written(scalar) }
        return text + "\""
    }

    static func quoted(_ pattern: Pattern) -> String {
        var text = "\""
        for element in pattern.elements {
            switch element {
            case .wildcard: text += "*"
            case .scalar("*"): text += "\\*"
            case .scalar(let scalar): text += written(scalar)
            }
        }
        return text + "\""
    }

    private static func written(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": "\\\""
        case "\\": "\\\\"
        case "\n": "\\n"
        case "\r": "\\r"
        case "\t": "\\t"
        case "\0": "\\0"
        case _ where scalar.properties.generalCategory.isInvisible: "\\u{\(String(scalar.value, radix: 16))}"
        default: String(scalar)
        }
    }
}

extension Unicode.GeneralCategory {
    /// Nothing that a reader would see, or that could reorder what they see.
    fileprivate var isInvisible: Bool {
        switch self {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
            true
        default: false
        }
    }
}
