// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto

/// What kind of token an issuer makes.
package enum IssuerProfile: String, Sendable {
    /// Amazon Cognito user pools: `token_use` is checked, and access tokens name their client in `client_id`.
    case cognito
    /// OpenID Connect and plain JWT issuers: `aud` names the audience.
    case oidc
    /// No tokens: callers' certificates, whose names a mapping reads.
    case x509
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

/// Whose certificates speak for an issuer of profile `x509`, and how they are read.
package struct CertificateSource: Sendable {
    /// SHA-256 of each authority: one of them vouches for the caller's certificate.
    package let authorities: Set<Digest>
    package let names: CertificateNames
    /// What every caller is a member of.
    package let groups: [String]
    /// `iss` of the issuers whose users are the same people: only their tokens agree with a certificate.
    package let sameUsers: [String]

    package init(
        authorities: Set<Digest>,
        names: CertificateNames,
        groups: [String] = [],
        sameUsers: [String] = []
    ) {
        self.authorities = authorities
        self.names = names
        self.groups = groups
        self.sameUsers = sameUsers
    }
}

/// One issuer of tokens, or of certificates, as configured. Immutable.
package final class Issuer: Sendable {
    /// Why an issuer cannot be used. Configuration finds most of these first, with line and column.
    package enum Problem: Error, Equatable {
        case nameLength, issuerEmpty, noAudience, noAlgorithm, noTokenType, noTokenUse, noCertificates,
            noTenantClaim,
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
    /// Set exactly for profile `x509`.
    package let certificates: CertificateSource?

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
        if profile == .x509 { throw .noCertificates }
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
        certificates = nil
        fingerprint = SHA256.hash(url.utf8Span.span).prefix64
    }

    /// Vouches for agents that act by themselves; in no table, so no token and no handle can name it.
    static let service = Issuer(tokenless: "service", .oidc, url: "urn:bulkhead:service", nil)

    /// An issuer of profile `x509`: no token names it, whatever its `iss`.
    /// - Parameter url: what stands for it in compartments of users; for SPIFFE the trust domain's id.
    package convenience init(name: String, url: String, certificates: CertificateSource) throws(Problem) {
        guard (1...64).contains(name.utf8.count) else { throw .nameLength }
        if url.isEmpty { throw .issuerEmpty }
        if certificates.authorities.isEmpty { throw .noCertificates }
        self.init(tokenless: name, .x509, url: url, certificates)
    }

    private init(
        tokenless name: String,
        _ profile: IssuerProfile,
        url: String,
        _ certificates: CertificateSource?
    ) {
        self.name = name
        self.profile = profile
        self.url = url
        audiences = []
        tokenUse = []
        algorithms = []
        tokenTypes = []
        claims = ClaimNames(tenant: "", tier: nil, user: "")
        leeway = .zero
        self.certificates = certificates
        fingerprint = SHA256.hash(url.utf8Span.span).prefix64
    }
}

extension Issuer {
    /// Whether the users of both are the same people, by the word of either.
    func sharesUsers(with other: Issuer) -> Bool { names(other) || other.names(self) }

    /// Why a principal is refused whose key or authority is the issuer's no more.
    var disowned: IdentityFailure { certificates == nil ? .keyUnknown : .certificateUnmapped }

    private func names(_ other: Issuer) -> Bool {
        certificates?.sameUsers.contains { $0.utf8.elementsEqual(other.url.utf8) } ?? false
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

    /// The place of the issuer of tokens whose `iss` is exactly these bytes.
    package func place(url: Span<UInt8>) -> Int? {
        for place in issuers.indices
        where issuers[place].profile != .x509 && issuers[place].url.utf8Span.span.equals(url) {
            return place
        }
        return nil
    }

    package func place(named name: Span<UInt8>) -> Int? {
        for place in issuers.indices where issuers[place].name.utf8Span.span.equals(name) { return place }
        return nil
    }
}
