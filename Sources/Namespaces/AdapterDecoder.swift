// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import HTTPTypes
package import JSON

extension Adapter {
    /// Compiles a table. `Config/adapters/README.md` describes the language.
    /// - Parameter document: the YAML as values: texts, whole numbers, booleans, lists, mappings.
    /// - Throws: all that is wrong with it, each with the place. Cost: at start and reload only.
    package convenience init(_ document: JSONValue) throws(AdapterProblems) {
        let reader = AdapterReader()
        var decoder = AdapterDecoder(reader: reader)
        decoder.decode(AdapterNode(reader: reader, pointer: "", value: document))
        try reader.finish()
        self.init(
            name: decoder.name,
            kind: decoder.kind,
            isSingleLayer: decoder.isSingleLayer,
            operations: decoder.operations,
            customHeaderPrefix: decoder.customHeaderPrefix,
            maximumBodyBytes: decoder.maximumBodyBytes,
            rewrites: decoder.rewrites,
            requestHeaders: decoder.requestHeaders,
            responseHeaders: decoder.responseHeaders,
            errors: decoder.errors,
            provisions: decoder.provisions,
            contents: decoder.contents,
            examples: decoder.examples,
            aws: decoder.aws
        )
    }
}

/// One table on its way to an `Adapter`: rewrites first, then what names them, then the operations.
struct AdapterDecoder {
    let reader: AdapterReader
    var name = ""
    var kind = AdapterKind.store
    var isSingleLayer = false
    var maximumBodyBytes = 16 << 20
    var customHeaderPrefix: String?
    var rewrites: [AdapterRewrite] = []
    var segments: [String: AdapterRule] = [:]
    var parameterGroups: [String: [AdapterParameter]] = [:]
    var shapes: [(name: String, node: AdapterNode)] = []
    var decodedShapes: [AdapterDirection: [Int: Rules]] = [:]
    var examples: [AdapterExample] = []
    var requestHeaders = AdapterHeaders()
    var responseHeaders = AdapterHeaders()
    var errors = AdapterErrors(
        body: AdapterTemplate(pieces: []),
        names: [:],
        otherwise: "",
        message: AdapterTemplate(pieces: []),
        hidden: "",
        codes: [:],
        upstream: nil
    )
    var provisions: [AdapterProvision] = []
    var contents: [AdapterContents] = []
    var aws: AdapterAWS?
    /// The field of paths that policies decide on.
    var decidedField: String?
    var operations: [AdapterOperation] = []
    /// Where each operation stands in the table: one that has several methods is several operations.
    var operationNodes: [AdapterNode] = []

    mutating func decode(_ root: AdapterNode) {
        guard
            let table = root.section([
                "adapter", "kind", "single_layer", "maximum_body", "custom_header_prefix", "rewrites",
                "segments", "parameters", "shapes", "headers", "errors", "provision", "operations",
                "contents",
                "examples", "aws", "resource",
            ])
        else { return }
        name = required(table, "adapter", root)?.string() ?? ""
        if !name.utf8.allSatisfy({ Self.isWord($0) || $0 == UInt8(ascii: "-") }) {
            table["adapter"]?.note("expected a name of a-z, 0-9, - and _")
        }
        kind = required(table, "kind", root)?.choice(AdapterKind.self) ?? .store
        isSingleLayer = table["single_layer"]?.boolean() ?? false
        maximumBodyBytes = table["maximum_body"]?.size(in: 1024...(256 << 20)) ?? maximumBodyBytes
        customHeaderPrefix = table["custom_header_prefix"]?.string()?.lowercased()
        decodeRewrites(table["rewrites"])
        for (name, node) in table["segments"]?.members() ?? [] {
            segments[name] = rule(node, allowing: [.pass, .opaque, .resource])
        }
        decodeAWS(table["aws"])
        decidedField = table["resource"]?.string()
        if let name = decidedField, segments[name] != .resource {
            table["resource"]?.note("expected a field of paths whose rule is resource")
        }
        for (name, node) in table["parameters"]?.members() ?? [] { parameterGroups[name] = parameters(node) }
        shapes = table["shapes"]?.members() ?? []
        if let headers = table["headers"]?.section(["request", "response"]) {
            requestHeaders = decodeHeaders(headers["request"])
            responseHeaders = decodeHeaders(headers["response"])
        }
        if let node = required(table, "errors", root) { decodeErrors(node) }
        decodeProvision(table["provision"])
        for node in required(table, "operations", root)?.list() ?? [] { decodeOperation(node) }
        noteAmbiguities()
        notePolicies()
        contents = decodeContents(table["contents"])
        for node in table["examples"]?.list() ?? [] { decodeExample(node) }
    }

    func required(_ section: [String: AdapterNode], _ key: String, _ node: AdapterNode) -> AdapterNode? {
        if let found = section[key] { return found }
        node.note("missing key \"\(key)\"")
        return nil
    }

    static func isWord(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "_")
    }

    // MARK: rewrites

    /// `name` and `screen` have no settings, so they are there without being declared.
    private mutating func decodeRewrites(_ node: AdapterNode?) {
        for (name, node) in node?.members() ?? [] {
            let builtIn = [
                "pass", "opaque", "drop", "refuse", "session", "user", "name", "screen", "none", "resource",
            ]
            if builtIn.contains(name) {
                node.note("\"\(name)\" has a meaning of its own and cannot name a rewrite")
            }
            if let rewrite = decodeRewrite(name, node) { rewrites.append(rewrite) }
        }
        rewrites.append(AdapterRewrite(name: "name", kind: .name))
        rewrites.append(AdapterRewrite(name: "screen", kind: .screen))
    }

    private func decodeRewrite(_ name: String, _ node: AdapterNode) -> AdapterRewrite? {
        let kinds = [
            "pin", "own", "created", "prefix", "digest", "filter", "stamp", "first", "shift", "except",
        ]
        guard
            let section = node.section(
                kinds + ["visible", "missing", "default", "list", "all", "absent", "arn", "slashes"]
            )
        else {
            return nil
        }
        let present = kinds.filter { section[$0] != nil }
        guard present.count == 1, let kind = present.first, let value = section[kind] else {
            return node.expected("one of \(kinds.joined(separator: ", "))")
        }
        for (key, owners) in [
            ("visible", ["pin"]), ("missing", ["pin", "prefix", "digest", "filter"]), ("default", ["prefix"]),
            ("list", ["prefix"]),
            ("all", ["prefix"]),
            ("absent", ["filter"]), ("arn", ["prefix"]), ("slashes", ["prefix", "digest", "own"]),
        ] where !owners.contains(kind) {
            section[key]?.note("only for \(owners.joined(separator: ", "))")
        }
        let decoded: AdapterRewrite.Kind? =
            switch kind {
            case "pin": decodePin(value, section, node)
            case "own": value.choice(AdapterRewrite.IDForm.self).map { .own($0) }
            case "created": decodeCreated(value)
            case "prefix": decodePrefix(value, section)
            case "digest": compartmentText(value, allowsSlash: false).map { .digest($0) }
            case "filter": decodeFilter(value, section, node)
            case "shift": value.integer(in: 1...9).map { .shift($0) }
            case "except": decodeWord(value)
            case "stamp": compartmentText(value, allowsSlash: false).map { .stamp($0) }
            default: compartmentText(value, allowsSlash: false).map { .first($0) }
            }
        guard let decoded else { return nil }
        var rewrite = AdapterRewrite(name: name, kind: decoded)
        if case .pin = decoded { rewrite.missing = .refused }
        if let fallback = section["default"]?.string() { rewrite.fallback = Array(fallback.utf8) }
        if case .filter = decoded { rewrite.missing = .added }
        rewrite.takesSlashes = section["slashes"]?.boolean() ?? false
        if let missing = section["missing"]?.choice(AdapterRewrite.Missing.self) { rewrite.missing = missing }
        if case .pin = decoded, rewrite.missing == .allowed {
            section["missing"]?.note("what is pinned is there or added: expected refuse or add")
        }
        if case .filter = decoded, rewrite.missing == .refused {
            section["missing"]?.note("a filter is added or stays away: expected add or allow")
        }
        if section["default"] != nil, rewrite.missing != .added {
            section["default"]?.note("only for what is added: missing: add")
        }
        if case .digest = decoded, rewrite.missing == .added {
            section["missing"]?.note("there is nothing to add: expected allow or refuse")
        }
        return rewrite
    }

    private func decodeWord(_ node: AdapterNode) -> AdapterRewrite.Kind? {
        guard let word = node.string() else { return nil }
        if word.isEmpty || !word.utf8.allSatisfy(Self.isWord) {
            return node.expected("a word of a-z, 0-9 and _")
        }
        return .except(Array(word.utf8))
    }

    private func decodePin(
        _ pin: AdapterNode,
        _ section: [String: AdapterNode],
        _ node: AdapterNode
    ) -> AdapterRewrite.Kind? {
        guard let value = compartmentText(pin, allowsSlash: false) else { return nil }
        let names = required(section, "visible", node)?.list() ?? []
        let visible = names.compactMap { $0.template(allowing: [.tenant]) }
        if visible.isEmpty { return node.expected("at least one visible name") }
        return .pin(value: value, visible: visible)
    }

    private func decodePrefix(_ prefix: AdapterNode, _ section: [String: AdapterNode]) -> AdapterRewrite.Kind?
    {
        guard let text = compartmentText(prefix, allowsSlash: true) else { return nil }
        if let arn = section["arn"] {
            for key in ["list", "all", "default"] { section[key]?.note("not beside arn") }
            guard let kind = arn.string(), kind.hasSuffix(":") || kind.hasSuffix("/") else {
                return arn.expected("what an ARN has before the name, such as secret:")
            }
            return .arn(text, Array(kind.utf8))
        }
        guard section["list"]?.boolean() ?? false else {
            section["all"]?.note("only a list has words that mean everything")
            return .prefix(text, nil)
        }
        let words = section["all"]?.list() ?? []
        return .prefix(text, NameList(everything: words.compactMap { $0.string().map { Array($0.utf8) } }))
    }

    private func decodeFilter(
        _ filter: AdapterNode,
        _ section: [String: AdapterNode],
        _ node: AdapterNode
    ) -> AdapterRewrite.Kind? {
        guard let text = filter.template(allowing: [.compartment, .value]),
            let absent = required(section, "absent", node)?.template(allowing: [.compartment])
        else { return nil }
        guard let (before, after) = text.split(at: .value), text.contains(.compartment) else {
            return filter.expected("{value} once, and {compartment}")
        }
        guard absent.contains(.compartment) else { return section["absent"]?.expected("{compartment} in it") }
        func isJSON(_ template: AdapterTemplate) -> Bool {
            let text = template.rendered { hole, output in output.append(hole == .value ? "{}" : "c") }
            return (try? JSONValue.parse(text.span)) != nil
        }
        guard isJSON(text) else { return filter.expected("JSON, once {value} is some") }
        guard isJSON(absent) else { return section["absent"]?.expected("JSON") }
        return .filter(before: before, after: after, absent: absent)
    }

    private func decodeCreated(_ node: AdapterNode) -> AdapterRewrite.Kind? {
        let index = rewrites.firstIndex { rewrite in
            if case .own(.number) = rewrite.kind { rewrite.name == node.value.string } else { false }
        }
        return index.map { .created($0) }
            ?? node.expected("the name of a rewrite {own: number} that stands before")
    }

    /// A text that names the compartment once, of characters that need no escape anywhere.
    private func compartmentText(_ node: AdapterNode, allowsSlash: Bool) -> AdapterTemplate? {
        guard let template = node.template(allowing: [.compartment]) else { return nil }
        var holes = 0
        for piece in template.pieces {
            switch piece {
            case .hole: holes += 1
            case .text(let text):
                let isPlain = text.allSatisfy {
                    PercentEncoding.isUnreserved($0) || (allowsSlash && $0 == UInt8(ascii: "/"))
                }
                if !isPlain { return node.expected("letters, digits and -._~\(allowsSlash ? "/" : "")") }
            }
        }
        return holes == 1 ? template : node.expected("{compartment} once")
    }

    // MARK: rules

    /// The rule that a word stands for.
    func rule(_ node: AdapterNode, allowing allowed: Set<AdapterRule>) -> AdapterRule? {
        guard let text = node.string() else { return nil }
        let words: [(String, AdapterRule)] = [
            ("pass", .pass), ("opaque", .opaque), ("drop", .drop), ("refuse", .refuse), ("session", .session),
            ("user", .user), ("resource", .resource),
        ]
        if let word = words.first(where: { $0.0 == text && allowed.contains($0.1) }) { return word.1 }
        if let index = rewrites.firstIndex(where: { $0.name == text }) { return .rewrite(index) }
        let known = words.filter { allowed.contains($0.1) }.map(\.0) + rewrites.map(\.name)
        return node.expected("one of \(known.joined(separator: ", "))")
    }

    // MARK: headers

    private func decodeHeaders(_ node: AdapterNode?) -> AdapterHeaders {
        var headers: [(name: [UInt8], isPrefix: Bool, rule: AdapterRule)] = []
        for (name, value) in node?.members() ?? [] {
            guard let rule = rule(value, allowing: [.pass, .drop, .refuse, .session, .user]) else { continue }
            if case .rewrite(let rewrite) = rule, rewrites[rewrite].kind.isRemembered {
                value.note("expected another rule: an id that is remembered stands in no header")
            }
            let isPrefix = name.hasSuffix("*")
            let plain = Array((isPrefix ? String(name.dropLast()) : name).utf8)
            guard !plain.isEmpty, plain.allSatisfy({ Self.isHeaderByte($0) }) else {
                node?.noteKey(name, "expected a header name in lower case, with - and not _")
                continue
            }
            headers.append((plain, isPrefix, rule))
        }
        return AdapterHeaders(headers)
    }

    private static func isHeaderByte(_ byte: UInt8) -> Bool {
        isWord(byte) && byte != UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }

    // MARK: provisioning

    private mutating func decodeProvision(_ node: AdapterNode?) {
        for step in node?.list() ?? [] {
            guard let section = step.section(["method", "path", "body", "accept"]),
                let method = required(section, "method", step)?.method(),
                let target = required(section, "path", step)?.template(allowing: [.compartment]),
                let accepted = required(section, "accept", step)?.list()
            else { continue }
            let body = section["body"]?.template(allowing: [.compartment])
            provisions.append(
                AdapterProvision(
                    method: method,
                    target: target,
                    body: body ?? AdapterTemplate(pieces: []),
                    accepted: accepted.compactMap { $0.integer(in: 200...499).map { UInt16($0) } }
                )
            )
        }
    }
}
