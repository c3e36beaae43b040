// SPDX-License-Identifier: Apache-2.0

extension AdapterDecoder {
    mutating func decodeErrors(_ node: AdapterNode) {
        guard let section = node.section(["body", "names", "message", "hidden", "codes", "upstream"]) else {
            return
        }
        for (name, value) in required(section, "body", node)?.members() ?? [] {
            if name.isEmpty || !name.utf8.allSatisfy({ Self.isWord($0) || (0x41...0x5A).contains($0) }) {
                section["body"]?.noteKey(name, "expected a name of letters, digits and _")
            }
            guard let text = value.template(allowing: [.name, .message, .code]) else { continue }
            errors.body.append((name, text))
        }
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
            case .json(let table): errors.upstream = table
            case .none, .opaque: upstream.note("expected the members of the store's errors")
            }
        }
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
