// SPDX-License-Identifier: Apache-2.0
internal import HTTPTypes

extension AdapterDecoder {
    private static let thingKeys = [
        "name", "list", "items", "where", "named", "fields", "export", "rows", "next", "cursor", "end",
        "delete",
        "contents",
    ]

    /// - Parameter known: names of fields that the things above have.
    func decodeContents(_ node: AdapterNode?, known: Set<String> = []) -> [AdapterContents] {
        (node?.list() ?? []).compactMap { decodeThing($0, known) }
    }

    private func decodeThing(_ node: AdapterNode, _ known: Set<String>) -> AdapterContents? {
        guard let section = node.section(Self.thingKeys) else { return nil }
        let name = required(section, "name", node)?.string() ?? ""
        if name.isEmpty || !name.utf8.allSatisfy(Self.isWord) {
            section["name"]?.note("expected a name of a-z, 0-9 and _")
        }
        let fields = (section["fields"]?.members() ?? []).compactMap { name, node in
            pointer(node).map { (name: name, pointer: $0) }
        }
        let own = known.union(fields.map(\.name))
        let isNamed = section["named"].flatMap { $0.boolean() } ?? false
        if isNamed, fields.count != 1 {
            section["named"]?.note("only where \"fields\" has just one, which is the name")
        }
        guard let list = required(section, "list", node).flatMap({ decodeRequest($0, known) }) else {
            return nil
        }
        return AdapterContents(
            name: name,
            list: list,
            items: section["items"].flatMap(pointer) ?? [],
            filter: (section["where"]?.members() ?? []).compactMap { pointer, value in
                guard let path = Self.path(pointer) else {
                    section["where"]?.noteKey(pointer, "expected a JSON Pointer such as /type")
                    return nil
                }
                return value.string().map { (pointer: path, text: $0) }
            },
            isNamed: isNamed,
            fields: fields,
            export: decodeExport(section, own),
            delete: section["delete"].flatMap { decodeRequest($0, own) },
            contents: decodeContents(section["contents"], known: own)
        )
    }

    private func decodeExport(
        _ section: [String: AdapterNode],
        _ known: Set<String>
    ) -> AdapterContents.Export? {
        for key in ["rows", "next"] where section["export"] == nil {
            section[key]?.note("only where there is \"export\"")
        }
        for key in ["cursor", "end"] where section["next"] == nil {
            section[key]?.note("only where there is \"next\"")
        }
        if let next = section["next"], section["cursor"] == nil {
            next.note("needs \"cursor\", which says where in an answer {cursor} is")
        }
        guard let node = section["export"], let first = decodeRequest(node, known) else { return nil }
        if first.isPaged || section["next"] != nil, section["rows"] == nil {
            node.note("has pages, so \"rows\" must say where in an answer they are counted")
        }
        if first.isPaged, section["next"] != nil {
            node.note("goes on by {offset} or {page}, or by \"next\", not by both")
        }
        let further = known.union(["cursor"])
        return AdapterContents.Export(
            first: first,
            next: section["next"].flatMap { decodeRequest($0, further) },
            cursor: section["cursor"].flatMap(pointer) ?? [],
            end: section["end"].flatMap { decodeRequest($0, further) },
            rows: section["rows"].flatMap(pointer) ?? []
        )
    }

    private func decodeRequest(_ node: AdapterNode, _ known: Set<String>) -> ContentsRequest? {
        guard let section = node.section(["method", "path", "body"]),
            let method = required(section, "method", node)?.method(),
            let path = required(section, "path", node).flatMap({ contentsText($0, known) })
        else { return nil }
        return ContentsRequest(
            method: method,
            path: path,
            body: section["body"].flatMap { contentsText($0, known) }
        )
    }

    private func contentsText(_ node: AdapterNode, _ known: Set<String>) -> ContentsText? {
        guard let text = node.string() else { return nil }
        let names = known.union(["limit", "offset", "page"])
        guard let template = ContentsText(text), names.isSuperset(of: template.holes) else {
            let list = names.sorted().map { "{\($0)}" }.joined(separator: ", ")
            node.note("what stands in braces here is one of \(list); write {{ and }} for braces")
            return nil
        }
        return template
    }

    private func pointer(_ node: AdapterNode) -> [String]? {
        guard let text = node.string() else { return nil }
        return Self.path(text) ?? node.expected("a JSON Pointer such as /items")
    }

    /// A JSON Pointer to members, without escapes.
    private static func path(_ text: String) -> [String]? {
        if text.isEmpty { return [] }
        guard text.hasPrefix("/"), !text.contains("~") else { return nil }
        return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    }
}
