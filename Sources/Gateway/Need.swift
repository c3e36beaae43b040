// SPDX-License-Identifier: Apache-2.0
package import AWS
package import Bytes
package import Crypto
package import Identity
package import Namespaces
package import Vending

/// Something slow that an exchange waits for. The worker parks the exchange and has the need met, once for all
/// exchanges that have the same one; then the step that asked runs again and finds what it asked for in a cache.
package enum Need: Hashable, Sendable {
    /// The issuer's keys, fetched anew because of a key id that is not among them (or because there are none). The
    /// issuer's place is that of the generation.
    case keys(generation: UInt64, issuer: Int, keyID: String?)
    /// A credential for a principal at an upstream.
    case credential(CredentialNeed)
    /// The store must hold what a private store holds from the start, before the compartment's first request.
    case provision(ProvisionNeed)
    /// Whose ids are, or are from now on: of all that one transform met (THREATS 14).
    case owners([OwnerCache.Query])
    /// An endpoint of an agent that is leased.
    case lease(LeaseNeed)
    /// The keys of a table that the route does not declare.
    case schema(SchemaNeed)
}

package struct SchemaNeed: Hashable, Sendable {
    /// Of the exchange's configuration.
    package let generation: UInt64
    package let route: Int
    package let query: KeySchemaCache.Query
    /// With which the store is asked: for this alone, of the tenant who wants to know.
    package let credential: CredentialNeed

    package static func == (left: SchemaNeed, right: SchemaNeed) -> Bool {
        left.generation == right.generation && left.query == right.query
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(generation)
        hasher.combine(query)
    }
}

package struct CredentialNeed: Hashable, Sendable {
    /// Everything that the credential depends on (THREATS 8).
    package let key: CredentialKey
    /// Of the exchange's configuration.
    package let generation: UInt64
    /// Place in that configuration's table of credentials.
    package let credential: Int
    package let audience: String
    package let principal: Principal
    /// The caller's own, where it is exchanged for the credential.
    package let subjectToken: Secret?
    /// What is asked of STS; nil for other vendors.
    package let form: [UInt8]?

    package static func == (left: CredentialNeed, right: CredentialNeed) -> Bool { left.key == right.key }
    package func hash(into hasher: inout Hasher) { hasher.combine(key) }
}

package struct ProvisionNeed: Hashable, Sendable {
    /// Of the exchange's configuration.
    package let generation: UInt64
    /// Place of the upstream, and of the route whose adapter says what to make.
    package let upstream: Int
    package let route: Int
    package let compartment: Compartment
    /// The tenant's own id.
    package let tenant: String
    /// With which the store is asked, as the request that waits would be.
    package let credential: StoreCredential

    /// The same for those who remember it: without the secrets.
    package var bare: ProvisionNeed {
        ProvisionNeed(
            generation: generation,
            upstream: upstream,
            route: route,
            compartment: compartment,
            tenant: tenant,
            credential: .none
        )
    }

    package static func == (left: ProvisionNeed, right: ProvisionNeed) -> Bool {
        left.generation == right.generation && left.upstream == right.upstream && left.route == right.route
            && left.compartment == right.compartment && left.tenant == right.tenant
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(route)
        hasher.combine(compartment)
    }
}

/// What was vended, as a worker keeps it.
package struct VendedCredential: Sendable {
    package let bytes: [UInt8]
    /// Keys to sign with.
    package let keys: AWSCredential?
    /// What stands in requests by itself.
    package let secret: Secret?
    /// When it came.
    package let since: WallTime
    package let renewAt: WallTime
    package let expiry: WallTime

    package init(
        bytes: [UInt8] = [],
        keys: AWSCredential? = nil,
        secret: Secret? = nil,
        since: WallTime = WallTime(nanoseconds: 0),
        renewAt: WallTime,
        expiry: WallTime
    ) {
        self.bytes = bytes
        self.keys = keys
        self.secret = secret
        self.since = since
        self.renewAt = renewAt
        self.expiry = expiry
    }
}

/// How a need ended.
package enum NeedOutcome: Sendable {
    case met
    /// In the order of the questions.
    case owners([OwnerCache.Answer])
    /// To the exchange that asked: the place of its endpoint among the upstreams.
    case leased(upstream: Int)
    /// To be asked for again from that time on.
    case schema(KeySchema, until: WallTime)
    case failed(Refusal)
}
