// SPDX-License-Identifier: Apache-2.0
internal import HTTPTypes

extension AdapterDecoder {
    /// - Parameter known: names of fields that the things above have.
    func decodeContents(_ node: AdapterNode?, known: Set<String> = []) -> [AdapterContents] {
        (node?.list() ?? []).compactMap { decodeThing($0, known) }
    }

    private func decodeThing(_ node: AdapterNode, _ known: Set<String>) -> AdapterContents? {
        let keys = ["name", "list", "items", "fields", "export", "rows", "delete", "contents"]
        guard let section = node.section(keys) else { return nil }
        let name = required(section, "name", node)?.string() ?? ""
        if name.isEmpty || !name.utf8.allSatisfy(Self.isWord) {
            section["name"]?.note("expected a name of a-z, 0-9 and _")
        }
        let fields = (section["fields"]?.members() ?? []).compactMap { name, node in
            pointer(node).map { (name: name, pointer: $0) }
        }
        let own = known.union(fields.map(\.name))
        if let rows = section["rows"], section["export"] == nil {
            rows.note("only where there is \"export\"")
        }
        guard let list = required(section, "list", node).flatMap({ decodeRequest($0, known) }) else {
            return nil
        }
        let export = section["export"].flatMap { decodeRequest($0, own) }
        if let export, export.isPaged, section["rows"] == nil {
            section["export"]?.note("has pages, so \"rows\" must say where in an answer they are counted")
        }
        return AdapterContents(
            name: name,
            list: list,
            items: section["items"].flatMap(pointer) ?? [],
            fields: fields,
            export: export,
            rows: section["rows"].flatMap(pointer) ?? [],
            delete: section["delete"].flatMap { decodeRequest($0, own) },
            contents: decodeContents(section["contents"], known: own)
        )
    }

    private func decodeRequest(_ node: AdapterNode, _ known: Set<String>) -> AdapterContents.Request? {
        guard let section = node.section(["method", "path", "body"]),
            let method = required(section, "method", node)?.method(),
            let path = required(section, "path", node).flatMap({ contentsText($0, known) })
        else { return nil }
        return AdapterContents.Request(
            method: method,
            path: path,
            body: section["body"].flatMap { contentsText($0, known) }
        )
    }

    private func contentsText(_ node: AdapterNode, _ known: Set<String>) -> ContentsText? {
        guard let text = node.string() else { return nil }
        let names = known.union(["limit", "offset"])
        guard let template = ContentsText(text), names.isSuperset(of: template.holes) else {
            let list = names.sorted().map { "{\($0)}" }.joined(separator: ", ")
            node.note("what stands in braces here is one of \(list); write {{ and }} for braces")
            return nil
        }
        return template
    }

    /// A JSON Pointer to members, without escapes.
    private func pointer(_ node: AdapterNode) -> [String]? {
        guard let text = node.string() else { return nil }
        if text.isEmpty { return [] }
        guard text.hasPrefix("/"), !text.contains("~") else {
            return node.expected("a JSON Pointer such as /items")
        }
        return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    }
}
