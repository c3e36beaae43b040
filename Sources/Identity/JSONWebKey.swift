// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import JSON

/// Reads one JWK (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2) as a key that verifies signatures.
enum JSONWebKey {
    struct Unusable: Error {
        let note: KeySet.Note
    }

    private static let privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"]

    static func read(_ object: JSONObject) -> Result<KeySet.Key, Unusable> {
        do throws(Unusable) {
            return .success(try key(object))
        } catch {
            return .failure(error)
        }
    }

    private static func key(_ object: JSONObject) throws(Unusable) -> KeySet.Key {
        guard let type = object["kty"]?.string else { throw Unusable(note: .malformed) }
        guard ["RSA", "EC", "OKP"].contains(type) else { throw Unusable(note: .unknownType) }
        for name in privateMembers where object[name] != nil { throw Unusable(note: .privateMember) }
        let id = try text("kid", of: object)
        if let id, id.utf8.count > KeySet.maximumKeyIDBytes { throw Unusable(note: .malformed) }
        if let use = try text("use", of: object), use != "sig" { throw Unusable(note: .otherUse) }
        if let operations = object["key_ops"] {
            guard let names = operations.strings else { throw Unusable(note: .malformed) }
            guard names.contains("verify") else { throw Unusable(note: .otherUse) }
        }
        var algorithm: SignatureAlgorithm? = nil
        if let name = try text("alg", of: object) {
            guard let known = SignatureAlgorithm(name: name.utf8Span.span) else {
                throw Unusable(note: .unknownAlgorithm)
            }
            algorithm = known
        }
        let members = try members(type, object)
        guard let key = try? verificationKey(members) else { throw Unusable(note: .unsound) }
        if let algorithm, !key.accepts(algorithm) { throw Unusable(note: .malformed) }
        return KeySet.Key(id: id, algorithm: algorithm, key: key, thumbprint: members.thumbprint())
    }

    private static func members(_ type: String, _ object: JSONObject) throws(Unusable) -> PublicKeyMembers {
        if type == "RSA" { return .rsa(n: try number("n", of: object), e: try number("e", of: object)) }
        guard let name = try text("crv", of: object) else { throw Unusable(note: .malformed) }
        if type == "OKP" {
            guard name == "Ed25519" else { throw Unusable(note: .unknownCurve) }
            return .ed25519(x: try number("x", of: object))
        }
        guard let curve = EllipticCurve(name: name.utf8Span.span) else {
            throw Unusable(note: .unknownCurve)
        }
        return .ec(curve, x: try number("x", of: object), y: try number("y", of: object))
    }

    private static func verificationKey(_ members: PublicKeyMembers) throws(KeyError) -> VerificationKey {
        switch members {
        case .rsa(let n, let e): try VerificationKey(rsaModulus: n.span, exponent: e.span)
        case .ec(let curve, let x, let y): try VerificationKey(curve: curve, x: x.span, y: y.span)
        case .ed25519(let x): try VerificationKey(ed25519: x.span)
        }
    }

    /// A string, or nil where there is none.
    private static func text(_ name: String, of object: JSONObject) throws(Unusable) -> String? {
        guard let value = object[name] else { return nil }
        guard let text = value.string else { throw Unusable(note: .malformed) }
        return text
    }

    private static func number(_ name: String, of object: JSONObject) throws(Unusable) -> [UInt8] {
        guard let text = try text(name, of: object), !text.isEmpty,
            let bytes = Base64URL.decode(text.utf8Span.span)
        else { throw Unusable(note: .malformed) }
        return bytes
    }
}
