// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto

/// What kind of token an issuer makes.
package enum IssuerProfile: String, Sendable {
    /// Amazon Cognito user pools: `token_use` is checked, and access tokens name their client in `client_id`.
    case cognito
    /// OpenID Connect and plain JWT issuers: `aud` names the audience.
    case oidc
}

/// Cognito's two kinds of token; one is never taken for the other.
package enum TokenUse: String, Sendable {
    case id
    case access
}

/// Where an issuer puts what a principal is made of. A name is one top-level member, `:` and `.` included.
package struct ClaimNames: Sendable {
    package var tenant: String
    /// Nil when the issuer states no tier: then the registry's holds.
    package var tier: String?
    package var user: String
    package var groups: String?
    /// Further claims that policies may read as tags of the user.
    package var tags: [String]

    package init(
        tenant: String,
        tier: String?,
        user: String = "sub",
        groups: String? = nil,
        tags: [String] = []
    ) {
        self.tenant = tenant
        self.tier = tier
        self.user = user
        self.groups = groups
        self.tags = tags
    }
}

/// One issuer of tokens, as configured. Immutable.
package final class Issuer: Sendable {
    /// Why an issuer cannot be used. Configuration finds most of these first, with line and column.
    package enum Problem: Error, Equatable {
        case nameLength, issuerEmpty, noAudience, noAlgorithm, noTokenType, noTokenUse, noTenantClaim,
            noUserClaim,
            negativeLeeway
        case duplicateName, duplicateIssuer
    }

    /// The name that the configuration, records and handles use; 1 to 64 bytes.
    package let name: String
    package let profile: IssuerProfile
    /// The exact `iss`.
    package let url: String
    package let audiences: [String]
    package let tokenUse: [TokenUse]
    package let algorithms: [SignatureAlgorithm]
    /// What its tokens may say in `typ`.
    package let tokenTypes: [TokenType]
    package let claims: ClaimNames
    /// How far clocks may differ.
    package let leeway: Interval
    /// Of `url`: a handle made under one issuer does not open under another that took over its name.
    let fingerprint: UInt64

    package init(
        name: String,
        profile: IssuerProfile,
        url: String,
        audiences: [String],
        tokenUse: [TokenUse] = [.id],
        algorithms: [SignatureAlgorithm] = [.rs256],
        tokenTypes: [TokenType] = TokenType.allCases,
        claims: ClaimNames,
        leeway: Interval = .seconds(30)
    ) throws(Problem) {
        guard (1...64).contains(name.utf8.count) else { throw .nameLength }
        if url.isEmpty { throw .issuerEmpty }
        if audiences.isEmpty || audiences.contains("") { throw .noAudience }
        if algorithms.isEmpty { throw .noAlgorithm }
        if tokenTypes.isEmpty { throw .noTokenType }
        if profile == .cognito, tokenUse.isEmpty { throw .noTokenUse }
        if claims.tenant.isEmpty { throw .noTenantClaim }
        if claims.user.isEmpty { throw .noUserClaim }
        if leeway < .zero { throw .negativeLeeway }
        self.name = name
        self.profile = profile
        self.url = url
        self.audiences = audiences
        self.tokenUse = tokenUse
        self.algorithms = algorithms
        self.tokenTypes = tokenTypes
        self.claims = claims
        self.leeway = leeway
        fingerprint = SHA256.hash(url.utf8Span.span).prefix64
    }
}

/// The issuers of one configuration, found by exact `iss` or by name. A place in the table stays for its life.
package struct IssuerTable: Sendable {
    package let issuers: [Issuer]

    package init(_ issuers: [Issuer]) throws(Issuer.Problem) {
        for (place, issuer) in issuers.enumerated() {
            for other in issuers[..<place] {
                if other.name.utf8.elementsEqual(issuer.name.utf8) { throw .duplicateName }
                if other.url.utf8.elementsEqual(issuer.url.utf8) { throw .duplicateIssuer }
            }
        }
        self.issuers = issuers
    }

    package var count: Int { issuers.count }
    package subscript(_ place: Int) -> Issuer { issuers[place] }

    /// The place of the issuer whose `iss` is exactly these bytes.
    package func place(url: Span<UInt8>) -> Int? {
        for place in issuers.indices where issuers[place].url.utf8Span.span.equals(url) { return place }
        return nil
    }

    package func place(named name: Span<UInt8>) -> Int? {
        for place in issuers.indices where issuers[place].name.utf8Span.span.equals(name) { return place }
        return nil
    }
}
