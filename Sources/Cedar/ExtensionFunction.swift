// SPDX-License-Identifier: Apache-2.0

/// The functions and methods of the extension types. Name and call style are checked by the parser, the number
/// and types of arguments only when evaluated or validated, as the reference implementation does.
package enum ExtensionFunction: String, CaseIterable, Sendable {
    case decimal, ip, datetime, duration
    case lessThan, lessThanOrEqual, greaterThan, greaterThanOrEqual
    case isIpv4, isIpv6, isLoopback, isMulticast, isInRange
    case offset, durationSince, toDate, toTime
    case toMilliseconds, toSeconds, toMinutes, toHours, toDays

    package var name: String { rawValue }

    /// Whether it is called as `name("…")`; all others are methods.
    package var isConstructor: Bool {
        switch self {
        case .decimal, .ip, .datetime, .duration: true
        case .lessThan, .lessThanOrEqual, .greaterThan, .greaterThanOrEqual: false
        case .isIpv4, .isIpv6, .isLoopback, .isMulticast, .isInRange: false
        case .offset, .durationSince, .toDate, .toTime: false
        case .toMilliseconds, .toSeconds, .toMinutes, .toHours, .toDays: false
        }
    }

    /// The receiver of a method included.
    package var argumentCount: Int {
        switch self {
        case .decimal, .ip, .datetime, .duration: 1
        case .isIpv4, .isIpv6, .isLoopback, .isMulticast: 1
        case .toDate, .toTime, .toMilliseconds, .toSeconds, .toMinutes, .toHours, .toDays: 1
        case .lessThan, .lessThanOrEqual, .greaterThan, .greaterThanOrEqual: 2
        case .isInRange, .offset, .durationSince: 2
        }
    }
}

extension ExtensionFunction {
    func apply(_ value: Value) throws(EvaluationError) -> Value {
        switch self {
        case .decimal: .decimal(try construct(value, DecimalValue.init(_:)))
        case .ip: .address(try construct(value, AddressValue.init(_:)))
        case .datetime: .datetime(try construct(value, DatetimeValue.init(_:)))
        case .duration: .duration(try construct(value, DurationValue.init(_:)))
        case .isIpv4: .bool(try !value.address().isIPv6)
        case .isIpv6: .bool(try value.address().isIPv6)
        case .isLoopback: .bool(try value.address().isLoopback)
        case .isMulticast: .bool(try value.address().isMulticast)
        case .toDate: .datetime(try checked(value.datetime().date))
        case .toTime: .duration(try value.datetime().timeOfDay)
        case .toMilliseconds: .long(try value.duration().milliseconds)
        case .toSeconds: .long(try value.duration().milliseconds / 1000)
        case .toMinutes: .long(try value.duration().milliseconds / 60_000)
        case .toHours: .long(try value.duration().milliseconds / 3_600_000)
        case .toDays: .long(try value.duration().milliseconds / 86_400_000)
        case .lessThan, .lessThanOrEqual, .greaterThan, .greaterThanOrEqual, .isInRange, .offset,
            .durationSince:
            throw .wrongArgumentCount(self, 1)
        }
    }

    func apply(_ left: Value, _ right: Value) throws(EvaluationError) -> Value {
        switch self {
        case .lessThan: .bool(try left.decimal() < right.decimal())
        case .lessThanOrEqual: .bool(try left.decimal() <= right.decimal())
        case .greaterThan: .bool(try left.decimal() > right.decimal())
        case .greaterThanOrEqual: .bool(try left.decimal() >= right.decimal())
        case .isInRange: .bool(try left.address().isInRange(right.address()))
        case .offset: .datetime(try checked(left.datetime().adding(right.duration())))
        case .durationSince: .duration(try checked(left.datetime().since(right.datetime())))
        case .decimal, .ip, .datetime, .duration, .isIpv4, .isIpv6, .isLoopback, .isMulticast, .toDate,
            .toTime, .toMilliseconds, .toSeconds, .toMinutes, .toHours, .toDays:
            throw .wrongArgumentCount(self, 2)
        }
    }

    func apply(_ arguments: [Value]) throws(EvaluationError) -> Value {
        switch arguments.count {
        case 1: try apply(arguments[0])
        case 2: try apply(arguments[0], arguments[1])
        case let count: throw .wrongArgumentCount(self, count)
        }
    }

    private func construct<T>(_ value: Value, _ read: (Text) -> T?) throws(EvaluationError) -> T {
        let text = try value.text()
        guard let result = read(text) else { throw .invalidArgument(self, text) }
        return result
    }

    private func checked<T>(_ value: T?) throws(EvaluationError) -> T {
        guard let value else { throw .overflow }
        return value
    }
}

extension Value {
    func bool() throws(EvaluationError) -> Bool {
        if case .bool(let value) = self { return value }
        throw mismatch(.bool)
    }

    func long() throws(EvaluationError) -> Int64 {
        if case .long(let value) = self { return value }
        throw mismatch(.long)
    }

    func text() throws(EvaluationError) -> Text {
        if case .string(let value) = self { return value }
        throw mismatch(.string)
    }

    func set() throws(EvaluationError) -> SetValue {
        if case .set(let value) = self { return value }
        throw mismatch(.set)
    }

    func entity() throws(EvaluationError) -> EntityUID {
        if case .entity(let value) = self { return value }
        throw mismatch(.entity)
    }

    func decimal() throws(EvaluationError) -> DecimalValue {
        if case .decimal(let value) = self { return value }
        throw mismatch(.decimal)
    }

    func address() throws(EvaluationError) -> AddressValue {
        if case .address(let value) = self { return value }
        throw mismatch(.address)
    }

    func datetime() throws(EvaluationError) -> DatetimeValue {
        if case .datetime(let value) = self { return value }
        throw mismatch(.datetime)
    }

    func duration() throws(EvaluationError) -> DurationValue {
        if case .duration(let value) = self { return value }
        throw mismatch(.duration)
    }

    func mismatch(_ expected: EvaluationError.StaticName) -> EvaluationError {
        .wrongType(expected: expected, found: Text(typeName))
    }
}
