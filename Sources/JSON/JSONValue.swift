// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// A whole JSON document in memory, for what is small or ours: key sets, claims, policy entities.
/// Strings are equal when their code points are: Swift's own `==` would take two spellings of `é` for one name.
package indirect enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// A number written without fraction or exponent that fits into 64 bits.
    case integer(Int64)
    /// Any other number, as it was written.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// Reads one document.
    /// Limits: `maximumBytes` and `maximumDepth`. Cost: an allocation for each string, array and object.
    /// - Throws: `.duplicateName` at the second of two members whose names mean the same, and whatever
    ///   `JSONReader` refuses.
    package static func parse(
        _ bytes: Span<UInt8>,
        maximumDepth: Int = 64,
        maximumBytes: Int = 1 << 20
    ) throws(JSONError) -> JSONValue {
        if bytes.count > maximumBytes { throw JSONError(.tooLarge, at: maximumBytes) }
        var reader = JSONReader(maximumDepth: maximumDepth)
        let value = try parse(&reader, bytes)
        _ = try reader.next(bytes)
        return value
    }

    /// Reads one value where a value stands next, and leaves `reader` behind it.
    package static func parse(
        _ reader: inout JSONReader,
        _ bytes: Span<UInt8>
    ) throws(JSONError) -> JSONValue {
        let before = reader.position
        guard let value = try value(try reader.next(bytes), &reader, bytes) else {
            throw JSONError(.unexpectedByte, at: before)
        }
        return value
    }

    /// The value that `token` begins, or nil where it ends something instead.
    private static func value(
        _ token: JSONToken,
        _ reader: inout JSONReader,
        _ bytes: Span<UInt8>
    ) throws(JSONError) -> JSONValue? {
        switch token {
        case .null: return .null
        case .true: return .bool(true)
        case .false: return .bool(false)
        case .string(let range, let escaped):
            return .string(JSONText.string(bytes, range, escaped: escaped))
        case .number(let range):
            if let integer = try? JSONNumber.integer(bytes, range) { return .integer(integer) }
            return .number(JSONText.string(bytes, range, escaped: false))
        case .beginArray:
            var elements: [JSONValue] = []
            while let element = try value(try reader.next(bytes), &reader, bytes) { elements.append(element) }
            return .array(elements)
        case .beginObject:
            var object = JSONObject()
            while case .key(let range, let escaped) = try reader.next(bytes) {
                let name = JSONText.string(bytes, range, escaped: escaped)
                guard object.append(name, try parse(&reader, bytes)) else {
                    throw JSONError(.duplicateName, at: range.start)
                }
            }
            return .object(object)
        case .endArray, .endObject, .key, .end: return nil
        }
    }

    package static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.number(let left), .number(let right)), (.string(let left), .string(let right)):
            left.utf8.elementsEqual(right.utf8)
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }

    /// Prints the value without white space. What `parse` read comes back as an equal value.
    package func write(into output: inout Buffer) {
        var writer = JSONWriter()
        write(&writer, &output)
    }

    package func write(_ writer: inout JSONWriter, _ output: inout Buffer) {
        switch self {
        case .null: writer.null(&output)
        case .bool(let value): writer.bool(value, &output)
        case .integer(let value): writer.integer(Int(value), &output)
        case .number(let text): writer.raw(text.utf8Span.span, &output)
        case .string(let text): writer.string(text, &output)
        case .array(let elements):
            writer.beginArray(&output)
            for element in elements { element.write(&writer, &output) }
            writer.endArray(&output)
        case .object(let object):
            writer.beginObject(&output)
            for (name, value) in object.members {
                writer.key(name.utf8Span.span, &output)
                value.write(&writer, &output)
            }
            writer.endObject(&output)
        }
    }
}

extension JSONValue {
    package var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    package var integer: Int64? {
        if case .integer(let value) = self { value } else { nil }
    }

    package var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    package var array: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    package var object: JSONObject? {
        if case .object(let object) = self { object } else { nil }
    }

    /// The strings of an array that holds nothing else, or nil.
    package var strings: [String]? {
        guard let array else { return nil }
        var texts: [String] = []
        texts.reserveCapacity(array.count)
        for element in array {
            guard let text = element.string else { return nil }
            texts.append(text)
        }
        return texts
    }
}

/// The members of an object in the order in which they were written; no name occurs twice.
/// Names are compared as the code points they are made of, as RFC 8259 §8.3 does, not by canonical equivalence.
extension JSONValue {
    /// An object with these members; of those of one name, the first.
    package static func members(_ members: [(String, JSONValue)]) -> JSONValue {
        var object = JSONObject()
        for (name, value) in members { _ = object.append(name, value) }
        return .object(object)
    }
}

package struct JSONObject: Equatable, Sendable {
    package private(set) var members: [(name: String, value: JSONValue)] = []
    /// Places by name, made once there are too many members to look through.
    private var index: [[UInt8]: Int] = [:]
    private static let scanLimit = 16

    package init() {}

    package var count: Int { members.count }

    package var isEmpty: Bool { members.isEmpty }

    package subscript(_ name: String) -> JSONValue? {
        place(of: name).map { members[$0].value }
    }

    /// - Returns: false, with nothing changed, when the name is there already.
    package mutating func append(_ name: String, _ value: JSONValue) -> Bool {
        guard place(of: name) == nil else { return false }
        members.append((name, value))
        if members.count > Self.scanLimit {
            if index.isEmpty {
                for (place, member) in members.enumerated() { index[Array(member.name.utf8)] = place }
            } else {
                index[Array(name.utf8)] = members.count - 1
            }
        }
        return true
    }

    private func place(of name: String) -> Int? {
        if !index.isEmpty { return index[Array(name.utf8)] }
        return members.firstIndex { $0.name.utf8.elementsEqual(name.utf8) }
    }

    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.members.count == right.members.count
            && zip(left.members, right.members).allSatisfy { pair in
                pair.0.name.utf8.elementsEqual(pair.1.name.utf8) && pair.0.value == pair.1.value
            }
    }
}
