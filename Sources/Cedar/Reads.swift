// SPDX-License-Identifier: Apache-2.0

/// What the policies for an action can look at beyond principal, action and resource themselves. Two requests that
/// agree in all of it get the same decision: so it says what a cached decision depends on.
package struct Reads: Hashable, Sendable {
    /// What is read of one entity or of the context.
    package struct Names: Hashable, Sendable {
        /// First names only: `context.a.b` reads `a`.
        package fileprivate(set) var names: Set<Text> = []
        /// It is compared, passed on, or stored as a whole: every attribute counts.
        package fileprivate(set) var isWhole = false

        fileprivate mutating func formUnion(_ other: Names) {
            names.formUnion(other.names)
            isWhole = isWhole || other.isWhole
        }
    }

    /// Without attributes that are only compared with fixed instants: see `boundaries`.
    package fileprivate(set) var context = Names()
    /// Context attributes of type datetime that policies only compare (`<`, `<=`, `>`, `>=`) with fixed instants,
    /// and the instants at which such a comparison changes, ascending: a decision holds until the attribute
    /// reaches the next of them.
    package fileprivate(set) var boundaries: [Text: [DatetimeValue]] = [:]
    package fileprivate(set) var principal = Names()
    package fileprivate(set) var resource = Names()
    package fileprivate(set) var principalTags = Names()
    package fileprivate(set) var resourceTags = Names()
    /// Attributes or tags of entities that are reached otherwise: through an attribute, or named outright.
    package fileprivate(set) var others = Names()

    /// The first instant after `now` at which a policy could decide otherwise because of `name`.
    package func nextBoundary(_ name: Text, after now: DatetimeValue) -> DatetimeValue? {
        boundaries[name]?.first { $0 > now }
    }
}

extension Authorizer {
    /// What the policies that can apply to `action` read. `entities` tells the groups of actions.
    /// Cost: a walk over these policies; compute it once per action and policy set.
    package func reads(by action: EntityUID, _ entities: EntityStore) -> Reads {
        var collector = ReadsCollector(program: program)
        for policy in compiled where matches(policy.action, action, entities) {
            if let root = policy.root { collector.visit(root) }
        }
        return collector.result()
    }
}

/// Walks compiled conditions, after constants were folded.
private struct ReadsCollector {
    let program: Program
    private var reads = Reads()
    private var boundaries: [Text: Set<DatetimeValue>] = [:]

    init(program: Program) { self.program = program }

    func result() -> Reads {
        var reads = reads
        for (name, instants) in boundaries where !reads.context.isWhole && !reads.context.names.contains(name)
        {
            reads.boundaries[name] = instants.sorted()
        }
        return reads
    }

    /// Notes what evaluating the node reads, where its own value is used as a whole.
    mutating func visit(_ index: Int32) {
        switch program.nodes[Int(index)] {
        case .constant: break
        case .variable(.context): reads.context.isWhole = true
        // The names of principal, action and resource are given; only what hangs on them is read.
        case .variable(.principal), .variable(.action), .variable(.resource): break
        case .conditional(let condition, let first, let second):
            visit(condition)
            visit(first)
            visit(second)
        case .binary(let operation, let left, let right):
            if visitBoundary(operation, left, right) { return }
            if operation == .hasTag || operation == .getTag { visitTag(left, right) }
            visit(left)
            visit(right)
        case .and(let left, let right), .or(let left, let right):
            visit(left)
            visit(right)
        case .unary(_, let operand), .is(let operand, _), .like(let operand, _): visit(operand)
        case .attribute(let target, let name), .has(let target, let name): visitAttribute(target, name)
        case .call(_, let first, let count), .set(let first, let count), .record(_, let first, let count):
            for operand in program.lists[Int(first)..<Int(first + count)] { visit(operand) }
        }
    }

    private mutating func visitAttribute(_ target: Int32, _ name: Int32) {
        let name = program.names[Int(name)]
        switch program.nodes[Int(target)] {
        case .variable(.context): reads.context.names.insert(name)
        case .variable(.principal): reads.principal.names.insert(name)
        case .variable(.resource): reads.resource.names.insert(name)
        default:
            reads.others.names.insert(name)
            visit(target)
        }
    }

    private mutating func visitTag(_ target: Int32, _ name: Int32) {
        var read = Reads.Names()
        if case .string(let name) = program.constant(at: name) {
            read.names.insert(name)
        } else {
            read.isWhole = true
        }
        switch program.nodes[Int(target)] {
        case .variable(.principal): reads.principalTags.formUnion(read)
        case .variable(.resource): reads.resourceTags.formUnion(read)
        default: reads.others.formUnion(read)
        }
    }

    /// `context.name` compared with a fixed instant.
    private mutating func visitBoundary(_ operation: BinaryOperator, _ left: Int32, _ right: Int32) -> Bool {
        // The comparison changes at the instant itself, or just after it.
        let sides: [(Int32, Int32, Bool)]
        switch operation {
        case .less, .greaterOrEqual: sides = [(left, right, false), (right, left, true)]
        case .lessOrEqual, .greater: sides = [(left, right, true), (right, left, false)]
        case .equal, .notEqual, .in, .plus, .minus, .times, .contains, .containsAll, .containsAny, .hasTag,
            .getTag:
            return false
        }
        for (side, other, isAfter) in sides {
            if case .attribute(let target, let name) = program.nodes[Int(side)],
                case .variable(.context) = program.nodes[Int(target)],
                case .datetime(let instant) = program.constant(at: other)
            {
                let (next, overflow) = instant.milliseconds.addingReportingOverflow(isAfter ? 1 : 0)
                if !overflow {
                    boundaries[program.names[Int(name)], default: []].insert(
                        DatetimeValue(milliseconds: next)
                    )
                }
                return true
            }
        }
        return false
    }
}
