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
        signature: Digest,
        payload: Payload
    ) throws(SignatureFailure) {
        guard let time = SigningTime(date) else { throw .malformed }
        guard time.day.equals(credential.day) else { throw .scope }
        self.place = place
        accessKeyID = credential.accessKeyID
        self.time = time
        scope = SigningScope(region: credential.region, service: credential.service)
        self.signedHeaders = signedHeaders
        self.signature = signature
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
            guard text.count <= Self.maximumBytes else { throw .malformed }
            var ends: [4 of Int] = [0, 0, 0, 0]
            var start = 0
            for part in ends.indices {
                guard let end = text.firstIndex(of: ASCII.slash, from: start), end > start else {
                    throw .malformed
                }
                ends[part] = end
                start = end + 1
            }
            guard text.extracting(start..<text.count).equals("aws4_request") else { throw .malformed }
            accessKeyID = try Self.name(text.extracting(0..<ends[0]))
            day = text.extracting((ends[0] + 1)..<ends[1]).array()
            region = try Self.name(text.extracting((ends[1] + 1)..<ends[2]))
            service = try Self.name(text.extracting((ends[2] + 1)..<ends[3]))
        }

        private static func name(_ text: borrowing Span<UInt8>) throws(SignatureFailure) -> [UInt8] {
            for index in text.indices {
                let byte = text[index]
                guard ASCII.isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                else { throw .malformed }
            }
            return text.array()
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
        var signature: Digest?
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
                guard signature == nil, let digest = digest(part.extracting(10..<part.count)) else {
                    throw .malformed
                }
                signature = digest
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
            signature: signature,
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
        guard digest(value) != nil else { throw .malformed }
        return .digest
    }

    /// 64 digits in lower case.
    static func digest(_ text: borrowing Span<UInt8>) -> Digest? {
        guard text.count == 2 * Digest.byteCount else { return nil }
        var bytes = InlineArray<32, UInt8>(repeating: 0)
        for index in bytes.indices {
            let (first, second) = (text[2 * index], text[2 * index + 1])
            guard ASCII.lowercased(first) == first, ASCII.lowercased(second) == second,
                let high = ASCII.hexValue(first), let low = ASCII.hexValue(second)
            else { return nil }
            bytes[index] = high << 4 | low
        }
        return Digest(bytes.span)
    }
}
