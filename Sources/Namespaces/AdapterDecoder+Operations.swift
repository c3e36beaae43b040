// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import HTTPTypes
internal import JSON

extension AdapterDecoder {
    mutating func decodeOperation(_ node: AdapterNode) {
        guard
            let section = node.section([
                "name", "method", "path", "to", "with", "action", "websocket", "request", "response",
                "not_found", "answer",
                "refuse", "target",
            ]),
            let name = required(section, "name", node)?.string()
        else { return }
        if let target = section["target"] {
            decodeTargeted(name, target, section, node)
            return
        }
        guard let method = required(section, "method", node),
            let path = required(section, "path", node),
            let template = path.string()
        else { return }
        let methods =
            method.value.array == nil ? [method.method()] : (method.list() ?? []).map { $0.method() }
        guard let first = methods.compactMap({ $0 }).first else { return }
        var parts = AdapterOperation.Parts(name: name, method: first, template: template)
        let fields = decodePath(path, template)
        parts.segments = fields.map(\.segment)
        parts.target = section["to"].flatMap { decodeTarget($0, fields.map(\.name)) }
        decodeCommon(section, node, &parts)
        parts.resourceSegment = fields.firstIndex { $0.name == decidedField }
        if decidedField != nil, parts.resourceSegment == nil, !parts.isRefused {
            path.note("policies decide on {\(decidedField ?? "")}, which is not in it")
        }
        parts.idSegment = idSegment(parts.segments)
        parts.alternative = section["with"].flatMap {
            decodeAlternative($0, fields.map(\.name), parts.request)
        }
        for (index, method) in methods.enumerated() {
            guard let method else { continue }
            if index > 0 {
                parts.name = "\(name)_\("\(method.name)".lowercased())"
                parts.method = method
            }
            add(parts, section, node)
        }
    }

    /// An operation of a service that tells them apart by a header: each is a POST to `/`.
    private mutating func decodeTargeted(
        _ name: String,
        _ target: AdapterNode,
        _ section: [String: AdapterNode],
        _ node: AdapterNode
    ) {
        guard let text = target.string() else { return }
        if text.isEmpty || !text.utf8.allSatisfy({ PercentEncoding.isUnreserved($0) }) {
            target.note("expected a value of X-Amz-Target, such as secretsmanager.GetSecretValue")
        }
        for key in ["method", "path", "to", "with", "websocket"] {
            section[key]?.note("not beside target: the request is a POST to /")
        }
        var parts = AdapterOperation.Parts(name: name, method: .post, template: "/")
        parts.amzTarget = Array(text.utf8)
        decodeCommon(section, node, &parts)
        if operations.contains(where: { $0.amzTarget == parts.amzTarget }) {
            target.note("another operation has this target")
        }
        add(parts, section, node)
    }

    /// All that does not depend on where the request goes.
    private mutating func decodeCommon(
        _ section: [String: AdapterNode],
        _ node: AdapterNode,
        _ parts: inout AdapterOperation.Parts
    ) {
        parts.isRefused = section["refuse"]?.boolean() ?? false
        parts.action = decodeAction(section["action"], node, isRefused: parts.isRefused)
        parts.isWebSocket = section["websocket"]?.boolean() ?? false
        parts.answer = section["answer"].flatMap(decodeAnswer)
        parts.isUnknownIDBy404 = notFound(section["not_found"])
        if section["response"] == nil, parts.answer == nil, !parts.isRefused {
            node.note("missing key \"response\"")
        }
        decodeRequest(section["request"], &parts)
        decodeResponse(section["response"], node, &parts)
    }

    private mutating func add(
        _ parts: AdapterOperation.Parts,
        _ section: [String: AdapterNode],
        _ node: AdapterNode
    ) {
        if parts.name.isEmpty || !parts.name.utf8.allSatisfy(Self.isWord) {
            section["name"]?.note("expected a name of a-z, 0-9 and _")
        }
        if operations.contains(where: { $0.name == parts.name }) {
            section["name"]?.note("there is another operation \"\(parts.name)\"")
        }
        // A header says nothing where paths do, and the other way round.
        if let first = operations.first, (first.amzTarget == nil) != (parts.amzTarget == nil) {
            node.note("either all operations have a target or none has")
        }
        operations.append(AdapterOperation(parts))
        operationNodes.append(node)
    }

    /// Another path at the store, for requests whose body has a certain member.
    private func decodeAlternative(
        _ node: AdapterNode,
        _ names: [String],
        _ request: AdapterBody
    ) -> AdapterOperation.Alternative? {
        guard let section = node.section(["member", "to"]),
            let name = required(section, "member", node)?.string(),
            let target = required(section, "to", node).flatMap({ decodeTarget($0, names) })
        else { return nil }
        guard case .mapped(.document(let table)) = request, let index = table.rootMember(Array(name.utf8))
        else {
            return section["member"]?.expected("a member of the request's body")
        }
        return AdapterOperation.Alternative(member: Array(name.utf8), bit: 1 << UInt64(index), target: target)
    }

    private mutating func decodeRequest(_ node: AdapterNode?, _ parts: inout AdapterOperation.Parts) {
        let section = node?.section(["query", "body", "optional", "one_of", "blob"]) ?? [:]
        if let query = section["query"] {
            parts.parameters = query.value == .string("opaque") ? nil : decodeQuery(query)
        }
        if let body = section["body"] { parts.request = decodeBody(body, .request) }
        if let blob = section["blob"] {
            parts.isBlob = blob.boolean() ?? false
            if case .mapped(.document) = parts.request {
            } else {
                blob.note("only for a body of JSON members")
            }
        }
        if let names = section["one_of"] { parts.alternatives = decodeOneOf(names, parts.request) }
        guard let optional = section["optional"], optional.boolean() == true else { return }
        parts.isBodyOptional = true
        // Without a body nothing could be put into it.
        switch parts.request {
        case .mapped(.document(let table)):
            if table.needsBody || parts.alternatives != 0 {
                optional.note("a body that something is put into cannot be left out")
            }
        case .none, .opaque, .form, .mapped(.lines), .mapped(.events):
            optional.note("only a body of JSON members can be optional")
        }
    }

    /// Members of which just one must be there.
    private func decodeOneOf(_ node: AdapterNode, _ request: AdapterBody) -> UInt64 {
        guard case .mapped(.document(let table)) = request else {
            return node.expected("a body of JSON members beside it") ?? 0
        }
        var bits: UInt64 = 0
        for name in node.list() ?? [] {
            guard let text = name.string() else { continue }
            guard let index = table.rootMember(Array(text.utf8)) else {
                name.note("expected a member of the request's body")
                continue
            }
            bits |= 1 << UInt64(index)
        }
        if bits.nonzeroBitCount < 2 { node.note("expected at least two members") }
        return bits
    }

    private mutating func decodeResponse(
        _ node: AdapterNode?,
        _ operation: AdapterNode,
        _ parts: inout AdapterOperation.Parts
    ) {
        let section = node?.section(["body", "events", "statuses"]) ?? [:]
        if let body = section["body"] { parts.response = decodeBody(body, .response) }
        if let events = section["events"] {
            parts.events = decodeEvents(events)
            if !parts.response.isMapped {
                events.note("only beside a body of JSON members, for what is no stream")
            }
            if rewrites.contains(where: { $0.kind.isRemembered }) {
                events.note(
                    "not in a table with {own: number}: events leave before an owner can be asked for"
                )
            }
        }
        for (status, body) in section["statuses"]?.members() ?? [] {
            guard let number = UInt16(status), (400...599).contains(number) else {
                section["statuses"]?.noteKey(status, "expected a status from 400 to 599")
                continue
            }
            guard case .mapped(let form) = decodeBody(body, .response) else {
                body.note("expected members")
                continue
            }
            parts.statuses[number] = form
        }
        if parts.response.isMapped, errors.upstream == nil {
            operation.note("a mapped response needs the shape of the store's own errors: errors.upstream")
        }
    }

    /// Two operations that one request could be, neither more specific than the other.
    func noteAmbiguities() {
        // A path that could not be read is the same as many others.
        if !reader.problems.isEmpty { return }
        for (index, operation) in operations.enumerated() {
            for other in operations[..<index]
            where other.amzTarget == nil && other.method == operation.method
                && other.segments.count == operation.segments.count
                && other.endsWithSlash == operation.endsWithSlash
            {
                let overlaps = zip(other.segments, operation.segments).allSatisfy { pair in
                    switch pair {
                    case (.literal(let left), .literal(let right)): left == right
                    case (.literal, _), (_, .literal): false
                    case (.field, .field), (.rest, .rest): true
                    case (.field, .rest), (.rest, .field): false
                    }
                }
                if overlaps {
                    operationNodes[index].note("the same requests are operation \"\(other.name)\"")
                }
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

    private func decodePath(_ node: AdapterNode, _ text: String) -> [(segment: AdapterSegment, name: String)]
    {
        guard text.hasPrefix("/") else { return node.expected("a path that begins with /") ?? [] }
        if text == "/" { return [] }
        var parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        if parts.last?.isEmpty == true { parts.removeLast() }
        return parts.enumerated().compactMap { index, part in
            guard part.hasPrefix("{"), part.hasSuffix("}") else {
                let bytes = Array(part.utf8)
                guard !bytes.isEmpty, bytes.allSatisfy(PercentEncoding.isUnreserved), part != ".",
                    part != ".."
                else { return node.expected("segments of letters, digits and -._~, or {fields}") }
                return (.literal(bytes), "")
            }
            var name = part.dropFirst().dropLast()
            let isRest = name.hasSuffix("...")
            if isRest { name = name.dropLast(3) }
            guard let rule = segments[String(name)] else {
                return node.expected("what is to become of {\(name)} under \"segments\"")
            }
            let segment =
                isRest ? decodeRest(node, rule, isLast: index == parts.count - 1) : checkedSegment(node, rule)
            return segment.map { ($0, String(name)) }
        }
    }

    /// The path at the store: texts, `{compartment}`, and the fields of the agent's path by their names.
    private func decodeTarget(_ node: AdapterNode, _ names: [String]) -> [AdapterTargetPart]? {
        guard let text = node.string() else { return nil }
        guard text.hasPrefix("/") else { return node.expected("a path that begins with /") }
        var parts: [AdapterTargetPart] = []
        var rest = Substring(text)
        while let open = rest.firstIndex(of: "{") {
            parts.append(.text(Array(rest[..<open].utf8)))
            guard let close = rest[open...].firstIndex(of: "}") else {
                return node.expected("a } for each {")
            }
            let name = String(rest[rest.index(after: open)..<close])
            if name == "compartment" {
                parts.append(.compartment)
            } else if let index = names.firstIndex(of: name), !name.isEmpty {
                parts.append(.segment(index))
            } else {
                return node.expected("{compartment} or a field of the path in braces")
            }
            rest = rest[rest.index(after: close)...]
        }
        parts.append(.text(Array(rest.utf8)))
        let isPlain = parts.allSatisfy { part in
            guard case .text(let text) = part else { return true }
            return text.allSatisfy { PercentEncoding.isUnreserved($0) || "/*,".utf8.contains($0) }
        }
        return isPlain ? parts : node.expected("letters, digits and -._~/*, between what stands in braces")
    }

    private func checkedSegment(_ node: AdapterNode, _ rule: AdapterRule) -> AdapterSegment? {
        guard case .rewrite(let rewrite) = rule else { return .field(rule) }
        switch rewrites[rewrite].kind {
        case .pin, .own, .name, .digest, .except: return .field(rule)
        case .prefix(let template, _):
            let hasSlash = template.pieces.contains {
                if case .text(let text) = $0 { text.contains(UInt8(ascii: "/")) } else { false }
            }
            return hasSlash ? node.expected("a prefix without / for a single segment") : .field(rule)
        case .screen, .created, .filter, .stamp, .first, .shift, .arn:
            return node.expected("another rule: this one is for bodies")
        }
    }

    private func decodeRest(_ node: AdapterNode, _ rule: AdapterRule, isLast: Bool) -> AdapterSegment? {
        if !isLast { return node.expected("{…...} at the end of the path only") }
        if rule == .resource { return node.expected("a resource that is one segment") }
        guard case .rewrite(let rewrite) = rule else { return .rest(rule) }
        guard case .prefix(let template, nil) = rewrites[rewrite].kind,
            case .text(let end)? = template.pieces.last, end.last == UInt8(ascii: "/"),
            template.isCleanPath
        else {
            return node.expected("a prefix such as tenants/{compartment}/ for the rest of a path")
        }
        return .rest(rule)
    }

    /// Parameters and their rules; or a list of such, and of names of groups.
    func decodeQuery(_ node: AdapterNode) -> [AdapterParameter] {
        let parts = node.value.array == nil ? [node] : node.list() ?? []
        let all = parts.flatMap { part -> [AdapterParameter] in
            guard let name = part.value.string else { return parameters(part) }
            return parameterGroups[name] ?? part.expected("the name of a group of parameters") ?? []
        }
        if all.count > 64 { node.note("at most 64 parameters") }
        if Set(all.map(\.name)).count != all.count { node.note("a parameter stands there twice") }
        return all
    }

    func parameters(_ node: AdapterNode) -> [AdapterParameter] {
        (node.members() ?? []).compactMap { name, value in
            let bytes = Array(name.utf8)
            guard !bytes.isEmpty, bytes.allSatisfy(PercentEncoding.isUnreserved) else {
                node.noteKey(name, "expected a name of letters, digits and -._~")
                return nil
            }
            guard let rule = rule(value, allowing: [.pass, .drop, .refuse]) else { return nil }
            if case .rewrite(let rewrite) = rule {
                switch rewrites[rewrite].kind {
                case .screen, .created, .filter, .stamp, .first, .shift, .arn:
                    return value.expected("another rule: this one is for bodies")
                case .pin, .own, .prefix, .digest, .name, .except: break
                }
            }
            return AdapterParameter(name: bytes, rule: rule)
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
