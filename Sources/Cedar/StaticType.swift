// SPDX-License-Identifier: Apache-2.0

/// What the validator knows of an expression's value. Bools that are known are types of their own.
indirect enum StaticType: Hashable, Sendable {
    case bool, `true`, `false`
    case long, string
    case decimal, address, datetime, duration
    case set(StaticType)
    case record([Text: Attribute])
    case entity(Text)

    struct Attribute: Hashable, Sendable {
        let type: StaticType
        let isRequired: Bool
    }

    init(_ type: SchemaType) {
        switch type {
        case .bool: self = .bool
        case .long: self = .long
        case .string: self = .string
        case .decimal: self = .decimal
        case .address: self = .address
        case .datetime: self = .datetime
        case .duration: self = .duration
        case .set(let element): self = .set(StaticType(element))
        case .record(let record): self = StaticType(record)
        case .entity(let name): self = .entity(name)
        }
    }

    init(_ record: RecordType) {
        self = .record(
            record.attributes.mapValues { Attribute(type: StaticType($0.type), isRequired: $0.isRequired) }
        )
    }

    static func known(_ value: Bool) -> StaticType { value ? .true : .false }

    var isBool: Bool { self == .bool || self == .true || self == .false }

    /// The least type that has the values of both, or nil where strict validation sees none.
    func union(_ other: StaticType) -> StaticType? {
        if self == other { return self }
        switch (self, other) {
        case (.bool, _), (.true, _), (.false, _): return other.isBool ? .bool : nil
        case (.set(let left), .set(let right)): return left.union(right).map { .set($0) }
        case (.record(let left), .record(let right)):
            guard left.count == right.count else { return nil }
            var attributes: [Text: Attribute] = [:]
            for (name, attribute) in left {
                guard let partner = right[name], partner.isRequired == attribute.isRequired,
                    let type = attribute.type.union(partner.type)
                else { return nil }
                attributes[name] = Attribute(type: type, isRequired: attribute.isRequired)
            }
            return .record(attributes)
        case (.long, _), (.string, _), (.decimal, _), (.address, _), (.datetime, _), (.duration, _),
            (.set, _),
            (.record, _), (.entity, _):
            return nil
        }
    }

    var description: String {
        switch self {
        case .bool: "Bool"
        case .true: "true"
        case .false: "false"
        case .long: "Long"
        case .string: "String"
        case .decimal: "decimal"
        case .address: "ipaddr"
        case .datetime: "datetime"
        case .duration: "duration"
        case .set(let element): "Set<\(element.description)>"
        case .record(let attributes):
            "{"
                + attributes.sorted { $0.key < $1.key }.map { name, attribute in
                    "\(name)\(attribute.isRequired ? "" : "?"): \(attribute.type.description)"
                }.joined(separator: ", ") + "}"
        case .entity(let name): name.string
        }
    }
}

/// Something proven by a test before: the attribute, or the tag, is there.
struct Capability: Hashable, Sendable {
    enum Key: Hashable, Sendable {
        case attribute(Text)
        case tag(Expression)
    }

    let target: Expression
    let key: Key
}

/// The types of a request that an expression is checked for.
struct RequestEnvironment: Hashable, Sendable {
    let principal: Text
    let action: EntityUID
    let resource: Text
    let context: RecordType
}

/// Why an expression is not well typed, and where.
struct TypeFailure: Error {
    let offset: Int32
    let message: String
}
