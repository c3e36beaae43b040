// SPDX-License-Identifier: Apache-2.0
internal import HTTPTypes
internal import JSON

/// Which way a body goes: some rules make sense in one direction alone.
enum AdapterDirection {
    case request, response
}

extension AdapterDecoder {
    typealias Rules = [(pattern: JSONPattern, rule: JSONRule)]

    /// Places of one body, those of its shapes not counted.
    private static let maximumRules = 1024

    mutating func decodeBody(_ node: AdapterNode, _ direction: AdapterDirection) -> AdapterBody {
        if node.value == .string("none") { return .none }
        if node.value == .string("opaque") { return .opaque }
        if let object = node.value.object, let only = object.members.first?.name {
            switch only {
            case "lines", "alone": return decodeLines(node, direction).map { .mapped($0) } ?? .none
            case "form" where direction == .request:
                return .form(node.section(["form"])?["form"].flatMap(decodeQuery) ?? [])
            default: break
            }
        }
        return decodeTable(node, direction).map { .mapped(.document($0)) } ?? .none
    }

    /// Events: their name → a body, `opaque` or a document. The name `otherwise` stands for all that have no entry.
    mutating func decodeEvents(_ node: AdapterNode) -> AdapterBody {
        if node.value == .string("opaque") { return .opaque }
        var tables: [(name: [UInt8], table: JSONEditTable?)] = []
        var otherwise: JSONEditTable?
        var isComplete = false
        for (name, body) in node.members() ?? [] {
            let table = body.value == .string("opaque") ? nil : decodeTable(body, .response)
            if name == "otherwise" {
                otherwise = table
                isComplete = true
            } else {
                tables.append((Array(name.utf8), table))
            }
        }
        if !isComplete { node.note("missing key \"otherwise\": what events of any other name are") }
        tables.append(([], otherwise))
        return .mapped(.events(tables))
    }

    /// NDJSON: what each line of a record is.
    private mutating func decodeLines(_ node: AdapterNode, _ direction: AdapterDirection) -> JSONBodyForm? {
        guard let section = node.section(["lines", "alone"]), let lines = section["lines"]?.list() else {
            return nil
        }
        if lines.isEmpty || lines.count > 8 { return node.expected("one to eight lines") }
        var tables: [JSONEditTable?] = []
        for line in lines {
            tables.append(line.value == .string("opaque") ? nil : decodeTable(line, direction))
        }
        let names = (section["alone"]?.list() ?? []).compactMap { $0.string() }
        let alone = names.map { Array($0.utf8) }
        for (name, bytes) in zip(names, alone) where tables.first??.rootMember(bytes) == nil {
            section["alone"]?.note("\"\(name)\" is no member of the first line")
        }
        return .lines(tables, alone: alone)
    }

    mutating func decodeTable(_ node: AdapterNode, _ direction: AdapterDirection) -> JSONEditTable? {
        guard let rules = rules(node, direction) else { return nil }
        // Only the shapes that are used here: a rule may make sense in one direction alone.
        var used: Set<Int> = []
        var waiting = rules
        while let next = waiting.popLast() {
            guard case .shape(let shape) = next.rule, used.insert(shape).inserted else { continue }
            waiting += shapeRules(shape, direction)
        }
        let all = shapes.indices.map { used.contains($0) ? shapeRules($0, direction) : [] }
        do throws(JSONTableError) {
            return try JSONEditTable(rules, shapes: all)
        } catch {
            switch error {
            case .conflict: return node.expected("one rule for each place")
            case .tooManyMembers:
                return node.expected("at most \(JSONEditTable.maximumMembers) members in one object")
            case .tooDeep: return node.expected("at most \(JSONEditTable.maximumDepth) levels")
            case .tooLarge:
                return node.expected("at most \(JSONEditTable.maximumNodes) places, those of shapes counted")
            }
        }
    }

    /// Decoded once, so that what is wrong with it is told once.
    private mutating func shapeRules(_ shape: Int, _ direction: AdapterDirection) -> Rules {
        if let known = decodedShapes[direction]?[shape] { return known }
        let decoded = rules(shapes[shape].node, direction) ?? []
        decodedShapes[direction, default: [:]][shape] = decoded
        return decoded
    }

    /// The rules of a body: a shape's name, or a mapping of pointers.
    private func rules(_ node: AdapterNode, _ direction: AdapterDirection) -> Rules? {
        if let name = node.value.string {
            guard let shape = shapes.firstIndex(where: { $0.name == name }) else {
                return node.expected("none, opaque, a mapping or a shape")
            }
            return [(JSONPattern([]), .shape(shape))]
        }
        var all: Rules = []
        for (pointer, value) in node.members() ?? [] {
            let pattern = JSONPattern(pointer) { name in
                rewrites.firstIndex { $0.name == name && $0.kind.mapsNames }
            }
            guard let pattern else {
                node.noteKey(
                    pointer,
                    "expected a pointer: empty, or steps that begin with /; in braces nothing, or a prefix"
                )
                continue
            }
            all += places(value, direction).map { (pattern, $0) }
            if all.count > Self.maximumRules { return node.expected("at most \(Self.maximumRules) places") }
        }
        return all
    }

    /// What stands at one place: a rule, or a shape, and what is done with it besides.
    private func places(_ node: AdapterNode, _ direction: AdapterDirection) -> [JSONRule] {
        guard node.value.object != nil else { return bodyRule(node, direction).map { [$0] } ?? [] }
        guard let section = node.section(["shape", "rule", "filter", "first", "hide"]) else { return [] }
        var rules: [JSONRule] = []
        if let shape = section["shape"], let name = shape.string() {
            if let index = shapes.firstIndex(where: { $0.name == name }) {
                rules.append(.shape(index))
            } else {
                shape.note("expected the name of a shape")
            }
        }
        if let rule = section["rule"].flatMap({ bodyRule($0, direction) }) { rules.append(rule) }
        if let node = section["filter"], let rewrite = attribute(node, "a filter", { $0.isFilter }) {
            if direction == .request {
                rules.append(.wrap(binding: rewrite, isAdded: rewrites[rewrite].missing == .added))
            }
        }
        if let node = section["first"], let rewrite = attribute(node, "a first", { $0.isFirst }) {
            rules.append(direction == .request ? .prepend(binding: rewrite) : .behead(binding: rewrite))
        }
        if let node = section["hide"], node.boolean() == true, direction == .response { rules.append(.hide) }
        if section["shape"] == nil, section["rule"] == nil, section["filter"] != nil { rules.append(.any) }
        return rules
    }

    private func attribute(
        _ node: AdapterNode,
        _ what: String,
        _ fits: (AdapterRewrite.Kind) -> Bool
    ) -> Int? {
        let name = node.string()
        return rewrites.firstIndex { $0.name == name && fits($0.kind) }
            ?? node.expected("the name of \(what)")
    }

    private func bodyRule(_ node: AdapterNode, _ direction: AdapterDirection) -> JSONRule? {
        switch rule(
            node,
            allowing: direction == .response ? [.pass, .opaque, .refuse, .drop] : [.pass, .opaque, .refuse]
        ) {
        case nil: return nil
        case .pass?: return .scalar
        case .opaque?: return .any
        case .refuse?: return .refused
        case .rewrite(let rewrite)?: return bodyRule(rewrite, direction, node)
        case .drop?: return .drop
        case .session?, .user?, .resource?: return nil
        }
    }

    private func bodyRule(_ rewrite: Int, _ direction: AdapterDirection, _ node: AdapterNode) -> JSONRule? {
        let isRequest = direction == .request
        switch rewrites[rewrite].kind {
        // Without it the store would take its own default, or nobody could tell whose the object is.
        case .pin:
            let isAdded = isRequest && rewrites[rewrite].missing == .added
            return .edit(binding: rewrite, isAdded ? .added : .required)
        case .own, .shift: return .edit(binding: rewrite, .optional)
        case .created:
            if isRequest { return node.expected("another rule: only an answer tells what was created") }
            return .edit(binding: rewrite, .required)
        case .prefix(_, let list):
            if !isRequest { return .edit(binding: rewrite, .optional) }
            switch rewrites[rewrite].missing {
            case .allowed: return .edit(binding: rewrite, list == nil ? .optional : .filled)
            case .refused: return .edit(binding: rewrite, .required)
            case .added: return .edit(binding: rewrite, .added)
            }
        case .arn:
            let isRequired = isRequest && rewrites[rewrite].missing == .refused
            return .edit(binding: rewrite, isRequired ? .required : .optional)
        case .digest:
            let isRequired = isRequest && rewrites[rewrite].missing == .refused
            return .edit(binding: rewrite, isRequired ? .required : .optional)
        case .name, .except: return isRequest ? .edit(binding: rewrite, .optional) : .scalar
        case .screen:
            if isRequest { return node.expected("another rule: screen is for responses") }
            return .edit(binding: rewrite, .optional)
        case .stamp: return isRequest ? .insert(binding: rewrite) : .remove(binding: rewrite)
        case .filter, .first:
            return node.expected("{filter: …} or {first: …} for this rewrite")
        }
    }
}

extension AdapterRewrite.Kind {
    /// Whether names of members can be mapped so.
    fileprivate var mapsNames: Bool {
        if case .prefix = self { true } else { false }
    }

    fileprivate var isFilter: Bool {
        if case .filter = self { true } else { false }
    }

    fileprivate var isFirst: Bool {
        if case .first = self { true } else { false }
    }
}
