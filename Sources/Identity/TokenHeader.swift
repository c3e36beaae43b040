// SPDX-License-Identifier: Apache-2.0
import Bytes
package import Crypto
import JSON

/// What a token says it is, in `typ`.
package enum TokenType: String, Sendable, CaseIterable {
    /// RFC 7519 §5.1; also a token that says nothing.
    case jwt
    /// An access token of RFC 9068 §2.1; never an ID token.
    case accessToken = "at+jwt"
}

/// The members of a JOSE header that may say something: which algorithm, which of the issuer's keys, what type.
package struct TokenHeader: Sendable {
    package let algorithm: SignatureAlgorithm
    package let keyID: String?
    package let type: TokenType

    /// Members that bring a key, say where one is, or change what the signature means. An attacker would set
    /// them, and an issuer of access tokens has no use for them (RFC 8725 §3.10).
    private static let refused: [StaticString] = ["crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "cty"]

    init(_ bytes: Span<UInt8>, _ members: borrowing JSONMembers) throws(IdentityFailure) {
        for name in Self.refused where members.find(name, in: bytes) != nil { throw .headerRefused }
        type = try Self.type(bytes, members)
        guard let member = members.find("alg", in: bytes),
            case .string(let range, escaped: false) = member.token,
            let algorithm = SignatureAlgorithm(name: bytes.extracting(range))
        else { throw .algorithmRefused }
        self.algorithm = algorithm
        guard let id = members.find("kid", in: bytes) else {
            keyID = nil
            return
        }
        guard case .string(let range, let escaped) = id.token, range.count <= KeySet.maximumKeyIDBytes else {
            throw .headerRefused
        }
        keyID = JSONText.string(bytes, range, escaped: escaped)
    }

    /// RFC 7519 §5.1, RFC 7515 §4.1.9: case does not matter, and `application/` may stand before it. Any other type
    /// is a token for another purpose: a logout token, a DPoP proof, an authorization request.
    private static func type(
        _ bytes: Span<UInt8>,
        _ members: borrowing JSONMembers
    ) throws(IdentityFailure) -> TokenType {
        guard let member = members.find("typ", in: bytes) else { return .jwt }
        guard case .string(let range, escaped: false) = member.token else { throw .headerRefused }
        let text = bytes.extracting(range)
        if text.equalsIgnoringCase("jwt") || text.equalsIgnoringCase("application/jwt") { return .jwt }
        if text.equalsIgnoringCase("at+jwt") || text.equalsIgnoringCase("application/at+jwt") {
            return .accessToken
        }
        throw .headerRefused
    }
}
