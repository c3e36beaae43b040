// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Cedar
package import Identity
import JSON

/// Puts a request to the policies (DESIGN §6): who, which action, on what, and the facts that policies may read.
package final class PolicyEngine: Sendable {
    /// The facts of one request, as the context of its decision.
    package struct Facts {
        package var method: String
        package var operation: String
        package var path: String
        package var listener: String
        package var now: WallTime
        /// The caller's address as the connection has it; nil for a Unix socket.
        package var source: IPAddress?

        package init(
            method: String,
            operation: String,
            path: String,
            listener: String,
            now: WallTime,
            source: IPAddress?
        ) {
            self.method = method
            self.operation = operation
            self.path = path
            self.listener = listener
            self.now = now
            self.source = source
        }
    }

    /// Which facts the policies of an action read: only those are part of a grant's key (THREATS 8).
    struct FactUse: Sendable {
        var method = false
        var operation = false
        var path = false
        var listener = false
        var source = false
        /// More than comparisons with fixed instants.
        var now = false
        /// Knows the fixed instants that the clock is compared with.
        private var reads: Reads?

        /// None of the facts, the clock's fixed instants aside: those end a grant.
        var isNothing: Bool { !(method || operation || path || listener || source || now) }

        static let all: FactUse = {
            var all = FactUse()
            all.method = true
            all.operation = true
            all.path = true
            all.listener = true
            all.source = true
            all.now = true
            return all
        }()

        init() {}

        init(_ reads: Reads) {
            let context = reads.context
            func has(_ name: Text) -> Bool { context.isWhole || context.names.contains(name) }
            method = has("method")
            operation = has("operation")
            path = has("path")
            listener = has("listener")
            source = has("source")
            now = has("now")
            self.reads = reads
        }

        /// When a decision of now may come out otherwise by time alone.
        func holdsUntil(_ now: WallTime) -> WallTime? {
            if self.now { return now + .seconds(1) }
            guard let next = reads?.nextBoundary("now", after: DatetimeValue(now)) else { return nil }
            return next.wallTime
        }
    }

    package struct Verdict {
        package var isAllowed: Bool
        package var policies: [String]
        /// Policies in shadow mode that would have denied.
        package var shadowDenials: [String]
        /// Policies that failed, with their errors; as Cedar has it, they did not apply.
        package var errors: [String]
        /// Names of the roles that the permits of an allowed request choose, each once, in a fixed order.
        package var roles: [String] = []
    }

    private let authorizer: Authorizer
    private let entities: EntityStore
    private let groups: [String: String]
    /// By tier, patterns of the models that it has; empty where no tier names any.
    private let models: [(tier: EntityUID, patterns: [Pattern])]
    private let uses: [String: FactUse]
    private let roles: [PolicyID: String]
    private let isShadow: @Sendable (PolicyID) -> Bool

    /// - Parameters:
    ///   - entities: tiers, resources and the groups of actions; user and tenant come with each decision.
    ///   - groups: of the tenants that have one, by id.
    ///   - models: by tier, patterns of the models that it is entitled to, with `*` for any run of characters.
    ///   - actions: every action that an adapter can ask for.
    ///   - roles: by permit, the name of the role that it chooses (`@role`).
    ///   - isShadow: whether a policy's denial is only recorded (THREATS 11).
    package init(
        _ policies: PolicySet,
        entities: EntityStore,
        groups: [String: String],
        models: [(tier: String, patterns: [String])] = [],
        actions: Set<String>,
        roles: [PolicyID: String] = [:],
        isShadow: @escaping @Sendable (PolicyID) -> Bool
    ) {
        authorizer = Authorizer(policies)
        self.entities = entities
        self.groups = groups
        self.models = models.map { tier, patterns in
            let compiled = patterns.map { text in
                Pattern(text.unicodeScalars.map { $0 == "*" ? .wildcard : .scalar($0) })
            }
            return (Self.uid("Tier", tier), compiled)
        }
        self.roles = roles
        self.isShadow = isShadow
        var uses: [String: FactUse] = [:]
        for action in actions {
            uses[action] = FactUse(authorizer.reads(by: Self.uid("Action", action), entities))
        }
        self.uses = uses
    }

    /// Facts that nobody looked up beforehand count as read: a grant is then never used too widely.
    func use(of action: String) -> FactUse {
        uses[action] ?? .all
    }

    /// - Parameter name: what the request itself names, of the type of `resource` and in it; nil where the decision is on
    ///   `resource`.
    package func decide(
        _ principal: Principal,
        _ action: String,
        on resource: EntityUID,
        named name: String? = nil,
        _ facts: Facts
    ) -> Verdict {
        // An agent by itself has all that a user has, but is none: a policy has to name it (THREATS 7).
        let user =
            principal.isService
            ? Self.uid("Service", String(principal.tenant.text.dropFirst("service:".count)))
            : Self.uid("User", "\(principal.issuer.name)/\(principal.user.text)")
        let tenant = Self.uid("Tenant", principal.tenant.text)
        var parents = [tenant]
        for group in principal.groups { parents.append(Self.uid("Group", group)) }
        let tier = Self.uid("Tier", principal.tier.name)
        let entity = Entity(
            user,
            attributes: [
                "issuer": .string(Text(principal.issuer.name)),
                "subject": .string(Text(principal.user.text)),
                "tenant": .entity(tenant),
                "tier": .entity(tier),
            ],
            tags: Self.tags(principal),
            parents: parents
        )
        var known = [entity, self.tenant(of: principal, tenant, in: tier)]
        var target = resource
        if let name {
            let named = self.named(name, in: resource)
            known.append(named)
            target = named.uid
        }
        let request = AccessRequest(
            principal: user,
            action: Self.uid("Action", action),
            resource: target,
            context: Self.context(facts, use(of: action))
        )
        do {
            let store = try entities.adding(known)
            return verdict(authorizer.authorize(request, store))
        } catch {
            // An entity that cannot be put in makes no decision: that is a denial.
            return Verdict(isAllowed: false, policies: [], shadowDenials: [], errors: ["\(error)"])
        }
    }

    /// The tenant as this request sees it: admitted by the registry, so active, and in the tier that counts.
    private func tenant(of principal: Principal, _ tenant: EntityUID, in tier: EntityUID) -> Entity {
        var attributes: [RecordValue.Field] = [.init("active", .bool(true))]
        if let group = groups[principal.tenant.text] {
            attributes.append(.init("group", .string(Text(group))))
        }
        return Entity(tenant, attributes: RecordValue(attributes), parents: [tier])
    }

    /// What a request names in a resource. A model is set apart for the tiers that are entitled to it, once any tier names its
    /// models.
    private func named(_ name: String, in resource: EntityUID) -> Entity {
        let uid = EntityUID(type: resource.type, id: Text(name))
        var attributes: [RecordValue.Field] = []
        let isModel = resource.type == "Model" || resource.type.string.hasSuffix("::Model")
        if isModel, models.contains(where: { !$0.patterns.isEmpty }) {
            let tiers = models.filter { $0.patterns.contains { $0.matches(Text(name)) } }
            attributes.append(.init("tiers", .set(SetValue(tiers.map { .entity($0.tier) }))))
        }
        return Entity(uid, attributes: RecordValue(attributes), parents: uid == resource ? [] : [resource])
    }

    /// A denial by policies in shadow mode alone is recorded and not enforced; what nothing permits stays denied.
    private func verdict(_ decision: Decision) -> Verdict {
        let errors = decision.errors.map { "\($0.policy): \($0.error)" }
        let binding = decision.forbids.filter { !isShadow($0) }
        let shadow = decision.forbids.filter(isShadow)
        let permitted = !decision.permits.isEmpty
        let isAllowed = permitted && binding.isEmpty
        let reasons = isAllowed ? decision.permits : (binding.isEmpty ? [] : binding)
        return Verdict(
            isAllowed: isAllowed,
            policies: reasons.map { "\($0)" },
            shadowDenials: shadow.map { "\($0)" },
            errors: errors,
            roles: isAllowed && !roles.isEmpty ? Set(decision.permits.compactMap { roles[$0] }).sorted() : []
        )
    }

    private static func uid(_ type: Text, _ id: String) -> EntityUID { EntityUID(type: type, id: Text(id)) }

    private static func tags(_ principal: Principal) -> RecordValue {
        RecordValue(
            principal.tags.members.compactMap { member in
                switch member.value {
                case .string(let text): RecordValue.Field(Text(member.name), .string(Text(text)))
                default: nil
                }
            }
        )
    }

    /// What the action's policies can read of the facts. What they cannot read changes no decision, and takes its time to be
    /// written down. The clock is always there: comparisons with fixed instants are no part of `use`.
    private static func context(_ facts: Facts, _ use: FactUse) -> RecordValue {
        var fields: [RecordValue.Field] = []
        if use.listener { fields.append(.init("listener", .string(Text(facts.listener)))) }
        if use.method { fields.append(.init("method", .string(Text(facts.method)))) }
        fields.append(.init("now", .datetime(DatetimeValue(facts.now))))
        if use.operation { fields.append(.init("operation", .string(Text(facts.operation)))) }
        if use.path { fields.append(.init("path", .string(Text(facts.path)))) }
        guard use.source else { return RecordValue(fields) }
        switch facts.source {
        case .v4(let bits)?: fields.append(.init("source", .address(AddressValue(ipv4: bits))))
        case .v6(let high, let low)?:
            fields.append(.init("source", .address(AddressValue(ipv6: UInt128(high) << 64 | UInt128(low)))))
        case nil: break
        }
        return RecordValue(fields)
    }
}
