// SPDX-License-Identifier: Apache-2.0
package import AWS
import Bytes
package import Cedar
package import Configuration
package import Crypto
import HTTPTypes
package import Identity
package import Namespaces
import Telemetry

/// The state of the world for one request, from its first byte to its last (THREATS 10): the configuration, and
/// who may say who somebody is. Immutable; the control thread makes each, workers receive it.
package final class Snapshot: Sendable {
    package let plan: GatewayPlan
    package let identity: IdentitySnapshot

    package init(_ plan: GatewayPlan, identity: IdentitySnapshot) {
        self.plan = plan
        self.identity = identity
    }
}

/// A configuration, made ready for use.
package final class GatewayPlan: Sendable {
    package let generation: UInt64
    /// The generation that brought the credentials that there are now.
    package let credentialsSince: UInt64
    package let listeners: [GatewayListener]
    package let routes: [Route]
    package let policy: PolicyEngine
    package let keys: GatewayKeys
    package let handleTimes: Configuration.Handle
    package let tokenLimits: TokenLimits
    package let tenantsLabelled: Int
    /// Whether leaks and attacks are written to an audit log.
    package let audits: Bool
    /// Of a body that an adapter must see whole; its own table may want less.
    package let bufferedBodyBytes: Int
    /// Names that only Bulkhead may set: whatever folds to one of them is removed from what comes in.
    let reserved: HeaderFolding
    /// By the route's place.
    private let hearsAgents: [Bool]

    package init(
        generation: UInt64,
        credentialsSince: UInt64 = 1,
        listeners: [GatewayListener],
        routes: [Route],
        policy: PolicyEngine,
        keys: GatewayKeys,
        handleTimes: Configuration.Handle,
        tokenLimits: TokenLimits,
        tenantsLabelled: Int,
        audits: Bool = false,
        bufferedBodyBytes: Int
    ) {
        self.generation = generation
        self.credentialsSince = credentialsSince
        self.listeners = listeners
        self.routes = routes
        self.policy = policy
        self.keys = keys
        self.handleTimes = handleTimes
        self.tokenLimits = tokenLimits
        self.tenantsLabelled = tenantsLabelled
        self.audits = audits
        self.bufferedBodyBytes = bufferedBodyBytes
        let heard = listeners.filter { !$0.carriers.isDisjoint(with: [.handle, .trace, .aws]) }.map(\.agent)
        hearsAgents = routes.map { heard.contains($0.upstreamName) }
        reserved = HeaderFolding(
            names: routes.flatMap { $0.headers.map(\.name) }
                // A token that goes on stands in Authorization, which is no field of Bulkhead's alone.
                + routes.compactMap { $0.use.injection?.field }.filter { $0 != "authorization" }
                + Self.protectedNames,
            // Envoy believes its own from whoever stands at an internal address, as Bulkhead does (CVE-2023-27487,
            // CVE-2024-45806).
            prefixes: ["x-bulkhead-", "x-tenant-", "x-forwarded-", "x-envoy-"]
        )
    }

    /// Whether there is a listener on which the agent behind the route could speak for an exchange. Where there is none,
    /// exchanges are counted alone: with a listener that a reload brings, it begins with the next exchange.
    func hearsAgent(of route: Route) -> Bool { hearsAgents[route.place] }

    /// What only Bulkhead or a proxy that an origin trusts may say. Some are removed as known fields already; here it is
    /// for every spelling that folds to one of them.
    private static let protectedNames = [
        "x-tenant-id", "x-tenant-tier", "x-user-id", "x-api-key", "api-key", "x-real-ip", "x-original-url",
        "x-rewrite-url", "x-http-method-override",
        // The engine writes these itself; under another spelling (`Content_Length`) they would frame for careless origins.
        "content-length", "transfer-encoding", "keep-alive", "proxy-connection", "proxy-authorization",
        "http2-settings",
    ]
}

/// Keys of Bulkhead's own; each purpose derives its own from them (THREATS 27).
package struct GatewayKeys: Equatable, Sendable {
    package let current: Secret
    package let previous: Secret?

    package init(current: Secret, previous: Secret?) {
        self.current = current
        self.previous = previous
    }
}

/// A class, so that a request that looks at it counts one reference.
package final class GatewayListener: Sendable {
    package let name: String
    package let rules: [Configuration.Rule]
    package let carriers: CarrierKinds
    /// The agent whose handles are good here.
    package let agent: String
    /// The leased endpoint of the agent whose calls alone come in here: `agent/0`.
    let leasedEndpoint: String?
    /// The one tenant whom the process behind this listener serves, if there is only one.
    package let tenant: String?
    /// Whom calls speak for that bring no carrier while no exchange with the agent is open; nil: nobody.
    let service: Principal?

    package init(
        name: String,
        rules: [Configuration.Rule],
        carriers: CarrierKinds,
        agent: String,
        leasedEndpoint: String? = nil,
        tenant: String? = nil,
        service: Principal? = nil
    ) {
        self.name = name
        self.rules = rules
        self.carriers = carriers
        self.agent = agent
        self.leasedEndpoint = leasedEndpoint
        self.tenant = tenant
        self.service = service
    }

    /// Stands in the place of one that is in the configuration no more: it knows nobody and leads nowhere.
    package static let closed = GatewayListener(name: "closed", rules: [], carriers: [], agent: "")

    /// Index of the route that takes the request. Cost: a few comparisons for each rule.
    func route(of request: borrowing RequestHead) -> Int? {
        // By index: a copy of a rule would count the references in it.
        for index in rules.indices
        where rules[index].matches(host: request.host, path: request.path.bytes, method: request.method) {
            return rules[index].route
        }
        return nil
    }
}

/// A door: which table knows its requests, what policy decides on, where they go and with what.
package final class Route: Sendable {
    package let place: Int
    package let name: String
    package let adapter: Adapter
    package let resource: EntityUID
    /// Place of the upstream.
    package let upstream: Int
    package let upstreamName: String
    /// What Host says at the upstream, for mapping absolute locations back.
    let authority: [UInt8]
    package let credential: (place: Int, name: String)?
    /// Where that stands, and for whom it is good.
    let use: CredentialUse
    /// The field that it stands in, in any spelling; nil where there is none.
    private let injectedField: HeaderFolding?
    /// The parameter that it stands in, as servers may spell it; nil where there is none.
    let injectedParameter: HeaderFolding?
    /// Buckets and tables that its requests may name.
    let resources: StoreResources
    /// What its requests are signed for at the upstream, and with which role's keys; nil where they are not.
    package let signing: (scope: SigningScope, plan: STSPlan)?
    /// What the caller must say to be given keys; nil where the lease is enough.
    let containerToken: Secret?
    package let scope: CompartmentScope
    let forwardsToken: Bool
    let headers: [Configuration.HeaderTemplate]
    let allowsWebSocket: Bool
    /// Each exchange wants an endpoint of its upstream that is leased to its tenant or session.
    let isLeased: Bool
    /// Session ids in keys are held against the identified principal.
    let checksSessions: Bool
    /// In lower case: further fields that carry a session id, besides those that the adapter knows.
    private let sessionHeaders: HeaderFolding?
    /// Text of the resource, for grant keys and records.
    let resourceText: [UInt8]
    /// As records say it: by operation, then without one.
    private let recordParts: [RecordPart]

    package init(
        _ configuration: Configuration.Route,
        place: Int,
        adapter: Adapter,
        upstream: Int,
        authority: [UInt8],
        credential: Int?,
        use: CredentialUse = CredentialUse(),
        isLeased: Bool = false,
        checksSessions: Bool = false,
        resources: StoreResources = StoreResources(),
        signing: (scope: SigningScope, plan: STSPlan)? = nil,
        containerToken: Secret? = nil
    ) {
        self.containerToken = containerToken
        self.resources = resources
        self.signing = signing
        self.use = use
        injectedField = use.injection?.field.map { HeaderFolding(names: [$0], prefixes: []) }
        injectedParameter = use.injection?.parameter.map { HeaderFolding(names: [$0], prefixes: []) }
        self.place = place
        name = configuration.name
        self.adapter = adapter
        resource = EntityUID(type: Text(configuration.resource.type), id: Text(configuration.resource.id))
        self.upstream = upstream
        upstreamName = configuration.upstream
        self.authority = authority
        self.credential = credential.flatMap { place in configuration.credentials.map { (place, $0) } }
        scope = configuration.scope == .user ? .user : .tenant
        forwardsToken = configuration.forwardToken
        headers = configuration.headers
        allowsWebSocket = configuration.websocket
        self.isLeased = isLeased
        self.checksSessions = checksSessions
        let sessions = configuration.sessionHeaders
        sessionHeaders = sessions.isEmpty ? nil : HeaderFolding(names: sessions, prefixes: [])
        resourceText = Array(configuration.resource.description.utf8)
        let operations = adapter.operations.map(\.name) + [nil]
        recordParts = operations.map {
            .place(route: configuration.name, adapter: adapter.name, operation: $0)
        }
    }

    func recordPart(_ operation: Int?) -> RecordPart { recordParts[operation ?? recordParts.count - 1] }

    /// Whether it leads to an agent: handles, context and trace are set there.
    var isIngress: Bool { adapter.kind == .ingress }

    /// Trailers of a store pass no table, so they stay here.
    package var passesTrailers: Bool { isIngress }

    /// Whether the credential stands in a field of that name, whatever the table says of it.
    func isInjected(_ name: borrowing Span<UInt8>) -> Bool { injectedField?.protects(name) ?? false }

    /// In any spelling that a server may take for the same name.
    func isSession(_ name: borrowing Span<UInt8>) -> Bool { sessionHeaders?.protects(name) ?? false }
}
