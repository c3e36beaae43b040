// SPDX-License-Identifier: Apache-2.0

extension Configuration {
    /// A field that Bulkhead sets, with holes that the principal fills.
    package struct HeaderTemplate: Hashable, Sendable {
        package enum Part: Hashable, Sendable {
            /// Visible ASCII and spaces.
            case literal(String)
            case placeholder(Placeholder)
        }

        package enum Placeholder: String, CaseIterable, Sendable {
            case tenant, tier, user, issuer
            /// Joined with commas.
            case groups
            /// The virtualised session id; empty when the request names no session.
            case session
            /// The text form of the compartment.
            case compartment
            case route
            /// The signed token of the route's `signed-context` credential.
            case context
        }

        /// In lower case.
        package var name: String
        package var parts: [Part]

        package init(name: String, parts: [Part]) {
            self.name = name
            self.parts = parts
        }

        /// Whether the value changes within a grant, or only with it.
        package var isPerRequest: Bool { parts.contains(.placeholder(.session)) }

        func uses(_ placeholder: Placeholder) -> Bool { parts.contains(.placeholder(placeholder)) }

        /// What an agent is told unless its route says otherwise.
        static func standard(hasContext: Bool) -> [HeaderTemplate] {
            var templates = [
                HeaderTemplate(name: "x-tenant-id", parts: [.placeholder(.tenant)]),
                HeaderTemplate(name: "x-tenant-tier", parts: [.placeholder(.tier)]),
                HeaderTemplate(name: "x-user-id", parts: [.placeholder(.user)]),
            ]
            if hasContext {
                templates.append(.init(name: "x-bulkhead-context", parts: [.placeholder(.context)]))
            }
            return templates
        }
    }
}

extension YAML.Value {
    /// A mapping from names to templates, laid over the standard ones: the same name replaces, null leaves out.
    func headerTemplates(
        over standard: [Configuration.HeaderTemplate]
    ) -> [Configuration.HeaderTemplate]? {
        guard let entries = map() else { return nil }
        var templates = standard
        var folded: [String: String] = [:]
        for entry in entries {
            guard YAML.isFieldName(entry.name) else {
                context.note(entry.namePosition, "\"\(entry.name)\" is no name of a header")
                continue
            }
            let name = entry.name.lowercased()
            if let reason = refusal(of: name) {
                context.note(entry.namePosition, "header \"\(entry.name)\": \(reason)")
                continue
            }
            // What an upstream may read as one name is one name.
            if let other = folded.updateValue(entry.name, forKey: name.replacing("_", with: "-")) {
                let message = "header \"\(entry.name)\" is the same as \"\(other)\" to many servers"
                context.note(entry.namePosition, message)
            }
            // Checks look for it under its one name.
            context.record(path: "\(path).\(name)", pattern: "\(pattern).*", position: entry.value.position)
            templates.removeAll { $0.name == name }
            if entry.value.node.isNull { continue }
            if let parts = entry.value.templateParts() { templates.append(.init(name: name, parts: parts)) }
        }
        return templates
    }

    /// Why no template may set a field; nil for those that may be set.
    func refusal(of name: String) -> String? {
        switch name {
        case "host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer",
            "upgrade", "expect", "proxy-connection", "proxy-authorization", "http2-settings":
            "belongs to the connection"
        case "traceparent", "tracestate", "baggage": "is Bulkhead's own"
        default: nil
        }
    }

    /// `{name}` for a placeholder, `{{` and `}}` for braces.
    /// - Parameter allowed: the placeholders that have a meaning there.
    func templateParts(
        allowing allowed: [Configuration.HeaderTemplate.Placeholder] = Configuration.HeaderTemplate
            .Placeholder.allCases
    ) -> [Configuration.HeaderTemplate.Part]? {
        guard let text = string(count: 0...4096) else { return nil }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
            note("expected visible ASCII characters and spaces")
            return nil
        }
        var parts: [Configuration.HeaderTemplate.Part] = []
        var literal = ""
        var rest = text[...]
        while let character = rest.first {
            if rest.hasPrefix("{{") || rest.hasPrefix("}}") {
                literal.append(character)
                rest = rest.dropFirst(2)
            } else if character == "{" {
                let name = rest.dropFirst().prefix { $0 != "}" }
                rest = rest.dropFirst(1 + name.count)
                guard let placeholder = placeholder(name, isClosed: !rest.isEmpty, allowed) else {
                    return nil
                }
                rest = rest.dropFirst()
                if !literal.isEmpty { parts.append(.literal(literal)) }
                literal = ""
                parts.append(.placeholder(placeholder))
            } else if character == "}" {
                note("\"}\" without \"{\"; write \"}}\" for the character itself")
                return nil
            } else {
                literal.append(character)
                rest = rest.dropFirst()
            }
        }
        if !literal.isEmpty { parts.append(.literal(literal)) }
        return parts
    }

    private func placeholder(
        _ name: Substring,
        isClosed: Bool,
        _ allowed: [Configuration.HeaderTemplate.Placeholder]
    ) -> Configuration.HeaderTemplate.Placeholder? {
        if isClosed, let found = Configuration.HeaderTemplate.Placeholder(rawValue: String(name)),
            allowed.contains(found)
        {
            return found
        }
        // What the environment filled in may be a secret: then no part of it is named.
        let shown = isFilled ? "" : " \"{\(name)\(isClosed ? "}" : "")\""
        guard isClosed else {
            note("placeholder\(shown) without \"}\"; write \"{{\" for the character itself")
            return nil
        }
        let known = allowed.map { "{\($0.rawValue)}" }
        note("unknown placeholder\(shown); known: \(known.joined(separator: ", "))")
        return nil
    }
}
