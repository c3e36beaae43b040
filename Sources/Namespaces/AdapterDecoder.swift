// SPDX-License-Identifier: Apache-2.0
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
            provisions: decoder.provisions
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
    var shapes: [String: AdapterNode] = [:]
    var requestHeaders = AdapterHeaders()
    var responseHeaders = AdapterHeaders()
    var errors = AdapterErrors(
        body: [],
        names: [:],
        otherwise: "",
        message: AdapterTemplate(pieces: []),
        hidden: "",
        codes: [:],
        upstream: nil
    )
    var provisions: [AdapterProvision] = []
    var operations: [AdapterOperation] = []

    mutating func decode(_ root: AdapterNode) {
        guard
            let table = root.section([
                "adapter", "kind", "single_layer", "maximum_body", "custom_header_prefix", "rewrites",
                "segments",
                "shapes", "headers", "errors", "provision", "operations",
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
            segments[name] = rule(node, allowing: [.pass, .opaque])
        }
        for (name, node) in table["shapes"]?.members() ?? [] { shapes[name] = node }
        if let headers = table["headers"]?.section(["request", "response"]) {
            requestHeaders = decodeHeaders(headers["request"])
            responseHeaders = decodeHeaders(headers["response"])
        }
        if let node = required(table, "errors", root) { decodeErrors(node) }
        decodeProvision(table["provision"])
        for node in required(table, "operations", root)?.list() ?? [] { decodeOperation(node) }
        noteAmbiguities(table["operations"])
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
            let builtIn = ["pass", "opaque", "drop", "refuse", "session", "user", "name", "screen", "none"]
            if builtIn.contains(name) {
                node.note("\"\(name)\" has a meaning of its own and cannot name a rewrite")
            }
            if let kind = rewriteKind(node) { rewrites.append(AdapterRewrite(name: name, kind: kind)) }
        }
        rewrites.append(AdapterRewrite(name: "name", kind: .name))
        rewrites.append(AdapterRewrite(name: "screen", kind: .screen))
    }

    private func rewriteKind(_ node: AdapterNode) -> AdapterRewrite.Kind? {
        guard let members = node.members() else { return nil }
        for later in ["digest", "filter", "hide"] where members.contains(where: { $0.name == later }) {
            node.noteKey(later, "the rewrite \"\(later)\" is not in this version")
            return nil
        }
        guard let section = node.section(["pin", "visible", "own", "prefix"]) else { return nil }
        let kinds = ["pin", "own", "prefix"].filter { section[$0] != nil }
        guard kinds.count == 1 else { return node.expected("one of pin, own, prefix") }
        if let visible = section["visible"], section["pin"] == nil {
            visible.note("only what is pinned has visible names")
        }
        if let pin = section["pin"] {
            guard let value = compartmentText(pin, allowsSlash: false) else { return nil }
            let names = required(section, "visible", node)?.list() ?? []
            let visible = names.compactMap { $0.template(allowing: [.tenant]) }
            if visible.isEmpty { return node.expected("at least one visible name") }
            return .pin(value: value, visible: visible)
        }
        if let own = section["own"] {
            guard own.value == .string("uuid") else {
                return own.expected("uuid, the one form of ids so far")
            }
            return .own
        }
        return section["prefix"].flatMap { compartmentText($0, allowsSlash: true) }.map { .prefix($0) }
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
            ("user", .user),
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
