// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Foundation
import TestSupport
import Testing

extension Corpora {
    fileprivate static func object(_ path: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(read(path))) as? [String: Any])
    }
}

/// A JWK as far as key-level tests need it.
enum JWK {
    static func bytes(_ jwk: [String: Any], _ name: String) -> [UInt8]? {
        (jwk[name] as? String).flatMap(unbase64)
    }

    static func key(_ jwk: [String: Any]) -> VerificationKey? {
        switch jwk["kty"] as? String {
        case "RSA":
            guard let n = bytes(jwk, "n"), let e = bytes(jwk, "e") else { return nil }
            return try? VerificationKey(rsaModulus: n.span, exponent: e.span)
        case "EC":
            guard let x = bytes(jwk, "x"), let y = bytes(jwk, "y"), let name = jwk["crv"] as? String,
                let curve = EllipticCurve.named(name)
            else { return nil }
            return try? VerificationKey(curve: curve, x: x.span, y: y.span)
        case "OKP":
            guard let x = bytes(jwk, "x"), jwk["crv"] as? String == "Ed25519" else { return nil }
            return try? VerificationKey(ed25519: x.span)
        default: return nil
        }
    }

    static func permits(_ jwk: [String: Any], _ algorithm: String) -> Bool {
        if let use = jwk["use"] as? String, use != "sig" { return false }
        if let operations = jwk["key_ops"] as? [String], !operations.contains("verify") { return false }
        if let named = jwk["alg"] as? String, named != algorithm { return false }
        return true
    }

    /// Whether a compact JWS verifies under the key; what `Identity` adds to this is not judged here.
    static func verifies(_ compact: String, under jwk: [String: Any]) -> Bool {
        let parts = compact.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, unbase64(parts[1]) != nil,
            let head = unbase64(parts[0]), let signature = unbase64(parts[2]),
            let header = try? JSONSerialization.jsonObject(with: Data(head)) as? [String: Any],
            let name = header["alg"] as? String, header["crit"] == nil, permits(jwk, name),
            let algorithm = SignatureAlgorithm.named(name),
            let key = key(jwk)
        else { return false }
        return key.verifies(algorithm, utf8(parts[0] + "." + parts[1]), signature)
    }
}

@Suite(.enabled(if: Corpora.has("wycheproof"), "the corpora folder is absent: set BULKHEAD_CORPORA"))
struct CorpusTests {
    /// Vectors called valid whose JWK says `PS256` or `ES521` while the token says PS384 or ES512. Bulkhead finds
    /// keys by (issuer, kid, algorithm) (THREATS 5) and refuses them; the signature itself must verify.
    private static let misnamed: Set<Int> = [346, 347, 350, 351]

    @Test(arguments: ["json_web_signature_test", "json_web_key_test", "json_web_crypto_test"])
    func wycheproof(_ file: String) throws {
        let groups = try #require(
            Corpora.object("wycheproof/testvectors_v1/\(file).json")["testGroups"] as? [[String: Any]]
        )
        var judged = 0
        for group in groups {
            guard let container = group["public"] as? [String: Any] else { continue }
            let keys = container["keys"] as? [[String: Any]] ?? [container]
            for test in try #require(group["tests"] as? [[String: Any]]) {
                guard let jws = test["jws"] as? String, let result = test["result"] as? String else {
                    continue
                }
                judged += 1
                let accepted = keys.contains { JWK.verifies(jws, under: $0) }
                let id = test["tcId"] as? Int ?? -1
                switch result {
                case "valid" where file == "json_web_signature_test" && CorpusTests.misnamed.contains(id):
                    #expect(!accepted, "the key is for another algorithm")
                    let unbound = keys.map { $0.filter { $0.key != "alg" } }
                    #expect(unbound.contains { JWK.verifies(jws, under: $0) }, "\(file) \(id)")
                case "valid": #expect(accepted, "\(file) \(id)")
                case "invalid": #expect(!accepted, "\(file) \(id): \(test["comment"] ?? "")")
                default: #expect(!accepted, "\(file) \(id) is acceptable; strictness refuses it")
                }
            }
        }
        #expect(judged > 5)
    }

    @Test(arguments: [
        "jws/4_1.rsa_v15_signature", "jws/4_2.rsa-pss_signature", "jws/4_3.ecdsa_signature", "curve25519/jws",
    ])
    func cookbook(_ file: String) throws {
        let example = try Corpora.object("jose-cookbook/\(file).json")
        let jwk = try #require((example["input"] as? [String: Any])?["key"] as? [String: Any])
        let compact = try #require((example["output"] as? [String: Any])?["compact"] as? String)
        #expect(JWK.verifies(compact, under: jwk))
        #expect(!JWK.verifies(String(compact.dropLast()), under: jwk))
        if jwk["crv"] as? String == "Ed25519" {
            let seed = try #require(JWK.bytes(jwk, "d"))
            let signing = try #require(example["signing"] as? [String: Any])
            let input = try #require(signing["sig-input"] as? String)
            let signature = try SigningKey(ed25519Seed: seed.span).signature(.edDSA, utf8(input))
            #expect(signature == JWK.bytes(signing, "sig"))
        }
    }
}
