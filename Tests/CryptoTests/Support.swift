// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto

// The expectation macros cannot hold a Span, so tests speak arrays.

func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }

func unhex(_ text: String) -> [UInt8] { Hex.decode(utf8(text).span) ?? [] }

func hex(_ secret: Secret) -> String { Hex.encode(secret.bytes) }

func unbase64(_ text: String) -> [UInt8]? { Base64URL.decode(utf8(text).span) }

func sameBytes(_ left: [UInt8], _ right: [UInt8]) -> Bool { constantTimeEquals(left.span, right.span) }

func parsedDigest(ofBytes bytes: [UInt8]) -> Digest? { Digest(bytes.span) }

extension SignatureAlgorithm {
    static func named(_ name: String) -> SignatureAlgorithm? { SignatureAlgorithm(name: utf8(name).span) }
}

extension VerificationKey {
    static func rsa(_ n: [UInt8], _ e: [UInt8]) throws(KeyError) -> VerificationKey {
        try VerificationKey(rsaModulus: n.span, exponent: e.span)
    }

    static func ec(_ curve: EllipticCurve, _ x: [UInt8], _ y: [UInt8]) throws(KeyError) -> VerificationKey {
        try VerificationKey(curve: curve, x: x.span, y: y.span)
    }

    func verifies(_ algorithm: SignatureAlgorithm, _ message: [UInt8], _ signature: [UInt8]) -> Bool {
        verify(algorithm, message: message.span, signature: signature.span)
    }
}

extension SigningKey {
    func signature(_ algorithm: SignatureAlgorithm, _ message: [UInt8]) throws(KeyError) -> [UInt8] {
        var buffer = Buffer()
        try sign(algorithm, message: message.span, into: &buffer)
        return buffer.bytes.array()
    }
}

extension EllipticCurve {
    static func named(_ name: String) -> EllipticCurve? { EllipticCurve(name: utf8(name).span) }
}
