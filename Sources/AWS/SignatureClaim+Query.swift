// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import HTTPTypes

/// Presigned URLs.
extension SignatureClaim {
    /// A URL is good for seven days at most.
    static let longestLifetime: Int64 = 604_800

    /// What a presigned URL's parameters say; nil for what is not there.
    private struct Parameters {
        var algorithm: [UInt8]?
        var credential: [UInt8]?
        var date: [UInt8]?
        var expires: [UInt8]?
        var signedHeaders: [UInt8]?
        var signature: [UInt8]?
        var token: [UInt8]?
        var payload: [UInt8]?

        init(_ query: borrowing Span<UInt8>) throws(SignatureFailure) {
            var cursor = QueryCursor()
            while let parameter = cursor.next(in: query) {
                var name = Buffer()
                var value = Buffer()
                guard PercentEncoding.decode(query.extracting(parameter.name), into: &name),
                    PercentEncoding.decode(query.extracting(parameter.value), into: &value)
                else { throw .malformed }
                guard SignatureClaim.isOurs(name.bytes) else { continue }
                try set(name.bytes, value.bytes.array())
            }
        }

        private mutating func set(_ name: borrowing Span<UInt8>, _ value: [UInt8]) throws(SignatureFailure) {
            if name.equals("X-Amz-Algorithm") {
                try Self.put(value, &algorithm)
            } else if name.equals("X-Amz-Credential") {
                try Self.put(value, &credential)
            } else if name.equals("X-Amz-Date") {
                try Self.put(value, &date)
            } else if name.equals("X-Amz-Expires") {
                try Self.put(value, &expires)
            } else if name.equals("X-Amz-SignedHeaders") {
                try Self.put(value, &signedHeaders)
            } else if name.equals("X-Amz-Signature") {
                try Self.put(value, &signature)
            } else if name.equals("X-Amz-Security-Token") {
                try Self.put(value, &token)
            } else if name.equals("X-Amz-Content-Sha256") {
                try Self.put(value, &payload)
            } else {
                // Another spelling of one of them.
                throw .malformed
            }
        }

        private static func put(_ value: [UInt8], _ slot: inout [UInt8]?) throws(SignatureFailure) {
            guard slot == nil else { throw .malformed }
            slot = value
        }
    }

    /// Whether a parameter belongs to a signature, in whatever spelling.
    package static func isOurs(_ name: borrowing Span<UInt8>) -> Bool {
        let names: [StaticString] = [
            "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders",
            "x-amz-signature", "x-amz-security-token", "x-amz-content-sha256",
        ]
        for known in names where name.equalsIgnoringCase(known) { return true }
        return false
    }

    static func hasSignature(_ query: borrowing Span<UInt8>) -> Bool {
        var cursor = QueryCursor()
        while let parameter = cursor.next(in: query) {
            var name = Buffer()
            if PercentEncoding.decode(query.extracting(parameter.name), into: &name), isOurs(name.bytes) {
                return true
            }
        }
        return false
    }

    static func query(
        _ fields: borrowing Fields,
        _ query: borrowing Span<UInt8>
    ) throws(SignatureFailure) -> Self {
        let parameters = try Parameters(query)
        guard let algorithm = parameters.algorithm, algorithm.span.equals(RequestSigner.algorithm),
            let credential = parameters.credential, let date = parameters.date,
            let expires = parameters.expires, let signedHeaders = parameters.signedHeaders,
            let signature = parameters.signature.flatMap({ Self.digest($0.span) }),
            // Two moments would be one too many.
            fields.first(.xAmzDate) == nil
        else { throw .malformed }
        guard let seconds = Self.seconds(expires) else { throw .malformed }
        let scope = try Credential(credential.span)
        // A URL that is made beforehand cannot know the body, so S3 takes none for signed.
        var payload: Payload = scope.service.span.equals("s3") ? .unsigned : .absent
        if let word = parameters.payload
            ?? fields.first(.xAmzContentSha256).map({ fields.value(at: $0).array() })
        {
            guard word.span.equals("UNSIGNED-PAYLOAD") else { throw .malformed }
            payload = .unsigned
        }
        return try Self(
            place: .query(lifetime: .seconds(seconds)),
            credential: scope,
            date: date.span,
            signedHeaders: signedHeaders,
            signature: signature,
            payload: payload
        )
    }

    private static func seconds(_ text: [UInt8]) -> Int64? {
        guard (1...6).contains(text.count) else { return nil }
        var value: Int64 = 0
        for byte in text {
            guard ASCII.isDigit(byte) else { return nil }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        return (1...longestLifetime).contains(value) ? value : nil
    }
}
