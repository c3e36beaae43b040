// SPDX-License-Identifier: Apache-2.0

/// Reads policies and templates from text. Source: Cedar language 4.5.
struct PolicyParser {
    private var reader: TokenReader

    /// Policies in the order of the text, named `policy0`, `policy1`, ….
    static func policies(in source: Source) throws(SyntaxError) -> [Policy] {
        try placedPolicies(in: source).map(\.policy)
    }

    /// The same, with the bytes from a policy's first token to the token after it.
    static func placedPolicies(
        in source: Source
    ) throws(SyntaxError) -> [(policy: Policy, place: Range<Int>)] {
        var parser = PolicyParser(reader: try TokenReader(source))
        var policies: [(policy: Policy, place: Range<Int>)] = []
        while parser.reader.kind != .end {
            let start = parser.reader.token.start
            let policy = try parser.policy(PolicyID("policy\(policies.count)"))
            policies.append((policy, start..<parser.reader.lastEnd))
        }
        return policies
    }

    private mutating func policy(_ id: PolicyID) throws(SyntaxError) -> Policy {
        let location = reader.location
        let annotations = try reader.annotations()
        let effect: Effect
        if reader.accept(word: "permit") {
            effect = .permit
        } else if reader.accept(word: "forbid") {
            effect = .forbid
        } else {
            throw reader.expected("`permit` or `forbid`")
        }
        try reader.expect(.leftParenthesis)
        guard reader.accept(word: "principal") else { throw reader.expected("`principal`") }
        let principal = try scope(.principal)
        try reader.expect(.comma)
        guard reader.accept(word: "action") else { throw reader.expected("`action`") }
        let action = try actionScope()
        try reader.expect(.comma)
        guard reader.accept(word: "resource") else { throw reader.expected("`resource`") }
        let resource = try scope(.resource)
        _ = reader.accept(.comma)
        try reader.expect(.rightParenthesis)
        let conditions = try conditions()
        return Policy(
            id: id,
            effect: effect,
            annotations: annotations,
            principal: principal,
            action: action,
            resource: resource,
            conditions: conditions,
            location: location
        )
    }

    private mutating func conditions() throws(SyntaxError) -> [Policy.Condition] {
        var conditions: [Policy.Condition] = []
        while !reader.accept(.semicolon) {
            let kind: Policy.Condition.Kind
            if reader.accept(word: "when") {
                kind = .when
            } else if reader.accept(word: "unless") {
                kind = .unless
            } else {
                throw reader.expected("`when`, `unless` or `;`")
            }
            try reader.expect(.leftBrace)
            var expressions = ExpressionParser(reader: reader)
            let body = try expressions.expression()
            reader = expressions.reader
            try reader.expect(.rightBrace)
            conditions.append(Policy.Condition(kind: kind, body: body))
        }
        return conditions
    }

    private mutating func scope(_ slot: Slot) throws(SyntaxError) -> ScopeConstraint {
        if reader.accept(.equal) { return .equal(try reference(slot)) }
        if reader.accept(word: "in") { return .in(try reference(slot)) }
        guard reader.accept(word: "is") else { return .any }
        let type = try reader.path("an entity type")
        return reader.accept(word: "in") ? .isIn(type, try reference(slot)) : .is(type)
    }

    private mutating func reference(_ slot: Slot) throws(SyntaxError) -> ScopeConstraint.Reference {
        if reader.kind == .slot {
            guard reader.word == slot.rawValue else {
                throw reader.expected("an entity or `\(slot.rawValue)`")
            }
            reader.advance()
            return .slot
        }
        return .entity(try entity())
    }

    /// An entity, in parentheses or not.
    private mutating func entity() throws(SyntaxError) -> EntityUID {
        guard reader.kind == .leftParenthesis else { return try reader.entity("an entity") }
        try reader.enter()
        defer { reader.leave() }
        reader.advance()
        let uid = try entity()
        try reader.expect(.rightParenthesis)
        return uid
    }

    private mutating func actionScope() throws(SyntaxError) -> ActionConstraint {
        if reader.accept(.equal) { return .equal(try action()) }
        guard reader.accept(word: "in") else { return .any }
        guard reader.accept(.leftBracket) else { return .in(try action()) }
        var actions: [EntityUID] = []
        while !reader.accept(.rightBracket) {
            if !actions.isEmpty {
                try reader.expect(.comma)
                if reader.accept(.rightBracket) { break }
            }
            actions.append(try action())
        }
        return .inAny(actions)
    }

    private mutating func action() throws(SyntaxError) -> EntityUID {
        let place = reader.offset
        let uid = try entity()
        guard uid.isAction else { throw reader.error("expected an entity of type `Action`", at: place) }
        return uid
    }
}
