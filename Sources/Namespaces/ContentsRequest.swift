// SPDX-License-Identifier: Apache-2.0
internal import Bytes
package import HTTPTypes
package import JSON

/// A request of `contents`, with holes: `{name}` of a field of the things above, `{limit}`, `{offset}` and `{page}` of a
/// page, `{cursor}` where one goes on.
package struct ContentsRequest: Sendable {
    package var method: Method
    var path: ContentsText
    /// JSON; nil for none.
    var body: ContentsText?

    /// Whether there is more than one page.
    package var isPaged: Bool {
        ["offset", "page"].contains { path.holes.contains($0) || body?.holes.contains($0) == true }
    }

    /// The request for one page, as an agent would send it.
    /// - Parameters:
    ///   - offset: of the page's first thing; where the request counts pages, a multiple of `limit`.
    ///   - limit: things of one page.
    /// - Returns: nil when what fills a path is neither a text nor a whole number.
    package func filled(
        _ values: [String: JSONValue],
        offset: Int,
        limit: Int = AdapterContents.pageCount
    ) -> (target: [UInt8], body: [UInt8])? {
        var values = values
        values["offset"] = .integer(Int64(offset))
        values["limit"] = .integer(Int64(limit))
        values["page"] = .integer(Int64(offset / limit + 1))
        guard let target = path.inTarget(values) else { return nil }
        return (target, body?.inDocument(values) ?? [])
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

    /// As path and query: what is filled in is escaped. Nil for anything but texts and whole numbers.
    func inTarget(_ values: [String: JSONValue]) -> [UInt8]? {
        var output = Buffer()
        for piece in pieces {
            switch piece {
            case .text(let text): output.append(string: text)
            case .hole(let name):
                switch values[name] {
                case .string(let text)?:
                    PercentEncoding.encode(Array(text.utf8).span, as: .query, into: &output)
                case .integer(let number)?: output.append(string: "\(number)")
                case .null?, .bool?, .number?, .array?, .object?, nil: return nil
                }
            }
        }
        return output.bytes.array()
    }

    /// As JSON: a text as inside quotes, everything else as it is.
    func inDocument(_ values: [String: JSONValue]) -> [UInt8] {
        var output = Buffer()
        for piece in pieces {
            switch piece {
            case .text(let text): output.append(string: text)
            case .hole(let name):
                switch values[name] {
                case .string(let text)?: JSONWriter.appendEscaped(Array(text.utf8).span, &output)
                case .some(let value): value.write(into: &output)
                case nil: break
                }
            }
        }
        return output.bytes.array()
    }
}
