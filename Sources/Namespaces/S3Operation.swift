// SPDX-License-Identifier: Apache-2.0
internal import HTTPTypes

/// One operation of S3 that is let through, and what its requests may hold. All that is not here is refused.
/// Source: the S3 API reference.
package struct S3Operation: Sendable {
    package enum Level: Sendable {
        case bucket, object
    }

    package enum RequestBody: Sendable {
        case none
        /// Flows as it is: an object, or XML without keys.
        case opaque
        /// The list of keys of DeleteObjects.
        case keys
    }

    package enum ResponseBody: Sendable {
        case none
        case opaque
        /// XML in which keys stand.
        case keys
    }

    package let name: String
    package let action: String
    let method: Method
    let level: Level
    /// The parameter by which it is told from others of the same method; empty for none.
    let marker: String
    let copies: Bool
    let parameters: Set<String>
    package let request: RequestBody
    package let response: ResponseBody

    private init(
        _ name: String,
        _ action: String,
        _ method: Method,
        _ level: Level,
        marker: String = "",
        copies: Bool = false,
        parameters: Set<String> = [],
        request: RequestBody = .none,
        response: ResponseBody = .none
    ) {
        self.name = name
        self.action = action
        self.method = method
        self.level = level
        self.marker = marker
        self.copies = copies
        self.parameters = parameters.union(marker.isEmpty ? [] : [marker])
        self.request = request
        self.response = response
    }

    /// Those with a marker come before those of the same method without one.
    package static let all = reading + writing + listing

    /// The parameters by which operations are told apart.
    static let markers = Set(all.map(\.marker)).subtracting([""])

    private static let overrides: Set = [
        "versionId", "partNumber", "response-cache-control", "response-content-disposition",
        "response-content-encoding", "response-content-language", "response-content-type",
        "response-expires",
    ]

    private static let reading = [
        S3Operation(
            "ListParts",
            "memory:Read",
            .get,
            .object,
            marker: "uploadId",
            parameters: ["max-parts", "part-number-marker"],
            response: .keys
        ),
        S3Operation(
            "GetObjectTagging",
            "memory:Read",
            .get,
            .object,
            marker: "tagging",
            parameters: ["versionId"],
            response: .opaque
        ),
        S3Operation(
            "GetObjectAttributes",
            "memory:Read",
            .get,
            .object,
            marker: "attributes",
            parameters: ["versionId"],
            response: .opaque
        ),
        S3Operation("GetObject", "memory:Read", .get, .object, parameters: overrides, response: .opaque),
        S3Operation("HeadObject", "memory:Read", .head, .object, parameters: overrides),
    ]

    private static let writing = [
        S3Operation(
            "UploadPartCopy",
            "memory:Write",
            .put,
            .object,
            marker: "uploadId",
            copies: true,
            parameters: ["partNumber"],
            response: .keys
        ),
        S3Operation(
            "UploadPart",
            "memory:Write",
            .put,
            .object,
            marker: "uploadId",
            parameters: ["partNumber"],
            request: .opaque
        ),
        S3Operation(
            "PutObjectTagging",
            "memory:Write",
            .put,
            .object,
            marker: "tagging",
            parameters: ["versionId"],
            request: .opaque
        ),
        S3Operation("CopyObject", "memory:Write", .put, .object, copies: true, response: .keys),
        S3Operation("PutObject", "memory:Write", .put, .object, request: .opaque),
        S3Operation(
            "CreateMultipartUpload",
            "memory:Write",
            .post,
            .object,
            marker: "uploads",
            response: .keys
        ),
        S3Operation(
            "CompleteMultipartUpload",
            "memory:Write",
            .post,
            .object,
            marker: "uploadId",
            request: .opaque,
            response: .keys
        ),
        S3Operation("AbortMultipartUpload", "memory:Write", .delete, .object, marker: "uploadId"),
        S3Operation(
            "DeleteObjectTagging",
            "memory:Delete",
            .delete,
            .object,
            marker: "tagging",
            parameters: ["versionId"]
        ),
        S3Operation("DeleteObject", "memory:Delete", .delete, .object, parameters: ["versionId"]),
        S3Operation(
            "DeleteObjects",
            "memory:Delete",
            .post,
            .bucket,
            marker: "delete",
            request: .keys,
            response: .keys
        ),
    ]

    private static let page: Set = ["delimiter", "encoding-type", "prefix"]

    private static let listing = [
        S3Operation(
            "ListObjectsV2",
            "memory:List",
            .get,
            .bucket,
            marker: "list-type",
            parameters: page.union(["continuation-token", "fetch-owner", "max-keys", "start-after"]),
            response: .keys
        ),
        S3Operation(
            "ListObjectVersions",
            "memory:List",
            .get,
            .bucket,
            marker: "versions",
            parameters: page.union(["key-marker", "max-keys", "version-id-marker"]),
            response: .keys
        ),
        S3Operation(
            "ListMultipartUploads",
            "memory:List",
            .get,
            .bucket,
            marker: "uploads",
            parameters: page.union(["key-marker", "max-uploads", "upload-id-marker"]),
            response: .keys
        ),
        S3Operation(
            "GetBucketLocation",
            "memory:List",
            .get,
            .bucket,
            marker: "location",
            response: .opaque
        ),
        S3Operation(
            "ListObjects",
            "memory:List",
            .get,
            .bucket,
            parameters: page.union(["marker", "max-keys"]),
            response: .keys
        ),
        S3Operation("HeadBucket", "memory:List", .head, .bucket),
    ]

    /// Parameters of listings that hold a key or the beginning of one.
    static let keyParameters: Set = ["prefix", "start-after", "marker", "key-marker"]
}
