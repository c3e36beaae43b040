// SPDX-License-Identifier: Apache-2.0
import Configuration
import Crypto
import Runtime
import Vending

/// Credentials of the configuration as the control thread makes them.
extension Loader {
    /// Nil, with a problem noted, where one cannot be made.
    func vendor(_ credential: Configuration.Credential, _ problems: inout [String]) throws -> Vendor? {
        switch credential.kind {
        case .signedContext(let context):
            return signer(context, credential.name, &problems).map(Vendor.context)
        case .sts(let sts):
            guard let endpoint = WebURL(sts.endpoint) else { return nil }
            return .sts(
                STSVendor(
                    region: sts.region,
                    endpoint: endpoint,
                    tls: try clientContext(Configuration.ClientTLS(ca: sts.ca)),
                    base: BaseKeySource(
                        source: sts.base.source,
                        profile: sts.base.profile,
                        environment: environment.filter { $0.key.hasPrefix("AWS_") || $0.key == "HOME" }
                    )
                )
            )
        case .oauth(let oauth): return try self.oauth(oauth, credential.name, &problems).map(Vendor.oauth)
        case .secret(let secret):
            let files = TenantFiles(file: secret.file)
            return .secret(SecretVendor(name: credential.name, files: files, refresh: secret.refresh))
        }
    }

    private func signer(
        _ context: Configuration.SignedContext,
        _ name: String,
        _ problems: inout [String]
    ) -> ContextSigner? {
        signingKey(context.key, name, &problems).map {
            ContextSigner(key: $0, issuer: context.issuer, lifetime: context.lifetime)
        }
    }

    private func signingKey(
        _ source: Configuration.SecretSource,
        _ name: String,
        _ problems: inout [String]
    ) -> SigningKey? {
        guard let pem = Self.secret(source, files, &problems) else { return nil }
        do throws(KeyError) {
            return try SigningKey(pem: pem.bytes)
        } catch {
            problems.append("credential \"\(name)\": its key cannot be used: \(error)")
            return nil
        }
    }

    private func oauth(
        _ oauth: Configuration.OAuth,
        _ name: String,
        _ problems: inout [String]
    ) throws -> OAuthVendor? {
        guard let endpoint = WebURL(oauth.tokenURL),
            let authentication = authentication(oauth.authentication, name, &problems),
            let subject = subject(oauth.grant, &problems)
        else { return nil }
        return OAuthVendor(
            name: name,
            plan: oauth.plan,
            endpoint: endpoint,
            tls: endpoint.isSecure ? try clientContext(Configuration.ClientTLS(ca: oauth.ca)) : nil,
            authentication: authentication,
            subject: subject,
            rules: OAuthResponse.Rules(
                defaultLifetime: oauth.defaultLifetime,
                maximumLifetime: oauth.maximumLifetime,
                mustBeBearer: oauth.injection == .bearer
            )
        )
    }

    private func authentication(
        _ authentication: Configuration.OAuth.Authentication,
        _ name: String,
        _ problems: inout [String]
    ) -> OAuthVendor.Authentication? {
        switch authentication {
        case .basic(let source): return clientSecret(source, &problems).map { .basic($0) }
        case .post(let source): return clientSecret(source, &problems).map { .post($0) }
        case .privateKey(let source, let audience):
            return signingKey(source, name, &problems).map {
                .assertion(ClientAssertion(key: $0, audience: audience))
            }
        }
    }

    private func clientSecret(
        _ source: Configuration.OAuth.ClientSecret,
        _ problems: inout [String]
    ) -> OAuthVendor.ClientSecret? {
        switch source {
        case .shared(let secret): return Self.secret(secret, files, &problems).map { .shared($0) }
        case .perTenant(let file): return .perTenant(TenantFiles(file: file))
        }
    }

    private func subject(
        _ grant: Configuration.OAuth.Grant,
        _ problems: inout [String]
    ) -> OAuthVendor.Subject? {
        switch grant {
        case .clientCredentials: return OAuthVendor.Subject.none
        case .tokenExchange(.token, _, _): return .callersToken
        case .tokenExchange(.context(let name, let audience), _, _):
            // `check` has found that it is there, and of this kind.
            guard case .signedContext(let context)? = configuration.credential(named: name)?.kind else {
                return nil
            }
            return signer(context, name, &problems).map { .context($0, audience: audience) }
        }
    }
}

extension Configuration.OAuth {
    var plan: OAuthPlan {
        OAuthPlan(
            grant: exchange,
            clientID: VendTemplate(clientID),
            parameters: parameters.map { ($0.name, VendTemplate($0.value)) }
        )
    }

    private var exchange: OAuthPlan.Grant {
        switch grant {
        case .clientCredentials: .clientCredentials
        case .tokenExchange(_, let type, let requested):
            .tokenExchange(type: type.rawValue, requested: requested?.rawValue)
        }
    }
}

extension VendTemplate {
    init(_ parts: [Configuration.HeaderTemplate.Part]) {
        self.init(
            parts.compactMap { part in
                switch part {
                case .literal(let text): .literal(text)
                case .placeholder(.tenant): .tenant
                case .placeholder(.tier): .tier
                case .placeholder(.user): .user
                case .placeholder(.issuer): .issuer
                // The decoder lets no other in.
                case .placeholder: nil
                }
            }
        )
    }
}
