// SPDX-License-Identifier: Apache-2.0
package import Bytes

extension Configuration {
    package struct Policy: Sendable {
        /// Resolved paths of Cedar files, or of folders whose `*.cedar` files are meant; at least one.
        package var files: [String] = []
        /// Resolved path of the schema that policies are validated against. Default: none.
        package var schema: String?
        /// Default: `enforce`.
        package var mode = PolicyMode.enforce
    }

    package enum PolicyMode: String, CaseIterable, Sendable {
        case enforce
        /// Named policies' denials are recorded and not enforced (THREATS 11).
        case shadow
    }

    /// Something that vouches for a request at its upstream.
    package struct Credential: Sendable, Equatable {
        package var name: String
        package var kind: Kind

        package enum Kind: Sendable, Equatable {
            case signedContext(SignedContext)
            case sts(STS)
            case oauth(OAuth)
            case secret(TenantSecret)
        }

        /// Where it stands in a request; nil for those that stand nowhere by themselves.
        package var injection: Injection? {
            switch kind {
            case .signedContext, .sts: nil
            case .oauth(let oauth): oauth.injection
            case .secret(let secret): secret.injection
            }
        }
    }

    /// A short-lived token, signed by Bulkhead, that says whose a request is.
    package struct SignedContext: Sendable, Equatable {
        /// A private key in PEM.
        package var key: SecretSource
        /// Default: 60 s.
        package var lifetime = Interval.seconds(60)
        /// The token's `iss`. Default: `bulkhead`.
        package var issuer = "bulkhead"
    }
}

extension Configuration.Policy {
    static func decode(_ section: inout YAML.Section) -> Self {
        var policy = Self()
        policy.files =
            section.required("files")?.list(count: 1...256)?.compactMap { $0.filePath() } ?? []
        section.read("schema", into: &policy.schema) { $0.filePath() }
        section.read("mode", into: &policy.mode) { $0.choice(Configuration.PolicyMode.self) }
        return policy
    }
}

extension Configuration.Credential {
    private enum KindName: String, CaseIterable {
        case signedContext = "signed-context"
        case sts = "aws-sts"
        case oauth = "oauth2"
        case secret
    }

    static func decode(_ section: inout YAML.Section) -> Self? {
        let name = section.name()
        let kind = section.required("kind")?.choice(
            KindName.self,
            refused: ["redis-acl": "is not in this version"]
        )
        let decoded: Kind?
        switch kind {
        case .signedContext: decoded = Configuration.SignedContext.decode(&section).map(Kind.signedContext)
        case .sts: decoded = Configuration.STS.decode(&section).map(Kind.sts)
        case .oauth: decoded = Configuration.OAuth.decode(&section).map(Kind.oauth)
        case .secret: decoded = Configuration.TenantSecret.decode(&section).map(Kind.secret)
        case nil:
            section.skipRest()
            decoded = nil
        }
        return decoded.map { Self(name: name, kind: $0) }
    }
}

extension Configuration.SignedContext {
    fileprivate static func decode(_ section: inout YAML.Section) -> Self? {
        let key = section.required("key")?.secret()
        var lifetime = Interval.seconds(60)
        section.read("lifetime", into: &lifetime) { $0.duration(in: .seconds(10) ... .seconds(900)) }
        var issuer = "bulkhead"
        section.read("issuer", into: &issuer) { $0.string(count: 1...2048) }
        return key.map { Self(key: $0, lifetime: lifetime, issuer: issuer) }
    }
}
