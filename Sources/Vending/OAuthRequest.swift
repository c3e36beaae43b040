// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Crypto
import HTTPTypes

/// For whom a credential is asked.
package struct VendSubject: Sendable {
    package var tenant: String
    package var tier: String
    package var user: String
    /// The issuer's name in the configuration.
    package var issuer: String

    package init(tenant: String, tier: String, user: String, issuer: String) {
        self.tenant = tenant
        self.tier = tier
        self.user = user
        self.issuer = issuer
    }
}

/// A text with holes that a subject fills.
package struct VendTemplate: Hashable, Sendable {
    package enum Part: Hashable, Sendable {
        case literal(String)
        case tenant, tier, user, issuer
    }

    package var parts: [Part]

    package init(_ parts: [Part]) { self.parts = parts }

    /// Whether two users of one tenant get different texts.
    package var isPerUser: Bool { parts.contains(.user) || parts.contains(.issuer) }

    /// What would end a name in a list of scopes, or stand for something in one, is percent-encoded: so a hole never
    /// becomes two words, and no two values become one.
    package func filled(_ subject: VendSubject) -> [UInt8] {
        var text = Buffer()
        for part in parts {
            switch part {
            case .literal(let literal): text.append(string: literal)
            case .tenant: Self.append(subject.tenant, to: &text)
            case .tier: Self.append(subject.tier, to: &text)
            case .user: Self.append(subject.user, to: &text)
            case .issuer: Self.append(subject.issuer, to: &text)
            }
        }
        return text.bytes.array()
    }

    private static func append(_ value: String, to text: inout Buffer) {
        for byte in value.utf8 {
            let isPlain =
                byte > 0x20 && byte < 0x7F && byte != ASCII.percent && byte != ASCII.comma
                && byte != ASCII.quote && byte != UInt8(ascii: "\\")
            if isPlain { text.append(byte) } else { PercentEncoding.append(escaped: byte, into: &text) }
        }
    }
}

/// What the `oauth2` vendor asks an authorization server for.
package struct OAuthPlan: Sendable {
    package enum Grant: Sendable, Equatable {
        case clientCredentials
        /// The types are the last words of their URNs (RFC 8693 §3).
        case tokenExchange(type: String, requested: String?)
    }

    package var grant: Grant
    package var clientID: VendTemplate
    /// `scope`, `audience`, `resource`, and what else a server wants.
    package var parameters: [(name: String, value: VendTemplate)]

    package init(grant: Grant, clientID: VendTemplate, parameters: [(name: String, value: VendTemplate)]) {
        self.grant = grant
        self.clientID = clientID
        self.parameters = parameters
    }

    /// Whether a token is good for one user alone, rather than for all of a tenant's.
    package var isPerUser: Bool { clientID.isPerUser || parameters.contains { $0.value.isPerUser } }

    private static let tokenType = "urn:ietf:params:oauth:token-type:"

    /// The form of the request, but for what shows who the client is.
    /// - Parameter subjectToken: of a token exchange.
    /// Source: RFC 6749 §4.4.2, RFC 8693 §2.1.
    package func form(_ subject: VendSubject, subjectToken: Span<UInt8>) -> OAuthForm {
        var form = OAuthForm()
        switch grant {
        case .clientCredentials: form.add("grant_type", "client_credentials")
        case .tokenExchange(let type, let requested):
            form.add("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
            form.add("subject_token", subjectToken)
            form.add("subject_token_type", Self.tokenType + type)
            if let requested { form.add("requested_token_type", Self.tokenType + requested) }
        }
        for parameter in parameters { form.add(parameter.name, parameter.value.filled(subject).span) }
        return form
    }
}

/// A form in the order in which it is filled. Secrets are in it: `wipe` it when it was sent.
package struct OAuthForm: ~Copyable {
    private var text = Buffer(capacity: 16 << 10)

    package init() {}

    package mutating func add(_ name: String, _ value: String) { add(name, value.utf8Span.span) }

    package mutating func add(_ name: String, _ value: Span<UInt8>) {
        Query.append(name: name.utf8Span.span, value: value, isFirst: text.isEmpty, into: &text)
    }

    /// `client_secret_post` (RFC 6749 §2.3.1).
    package mutating func add(client id: [UInt8], secret: Span<UInt8>) {
        add("client_id", id.span)
        add("client_secret", secret)
    }

    /// `private_key_jwt` (RFC 7523 §2.2).
    package mutating func add(client id: [UInt8], assertion: borrowing Buffer) {
        add("client_id", id.span)
        add("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        add("client_assertion", assertion.bytes)
    }

    package var bytes: [UInt8] { text.bytes.array() }

    package mutating func wipe() { text.wipe() }

    /// The value of `Authorization` for `client_secret_basic`: both halves are encoded as in forms first (RFC 6749 §2.3.1).
    package static func basic(client id: [UInt8], secret: Span<UInt8>) -> [UInt8] {
        var pair = Buffer(capacity: 3 * (id.count + secret.count) + 1)
        PercentEncoding.encode(id.span, as: .query, into: &pair)
        pair.append(ASCII.colon)
        PercentEncoding.encode(secret, as: .query, into: &pair)
        var value = Buffer()
        value.append("Basic ")
        Base64.encode(pair.bytes, into: &value)
        pair.wipe()
        return value.bytes.array()
    }
}
