// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import Crypto
package import HTTPTypes

/// What a request says that it was signed with. Nothing of it is believed until `RequestSigner.verify`.
package struct SignatureClaim: Sendable {
    package enum Place: Hashable, Sendable {
        case header
        /// A presigned URL, good for so long from its time on.
        case query(lifetime: Interval)
    }

    /// What was signed in the body's place (`x-amz-content-sha256`).
    package enum Payload: Hashable, Sendable {
        /// The digest in hexadecimal, lower case.
        case digest
        case unsigned
        /// In chunks that are signed each, one after the other; perhaps with trailers.
        case signedChunks(trailer: Bool)
        /// In chunks that nothing signs, with a checksum behind them.
        case unsignedChunks
        /// The header is not there: the digest of the body.
        case absent
    }

    package let place: Place
    package let accessKeyID: [UInt8]
    package let time: SigningTime
    package let scope: SigningScope
    package let signedHeaders: [UInt8]
    package let signature: Digest
    package let payload: Payload

    /// The value of `x-amz-content-sha256`, or what stands for it; nil where the body must be hashed.
    package func payloadText(_ fields: borrowing Fields) -> [UInt8]? {
        if let index = fields.first(.xAmzContentSha256) { return fields.value(at: index).array() }
        return payload == .unsigned ? Array("UNSIGNED-PAYLOAD".utf8) : nil
    }

    /// Whether a request claims to be signed at all, by header or by query.
    package static func isPresent(_ fields: borrowing Fields, query: borrowing Span<UInt8>) -> Bool {
        if let index = fields.first(.authorization) {
            if fields.value(at: index).hasPrefix(RequestSigner.algorithm) { return true }
        }
        return hasSignature(query)
    }

    /// Reads the claim of a request.
    /// - Throws: `malformed` unless there is exactly one, in its one form.
    package init(
        _ fields: borrowing Fields,
        query: borrowing Span<UInt8>
    ) throws(SignatureFailure) {
        let isInQuery = Self.hasSignature(query)
        if fields.first(.authorization) != nil {
            if isInQuery { throw .malformed }
            self = try Self.header(fields)
        } else {
            guard isInQuery else { throw .malformed }
            self = try Self.query(fields, query)
        }
    }

    /// - Throws: `expired` unless the claim's time is near enough to `now`, or, for a presigned URL, its life has begun
    ///   and not ended.
    package func checkTime(now: WallTime) throws(SignatureFailure) {
        let early = time.time + Interval(nanoseconds: -scope.tolerance.nanoseconds)
        guard now >= early else { throw .expired }
        switch place {
        case .header: guard now <= time.time + scope.tolerance else { throw .expired }
        case .query(let lifetime): guard now < time.time + lifetime else { throw .expired }
        }
    }

    /// A session token beside keys that need none says nothing; Bulkhead drops it.
    func mayBeUnsigned(_ field: KnownField) -> Bool { field == .xAmzSecurityToken }

    // MARK: reading

    init(
        place: Place,
        credential: Credential,
        date: borrowing Span<UInt8>,
        signedHeaders: [UInt8],
        signature: borrowing Span<UInt8>,
        payload: Payload
    ) throws(SignatureFailure) {
        guard let time = SigningTime(date), let bytes = Self.hex(signature),
            let digest = Digest(bytes.span)
        else { throw .malformed }
        guard time.day.equals(credential.day) else { throw .scope }
        self.place = place
        accessKeyID = credential.accessKeyID
        self.time = time
        scope = SigningScope(region: credential.region, service: credential.service)
        self.signedHeaders = signedHeaders
        self.signature = digest
        self.payload = payload
    }

    /// `AKID/20150830/us-east-1/service/aws4_request`.
    struct Credential {
        /// A handle, and what stands behind it.
        private static let maximumBytes = 8448

        var accessKeyID: [UInt8] = []
        var day: [UInt8] = []
        var region: [UInt8] = []
        var service: [UInt8] = []

        init(_ text: borrowing Span<UInt8>) throws(SignatureFailure) {
            var parts: [Range<Int>] = []
            var start = 0
            while start <= text.count {
                let end = text.firstIndex(of: ASCII.slash, from: start) ?? text.count
                guard end > start, parts.count < 5 else { throw .malformed }
                parts.append(start..<end)
                start = end + 1
            }
            guard parts.count == 5, text.extracting(parts[4]).equals("aws4_request"),
                text.count <= Self.maximumBytes
            else { throw .malformed }
            accessKeyID = text.extracting(parts[0]).array()
            day = text.extracting(parts[1]).array()
            region = text.extracting(parts[2]).array()
            service = text.extracting(parts[3]).array()
            for byte in accessKeyID + region + service {
                guard ASCII.isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                else { throw .malformed }
            }
        }
    }

    private static func header(_ fields: borrowing Fields) throws(SignatureFailure) -> Self {
        guard fields.occurrences(.authorization) == 1, let index = fields.first(.authorization),
            fields.occurrences(.xAmzDate) == 1, let date = fields.first(.xAmzDate)
        else { throw .malformed }
        let value = fields.value(at: index)
        guard value.hasPrefix(RequestSigner.algorithm), value.count > 17, value[16] == ASCII.space else {
            throw .malformed
        }
        var credential: Credential?
        var signedHeaders: [UInt8]?
        var signature: [UInt8]?
        var start = 17
        while start <= value.count {
            let end = value.firstIndex(of: ASCII.comma, from: start) ?? value.count
            let part = value.extracting(start..<end).trimmingOWS()
            start = end + 1
            if part.hasPrefix("Credential=") {
                guard credential == nil else { throw .malformed }
                credential = try Credential(part.extracting(11..<part.count))
            } else if part.hasPrefix("SignedHeaders=") {
                guard signedHeaders == nil else { throw .malformed }
                signedHeaders = part.extracting(14..<part.count).array()
            } else if part.hasPrefix("Signature=") {
                guard signature == nil else { throw .malformed }
                signature = part.extracting(10..<part.count).array()
            } else {
                throw .malformed
            }
        }
        guard let credential, let signedHeaders, let signature else { throw .malformed }
        return try Self(
            place: .header,
            credential: credential,
            date: fields.value(at: date),
            signedHeaders: signedHeaders,
            signature: signature.span,
            payload: payload(fields)
        )
    }

    private static func payload(_ fields: borrowing Fields) throws(SignatureFailure) -> Payload {
        guard let index = fields.first(.xAmzContentSha256) else { return .absent }
        guard fields.occurrences(.xAmzContentSha256) == 1 else { throw .malformed }
        let value = fields.value(at: index)
        if value.equals("UNSIGNED-PAYLOAD") { return .unsigned }
        if value.equals("STREAMING-UNSIGNED-PAYLOAD-TRAILER") { return .unsignedChunks }
        if value.equals("STREAMING-AWS4-HMAC-SHA256-PAYLOAD") { return .signedChunks(trailer: false) }
        if value.equals("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") { return .signedChunks(trailer: true) }
        guard hex(value) != nil else { throw .malformed }
        return .digest
    }

    /// 64 digits in lower case.
    private static func hex(_ text: borrowing Span<UInt8>) -> [UInt8]? {
        guard text.count == 64 else { return nil }
        for index in text.indices where ASCII.lowercased(text[index]) != text[index] { return nil }
        return Hex.decode(text)
    }
}
