// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Crypto
import HTTPTypes
import Identity
import Namespaces

/// AWS signatures: the agent's own, made with worthless keys, is verified; the request is signed again with the
/// tenant's.
extension Gateway {
    private static let unsigned: StaticString = "UNSIGNED-PAYLOAD"

    // MARK: the agent's

    /// An access key id that is a handle says whose the request is. What is signed with other keys says nothing, and
    /// ends here (THREATS 1).
    mutating func addSignature(
        _ exchange: inout Exchange,
        to carriers: inout Carriers,
        _ identity: IdentitySnapshot,
        _ now: WallTime
    ) throws(Stop) {
        guard SignatureClaim.isPresent(exchange.request.fields, query: exchange.request.path.query) else {
            return
        }
        let claim: SignatureClaim
        do throws(SignatureFailure) {
            claim = try SignatureClaim(exchange.request.fields, query: exchange.request.path.query)
            try claim.checkTime(now: now)
        } catch {
            throw .refused(Refusal(error))
        }
        if LeaseKeyCodec.isLeaseKey(claim.accessKeyID.span) {
            return try addLeaseKey(&exchange, claim, now)
        }
        let isCarrier = carriers.add(
            accessKeyID: claim.accessKeyID.span,
            with: &authenticator,
            snapshot: identity,
            now: now
        )
        if isCarrier { exchange.signature = claim }
    }

    /// A key that was given to the process behind a leased endpoint is good there alone, and as long as that lease stands.
    /// It says nothing of a person: the lease does, which is a carrier of its own.
    private mutating func addLeaseKey(
        _ exchange: inout Exchange,
        _ claim: SignatureClaim,
        _ now: WallTime
    ) throws(Stop) {
        let listener = exchange.plan.listeners[exchange.listener]
        guard listener.carriers.contains(.lease), let endpoint = listener.leasedEndpoint else { return }
        guard let holder = exchanges.endpoints.find(endpoint, now: now) else {
            throw .refused(Refusal(.leaseIdle))
        }
        let failure = leaseKeys.failure(
            of: claim.accessKeyID.span,
            endpoint: endpoint,
            instance: exchanges.instance,
            epoch: holder.epoch,
            now: now
        )
        if let failure { throw .refused(Refusal(failure)) }
        exchange.signature = claim
    }

    /// Whether the body must be there before the head can go: no other service than S3 takes a payload that is not
    /// signed, and chunks are signed over one another.
    func mustCollect(_ exchange: borrowing Exchange, _ route: Route) -> Bool {
        guard let signing = route.signing, exchange.bodyLength != .none else { return false }
        if !signing.scope.service.span.equals("s3") { return true }
        guard let claim = exchange.signature else { return false }
        switch claim.payload {
        case .signedChunks, .absent: return true
        case .digest, .unsigned, .unsignedChunks: return false
        }
    }

    /// Checks the signature of a request whose key said whose it is.
    /// - Parameter isCollected: whether `requestBody` is the body as it came. One that flows is held against its digest
    ///   by the store.
    mutating func verifySignature(
        _ exchange: inout Exchange,
        isCollected: Bool,
        _ now: WallTime
    ) throws(Stop) {
        guard let claim = exchange.signature else { return }
        payload.removeAll()
        if isCollected {
            signer.append(digestOf: exchange.requestBody.bytes, to: &payload)
        } else {
            payload.append(RequestSigner.emptyPayload)
        }
        if let said = claim.payloadText(exchange.request.fields) {
            if claim.payload == .digest, isCollected, !payload.bytes.equals(said) {
                throw .refused(.payloadMismatch)
            }
            payload.removeAll()
            payload.append(said)
        }
        do throws(SignatureFailure) {
            if let known = claimKeys.find(claim, now: now) {
                if try Self.isSigned(exchange.request, claim, known, payload, &signer) {
                    exchange.signatureSecret = known.secret
                    return
                }
            }
            let key = try verified(exchange.request, claim)
            exchange.signatureSecret = key.secret
            let until = exchange.handle?.expires ?? now + ClaimKeyTable.longestStay
            claimKeys.insert(key, of: claim, until: until, now: now)
        } catch {
            throw .refused(Refusal(error))
        }
    }

    /// The key that a request was signed with: that of the present secret, or of the one before. `payload` is the request's.
    private mutating func verified(
        _ request: borrowing RequestHead,
        _ claim: SignatureClaim
    ) throws(SignatureFailure) -> ClaimKey {
        let key = ClaimKey(secret: worthlessKeys.secret(of: claim.accessKeyID.span), for: claim)
        if try Self.isSigned(request, claim, key, payload, &signer) { return key }
        guard let secret = worthlessKeys.previousSecret(of: claim.accessKeyID.span) else { throw .mismatch }
        let before = ClaimKey(secret: secret, for: claim)
        guard try Self.isSigned(request, claim, before, payload, &signer) else { throw .mismatch }
        return before
    }

    /// - Throws: all but `mismatch`.
    private static func isSigned(
        _ request: borrowing RequestHead,
        _ claim: SignatureClaim,
        _ key: ClaimKey,
        _ payload: borrowing Buffer,
        _ signer: inout RequestSigner
    ) throws(SignatureFailure) -> Bool {
        let target = request.target
        let mark = target.firstIndex(of: UInt8(ascii: "?")) ?? target.count
        let parts = SignedParts(
            method: request.method,
            path: target.extracting(0..<mark),
            query: target.extracting(min(mark + 1, target.count)..<target.count),
            host: host(of: request),
            payload: payload.bytes
        )
        do throws(SignatureFailure) {
            try signer.verify(claim, with: &key.dayKey, parts, request.fields)
            return true
        } catch {
            guard error == .mismatch else { throw error }
            return false
        }
    }

    @_lifetime(borrow request)
    private static func host(of request: borrowing RequestHead) -> Span<UInt8> {
        guard let host = request.fields.first(.host) else { return request.authority }
        return request.fields.value(at: host)
    }

    // MARK: ours

    /// ARN of the role that is assumed: the one that a permit of the decision chooses, else that of the tier, else the
    /// credential's. Nil for credentials that know no roles, where what policies choose means nothing.
    func role(
        for principal: Principal,
        _ route: Route,
        chosen: [String]
    ) throws(Stop) -> String? {
        guard let plan = route.signing?.plan else { return nil }
        // Whichever is taken, the other permit's author meant something else.
        guard chosen.count <= 1 else { throw .refused(.roleAmbiguous) }
        if let name = chosen.first {
            guard let role = plan.namedRoles[name] else { throw .refused(.roleRefused) }
            return role
        }
        guard let role = plan.role(ofTier: principal.tier.name) else { throw .refused(.roleMissing) }
        return role
    }

    /// What is asked of STS for a principal; nil for credentials of another kind.
    func stsForm(
        for principal: Principal,
        _ role: String?,
        _ route: Route,
        _ action: String,
        _ named: [UInt8]?,
        _ scope: AdapterScope
    ) throws(Stop) -> [UInt8]? {
        guard let plan = route.signing?.plan, let role else { return nil }
        let policy = plan.narrows ? route.adapter.sessionPolicy(action, scope, resource: named) : nil
        if let policy, policy.count > SessionPolicy.maximumBytes {
            throw .refused(.sessionPolicyTooLarge)
        }
        let subject = STSSubject(
            tenant: principal.tenant.text,
            tier: principal.tier.name,
            issuer: principal.issuer.url,
            user: principal.user.text
        )
        return plan.assumeRole(role, subject, policy: policy)
    }

    /// Signs the request as it leaves. Whatever was collected is signed with its digest; an object that flows keeps the
    /// form in which the agent sends it, or goes unsigned.
    mutating func sign(
        _ exchange: inout Exchange,
        _ means: Means,
        _ scope: SigningScope
    ) throws(Stop) {
        guard let keys = means.keys, let route = exchange.route else { throw .refused(.credentialFailed) }
        if signingTime.time.seconds != exchange.startedOn.seconds {
            signingTime = SigningTime(exchange.startedOn)
        }
        let time = signingTime
        try findPayload(&exchange, scope)
        let dayKey = means.dayKey(time, scope, keys)
        do throws(SignatureFailure) {
            try Self.sign(
                exchange.outgoing.method,
                exchange.outgoing.target,
                host: route.authority,
                payload,
                &exchange.outgoing.fields,
                OutgoingSignature(keys: keys, dayKey: dayKey, scope: scope, time: time),
                &signer
            )
        } catch {
            throw .refused(Refusal(error))
        }
        try signChunks(&exchange, keys, scope, time)
    }

    private struct OutgoingSignature {
        let keys: AWSCredential
        let dayKey: MeansDayKey
        let scope: SigningScope
        let time: SigningTime
    }

    // Takes what it needs, so that one may change while another is read.
    private static func sign(
        _ method: Method,
        _ target: borrowing Buffer,
        host: [UInt8],
        _ payload: borrowing Buffer,
        _ fields: inout Fields,
        _ with: OutgoingSignature,
        _ signer: inout RequestSigner
    ) throws(SignatureFailure) {
        let whole = target.bytes
        let mark = whole.firstIndex(of: UInt8(ascii: "?")) ?? whole.count
        let parts = SignedParts(
            method: method,
            path: whole.extracting(0..<mark),
            query: whole.extracting(min(mark + 1, whole.count)..<whole.count),
            host: host.span,
            payload: payload.bytes
        )
        try signer.sign(parts, &fields, with: with.keys, &with.dayKey.key, with.scope, at: with.time)
    }

    /// Puts what is signed in the body's place into `payload`; said in the head too where the service is S3.
    private mutating func findPayload(_ exchange: inout Exchange, _ scope: SigningScope) throws(Stop) {
        payload.removeAll()
        if let index = exchange.outgoing.fields.first(.xAmzContentSha256) {
            let value = exchange.outgoing.fields.value(at: index)
            // Only with the agent's own key could its chunks be signed again.
            if value.hasPrefix("STREAMING-AWS4-"), exchange.signature == nil {
                throw .refused(.signatureChunksRefused)
            }
            return payload.append(value)
        }
        if exchange.isBodyCollected {
            signer.append(digestOf: exchange.requestBody.bytes, to: &payload)
        } else if exchange.bodyLength == .none || exchange.bodyLength == .fixed(0) {
            payload.append(RequestSigner.emptyPayload)
        } else {
            payload.append(Self.unsigned)
        }
        guard scope.service.span.equals("s3") else { return }
        do throws(FieldError) {
            try exchange.outgoing.fields.append(.xAmzContentSha256, value: payload.bytes)
            if exchange.isBodyCollected { try appendChecksum(&exchange) }
        } catch {
            throw .refused(.fieldsTooLarge)
        }
    }

    /// S3 wants a checksum with a list of what to delete, and the agent's was of another text.
    private func appendChecksum(_ exchange: inout Exchange) throws(FieldError) {
        let digest = SHA256.hash(exchange.requestBody.bytes)
        var text = Buffer()
        Base64.encode(digest.bytes, into: &text)
        try exchange.outgoing.fields.append(name: "x-amz-checksum-sha256", value: text.bytes)
    }

    /// Signs an object's chunks again, each after the agent's own signature of it was checked.
    private mutating func signChunks(
        _ exchange: inout Exchange,
        _ keys: AWSCredential,
        _ scope: SigningScope,
        _ time: SigningTime
    ) throws(Stop) {
        guard let claim = exchange.signature, case .signedChunks(let hasTrailers) = claim.payload else {
            return
        }
        guard let seed = Self.seed(exchange.outgoing.fields), let secret = exchange.signatureSecret,
            let length = Self.decodedLength(exchange.request.fields)
        else { throw .refused(.signatureChunksRefused) }
        let incoming = DayKey(secret: secret, day: claim.time.day, scope: claim.scope)
        let outgoing = DayKey(secret: keys.secret, day: time.day, scope: scope)
        var chunks = ChunkedPayload(
            from: ChunkSigner(incoming, claim.scope, at: claim.time, seed: claim.signature),
            to: ChunkSigner(outgoing, scope, at: time, seed: seed),
            hasTrailers: hasTrailers,
            decodedLength: length
        )
        text.removeAll()
        swap(&text, &exchange.requestBody)
        do throws(ChunkedPayload.Failure) {
            let taken = try chunks.received(text.bytes, into: &exchange.requestBody)
            guard taken == text.count, chunks.isDone else { throw .malformed }
        } catch {
            throw .refused(error == .mismatch ? Refusal(.mismatch) : .signatureChunksRefused)
        }
    }

    /// The signature of the head that was just signed: its last 64 digits.
    private static func seed(_ fields: borrowing Fields) -> Digest? {
        guard let index = fields.first(.authorization) else { return nil }
        let value = fields.value(at: index)
        guard value.count > 64, let bytes = Hex.decode(value.extracting((value.count - 64)..<value.count))
        else { return nil }
        return Digest(bytes.span)
    }

    private static func decodedLength(_ fields: borrowing Fields) -> Int? {
        let name = ("x-amz-decoded-content-length" as StaticString).bytes
        guard fields.occurrences(named: name) == 1, let index = fields.first(named: name) else { return nil }
        return fields.value(at: index).string().flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
    }
}

extension Means {
    /// Made once a day.
    func dayKey(_ time: SigningTime, _ scope: SigningScope, _ keys: AWSCredential) -> MeansDayKey {
        if let dayKey, dayKey.day.span.equals(time.day) { return dayKey.key }
        let key = MeansDayKey(DayKey(secret: keys.secret, day: time.day, scope: scope))
        dayKey = (time.day.array(), key)
        return key
    }
}
