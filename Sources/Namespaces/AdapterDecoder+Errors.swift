// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import JSON

extension AdapterDecoder {
    mutating func decodeErrors(_ node: AdapterNode) {
        guard let section = node.section(["body", "names", "message", "hidden", "codes", "upstream"]) else {
            return
        }
        if let body = required(section, "body", node) { decodeErrorBody(body) }
        for (status, value) in section["names"]?.members() ?? [] {
            guard let name = value.string() else { continue }
            if status == "otherwise" {
                errors.otherwise = name
            } else if let number = UInt16(status), (400...599).contains(number) {
                errors.names[number] = name
            } else {
                section["names"]?.noteKey(status, "expected a status from 400 to 599, or \"otherwise\"")
            }
        }
        errors.message =
            section["message"]?.template(allowing: [.code])
            ?? AdapterTemplate(
                pieces: [.text(Array("request refused: ".utf8)), .hole(.code)]
            )
        errors.hidden = section["hidden"]?.string() ?? "the store refused the request"
        for (code, value) in section["codes"]?.members() ?? [] { decodeCode(code, value) }
        if let upstream = section["upstream"] {
            switch decodeBody(upstream, .response) {
            case .mapped(let form): errors.upstream = form
            case .none, .opaque, .form: upstream.note("expected the members of the store's errors")
            }
        }
    }

    /// Members and their texts, or the whole as a text.
    private mutating func decodeErrorBody(_ node: AdapterNode) {
        if node.value.string != nil {
            errors.body = node.template(allowing: [.name, .message, .code, .status]) ?? errors.body
            let text = errors.body.rendered { _, output in output.append("1") }
            if (try? JSONValue.parse(text.span)) == nil {
                node.note("expected JSON, once its holes are filled")
            }
            return
        }
        var pieces: [AdapterTemplate.Piece] = []
        for (name, value) in node.members() ?? [] {
            if name.isEmpty || !name.utf8.allSatisfy({ Self.isWord($0) || (0x41...0x5A).contains($0) }) {
                node.noteKey(name, "expected a name of letters, digits and _")
            }
            guard let text = value.template(allowing: [.name, .message, .code]) else { continue }
            pieces.append(.text(Array("\(pieces.isEmpty ? "{" : ",")\"\(name)\":\"".utf8)))
            pieces += text.pieces
            pieces.append(.text([UInt8(ascii: "\"")]))
        }
        pieces.append(.text(Array((pieces.isEmpty ? "{}" : "}").utf8)))
        errors.body = AdapterTemplate(pieces: pieces)
    }

    private mutating func decodeCode(_ code: String, _ node: AdapterNode) {
        guard let section = node.section(["status", "name", "message"]) else { return }
        errors.codes[code] = AdapterErrors.Wording(
            status: section["status"]?.integer(in: 400...599).map { UInt16($0) },
            name: section["name"]?.string(),
            message: section["message"]?.template(allowing: [.subject, .code])
        )
    }
}
