// SPDX-License-Identifier: Apache-2.0

extension Program {
    /// Compiles all conditions of `policy` into one node; nil if it has none.
    mutating func compile(_ policy: Policy) -> Int32? {
        var root: Int32?
        for condition in policy.conditions {
            var node = compile(condition.body)
            if condition.kind == .unless { node = fold(.unary(.not, node), [node]) }
            root = root.map { append(.and($0, node)) } ?? node
        }
        return root
    }

    mutating func compile(_ expression: Expression) -> Int32 {
        switch expression.kind {
        case .literal(let value): return append(constant: value)
        case .variable(let variable): return append(.variable(variable))
        // A template is never evaluated and a link's slots stand only in its head.
        case .slot: preconditionFailure("a slot cannot stand in a condition")
        case .conditional(let condition, let first, let second):
            let parts = [compile(condition), compile(first), compile(second)]
            if case .bool(let value) = constant(at: parts[0]) { return value ? parts[1] : parts[2] }
            return append(.conditional(parts[0], parts[1], parts[2]))
        case .and(let left, let right):
            let (left, right) = (compile(left), compile(right))
            if constant(at: left) == .bool(false) { return left }
            return fold(.and(left, right), [left, right])
        case .or(let left, let right):
            let (left, right) = (compile(left), compile(right))
            if constant(at: left) == .bool(true) { return left }
            return fold(.or(left, right), [left, right])
        case .unary(let operation, let child):
            let child = compile(child)
            return fold(.unary(operation, child), [child])
        case .binary(let operation, let left, let right):
            let (left, right) = (compile(left), compile(right))
            return fold(.binary(operation, left, right), [left, right])
        case .attribute(let target, let name):
            let target = compile(target)
            return fold(.attribute(target, append(name: name)), [target])
        case .has(let target, let path): return compile(has: path, of: target)
        case .like(let target, let pattern):
            let target = compile(target)
            return fold(.like(target, append(pattern: pattern)), [target])
        case .is(let target, let type, let ancestor):
            let target = compile(target)
            let test = fold(.is(target, append(name: type)), [target])
            guard let ancestor else { return test }
            return append(.and(test, append(.binary(.in, target, compile(ancestor)))))
        case .call(let function, let arguments):
            let list = arguments.map { compile($0) }
            return fold(.call(function, append(list: list), Int32(list.count)), list)
        case .set(let elements):
            let list = elements.map { compile($0) }
            return fold(.set(append(list: list), Int32(list.count)), list)
        case .record(let members):
            let list = members.map { compile($0.value) }
            let first = append(names: members.map(\.name))
            return fold(.record(first, append(list: list), Int32(list.count)), list)
        }
    }

    /// `e has a.b` is `e has a && e.a has b`.
    private mutating func compile(has path: [Text], of target: Expression) -> Int32 {
        var target = compile(target)
        var root: Int32?
        for (index, name) in path.enumerated() {
            let name = append(name: name)
            let test = fold(.has(target, name), [target])
            root = root.map { append(.and($0, test)) } ?? test
            if index < path.count - 1 { target = fold(.attribute(target, name), [target]) }
        }
        return root ?? append(constant: .bool(true))
    }

    /// Appends `node`, or its value where all operands are constant and evaluating it needs no entity and is no
    /// error: an error must stay where it is, since a short-circuit may hide it.
    private mutating func fold(_ node: Node, _ operands: [Int32]) -> Int32 {
        let index = append(node)
        for operand in operands where constant(at: operand) == nil { return index }
        if case .binary(.hasTag, _, _) = node { return index }
        if case .binary(.in, _, _) = node { return index }
        if case .has(let target, _) = node, case .entity = constant(at: target) { return index }
        guard let value = value(ofConstant: index) else { return index }
        return append(constant: value)
    }

    // On its own, so that the evaluator's share in the arrays is gone before the next append.
    private func value(ofConstant index: Int32) -> Value? {
        do throws(EvaluationError) {
            return try Evaluator(program: self, request: .none, entities: .empty).value(index)
        } catch {
            return nil
        }
    }
}
