// SPDX-License-Identifier: Apache-2.0
internal import Bytes
internal import HTTPTypes

/// What becomes of each header of S3, both ways.
enum S3Headers {
    enum Request: Equatable {
        case pass, drop, refuse
        /// A place in a bucket, to be rewritten.
        case copySource
        /// Goes on unless the body is rewritten, whose it is the digest of.
        case ofBody
    }

    /// Parameters of the object, of the condition, or of the transfer: none of them names another thing.
    private static let passed: [StaticString] = [
        "x-amz-storage-class", "x-amz-server-side-encryption", "x-amz-tagging", "x-amz-tagging-directive",
        "x-amz-metadata-directive", "x-amz-copy-source-if-match", "x-amz-copy-source-if-none-match",
        "x-amz-copy-source-if-modified-since", "x-amz-copy-source-if-unmodified-since",
        "x-amz-copy-source-range", "x-amz-request-payer", "x-amz-object-attributes", "x-amz-max-parts",
        "x-amz-part-number-marker", "x-amz-mp-object-size", "x-amz-checksum-mode", "x-amz-checksum-algorithm",
        "x-amz-checksum-type", "x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner",
        "x-amz-optional-object-attributes", "cache-control", "content-disposition", "expires",
        "x-amz-server-side-encryption-customer-algorithm", "x-amz-server-side-encryption-customer-key",
        "x-amz-server-side-encryption-customer-key-md5",
        "x-amz-copy-source-server-side-encryption-customer-algorithm",
        "x-amz-copy-source-server-side-encryption-customer-key",
        "x-amz-copy-source-server-side-encryption-customer-key-md5", "x-amz-if-match-size",
        "x-amz-if-match-last-modified-time",
    ]

    private static let ofBody: [StaticString] = [
        "x-amz-content-sha256", "x-amz-decoded-content-length", "x-amz-trailer", "content-md5",
        "x-amz-sdk-checksum-algorithm", "x-amz-checksum-crc32", "x-amz-checksum-crc32c",
        "x-amz-checksum-crc64nvme", "x-amz-checksum-sha1", "x-amz-checksum-sha256", "content-encoding",
    ]

    private static let dropped: [StaticString] = [
        "x-amz-date", "x-amz-security-token", "authorization", "x-amz-user-agent",
    ]

    static func request(_ name: borrowing Span<UInt8>, _ known: KnownField) -> Request {
        if known.isEngines { return .drop }
        for other in dropped where name.equalsIgnoringCase(other) { return .drop }
        if name.equalsIgnoringCase("x-amz-copy-source") { return .copySource }
        for other in ofBody where name.equalsIgnoringCase(other) { return .ofBody }
        for other in passed where name.equalsIgnoringCase(other) { return .pass }
        if hasPrefix(name, "x-amz-meta-") { return .pass }
        // What nobody knows may give the object away, or name another: access lists, redirects, keys, locks.
        if hasPrefix(name, "x-amz-") || hasPrefix(name, "x_amz_") { return .refuse }
        return known.isHarmlessInRequest ? .pass : .drop
    }

    private static let answered: [StaticString] = [
        "x-amz-version-id", "x-amz-delete-marker", "x-amz-server-side-encryption", "x-amz-mp-parts-count",
        "x-amz-tagging-count", "x-amz-storage-class", "x-amz-restore", "x-amz-request-id", "x-amz-id-2",
        "x-amz-copy-source-version-id", "x-amz-missing-meta", "x-amz-checksum-type", "x-amz-object-size",
        "x-amz-server-side-encryption-customer-algorithm", "x-amz-server-side-encryption-customer-key-md5",
        "content-disposition", "x-amz-bucket-region",
    ]

    static func passesResponse(_ name: borrowing Span<UInt8>, _ known: KnownField) -> Bool {
        if known.isEngines { return false }
        for other in answered where name.equalsIgnoringCase(other) { return true }
        return hasPrefix(name, "x-amz-meta-") || hasPrefix(name, "x-amz-checksum-")
            || known.isHarmlessInResponse
    }

    private static func hasPrefix(_ name: borrowing Span<UInt8>, _ prefix: StaticString) -> Bool {
        let count = prefix.utf8CodeUnitCount
        return name.count > count && name.extracting(0..<count).equalsIgnoringCase(prefix)
    }
}
