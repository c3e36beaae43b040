// SPDX-License-Identifier: Apache-2.0
package import Bytes

extension Configuration {
    /// Access tokens of an authorization server, asked for one tenant at a time.
    package struct OAuth: Sendable, Equatable {
        package enum Grant: Sendable, Equatable {
            /// RFC 6749 §4.4.
            case clientCredentials
            /// RFC 8693.
            case tokenExchange(Subject, type: TokenType, requested: TokenType?)
        }

        /// What is exchanged.
        package enum Subject: Sendable, Equatable {
            /// The caller's own token.
            case token
            /// A context token of the `signed-context` credential of that name; `audience` is its `aud`.
            case context(credential: String, audience: String)
        }

        /// `urn:ietf:params:oauth:token-type:…` (RFC 8693 §3).
        package enum TokenType: String, CaseIterable, Sendable {
            case accessToken = "access_token"
            case idToken = "id_token"
            case jwt
        }

        /// How Bulkhead shows who it is.
        package enum Authentication: Sendable, Equatable {
            case basic(ClientSecret)
            case post(ClientSecret)
            /// RFC 7523 §2.2, with a private key in PEM.
            case privateKey(SecretSource, audience: String)
        }

        package enum ClientSecret: Sendable, Equatable {
            case shared(SecretSource)
            /// Each tenant's own.
            case perTenant(TenantFile)
        }

        package var tokenURL: String
        /// Authorities for it. Default: the system's.
        package var ca = Authorities.system
        package var grant: Grant
        package var clientID: [HeaderTemplate.Part]
        package var authentication: Authentication
        /// Parameters of the request in the order of the file: `scope`, `audience`, `resource`, and others.
        package var parameters: [Parameter] = []
        /// Of an answer that names no end. Default: 5 min, which is the most.
        package var defaultLifetime = Interval.seconds(300)
        /// Whatever an answer says, a token is used no longer. Default: 1 h.
        package var maximumLifetime = Interval.seconds(3600)
        package var injection = Injection.bearer

        package struct Parameter: Sendable, Equatable {
            package var name: String
            package var value: [HeaderTemplate.Part]
        }
    }
}

extension Configuration.OAuth {
    private enum GrantName: String, CaseIterable {
        case clientCredentials = "client_credentials"
        case tokenExchange = "token_exchange"
    }

    static func decode(_ section: inout YAML.Section) -> Self? {
        let url = section.required("token_url")?.protectedURL()
        let name = section.required("grant")?.choice(GrantName.self)
        let clientID = section.required("client_id")?.templateParts(allowing: holes)
        let authentication = decodeAuthentication(&section, url ?? "")
        let grant: Grant?
        switch name {
        case .tokenExchange: grant = decodeExchange(&section, url ?? "")
        case .clientCredentials, nil: grant = .clientCredentials
        }
        guard let url, name != nil, let grant, let clientID, let authentication else {
            section.skipRest()
            return nil
        }
        var oauth = Self(tokenURL: url, grant: grant, clientID: clientID, authentication: authentication)
        section.read("ca", into: &oauth.ca) { $0.authorities() }
        oauth.readParameters(&section)
        section.read("default_lifetime", into: &oauth.defaultLifetime) {
            $0.duration(in: .seconds(1) ... .seconds(300))
        }
        section.read("max_lifetime", into: &oauth.maximumLifetime) {
            $0.duration(in: .seconds(1) ... .seconds(86_400))
        }
        section.read("inject", into: &oauth.injection) { value in
            value.section { Configuration.Injection.decode(&$0, needsUser: true) }.flatMap(\.self)
        }
        return oauth
    }

    /// What may stand in the parameters. Whoever is not named in any of them shares a tenant's token.
    private static let holes: [Configuration.HeaderTemplate.Placeholder] = [.tenant, .tier, .user, .issuer]

    /// What Bulkhead itself says, and nobody else.
    private static let own = [
        "grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type",
        "subject_token",
        "subject_token_type", "requested_token_type", "actor_token", "actor_token_type", "scope", "audience",
        "resource",
    ]

    private mutating func readParameters(_ section: inout YAML.Section) {
        for name in ["scope", "audience", "resource"] {
            if let parts = section.value(name)?.templateParts(allowing: Self.holes), !parts.isEmpty {
                parameters.append(Parameter(name: name, value: parts))
            }
        }
        for entry in section.value("parameters")?.map() ?? [] {
            if Self.own.contains(entry.name) {
                entry.value.context.note(
                    entry.namePosition,
                    "\"\(entry.name)\" has a key of its own, or is Bulkhead's to say"
                )
            } else if let parts = entry.value.templateParts(allowing: Self.holes), !parts.isEmpty {
                parameters.append(Parameter(name: entry.name, value: parts))
            }
        }
    }

    private static func decodeAuthentication(_ section: inout YAML.Section, _ url: String) -> Authentication?
    {
        let shared = section.value("client_secret")
        let own = section.value("client_secrets")
        let key = section.value("private_key")
        guard [shared != nil, own != nil, key != nil].count(where: \.self) == 1 else {
            section.value.note("write one of \"client_secret\", \"client_secrets\" and \"private_key\"")
            return nil
        }
        if let key {
            var audience = url
            section.read("assertion_audience", into: &audience) { $0.string(count: 1...2048) }
            return key.secret().map { .privateKey($0, audience: audience) }
        }
        let isPost =
            section.value("client_auth")?.choice([("basic", false), ("post", true)]) ?? false
        let secret =
            shared.map { $0.secret().map(ClientSecret.shared) }
            ?? own.map { $0.tenantFile().map(ClientSecret.perTenant) } ?? nil
        return secret.map { isPost ? .post($0) : .basic($0) }
    }

    private static func decodeExchange(_ section: inout YAML.Section, _ url: String) -> Grant? {
        guard let isToken = section.required("subject")?.choice([("token", true), ("context", false)]) else {
            return nil
        }
        var requested: TokenType?
        section.read("requested_token_type", into: &requested) { $0.choice(TokenType.self) }
        var type = isToken ? TokenType.accessToken : .jwt
        section.read("subject_token_type", into: &type) { $0.choice(TokenType.self) }
        if isToken { return .tokenExchange(.token, type: type, requested: requested) }
        var audience = url
        section.read("subject_audience", into: &audience) { $0.string(count: 1...2048) }
        guard let name = section.required("context")?.name() else { return nil }
        return .tokenExchange(
            .context(credential: name, audience: audience),
            type: type,
            requested: requested
        )
    }
}

extension YAML.Value {
    /// Where a client's secret is sent: under TLS, or to this host.
    fileprivate func protectedURL() -> String? {
        guard let text = url() else { return nil }
        guard URLText.isProtected(text), !text.contains("#"), !text.contains("@") else {
            note(
                "the client's secret goes there: write https://…, or an address of this host; no user, no fragment"
            )
            return nil
        }
        return text
    }
}
