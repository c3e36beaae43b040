// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import JSON
import XML

/// Why no credential came.
package enum STSFailure: Error, Hashable, Sendable {
    /// The role, its tags or its policy are refused.
    case denied
    case throttled
    /// The keys that asked are not good any more: others have to be found.
    case baseExpired
    /// No answer that can be read.
    case unavailable
}

/// Answers of STS, of a container's credential endpoint, and of an instance's metadata.
package enum STSResponse {
    /// - Parameter status: of the HTTP answer.
    /// Source: the STS API reference; errors are of the query protocol.
    package static func read(_ body: Span<UInt8>, status: Int) throws(STSFailure) -> AWSCredential {
        let document: XMLDocument
        do throws(XMLError) { document = try XMLDocument(body) } catch { throw .unavailable }
        var texts: [String: [UInt8]] = [:]
        for element in document.elements where !element.hasChildren {
            texts[body.extracting(element.name).string() ?? ""] = element.text
        }
        guard status == 200 else { throw failure(texts["Code"] ?? [], status) }
        guard let id = texts["AccessKeyId"], let secret = texts["SecretAccessKey"],
            let token = texts["SessionToken"], let end = texts["Expiration"], !id.isEmpty,
            let expiry = moment(end)
        else { throw .unavailable }
        return AWSCredential(
            accessKeyID: id,
            secret: Secret(copying: secret.span),
            sessionToken: Secret(copying: token.span),
            expiry: expiry
        )
    }

    private static func failure(_ code: [UInt8], _ status: Int) -> STSFailure {
        switch String(decoding: code, as: UTF8.self) {
        case "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException":
            .throttled
        case "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "SignatureDoesNotMatch",
            "IncompleteSignature", "InvalidAccessKeyId", "MissingAuthenticationToken", "IDPRejectedClaim",
            "InvalidIdentityToken":
            .baseExpired
        case "AccessDenied", "AccessDeniedException", "MalformedPolicyDocument", "PackedPolicyTooLarge",
            "RegionDisabledException", "ValidationError", "NoSuchEntity":
            .denied
        default: status == 429 ? .throttled : .unavailable
        }
    }

    /// What a container's endpoint or an instance's metadata answers.
    package static func readMetadata(_ body: Span<UInt8>) throws(STSFailure) -> AWSCredential {
        let object: JSONObject?
        do throws(JSONError) { object = try JSONValue.parse(body, maximumBytes: 64 << 10).object } catch {
            throw .unavailable
        }
        guard let object, let id = object["AccessKeyId"]?.string,
            let secret = object["SecretAccessKey"]?.string, !id.isEmpty
        else { throw .unavailable }
        return AWSCredential(
            accessKeyID: Array(id.utf8),
            secret: Secret(copying: secret.utf8Span.span),
            sessionToken: object["Token"]?.string.map { Secret(copying: $0.utf8Span.span) },
            expiry: object["Expiration"]?.string.flatMap { moment(Array($0.utf8)) }
        )
    }

    /// `2026-01-02T03:04:05Z`, perhaps with a fraction, which is cut off.
    static func moment(_ text: [UInt8]) -> WallTime? {
        var compact: [UInt8] = []
        var isFraction = false
        for byte in text {
            if byte == UInt8(ascii: ".") { isFraction = true }
            if isFraction, byte != UInt8(ascii: "Z") { continue }
            isFraction = false
            if byte != UInt8(ascii: "-"), byte != ASCII.colon { compact.append(byte) }
        }
        return SigningTime(compact.span)?.time
    }
}

/// The files that the AWS command line writes.
package enum SharedFile {
    /// The keys of a profile in a credentials file, or nil where it has none.
    package static func read(_ text: Span<UInt8>, profile: String) -> AWSCredential? {
        var section: [UInt8] = []
        var values: [String: [UInt8]] = [:]
        var start = 0
        while start < text.count {
            let end = text.firstIndex(of: ASCII.lineFeed, from: start) ?? text.count
            var line = text.extracting(start..<end).trimmingOWS()
            if !line.isEmpty, line[line.count - 1] == ASCII.carriageReturn {
                line = line.extracting(0..<(line.count - 1)).trimmingOWS()
            }
            start = end + 1
            if line.isEmpty || line[0] == UInt8(ascii: "#") || line[0] == UInt8(ascii: ";") { continue }
            if line[0] == UInt8(ascii: "["), line[line.count - 1] == UInt8(ascii: "]") {
                section = line.extracting(1..<(line.count - 1)).trimmingOWS().array()
                continue
            }
            guard section == Array(profile.utf8), let equals = line.firstIndex(of: UInt8(ascii: "=")) else {
                continue
            }
            let name = line.extracting(0..<equals).trimmingOWS().string() ?? ""
            values[name] = line.extracting((equals + 1)..<line.count).trimmingOWS().array()
        }
        guard let id = values["aws_access_key_id"], let secret = values["aws_secret_access_key"] else {
            return nil
        }
        return AWSCredential(
            accessKeyID: id,
            secret: Secret(copying: secret.span),
            sessionToken: values["aws_session_token"].map { Secret(copying: $0.span) }
        )
    }
}
