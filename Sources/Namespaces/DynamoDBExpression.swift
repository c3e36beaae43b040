// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// The expressions of one request, with those comparisons rewritten that look at a partition key. What compares such a
/// key with anything but a value of the request is refused: its meaning would be another inside a compartment.
struct DynamoDBExpressions {
    enum Kind {
        case keyCondition, condition, update
    }

    private enum Token: Equatable {
        case word(String)
        /// `#name`
        case name(String)
        /// `:value`
        case value(String)
        /// `=`, `<>`, `<`, `<=`, `>`, `>=`, `+`, `-`
        case sign(String)
        case comma, open, close, dot
        case index(String)

        var text: String {
            switch self {
            case .word(let text), .name(let text), .value(let text), .sign(let text): text
            case .index(let text): "[\(text)]"
            case .comma: ","
            case .open: "("
            case .close: ")"
            case .dot: "."
            }
        }
    }

    /// `ExpressionAttributeNames`.
    let names: [String: String]
    /// The attributes whose values are inside the compartment.
    let namespaced: Set<String>
    /// Values of the request that must be inside the compartment, by their new names.
    private(set) var added: [(name: String, original: String)] = []
    /// Values that some expression still names.
    private(set) var used: Set<String> = []
    private let taken: Set<String>

    /// - Parameter values: the names in `ExpressionAttributeValues`.
    init(names: [String: String], values: Set<String>, namespaced: Set<String>) {
        self.names = names
        self.namespaced = namespaced
        taken = values
    }

    /// The expression as the store is to see it.
    /// - Parameter partitionKey: of a key condition, the attribute that must be compared with one value.
    /// - Throws: `member_refused`; `member_missing` for a key condition without its key.
    mutating func rewrite(
        _ text: String,
        _ kind: Kind,
        partitionKey: String? = nil
    ) throws(AdapterFailure) -> String {
        var tokens = try Self.tokens(text)
        var clause = ""
        var keys = 0
        for index in tokens.indices {
            if kind == .update, case .word(let word) = tokens[index], at(index + 1, tokens) != .open {
                let upper = word.uppercased()
                if ["SET", "REMOVE", "ADD", "DELETE"].contains(upper) { clause = upper }
            }
            guard let attribute = attribute(at: index, tokens), namespaced.contains(attribute) else {
                continue
            }
            try rewrite(index, &tokens, kind, clause)
            if attribute == partitionKey {
                guard at(index + 1, tokens) == .sign("=") else { throw AdapterFailure(.memberRefused) }
                keys += 1
            }
        }
        if partitionKey != nil {
            guard keys == 1 else { throw AdapterFailure(.memberMissing) }
            // Whatever DynamoDB would make of it, an alternative is none.
            for token in tokens {
                if case .word(let word) = token, ["OR", "NOT"].contains(word.uppercased()) {
                    throw AdapterFailure(.memberRefused)
                }
            }
        }
        for token in tokens { if case .value(let name) = token { used.insert(name) } }
        return Self.text(of: tokens)
    }

    /// Checks that a projection is one; it may name whatever it likes.
    func check(projection: String) throws(AdapterFailure) { _ = try Self.tokens(projection) }

    // MARK: one attribute

    private func at(_ index: Int, _ tokens: [Token]) -> Token? {
        tokens.indices.contains(index) ? tokens[index] : nil
    }

    /// The top-level attribute that a path begins with here, or nil.
    private func attribute(at index: Int, _ tokens: [Token]) -> String? {
        if at(index - 1, tokens) == .dot { return nil }
        switch tokens[index] {
        case .word(let word): return at(index + 1, tokens) == .open ? nil : word
        case .name(let name): return names[name]
        case .value, .sign, .comma, .open, .close, .dot, .index: return nil
        }
    }

    private mutating func rewrite(
        _ index: Int,
        _ tokens: inout [Token],
        _ kind: Kind,
        _ clause: String
    ) throws(AdapterFailure) {
        let next = at(index + 1, tokens)
        if kind == .update {
            let after = clause == "REMOVE" ? next : at(index + 3, tokens)
            guard after == nil || after == .comma || isClause(after) else {
                throw AdapterFailure(.memberRefused)
            }
            if clause == "REMOVE" { return }
            guard clause == "SET", next == .sign("="), isStart(at(index - 1, tokens)) else {
                throw AdapterFailure(.memberRefused)
            }
            return try replace(index + 2, &tokens)
        }
        switch next {
        case .sign(let sign) where ["=", "<>", "<", "<=", ">", ">="].contains(sign):
            return try replace(index + 2, &tokens)
        case .word(let word) where word.uppercased() == "BETWEEN":
            try replace(index + 2, &tokens)
            return try replace(index + 4, &tokens)
        default: break
        }
        guard at(index - 1, tokens) == .open, case .word(let function)? = at(index - 2, tokens) else {
            throw AdapterFailure(.memberRefused)
        }
        switch function {
        case "attribute_exists", "attribute_not_exists":
            guard next == .close else { throw AdapterFailure(.memberRefused) }
        case "begins_with":
            guard next == .comma else { throw AdapterFailure(.memberRefused) }
            try replace(index + 2, &tokens)
        default: throw AdapterFailure(.memberRefused)
        }
    }

    private func isClause(_ token: Token?) -> Bool {
        if case .word(let word)? = token {
            return ["SET", "REMOVE", "ADD", "DELETE"].contains(word.uppercased())
        }
        return false
    }

    private func isStart(_ token: Token?) -> Bool { token == .comma || isClause(token) }

    /// Gives the value at `index` a name of its own, under which it goes into the compartment.
    private mutating func replace(_ index: Int, _ tokens: inout [Token]) throws(AdapterFailure) {
        guard case .value(let original)? = at(index, tokens), at(index + 1, tokens) != .dot else {
            throw AdapterFailure(.memberRefused)
        }
        var number = added.count
        while taken.contains(":bulkhead\(number)") { number += taken.count + 1 }
        let name = ":bulkhead\(number)"
        added.append((name, original))
        tokens[index] = .value(name)
    }

    // MARK: text

    private static func tokens(_ text: String) throws(AdapterFailure) -> [Token] {
        let bytes = Array(text.utf8)
        var tokens: [Token] = []
        var index = 0
        func word(from start: Int) -> String {
            var end = start
            while end < bytes.count, ASCII.isAlphanumeric(bytes[end]) || bytes[end] == UInt8(ascii: "_") {
                end += 1
            }
            return String(decoding: bytes[start..<end], as: UTF8.self)
        }
        while index < bytes.count {
            let byte = bytes[index]
            switch byte {
            case ASCII.space, ASCII.tab, ASCII.lineFeed, ASCII.carriageReturn: index += 1
            case UInt8(ascii: "#"), ASCII.colon:
                let name = word(from: index + 1)
                guard !name.isEmpty else { throw AdapterFailure(.memberRefused) }
                let whole = String(decoding: [byte], as: UTF8.self) + name
                tokens.append(byte == ASCII.colon ? .value(whole) : .name(whole))
                index += whole.utf8.count
            case UInt8(ascii: "["):
                let number = word(from: index + 1)
                let end = index + 1 + number.utf8.count
                guard !number.isEmpty, number.utf8.allSatisfy({ ASCII.isDigit($0) }), end < bytes.count,
                    bytes[end] == UInt8(ascii: "]")
                else { throw AdapterFailure(.memberRefused) }
                tokens.append(.index(number))
                index = end + 1
            case UInt8(ascii: "<"), UInt8(ascii: ">"):
                let next = index + 1 < bytes.count ? bytes[index + 1] : 0
                let isTwo =
                    next == UInt8(ascii: "=") || (byte == UInt8(ascii: "<") && next == UInt8(ascii: ">"))
                tokens.append(.sign(String(decoding: isTwo ? [byte, next] : [byte], as: UTF8.self)))
                index += isTwo ? 2 : 1
            case UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "-"):
                tokens.append(.sign(String(decoding: [byte], as: UTF8.self)))
                index += 1
            case ASCII.comma: (tokens, index) = (tokens + [.comma], index + 1)
            case UInt8(ascii: "("): (tokens, index) = (tokens + [.open], index + 1)
            case UInt8(ascii: ")"): (tokens, index) = (tokens + [.close], index + 1)
            case UInt8(ascii: "."): (tokens, index) = (tokens + [.dot], index + 1)
            default:
                let name = word(from: index)
                guard !name.isEmpty else { throw AdapterFailure(.memberRefused) }
                tokens.append(.word(name))
                index += name.utf8.count
            }
            guard tokens.count <= 4096 else { throw AdapterFailure(.memberRefused) }
        }
        return tokens
    }

    private static func text(of tokens: [Token]) -> String {
        var text = ""
        for (index, token) in tokens.enumerated() {
            if case .index = token {
                text += token.text
                continue
            }
            let isJoined = token == .dot || (index > 0 && tokens[index - 1] == .dot)
            if index > 0, !isJoined { text += " " }
            text += token.text
        }
        return text
    }
}
