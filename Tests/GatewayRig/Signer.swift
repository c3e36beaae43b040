// SPDX-License-Identifier: Apache-2.0
import Bytes
package import Crypto

/// A key of an issuer, with the id under which it is published.
package struct Signer: Sendable {
    package let key: SigningKey
    package let id: String

    package static let pool = Signer(.rsa, id: "pool-1")
    package static let idp = Signer(.ec(.p256), id: "idp-1")
    /// Somebody else's, under the pool's key id.
    package static let stranger = Signer(.rsa, id: "pool-1")
    /// The pool's next key, which is not yet published.
    package static let rotated = Signer(.rsa, id: "pool-2")

    private init(_ kind: KeyKind, id: String) {
        guard let key = try? SigningKey.generate(kind) else { preconditionFailure("no key") }
        self.key = key
        self.id = id
    }

    package var jwk: String {
        var members = Buffer()
        key.publicMembers.write(into: &members)
        return #"{\#(members.bytes.string() ?? ""),"kid":"\#(id)"}"#
    }

    /// A token in compact form.
    /// - Parameter header: whatever it says.
    package func token(_ claims: Claims, header: String? = nil) -> String {
        let header = header ?? #"{"alg":"\#(key.algorithm.name)","kid":"\#(id)"}"#
        var token = Buffer()
        Self.begin(header, claims, into: &token)
        var signature = Buffer()
        do throws(KeyError) {
            try key.sign(key.algorithm, message: token.bytes, into: &signature)
        } catch {
            preconditionFailure("cannot sign")
        }
        token.append(UInt8(ascii: "."))
        Base64URL.encode(signature.bytes, into: &token)
        return token.bytes.string() ?? ""
    }

    /// A token whose signature is these bytes, whatever they are.
    package static func token(_ claims: Claims, header: String, signature: (Span<UInt8>) -> [UInt8]) -> String
    {
        var token = Buffer()
        begin(header, claims, into: &token)
        let bytes = signature(token.bytes)
        token.append(UInt8(ascii: "."))
        Base64URL.encode(bytes.span, into: &token)
        return token.bytes.string() ?? ""
    }

    private static func begin(_ header: String, _ claims: Claims, into token: inout Buffer) {
        Base64URL.encode(header.utf8Span.span, into: &token)
        token.append(UInt8(ascii: "."))
        Base64URL.encode(claims.json.utf8Span.span, into: &token)
    }
}

/// Claims whose members a test changes; nil takes one away.
package struct Claims: Sendable {
    private var members: [(name: String, json: String)]

    package init(_ members: KeyValuePairs<String, String>) {
        self.members = members.map { ($0.key, $0.value) }
    }

    package func with(_ name: String, _ json: String?) -> Claims {
        var copy = self
        copy.members.removeAll { $0.name == name }
        if let json { copy.members.append((name, json)) }
        return copy
    }

    package var json: String {
        "{" + members.map { #""\#($0.name)":\#($0.json)"# }.joined(separator: ",") + "}"
    }

    /// Ann of acme, tier basic, as Cognito writes her.
    package static let ann = Claims([
        "sub": #""ann""#, "iss": "\"\(Rig.poolURL)\"", "aud": #""app""#, "token_use": #""id""#,
        "custom:tenant_id": #""acme""#, "custom:tier": #""basic""#, "exp": "1800003600", "iat": "1799999000",
        "jti": #""1""#,
    ])
    /// Bob of globex, tier premium.
    package static let bob = ann.with("sub", #""bob""#).with("custom:tenant_id", #""globex""#)
        .with("custom:tier", #""premium""#)
    /// Cleo of globex, whom the plain issuer knows.
    package static let cleo = Claims([
        "sub": #""cleo""#, "iss": "\"\(Rig.idpURL)\"", "aud": #""bulkhead""#, "tenant_id": #""globex""#,
        "tier": #""premium""#, "exp": "1800003600", "iat": "1799999000",
    ])
}
