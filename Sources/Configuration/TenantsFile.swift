// SPDX-License-Identifier: Apache-2.0
import Bytes
package import JSON

extension Configuration {
    /// The registry of tenants: one file beside the configuration.
    package struct TenantsFile: Sendable {
        /// In the order of the file; no id twice.
        package var tenants: [Tenant]
    }

    package struct Tenant: Sendable {
        /// 1 to 64 of `A-Z a-z 0-9 . _ -`, neither `.` nor `..`; case-sensitive.
        package var id: String
        /// For people. Default: the id.
        package var name: String
        package var tier: String
        /// Default: `active`.
        package var status = TenantStatus.active
        /// Names of the issuers that may speak for it, at least one (THREATS 5).
        package var issuers: [String]
        /// A group that its users' tokens must name besides. Default: none.
        package var group: String?
        /// Read and checked, not yet enforced.
        package var limits = Quota()
        /// Attributes that policies see on the tenant: texts, whole numbers, booleans, lists of texts.
        package var claims = JSONObject()
        package var position: YAML.Position
    }

    package enum TenantStatus: String, CaseIterable, Sendable {
        case active, suspended
    }
}

extension Configuration.TenantsFile {
    /// - Parameter configuration: whose tiers and issuers the tenants name.
    /// - Throws: all that is wrong with the file.
    package static func decode(
        _ bytes: borrowing Span<UInt8>,
        file: String,
        for configuration: Configuration
    ) throws(Configuration.Problems) -> Self {
        let root = try YAML.parse(bytes, file: file, limits: .init(bytes: 64 << 20, nodes: 8 << 20))
        return try decode(root, in: YAML.Context(file: file), for: configuration)
    }

    /// The same from a document that is parsed already.
    package static func decode(
        _ root: YAML.Node,
        in context: YAML.Context,
        for configuration: Configuration
    ) throws(Configuration.Problems) -> Self {
        var tenants: [Configuration.Tenant] = []
        var firsts: [String: YAML.Position] = [:]
        _ = context.root(root).section { section in
            for item in section.required("tenants")?.list(count: 0...1_000_000) ?? [] {
                let tenant = item.section { Configuration.Tenant.decode(&$0, configuration) }.flatMap(\.self)
                guard let tenant else { continue }
                if let first = firsts[tenant.id] {
                    let place = "\(first.line):\(first.column)"
                    item.note("tenant \"\(tenant.id)\" stands twice; first at \(place)")
                } else {
                    firsts[tenant.id] = item.position
                    tenants.append(tenant)
                }
            }
        }
        try context.finish()
        return Self(tenants: tenants)
    }
}

extension Configuration.Tenant {
    static func decode(_ section: inout YAML.Section, _ configuration: Configuration) -> Self? {
        let id = section.required("id")?.tenantID()
        let name = section.value("name")?.string(count: 1...256)
        let tier = section.required("tier").flatMap { value -> String? in
            value.reference("tier", among: configuration.tiers.map(\.name))
        }
        let issuers = section.required("issuers").map { value in
            (value.list(count: 1...256) ?? []).compactMap { item in
                item.reference("issuer", among: configuration.identity.issuers.map(\.name))
            }
        }
        var tenant = Self(
            id: id ?? "",
            name: name ?? id ?? "",
            tier: tier ?? "",
            issuers: issuers ?? [],
            position: section.position
        )
        section.read("status", into: &tenant.status) { $0.choice(Configuration.TenantStatus.self) }
        section.read("group", into: &tenant.group) { $0.string(count: 1...256) }
        section.read("limits", into: &tenant.limits) { $0.section(Configuration.Quota.decode) }
        section.read("claims", into: &tenant.claims) { $0.claims() }
        return id == nil ? nil : tenant
    }
}

extension YAML.Value {
    fileprivate func tenantID() -> String? {
        guard let text = string(count: 1...64) else { return nil }
        let isLegal = text.utf8.allSatisfy {
            ASCII.isAlphanumeric($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
                || $0 == UInt8(ascii: "-")
        }
        guard isLegal, text != ".", text != ".." else {
            noteExpected("a tenant id (1 to 64 of A-Z a-z 0-9 . _ -)")
            return nil
        }
        return text
    }

    /// A name that must be one of `known`.
    fileprivate func reference(_ what: String, among known: [String]) -> String? {
        guard let text = name() else { return nil }
        guard known.contains(text) else {
            note(Spelling.unknown(what, text, among: known))
            return nil
        }
        return text
    }

    fileprivate func claims() -> JSONObject? {
        guard let entries = map() else { return nil }
        var claims = JSONObject()
        for entry in entries where !entry.value.node.isNull {
            // The parser has refused keys that stand twice.
            if let claim = entry.value.claim() { _ = claims.append(entry.name, claim) }
        }
        return claims
    }

    private func claim() -> JSONValue? {
        guard case .scalar(let scalar) = node.content else {
            return strings(count: 0...256).map { texts in .array(texts.map { .string($0) }) }
        }
        switch scalar.kind {
        case .boolean: return boolean().map { .bool($0) }
        case .integer: return integer(in: .min ... .max).map { .integer(Int64($0)) }
        case .null, .float, .text: return string().map { .string($0) }
        }
    }
}
