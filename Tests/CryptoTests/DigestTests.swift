// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Testing

@Suite struct DigestTests {
    // FIPS 180-4 examples.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            String(repeating: "a", count: 1_000_000),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
    ])
    func sha256(_ text: String, _ expected: String) {
        let bytes = Array(text.utf8)
        #expect("\(SHA256.hash(bytes.span))" == expected)
        var hasher = SHA256Hasher()
        for _ in 0..<2 {  // the second time shows that `finish` leaves a fresh hasher
            hasher.update(bytes.span.extracting(..<(bytes.count / 3)))
            hasher.update(bytes.span.extracting((bytes.count / 3)...))
            #expect(hasher.finish().description == expected)
        }
    }

    /// RFC 6455 §1.3.
    @Test func aWebSocketsKeyIsAnswered() {
        var answer = Buffer()
        WebSocketAccept.append(answering: Array("dGhlIHNhbXBsZSBub25jZQ==".utf8).span, into: &answer)
        #expect(String(decoding: answer.bytes.array(), as: UTF8.self) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test func prefixedPartsAreInjective() {
        var hasher = SHA256Hasher()
        func digest(_ parts: [String]) -> Digest {
            for part in parts { hasher.update(prefixed: Array(part.utf8).span) }
            return hasher.finish()
        }
        let lists = [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], ["", "abc"], [], [""]]
        #expect(Set(lists.map(digest)).count == lists.count)
    }

    @Test func roundTripsThroughBytes() throws {
        let digest = SHA256.hash([1, 2, 3].span)
        let copy = try #require(parsedDigest(ofBytes: digest.bytes.array()))
        #expect(copy == digest && copy.hashValue == digest.hashValue)
        #expect(digest != Digest())
        #expect(parsedDigest(ofBytes: .init(repeating: 0, count: 31)) == nil)
        #expect(parsedDigest(ofBytes: .init(repeating: 0, count: 33)) == nil)
    }

    @Test func everyByteCountsForEquality() {
        let digest = SHA256.hash([7].span)
        for index in 0..<32 {
            var bytes = digest.bytes.array()
            bytes[index] ^= 0x80
            #expect(parsedDigest(ofBytes: bytes) != digest)
        }
    }
}

@Suite struct HMACTests {
    // RFC 4231 §4.
    static let cases: [(key: [UInt8], data: [UInt8], expected: String)] = [
        (
            .init(repeating: 0x0b, count: 20), Array("Hi There".utf8),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            .init(repeating: 0xaa, count: 20), .init(repeating: 0xdd, count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            Array(1...25), .init(repeating: 0xcd, count: 50),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
        ),
        (
            .init(repeating: 0xaa, count: 131),
            Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        // An empty key and message: the answer of Python's hmac module.
        ([], [], "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
    ]

    @Test(arguments: cases.indices)
    func vector(_ index: Int) {
        let (key, data, expected) = HMACTests.cases[index]
        var code = HMACSHA256(key: key.span)
        let half = data.count / 2
        let answers = [
            code.authenticate(data.span),
            code.authenticate(data.span.extracting(..<half), data.span.extracting(half...)),
            code.authenticate(data.span),
        ]
        #expect(answers.map(\.description) == [expected, expected, expected])
        let other = code.authenticate((data + [0]).span)
        #expect(other != answers[0])
    }
}

@Suite struct HKDFTests {
    // RFC 5869 appendix A.
    @Test func vectors() {
        let key = Secret(copying: [UInt8](repeating: 0x0b, count: 22).span)
        let first = HKDF.derive(
            from: key,
            salt: [UInt8](0...12).span,
            label: [UInt8](0xf0...0xf9).span,
            count: 42
        )
        #expect(
            hex(first)
                == "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        )
        let long = HKDF.derive(
            from: Secret(copying: [UInt8](0...0x4f).span),
            salt: [UInt8](0x60...0xaf).span,
            label: [UInt8](0xb0...0xff).span,
            count: 82
        )
        #expect(
            hex(long)
                == "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e"
                + "590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
        )
        let bare = HKDF.derive(from: key, label: "", count: 42)
        #expect(
            hex(bare)
                == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
        )
    }

    @Test func labelsSeparate() {
        let key = Secret(copying: [1, 2, 3].span)
        #expect(HKDF.derive(from: key, label: "handle") == HKDF.derive(from: key, label: "handle"))
        #expect(HKDF.derive(from: key, label: "handle") != HKDF.derive(from: key, label: "cursor"))
    }
}

@Suite struct BlockPermutationTests {
    @Test func fips197() {
        let key = [UInt8](0..<16)
        guard var permutation = BlockPermutation(key: key.span) else {
            Issue.record("a key of 16 bytes was refused")
            return
        }
        var plain = BlockPermutation.Block(repeating: 0)
        for index in plain.indices { plain[index] = UInt8(index * 0x11) }
        let sealed = permutation.encrypt(plain)
        let text = Hex.encode(sealed.span)
        #expect(text == "69c4e0d86a7b0430d8cdb78070b4c55a")
        let opened = permutation.decrypt(sealed)
        let same = opened.span.equals(plain.span)
        #expect(same)
    }

    @Test func inverts() {
        let key = [UInt8](0..<16)
        guard var permutation = BlockPermutation(key: key.span) else {
            Issue.record("a key of 16 bytes was refused")
            return
        }
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            var block = BlockPermutation.Block(repeating: 0)
            for index in block.indices { block[index] = UInt8.random(in: 0...255, using: &generator) }
            let sealed = permutation.encrypt(block)
            let opened = permutation.decrypt(sealed)
            let hidden = !sealed.span.equals(block.span)
            let same = opened.span.equals(block.span)
            #expect(hidden && same, "\(Hex.encode(block.span))")
        }
    }

    @Test(arguments: [0, 15, 17, 32])
    func refusesOtherKeyLengths(_ count: Int) {
        if BlockPermutation(key: [UInt8](repeating: 1, count: count).span) != nil {
            Issue.record("a key of \(count) bytes was accepted")
        }
    }
}

@Suite struct SecretTests {
    @Test func neverShows() {
        let secret = Secret(copying: Array("hunter2".utf8).span)
        #expect("\(secret)" == "<redacted>")
        #expect(String(reflecting: secret) == "<redacted>")
        #expect("\([secret])" == "[<redacted>]")
        #expect(Mirror(reflecting: secret).children.isEmpty)
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!dumped.contains("hunter2"))
    }

    @Test func comparesInConstantTime() {
        #expect(sameBytes([1, 2, 3], [1, 2, 3]))
        #expect(!sameBytes([1, 2, 3], [1, 2, 4]))
        #expect(!sameBytes([1, 2, 3], [1, 2]))
        #expect(sameBytes([], []))
        #expect(Secret(copying: [1].span) == Secret(copying: [1].span))
        #expect(Secret(copying: [1].span) != Secret(copying: [2].span))
    }
}
