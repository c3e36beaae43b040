// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import HTTPTypes
internal import JSON

extension AdapterDecoder {
    mutating func decodeOperation(_ node: AdapterNode) {
        guard
            let section = node.section([
                "name", "method", "path", "action", "websocket", "request", "response", "not_found", "answer",
                "refuse",
            ]),
            let name = required(section, "name", node)?.string(),
            let method = required(section, "method", node)?.method(),
            let path = required(section, "path", node),
            let template = path.string()
        else { return }
        if name.isEmpty || !name.utf8.allSatisfy(Self.isWord) {
            section["name"]?.note("expected a name of a-z, 0-9 and _")
        }
        if operations.contains(where: { $0.name == name }) {
            section["name"]?.note("there is another operation \"\(name)\"")
        }
        let segments = decodePath(path, template)
        let isRefused = section["refuse"]?.boolean() ?? false
        let answer = section["answer"].flatMap(decodeAnswer)
        let request = section["request"]?.section(["query", "body"]) ?? [:]
        let response = section["response"]?.section(["body"]) ?? [:]
        if section["response"] == nil, answer == nil, !isRefused { node.note("missing key \"response\"") }
        let responseBody = response["body"].map { decodeBody($0, .response) } ?? .none
        if case .json = responseBody, errors.upstream == nil {
            node.note("a mapped response needs the shape of the store's own errors: errors.upstream")
        }
        operations.append(
            AdapterOperation(
                name: name,
                method: method,
                template: template,
                action: decodeAction(section["action"], node, isRefused: isRefused),
                isWebSocket: section["websocket"]?.boolean() ?? false,
                isRefused: isRefused,
                segments: segments,
                parameters: decodeQuery(request["query"]),
                request: request["body"].map { decodeBody($0, .request) } ?? .none,
                response: responseBody,
                answer: answer,
                idSegment: idSegment(segments),
                isUnknownIDBy404: notFound(section["not_found"])
            )
        )
    }

    /// Two operations that one request could be, neither more specific than the other.
    func noteAmbiguities(_ node: AdapterNode?) {
        guard let nodes = node?.list(), nodes.count == operations.count else { return }
        for (index, operation) in operations.enumerated() {
            for other in operations[..<index]
            where other.method == operation.method && other.segments.count == operation.segments.count {
                let overlaps = zip(other.segments, operation.segments).allSatisfy { pair in
                    switch pair {
                    case (.literal(let left), .literal(let right)): left == right
                    case (.literal, _), (_, .literal): false
                    case (.field, .field), (.rest, .rest): true
                    case (.field, .rest), (.rest, .field): false
                    }
                }
                if overlaps { nodes[index].note("the same requests are operation \"\(other.name)\"") }
            }
        }
    }

    private func decodeAction(_ node: AdapterNode?, _ operation: AdapterNode, isRefused: Bool) -> String {
        guard let node else {
            if !isRefused { operation.note("missing key \"action\"") }
            return ""
        }
        guard let text = node.string() else { return "" }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2,
            parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0.isASCII && $0.isLetter } })
        else { return node.expected("an action such as memory:Read") ?? "" }
        return text
    }

    private func decodeAnswer(_ node: AdapterNode) -> AdapterOperation.Answer? {
        guard let section = node.section(["status", "body"]),
            let status = required(section, "status", node)?.integer(in: 200...599),
            let body = required(section, "body", node)?.template(allowing: [.visible])
        else { return nil }
        if body.contains(.visible),
            !rewrites.contains(where: { if case .pin = $0.kind { true } else { false } })
        {
            section["body"]?.note("{visible} needs something that is pinned")
        }
        return AdapterOperation.Answer(status: UInt16(status), body: body)
    }

    private func idSegment(_ segments: [AdapterSegment]) -> Int? {
        segments.firstIndex {
            guard case .field(.rewrite(let rewrite)) = $0, case .own = rewrites[rewrite].kind else {
                return false
            }
            return true
        }
    }

    /// `id`: each 404 means the id in the path. `store`: it may mean something else.
    private func notFound(_ node: AdapterNode?) -> Bool {
        switch node?.string() {
        case nil, "id": true
        case "store": false
        default: node?.expected("id or store") ?? true
        }
    }

    // MARK: paths and parameters

    private func decodePath(_ node: AdapterNode, _ text: String) -> [AdapterSegment] {
        guard text.hasPrefix("/") else { return node.expected("a path that begins with /") ?? [] }
        if text == "/" { return [] }
        let parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        return parts.enumerated().compactMap { index, part in
            guard part.hasPrefix("{"), part.hasSuffix("}") else {
                let bytes = Array(part.utf8)
                guard !bytes.isEmpty, bytes.allSatisfy(PercentEncoding.isUnreserved), part != ".",
                    part != ".."
                else { return node.expected("segments of letters, digits and -._~, or {fields}") }
                return .literal(bytes)
            }
            var name = part.dropFirst().dropLast()
            let isRest = name.hasSuffix("...")
            if isRest { name = name.dropLast(3) }
            guard let rule = segments[String(name)] else {
                return node.expected("what is to become of {\(name)} under \"segments\"")
            }
            if isRest { return decodeRest(node, rule, isLast: index == parts.count - 1) }
            return checkedSegment(node, rule)
        }
    }

    private func checkedSegment(_ node: AdapterNode, _ rule: AdapterRule) -> AdapterSegment? {
        guard case .rewrite(let rewrite) = rule else { return .field(rule) }
        switch rewrites[rewrite].kind {
        case .pin, .own, .name: return .field(rule)
        case .prefix(let template):
            let hasSlash = template.pieces.contains {
                if case .text(let text) = $0 { text.contains(UInt8(ascii: "/")) } else { false }
            }
            return hasSlash ? node.expected("a prefix without / for a single segment") : .field(rule)
        case .screen: return node.expected("another rule: screen is for responses")
        }
    }

    private func decodeRest(_ node: AdapterNode, _ rule: AdapterRule, isLast: Bool) -> AdapterSegment? {
        if !isLast { return node.expected("{…...} at the end of the path only") }
        guard case .rewrite(let rewrite) = rule else { return .rest(rule) }
        guard case .prefix(let template) = rewrites[rewrite].kind,
            case .text(let end)? = template.pieces.last, end.last == UInt8(ascii: "/"),
            template.isCleanPath
        else {
            return node.expected("a prefix such as tenants/{compartment}/ for the rest of a path")
        }
        return .rest(rule)
    }

    private func decodeQuery(_ node: AdapterNode?) -> [(name: [UInt8], rule: AdapterRule)]? {
        guard let node else { return [] }
        if node.value == .string("opaque") { return nil }
        let members = node.members() ?? []
        if members.count > 64 { node.note("at most 64 parameters") }
        return members.compactMap { name, value in
            let bytes = Array(name.utf8)
            guard !bytes.isEmpty, bytes.allSatisfy(PercentEncoding.isUnreserved) else {
                node.noteKey(name, "expected a name of letters, digits and -._~")
                return nil
            }
            return rule(value, allowing: [.pass, .drop, .refuse]).map { (bytes, $0) }
        }
    }
}

extension AdapterTemplate {
    /// Whether a prefix of a path leaves no segment empty and none a dot.
    fileprivate var isCleanPath: Bool {
        let text = String(decoding: rendered { _, output in output.append(UInt8(ascii: "c")) }, as: UTF8.self)
        return text.dropLast().split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
            !$0.isEmpty && $0 != "." && $0 != ".."
        }
    }
}
