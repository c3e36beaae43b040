// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto
package import HTTPTypes

/// Signs requests, and verifies what others signed (SigV4). One for each worker, used again and again.
package struct RequestSigner: ~Copyable {
    package static let algorithm: StaticString = "AWS4-HMAC-SHA256"
    package static let emptyPayload: StaticString =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    private var canonical = CanonicalRequest()
    private var headers = SignedHeaders()
    private var text = Buffer()

    package init() {}

    /// What was canonicalised last, and the text that was signed last: to find out where two sides differ.
    package var canonicalText: Span<UInt8> {
        @_lifetime(borrow self) borrowing get { canonical.text }
    }
    package var signedText: Span<UInt8> {
        @_lifetime(borrow self) borrowing get { text.bytes }
    }

    /// Appends the digest of a body in hexadecimal: `SignedParts.payload`.
    package mutating func append(digestOf body: borrowing Span<UInt8>, to output: inout Buffer) {
        let digest = canonical.hash(body)
        Hex.encode(digest.bytes, into: &output)
    }

    // MARK: signing

    /// Appends `X-Amz-Security-Token` (for temporary keys), `X-Amz-Date` and `Authorization`. Signed are all fields
    /// but those that hops may change.
    /// - Parameters:
    ///   - parts: the request as it will leave.
    ///   - key: of this credential, the day of `time`, and `scope`.
    package mutating func sign(
        _ parts: borrowing SignedParts,
        _ fields: inout Fields,
        with credential: AWSCredential,
        _ key: inout DayKey,
        _ scope: SigningScope,
        form: PathForm? = nil,
        at time: SigningTime
    ) throws(SignatureFailure) {
        do throws(FieldError) {
            if let token = credential.sessionToken {
                try fields.append(.xAmzSecurityToken, value: token.bytes)
            }
            try fields.append(.xAmzDate, value: time.text.span)
        } catch {
            throw .malformed
        }
        try headers.collect(fields) { known, _ in !known.isHopMutable }
        let signature = try signature(parts, fields, &key, scope, form ?? scope.pathForm, time)
        text.removeAll()
        text.append(Self.algorithm)
        text.append(" Credential=")
        text.append(credential.accessKeyID)
        text.append(UInt8(ascii: "/"))
        scope.append(day: time.day, to: &text)
        text.append(", SignedHeaders=")
        headers.append(to: &text)
        text.append(", Signature=")
        Hex.encode(signature.bytes, into: &text)
        do throws(FieldError) { try fields.append(.authorization, value: text.bytes) } catch {
            throw .malformed
        }
    }

    /// Appends to a query what makes its URL good for `lifetime` seconds.
    /// - Parameter parts: with the query as it is without them.
    package mutating func presign(
        _ parts: borrowing SignedParts,
        _ fields: borrowing Fields,
        with credential: AWSCredential,
        _ key: inout DayKey,
        _ scope: SigningScope,
        form: PathForm? = nil,
        lifetime: Int,
        at time: SigningTime,
        into query: inout Buffer
    ) throws(SignatureFailure) {
        try headers.collect(fields) { known, _ in !known.isHopMutable }
        query.append(parts.query)
        text.removeAll()
        text.append(credential.accessKeyID)
        text.append(UInt8(ascii: "/"))
        scope.append(day: time.day, to: &text)
        Self.append("X-Amz-Algorithm", Self.algorithm.bytes, to: &query)
        Self.append("X-Amz-Credential", text.bytes, to: &query)
        Self.append("X-Amz-Date", time.text.span, to: &query)
        Self.append("X-Amz-SignedHeaders", headers.text, to: &query)
        text.removeAll()
        text.append(decimal: lifetime)
        Self.append("X-Amz-Expires", text.bytes, to: &query)
        if let token = credential.sessionToken {
            Self.append("X-Amz-Security-Token", token.bytes, to: &query)
        }
        let whole = query.bytes.array()
        let complete = SignedParts(
            method: parts.method,
            path: parts.path,
            query: whole.span,
            host: parts.host,
            payload: parts.payload
        )
        let signature = try signature(complete, fields, &key, scope, form ?? scope.pathForm, time)
        query.append("&X-Amz-Signature=")
        Hex.encode(signature.bytes, into: &query)
    }

    private static func append(
        _ name: StaticString,
        _ value: borrowing Span<UInt8>,
        to query: inout Buffer
    ) {
        Query.append(name: name.bytes, value: value, isFirst: query.isEmpty, into: &query)
    }

    // MARK: verifying

    /// Whether the claim's signature is that of this request.
    /// - Parameters:
    ///   - secret: of the claim's access key.
    ///   - parts: the request as it came, in the claim's own words for its body: `payload` is the claim's, or the
    ///     digest of the body where it names none.
    /// - Throws: `mismatch`; `headerUnsigned` where a field that changes the request's meaning is not covered.
    package mutating func verify(
        _ claim: SignatureClaim,
        secret: Secret,
        _ parts: borrowing SignedParts,
        _ fields: borrowing Fields,
        form: PathForm? = nil
    ) throws(SignatureFailure) {
        var key = DayKey(secret: secret, day: claim.time.day, scope: claim.scope)
        try verify(claim, with: &key, parts, fields, form: form)
    }

    /// The same with the key of the claim's day and scope at hand.
    package mutating func verify(
        _ claim: SignatureClaim,
        with key: inout DayKey,
        _ parts: borrowing SignedParts,
        _ fields: borrowing Fields,
        form: PathForm? = nil
    ) throws(SignatureFailure) {
        try headers.read(claim.signedHeaders.span)
        // Whatever begins with x-amz- changes what the request does.
        for index in fields.indices {
            let name = fields.name(at: index)
            guard name.count > 6, name.extracting(0..<6).equalsIgnoringCase("x-amz-") else { continue }
            if !headers.contains(name), !claim.mayBeUnsigned(fields.known(at: index)) {
                throw .headerUnsigned
            }
        }
        let signature = try signature(
            parts,
            fields,
            &key,
            claim.scope,
            form ?? claim.scope.pathForm,
            claim.time
        )
        guard constantTimeEquals(signature.bytes, claim.signature.bytes) else { throw .mismatch }
    }

    private mutating func signature(
        _ parts: borrowing SignedParts,
        _ fields: borrowing Fields,
        _ key: inout DayKey,
        _ scope: SigningScope,
        _ form: PathForm,
        _ time: SigningTime
    ) throws(SignatureFailure) -> Digest {
        let digest = try canonical.digest(parts, fields, headers, form)
        text.removeAll()
        text.append(Self.algorithm)
        text.append(ASCII.lineFeed)
        text.append(time.text.span)
        text.append(ASCII.lineFeed)
        scope.append(day: time.day, to: &text)
        text.append(ASCII.lineFeed)
        Hex.encode(digest.bytes, into: &text)
        return key.sign(all: text)
    }
}

extension KnownField {
    /// Fields that something between two ends may add, drop or change, and the signature itself.
    var isHopMutable: Bool {
        switch self {
        case .authorization, .connection, .keepAlive, .proxyConnection, .proxyAuthorization, .te, .trailer,
            .transferEncoding, .upgrade, .expect, .userAgent, .xAmznTraceID, .via, .forwarded, .xForwardedFor,
            .xForwardedHost, .xForwardedProto, .xForwardedPort, .traceparent, .tracestate, .baggage:
            true
        default: false
        }
    }
}
