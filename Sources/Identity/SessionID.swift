// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto

/// A session id as the agent sees it: stands for one client's id within one user of one tenant, and for nobody
/// else's. It says nothing of the client's id, and none can be made up without the key.
package struct VirtualSessionID: Hashable, Sendable {
    package static let prefix: StaticString = "bhs1-"
    /// Of the text: within AgentCore's 33 to 256, and its 100 for sessions of Memory.
    package static let byteCount = 5 + 2 * Digest.byteCount

    let digest: Digest

    /// Appends the text: letters, digits and `-`. Cost: no allocation.
    package func write(into output: inout Buffer) {
        output.append(Self.prefix)
        Hex.encode(digest.bytes, into: &output)
    }

    /// Appends 16 hexadecimal digits that name the session in records.
    package func writeShort(into output: inout Buffer) {
        Hex.encode(digest.bytes.extracting(0..<8), into: &output)
    }
}

/// Makes session ids; one per worker.
package struct SessionCodec: ~Copyable, Sendable {
    /// Of what a client may send.
    package static let maximumBytes = 1024

    private var mac: HMACSHA256
    private var message = Buffer()

    /// - Parameter secret: the id key (THREATS 27): another one gives every session another name, so it changes
    ///   only with a migration.
    package init(secret: Secret) {
        mac = HMACSHA256(key: HKDF.derive(from: secret, label: "bulkhead session id v1"))
    }

    /// The id that stands for `session`, always the same one for the same person and key. It is bound to
    /// (issuer, tenant, user), not to the token, which is replaced while a session lasts.
    /// - Returns: nil for an empty id, one over 1024 bytes, or one with a byte outside visible ASCII.
    /// Cost: one HMAC, no allocation.
    package mutating func virtualise(_ session: Span<UInt8>, for principal: Principal) -> VirtualSessionID? {
        guard (1...Self.maximumBytes).contains(session.count) else { return nil }
        for index in session.indices where session[index] <= 0x20 || session[index] >= 0x7F { return nil }
        message.removeAll()
        append(principal.issuer.url.utf8Span.span)
        append(principal.tenant.text.utf8Span.span)
        append(principal.user.text.utf8Span.span)
        append(session)
        return VirtualSessionID(digest: Self.authenticate(&mac, message))
    }

    private static func authenticate(_ mac: inout HMACSHA256, _ message: borrowing Buffer) -> Digest {
        mac.authenticate(message.bytes)
    }

    private mutating func append(_ part: Span<UInt8>) {
        message.append(bigEndian: UInt64(part.count))
        message.append(part)
    }
}
