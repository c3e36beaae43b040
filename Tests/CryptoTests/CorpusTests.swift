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

    fileprivate static func files(below folder: String) -> [String] {
        guard let root else { return [] }
        let walk = FileManager.default.enumerator(atPath: root.appending(path: folder).path())
        return (walk?.allObjects ?? []).compactMap { $0 as? String }
            .filter { $0.hasSuffix(".json") }.sorted().map { "\(folder)/\($0)" }
    }
}

/// Wycheproof's vectors of bare signatures (PKCS #1, PSS, ECDSA as r ‖ s, EdDSA), wherever the corpora have them: files of
/// these types are found by what they say of themselves.
@Suite(.enabled(if: Corpora.has("wycheproof"), "set BULKHEAD_CORPORA to a folder that holds wycheproof"))
struct WycheproofSignatureTests {
    /// A group's key, and the algorithm of JWS that its parameters are. Nil where JWS has none (another hash, salt or
    /// curve): then nothing is judged. No key where it is of a size or with an exponent that is refused.
    struct Group {
        let key: VerificationKey?
        let algorithm: SignatureAlgorithm

        init?(_ group: [String: Any]) {
            let members = group["publicKey"] as? [String: Any] ?? [:]
            func bytes(_ name: String) -> [UInt8] { unhex(members[name] as? String ?? "") }
            guard let name = Self.name(group, members), let algorithm = SignatureAlgorithm.named(name) else {
                return nil
            }
            self.algorithm = algorithm
            switch algorithm.keyKind {
            case .rsa: key = try? .rsa(bytes("modulus"), bytes("publicExponent"))
            case .ed25519: key = try? VerificationKey(ed25519: bytes("pk").span)
            case .ec(let curve):
                let point = bytes("uncompressed")
                let half = curve.coordinateByteCount
                guard point.count == 2 * half + 1 else { return nil }
                key = try? .ec(curve, Array(point[1...half]), Array(point[(half + 1)...]))
            }
        }

        private static func name(_ group: [String: Any], _ key: [String: Any]) -> String? {
            let hash = group["sha"] as? String ?? ""
            let bits = ["SHA-256": "256", "SHA-384": "384", "SHA-512": "512"][hash]
            switch group["type"] as? String {
            case "RsassaPkcs1Verify": return bits.map { "RS\($0)" }
            case "RsassaPssVerify":
                let salt = (group["sLen"] as? Int).map { "\($0 * 8)" }
                let isJOSE = group["mgf"] as? String == "MGF1" && group["mgfSha"] as? String == hash
                return isJOSE && salt == bits ? bits.map { "PS\($0)" } : nil
            case "EcdsaP1363Verify":
                let its = ["secp256r1": "256", "secp384r1": "384", "secp521r1": "512"][
                    key["curve"] as? String ?? ""
                ]
                return its == bits ? bits.map { "ES\($0)" } : nil
            case "EddsaVerify": return key["curve"] as? String == "edwards25519" ? "EdDSA" : nil
            default: return nil
            }
        }

        func accepts(_ test: [String: Any]) -> Bool {
            func bytes(_ name: String) -> [UInt8] { unhex(test[name] as? String ?? "") }
            return key?.verifies(algorithm, bytes("msg"), bytes("sig")) ?? false
        }
    }

    static let files = Corpora.files(below: "wycheproof").filter { path in
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        return ["rsa_", "ecdsa_", "ed25519", "ed448", "eddsa"].contains { name.hasPrefix($0) }
            && name.hasSuffix("_test.json")
    }

    @Test(arguments: files) func vectors(_ file: String) throws {
        let groups = try #require(try Corpora.object(file)["testGroups"] as? [[String: Any]])
        var judged = 0
        for group in groups {
            guard let known = Group(group) else { continue }
            if known.key == nil {
                #expect(known.algorithm.keyKind == .rsa, "\(file): only RSA keys have bounds")
            }
            for test in try #require(group["tests"] as? [[String: Any]]) {
                judged += 1
                let accepts = known.accepts(test)
                let place = "\(file) \(test["tcId"] ?? "?"): \(test["comment"] ?? "")"
                switch test["result"] as? String {
                case "valid": #expect(accepts == (known.key != nil), "\(place)")
                case "invalid": #expect(!accepts, "\(place)")
                // PKCS #1 without the NULL in its hash's parameters: strictness refuses what is only acceptable.
                default: #expect(!accepts, "\(place)")
                }
            }
        }
        print("\(file): \(judged) judged")
    }
}

/// The signatures of RFC 7520, 8037 and 7797 that can be made again, to the byte.
@Suite(
    .enabled(if: Corpora.has("jose-cookbook"), "set BULKHEAD_CORPORA to a folder that holds jose-cookbook")
)
struct CookbookSignatureTests {
    @Test(arguments: Corpora.files(below: "jose-cookbook")) func signature(_ file: String) throws {
        let example = try Corpora.object(file)
        guard example["reproducible"] as? Bool == true, let signing = example["signing"] as? [String: Any],
            let key = (example["input"] as? [String: Any])?["key"] as? [String: Any],
            let message = signing["sig-input"] as? String, let signature = signing["sig"] as? String,
            let header = signing["protected"] as? [String: Any]? ?? [:],
            // The published input and signature of the example with a byte-wise payload do not belong together.
            header["b64"] == nil
        else { return }
        func bytes(_ name: String) -> [UInt8] { (key[name] as? String).flatMap(unbase64) ?? [] }
        switch key["kty"] as? String {
        case "RSA":
            let names = ["n", "e", "d", "p", "q", "dp", "dq", "qi"]
            let signer = try SigningKey(pem: utf8(PKCS1.pem(names.map(bytes))).span)
            let algorithm = try #require(SignatureAlgorithm.named(header["alg"] as? String ?? ""))
            #expect(try signer.signature(algorithm, utf8(message)) == unbase64(signature))
            #expect(signer.publicMembers == .rsa(n: bytes("n"), e: bytes("e")))
        case "OKP":
            let signer = try SigningKey(ed25519Seed: bytes("d").span)
            #expect(try signer.signature(.edDSA, utf8(message)) == unbase64(signature))
            #expect(signer.publicMembers == .ed25519(x: bytes("x")))
        default:
            // HMAC is no signature of a token here, but it is what handles are made with.
            var mac = HMACSHA256(key: bytes("k").span)
            #expect(mac.authenticate(utf8(message).span).bytes.array() == unbase64(signature))
        }
    }
}

/// An RSA private key as the older PEM form wants it (RFC 8017 §A.1.2).
private enum PKCS1 {
    static func pem(_ numbers: [[UInt8]]) -> String {
        let content = ([[0]] + numbers).flatMap { element(0x02, ($0[0] >= 0x80 ? [0] : []) + $0) }
        let text = Data(element(0x30, content)).base64EncodedString(options: .lineLength64Characters)
        return "-----BEGIN RSA PRIVATE KEY-----\n\(text)\n-----END RSA PRIVATE KEY-----\n"
    }

    private static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        let count = content.count
        let length: [UInt8] =
            count < 128 ? [UInt8(count)] : [0x82, UInt8(count >> 8), UInt8(count & 0xFF)]
        return [tag] + length + content
    }
}
