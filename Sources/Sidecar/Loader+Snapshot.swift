// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Cedar
import Configuration
import Crypto
package import Gateway
import Identity
import JSON
import Namespaces
import Runtime
import Vending

extension Loader {
    /// The first state of the world: no issuer has keys yet.
    package func makeSnapshot() throws(LoadProblems) -> Snapshot {
        try makeSnapshot(
            listeners: configuration.listeners,
            upstreams: Dictionary(
                uniqueKeysWithValues: configuration.upstreams.enumerated().map { ($1.name, $0) }
            ),
            replacing: nil,
            keys: nil,
            hasSameCredentials: false
        )
    }

    /// The next one, with the keys that are at hand.
    /// - Parameter hasSameCredentials: whether connections to upstreams may be used further.
    func makeSnapshot(
        _ places: Places,
        replacing old: Snapshot?,
        keys: KeyRing?,
        hasSameCredentials: Bool
    ) throws(LoadProblems) -> Snapshot {
        var upstreams: [String: Int] = [:]
        for upstream in configuration.upstreams {
            upstreams[upstream.name] = places.upstream(named: upstream.name)
        }
        let listeners = places.doors.map { door in configuration.listeners.first { self.door($0) == door } }
        return try makeSnapshot(
            listeners: listeners,
            upstreams: upstreams,
            replacing: old,
            keys: keys,
            hasSameCredentials: hasSameCredentials
        )
    }

    /// - Parameters:
    ///   - listeners: by place; nil for one that is closed.
    ///   - upstreams: the place of each, by name.
    private func makeSnapshot(
        listeners: [Configuration.Listener?],
        upstreams: [String: Int],
        replacing old: Snapshot?,
        keys: KeyRing?,
        hasSameCredentials: Bool
    ) throws(LoadProblems) -> Snapshot {
        do {
            let generation = (old?.plan.generation ?? 0) + 1
            let plan = GatewayPlan(
                generation: generation,
                credentialsSince: hasSameCredentials ? old?.plan.credentialsSince ?? generation : generation,
                listeners: listeners.map { $0.map(gatewayListener) ?? .closed },
                routes: configuration.routes.enumerated().map { route($1, place: $0, upstreams) },
                policy: try makePolicy(),
                keys: self.keys,
                handleTimes: configuration.identity.handle,
                tokenLimits: tokenLimits,
                tenantsLabelled: configuration.telemetry.tenantsLabelled,
                audits: configuration.telemetry.auditLog != nil,
                bufferedBodyBytes: configuration.limits.bufferedBodyBytes
            )
            return Snapshot(plan, identity: try makeIdentity(generation, replacing: old?.identity, keys))
        } catch {
            throw LoadProblems(["\(configuration.file): \(error)"])
        }
    }

    private var tokenLimits: TokenLimits {
        var limits = TokenLimits()
        limits.maximumBytes = configuration.identity.tokenBytes
        return limits
    }

    private func gatewayListener(_ listener: Configuration.Listener) -> GatewayListener {
        var kinds: CarrierKinds = []
        for carrier in listener.carriers {
            switch carrier {
            case .bearer: kinds.insert(.bearer)
            case .handle: kinds.insert(.handle)
            case .aws: kinds.insert(.aws)
            case .trace: kinds.insert(.trace)
            case .lease: kinds.insert(.lease)
            case .certificate: kinds.insert(.certificate)
            // Of the route: see `Route.checksSessions`.
            case .payload: break
            }
        }
        return GatewayListener(
            name: listener.name,
            rules: configuration.rules(of: listener),
            carriers: kinds,
            agent: configuration.agent(of: listener) ?? "",
            leasedEndpoint: listener.leasedEndpoint.flatMap { number in
                listener.endpoint.map { "\($0)/\(number)" }
            },
            tenant: listener.tenant,
            service: listener.service ? service(of: listener) : nil
        )
    }

    /// The agent by itself, in the lowest tier there is.
    private func service(of listener: Configuration.Listener) -> Principal? {
        guard let agent = configuration.agent(of: listener), let name = configuration.tiers.first?.name,
            let tier = TierTable(lowestFirst: configuration.tiers.map(\.name))?.find(name)
        else { return nil }
        return .service(of: agent, tier: tier)
    }

    private func route(_ route: Configuration.Route, place: Int, _ upstreams: [String: Int]) -> Route {
        // `check` has found that every name stands for something.
        guard let adapter = adapters[route.adapter], let upstream = upstreams[route.upstream],
            let target = configuration.upstream(named: route.upstream), let endpoint = target.endpoints.first
        else { preconditionFailure("a route was built without its adapter or its upstream") }
        return Route(
            route,
            place: place,
            adapter: adapter,
            upstream: upstream,
            authority: Array(endpoint.description.utf8),
            credential: configuration.credentials.firstIndex { $0.name == route.credentials },
            use: use(of: route),
            isLeased: target.lease != .none,
            checksSessions: configuration.listeners.contains {
                $0.routes.contains(route.name) && $0.carriers.contains(.payload)
            },
            resources: Self.resources(route.aws),
            signing: signing(route, adapter),
            containerToken: containerTokens[route.name]
        )
    }

    private func use(of route: Configuration.Route) -> CredentialUse {
        guard let credential = route.credentials.flatMap({ configuration.credential(named: $0) }) else {
            return CredentialUse()
        }
        switch credential.kind {
        case .signedContext, .sts: return CredentialUse()
        case .secret: return CredentialUse(injection: credential.injection, reach: .tenant)
        case .oauth(let oauth):
            var reach = oauth.plan.isPerUser ? CredentialUse.Reach.user : .tenant
            var takesToken = false
            if case .tokenExchange(let subject, _, _) = oauth.grant {
                reach = .principal
                takesToken = subject == .token
            }
            return CredentialUse(injection: credential.injection, reach: reach, takesToken: takesToken)
        }
    }

    private static func resources(_ aws: Configuration.AWSRoute?) -> StoreResources {
        StoreResources(
            buckets: aws?.buckets ?? [],
            tables: (aws?.tables ?? []).compactMap { table in
                table.partitionKey.map {
                    StoreResources.Table(name: table.name, partitionKey: $0, indexes: table.indexes)
                }
            },
            askedTables: (aws?.tables ?? []).filter { $0.partitionKey == nil }.map(\.name),
            names: aws?.resources ?? []
        )
    }

    /// For which service a route's requests are signed; nil where its credential is no key of AWS.
    func signing(
        _ route: Configuration.Route,
        _ adapter: Adapter
    ) -> (scope: SigningScope, plan: STSPlan)? {
        guard let name = route.credentials, case .sts(let sts)? = configuration.credential(named: name)?.kind
        else { return nil }
        let plan = STSPlan(
            role: sts.role,
            roles: sts.roles,
            namedRoles: sts.namedRoles,
            region: sts.region,
            duration: sts.duration,
            tenantTag: sts.tags.tenant,
            tierTag: sts.tags.tier,
            userTag: sts.tags.user,
            setsSourceIdentity: sts.setsSourceIdentity,
            externalID: sts.externalID,
            narrows: sts.narrows
        )
        let service = route.aws?.service ?? adapter.aws?.service ?? adapter.name
        return (SigningScope(region: sts.region, service: service), plan)
    }

    // MARK: identity

    private func makeIdentity(
        _ generation: UInt64,
        replacing old: IdentitySnapshot?,
        _ keys: KeyRing?
    ) throws -> IdentitySnapshot {
        let issuers = try IssuerTable(configuration.identity.issuers.map(issuer))
        guard let tiers = TierTable(lowestFirst: configuration.tiers.map(\.name)) else {
            throw LoadProblems(["the names of the tiers cannot be used"])
        }
        return try IdentitySnapshot(
            generation: generation,
            issuers: issuers,
            tiers: tiers,
            tierDrift: configuration.identity.tierDrift == .lesser ? .lesser : .refuse,
            tenants: TenantRegistry(
                mode: configuration.tenants.mode == .claims ? .claims : .registry,
                entries: tenants.compactMap { entry($0, tiers) },
                replacing: old?.tenants
            ),
            keys: keys ?? KeyRing(issuers: issuers.count),
            replacing: old
        )
    }

    private func issuer(_ issuer: Configuration.Issuer) throws -> Issuer {
        if let source = issuer.certificates { return try certificateIssuer(issuer, source) }
        return try Issuer(
            name: issuer.name,
            profile: issuer.profile == .cognito ? .cognito : .oidc,
            url: issuer.issuer,
            audiences: issuer.audiences,
            tokenUse: issuer.tokenUse.map { $0 == .id ? .id : .access },
            algorithms: issuer.algorithms,
            tokenTypes: issuer.tokenTypes.map { $0 == .jwt ? .jwt : .accessToken },
            claims: ClaimNames(
                tenant: issuer.claims.tenant,
                tier: issuer.claims.tier,
                user: issuer.claims.user,
                groups: issuer.claims.groups,
                tags: issuer.claims.tags
            ),
            leeway: issuer.leeway
        )
    }

    private func entry(_ tenant: Configuration.Tenant, _ tiers: TierTable) -> TenantEntry? {
        guard let id = TenantID(tenant.id), let tier = tiers.find(tenant.tier) else { return nil }
        return TenantEntry(
            id: id,
            name: tenant.name,
            tier: tier,
            status: tenant.status == .active ? .active : .suspended,
            issuers: tenant.issuers,
            group: tenant.group,
            claims: tenant.claims
        )
    }

    /// Under which keys each route's data lie.
    var routeEncodings: [String: RouteEncoding] {
        var encodings: [String: RouteEncoding] = [:]
        for route in configuration.routes {
            encodings[route.name] = RouteEncoding(
                scope: route.scope,
                adapter: route.adapter,
                table: self.encodings[route.adapter],
                idKey: adapters[route.adapter]?.traits.sealsIdentifiers == true ? keys.current : nil,
                attributes: Dictionary(
                    (route.aws?.tables ?? []).compactMap { table in
                        table.partitionKey.map { (table.name, Set(table.indexes.values).union([$0])) }
                    }
                ) { $0.union($1) }
            )
        }
        return encodings
    }

    // MARK: policy

    private func makePolicy() throws -> PolicyEngine {
        let actions = Set(adapters.values.flatMap { $0.operations.filter { !$0.isRefused }.map(\.action) })
        var entities: [Entity] = []
        for tier in configuration.tiers {
            entities.append(Entity(EntityUID(type: "Tier", id: Text(tier.name)), attributes: [:]))
        }
        // `memory:Read` belongs to `memory`, so that a policy can name all of a kind.
        let groups = Set(actions.compactMap { $0.split(separator: ":").first.map(String.init) })
        for group in groups {
            entities.append(Entity(EntityUID(type: "Action", id: Text(group)), attributes: [:]))
        }
        for action in actions {
            let group = action.split(separator: ":").first.map(String.init) ?? action
            entities.append(
                Entity(
                    EntityUID(type: "Action", id: Text(action)),
                    attributes: [:],
                    parents: [EntityUID(type: "Action", id: Text(group))]
                )
            )
        }
        for resource in Set(configuration.routes.map(\.resource)) {
            entities.append(
                Entity(EntityUID(type: Text(resource.type), id: Text(resource.id)), attributes: [:])
            )
        }
        let shadowed = configuration.policy.mode == .shadow
        let marked = Set(policies.policies.filter { $0.annotation("shadow") != nil }.map(\.id))
        return PolicyEngine(
            policies,
            entities: try EntityStore(entities),
            groups: Dictionary(tenants.compactMap { tenant in tenant.group.map { (tenant.id, $0) } }) {
                first,
                _ in first
            },
            models: configuration.tiers.map { ($0.name, $0.models) },
            actions: actions,
            roles: Dictionary(
                policies.effective.compactMap { policy in
                    policy.annotation("role").map { (policy.id, $0.string) }
                }
            ) { first, _ in first },
            isShadow: { shadowed && marked.contains($0) }
        )
    }
}
