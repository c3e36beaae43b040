// SPDX-License-Identifier: Apache-2.0

/// Policies, templates and links as written: read, changed, printed, validated; `Authorizer` decides with them.
package struct PolicySet: Sendable {
    /// Where a policy that was read from text takes its id from.
    package enum Naming: Sendable {
        /// `policy0`, `policy1`, … over all sources, as the reference implementation does.
        case ordinal
        /// The value of `@id("…")`, else `<source>#<number>`, counting from 0 within the source.
        case annotated
    }

    /// Static policies, in the order in which they were added.
    package private(set) var policies: [Policy] = []
    package private(set) var templates: [Policy] = []
    package private(set) var links: [TemplateLink] = []
    private var places: [PolicyID: Place] = [:]
    /// Ids of policies and templates, mixed as they came.
    private var order: [PolicyID] = []

    private enum Place {
        case policy(Int), template(Int), link(Int)
    }

    package init() {}

    /// Reads policies and templates from text.
    /// Limits: 64 MiB a source, 256 levels of nesting, 1,024 operators in a row.
    /// - Throws: the first error, with file, line, column and what was expected; also two equal ids.
    package init(_ sources: [Source], naming: Naming = .ordinal) throws(SyntaxError) {
        for source in sources {
            for (index, var policy) in try PolicyParser.policies(in: source).enumerated() {
                switch naming {
                case .ordinal: policy.id = PolicyID("policy\(policies.count + templates.count)")
                case .annotated:
                    policy.id = PolicyID(policy.annotation("id") ?? Text("\(source.name)#\(index)"))
                }
                try add(policy)
            }
        }
    }

    /// - Throws: when the id is taken.
    package mutating func add(_ policy: Policy) throws(SyntaxError) {
        try reserve(policy.id, at: policy.location)
        order.append(policy.id)
        if policy.isTemplate {
            places[policy.id] = .template(templates.count)
            templates.append(policy)
        } else {
            places[policy.id] = .policy(policies.count)
            policies.append(policy)
        }
    }

    /// - Throws: when the id is taken, the template unknown, or the values are not just those of its slots.
    package mutating func add(_ link: TemplateLink) throws(SyntaxError) {
        guard case .template(let index) = places[link.template] else {
            throw SyntaxError(nil, "link `\(link.id)`: there is no template `\(link.template)`")
        }
        let template = templates[index]
        guard template.principal.hasSlot == (link.principal != nil),
            template.resource.hasSlot == (link.resource != nil)
        else { throw SyntaxError(nil, "link `\(link.id)`: the values are not those of the template's slots") }
        try reserve(link.id, at: nil)
        places[link.id] = .link(links.count)
        links.append(link)
    }

    private func reserve(_ id: PolicyID, at location: SourceLocation?) throws(SyntaxError) {
        guard places[id] == nil else { throw SyntaxError(location, "the policy id `\(id)` is taken") }
    }

    /// The policy, template, or link as a policy, of this id.
    package func policy(_ id: PolicyID) -> Policy? {
        switch places[id] {
        case .policy(let index): policies[index]
        case .template(let index): templates[index]
        case .link(let index): linked(links[index])
        case nil: nil
        }
    }

    /// Policies and templates, in the order in which they were added.
    package var written: [Policy] { order.compactMap(policy) }

    /// All that can authorize: static policies and links, the slots of these filled.
    package var effective: [Policy] { policies + links.compactMap(linked) }

    private func linked(_ link: TemplateLink) -> Policy? {
        guard case .template(let index) = places[link.template] else { return nil }
        var policy = templates[index]
        policy.id = link.id
        policy.principal = policy.principal.filled(with: link.principal)
        policy.resource = policy.resource.filled(with: link.resource)
        return policy
    }
}
