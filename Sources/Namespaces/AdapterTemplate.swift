// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import JSON

/// A text of a table with holes in it: `tenants/{compartment}/`. `{{` and `}}` stand for braces.
struct AdapterTemplate: Hashable, Sendable {
    /// What may stand in a hole. Each use of a template allows some of them.
    enum Hole: String, Hashable, Sendable, CaseIterable {
        /// The compartment's code.
        case compartment
        /// The tenant's own id, as its users know it.
        case tenant
        /// The name under which the request called what is pinned.
        case visible
        /// The path segment that was refused, as it was sent.
        case subject
        /// The reason code of a refusal.
        case code
        /// The table's name for a kind of error.
        case name
        /// What a refusal says.
        case message
        /// The status of a refusal.
        case status
        /// What a filter goes around.
        case value
        /// What the route or the request's path names at a service of AWS.
        case resource
    }

    enum Piece: Hashable, Sendable {
        case text([UInt8])
        case hole(Hole)
    }

    let pieces: [Piece]

    init(pieces: [Piece]) { self.pieces = pieces }

    /// Nil for a brace without its other, and for a hole that is not in `allowed`.
    init?(_ source: String, allowing allowed: Set<Hole>) {
        var pieces: [Piece] = []
        var text: [UInt8] = []
        var rest = Substring(source).utf8
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "{"), rest.first != byte {
                guard let end = rest.firstIndex(of: UInt8(ascii: "}")),
                    let hole = Hole(rawValue: String(decoding: rest[..<end], as: UTF8.self)),
                    allowed.contains(hole)
                else { return nil }
                if !text.isEmpty { pieces.append(.text(text)) }
                text = []
                pieces.append(.hole(hole))
                rest = rest[rest.index(after: end)...]
                continue
            }
            if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") {
                guard rest.popFirst() == byte else { return nil }
            }
            text.append(byte)
        }
        if !text.isEmpty { pieces.append(.text(text)) }
        self.pieces = pieces
    }

    func contains(_ hole: Hole) -> Bool { pieces.contains(.hole(hole)) }

    /// What stands before and behind a hole that is there once; nil otherwise.
    func split(at hole: Hole) -> (before: AdapterTemplate, after: AdapterTemplate)? {
        guard pieces.filter({ $0 == .hole(hole) }).count == 1, let place = pieces.firstIndex(of: .hole(hole))
        else {
            return nil
        }
        return (
            AdapterTemplate(pieces: Array(pieces[..<place])),
            AdapterTemplate(pieces: Array(pieces[(place + 1)...]))
        )
    }

    /// Appends the text with its holes filled by `fill`.
    /// - Parameter escaped: whether what is filled in goes between the quotes of a JSON string.
    func write(
        into output: inout Buffer,
        escaped: Bool = false,
        _ fill: (Hole, inout Buffer) -> Void
    ) {
        for piece in pieces {
            switch piece {
            case .text(let text): output.append(text)
            case .hole(let hole) where !escaped: fill(hole, &output)
            case .hole(let hole):
                var value = Buffer()
                fill(hole, &value)
                JSONWriter.appendEscaped(value.bytes, &output)
            }
        }
    }

    func rendered(_ fill: (Hole, inout Buffer) -> Void) -> [UInt8] {
        var buffer = Buffer()
        write(into: &buffer, fill)
        return buffer.bytes.array()
    }
}
