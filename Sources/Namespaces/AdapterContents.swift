// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import HTTPTypes
package import JSON

/// What a compartment holds, as a tree of kinds of things: how an agent would list them, read them whole, and delete them.
/// `bulkhead tenant` walks it. All requests are an agent's, so they go through the same table as an agent's own.
package final class AdapterContents: Sendable {
    /// A request with holes: `{name}` of a field of the things above, `{limit}` and `{offset}` of a page.
    package struct Request: Sendable {
        package var method: Method
        var path: ContentsText
        /// JSON; nil for none.
        var body: ContentsText?
    }

    package let name: String
    package let list: Request
    /// Where in an answer the things are; the empty pointer is the whole answer.
    let items: [String]
    /// Which parts of a thing fill holes, by name.
    let fields: [(name: String, pointer: [String])]
    /// Gives what is in one thing, in pages where it has `{offset}`.
    package let export: Request?
    /// Where in an answer to `export` that is whose end ends the pages.
    let rows: [String]
    package let delete: Request?
    package let contents: [AdapterContents]

    /// Things of one page.
    package static let pageCount = 100

    init(
        name: String,
        list: Request,
        items: [String],
        fields: [(name: String, pointer: [String])],
        export: Request?,
        rows: [String],
        delete: Request?,
        contents: [AdapterContents]
    ) {
        self.name = name
        self.list = list
        self.items = items
        self.fields = fields
        self.export = export
        self.rows = rows
        self.delete = delete
        self.contents = contents
    }

    /// The things in an answer to `list`: the elements of an array, or the names of an object's members. Nil when they are
    /// not where the table says.
    package func items(in answer: JSONValue) -> [JSONValue]? {
        switch answer.value(at: items) {
        case .array(let elements)?: elements
        case .object(let object)?: object.members.map { .string($0.name) }
        case .null?, .bool?, .integer?, .number?, .string?, nil: nil
        }
    }

    /// How much of the thing stands in an answer to `export`; nil when it is not where the table says.
    package func rowCount(in answer: JSONValue) -> Int? { answer.value(at: rows)?.array?.count }

    /// What a thing fills holes with; nil when a field is missing, or is neither a text nor a whole number.
    package func values(of item: JSONValue) -> [String: String]? {
        var values: [String: String] = [:]
        for (name, pointer) in fields {
            switch item.value(at: pointer) {
            case .string(let text)?: values[name] = text
            case .integer(let number)?: values[name] = "\(number)"
            case .null?, .bool?, .number?, .array?, .object?, nil: return nil
            }
        }
        return values
    }
}

extension AdapterContents.Request {
    /// Whether there is more than one page.
    package var isPaged: Bool { path.holes.contains("offset") || body?.holes.contains("offset") == true }

    /// The request for one page, as an agent would send it.
    package func filled(_ values: [String: String], offset: Int) -> (target: [UInt8], body: [UInt8]) {
        var values = values
        values["offset"] = "\(offset)"
        values["limit"] = "\(AdapterContents.pageCount)"
        return (path.filled(values, as: .query), body?.filled(values, as: nil) ?? [])
    }
}

/// A text with named holes; `{{` and `}}` stand for braces.
struct ContentsText: Sendable {
    private enum Piece {
        case text(String)
        case hole(String)
    }

    private let pieces: [Piece]

    var holes: [String] {
        pieces.compactMap { if case .hole(let name) = $0 { name } else { nil } }
    }

    /// Nil for a brace without its other.
    init?(_ source: String) {
        var pieces: [Piece] = []
        var text = ""
        var rest = Substring(source)
        while let character = rest.popFirst() {
            if character == "{", rest.first != "{" {
                guard let end = rest.firstIndex(of: "}") else { return nil }
                pieces.append(.text(text))
                text = ""
                pieces.append(.hole(String(rest[..<end])))
                rest = rest[rest.index(after: end)...]
                continue
            }
            if character == "{" || character == "}" {
                guard rest.popFirst() == character else { return nil }
            }
            text.append(character)
        }
        pieces.append(.text(text))
        self.pieces = pieces
    }

    /// - Parameter part: of a target, what is filled in is escaped for that; nil for a JSON string's inside.
    func filled(_ values: [String: String], as part: PercentEncoding.Part?) -> [UInt8] {
        var output = Buffer()
        for piece in pieces {
            switch piece {
            case .text(let text): output.append(string: text)
            case .hole(let name):
                let value = Array((values[name] ?? "").utf8)
                if let part {
                    PercentEncoding.encode(value.span, as: part, into: &output)
                } else {
                    JSONWriter.appendEscaped(value.span, &output)
                }
            }
        }
        return output.bytes.array()
    }
}

extension JSONValue {
    /// The value at a path of members.
    func value(at path: [String]) -> JSONValue? {
        path.reduce(Optional(self)) { value, name in value?.object?[name] }
    }
}
