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
        _ exchange: Exchange,
        _ route: Route,
        _ principal: Principal,
        _ operation: Int,
        _ now: WallTime
    ) throws(Stop) -> Grant {
        let key = grantKey(exchange, route, principal, operation, now)
        // Asked of the registry in force, not of the one that the principal was admitted by (THREATS 9).
        let epochs = GrantEpochs(tenant: snapshot.identity.tenants.epoch(of: principal.tenant))
        if let grant = grants.find(key, epochs: epochs, now: now), now < grant.renewAt {
            return try accept(grant, exchange)
        }
        let grant = try makeGrant(exchange, route, principal, operation, now)
        guard grants.insert(key, grant, epochs: epochs, now: now) else {
            throw .refused(Refusal(.tokenExpired))
        }
        return try accept(grant, exchange)
    }

    private func accept(_ grant: Grant, _ exchange: Exchange) throws(Stop) -> Grant {
        exchange.grant = grant
        guard grant.isAllowed else { throw .refused(.policyDenied) }
        return grant
    }

    private mutating func grantKey(
        _ exchange: Exchange,
        _ route: Route,
        _ principal: Principal,
        _ operation: Int,
        _ now: WallTime
    ) -> GrantKey {
        let action = route.adapter.operations[operation].action
        let resource = route.resourceText
        keys.beginGrant(
            generation: snapshot.plan.generation,
            route: route.place,
            principal: principal.digest,
            action: action.utf8Span.span,
            resource: resource.span
        )
        let use = snapshot.plan.policy.use(of: action)
        if use.method { keys.add(Int(exchange.request.method.rawValue)) }
        if use.operation { keys.add(operation) }
        if use.path { keys.add(exchange.request.path.bytes) }
        if use.listener { keys.add(exchange.listener) }
        // One decision a second where policies look at the clock.
        if use.now { keys.add(Int(now.seconds)) }
        return keys.finishGrant()
    }

    private mutating func makeGrant(
        _ exchange: Exchange,
        _ route: Route,
        _ principal: Principal,
        _ operation: Int,
        _ now: WallTime
    ) throws(Stop) -> Grant {
        let verdict = decide(exchange, route, principal, operation, now)
        var expiry = principal.expiry
        let use = snapshot.plan.policy.use(of: route.adapter.operations[operation].action)
        if let end = use.holdsUntil(now) { expiry = min(expiry, end) }
        guard verdict.isAllowed else { return grant(verdict, principal, nil, nil, expiry, nil) }
        let compartment = try compartment(of: principal, route)
        let credential = try credential(for: principal, route, now)
        try provision(compartment, principal, route)
        if let credential { expiry = min(expiry, credential.expiry) }
        let means: Means
        do throws(FieldError) {
            means = try Means(
                scope: AdapterScope(
                    route.adapter,
                    compartment: compartment,
                    tenant: principal.tenant.text.utf8Span.span,
                    idKey: snapshot.plan.keys.current
                ),
                route: route,
                principal: principal,
                context: credential?.bytes ?? [],
                pool: pool(of: principal, route),
                series: metrics.series(
                    route: route.name,
                    tenant: principal.tenant.text,
                    tier: principal.tier.name
                )
            )
        } catch {
            throw .refused(.fieldsTooLarge)
        }
        return grant(verdict, principal, means, route.credential?.name, expiry, credential?.renewAt)
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
        _ exchange: Exchange,
        _ route: Route,
        _ principal: Principal,
        _ operation: Int,
        _ now: WallTime
    ) -> PolicyEngine.Verdict {
        let known = route.adapter.operations[operation]
        let verdict = snapshot.plan.policy.decide(
            principal,
            known.action,
            on: route.resource,
            PolicyEngine.Facts(
                method: "\(exchange.request.method.name)",
                operation: known.name,
                path: exchange.request.path.bytes.string() ?? "",
                listener: snapshot.plan.listeners[exchange.listener].name,
                now: now
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
        _ route: Route,
        _ now: WallTime
    ) throws(Stop) -> VendedCredential? {
        guard let (place, name) = route.credential else { return nil }
        keys.beginCredential(
            generation: snapshot.plan.generation,
            credential: name.utf8Span.span,
            tenant: principal.tenant.text.utf8Span.span
        )
        keys.add(route.upstreamName.utf8Span.span)
        keys.add(principal.digest.bytes)
        let key = keys.finishCredential()
        if let vended = credentials[key], now < vended.renewAt { return vended }
        let need = CredentialNeed(
            key: key,
            credential: place,
            audience: route.upstreamName,
            principal: principal
        )
        throw .need(.credential(need))
    }

    private func provision(_ compartment: Compartment, _ principal: Principal, _ route: Route) throws(Stop) {
        guard route.adapter.needsProvision else { return }
        let need = ProvisionNeed(
            upstream: route.upstream,
            route: route.place,
            compartment: compartment,
            tenant: principal.tenant.text
        )
        if !provisioned.contains(need) { throw .need(.provision(need)) }
    }

    private mutating func pool(of principal: Principal, _ route: Route) -> Int {
        let key = PoolKey(
            upstream: route.upstream,
            credential: route.credential?.place,
            tenant: principal.tenant
        )
        if let pool = pools[key] { return pool }
        let pool = pools.count
        pools[key] = pool
        return pool
    }

    /// A need was met, by whoever asked: it is there for all exchanges of this worker from now on.
    package mutating func met(
        _ need: Need,
        _ credential: VendedCredential?,
        _ outcome: NeedOutcome,
        now: WallTime
    ) {
        guard case .met = outcome else { return metrics.add(.needsFailed) }
        metrics.add(.needsMet)
        switch need {
        case .keys: break
        case .credential(let need):
            if credentials.count >= Self.maximumCredentials {
                credentials = credentials.filter { now < $0.value.expiry }
            }
            credentials[need.key] = credential
        case .provision(let need): provisioned.insert(need)
        }
    }

    private static let maximumCredentials = 16_384
}
