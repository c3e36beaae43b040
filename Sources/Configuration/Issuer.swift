// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto

extension Configuration {
    package struct Issuer: Sendable {
        package var name: String
        /// Default: `oidc`.
        package var profile = Profile.oidc
        /// The exact `iss`, byte for byte; of profile `x509` what stands for it in compartments of users.
        package var issuer: String
        package var jwks: JWKS
        /// Set exactly for profile `x509`, which has no tokens and so none of what they need.
        package var certificates: CertificateSource?
        /// At least one: `aud`, or `client_id` for Cognito's access tokens.
        package var audiences: [String]
        /// Which of Cognito's tokens are accepted; empty exactly for `oidc`. Default for `cognito`: `id`.
        package var tokenUse: [TokenUse] = []
        /// What its tokens may say in `typ`; one that says nothing is a `jwt`. Default: both.
        package var tokenTypes = TokenType.allCases
        /// Default: RS256 alone.
        package var algorithms: [SignatureAlgorithm] = [.rs256]
        package var claims: ClaimNames
        /// How far the issuer's clock may be off. Default: 30 s.
        package var leeway = Interval.seconds(30)
    }

    package enum Profile: String, CaseIterable, Sendable {
        case cognito, oidc, x509
    }

    package enum TokenType: String, CaseIterable, Sendable {
        case jwt
        /// Access tokens of RFC 9068.
        case accessToken = "at+jwt"
    }

    package enum TokenUse: String, CaseIterable, Sendable {
        case id, access
    }

    /// Where an issuer's keys come from, and for how long they are good.
    package struct JWKS: Sendable {
        package enum Source: Sendable, Equatable {
            /// A URL of the key set itself. Default for `cognito`: `<issuer>/.well-known/jwks.json`.
            case url(String)
            /// A resolved path.
            case file(String)
            /// A URL of OpenID Provider Metadata, whose `issuer` must be the issuer's and whose `jwks_uri` is the
            /// key set's URL. Default for `oidc`: `<issuer>/.well-known/openid-configuration`.
            case discovery(String)
            /// There are none: profile `x509`.
            case none
        }

        package var source: Source
        /// Default: 10 min.
        package var refresh = Interval.seconds(600)
        /// Keys that could not be fetched anew for so long are no longer good (THREATS 9). Default: 24 h.
        package var maxStale = Interval.seconds(86_400)
        /// Authorities for the URL's server. Default: the system's.
        package var ca = Authorities.system
        /// Written out to fetch keys without TLS from another host: who can change them on the way is every
        /// tenant. Default: false.
        package var plaintext = false
    }

    /// The names of the claims that are read.
    package struct ClaimNames: Sendable, Equatable {
        /// Default for `cognito`: `custom:tenant_id`; for `oidc`: `tenant_id`.
        package var tenant: String
        /// Default for `cognito`: `custom:tier`; for `oidc`: `tier`. Nil where `tier: null` is written: the issuer
        /// states none, and the registry's holds.
        package var tier: String?
        /// Default: `sub`.
        package var user: String
        /// Default for `cognito`: `cognito:groups`; for `oidc`: `groups`. Nil where `groups: null` is written.
        package var groups: String?
        /// Further claims that policies see as tags of the user. Default: none.
        package var tags: [String] = []
    }

    package enum Authorities: Sendable, Equatable {
        case system
        /// A resolved path of a PEM file.
        case file(String)
    }
}

extension Configuration.Issuer {
    static func decode(_ section: inout YAML.Section) -> Self? {
        let name = section.name()
        var profile = Configuration.Profile.oidc
        section.read("profile", into: &profile) { $0.choice(Configuration.Profile.self) }
        let issuer = section.required("issuer")?.issuer(profile)
        if profile == .x509 { return certificates(&section, name: name, issuer: issuer) }
        section.value("certificates")?.note("only profile x509 reads certificates; leave it out")
        let audiences = section.required("audiences")?.strings(count: 1...256) ?? []
        let jwks =
            section.value("jwks")?.section { Configuration.JWKS.decode(&$0, issuer, profile) }
            ?? Configuration.JWKS(source: .standard(issuer ?? "", profile))
        if section.value("jwks") == nil, let issuer, !URLText.isProtected(issuer) {
            section.value.note("the keys of \"\(issuer)\" would be fetched without TLS; write \"jwks\"")
        }
        var result = Self(
            name: name,
            profile: profile,
            issuer: issuer ?? "",
            jwks: jwks,
            audiences: audiences,
            claims: .standard(profile)
        )
        if profile == .cognito { result.tokenUse = [.id] }
        if let value = section.value("token_use") {
            if profile == .oidc { value.note("only profile cognito tells its tokens apart; leave it out") }
            result.tokenUse = value.choices { $0.choice(Configuration.TokenUse.self) }
        }
        if let value = section.value("token_types") {
            if profile == .cognito { value.note("Cognito's tokens have no type; leave it out") }
            result.tokenTypes = value.choices { $0.choice(Configuration.TokenType.self) }
        }
        section.read("algorithms", into: &result.algorithms) { value in value.choices { $0.algorithm() } }
        section.read("claims", into: &result.claims) { value in
            value.section { Configuration.ClaimNames.decode(&$0, profile) }
        }
        section.read("leeway", into: &result.leeway) { $0.duration(in: .zero ... .seconds(60)) }
        return issuer == nil ? nil : result
    }
}

extension Configuration.Issuer {
    private static func certificates(_ section: inout YAML.Section, name: String, issuer: String?) -> Self? {
        for key in ["jwks", "audiences", "token_use", "token_types", "algorithms", "claims", "leeway"] {
            section.value(key)?.note("profile x509 reads certificates, not tokens; leave it out")
        }
        let source = section.required("certificates")?.section {
            Configuration.CertificateSource.decode(&$0, issuer: issuer ?? "")
        }
        guard let issuer, let source = source.flatMap(\.self) else { return nil }
        return Self(
            name: name,
            profile: .x509,
            issuer: issuer,
            jwks: Configuration.JWKS(source: .none),
            certificates: source,
            audiences: [],
            tokenTypes: [],
            algorithms: [],
            claims: .standard(.x509)
        )
    }
}

extension Configuration.JWKS.Source {
    fileprivate static func standard(_ issuer: String, _ profile: Configuration.Profile) -> Self {
        let base = issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer
        switch profile {
        case .cognito: return .url(base + "/.well-known/jwks.json")
        case .oidc: return .discovery(base + "/.well-known/openid-configuration")
        case .x509: return .none
        }
    }
}

extension Configuration.JWKS {
    fileprivate static func decode(
        _ section: inout YAML.Section,
        _ issuer: String?,
        _ profile: Configuration.Profile
    ) -> Self {
        var jwks = Self(source: .standard(issuer ?? "", profile))
        section.read("plaintext", into: &jwks.plaintext) { $0.boolean() }
        let url = section.value("url")
        let file = section.value("file")
        if url != nil, let file { file.note("either \"url\" or \"file\", not both") }
        if let url {
            guard let text = url.url() else { return jwks }
            if !jwks.plaintext && !URLText.isProtected(text) { url.note(Self.unprotected) }
            jwks.source = .url(text)
        } else if let file {
            jwks.source = .file(file.filePath() ?? "")
        } else if let issuer, !jwks.plaintext, !URLText.isProtected(issuer) {
            section.value.note("the keys of \"\(issuer)\" \(Self.unprotected)")
        }
        section.read("refresh", into: &jwks.refresh) { $0.duration(in: .seconds(30) ... .seconds(86_400)) }
        section.read("max_stale", into: &jwks.maxStale) {
            $0.duration(in: .seconds(60) ... .seconds(30 * 86_400))
        }
        section.read("ca", into: &jwks.ca) { $0.authorities() }
        return jwks
    }

    private static let unprotected = "without TLS, only from loopback or with \"plaintext: true\""
}

extension Configuration.ClaimNames {
    fileprivate static func standard(_ profile: Configuration.Profile) -> Self {
        switch profile {
        case .cognito:
            Self(tenant: "custom:tenant_id", tier: "custom:tier", user: "sub", groups: "cognito:groups")
        case .oidc, .x509: Self(tenant: "tenant_id", tier: "tier", user: "sub", groups: "groups")
        }
    }

    fileprivate static func decode(_ section: inout YAML.Section, _ profile: Configuration.Profile) -> Self {
        var claims = standard(profile)
        section.read("tenant", into: &claims.tenant) { $0.string(count: 1...256) }
        if section.isNull("tier") { claims.tier = nil }
        section.read("tier", into: &claims.tier) { $0.string(count: 1...256) }
        section.read("user", into: &claims.user) { $0.string(count: 1...256) }
        if section.isNull("groups") { claims.groups = nil }
        section.read("groups", into: &claims.groups) { $0.string(count: 1...256) }
        section.read("tags", into: &claims.tags) { $0.strings(count: 0...32) }
        return claims
    }
}

extension YAML.Value {
    fileprivate func issuer(_ profile: Configuration.Profile) -> String? {
        guard let text = string(count: 1...2048) else { return nil }
        if profile == .cognito && text.hasSuffix("/") {
            note("Cognito's issuers end without a slash")
        }
        return text
    }

    fileprivate func algorithm() -> SignatureAlgorithm? {
        let known = SignatureAlgorithm.allCases.map { ("\($0.name)", $0) }
        let symmetric = "would let everyone who verifies tokens make them"
        let refused = [
            "none": "would accept every token", "HS256": symmetric, "HS384": symmetric, "HS512": symmetric,
        ]
        return choice(known, refused: refused)
    }

    /// A list of words, each at most once, at least one.
    fileprivate func choices<T: Hashable>(_ get: (YAML.Value) -> T?) -> [T] {
        var found: [T] = []
        for item in list(count: 1...32) ?? [] {
            guard let choice = get(item) else { continue }
            if found.contains(choice) { item.note("stands twice in the list") }
            found.append(choice)
        }
        return found
    }

    /// `system` or a path.
    func authorities() -> Configuration.Authorities? {
        guard let text = string() else { return nil }
        return text == "system" ? .system : .file(context.resolved(text))
    }

    /// An absolute URL of http or https.
    func url() -> String? {
        guard let text = string(count: 1...2048) else { return nil }
        guard URLText.endpoint(text) != nil else {
            noteExpected("a URL such as https://issuer.example/keys")
            return nil
        }
        return text
    }
}

/// As much of a URL as is needed to tell whether its server is reached under TLS or on this host.
enum URLText {
    static func endpoint(_ text: String) -> (isTLS: Bool, host: Configuration.Endpoint.Host)? {
        let isTLS = text.hasPrefix("https://")
        guard isTLS || text.hasPrefix("http://") else { return nil }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) else { return nil }
        let rest = text.dropFirst(isTLS ? 8 : 7)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        if let host = HostText.host(authority) { return (isTLS, host) }
        guard let (name, port) = HostText.split(String(authority)), port != 0, let host = HostText.host(name)
        else { return nil }
        return (isTLS, host)
    }

    /// Whether nobody on the network can change what is fetched from there.
    static func isProtected(_ text: String) -> Bool {
        guard let (isTLS, host) = endpoint(text) else { return false }
        switch host {
        case .name(let name): return isTLS || name == "localhost"
        case .address(let address): return isTLS || address.isLoopback
        }
    }
}
