// SPDX-License-Identifier: Apache-2.0
package import Bytes
import HTTPTypes

extension Configuration {
    /// A door: which requests, what they are, where they go, with what.
    package struct Route: Sendable {
        package var name: String
        package var match = Match()
        /// The table that knows the requests of this store or protocol.
        package var adapter: String
        package var resource: EntityReference
        package var upstream: String
        /// Name of a credential. Default: none.
        package var credentials: String?
        /// Who shares a compartment. Default: `tenant`.
        package var scope = Scope.tenant
        /// Whether the caller's token goes on to the upstream instead of a handle. Default: false.
        package var forwardToken = false
        /// Says that nothing but Bulkhead keeps tenants apart at this store (THREATS 17). Default: none.
        package var singleLayer: SingleLayer?
        /// Fields that are set on every request, after those of the same name in any spelling were removed.
        /// Default: for an `Agent`, `HeaderTemplate.standard`; for everything else none.
        package var headers: [HeaderTemplate] = []
        /// Whether a WebSocket may be opened. Default: false.
        package var websocket = false
        /// Names in lower case of fields that carry a session id, besides those that the adapter knows.
        package var sessionHeaders: [String] = []
        /// For services of AWS. Default: none.
        package var aws: AWSRoute?
    }

    package enum Scope: String, CaseIterable, Sendable {
        case tenant, user
    }

    package struct SingleLayer: Sendable, Equatable {
        package var owner: String
        package var reason: String
        /// The end of the day that is written, or the second.
        package var expires: WallTime
    }

    /// What a policy decides on: `Store::"vectors"`.
    package struct EntityReference: Hashable, Sendable, CustomStringConvertible {
        package var type: String
        package var id: String

        package init(type: String, id: String) {
            self.type = type
            self.id = id
        }

        package var description: String {
            let escaped = id.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
            return "\(type)::\"\(escaped)\""
        }

        /// Whether it is an `Agent`, in whatever namespace.
        package var isAgent: Bool { type == "Agent" || type.hasSuffix("::Agent") }
    }
}

extension Configuration.Route {
    static func decode(_ section: inout YAML.Section) -> Self? {
        let name = section.name()
        let match = section.value("match")?.section(Configuration.Match.decode)
        let adapter = section.required("adapter")?.name()
        let resource = section.required("resource")?.entityReference()
        let upstream = section.required("upstream")?.name()
        let isAgent = resource?.isAgent ?? false
        var route = Self(
            name: name,
            match: match ?? Configuration.Match(),
            adapter: adapter ?? "",
            resource: resource ?? .init(type: "", id: ""),
            upstream: upstream ?? ""
        )
        section.read("credentials", into: &route.credentials) { $0.name() }
        section.read("namespace", into: &route.scope) { value in
            value.section { $0.value("scope")?.choice(Configuration.Scope.self) }.flatMap(\.self)
        }
        section.read("forward_token", into: &route.forwardToken) { $0.boolean() }
        section.read("single_layer", into: &route.singleLayer) { value in
            value.section(Configuration.SingleLayer.decode).flatMap(\.self)
        }
        let standard =
            isAgent ? Configuration.HeaderTemplate.standard(hasContext: route.credentials != nil) : []
        route.headers = section.value("headers")?.headerTemplates(over: standard) ?? standard
        section.read("websocket", into: &route.websocket) { $0.boolean() }
        section.read("session_headers", into: &route.sessionHeaders) { $0.fieldNames() }
        section.read("aws", into: &route.aws) { $0.section(Configuration.AWSRoute.decode) }
        // With a part missing, its problem is noted and the whole will not be used.
        return adapter == nil || resource == nil || upstream == nil ? nil : route
    }
}

extension Configuration.SingleLayer {
    fileprivate static func decode(_ section: inout YAML.Section) -> Self? {
        let owner = section.required("owner")?.string(count: 1...256)
        let reason = section.required("reason")?.string(count: 1...1024)
        let expires = section.required("expires")?.date()
        guard let owner, let reason, let expires else { return nil }
        return Self(owner: owner, reason: reason, expires: expires)
    }
}

extension YAML.Value {
    /// `Type::"id"`, the type with namespaces where the schema has them.
    fileprivate func entityReference() -> Configuration.EntityReference? {
        guard let text = string() else { return nil }
        guard let quote = text.firstIndex(of: "\""), text[..<quote].hasSuffix("::"),
            Self.isTypeName(text[..<quote].dropLast(2)), let id = Self.unquoted(text[quote...])
        else {
            noteExpected("an entity such as 'Store::\"vectors\"'")
            return nil
        }
        return .init(type: String(text[..<quote].dropLast(2)), id: id)
    }

    private static func isTypeName(_ text: Substring) -> Bool {
        var rest = text
        while true {
            let part = rest.prefix { $0 != ":" }
            guard let first = part.utf8.first, !ASCII.isDigit(first),
                part.utf8.allSatisfy({ ASCII.isAlphanumeric($0) || $0 == UInt8(ascii: "_") })
            else { return false }
            rest = rest.dropFirst(part.count)
            if rest.isEmpty { return true }
            guard rest.hasPrefix("::") else { return false }
            rest = rest.dropFirst(2)
        }
    }

    /// The inside of a quoted text with `\"` and `\\` resolved; nil for any other escape.
    private static func unquoted(_ text: Substring) -> String? {
        guard text.utf8.count > 2, text.hasSuffix("\"") else { return nil }
        var result = ""
        var isEscaped = false
        for character in text.dropFirst().dropLast().unicodeScalars {
            if isEscaped {
                guard character == "\"" || character == "\\" else { return nil }
                result.unicodeScalars.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                return nil
            } else {
                result.unicodeScalars.append(character)
            }
        }
        return isEscaped ? nil : result
    }

    /// A list of field names, in lower case.
    fileprivate func fieldNames() -> [String]? {
        strings(count: 0...32).map { names in
            names.compactMap { name in
                guard YAML.isFieldName(name) else {
                    note("\"\(name)\" is no name of a header")
                    return nil
                }
                if let reason = refusal(of: name.lowercased()) { note("\"\(name)\" \(reason)") }
                return name.lowercased()
            }
        }
    }
}

extension YAML {
    /// RFC 9110 §5.6.2 token, of a sane length.
    static func isFieldName(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count) && text.utf8.allSatisfy(ASCII.isToken)
    }
}
