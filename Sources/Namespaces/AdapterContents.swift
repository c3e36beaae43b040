// SPDX-License-Identifier: Apache-2.0
package import JSON

/// What a compartment holds, as a tree of kinds of things: how an agent would list them, read them whole, and delete them.
/// `bulkhead tenant` walks it. All requests are an agent's, so they go through the same table as an agent's own.
package final class AdapterContents: Sendable {
    /// How a thing is read whole, beside what `list` says of it.
    package struct Export: Sendable {
        package let first: ContentsRequest
        /// Further pages, for which the answer before has a cursor. They end with a page that is empty or has none.
        package let next: ContentsRequest?
        /// Where in an answer that cursor is.
        let cursor: [String]
        /// Tells the store that nobody asks on.
        package let end: ContentsRequest?
        /// Where in an answer the array is whose length ends the pages.
        let rows: [String]

        package var isInPages: Bool { first.isPaged || next != nil }

        /// How much of the thing stands in an answer; nil when it is not where the table says.
        package func rowCount(in answer: JSONValue) -> Int? { answer.value(at: rows)?.array?.count }

        /// What the next page is asked for by; nil when there is none.
        package func cursor(in answer: JSONValue) -> JSONValue? {
            switch answer.value(at: cursor) {
            case .null?, .bool?, nil: nil
            case .integer?, .number?, .string?, .array?, .object?: answer.value(at: cursor)
            }
        }
    }

    package let name: String
    package let list: ContentsRequest
    /// Where in an answer the things are; the empty pointer is the whole answer.
    let items: [String]
    /// What a listed thing must say to be one of this kind.
    let filter: [(pointer: [String], text: String)]
    /// Whether a store may have such things without listing them, so that the command may be told of more.
    package let isNamed: Bool
    /// Which parts of a thing fill holes, by name.
    let fields: [(name: String, pointer: [String])]
    package let export: Export?
    package let delete: ContentsRequest?
    package let contents: [AdapterContents]

    /// Things of one page, unless so many are more than the table takes at once.
    package static let pageCount = 100

    init(
        name: String,
        list: ContentsRequest,
        items: [String],
        filter: [(pointer: [String], text: String)],
        isNamed: Bool,
        fields: [(name: String, pointer: [String])],
        export: Export?,
        delete: ContentsRequest?,
        contents: [AdapterContents]
    ) {
        self.name = name
        self.list = list
        self.items = items
        self.filter = filter
        self.isNamed = isNamed
        self.fields = fields
        self.export = export
        self.delete = delete
        self.contents = contents
    }

    /// All that an answer to `list` holds, of whatever kind: an array's elements, or an object's members, as their names
    /// or, where `items` ends in `*`, as their values. Nil when they are not where the table says.
    package func listed(in answer: JSONValue) -> [JSONValue]? {
        let isOfValues = items.last == "*"
        switch answer.value(at: isOfValues ? Array(items.dropLast()) : items) {
        case .array(let elements)?: return elements
        case .object(let object)?:
            return object.members.map { isOfValues ? $0.value : .string($0.name) }
        case .null?, .bool?, .integer?, .number?, .string?, nil: return nil
        }
    }

    /// Whether a listed thing is of this kind.
    package func includes(_ item: JSONValue) -> Bool {
        filter.allSatisfy { item.value(at: $0.pointer) == .string($0.text) }
    }

    /// What a thing fills holes with; nil when a field is missing, or is nothing that could.
    package func values(of item: JSONValue) -> [String: JSONValue]? {
        var values: [String: JSONValue] = [:]
        for (name, pointer) in fields {
            switch item.value(at: pointer) {
            case .null?, .bool?, .number?, nil: return nil
            case .some(let value): values[name] = value
            }
        }
        return values
    }

    /// What a thing that somebody named fills holes with: the one field of its kind.
    package func values(named name: String) -> [String: JSONValue] {
        fields.reduce(into: [:]) { $0[$1.name] = .string(name) }
    }
}

extension JSONValue {
    /// The value at a path of members; `-` is an array's last element.
    func value(at path: [String]) -> JSONValue? {
        path.reduce(Optional(self)) { value, name in
            if name == "-", case .array(let elements)? = value { return elements.last }
            return value?.object?[name]
        }
    }
}
