// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto

/// Signs the chunks of a body one after the other, each signature over the one before it; the first over that of the
/// request's head (`STREAMING-AWS4-HMAC-SHA256-PAYLOAD`).
package struct ChunkSigner: ~Copyable {
    private var key: DayKey
    private let time: SigningTime
    private let scope: SigningScope
    private var previous = Buffer()
    private var text = Buffer()
    private var hasher = SHA256Hasher()

    /// - Parameters:
    ///   - key: of the day of `time`, and `scope`.
    ///   - seed: the signature of the head.
    package init(_ key: consuming DayKey, _ scope: SigningScope, at time: SigningTime, seed: Digest) {
        self.key = key
        self.time = time
        self.scope = scope
        Hex.encode(seed.bytes, into: &previous)
    }

    /// The signature of the next chunk; of the last one, which is empty, too.
    package mutating func sign(chunk data: borrowing Span<UInt8>) -> Digest {
        begin("AWS4-HMAC-SHA256-PAYLOAD")
        text.append(RequestSigner.emptyPayload)
        text.append(ASCII.lineFeed)
        hasher.update(data)
        return finish()
    }

    /// The signature of the trailers, each `name:value` and a line feed.
    package mutating func sign(trailers: borrowing Buffer) -> Digest {
        begin("AWS4-HMAC-SHA256-TRAILER")
        hasher.update(all: trailers)
        return finish()
    }

    private mutating func begin(_ algorithm: StaticString) {
        text.removeAll()
        text.append(algorithm)
        text.append(ASCII.lineFeed)
        text.append(time.text.span)
        text.append(ASCII.lineFeed)
        scope.append(day: time.day, to: &text)
        text.append(ASCII.lineFeed)
        text.append(all: previous)
        text.append(ASCII.lineFeed)
    }

    private mutating func finish() -> Digest {
        let digest = hasher.finish()
        Hex.encode(digest.bytes, into: &text)
        let signature = key.sign(all: text)
        previous.removeAll()
        Hex.encode(signature.bytes, into: &previous)
        return signature
    }
}
