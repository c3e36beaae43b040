// SPDX-License-Identifier: Apache-2.0

/// A value at run time. `==` is total, as in Cedar: false across types, extension values by what they mean.
package enum Value: Hashable, Sendable {
    case bool(Bool)
    case long(Int64)
    case string(Text)
    case entity(EntityUID)
    case set(SetValue)
    case record(RecordValue)
    case decimal(DecimalValue)
    case address(AddressValue)
    case datetime(DatetimeValue)
    case duration(DurationValue)
}

extension Value {
    package static func string(_ value: String) -> Value { .string(Text(value)) }

    package static func set(_ elements: [Value]) -> Value { .set(SetValue(elements)) }

    /// The name of the value's type, as a schema writes it.
    package var typeName: String {
        switch self {
        case .bool: "Bool"
        case .long: "Long"
        case .string: "String"
        case .entity(let uid): uid.type.string
        case .set: "Set"
        case .record: "Record"
        case .decimal: "decimal"
        case .address: "ipaddr"
        case .datetime: "datetime"
        case .duration: "duration"
        }
    }
}

/// A set: order and repeats do not count, elements may be of any types.
/// Cost: membership is linear up to eight elements, one hash look-up beyond.
package struct SetValue: Sendable {
    private static let linearCount = 8

    /// Without repeats, in the order of first appearance.
    package let elements: [Value]
    private let table: Set<Value>?

    package init(_ elements: [Value]) {
        if elements.count <= SetValue.linearCount {
            var distinct: [Value] = []
            distinct.reserveCapacity(elements.count)
            for element in elements where !distinct.contains(element) { distinct.append(element) }
            self.elements = distinct
            table = nil
        } else {
            var table: Set<Value> = []
            self.elements = elements.filter { table.insert($0).inserted }
            self.table = self.elements.count > SetValue.linearCount ? table : nil
        }
    }

    package var count: Int { elements.count }
    package var isEmpty: Bool { elements.isEmpty }

    package func contains(_ value: Value) -> Bool {
        if let table { return table.contains(value) }
        for element in elements where element == value { return true }
        return false
    }

    package func isSuperset(of other: SetValue) -> Bool {
        if other.count > count { return false }
        for element in other.elements where !contains(element) { return false }
        return true
    }

    package func intersects(_ other: SetValue) -> Bool {
        let (few, many) = count < other.count ? (self, other) : (other, self)
        for element in few.elements where many.contains(element) { return true }
        return false
    }
}

extension SetValue: Hashable {
    package static func == (left: SetValue, right: SetValue) -> Bool {
        left.count == right.count && left.isSuperset(of: right)
    }

    package func hash(into hasher: inout Hasher) {
        // Order must not count, so the elements' hashes are summed.
        var sum = elements.count
        for element in elements { sum &+= element.hashValue }
        hasher.combine(sum)
    }
}

/// A record, its fields in the byte order of their names. Also the attributes and the tags of an entity.
/// Cost: a look-up is linear up to eight fields, binary beyond.
package struct RecordValue: Hashable, Sendable {
    package struct Field: Hashable, Sendable {
        package let name: Text
        package let value: Value

        package init(_ name: Text, _ value: Value) {
            self.name = name
            self.value = value
        }
    }

    package static let empty = RecordValue([])

    package let fields: [Field]

    /// Of fields with the same name the last one counts; readers of text and JSON refuse them before.
    package init(_ fields: [Field]) {
        // Who builds one in code mostly has them in order.
        let isSorted = fields.indices.dropFirst().allSatisfy { fields[$0 - 1].name < fields[$0].name }
        if isSorted {
            self.fields = fields
            return
        }
        var sorted: [Field] = []
        sorted.reserveCapacity(fields.count)
        let order = fields.indices.sorted {
            fields[$0].name == fields[$1].name ? $0 < $1 : fields[$0].name < fields[$1].name
        }
        for index in order {
            if let last = sorted.last, last.name == fields[index].name { sorted.removeLast() }
            sorted.append(fields[index])
        }
        self.fields = sorted
    }

    package var count: Int { fields.count }
    package var isEmpty: Bool { fields.isEmpty }

    package subscript(name: Text) -> Value? {
        if fields.count <= 8 {
            for field in fields where field.name == name { return field.value }
            return nil
        }
        var low = 0
        var high = fields.count
        while low < high {
            let middle = (low + high) / 2
            if fields[middle].name < name { low = middle + 1 } else { high = middle }
        }
        return low < fields.count && fields[low].name == name ? fields[low].value : nil
    }

    package func contains(_ name: Text) -> Bool { self[name] != nil }
}

extension RecordValue: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (Text, Value)...) {
        self.init(elements.map { Field($0.0, $0.1) })
    }
}

extension Value: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral {
    package init(stringLiteral value: String) { self = .string(Text(value)) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int64) { self = .long(value) }
}
