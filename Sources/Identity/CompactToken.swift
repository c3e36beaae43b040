// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import JSON

/// Where the three parts of a token stand (RFC 7515 §7.1): no more, no fewer.
struct CompactToken {
    let header: ByteRange
    let payload: ByteRange
    let signature: ByteRange

    /// What the signature covers: header, dot and payload as they were sent.
    var signed: ByteRange { ByteRange(start: 0, count: payload.end) }

    init(_ token: Span<UInt8>, maximumBytes: Int) throws(IdentityFailure) {
        guard token.count <= maximumBytes, let first = token.firstIndex(of: UInt8(ascii: ".")),
            let second = token.firstIndex(of: UInt8(ascii: "."), from: first + 1),
            token.firstIndex(of: UInt8(ascii: "."), from: second + 1) == nil
        else { throw .tokenMalformed }
        header = ByteRange(start: 0, count: first)
        payload = ByteRange(start: first + 1, count: second - first - 1)
        signature = ByteRange(start: second + 1, count: token.count - second - 1)
        // An empty signature is looked at after the header, so that `alg: none` is refused by its name.
        if header.isEmpty || payload.isEmpty { throw .tokenMalformed }
    }
}

/// The two members of a JOSE header that may say something: which algorithm, and which of the issuer's keys.
struct TokenHeader {
    let algorithm: SignatureAlgorithm
    let keyID: String?

    /// Members that bring a key, say where one is, or change what the signature means. An attacker would set
    /// them, and an issuer of access tokens has no use for them (RFC 8725 §3.10).
    private static let refused: [StaticString] = ["crit", "jku", "jwk", "x5u", "x5c", "b64", "zip", "cty"]

    init(_ bytes: Span<UInt8>, _ members: JSONMembers) throws(IdentityFailure) {
        for name in Self.refused where members.find(name, in: bytes) != nil { throw .headerRefused }
        if let type = members.find("typ", in: bytes) {
            guard case .string(let range, escaped: false) = type.token,
                Self.isTokenType(bytes.extracting(range))
            else { throw .headerRefused }
        }
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

    /// RFC 7519 §5.1, RFC 9068 §2.1: other types are tokens for another purpose.
    private static func isTokenType(_ type: Span<UInt8>) -> Bool {
        type.equalsIgnoringCase("jwt") || type.equalsIgnoringCase("at+jwt")
            || type.equalsIgnoringCase("application/jwt") || type.equalsIgnoringCase("application/at+jwt")
    }
}
