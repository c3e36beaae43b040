// SPDX-License-Identifier: Apache-2.0
import Bytes

struct Token: Sendable {
    enum Kind: String, Sendable {
        case identifier, number, string
        case slot
        case at = "@"
        case dot = "."
        case comma = ","
        case semicolon = ";"
        case colon = ":"
        case doubleColon = "::"
        case leftParenthesis = "("
        case rightParenthesis = ")"
        case leftBrace = "{"
        case rightBrace = "}"
        case leftBracket = "["
        case rightBracket = "]"
        case equal = "=="
        case notEqual = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case and = "&&"
        case or = "||"
        case plus = "+"
        case minus = "-"
        case star = "*"
        case slash = "/"
        case percent = "%"
        case not = "!"
        case assign = "="
        case question = "?"
        case end = "end of input"
    }

    let kind: Kind
    let start: Int
    let count: Int

    var range: Range<Int> { start..<(start + count) }
}

/// Cuts a text into tokens, for policies and schemas alike.
struct Lexer {
    private let source: Source
    private var index = 0
    private var comments: [Range<Int>] = []

    /// Where the comments of a text stand, without their line's end.
    static func comments(of source: Source) throws(SyntaxError) -> [Range<Int>] {
        var lexer = Lexer(source: source)
        while try lexer.next().kind != .end {}
        return lexer.comments
    }

    static func tokens(of source: Source) throws(SyntaxError) -> [Token] {
        guard source.bytes.count <= Source.maximumBytes else {
            throw SyntaxError(nil, "\(source.name) is longer than \(Source.maximumBytes) bytes")
        }
        var lexer = Lexer(source: source)
        var tokens: [Token] = []
        tokens.reserveCapacity(source.bytes.count / 4)
        while true {
            let token = try lexer.next()
            tokens.append(token)
            if token.kind == .end { return tokens }
        }
    }

    private init(source: Source) { self.source = source }

    private func peek(_ distance: Int = 0) -> UInt8 {
        index + distance < source.bytes.count ? source.bytes[index + distance] : 0
    }

    private mutating func next() throws(SyntaxError) -> Token {
        skipBlanks()
        let start = index
        guard index < source.bytes.count else { return Token(kind: .end, start: start, count: 0) }
        let kind = try scan()
        return Token(kind: kind, start: start, count: index - start)
    }

    private mutating func scan() throws(SyntaxError) -> Token.Kind {
        let byte = peek()
        if ASCII.isLetter(byte) || byte == UInt8(ascii: "_") {
            skipIdentifier()
            return .identifier
        }
        if ASCII.isDigit(byte) {
            while ASCII.isDigit(peek()) { index += 1 }
            return .number
        }
        if byte == ASCII.quote {
            try skipString()
            return .string
        }
        if byte == UInt8(ascii: "?"), ASCII.isLetter(peek(1)) || peek(1) == UInt8(ascii: "_") {
            index += 1
            skipIdentifier()
            return .slot
        }
        if let kind = pair(byte, peek(1)) {
            index += 2
            return kind
        }
        guard let kind = single(byte) else { throw SyntaxError(source.location(of: index), "invalid token") }
        index += 1
        return kind
    }

    private mutating func skipIdentifier() {
        while ASCII.isAlphanumeric(peek()) || peek() == UInt8(ascii: "_") { index += 1 }
    }

    private mutating func skipString() throws(SyntaxError) {
        let start = index
        index += 1
        while index < source.bytes.count {
            switch source.bytes[index] {
            case ASCII.quote:
                index += 1
                return
            case UInt8(ascii: "\\") where index + 1 < source.bytes.count && peek(1) != ASCII.lineFeed:
                index += 2
            case UInt8(ascii: "\\"):
                throw SyntaxError(source.location(of: index), "invalid escape")
            default: index += 1
            }
        }
        throw SyntaxError(source.location(of: start), "unterminated string")
    }

    private mutating func skipBlanks() {
        while index < source.bytes.count {
            let length = whiteSpaceLength()
            if length > 0 {
                index += length
            } else if peek() == ASCII.slash, peek(1) == ASCII.slash {
                let start = index
                while index < source.bytes.count, peek() != ASCII.lineFeed, peek() != ASCII.carriageReturn {
                    index += 1
                }
                comments.append(start..<index)
            } else {
                return
            }
        }
    }

    /// Bytes of the Unicode white space here, 0 if there is none.
    private func whiteSpaceLength() -> Int {
        switch (peek(), peek(1), peek(2)) {
        case (0x09...0x0D, _, _), (0x20, _, _): 1
        case (0xC2, 0x85, _), (0xC2, 0xA0, _): 2
        case (0xE1, 0x9A, 0x80), (0xE2, 0x80, 0x80...0x8A), (0xE2, 0x80, 0xA8), (0xE2, 0x80, 0xA9): 3
        case (0xE2, 0x80, 0xAF), (0xE2, 0x81, 0x9F), (0xE3, 0x80, 0x80): 3
        default: 0
        }
    }

    private func pair(_ first: UInt8, _ second: UInt8) -> Token.Kind? {
        switch (Unicode.Scalar(first), Unicode.Scalar(second)) {
        case (":", ":"): .doubleColon
        case ("=", "="): .equal
        case ("!", "="): .notEqual
        case ("<", "="): .lessOrEqual
        case (">", "="): .greaterOrEqual
        case ("&", "&"): .and
        case ("|", "|"): .or
        default: nil
        }
    }

    private func single(_ byte: UInt8) -> Token.Kind? {
        switch Unicode.Scalar(byte) {
        case "@": .at
        case ".": .dot
        case ",": .comma
        case ";": .semicolon
        case ":": .colon
        case "(": .leftParenthesis
        case ")": .rightParenthesis
        case "{": .leftBrace
        case "}": .rightBrace
        case "[": .leftBracket
        case "]": .rightBracket
        case "<": .less
        case ">": .greater
        case "+": .plus
        case "-": .minus
        case "*": .star
        case "/": .slash
        case "%": .percent
        case "!": .not
        case "=": .assign
        case "?": .question
        default: nil
        }
    }
}
