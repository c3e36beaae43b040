// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Crypto
import TestSupport
import Testing

@Suite struct ChunkTests {
    private static let scope = SigningScope(region: "us-east-1", service: "s3")
    private static let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
    private static let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

    private static func signer(_ secret: String = secret, seed: String = seed) throws -> ChunkSigner {
        let moment = SigningTime("20130524T000000Z".bytes.span)
        let time = try #require(moment)
        let key = DayKey(secret: Secret(copying: secret.bytes.span), day: time.day, scope: scope)
        let bytes = Hex.decode(seed.bytes.span) ?? []
        let found = Digest(bytes.span)
        let digest = try #require(found)
        return ChunkSigner(key, scope, at: time, seed: digest)
    }

    /// The worked example of the S3 manual: 65,536 and 1,024 bytes, and the empty chunk.
    @Test func theManualsExample() throws {
        var signer = try Self.signer()
        let letters = [UInt8](repeating: UInt8(ascii: "a"), count: 65_536)
        let expected = [
            (letters, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
            (Array(letters[0..<1024]), "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
            ([], "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
        ]
        for (chunk, signature) in expected {
            let ours = signer.sign(chunk: chunk.span)
            #expect("\(ours)" == signature)
        }
    }

    private static func body(
        _ chunks: [[UInt8]],
        trailers: String? = nil,
        secret: String = secret,
        seed: String = seed
    ) throws -> [UInt8] {
        var signer = try signer(secret, seed: seed)
        var body: [UInt8] = []
        for chunk in chunks + [[]] {
            let signature = signer.sign(chunk: chunk.span)
            body += "\(String(chunk.count, radix: 16));chunk-signature=\(signature)\r\n".bytes
            body += chunk
            if !chunk.isEmpty { body += "\r\n".bytes }
        }
        if let trailers {
            body += trailers.bytes
            var lines = Buffer()
            lines.append(string: trailers.replacing("\r\n", with: "\n"))
            let signature = signer.sign(trailers: lines)
            body += "x-amz-trailer-signature:\(signature)\r\n".bytes
        }
        return body + "\r\n".bytes
    }

    private static let otherSecret = "another secret"
    private static let otherSeed = String(repeating: "ab", count: 32)

    /// - Parameter cuts: where the input is cut into pieces.
    private static func transcoded(
        _ body: [UInt8],
        hasTrailers: Bool = false,
        length: Int,
        cuts: [Int] = []
    ) throws -> [UInt8] {
        var payload = ChunkedPayload(
            from: try signer(),
            to: try signer(otherSecret, seed: otherSeed),
            hasTrailers: hasTrailers,
            decodedLength: length
        )
        var output = Buffer()
        var waiting: [UInt8] = []
        var start = 0
        for end in cuts.sorted() + [body.count] {
            waiting += body[start..<end]
            start = end
            waiting.removeFirst(try payload.received(waiting.span, into: &output))
        }
        #expect(payload.isDone && waiting.isEmpty)
        return output.bytes.array()
    }

    @Test func chunksAreSignedAgain() throws {
        var generator = Seeded.printed()
        for trailers in [nil, "x-amz-checksum-crc32:AAAAAA==\r\n"] {
            let chunks = (0..<4).map { _ in
                [UInt8](
                    (0..<Int.random(in: 1...300, using: &generator)).map { _ in
                        UInt8.random(in: 0...255, using: &generator)
                    }
                )
            }
            let length = chunks.reduce(0) { $0 + $1.count }
            let body = try Self.body(chunks, trailers: trailers)
            let expected = try Self.body(
                chunks,
                trailers: trailers,
                secret: Self.otherSecret,
                seed: Self.otherSeed
            )
            for _ in 0..<20 {
                let cuts = (0..<5).map { _ in Int.random(in: 0...body.count, using: &generator) }
                let output = try Self.transcoded(
                    body,
                    hasTrailers: trailers != nil,
                    length: length,
                    cuts: cuts
                )
                #expect(output == expected)
                #expect(output.count == body.count)
            }
        }
    }

    @Test func nothingThatWasAlteredPasses() throws {
        let chunks = ["first".bytes, "second".bytes]
        let body = try Self.body(chunks, trailers: "x-amz-checksum-crc32:AAAAAA==\r\n")
        for index in body.indices {
            var altered = body
            altered[index] ^= 1
            let result = try? Self.transcoded(altered, hasTrailers: true, length: 11)
            // The case of a digit says nothing.
            #expect(result == nil || altered[index] | 0x20 == body[index] | 0x20, "byte \(index)")
        }
        // Chunks in another order, twice, or without the last one.
        let swapped = try Self.body(chunks.reversed())
        let straight = try Self.body(chunks)
        let first = straight.prefix(5 + 2 + 17 + 64 + 2 + 1)
        #expect(throws: (any Error).self) { try Self.transcoded(Array(first) + straight, length: 16) }
        #expect(try Self.transcoded(swapped, length: 11).count == swapped.count)
        #expect(throws: ChunkedPayload.Failure.length) { try Self.transcoded(straight, length: 12) }
        #expect(throws: ChunkedPayload.Failure.length) { try Self.transcoded(straight, length: 10) }
        #expect(throws: ChunkedPayload.Failure.malformed) {
            try Self.transcoded(straight, hasTrailers: true, length: 11)
        }
        #expect(throws: ChunkedPayload.Failure.malformed) { try Self.transcoded(body, length: 11) }
    }

    @Test(arguments: [
        "5\r\n", ";chunk-signature=\r\n", "5;chunk-signature=00\r\n", "g;chunk-signature=", "\r\n\r\n",
        "100000000;chunk-signature=" + String(repeating: "0", count: 64) + "\r\n",
        "5;chunk-signature=" + String(repeating: "0", count: 64) + ";x=y\r\n",
        "5; chunk-signature=" + String(repeating: "0", count: 64) + "\r\n",
        "-5;chunk-signature=" + String(repeating: "0", count: 64) + "\r\n",
        String(repeating: "5", count: 2000),
    ])
    func otherFormsAreRefused(_ text: String) {
        #expect(throws: ChunkedPayload.Failure.self) {
            var payload = ChunkedPayload(
                from: try Self.signer(),
                to: try Self.signer(),
                hasTrailers: false,
                decodedLength: 1 << 30
            )
            var output = Buffer()
            let line = text.hasSuffix("\r\n") || text.utf8.count > 1024 ? text : text + "\r\n"
            _ = try payload.received(line.bytes.span, into: &output)
        }
    }
}
