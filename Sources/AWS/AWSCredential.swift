// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto

/// An access key. Its secret and its token never show.
package final class AWSCredential: Sendable {
    package let accessKeyID: [UInt8]
    package let secret: Secret
    /// Of temporary keys; nil for those of a user.
    package let sessionToken: Secret?
    /// Nil for keys that do not end.
    package let expiry: WallTime?

    package init(
        accessKeyID: [UInt8],
        secret: Secret,
        sessionToken: Secret? = nil,
        expiry: WallTime? = nil
    ) {
        self.accessKeyID = accessKeyID
        self.secret = secret
        self.sessionToken = sessionToken
        self.expiry = expiry
    }
}

/// The key that signs for one day, region and service (SigV4, step 3): HMAC over each in turn.
/// Cost: four HMACs to make, one to use.
package struct DayKey: ~Copyable {
    private var hmac: HMACSHA256

    package init(secret: Secret, day: borrowing Span<UInt8>, scope: SigningScope) {
        var first = Buffer(capacity: secret.count + 4)
        first.append("AWS4")
        first.append(secret.bytes)
        var dayKey = HMACSHA256(key: first.bytes)
        first.wipe()
        let ofDay = dayKey.authenticate(day)
        var regionKey = HMACSHA256(key: ofDay.bytes)
        let ofRegion = regionKey.authenticate(scope.region.span)
        var serviceKey = HMACSHA256(key: ofRegion.bytes)
        let ofService = serviceKey.authenticate(scope.service.span)
        var lastKey = HMACSHA256(key: ofService.bytes)
        let last = lastKey.authenticate(("aws4_request" as StaticString).bytes)
        hmac = HMACSHA256(key: last.bytes)
    }

    package mutating func sign(_ text: borrowing Span<UInt8>) -> Digest { hmac.authenticate(text) }
}

/// The secrets of the worthless keys that an agent signs with: the access key id is a handle, and its secret is
/// HMAC(key, id), so that Bulkhead alone can tell it (THREATS 23).
package struct WorthlessKeys: ~Copyable {
    private var current: HMACSHA256
    private var previous: HMACSHA256?

    /// - Parameters:
    ///   - current: `keys.current`; the key for this purpose is derived here.
    ///   - previous: `keys.previous`, whose secrets are still honoured.
    package init(current: Secret, previous: Secret? = nil) {
        self.current = HMACSHA256(key: Self.key(current))
        self.previous = nil
        if let previous { self.previous = HMACSHA256(key: Self.key(previous)) }
    }

    private static func key(_ secret: Secret) -> Secret {
        HKDF.derive(from: secret, label: "bulkhead aws secret v1")
    }

    /// 43 letters, digits, `-` and `_`.
    package mutating func secret(of accessKeyID: borrowing Span<UInt8>) -> Secret {
        Self.text(current.authenticate(accessKeyID))
    }

    /// What it was under the key before; nil where there was none.
    package mutating func previousSecret(of accessKeyID: borrowing Span<UInt8>) -> Secret? {
        guard let digest = previous?.authenticate(accessKeyID) else { return nil }
        return Self.text(digest)
    }

    private static func text(_ digest: borrowing Digest) -> Secret {
        var text = Buffer(capacity: 64)
        Base64URL.encode(digest.bytes, into: &text)
        let secret = Secret(copying: text.bytes)
        text.wipe()
        return secret
    }
}
