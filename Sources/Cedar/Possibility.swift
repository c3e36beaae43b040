// SPDX-License-Identifier: Apache-2.0

/// Whether a request could be allowed, when not all of its context is known.
package enum Possibility: String, Sendable {
    /// In every context.
    case yes
    /// In none.
    case no
    /// In some, perhaps.
    case depends
}

extension Authorizer {
    /// Whether some context would allow the request. For listings: what is not `.no` may be shown.
    /// - Parameter request: its context holds what is known; an attribute that it lacks may have any value or none.
    /// Cost: as a decision.
    package func possibility(_ request: AccessRequest, _ entities: EntityStore) -> Possibility {
        let evaluator = PartialEvaluator(
            program: program,
            evaluator: Evaluator(program: program, request: request, entities: entities)
        )
        var canPermit = false
        var mustPermit = false
        var canForbid = false
        var mustForbid = false
        forEachMatch(request, entities) { policy in
            let outcomes = policy.root.map { evaluator.outcomes($0) } ?? .yes
            switch policy.effect {
            case .permit:
                canPermit = canPermit || outcomes.contains(.yes)
                mustPermit = mustPermit || outcomes == .yes
            case .forbid:
                canForbid = canForbid || outcomes.contains(.yes)
                mustForbid = mustForbid || outcomes == .yes
            }
        }
        if mustForbid || !canPermit { return .no }
        return mustPermit && !canForbid ? .yes : .depends
    }
}

/// Evaluates conditions to the set of what they may come to.
private struct PartialEvaluator {
    struct Outcomes: OptionSet {
        let rawValue: UInt8

        static let yes = Outcomes(rawValue: 1)
        static let no = Outcomes(rawValue: 2)
        static let error = Outcomes(rawValue: 4)
        static let any: Outcomes = [.yes, .no, .error]
    }

    let program: Program
    let evaluator: Evaluator

    func outcomes(_ index: Int32) -> Outcomes {
        if isKnown(index) { return known(index) }
        switch program.nodes[Int(index)] {
        case .and(let left, let right):
            let first = outcomes(left)
            return first.contains(.yes) ? first.subtracting(.yes).union(outcomes(right)) : first
        case .or(let left, let right):
            let first = outcomes(left)
            return first.contains(.no) ? first.subtracting(.no).union(outcomes(right)) : first
        case .unary(.not, let operand):
            let inner = outcomes(operand)
            var swapped = inner.intersection(.error)
            if inner.contains(.yes) { swapped.insert(.no) }
            if inner.contains(.no) { swapped.insert(.yes) }
            return swapped
        case .conditional(let condition, let first, let second):
            let test = outcomes(condition)
            var result = test.intersection(.error)
            if test.contains(.yes) { result.formUnion(outcomes(first)) }
            if test.contains(.no) { result.formUnion(outcomes(second)) }
            return result
        case .constant, .variable, .unary, .binary, .attribute, .has, .is, .like, .call, .set, .record:
            return .any
        }
    }

    private func known(_ index: Int32) -> Outcomes {
        do throws(EvaluationError) {
            return try evaluator.test(index) ? .yes : .no
        } catch {
            return .error
        }
    }

    /// Whether nothing below looks at an unknown part of the context.
    private func isKnown(_ index: Int32) -> Bool {
        switch program.nodes[Int(index)] {
        case .constant, .variable(.principal), .variable(.action), .variable(.resource): return true
        case .variable(.context): return false
        case .attribute(let target, let name), .has(let target, let name):
            if case .variable(.context) = program.nodes[Int(target)] {
                return evaluator.request.context.contains(program.names[Int(name)])
            }
            return isKnown(target)
        case .conditional(let first, let second, let third):
            return isKnown(first) && isKnown(second) && isKnown(third)
        case .and(let left, let right), .or(let left, let right), .binary(_, let left, let right):
            return isKnown(left) && isKnown(right)
        case .unary(_, let operand), .is(let operand, _), .like(let operand, _): return isKnown(operand)
        case .call(_, let first, let count), .set(let first, let count), .record(_, let first, let count):
            return program.lists[Int(first)..<Int(first + count)].allSatisfy(isKnown)
        }
    }
}
