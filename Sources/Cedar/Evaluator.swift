// SPDX-License-Identifier: Apache-2.0

/// Evaluates compiled conditions for one request. Pure; cost: no allocation but for set and record literals with
/// variable parts, constructors of variable strings, and errors.
struct Evaluator {
    let program: Program
    let request: AccessRequest
    let entities: EntityStore

    func value(_ index: Int32) throws(EvaluationError) -> Value {
        switch program.nodes[Int(index)] {
        case .constant(let constant): return program.constants[Int(constant)]
        case .variable(let variable): return value(of: variable)
        case .conditional(let condition, let first, let second):
            return try value(try test(condition) ? first : second)
        case .and, .or, .has, .is, .like: return .bool(try test(index))
        case .unary(let operation, let operand):
            switch operation {
            case .not, .isEmpty: return .bool(try test(index))
            case .negate:
                let (result, overflow) = Int64(0).subtractingReportingOverflow(try value(operand).long())
                if overflow { throw .overflow }
                return .long(result)
            }
        case .binary(let operation, let left, let right):
            switch operation {
            case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .in, .contains,
                .containsAll, .containsAny, .hasTag:
                return .bool(try test(index))
            case .plus, .minus, .times: return try arithmetic(operation, left, right)
            case .getTag:
                let uid = try value(left).entity()
                let name = try value(right).text()
                guard let node = entities.node(uid) else { throw .unknownEntity(uid) }
                guard let tag = node.entity.tags[name] else { throw .missingTag(name) }
                return tag
            }
        case .attribute(let target, let name):
            return try attribute(try value(target), program.names[Int(name)])
        case .call(let function, let first, let count):
            return try call(function, Int(first), Int(count))
        case .set(let first, let count):
            return .set(SetValue(try values(Int(first), Int(count))))
        case .record(let name, let first, let count):
            let values = try values(Int(first), Int(count))
            return .record(
                RecordValue(
                    values.indices.map { RecordValue.Field(program.names[Int(name) + $0], values[$0]) }
                )
            )
        }
    }

    /// The value of a node that must be Bool.
    func test(_ index: Int32) throws(EvaluationError) -> Bool {
        switch program.nodes[Int(index)] {
        case .and(let left, let right): return try test(left) ? try test(right) : false
        case .or(let left, let right): return try test(left) ? true : try test(right)
        case .unary(.not, let operand): return try !test(operand)
        case .unary(.isEmpty, let operand): return try value(operand).set().isEmpty
        case .binary(let operation, let left, let right):
            if let result = try relation(operation, left, right) { return result }
            return try value(index).bool()
        case .has(let target, let name): return try has(try value(target), program.names[Int(name)])
        case .is(let target, let type): return try value(target).entity().type == program.names[Int(type)]
        case .like(let target, let pattern):
            return program.patterns[Int(pattern)].matches(try value(target).text())
        case .conditional(let condition, let first, let second):
            return try test(try test(condition) ? first : second)
        case .constant, .variable, .unary(.negate, _), .attribute, .call, .set, .record:
            return try value(index).bool()
        }
    }

    private func value(of variable: Variable) -> Value {
        switch variable {
        case .principal: .entity(request.principal)
        case .action: .entity(request.action)
        case .resource: .entity(request.resource)
        case .context: .record(request.context)
        }
    }

    /// Nil for an operator whose result is no Bool.
    private func relation(
        _ operation: BinaryOperator,
        _ left: Int32,
        _ right: Int32
    ) throws(EvaluationError) -> Bool? {
        switch operation {
        case .plus, .minus, .times, .getTag: return nil
        case .equal: return try value(left) == value(right)
        case .notEqual: return try value(left) != value(right)
        case .less: return try order(value(left), value(right), <, <, <)
        case .lessOrEqual: return try order(value(left), value(right), <=, <=, <=)
        case .greater: return try order(value(left), value(right), >, >, >)
        case .greaterOrEqual: return try order(value(left), value(right), >=, >=, >=)
        case .in: return try isIn(value(left), value(right))
        case .contains:
            let (set, element) = (try value(left), try value(right))
            return try set.set().contains(element)
        case .containsAll:
            let (set, other) = (try value(left), try value(right))
            return try set.set().isSuperset(of: other.set())
        case .containsAny:
            let (set, other) = (try value(left), try value(right))
            return try set.set().intersects(other.set())
        case .hasTag:
            let (target, name) = (try value(left), try value(right))
            // The key's type counts even where the entity does not exist.
            let (uid, key) = (try target.entity(), try name.text())
            return entities.node(uid)?.entity.tags.contains(key) ?? false
        }
    }

    private func order(
        _ left: Value,
        _ right: Value,
        _ longs: (Int64, Int64) -> Bool,
        _ datetimes: (DatetimeValue, DatetimeValue) -> Bool,
        _ durations: (DurationValue, DurationValue) -> Bool
    ) throws(EvaluationError) -> Bool {
        switch (left, right) {
        case (.long(let left), .long(let right)): return longs(left, right)
        case (.datetime(let left), .datetime(let right)): return datetimes(left, right)
        case (.duration(let left), .duration(let right)): return durations(left, right)
        case (.long, _): throw right.mismatch(.long)
        case (.datetime, _): throw right.mismatch(.datetime)
        case (.duration, _): throw right.mismatch(.duration)
        case (.bool, _), (.string, _), (.entity, _), (.set, _), (.record, _), (.decimal, _), (.address, _):
            throw left.mismatch(.comparable)
        }
    }

    private func isIn(_ left: Value, _ right: Value) throws(EvaluationError) -> Bool {
        let uid = try left.entity()
        switch right {
        case .entity(let ancestor): return entities.isIn(uid, ancestor)
        case .set(let set):
            // All elements' types first, as the reference does: a wrong one is an error even after a match.
            for element in set.elements { _ = try element.entity() }
            for case .entity(let ancestor) in set.elements where entities.isIn(uid, ancestor) { return true }
            return false
        case .bool, .long, .string, .record, .decimal, .address, .datetime, .duration:
            throw right.mismatch(.entityOrSetOfEntities)
        }
    }

    private func has(_ target: Value, _ name: Text) throws(EvaluationError) -> Bool {
        switch target {
        case .record(let record): return record.contains(name)
        case .entity(let uid): return entities.node(uid)?.entity.attributes.contains(name) ?? false
        case .bool, .long, .string, .set, .decimal, .address, .datetime, .duration:
            throw target.mismatch(.recordOrEntity)
        }
    }

    private func attribute(_ target: Value, _ name: Text) throws(EvaluationError) -> Value {
        let found: Value?
        switch target {
        case .record(let record): found = record[name]
        case .entity(let uid):
            guard let node = entities.node(uid) else { throw .unknownEntity(uid) }
            found = node.entity.attributes[name]
        case .bool, .long, .string, .set, .decimal, .address, .datetime, .duration:
            throw target.mismatch(.recordOrEntity)
        }
        guard let found else { throw .missingAttribute(name) }
        return found
    }

    private func arithmetic(
        _ operation: BinaryOperator,
        _ left: Int32,
        _ right: Int32
    ) throws(EvaluationError) -> Value {
        let (first, second) = (try value(left), try value(right))
        let (left, right) = (try first.long(), try second.long())
        let (result, overflow) =
            switch operation {
            case .plus: left.addingReportingOverflow(right)
            case .minus: left.subtractingReportingOverflow(right)
            default: left.multipliedReportingOverflow(by: right)
            }
        if overflow { throw .overflow }
        return .long(result)
    }

    private func call(
        _ function: ExtensionFunction,
        _ first: Int,
        _ count: Int
    ) throws(EvaluationError) -> Value {
        switch count {
        case 1: return try function.apply(try value(program.lists[first]))
        case 2:
            return try function.apply(try value(program.lists[first]), try value(program.lists[first + 1]))
        default: return try function.apply(try values(first, count))
        }
    }

    private func values(_ first: Int, _ count: Int) throws(EvaluationError) -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(count)
        for operand in program.lists[first..<(first + count)] { values.append(try value(operand)) }
        return values
    }
}
