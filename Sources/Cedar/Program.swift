// SPDX-License-Identifier: Apache-2.0

/// The conditions of all policies of a set, compiled: nodes without references in one array, which name their
/// operands by index. Fetching a node costs no reference counting.
struct Program: Sendable {
    enum Node {
        /// Index into `constants`.
        case constant(Int32)
        case variable(Variable)
        case conditional(Int32, Int32, Int32)
        case and(Int32, Int32)
        case or(Int32, Int32)
        case unary(UnaryOperator, Int32)
        case binary(BinaryOperator, Int32, Int32)
        /// Operand, and index into `names`.
        case attribute(Int32, Int32)
        case has(Int32, Int32)
        case `is`(Int32, Int32)
        /// Operand, and index into `patterns`.
        case like(Int32, Int32)
        /// Function, and first and number of its operands in `lists`.
        case call(ExtensionFunction, Int32, Int32)
        case set(Int32, Int32)
        /// First name in `names`, first operand in `lists`, number of both.
        case record(Int32, Int32, Int32)
    }

    private(set) var nodes: [Node] = []
    private(set) var constants: [Value] = []
    private(set) var names: [Text] = []
    private(set) var patterns: [Pattern] = []
    private(set) var lists: [Int32] = []
    private var nameTable: [Text: Int32] = [:]

    mutating func append(_ node: Node) -> Int32 {
        nodes.append(node)
        return Int32(nodes.count - 1)
    }

    mutating func append(constant: Value) -> Int32 {
        constants.append(constant)
        return append(.constant(Int32(constants.count - 1)))
    }

    mutating func append(pattern: Pattern) -> Int32 {
        patterns.append(pattern)
        return Int32(patterns.count - 1)
    }

    mutating func append(list: [Int32]) -> Int32 {
        lists += list
        return Int32(lists.count - list.count)
    }

    mutating func append(names list: [Text]) -> Int32 {
        names += list
        return Int32(names.count - list.count)
    }

    mutating func append(name: Text) -> Int32 {
        if let index = nameTable[name] { return index }
        let index = append(names: [name])
        nameTable[name] = index
        return index
    }

    func constant(at index: Int32) -> Value? {
        if case .constant(let constant) = nodes[Int(index)] { return constants[Int(constant)] }
        return nil
    }
}
