// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto
import JSON

/// For whom a context token speaks, and to whom.
package struct ContextSubject: Sendable {
    package var tenant: String
    package var tier: String
    package var user: String
    /// `iss` of the user's issuer: a subject means something only together with it.
    package var userIssuer: String
    package var groups: [String]
    /// The id of the token behind the request; never the token.
    package var tokenID: String
    /// The virtual session id, when there is one.
    package var session: String?
    /// When the principal ends.
    package var expiry: WallTime

    package init(
        tenant: String,
        tier: String,
        user: String,
        userIssuer: String,
        groups: [String],
        tokenID: String,
        session: String? = nil,
        expiry: WallTime
    ) {
        self.tenant = tenant
        self.tier = tier
        self.user = user
        self.userIssuer = userIssuer
        self.groups = groups
        self.tokenID = tokenID
        self.session = session
        self.expiry = expiry
    }
}

/// The `signed-context` vendor: short-lived tokens that tell an upstream who is calling, in a way that it can check
/// with the public key set alone. Shared by all threads.
///
/// A token is a JWT: `alg` EdDSA (or that of the configured key), `iss` this Bulkhead's name, `aud` the upstream's
/// name, `sub` the user, `iat`, `nbf`, `exp`, `jti`, and `tenant_id`, `tier`, `user_issuer`, `groups`, `token_id`,
/// `session_id` where there is a session.
package final class ContextSigner: Sendable {
    package static let maximumLifetime = Interval.seconds(3600)

    private let key: SigningKey
    private let issuer: String
    private let lifetime: Interval
    /// Encoded, with the dot.
    private let header: [UInt8]
    package let keyID: String

    /// - Parameters:
    ///   - issuer: the `iss` of the tokens.
    ///   - lifetime: capped at one hour.
    package init(key: SigningKey, issuer: String, lifetime: Interval = .seconds(60)) {
        precondition(lifetime > .zero, "a context token lives for some time")
        self.key = key
        self.issuer = issuer
        self.lifetime = min(lifetime, Self.maximumLifetime)
        keyID = key.thumbprint
        var json = Buffer()
        var writer = JSONWriter()
        writer.beginObject(&json)
        writer.key("alg", &json)
        writer.string(key.algorithm.name, &json)
        writer.key("kid", &json)
        writer.string(keyID, &json)
        writer.key("typ", &json)
        writer.string("JWT", &json)
        writer.endObject(&json)
        var encoded = Buffer()
        Base64URL.encode(json.bytes, into: &encoded)
        encoded.append(UInt8(ascii: "."))
        header = encoded.bytes.array()
    }

    /// The Ed25519 key for contexts that belongs to `keys.current` (THREATS 27).
    package static func key(from secret: Secret) throws(KeyError) -> SigningKey {
        try SigningKey(ed25519Seed: HKDF.derive(from: secret, label: "bulkhead context token v1").bytes)
    }

    /// When a token that is made now ends, and when half of its life is over: sign once per half, not per request.
    package func validity(_ subject: ContextSubject, now: WallTime) -> (renewAt: WallTime, expiry: WallTime) {
        let expiry = min(now + lifetime, subject.expiry)
        let half = Interval(nanoseconds: (expiry - now).nanoseconds / 2)
        return (now + half, expiry)
    }

    /// Appends a token.
    /// - Parameters:
    ///   - audience: the upstream's name.
    ///   - id: 16 random bytes, the `jti`.
    /// - Throws: `KeyError.invalid` when the library cannot sign.
    /// Cost: one signature (Ed25519 some 40 µs) and a few allocations; once per grant and half lifetime.
    package func sign(
        _ subject: ContextSubject,
        audience: String,
        id: [16 of UInt8],
        now: WallTime,
        into output: inout Buffer
    ) throws(KeyError) {
        var token = Buffer(capacity: 1024)
        token.append(header)
        var claims = Buffer(capacity: 512)
        write(subject, audience, id, now, &claims)
        Base64URL.encode(claims.bytes, into: &token)
        var signature = Buffer(capacity: 64)
        try key.sign(key.algorithm, message: token.bytes, into: &signature)
        output.append(token.bytes)
        output.append(UInt8(ascii: "."))
        Base64URL.encode(signature.bytes, into: &output)
    }

    private func write(
        _ subject: ContextSubject,
        _ audience: String,
        _ id: [16 of UInt8],
        _ now: WallTime,
        _ output: inout Buffer
    ) {
        var writer = JSONWriter()
        writer.beginObject(&output)
        member("iss", issuer, &writer, &output)
        member("aud", audience, &writer, &output)
        member("sub", subject.user, &writer, &output)
        writer.key("iat", &output)
        writer.integer(Int(now.seconds), &output)
        writer.key("nbf", &output)
        writer.integer(Int(now.seconds), &output)
        writer.key("exp", &output)
        writer.integer(Int(validity(subject, now: now).expiry.seconds), &output)
        member("jti", Base64URL.encode(id.span), &writer, &output)
        member("tenant_id", subject.tenant, &writer, &output)
        member("tier", subject.tier, &writer, &output)
        member("user_issuer", subject.userIssuer, &writer, &output)
        writer.key("groups", &output)
        writer.beginArray(&output)
        for group in subject.groups { writer.string(group, &output) }
        writer.endArray(&output)
        member("token_id", subject.tokenID, &writer, &output)
        if let session = subject.session { member("session_id", session, &writer, &output) }
        writer.endObject(&output)
    }

    private func member(
        _ name: StaticString,
        _ value: String,
        _ writer: inout JSONWriter,
        _ output: inout Buffer
    ) {
        writer.key(name, &output)
        writer.string(value, &output)
    }

    /// Appends the JWK set with which upstreams verify: the keys that sign now, and those that did before.
    package static func writeKeySet(_ keys: [SigningKey], into output: inout Buffer) {
        output.append("{\"keys\":[")
        for (place, key) in keys.enumerated() {
            if place > 0 { output.append(ASCII.comma) }
            output.append("{")
            key.publicMembers.write(into: &output)
            output.append(",\"alg\":\"")
            output.append(key.algorithm.name)
            output.append("\",\"kid\":\"")
            output.append(string: key.thumbprint)
            output.append("\",\"use\":\"sig\"}")
        }
        output.append("]}")
    }
}
