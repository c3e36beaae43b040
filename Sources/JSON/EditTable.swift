// SPDX-License-Identifier: Apache-2.0

/// What may stand at a declared place, and what becomes of it.
package enum JSONRule: Hashable, Sendable {
    /// A string, number, `true`, `false` or `null`, left as it is.
    case scalar
    /// Any value, left as it is.
    case any
    /// Nothing but `null`.
    case refused
    /// A scalar that the caller looks at or replaces; `binding` is the caller's own number for it.
    /// - Parameter required: whether an object without this member is refused, and with it `null` in its place.
    case edit(binding: Int, required: Bool)
}

/// Why a list of rules makes no table.
package enum JSONTableError: Error, Hashable, Sendable {
    /// Two rules for one place, or a rule for a place and another for something inside it.
    case conflict
    /// One place is an object in one pattern and an array in another.
    case mixedContainer
    /// More than `JSONEditTable.maximumMembers` names in one object.
    case tooManyMembers
    /// More than `JSONEditTable.maximumDepth` steps.
    case tooDeep
}

/// The declared places of one document as a tree: every member of an object on the way to a place is declared too, and
/// what is not declared does not pass. No rules at all declare an empty object.
package struct JSONEditTable: Sendable {
    package static let maximumMembers = 64
    package static let maximumDepth = 16

    struct Child: Sendable {
        var name: [UInt8]
        var node: Int
    }

    enum Node: Sendable {
        case leaf(JSONRule)
        /// Bit `i` of `required` stands for `children[i]`.
        case object(children: [Child], required: UInt64)
        case array(element: Int)
    }

    /// The root first.
    private(set) var nodes: [Node] = []

    /// Whether any value is looked at by the caller: without one, an edit is only a check.
    package private(set) var hasEdits = false

    package init(_ rules: [(pattern: JSONPattern, rule: JSONRule)]) throws(JSONTableError) {
        if rules.contains(where: { $0.pattern.steps.count > Self.maximumDepth }) { throw .tooDeep }
        _ = try build(rules, depth: 0)
        hasEdits = rules.contains { if case .edit = $0.rule { true } else { false } }
    }

    /// - Returns: the node for the rules, which agree on their first `depth` steps.
    private mutating func build(
        _ rules: [(pattern: JSONPattern, rule: JSONRule)],
        depth: Int
    ) throws(JSONTableError) -> Int {
        let place = nodes.count
        if let leaf = rules.first(where: { $0.pattern.steps.count == depth }) {
            if rules.count > 1 { throw .conflict }
            nodes.append(.leaf(leaf.rule))
            return place
        }
        nodes.append(.object(children: [], required: 0))
        let elements = rules.filter { $0.pattern.steps[depth] == .element }
        if !elements.isEmpty {
            if elements.count != rules.count { throw .mixedContainer }
            nodes[place] = .array(element: try build(elements, depth: depth + 1))
            return place
        }
        var names: [[UInt8]] = []
        for case .member(let name) in rules.map({ $0.pattern.steps[depth] }) where !names.contains(name) {
            names.append(name)
        }
        if names.count > Self.maximumMembers { throw .tooManyMembers }
        var children: [Child] = []
        var required: UInt64 = 0
        for (index, name) in names.enumerated() {
            let inside = rules.filter { $0.pattern.steps[depth] == .member(name) }
            let node = try build(inside, depth: depth + 1)
            children.append(Child(name: name, node: node))
            if isRequired(node) { required |= 1 << UInt64(index) }
        }
        nodes[place] = .object(children: children, required: required)
        return place
    }

    /// An object that needs a member is itself needed: to leave it out would be to leave that out.
    private func isRequired(_ node: Int) -> Bool {
        switch nodes[node] {
        case .leaf(.edit(_, let required)): required
        case .leaf, .array: false
        case .object(_, let required): required != 0
        }
    }
}
