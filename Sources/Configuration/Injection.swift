// SPDX-License-Identifier: Apache-2.0
import Bytes

extension Configuration {
    /// Where in a request a vended credential stands at the upstream.
    package enum Injection: Sendable, Equatable {
        /// `Authorization: Bearer …`.
        case bearer
        /// A field of any name, in lower case, with text before the credential.
        case header(name: String, prefix: String)
        /// A parameter of the query; the agent's own of that name is replaced.
        case query(name: String)
        /// `Authorization: Basic …`; without a user the credential is `user:password` itself.
        case basic(user: [HeaderTemplate.Part]?)

        /// The field that it stands in, in lower case; nil for the query.
        package var field: String? {
            switch self {
            case .bearer, .basic: "authorization"
            case .header(let name, _): name
            case .query: nil
            }
        }

        /// The parameter that it stands in; nil for a field.
        package var parameter: String? {
            if case .query(let name) = self { name } else { nil }
        }
    }
}

extension Configuration.Injection {
    private enum Form: String, CaseIterable {
        case bearer, header, query, basic
    }

    /// - Parameter needsUser: the credential is no `user:password` by itself.
    static func decode(_ section: inout YAML.Section, needsUser: Bool) -> Self? {
        guard let form = section.required("as")?.choice(Form.self) else {
            section.skipRest()
            return nil
        }
        switch form {
        case .bearer: return .bearer
        case .header:
            let name = section.required("name")?.injectedField()
            var prefix = ""
            section.read("prefix", into: &prefix) { $0.visible(count: 1...64) }
            return name.map { .header(name: $0, prefix: prefix) }
        case .query: return section.required("name")?.injectedParameter().map { .query(name: $0) }
        case .basic:
            let user = needsUser ? section.required("user") : section.value("user")
            return .basic(user: user?.userTemplate())
        }
    }
}

extension YAML.Value {
    fileprivate func injectedField() -> String? {
        guard let text = string(count: 1...128) else { return nil }
        guard YAML.isFieldName(text) else {
            note("\"\(text)\" is no name of a header")
            return nil
        }
        let name = text.lowercased()
        if let reason = refusal(of: name) {
            note("header \"\(text)\": \(reason)")
            return nil
        }
        return name
    }

    /// Unreserved bytes, which every reader of a query takes for the same name; none that signs a request.
    fileprivate func injectedParameter() -> String? {
        guard let text = string(count: 1...64) else { return nil }
        let isName = text.utf8.allSatisfy { ASCII.isAlphanumeric($0) || Array("-._~".utf8).contains($0) }
        guard isName, !text.lowercased().hasPrefix("x-amz-") else {
            noteExpected("the name of a parameter: letters, digits and -._~, not X-Amz-…")
            return nil
        }
        return text
    }

    /// Visible ASCII and spaces; none of them at the beginning.
    fileprivate func visible(count: ClosedRange<Int>) -> String? {
        guard let text = string(count: count) else { return nil }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }), !text.hasPrefix(" ") else {
            noteExpected("visible ASCII characters and spaces, no space first")
            return nil
        }
        return text
    }

    /// A colon would end the name early (RFC 7617 §2), so no hole may hold one.
    fileprivate func userTemplate() -> [Configuration.HeaderTemplate.Part]? {
        guard let parts = templateParts(allowing: [.tenant, .tier]) else { return nil }
        let hasColon = parts.contains {
            if case .literal(let text) = $0 { text.contains(":") } else { false }
        }
        guard !parts.isEmpty, !hasColon else {
            noteExpected("a user name without a colon")
            return nil
        }
        return parts
    }
}
