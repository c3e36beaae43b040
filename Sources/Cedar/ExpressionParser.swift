// SPDX-License-Identifier: Apache-2.0

/// Reads one expression by recursive descent, one function for each level of precedence.
struct ExpressionParser {
    var reader: TokenReader

    mutating func expression() throws(SyntaxError) -> Expression {
        try reader.enter()
        defer { reader.leave() }
        return try conditional()
    }

    private func make(_ kind: Expression.Kind, _ offset: Int32) throws(SyntaxError) -> Expression {
        let expression = Expression(kind, at: offset)
        guard expression.height <= TokenReader.maximumHeight else {
            throw reader.error("more than \(TokenReader.maximumHeight) operators in a row")
        }
        return expression
    }

    private mutating func conditional() throws(SyntaxError) -> Expression {
        let offset = reader.offset
        guard reader.accept(word: "if") else { return try disjunction() }
        let condition = try expression()
        guard reader.accept(word: "then") else { throw reader.expected("`then`") }
        let first = try expression()
        guard reader.accept(word: "else") else { throw reader.expected("`else`") }
        let second = try expression()
        return try make(.conditional(condition, then: first, else: second), offset)
    }

    private mutating func disjunction() throws(SyntaxError) -> Expression {
        let offset = reader.offset
        var left = try conjunction()
        while reader.accept(.or) {
            left = try make(.or(left, try conjunction()), offset)
        }
        return left
    }

    private mutating func conjunction() throws(SyntaxError) -> Expression {
        let offset = reader.offset
        var left = try relation()
        while reader.accept(.and) {
            left = try make(.and(left, try relation()), offset)
        }
        return left
    }

    private mutating func relation() throws(SyntaxError) -> Expression {
        let offset = reader.offset
        let left = try sum()
        if let relation = comparison {
            reader.advance()
            return try make(.binary(relation, left, try sum()), offset)
        }
        if reader.accept(word: "has") { return try make(.has(left, try attributePath()), offset) }
        if reader.accept(word: "like") { return try make(.like(left, try reader.pattern()), offset) }
        if reader.accept(word: "is") {
            let type = try reader.path("an entity type")
            let ancestor = reader.accept(word: "in") ? try sum() : nil
            return try make(.is(left, type: type, in: ancestor), offset)
        }
        return left
    }

    private var comparison: BinaryOperator? {
        switch reader.kind {
        case .equal: .equal
        case .notEqual: .notEqual
        case .less: .less
        case .lessOrEqual: .lessOrEqual
        case .greater: .greater
        case .greaterOrEqual: .greaterOrEqual
        case .identifier: reader.isWord("in") ? .in : nil
        case .number, .string, .slot, .at, .dot, .comma, .semicolon, .colon, .doubleColon, .leftParenthesis,
            .rightParenthesis, .leftBrace, .rightBrace, .leftBracket, .rightBracket, .and, .or, .plus, .minus,
            .star, .slash, .percent, .not, .assign, .question, .end:
            nil
        }
    }

    private mutating func attributePath() throws(SyntaxError) -> [Text] {
        if reader.kind == .string { return [try reader.string("an attribute")] }
        var path = [try reader.identifier("an attribute, as a name or in quotes")]
        while reader.accept(.dot) { path.append(try reader.identifier("an attribute")) }
        return path
    }

    private mutating func sum() throws(SyntaxError) -> Expression {
        let offset = reader.offset
        var left = try product()
        while reader.kind == .plus || reader.kind == .minus {
            let operation: BinaryOperator = reader.kind == .plus ? .plus : .minus
            reader.advance()
            left = try make(.binary(operation, left, try product()), offset)
        }
        return left
    }

    private mutating func product() throws(SyntaxError) -> Expression {
        let offset = reader.offset
        var left = try unary()
        while true {
            if reader.accept(.star) {
                left = try make(.binary(.times, left, try unary()), offset)
            } else if reader.kind == .slash || reader.kind == .percent {
                throw reader.error("`\(reader.word)` is not an operator of Cedar")
            } else {
                return left
            }
        }
    }

    /// Up to four `!` or up to four `-`, not mixed. One `-` that stands directly before a number which no
    /// member access follows belongs to the number: only so can the least Long be written.
    private mutating func unary() throws(SyntaxError) -> Expression {
        let offset = reader.offset
        let sign = reader.kind
        guard sign == .not || sign == .minus else { return try member() }
        var count = 0
        while reader.accept(sign) { count += 1 }
        guard count <= 4 else { throw reader.error("more than four `\(sign.rawValue)` in a row") }
        var result: Expression
        if sign == .minus, reader.kind == .number, reader.kind(after: 1) != .dot,
            reader.kind(after: 1) != .leftBracket
        {
            result = try make(.literal(.long(try number(negative: true))), offset)
            count -= 1
        } else {
            result = try member()
        }
        for _ in 0..<count { result = try make(.unary(sign == .not ? .not : .negate, result), offset) }
        return result
    }

    private mutating func number(negative: Bool) throws(SyntaxError) -> Int64 {
        let text = reader.word
        guard let magnitude = UInt64(text) else { throw reader.error("the number `\(text)` is too large") }
        let value: Int64? =
            negative && magnitude == Int64.min.magnitude
            ? Int64.min : Int64(exactly: magnitude).map { negative ? -$0 : $0 }
        guard let value else { throw reader.error("the number `\(text)` is too large") }
        reader.advance()
        return value
    }

    private mutating func member() throws(SyntaxError) -> Expression {
        let offset = reader.offset
        var target = try primary()
        while true {
            if reader.accept(.dot) {
                if reader.kind(after: 1) == .leftParenthesis {
                    target = try method(of: target, offset)
                } else {
                    target = try make(.attribute(target, try reader.identifier("an attribute")), offset)
                }
            } else if reader.accept(.leftBracket) {
                target = try make(.attribute(target, try reader.string("an attribute in quotes")), offset)
                try reader.expect(.rightBracket)
            } else {
                return target
            }
        }
    }

    private mutating func method(of target: Expression, _ offset: Int32) throws(SyntaxError) -> Expression {
        let place = reader.offset
        let name = try reader.identifier("a method")
        let arguments = try arguments()
        if name == "isEmpty" {
            guard arguments.isEmpty else { throw reader.error("`isEmpty` takes no argument", at: place) }
            return try make(.unary(.isEmpty, target), offset)
        }
        if let operation = BinaryOperator(rawValue: name.string), operation.isMethod {
            guard arguments.count == 1 else { throw reader.error("`\(name)` takes one argument", at: place) }
            return try make(.binary(operation, target, arguments[0]), offset)
        }
        guard let function = ExtensionFunction(rawValue: name.string), !function.isConstructor else {
            throw reader.error("`\(name)` is not a method", at: place)
        }
        return try make(.call(function, [target] + arguments), offset)
    }

    private mutating func arguments() throws(SyntaxError) -> [Expression] {
        try reader.expect(.leftParenthesis)
        return try list(until: .rightParenthesis)
    }

    private mutating func list(until close: Token.Kind) throws(SyntaxError) -> [Expression] {
        var items: [Expression] = []
        while !reader.accept(close) {
            if !items.isEmpty {
                guard reader.accept(.comma) else { throw reader.expected("`,` or `\(close.rawValue)`") }
                if reader.accept(close) { break }
            }
            items.append(try expression())
        }
        return items
    }

    private mutating func primary() throws(SyntaxError) -> Expression {
        let offset = reader.offset
        switch reader.kind {
        case .number: return try make(.literal(.long(try number(negative: false))), offset)
        case .string: return try make(.literal(.string(try reader.string("a string"))), offset)
        case .leftParenthesis:
            reader.advance()
            let inner = try expression()
            try reader.expect(.rightParenthesis)
            return inner
        case .leftBracket:
            reader.advance()
            return try make(.set(try list(until: .rightBracket)), offset)
        case .leftBrace:
            reader.advance()
            return try make(.record(try members()), offset)
        case .identifier: return try named(offset)
        case .slot: throw reader.error("slots may stand only in the head of a template")
        case .at, .dot, .comma, .semicolon, .colon, .doubleColon, .rightParenthesis, .rightBrace,
            .rightBracket, .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .and, .or,
            .plus,
            .minus, .star, .slash, .percent, .not, .assign, .question, .end:
            throw reader.expected("an expression")
        }
    }

    private mutating func named(_ offset: Int32) throws(SyntaxError) -> Expression {
        if reader.accept(word: "true") { return try make(.literal(.bool(true)), offset) }
        if reader.accept(word: "false") { return try make(.literal(.bool(false)), offset) }
        if reader.kind(after: 1) == .doubleColon {
            return try make(.literal(.entity(try reader.entity("an entity"))), offset)
        }
        if reader.isWord("if") { throw reader.error("put `if` in parentheses here") }
        let name = try reader.identifier("an expression")
        if reader.kind == .leftParenthesis {
            guard let function = ExtensionFunction(rawValue: name.string), function.isConstructor else {
                throw reader.error("`\(name)` is not a function", at: offset)
            }
            return try make(.call(function, try arguments()), offset)
        }
        guard let variable = Variable(rawValue: name.string) else {
            throw reader.error("expected an expression, found `\(name)`", at: offset)
        }
        return try make(.variable(variable), offset)
    }

    private mutating func members() throws(SyntaxError) -> [Expression.Member] {
        var members: [Expression.Member] = []
        var names: Set<Text> = []
        while !reader.accept(.rightBrace) {
            if !members.isEmpty {
                guard reader.accept(.comma) else { throw reader.expected("`,` or `}`") }
                if reader.accept(.rightBrace) { break }
            }
            let place = reader.offset
            let name = reader.kind == .string ? try reader.string("a key") : try reader.identifier("a key")
            guard names.insert(name).inserted else {
                throw reader.error("this key stands twice", at: place)
            }
            try reader.expect(.colon)
            members.append(Expression.Member(name: name, value: try expression()))
        }
        return members
    }
}
