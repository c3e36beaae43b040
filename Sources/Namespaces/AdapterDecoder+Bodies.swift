// SPDX-License-Identifier: Apache-2.0
internal import JSON

/// Which way a body goes: some rules make sense in one direction alone.
enum AdapterDirection {
    case request, response
}

extension AdapterDecoder {
    /// Places of one body, those of its shapes counted.
    private static let maximumRules = 1024

    mutating func decodeBody(_ node: AdapterNode, _ direction: AdapterDirection) -> AdapterBody {
        if node.value == .string("none") { return .none }
        if node.value == .string("opaque") { return .opaque }
        guard let rules = rules(node, direction, depth: 0) else { return .none }
        do throws(JSONTableError) {
            return .json(try JSONEditTable(rules))
        } catch {
            switch error {
            case .conflict: node.note("two rules for one place")
            case .mixedContainer: node.note("a place is an object and an array at once")
            case .tooManyMembers: node.note("at most \(JSONEditTable.maximumMembers) members in one object")
            case .tooDeep: node.note("at most \(JSONEditTable.maximumDepth) levels")
            }
            return .none
        }
    }

    /// The rules of a body: a shape's name, or a mapping of pointers.
    private func rules(
        _ node: AdapterNode,
        _ direction: AdapterDirection,
        depth: Int
    ) -> [(pattern: JSONPattern, rule: JSONRule)]? {
        if depth > 8 { return node.expected("shapes that do not contain themselves") }
        if let name = node.value.string {
            guard let shape = shapes[name] else { return node.expected("none, opaque, a mapping or a shape") }
            return rules(shape, direction, depth: depth + 1)
        }
        var all: [(pattern: JSONPattern, rule: JSONRule)] = []
        for (pointer, value) in node.members() ?? [] {
            guard let pattern = JSONPattern(pointer) else {
                node.noteKey(pointer, "expected a pointer: empty, or steps that begin with /")
                continue
            }
            if value.value.object != nil {
                guard let inner = value.section(["shape"])?["shape"],
                    let rules = rules(inner, direction, depth: depth + 1)
                else { continue }
                all += rules.map { (JSONPattern(pattern.steps + $0.pattern.steps), $0.rule) }
            } else if let rule = bodyRule(value, direction) {
                all.append((pattern, rule))
            }
            if all.count > Self.maximumRules { return node.expected("at most \(Self.maximumRules) places") }
        }
        return all
    }

    private func bodyRule(_ node: AdapterNode, _ direction: AdapterDirection) -> JSONRule? {
        switch rule(node, allowing: [.pass, .opaque, .refuse]) {
        case nil: return nil
        case .pass?: return .scalar
        case .opaque?: return .any
        case .refuse?: return .refused
        case .rewrite(let rewrite)?:
            switch rewrites[rewrite].kind {
            // Without it the store would take its own default, or nobody could tell whose the object is.
            case .pin: return .edit(binding: rewrite, required: true)
            case .own, .prefix: return .edit(binding: rewrite, required: false)
            case .name: return direction == .request ? .edit(binding: rewrite, required: false) : .scalar
            case .screen:
                if direction == .request { return node.expected("another rule: screen is for responses") }
                return .edit(binding: rewrite, required: false)
            }
        case .drop?, .session?, .user?: return nil
        }
    }
}
