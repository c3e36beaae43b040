// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto
import JSON

/// Shows an authorization server who Bulkhead is, by a key whose public half the server has (RFC 7523 §3,
/// `private_key_jwt` of OpenID Connect Core §9).
package struct ClientAssertion: Sendable {
    private let key: SigningKey
    private let audience: String
    /// It is used at once, by a clock that may differ.
    private static let lifetimeSeconds = 60

    /// - Parameter audience: what the server calls itself: the URL of its token endpoint, or its issuer.
    package init(key: SigningKey, audience: String) {
        self.key = key
        self.audience = audience
    }

    /// - Parameter id: 16 random bytes, the `jti`.
    /// - Throws: `KeyError.invalid` when the library cannot sign.
    package func sign(client: [UInt8], id: [16 of UInt8], now: WallTime) throws(KeyError) -> Buffer {
        var header = Buffer()
        var writer = JSONWriter()
        writer.beginObject(&header)
        writer.key("alg", &header)
        writer.string(key.algorithm.name, &header)
        writer.key("kid", &header)
        writer.string(key.thumbprint, &header)
        writer.key("typ", &header)
        writer.string("JWT", &header)
        writer.endObject(&header)
        var claims = Buffer()
        writer = JSONWriter()
        writer.beginObject(&claims)
        writer.key("iss", &claims)
        writer.string(client.span, &claims)
        writer.key("sub", &claims)
        writer.string(client.span, &claims)
        writer.key("aud", &claims)
        writer.string(audience, &claims)
        writer.key("iat", &claims)
        writer.integer(Int(now.seconds), &claims)
        writer.key("exp", &claims)
        writer.integer(Int(now.seconds) + Self.lifetimeSeconds, &claims)
        writer.key("jti", &claims)
        writer.string(Base64URL.encode(id.span), &claims)
        writer.endObject(&claims)
        return try key.token(header, claims)
    }
}

extension SigningKey {
    /// RFC 7638, in base64url: the key's id.
    package var thumbprint: String {
        let digest = publicMembers.thumbprint()
        return Base64URL.encode(digest.bytes)
    }

    /// A JWS in compact form (RFC 7515 §7.1).
    func token(_ header: borrowing Buffer, _ claims: borrowing Buffer) throws(KeyError) -> Buffer {
        var token = Buffer(capacity: 1024)
        Base64URL.encode(header.bytes, into: &token)
        token.append(UInt8(ascii: "."))
        Base64URL.encode(claims.bytes, into: &token)
        var signature = Buffer(capacity: 64)
        try sign(algorithm, message: token.bytes, into: &signature)
        token.append(UInt8(ascii: "."))
        Base64URL.encode(signature.bytes, into: &token)
        return token
    }
}
