// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto

/// A session id as the agent sees it: stands for one client's id within one user of one tenant, and for nobody
/// else's. It says nothing of the client's id, and none can be made up without the key.
///
/// ```
/// "bhs2-" hex( id 16 | check 16 )
/// id    = first 16 bytes of HMAC-SHA-256(session key, person | client's id)
/// check = first 16 bytes of HMAC-SHA-256(check key, person | id)        person: issuer, tenant, user
/// ```
/// So one that comes back as a key in an agent's call tells whether it is of the person who is identified, without
/// anybody having to remember it (THREATS 4).
package struct VirtualSessionID: Hashable, Sendable {
    package static let prefix: StaticString = "bhs2-"
    /// Of the text: within AgentCore's 33 to 256, and its 100 for sessions of Memory.
    package static let byteCount = 5 + 2 * Digest.byteCount

    /// Id and check.
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
    private var check: SessionCheckCode
    private var message = Buffer()

    /// - Parameter secret: the id key (THREATS 27): another one gives every session another name, so it changes
    ///   only with a migration.
    package init(secret: Secret) {
        mac = HMACSHA256(key: HKDF.derive(from: secret, label: "bulkhead session id v2"))
        check = SessionCheckCode(secret: secret)
    }

    /// The id that stands for `session`, always the same one for the same person and key. It is bound to
    /// (issuer, tenant, user), not to the token, which is replaced while a session lasts.
    /// - Returns: nil for an empty id, one over 1024 bytes, or one with a byte outside visible ASCII.
    /// Cost: two HMACs, no allocation.
    package mutating func virtualise(_ session: Span<UInt8>, for principal: Principal) -> VirtualSessionID? {
        guard (1...Self.maximumBytes).contains(session.count) else { return nil }
        for index in session.indices where session[index] <= 0x20 || session[index] >= 0x7F { return nil }
        message.removeAll()
        principal.appendPerson(to: &message)
        message.append(bigEndian: UInt64(session.count))
        message.append(session)
        let id = Self.authenticate(&mac, message)
        message.removeAll()
        message.append(id.bytes.extracting(0..<SessionCheckCode.idBytes))
        let code = Self.code(&check, message, principal)
        message.append(code.bytes.extracting(0..<SessionCheckCode.idBytes))
        return Digest(message.bytes).map { VirtualSessionID(digest: $0) }
    }

    private static func authenticate(_ mac: inout HMACSHA256, _ message: borrowing Buffer) -> Digest {
        mac.authenticate(message.bytes)
    }

    private static func code(
        _ check: inout SessionCheckCode,
        _ id: borrowing Buffer,
        _ principal: Principal
    ) -> Digest {
        check.code(of: id.bytes, for: principal)
    }
}

/// Tells whose a session id is that an agent sends; one per grant.
package final class SessionCheck {
    private var check: SessionCheckCode
    private let principal: Principal

    package init(secret: Secret, principal: Principal) {
        check = SessionCheckCode(secret: secret)
        self.principal = principal
    }

    /// Whether a text is the id of some session of this person's. Cost: one HMAC.
    package func owns(_ text: Span<UInt8>) -> Bool {
        let prefix = VirtualSessionID.prefix.utf8CodeUnitCount
        guard text.count == VirtualSessionID.byteCount, text.hasPrefix(VirtualSessionID.prefix) else {
            return false
        }
        guard let bytes = Hex.decode(text.extracting(prefix..<text.count)) else { return false }
        let half = SessionCheckCode.idBytes
        let code = check.code(of: bytes.span.extracting(0..<half), for: principal)
        return constantTimeEquals(
            code.bytes.extracting(0..<half),
            bytes.span.extracting(half..<bytes.count)
        )
    }
}

/// The second half of a session id.
private struct SessionCheckCode: ~Copyable, Sendable {
    static let idBytes = 16

    private var mac: HMACSHA256
    private var message = Buffer()

    init(secret: Secret) {
        mac = HMACSHA256(key: HKDF.derive(from: secret, label: "bulkhead session check v1"))
    }

    /// - Parameter id: the first half.
    mutating func code(of id: Span<UInt8>, for principal: Principal) -> Digest {
        message.removeAll()
        principal.appendPerson(to: &message)
        message.append(id)
        return Self.authenticate(&mac, message)
    }

    private static func authenticate(_ mac: inout HMACSHA256, _ message: borrowing Buffer) -> Digest {
        mac.authenticate(message.bytes)
    }
}

extension Principal {
    /// Who it is, whatever the token: an injective encoding.
    fileprivate func appendPerson(to output: inout Buffer) {
        Self.append(issuer.url, to: &output)
        Self.append(tenant.text, to: &output)
        Self.append(user.text, to: &output)
    }

    private static func append(_ part: String, to output: inout Buffer) {
        output.append(bigEndian: UInt64(part.utf8.count))
        output.append(part.utf8Span.span)
    }
}
