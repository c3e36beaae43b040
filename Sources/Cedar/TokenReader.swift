// SPDX-License-Identifier: Apache-2.0
import Bytes

/// What policies and schemas have in common when they are read: tokens, look-ahead, names, errors, depth.
struct TokenReader {
    /// Levels of nesting in one expression or type, in text and in JSON.
    static let maximumDepth = 256
    /// Height of one expression's tree: chains such as `a && b && …` count too.
    static let maximumHeight = 1024

    let source: Source
    private let tokens: [Token]
    private var position = 0
    private var depth = 0

    init(_ source: Source) throws(SyntaxError) {
        self.source = source
        tokens = try Lexer.tokens(of: source)
    }

    var token: Token { tokens[position] }
    var kind: Token.Kind { tokens[position].kind }
    var offset: Int32 { Int32(tokens[position].start) }

    /// Where the token before the current one ends.
    var lastEnd: Int { position > 0 ? tokens[position - 1].range.upperBound : 0 }

    func kind(after distance: Int) -> Token.Kind { tokens[min(position + distance, tokens.count - 1)].kind }

    mutating func advance() {
        if position < tokens.count - 1 { position += 1 }
    }

    mutating func accept(_ kind: Token.Kind) -> Bool {
        guard self.kind == kind else { return false }
        advance()
        return true
    }

    mutating func expect(_ kind: Token.Kind) throws(SyntaxError) {
        guard accept(kind) else { throw expected("`\(kind.rawValue)`") }
    }

    func isWord(_ word: StaticString) -> Bool {
        kind == .identifier && source.bytes.span.extracting(token.range).equals(word)
    }

    mutating func accept(word: StaticString) -> Bool {
        guard isWord(word) else { return false }
        advance()
        return true
    }

    /// The token's own text.
    var word: String { String(decoding: source.bytes[token.range], as: UTF8.self) }

    /// Any identifier, reserved ones too.
    mutating func anyIdentifier(_ what: String) throws(SyntaxError) -> Text {
        guard kind == .identifier else { throw expected(what) }
        defer { advance() }
        return Text(word)
    }

    /// An identifier that is not reserved.
    mutating func identifier(_ what: String) throws(SyntaxError) -> Text {
        guard kind == .identifier else { throw expected(what) }
        guard !TokenReader.isReserved(word) else { throw error("`\(word)` is reserved; expected \(what)") }
        defer { advance() }
        return Text(word)
    }

    mutating func string(_ what: String) throws(SyntaxError) -> Text {
        guard kind == .string else { throw expected(what) }
        guard let text = Escape.unescape(stringBytes) else { throw error("invalid escape in the string") }
        advance()
        return text
    }

    mutating func pattern() throws(SyntaxError) -> Pattern {
        guard kind == .string else { throw expected("a pattern in quotes") }
        guard let elements = Escape.elements(stringBytes, .pattern) else {
            throw error("invalid escape in the pattern")
        }
        advance()
        return Pattern(elements)
    }

    private var stringBytes: ArraySlice<UInt8> {
        source.bytes[(token.start + 1)..<(token.start + token.count - 1)]
    }

    /// One level deeper; `leave` must follow.
    mutating func enter() throws(SyntaxError) {
        guard depth < TokenReader.maximumDepth else {
            throw error("nested deeper than \(TokenReader.maximumDepth) levels")
        }
        depth += 1
    }

    mutating func leave() { depth -= 1 }

    func error(_ message: String) -> SyntaxError { SyntaxError(location, message) }

    func error(_ message: String, at offset: Int32) -> SyntaxError {
        SyntaxError(source.location(of: Int(offset)), message)
    }

    func expected(_ what: String) -> SyntaxError {
        error("expected \(what), found \(kind == .end ? "the end of the input" : "`\(word)`")")
    }

    var location: SourceLocation { source.location(of: token.start) }

    static func isReserved(_ word: String) -> Bool {
        switch word {
        case "true", "false", "if", "then", "else", "in", "is", "like", "has", "__cedar": true
        default: false
        }
    }
}

extension TokenReader {
    /// `A::B::C`, stopping before a `::` that a string follows.
    mutating func path(_ what: String) throws(SyntaxError) -> Text {
        var path = try identifier(what).string
        while kind == .doubleColon, kind(after: 1) == .identifier {
            advance()
            path += "::" + (try identifier(what)).string
        }
        return Text(path)
    }

    /// `A::B::"id"`.
    mutating func entity(_ what: String) throws(SyntaxError) -> EntityUID {
        let type = try path(what)
        guard accept(.doubleColon) else { throw expected("`::` and an id in quotes") }
        return EntityUID(type: type, id: try string("an id in quotes"))
    }

    /// `@key` or `@key("value")`, as many as there are.
    mutating func annotations() throws(SyntaxError) -> [Policy.Annotation] {
        var annotations: [Policy.Annotation] = []
        while kind == .at {
            advance()
            let place = offset
            let key = try anyIdentifier("the name of an annotation")
            var value: Text?
            if accept(.leftParenthesis) {
                value = try string("the annotation's value in quotes")
                try expect(.rightParenthesis)
            }
            guard !annotations.contains(where: { $0.key == key }) else {
                throw error("this annotation stands twice", at: place)
            }
            annotations.append(Policy.Annotation(key: key, value: value))
        }
        return annotations
    }
}

extension EntityUID {
    /// Reads `Type::"id"` as a policy writes it; nil for anything else.
    package init?(parsing text: String) {
        do throws(SyntaxError) {
            var reader = try TokenReader(Source(name: "", text: text))
            let uid = try reader.entity("an entity")
            guard reader.kind == .end else { return nil }
            self = uid
        } catch {
            return nil
        }
    }

    /// Whether `path` is a type's name: identifiers that are not reserved, joined by `::` without blanks.
    static func isTypeName(_ path: Text) -> Bool {
        let bytes = Array(path.string.utf8)
        var index = 0
        while true {
            let start = index
            while index < bytes.count, ASCII.isAlphanumeric(bytes[index]) || bytes[index] == UInt8(ascii: "_")
            {
                index += 1
            }
            guard index > start, !ASCII.isDigit(bytes[start]),
                !TokenReader.isReserved(String(decoding: bytes[start..<index], as: UTF8.self))
            else { return false }
            if index == bytes.count { return true }
            guard index + 1 < bytes.count, bytes[index] == ASCII.colon, bytes[index + 1] == ASCII.colon else {
                return false
            }
            index += 2
        }
    }
}
