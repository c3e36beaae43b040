// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Cedar
import Crypto
import HTTPTypes
import Identity
import Namespaces
import Telemetry
import Vending

extension Gateway {
    /// Decision and means, from the TVM cache or anew.
    mutating func authorize(
        _ exchange: inout Exchange,
        _ route: Route,
        _ principal: Principal,
        _ operation: Int,
        _ now: WallTime
    ) throws(Stop) -> Grant {
        let named = try decidedResource(exchange, route, operation)
        if named == nil, let grant = memo.find(principal, route, operation, now: now), !grant.isRejected {
            return try accept(grant, &exchange, isHit: true)
        }
        let key = grantKey(exchange, route, principal, operation, named, now)
        let use = exchange.plan.policy.use(of: route.adapter.operations[operation].action)
        // Asked of the registry in force, not of the one that the principal was admitted by (THREATS 9).
        let epochs = GrantEpochs(tenant: snapshot.identity.tenants.epoch(of: principal.tenant))
        // While it cannot be renewed, a grant in hand is good to its end.
        if let grant = grants.find(key, epochs: epochs, now: now), !grant.isRejected,
            now < grant.renewAt || exchange.couldNotRenew
        {
            if use.isNothing, named == nil { memo.note(grant, principal, route, operation) }
            return try accept(grant, &exchange, isHit: true)
        }
        let grant = try makeGrant(&exchange, route, principal, operation, named, now)
        guard grants.insert(key, grant, epochs: epochs, now: now) else {
            throw .refused(Refusal(.tokenExpired))
        }
        if use.isNothing, named == nil { memo.note(grant, principal, route, operation) }
        return try accept(grant, &exchange, isHit: false)
    }

    /// What the request's path names for policies to decide on; nil where that is the route's own resource.
    private func decidedResource(
        _ exchange: borrowing Exchange,
        _ route: Route,
        _ operation: Int
    ) throws(Stop) -> [UInt8]? {
        guard route.adapter.operations[operation].resourceSegment != nil else { return nil }
        do throws(AdapterFailure) {
            return try route.adapter.decidedResource(operation, exchange.request.path, route.resources)
        } catch {
            throw .adapter(error)
        }
    }

    private mutating func accept(
        _ grant: Grant,
        _ exchange: inout Exchange,
        isHit: Bool
    ) throws(Stop) -> Grant {
        guard grant.isAllowed else {
            exchange.grant = grant
            throw .refused(.policyDenied)
        }
        if let means = grant.means {
            // The store may have lost since then what it was given.
            if let need = means.provision, provisioned[need] == nil { throw .need(.provision(need)) }
            metrics.granted(series: means.series, isHit: isHit)
        }
        exchange.grant = grant
        return grant
    }

    private mutating func grantKey(
        _ exchange: borrowing Exchange,
        _ route: Route,
        _ principal: Principal,
        _ operation: Int,
        _ named: [UInt8]?,
        _ now: WallTime
    ) -> GrantKey {
        let action = route.adapter.operations[operation].action
        let resource = named ?? route.resourceText
        keys.beginGrant(
            generation: exchange.plan.generation,
            route: route.place,
            principal: principal.digest,
            action: action.utf8Span.span,
            resource: resource.span
        )
        let use = exchange.plan.policy.use(of: action)
        if use.method { keys.add(Int(exchange.request.method.rawValue)) }
        if use.operation { keys.add(operation) }
        if use.path { keys.add(exchange.request.path.bytes) }
        if use.listener { keys.add(exchange.listener) }
        if use.source { addSource(exchange.source) }
        // One decision a second where policies look at the clock.
        if use.now { keys.add(Int(now.seconds)) }
        return keys.finishGrant()
    }

    private mutating func addSource(_ source: IPAddress?) {
        switch source {
        case .v4(let bits)?: keys.add(Int(bits))
        case .v6(let high, let low)?:
            keys.add(Int(truncatingIfNeeded: high))
            keys.add(Int(truncatingIfNeeded: low))
        case nil: keys.addAbsent()
        }
    }

    private mutating func makeGrant(
        _ exchange: inout Exchange,
        _ route: Route,
        _ principal: Principal,
        _ operation: Int,
        _ named: [UInt8]?,
        _ now: WallTime
    ) throws(Stop) -> Grant {
        let verdict = decide(exchange, route, principal, operation, named, now)
        var expiry = principal.expiry
        let use = exchange.plan.policy.use(of: route.adapter.operations[operation].action)
        if let end = use.holdsUntil(now) { expiry = min(expiry, end) }
        guard verdict.isAllowed else { return grant(verdict, principal, nil, nil, expiry, nil) }
        let role: String?
        do throws(Stop) {
            role = try self.role(for: principal, route, chosen: verdict.roles)
        } catch {
            // The record says which permits could not agree.
            exchange.grant = grant(verdict, principal, nil, route.credential?.name, expiry, nil)
            throw error
        }
        let compartment = try compartment(of: principal, route)
        let sessions =
            route.checksSessions
            ? SessionCheck(secret: exchange.plan.keys.current, principal: principal) : nil
        let scope = AdapterScope(
            route.adapter,
            compartment: compartment,
            tenant: principal.tenant.text.utf8Span.span,
            idKey: exchange.plan.keys.current,
            owners: owners,
            space: route.upstreamName,
            resources: route.resources,
            schemas: schemas,
            schemaSpace: role.map { "\(route.name) \($0)" } ?? route.name,
            isOwnSession: sessions.map { check in { check.owns($0) } }
        )
        let action = route.adapter.operations[operation].action
        let vended = try credential(for: principal, role, exchange, route, action, named, scope, now)
        let credential = vended?.credential
        if let credential { expiry = min(expiry, credential.expiry) }
        let means: Means
        do throws(FieldError) {
            means = try Means(
                scope: scope,
                route: route,
                principal: principal,
                context: credential?.bytes ?? [],
                keys: credential?.keys,
                secret: credential?.secret,
                role: role,
                vended: vended.map { ($0.key, $0.credential.since) },
                pool: pool(of: principal, route),
                series: metrics.series(
                    route: route.name,
                    tenant: principal.tenant.text,
                    tier: principal.tier.name
                ),
                recordPart: recordPart(verdict, principal, compartment, route.credential?.name, role)
            )
        } catch {
            throw .refused(.fieldsTooLarge)
        }
        means.provision = provision(means, principal, exchange, route)
        return grant(verdict, principal, means, route.credential?.name, expiry, credential?.renewAt)
    }

    private func recordPart(
        _ verdict: PolicyEngine.Verdict,
        _ principal: Principal,
        _ compartment: Compartment,
        _ credential: String?,
        _ role: String?
    ) -> RecordPart {
        var who = HopWho(principal)
        who.policies = verdict.policies
        who.shadowDenials = verdict.shadowDenials
        who.compartment = compartment.bytes
        who.credential = credential
        who.role = role
        return .who(who)
    }

    private func grant(
        _ verdict: PolicyEngine.Verdict,
        _ principal: Principal,
        _ means: Means?,
        _ credential: String?,
        _ expiry: WallTime,
        _ renewAt: WallTime?
    ) -> Grant {
        Grant(
            isAllowed: verdict.isAllowed,
            policyIDs: verdict.policies,
            shadowDenials: verdict.shadowDenials,
            tenant: principal.tenant.text,
            epochs: GrantEpochs(tenant: principal.tenantEpoch),
            credential: credential,
            means: means,
            expiry: expiry,
            renewAt: renewAt
        )
    }

    private mutating func decide(
        _ exchange: borrowing Exchange,
        _ route: Route,
        _ principal: Principal,
        _ operation: Int,
        _ named: [UInt8]?,
        _ now: WallTime
    ) -> PolicyEngine.Verdict {
        let known = route.adapter.operations[operation]
        let verdict = exchange.plan.policy.decide(
            principal,
            known.action,
            on: route.resource,
            named: named.map { String(decoding: $0, as: UTF8.self) },
            PolicyEngine.Facts(
                method: "\(exchange.request.method.name)",
                operation: known.name,
                path: exchange.request.path.bytes.string() ?? "",
                listener: exchange.plan.listeners[exchange.listener].name,
                now: now,
                source: exchange.source
            )
        )
        metrics.add(.decisions)
        for _ in verdict.errors { metrics.add(.policyErrors) }
        if !verdict.shadowDenials.isEmpty { metrics.add(.shadowDenials) }
        return verdict
    }

    private func compartment(of principal: Principal, _ route: Route) throws(Stop) -> Compartment {
        do throws(CompartmentError) {
            return try Compartment(
                scope: route.scope,
                tenant: principal.tenant.text.utf8Span.span,
                issuer: principal.issuer.url.utf8Span.span,
                user: principal.user.text.utf8Span.span
            )
        } catch {
            throw .refused(Refusal(error.rawValue, .forbidden, .us))
        }
    }

    /// From what was vended, or by a need.
    private mutating func credential(
        for principal: Principal,
        _ role: String?,
        _ exchange: borrowing Exchange,
        _ route: Route,
        _ action: String,
        _ named: [UInt8]?,
        _ scope: AdapterScope,
        _ now: WallTime
    ) throws(Stop) -> (key: CredentialKey, credential: VendedCredential)? {
        guard let need = try credentialNeed(for: principal, role, exchange, route, action, named, scope)
        else {
            return nil
        }
        if let vended = credentials[need.key], now < vended.renewAt { return (need.key, vended) }
        throw .need(.credential(need))
    }

    /// With which the store is asked for the keys of a table: a session of its own, that can do nothing else.
    mutating func schemaNeed(
        _ exchange: borrowing Exchange,
        _ route: Route,
        _ principal: Principal,
        _ means: Means,
        _ query: KeySchemaCache.Query
    ) throws(Stop) -> SchemaNeed {
        guard
            let credential = try credentialNeed(
                for: principal,
                means.role,
                exchange,
                route,
                "memory:List",
                nil,
                means.scope
            )
        else { throw .refused(.schemaUnavailable) }
        return SchemaNeed(
            generation: exchange.plan.generation,
            route: route.place,
            query: query,
            credential: credential
        )
    }

    /// Nil where the route has no credential.
    private mutating func credentialNeed(
        for principal: Principal,
        _ role: String?,
        _ exchange: borrowing Exchange,
        _ route: Route,
        _ action: String,
        _ named: [UInt8]?,
        _ scope: AdapterScope
    ) throws(Stop) -> CredentialNeed? {
        guard let (place, name) = route.credential else { return nil }
        let form = try stsForm(for: principal, role, route, action, named, scope)
        let generation = exchange.plan.generation
        keys.beginCredential(
            generation: generation,
            credential: name.utf8Span.span,
            tenant: principal.tenant.text.utf8Span.span
        )
        // What was vended before a suspension is not found again after it.
        keys.add(Int(truncatingIfNeeded: principal.tenantEpoch))
        addReach(of: principal, route, form)
        return CredentialNeed(
            key: keys.finishCredential(),
            generation: generation,
            credential: place,
            audience: route.upstreamName,
            principal: principal,
            subjectToken: try subjectToken(exchange, route),
            form: form
        )
    }

    /// For whom a credential is good is part of its key (THREATS 8); all else that it depends on belongs to the generation.
    private mutating func addReach(of principal: Principal, _ route: Route, _ form: [UInt8]?) {
        // All that the keys depend on is in the request for them; who asks with another token gets the same.
        if let form { return keys.add(form.span) }
        keys.add(route.upstreamName.utf8Span.span)
        switch route.use.reach {
        case .tenant: keys.add(principal.tier.name.utf8Span.span)
        case .user:
            keys.add(principal.tier.name.utf8Span.span)
            keys.add(principal.issuer.url.utf8Span.span)
            keys.add(principal.user.text.utf8Span.span)
        case .principal: keys.add(principal.digest.bytes)
        }
    }

    private func provision(
        _ means: Means,
        _ principal: Principal,
        _ exchange: borrowing Exchange,
        _ route: Route
    ) -> ProvisionNeed? {
        guard route.adapter.needsProvision else { return nil }
        return ProvisionNeed(
            generation: exchange.plan.generation,
            upstream: route.upstream,
            route: route.place,
            compartment: means.scope.compartment,
            tenant: principal.tenant.text,
            credential: means.storeCredential(route)
        )
    }

    /// A store that answers "not found" may have lost the compartment (a fresh volume): it is prepared again before
    /// the next request, at most every half minute.
    mutating func suspectProvision(_ exchange: borrowing Exchange, _ now: WallTime) {
        guard let need = exchange.grant?.means?.provision, let since = provisioned[need],
            now - since > .seconds(30)
        else { return }
        provisioned[need] = nil
    }

    private mutating func pool(of principal: Principal, _ route: Route) -> Int {
        let key = PoolKey(
            upstream: route.upstream,
            credential: route.credential?.place,
            tenant: principal.tenant
        )
        if let pool = pools[key] { return pool }
        // A number is never given twice. Whose number is forgotten gets new connections; the old ones idle to their end.
        if pools.count >= Self.maximumPools { pools.removeAll(keepingCapacity: true) }
        nextPool += 1
        pools[key] = nextPool
        return nextPool
    }

    /// A need was met, by whoever asked: it is there for all exchanges of this worker from now on.
    package mutating func met(
        _ need: Need,
        _ credential: VendedCredential?,
        _ outcome: NeedOutcome,
        now: WallTime
    ) {
        if case .failed = outcome { return metrics.add(.needsFailed) }
        metrics.add(.needsMet)
        switch need {
        case .keys, .lease: break
        case .schema(let need):
            if case .schema(let schema, let until) = outcome {
                schemas.learn(need.query, schema, until: until)
            }
        case .owners(let queries):
            if case .owners(let answers) = outcome { owners.learn(queries, answers) }
        case .credential(let need):
            if credentials.count >= Self.maximumCredentials {
                credentials = credentials.filter { now < $0.value.expiry }
                if credentials.count >= Self.maximumCredentials { credentials.removeAll() }
            }
            credentials[need.key] = credential
        case .provision(let need):
            if provisioned.count >= Self.maximumProvisions { provisioned.removeAll() }
            provisioned[need.bare] = now
        }
    }

    private static let maximumCredentials = 16_384
    private static let maximumProvisions = 65_536
    private static let maximumPools = 65_536
}
