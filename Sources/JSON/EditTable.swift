// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// The declared places of one document: a graph, since a shape may contain itself. Every member of an object on the way
/// to a place is declared too, and what is not declared does not pass. No rules at all declare an empty object.
package struct JSONEditTable: Sendable {
    package static let maximumMembers = 64
    package static let maximumDepth = 16
    package static let maximumNodes = 8192

    /// Nodes, members and names lie in three arrays of plain values: a walk counts no references.
    struct Child: Sendable {
        var nameStart: Int
        var nameCount: Int
        var node: Int
        /// The binding whose text is put in when the member is left out.
        var absent: Int?
        /// Whether the agent may not give it at all.
        var isOurs = false
        /// Whether it is looked at and left out.
        var isRemoved = false
    }

    struct Object: Sendable {
        /// Where its members lie in `children`.
        var start = 0
        var count = 0
        /// Of members that have no name in the table.
        var other: Int?
        var otherBinding: Int?
        /// Bit `i` stands for the member at `start + i`.
        var required: UInt64 = 0
        /// Whether members can be left out, so that commas are not copied but written.
        var removes = false
        /// Bit `i`: put in where it is left out.
        var added: UInt64 = 0
    }

    enum Scalar: Sendable {
        case pass, refused
        case edit(binding: Int, JSONPresence)
        case insert(binding: Int)
        case remove(binding: Int)
    }

    struct Node: Sendable {
        var isAny = false
        var isDropped = false
        var scalar: Scalar?
        var object: Object?
        var element: Int?
        var wrap: Int?
        var isWrapAdded = true
        var prepend: Int?
        var behead: Int?
        var hides = false
        /// Whether its array may be neither empty nor null.
        var isFilled = false
    }

    /// The root first.
    private(set) var nodes: [Node] = []
    private(set) var children: [Child] = []
    private var names: [UInt8] = []

    private struct Rule: Hashable {
        var steps: ArraySlice<JSONPattern.Step>
        var rule: JSONRule
    }

    /// - Parameter shapes: what `.shape` names; they may name one another and themselves.
    package init(
        _ rules: [(pattern: JSONPattern, rule: JSONRule)],
        shapes: [[(pattern: JSONPattern, rule: JSONRule)]] = []
    ) throws(JSONTableError) {
        var builder = Builder(shapes: shapes)
        let root = try builder.build(Self.rules(rules))
        precondition(root == 0, "the root is made first")
        nodes = builder.nodes
        for (index, members) in builder.members.enumerated() where nodes[index].object != nil {
            nodes[index].object?.start = children.count
            nodes[index].object?.count = members.count
            for (name, node) in members {
                children.append(Child(nameStart: names.count, nameCount: name.count, node: node))
                names += name
            }
        }
        link()
    }

    private static func rules(_ list: [(pattern: JSONPattern, rule: JSONRule)]) -> [Rule] {
        list.map { Rule(steps: $0.pattern.steps[...], rule: $0.rule) }
    }

    /// The index of a member of the root object, for who asks afterwards whether it was there.
    package func rootMember(_ name: [UInt8]) -> Int? {
        guard let object = nodes[0].object else { return nil }
        return (0..<object.count).first { self.name(children[object.start + $0]).equals(name) }
    }

    /// The name of a member.
    @_lifetime(borrow self)
    func name(_ child: Child) -> Span<UInt8> {
        names.span.extracting(child.nameStart..<child.nameStart + child.nameCount)
    }

    /// Whether something is put into the root object, or must be in it.
    package var needsBody: Bool {
        guard let object = nodes[0].object else { return nodes[0].scalar != nil }
        return object.required != 0 || object.added != 0 || nodes[0].wrap != nil || nodes[0].prepend != nil
    }

    // MARK: what follows from the whole

    private mutating func link() {
        for index in nodes.indices {
            if let element = nodes[index].element, case .edit(_, .filled)? = nodes[element].scalar {
                nodes[index].isFilled = true
            }
            guard let object = nodes[index].object else { continue }
            for position in 0..<object.count {
                link(index, position, children[object.start + position].node)
            }
        }
        // An object that needs a member is itself needed: to leave it out would be to leave that out. One that members are
        // put into is put in with them.
        var isChanging = true
        while isChanging {
            isChanging = false
            for index in nodes.indices {
                guard let object = nodes[index].object else { continue }
                for position in 0..<object.count {
                    let child = children[object.start + position]
                    let bit: UInt64 = 1 << UInt64(position)
                    if object.required & bit == 0, isRequired(child) {
                        nodes[index].object?.required |= bit
                        isChanging = true
                    }
                    if object.added & bit == 0, isMade(child) {
                        nodes[index].object?.added |= bit
                        isChanging = true
                    }
                }
            }
        }
    }

    /// Whether an object is made where it is left out, to hold what is put into it.
    private func isMade(_ child: Child) -> Bool {
        let node = nodes[child.node]
        if child.absent != nil || node.scalar != nil || node.isAny || node.element != nil { return false }
        return (node.object?.added ?? 0) != 0 && (node.object?.required ?? 0) == 0
    }

    private mutating func link(_ index: Int, _ position: Int, _ node: Int) {
        let wrap = nodes[node].isWrapAdded ? nodes[node].wrap : nil
        var absent = wrap ?? nodes[node].prepend
        let place = (nodes[index].object?.start ?? 0) + position
        switch nodes[node].scalar {
        case .edit(let binding, .added)?: absent = binding
        case .insert(let binding)?:
            absent = binding
            children[place].isOurs = true
        case .remove?:
            children[place].isRemoved = true
            nodes[index].object?.removes = true
        case .edit?, .pass?, .refused?, nil: break
        }
        if nodes[node].isDropped {
            children[place].isRemoved = true
            nodes[index].object?.removes = true
        }
        if absent != nil { nodes[index].object?.added |= 1 << UInt64(position) }
        children[place].absent = absent
    }

    private func isRequired(_ child: Child) -> Bool {
        if child.absent != nil { return false }
        let node = nodes[child.node]
        switch node.scalar {
        case .edit(_, .required)?, .remove?: return true
        case .edit?, .insert?, .pass?, .refused?, nil: break
        }
        if node.behead != nil { return true }
        if node.scalar != nil || node.isAny || node.element != nil { return false }
        return (node.object?.required ?? 0) != 0
    }

    // MARK: from rules to nodes

    private struct Builder {
        let shapes: [[(pattern: JSONPattern, rule: JSONRule)]]
        var nodes: [Node] = []
        /// The members of each node that is an object.
        var members: [[(name: [UInt8], node: Int)]] = []
        /// The node of each list of rules that was met: made once, which is what lets a shape hold itself.
        var made: [[Rule]: Int] = [:]

        init(shapes: [[(pattern: JSONPattern, rule: JSONRule)]]) { self.shapes = shapes }

        mutating func build(_ rules: [Rule]) throws(JSONTableError) -> Int {
            if rules.contains(where: { $0.steps.count > JSONEditTable.maximumDepth }) { throw .tooDeep }
            if let node = made[rules] { return node }
            let place = nodes.count
            if place >= JSONEditTable.maximumNodes { throw .tooLarge }
            nodes.append(Node())
            members.append([])
            made[rules] = place
            var node = Node()
            var deeper: [Rule] = []
            var waiting = rules
            var expansions = 0
            while let rule = waiting.popLast() {
                if !rule.steps.isEmpty {
                    deeper.append(rule)
                } else if case .shape(let inner) = rule.rule {
                    expansions += 1
                    // One that says nothing but its own name declares nothing.
                    if expansions > 16 { throw .conflict }
                    waiting += JSONEditTable.rules(shapes[inner])
                } else {
                    try node.add(rule.rule)
                }
            }
            deeper.reverse()
            if node.isAny, !deeper.isEmpty || node.scalar != nil { throw .conflict }
            try add(deeper, to: &node, place)
            if node.isEmpty { node.object = Object() }
            nodes[place] = node
            return place
        }

        private mutating func add(
            _ rules: [Rule],
            to node: inout Node,
            _ place: Int
        ) throws(JSONTableError) {
            func inside(_ step: JSONPattern.Step) -> [Rule] {
                rules.filter { $0.steps.first == step }.map {
                    Rule(steps: $0.steps.dropFirst(), rule: $0.rule)
                }
            }
            var steps: [JSONPattern.Step] = []
            for rule in rules {
                guard let step = rule.steps.first, !steps.contains(step) else { continue }
                steps.append(step)
            }
            for step in steps {
                let inner = try build(inside(step))
                switch step {
                case .element: node.element = inner
                case .member(let name):
                    if node.object == nil { node.object = Object() }
                    members[place].append((name, inner))
                case .anyMember(let binding):
                    if node.object == nil { node.object = Object() }
                    if node.object?.other != nil { throw .conflict }
                    node.object?.other = inner
                    node.object?.otherBinding = binding
                }
            }
            if members[place].count > JSONEditTable.maximumMembers { throw .tooManyMembers }
        }
    }
}

extension JSONEditTable.Node {
    fileprivate var isEmpty: Bool {
        !isAny && scalar == nil && object == nil && element == nil && prepend == nil && behead == nil
    }

    fileprivate mutating func add(_ rule: JSONRule) throws(JSONTableError) {
        func set<T>(_ place: inout T?, _ value: T) throws(JSONTableError) {
            if place != nil { throw .conflict }
            place = value
        }
        switch rule {
        case .scalar: try set(&scalar, .pass)
        case .refused: try set(&scalar, .refused)
        case .edit(let binding, let presence): try set(&scalar, .edit(binding: binding, presence))
        case .insert(let binding): try set(&scalar, .insert(binding: binding))
        case .remove(let binding): try set(&scalar, .remove(binding: binding))
        case .any:
            if isAny || scalar != nil { throw .conflict }
            isAny = true
        case .wrap(let binding, let isAdded):
            try set(&wrap, binding)
            isWrapAdded = isAdded
        case .prepend(let binding): try set(&prepend, binding)
        case .behead(let binding): try set(&behead, binding)
        case .hide: hides = true
        case .drop:
            if isAny || scalar != nil { throw .conflict }
            isAny = true
            isDropped = true
        case .shape: preconditionFailure("shapes are expanded before")
        }
    }
}
