// SPDX-License-Identifier: Apache-2.0
import Foundation

/// One Swift file, with what is no code blanked out: comments and the insides of strings become spaces, so that lines
/// and columns stay.
struct SourceFile: Sendable {
    /// From the package's root: `Sources/Bytes/Buffer.swift`.
    let path: String
    let lines: [String]
    let code: [String]
    private let text: String

    var name: String { path.split(separator: "/").last.map(String.init) ?? path }
    /// The target's folder, for what lies in `Sources`.
    var target: String { path.split(separator: "/").dropFirst().first.map(String.init) ?? "" }

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var blanker = Blanker(text)
        self.text = blanker.run()
        code = self.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    /// Numbers of the lines, from 1, in whose code the pattern stands.
    func lines(matching pattern: Pattern) -> [Int] { pattern.lines(of: text) }

    /// The modules that it imports.
    var imports: [String] {
        lines(matching: Self.importing).compactMap { number in
            let line = code[number - 1]
            guard let range = line.range(of: "import ") else { return nil }
            return String(line[range.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "_" })
        }
    }

    private static let importing = Pattern(#"^\s*(@\w+ )?(\w+ )?import \w"#)
    private static let opening = Pattern(
        #"^\s*(@\w+(\([^)]*\))?\s+)*(\w+(\([a-z]+\))?\s+)*(func\s+\S|init[?(<]|deinit\b|subscript[(<])"#
    )

    struct Function {
        var line: Int
        var count: Int
    }

    /// Bodies of functions, initialisers and the like: where they begin, and how many lines stand between the braces.
    var functions: [Function] {
        lines(matching: Self.opening).compactMap { number in
            bodyCount(from: number - 1).map { Function(line: number, count: $0) }
        }
    }

    /// Nil for a requirement without a body.
    private func bodyCount(from start: Int) -> Int? {
        var parentheses = 0
        var braces = 0
        var opened: Int?
        for index in start..<code.count {
            if index > start, opened == nil, parentheses == 0,
                code[index].trimmingCharacters(in: .whitespaces).isEmpty
            {
                return nil
            }
            for character in code[index].utf8 {
                switch character {
                case UInt8(ascii: "("): parentheses += 1
                case UInt8(ascii: ")"): parentheses -= 1
                case UInt8(ascii: "{"):
                    if opened == nil, parentheses == 0 { opened = index }
                    braces += 1
                case UInt8(ascii: "}"):
                    braces -= 1
                    if braces < 0 { return nil }
                    if let opened, braces == 0 { return max(index - opened - 1, 0) }
                default: break
                }
            }
        }
        return nil
    }

    /// Switches over something of that name which have a `default:` of their own; numbers of its lines.
    func defaults(inSwitchesOver subjects: String) -> [Int] {
        let switches = lines(matching: Pattern("switch +(consume +)?([\\w.]+\\.)?(\(subjects)) *\\{"))
        if switches.isEmpty { return [] }
        let defaults = lines(matching: Self.defaulting)
        return defaults.filter { line in switches.contains { innermostSwitch(around: line) == $0 } }
    }

    private static let defaulting = Pattern(#"^\s*default:"#)

    /// The line, from 1, with the brace that was opened last before a line and is still open there.
    private func innermostSwitch(around line: Int) -> Int? {
        var open: [Int] = []
        for index in 0..<line - 1 {
            for character in code[index].utf8 {
                if character == UInt8(ascii: "{") { open.append(index + 1) }
                if character == UInt8(ascii: "}") { _ = open.popLast() }
            }
        }
        return open.last
    }
}

/// A regular expression whose `^` is the beginning of a line; compiled once.
struct Pattern: Sendable, ExpressibleByStringLiteral {
    private let expression: NSRegularExpression?

    init(_ text: String) {
        expression = try? NSRegularExpression(pattern: text, options: .anchorsMatchLines)
    }

    init(stringLiteral text: String) { self.init(text) }

    /// Numbers of the lines, from 1, with a match's beginning.
    func lines(of text: String) -> [Int] {
        guard let expression else { preconditionFailure("a pattern of these tests is wrong") }
        let whole = text as NSString
        let matches = expression.matches(in: text, range: NSRange(location: 0, length: whole.length))
        var lines: [Int] = []
        var line = 1
        var position = 0
        for match in matches {
            // `\\s*` after `^` may have begun on an empty line before.
            var start = match.range.location
            while start < NSMaxRange(match.range), Self.isSpace(whole.character(at: start)) { start += 1 }
            while position < start {
                if whole.character(at: position) == 10 { line += 1 }
                position += 1
            }
            if lines.last != line { lines.append(line) }
        }
        return lines
    }

    private static func isSpace(_ unit: unichar) -> Bool { unit == 10 || unit == 32 }
}

/// Blanks comments and strings. Knows line and block comments, plain, raw and multi-line strings, and interpolations,
/// whose code is blanked with the string around it.
private struct Blanker {
    private let text: [UInt8]
    private var output: [UInt8] = []
    private var position = 0

    private static let quote = UInt8(ascii: "\"")
    private static let hash = UInt8(ascii: "#")
    private static let newline = UInt8(ascii: "\n")

    init(_ text: String) {
        self.text = Array(text.utf8)
        output.reserveCapacity(self.text.count)
    }

    mutating func run() -> String {
        while position < text.count {
            switch text[position] {
            case UInt8(ascii: "/") where has("//"):
                while position < text.count, text[position] != Self.newline { skip() }
            case UInt8(ascii: "/") where has("/*"): while position < text.count, !has("*/") { skip() }
            case Self.quote: string()
            case Self.hash where startsRawString: string()
            default:
                output.append(text[position])
                position += 1
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private var startsRawString: Bool {
        var end = position
        while end < text.count, text[end] == Self.hash { end += 1 }
        return end < text.count && text[end] == Self.quote
    }

    private func has(_ word: String) -> Bool {
        var index = position
        for byte in word.utf8 {
            guard index < text.count, text[index] == byte else { return false }
            index += 1
        }
        return true
    }

    private mutating func skip(_ count: Int = 1) {
        for _ in 0..<count where position < text.count {
            output.append(text[position] == Self.newline ? Self.newline : UInt8(ascii: " "))
            position += 1
        }
    }

    private mutating func string() {
        var hashes = 0
        while text[position] == Self.hash {
            hashes += 1
            skip()
        }
        let quotes = has("\"\"\"") ? 3 : 1
        skip(quotes)
        let end = String(repeating: "\"", count: quotes) + String(repeating: "#", count: hashes)
        let escape = "\\" + String(repeating: "#", count: hashes)
        while position < text.count {
            if has(end) { return skip(end.utf8.count) }
            if has(escape + "(") {
                skip(escape.utf8.count + 1)
                interpolation()
            } else if has(escape) {
                skip(escape.utf8.count + 1)
            } else {
                skip()
            }
        }
    }

    private mutating func interpolation() {
        var depth = 1
        while position < text.count, depth > 0 {
            let byte = text[position]
            if byte == Self.quote || (byte == Self.hash && startsRawString) {
                string()
                continue
            }
            if byte == UInt8(ascii: "(") { depth += 1 }
            if byte == UInt8(ascii: ")") { depth -= 1 }
            skip()
        }
    }
}
