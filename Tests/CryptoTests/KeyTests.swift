// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Testing

@Suite struct AlgorithmTests {
    @Test func namesRoundTrip() {
        for algorithm in SignatureAlgorithm.allCases {
            let name = "\(algorithm.name)"
            #expect(SignatureAlgorithm.named(name) == algorithm)
        }
    }

    @Test(arguments: [
        "none", "None", "", "HS256", "HS384", "HS512", "rs256", "RS256 ", "RS1", "ES256K", "Ed25519",
    ])
    func refuses(_ name: String) {
        #expect(SignatureAlgorithm.named(name) == nil)
    }
}

@Suite struct SigningTests {
    static let kinds: [KeyKind] = [.rsa, .ec(.p256), .ec(.p384), .ec(.p521), .ed25519]

    @Test(arguments: kinds)
    func everyAlgorithmOfAKindRoundTrips(_ kind: KeyKind) throws {
        let key = try SigningKey.generate(kind)
        #expect(key.algorithm.keyKind == kind)
        let verifier = try key.verificationKey()
        let other = try SigningKey.generate(kind).verificationKey()
        let message = utf8("the message")
        for algorithm in SignatureAlgorithm.allCases {
            guard algorithm.keyKind == kind else {
                #expect(throws: KeyError.wrongKind) { try key.signature(algorithm, message) }
                #expect(!verifier.accepts(algorithm))
                #expect(!verifier.verifies(algorithm, message, [1, 2]))
                continue
            }
            let signature = try key.signature(algorithm, message)
            if case .ec(let curve) = kind { #expect(signature.count == 2 * curve.coordinateByteCount) }
            #expect(verifier.verifies(algorithm, message, signature))
            #expect(!other.verifies(algorithm, message, signature))
            #expect(!verifier.verifies(algorithm, message.dropLast(), signature))
            for neighbour in SignatureAlgorithm.allCases where neighbour != algorithm {
                #expect(!verifier.verifies(neighbour, message, signature))
            }
        }
    }

    @Test(arguments: kinds)
    func everyChangedByteAndLengthIsRefused(_ kind: KeyKind) throws {
        let key = try SigningKey.generate(kind)
        let verifier = try key.verificationKey()
        let message = [UInt8](0...99)
        let signature = try key.signature(key.algorithm, message)
        for index in stride(from: 0, to: signature.count, by: kind == .rsa ? 9 : 3) {
            var changed = signature
            changed[index] ^= 1
            #expect(!verifier.verifies(key.algorithm, message, changed))
        }
        let lengths: [[UInt8]] = [
            [], [0], signature + [0], [0] + signature, signature.dropLast(), signature + signature,
        ]
        for changed in lengths {
            #expect(!verifier.verifies(key.algorithm, message, changed))
        }
        let zeros = [UInt8](repeating: 0, count: signature.count)
        #expect(!verifier.verifies(key.algorithm, message, zeros))
    }

    @Test(arguments: kinds)
    func pemRoundTrips(_ kind: KeyKind) throws {
        let key = try SigningKey.generate(kind)
        let pem = try key.exportPEM()
        let isPKCS8 = pem.bytes.hasPrefix("-----BEGIN PRIVATE KEY-----\n")
        #expect(isPKCS8)
        let copy = try SigningKey(pem: pem.bytes)
        #expect(copy.kind == kind && copy.publicMembers == key.publicMembers)
        #expect("\(key)" == "<redacted>" && String(reflecting: key) == "<redacted>")
    }

    @Test(arguments: [
        "", "garbage", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        // An encrypted key: there is nobody to ask for the password.
        """
        -----BEGIN ENCRYPTED PRIVATE KEY-----
        MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgkjJ5r4XnGcQICCAAw
        DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEHhoQtvkQ3R3Ojb8Ws2O4aYEQPCC
        -----END ENCRYPTED PRIVATE KEY-----
        """,
    ])
    func badPEM(_ text: String) {
        #expect(throws: KeyError.malformed) { try SigningKey(pem: Array(text.utf8).span) }
    }

    @Test func seedLength() {
        #expect(throws: KeyError.wrongLength) {
            try SigningKey(ed25519Seed: [UInt8](repeating: 1, count: 31).span)
        }
    }

    // RFC 8032 §7.1 test 2, RFC 8037 appendix A.
    @Test func ed25519Vectors() throws {
        let seed = unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
        let key = try SigningKey(ed25519Seed: seed.span)
        let x = unhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
        #expect(key.publicMembers == .ed25519(x: x))
        #expect(
            try key.signature(.edDSA, [0x72])
                == unhex(
                    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                        + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
                )
        )
    }

    @Test func thumbprints() throws {
        let seed = try #require(
            unbase64("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
        )
        let key = try SigningKey(ed25519Seed: seed.span)
        // RFC 8037 A.3.
        #expect(
            key.publicMembers.thumbprint().bytes.array()
                == unbase64("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
        )
        var text = Buffer()
        key.publicMembers.write(into: &text)
        #expect(
            text.bytes.string()
                == #""crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#
        )
        // RFC 7638 §3.1.
        let n =
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRX"
            + "jBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaS"
            + "qzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksIN"
            + "HaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
        let members = try PublicKeyMembers.rsa(n: try #require(unbase64(n)), e: [1, 0, 1])
        #expect(
            members.thumbprint().bytes.array() == unbase64("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
        )
    }
}

@Suite struct KeyPolicyTests {
    static func modulus(bits: Int) -> [UInt8] {
        // Not a product of two primes that anyone knows; the policy looks at size and oddness only.
        var bytes = [UInt8](repeating: 0xA5, count: (bits + 7) / 8)
        bytes[0] = UInt8(1 << ((bits - 1) % 8))
        return bytes
    }

    @Test(
        arguments: [
            (2047, [1, 0, 1], .weak), (1024, [1, 0, 1], .weak), (8193, [1, 0, 1], .tooLarge),
            (65536, [1, 0, 1], .tooLarge), (2048, [1], .unsupported), (2048, [3], .unsupported),
            (2048, [0, 0, 3], .unsupported), (2048, [1, 0, 0], .unsupported), (2048, [], .wrongLength),
            (2048, [0], .wrongLength), (2048, [UInt8](repeating: 0xFF, count: 9), .unsupported),
            (0, [1, 0, 1], .wrongLength),
        ] as [(Int, [UInt8], KeyError)]
    )
    func rsaRefused(_ bits: Int, _ exponent: [UInt8], _ expected: KeyError) {
        let modulus = bits == 0 ? [] : KeyPolicyTests.modulus(bits: bits)
        #expect(throws: expected) {
            try VerificationKey.rsa(modulus, exponent)
        }
    }

    @Test func evenModulusIsRefused() {
        var modulus = KeyPolicyTests.modulus(bits: 2048)
        modulus[255] = 0xA4
        #expect(throws: KeyError.unsupported) {
            try VerificationKey.rsa(modulus, [1, 0, 1])
        }
    }

    @Test(arguments: [2048, 2049, 3072, 4096, 8192])
    func rsaAccepted(_ bits: Int) throws {
        let modulus = KeyPolicyTests.modulus(bits: bits)
        #expect(try VerificationKey.rsa(modulus, [1, 0, 1]).kind == .rsa)
        #expect(
            try VerificationKey.rsa(([0] + modulus), [0, 1, 0, 1]).kind == .rsa
        )
    }

    @Test(arguments: EllipticCurve.allCases)
    func ecPointsAndLengths(_ curve: EllipticCurve) throws {
        guard case .ec(_, let x, let y) = try SigningKey.generate(.ec(curve)).publicMembers else {
            Issue.record("no EC members")
            return
        }
        #expect(x.count == curve.coordinateByteCount && y.count == curve.coordinateByteCount)
        #expect(try VerificationKey.ec(curve, x, y).kind == .ec(curve))
        var moved = y
        moved[moved.count - 1] ^= 1
        #expect(throws: KeyError.invalid) { try VerificationKey.ec(curve, x, moved) }
        #expect(throws: KeyError.wrongLength) {
            try VerificationKey.ec(curve, ([0] + x), y)
        }
        #expect(throws: KeyError.wrongLength) {
            try VerificationKey.ec(curve, Array(x.dropLast()), y)
        }
        let zeros = [UInt8](repeating: 0, count: x.count)
        #expect(throws: KeyError.invalid) { try VerificationKey.ec(curve, zeros, zeros) }
        let ones = [UInt8](repeating: 0xFF, count: x.count)
        #expect(throws: KeyError.invalid) { try VerificationKey.ec(curve, ones, y) }
        for other in EllipticCurve.allCases where other != curve {
            #expect(throws: KeyError.wrongLength) { try VerificationKey.ec(other, x, y) }
        }
    }

    @Test func ed25519Length() {
        for count in [0, 31, 33] {
            #expect(throws: KeyError.wrongLength) {
                try VerificationKey(ed25519: [UInt8](repeating: 9, count: count).span)
            }
        }
    }
}
