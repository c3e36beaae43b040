// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto

/// 16 bytes that make every handle another; see `OpenExchanges.nonce`.
package typealias Nonce = [16 of UInt8]

/// What a handle says: who, through which exchange, for how long.
package struct OpenedHandle: Sendable {
    package let principal: Principal
    package let session: VirtualSessionID?
    package let nonce: Nonce
    /// When it stops being accepted; never later than its principal's expiry.
    package let expires: WallTime
}

package enum HandleOutcome: Sendable {
    case opened(OpenedHandle)
    case refused(IdentityFailure)
}

/// Makes and opens handles: the opaque text that takes a token's place on its way to an agent, and from which
/// the agent's own calls get their principal back (DESIGN §5). One per worker.
///
/// ```
/// "bhh1_" base64url( principal encoding | agent name, 1 + n | flags 1 | session, 32 if flagged
///                    | nonce 16 | expires in ns, 8 | MAC, 16 )
/// MAC = first 16 bytes of HMAC-SHA-256(handle key, SHA-256(principal encoding) | what follows it)
/// ```
/// Letters, digits, `-` and `_` only, so it is legal in a header, as a bearer token and in a baggage member.
/// It is authenticated, not encrypted: it holds no more than the token that it stands for.
/// Cost: sealing one HMAC and some 150 bytes of base64, as the principal's part was encoded with the principal;
/// opening one SHA-256 and one HMAC, and a look at the registry if the snapshot is new. No allocation when warm.
package struct HandleCodec: ~Copyable, Sendable {
    package static let prefix: StaticString = "bhh1_"
    package static let maximumBytes = 8192
    package static let macBytes = 16
    private static let maximumAgentBytes = 64
    private static let sessionFlag: UInt8 = 1

    private var current: HMACSHA256
    private var previous: HMACSHA256?
    private var hasher = SHA256Hasher()
    private var scratch = Buffer()
    private var known: PrincipalCache

    /// - Parameters:
    ///   - current: `keys.current`; its handle key is derived here and seals.
    ///   - previous: `keys.previous`, which still opens.
    ///   - capacity: principals that are remembered, so that their next handle needs no decoding.
    package init(current: Secret, previous: Secret? = nil, capacity: Int = 4096) {
        self.current = HMACSHA256(key: Self.key(current))
        self.previous = nil
        if let previous { self.previous = HMACSHA256(key: Self.key(previous)) }
        known = PrincipalCache(capacity: capacity)
    }

    private static func key(_ secret: Secret) -> Secret {
        HKDF.derive(from: secret, label: "bulkhead handle v1")
    }

    /// Whether a value is meant to be a handle: nothing else in a handle's slot says anything.
    package static func isHandle(_ value: Span<UInt8>) -> Bool { value.hasPrefix(prefix) }

    /// Appends a handle.
    /// - Parameters:
    ///   - agent: the upstream whose listeners will take it, and no others; 1 to 64 bytes.
    ///   - expires: capped at the principal's expiry.
    package mutating func seal(
        _ principal: Principal,
        agent: String,
        session: VirtualSessionID?,
        nonce: Nonce,
        expires: WallTime,
        into output: inout Buffer
    ) {
        precondition(
            (1...Self.maximumAgentBytes).contains(agent.utf8.count),
            "an agent's name has 1 to 64 bytes"
        )
        let end = min(expires, principal.expiry)
        scratch.removeAll()
        scratch.append(UInt8(agent.utf8.count))
        scratch.append(agent.utf8Span.span)
        scratch.append(session == nil ? 0 : Self.sessionFlag)
        if let session { scratch.append(session.digest.bytes) }
        scratch.append(nonce.span)
        scratch.append(bigEndian: UInt64(bitPattern: end.nanoseconds))
        let digest = principal.digest
        let mac = Self.mac(&current, digest, scratch, ByteRange(start: 0, count: scratch.count))
        scratch.append(mac.bytes.extracting(0..<Self.macBytes))
        output.append(Self.prefix)
        output.append(principal.handleText)
        Base64URL.encode(scratch.bytes, into: &output)
    }

    /// Opens a handle that came in on a listener of `agent`.
    /// Its tenant is asked for again in the registry: a suspension ends handles too. With a tier that was lowered
    /// since, the principal has the lower one.
    package mutating func open(
        _ text: Span<UInt8>,
        agent: String,
        in snapshot: IdentitySnapshot,
        now: WallTime
    ) -> HandleOutcome {
        scratch.removeAll()
        guard Self.isHandle(text), text.count <= Self.maximumBytes,
            Base64URL.decode(text.extracting(Self.prefix.utf8CodeUnitCount..<text.count), into: &scratch),
            let parts = Parts(scratch.bytes)
        else { return .refused(.handleInvalid) }
        let digest = Self.hash(&hasher, scratch, parts.principal)
        guard isAuthentic(parts, digest) else { return .refused(.handleInvalid) }
        guard scratch.bytes.extracting(parts.agent).equals(agent.utf8Span.span) else {
            return .refused(.handleForeign)
        }
        if now >= parts.expires { return .refused(.handleExpired) }
        switch principal(parts.principal, digest, snapshot) {
        case .failure(let failure): return .refused(failure)
        case .success(let principal):
            if now >= principal.expiry { return .refused(.handleExpired) }
            let session = parts.session.map { VirtualSessionID(digest: $0) }
            let expires = min(parts.expires, principal.expiry)
            return .opened(
                OpenedHandle(principal: principal, session: session, nonce: parts.nonce, expires: expires)
            )
        }
    }

    /// A principal that was verified before, as the snapshot in force sees it: what became of its tenant and of the key
    /// that vouched for it is looked at again, as for a handle.
    mutating func admit(_ principal: Principal, in snapshot: IdentitySnapshot) -> Result<
        Principal, IdentityFailure
    > {
        if let known = known.find(principal.digest, in: snapshot) { return .success(known) }
        scratch.removeAll()
        let text = principal.handleText
        guard Base64URL.decode(text.span, into: &scratch) else { return .failure(.handleInvalid) }
        return self.principal(ByteRange(start: 0, count: scratch.count), principal.digest, snapshot)
    }

    /// Forgets a tenant's principals at once.
    package mutating func purge(_ tenant: TenantID) { known.purge(tenant) }

    private mutating func isAuthentic(_ parts: Parts, _ digest: Digest) -> Bool {
        let ours = Self.mac(&current, digest, scratch, parts.tail)
        if Self.matches(ours, scratch, parts.mac) { return true }
        if previous == nil { return false }
        let older = Self.mac(&previous!, digest, scratch, parts.tail)
        return Self.matches(older, scratch, parts.mac)
    }

    // Each of these takes the fields that it needs, so that one may change while another is read.

    private static func mac(
        _ key: inout HMACSHA256,
        _ principal: Digest,
        _ bytes: borrowing Buffer,
        _ tail: ByteRange
    ) -> Digest {
        key.authenticate(principal.bytes, bytes.bytes.extracting(tail))
    }

    private static func matches(_ ours: Digest, _ bytes: borrowing Buffer, _ mac: ByteRange) -> Bool {
        constantTimeEquals(ours.bytes.extracting(0..<macBytes), bytes.bytes.extracting(mac))
    }

    private static func hash(
        _ hasher: inout SHA256Hasher,
        _ bytes: borrowing Buffer,
        _ range: ByteRange
    ) -> Digest {
        hasher.update(bytes.bytes.extracting(range))
        return hasher.finish()
    }

    /// The principal whose authentic encoding stands in `scratch`, as the snapshot sees it.
    private mutating func principal(
        _ encoding: ByteRange,
        _ digest: Digest,
        _ snapshot: IdentitySnapshot
    ) -> Result<Principal, IdentityFailure> {
        if let principal = known.find(digest, in: snapshot) { return .success(principal) }
        guard let decoded = PrincipalCode.decode(scratch.bytes.extracting(encoding)) else {
            return .failure(.handleInvalid)
        }
        guard let place = snapshot.issuers.place(named: decoded.issuerName.span) else {
            return .failure(.issuerUnknown)
        }
        let issuer = snapshot.issuers[place]
        guard issuer.fingerprint == decoded.fingerprint else { return .failure(.issuerUnknown) }
        guard let tier = snapshot.tiers.find(decoded.tier) else { return .failure(.tierUnknown) }
        let admission = snapshot.tenants.admit(
            decoded.claims.tenant,
            from: issuer,
            groups: decoded.claims.groups,
            claimed: tier,
            drift: snapshot.tierDrift
        )
        return admission.flatMap { admission in
            guard let principal = Principal(decoded.claims, issuer: issuer, admission: admission) else {
                return .failure(.claimsTooLarge)
            }
            let needsKeys = issuer.certificates == nil && snapshot.keys[place] == nil
            if needsKeys { return .failure(.keysUnavailable) }
            // The key that signed the token has gone, so the token is void, and the handle with it.
            guard snapshot.vouches(for: principal, issuer: place) else { return .failure(issuer.disowned) }
            known.insert(digest, principal, issuer: place, in: snapshot)
            return .success(principal)
        }
    }

    /// Where the parts of a decoded handle stand. Nothing is believed until the MAC is checked.
    private struct Parts {
        let principal: ByteRange
        /// All between the principal and the MAC.
        let tail: ByteRange
        let agent: ByteRange
        let session: Digest?
        let nonce: Nonce
        let expires: WallTime
        let mac: ByteRange

        init?(_ bytes: Span<UInt8>) {
            guard let count = PrincipalCode.count(bytes) else { return nil }
            var cursor = ByteCursor(bytes)
            guard let principal = cursor.take(count), let agentCount = cursor.byte(), agentCount > 0,
                let agent = cursor.take(Int(agentCount)), let flags = cursor.byte(),
                flags & ~HandleCodec.sessionFlag == 0
            else { return nil }
            if flags & HandleCodec.sessionFlag != 0 {
                guard let range = cursor.take(Digest.byteCount) else { return nil }
                session = Digest(bytes.extracting(range))
            } else {
                session = nil
            }
            guard let nonce = cursor.take(16), let expires = cursor.uint64() else { return nil }
            self.principal = principal
            self.agent = agent
            self.nonce = Nonce { bytes[nonce.start + $0] }
            self.expires = WallTime(nanoseconds: Int64(bitPattern: expires))
            tail = ByteRange(start: principal.end, count: cursor.position - principal.end)
            guard let mac = cursor.take(HandleCodec.macBytes), cursor.remaining == 0 else { return nil }
            self.mac = mac
        }
    }
}
