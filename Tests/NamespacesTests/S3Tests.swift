// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
import Namespaces
import TestSupport
import Testing

@Suite struct S3Tests {
    private static let resources = StoreResources(buckets: ["docs", "media"])

    private static func prefix(_ tenant: String = "acme") throws -> KeyPrefix {
        KeyPrefix(try Compartment(scope: .tenant, tenant: tenant))
    }

    private static func head(
        _ method: Method,
        _ target: String,
        host: String = "s3.local",
        copySource: String? = nil
    ) throws -> RequestHead {
        var head = RequestHead()
        head.method = method
        try head.fields.append(.host, value: host.bytes.span)
        if let copySource { try head.fields.append(.xAmzCopySource, value: copySource.bytes.span) }
        try head.setTarget(target.bytes.span)
        try head.resolveAuthority()
        return head
    }

    /// The operation's name and the target that goes to the store, or the reason of the refusal.
    private static func rewritten(
        _ method: Method,
        _ target: String,
        host: String = "s3.local",
        copySource: String? = nil
    ) throws -> String {
        let head = try head(method, target, host: host, copySource: copySource)
        do throws(AdapterFailure) {
            let operation = S3Operation.all[try S3Request.match(head, resources)]
            var output = Buffer()
            let code: KeyPrefix
            do { code = try prefix() } catch { return "no prefix" }
            try S3Request.rewriteTarget(
                operation,
                head,
                resources,
                code,
                isOurs: { $0.equals("X-Amz-Signature") },
                into: &output
            )
            return "\(operation.name) \(output.text ?? "")"
        } catch {
            return error.reason.rawValue
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var method: Method
        var target: String
        var host = "s3.local"
        var copySource: String?
        var expected: String
        var testDescription: String { "\(method.name) \(host)\(target)" }
    }

    static let cases: [Case] = [
        .init(method: .get, target: "/docs/a/b%20c.txt", expected: "GetObject /docs/t4acme/a/b%20c.txt"),
        .init(method: .get, target: "/docs/a%2Fb", expected: "GetObject /docs/t4acme/a/b"),
        .init(method: .get, target: "/docs/a+b=c", expected: "GetObject /docs/t4acme/a%2Bb%3Dc"),
        .init(method: .get, target: "/docs/dir/", expected: "GetObject /docs/t4acme/dir/"),
        .init(method: .get, target: "/docs/t4other/x", expected: "GetObject /docs/t4acme/t4other/x"),
        .init(method: .get, target: "/a/b", host: "docs.s3.local", expected: "GetObject /docs/t4acme/a/b"),
        .init(
            method: .get,
            target: "/docs/x",
            host: "docs.s3.local",
            expected: "GetObject /docs/t4acme/docs/x"
        ),
        .init(
            method: .head,
            target: "/docs/a?versionId=1",
            expected: "HeadObject /docs/t4acme/a?versionId=1"
        ),
        .init(method: .put, target: "/docs/a?x-id=PutObject", expected: "PutObject /docs/t4acme/a"),
        .init(method: .put, target: "/docs/a?X-Amz-Signature=ab", expected: "PutObject /docs/t4acme/a"),
        .init(
            method: .put,
            target: "/docs/a?partNumber=1&uploadId=u",
            expected: "UploadPart /docs/t4acme/a?partNumber=1&uploadId=u"
        ),
        .init(method: .put, target: "/docs/a", copySource: "/docs/b", expected: "CopyObject /docs/t4acme/a"),
        .init(
            method: .put,
            target: "/docs/a?partNumber=1&uploadId=u",
            copySource: "docs/b",
            expected: "UploadPartCopy /docs/t4acme/a?partNumber=1&uploadId=u"
        ),
        .init(
            method: .post,
            target: "/docs/a?uploads",
            expected: "CreateMultipartUpload /docs/t4acme/a?uploads="
        ),
        .init(
            method: .post,
            target: "/docs/a?uploadId=u",
            expected: "CompleteMultipartUpload /docs/t4acme/a?uploadId=u"
        ),
        .init(
            method: .delete,
            target: "/docs/a?uploadId=u",
            expected: "AbortMultipartUpload /docs/t4acme/a?uploadId=u"
        ),
        .init(method: .delete, target: "/docs/a", expected: "DeleteObject /docs/t4acme/a"),
        .init(method: .post, target: "/docs?delete", expected: "DeleteObjects /docs?delete="),
        .init(method: .get, target: "/docs", expected: "ListObjects /docs?prefix=t4acme%2F"),
        .init(
            method: .get,
            target: "/docs/?prefix=p&marker=m",
            expected: "ListObjects /docs?prefix=t4acme%2Fp&marker=t4acme%2Fm"
        ),
        .init(
            method: .get,
            target: "/docs?list-type=2&prefix=&start-after=&delimiter=%2F",
            expected: "ListObjectsV2 /docs?list-type=2&prefix=t4acme%2F&delimiter=%2F"
        ),
        .init(
            method: .get,
            target: "/docs?list-type=2&start-after=a+b",
            expected: "ListObjectsV2 /docs?list-type=2&start-after=t4acme%2Fa%20b&prefix=t4acme%2F"
        ),
        .init(
            method: .get,
            target: "/docs?versions&key-marker=k",
            expected: "ListObjectVersions /docs?versions=&key-marker=t4acme%2Fk&prefix=t4acme%2F"
        ),
        .init(
            method: .get,
            target: "/docs?uploads",
            expected: "ListMultipartUploads /docs?uploads=&prefix=t4acme%2F"
        ),
        // What leads out, or nobody knows.
        .init(method: .get, target: "/", expected: "operation_unknown"),
        .init(method: .get, target: "/other/a", expected: "resource_unknown"),
        .init(method: .get, target: "/Docs/a", expected: "resource_unknown"),
        .init(method: .get, target: "/docs/a%2F..%2Fb", expected: "path_encoding_refused"),
        .init(method: .get, target: "/docs/..%2Ft4other%2Fx", expected: "path_encoding_refused"),
        .init(method: .get, target: "/docs/a?acl", expected: "parameter_undeclared"),
        .init(method: .put, target: "/docs/a?acl", expected: "parameter_undeclared"),
        .init(method: .put, target: "/docs?policy", expected: "operation_unknown"),
        .init(method: .put, target: "/docs", expected: "operation_unknown"),
        .init(method: .delete, target: "/docs", expected: "operation_unknown"),
        .init(method: .post, target: "/docs", expected: "operation_unknown"),
        .init(method: .post, target: "/docs/a?select&select-type=2", expected: "operation_unknown"),
        .init(method: .post, target: "/docs/a?restore", expected: "operation_unknown"),
        .init(method: .get, target: "/docs?prefix=a&prefix=b", expected: "parameter_duplicate"),
        .init(method: .get, target: "/docs?prefix=a&pref%69x=b", expected: "parameter_duplicate"),
        .init(method: .get, target: "/docs?Prefix=a", expected: "parameter_undeclared"),
        .init(method: .get, target: "/docs?list-type=2&versions", expected: "parameter_undeclared"),
        .init(method: .delete, target: "/docs/a?uploadId=u&tagging", expected: "parameter_undeclared"),
        .init(method: .get, target: "/docs/a", copySource: "/docs/b", expected: "operation_unknown"),
        .init(method: .get, target: "/docs/%00", expected: "target"),
    ]

    @Test(arguments: cases)
    func targetsGoIntoTheCompartment(_ item: Case) throws {
        let outcome =
            (try? Self.rewritten(item.method, item.target, host: item.host, copySource: item.copySource))
            ?? "target"
        #expect(outcome == item.expected)
    }

    @Test(arguments: [
        ("/docs/a", "/docs/t4acme/a"), ("docs/a%20b%3Fc", "/docs/t4acme/a%20b%3Fc"),
        ("media/a?versionId=v%2F1", "/media/t4acme/a?versionId=v%2F1"),
        ("docs/t4other/a", "/docs/t4acme/t4other/a"),
        ("docs%2Fa", "/docs/t4acme/a"), ("other/a", "resource_unknown"), ("/docs", "header_refused"),
        ("docs/", "member_missing"), ("docs/../other/a", "path_encoding_refused"),
        ("docs/%2E%2E/t4other/a", "path_encoding_refused"), ("docs/a?versionId=", "header_refused"),
        ("docs/a?versionId=1&x=2", "header_refused"), ("docs/a?x=1", "header_refused"),
        ("docs/%zz", "header_refused"),
        ("arn:aws:s3:us-east-1:1:accesspoint/ap/object/a", "resource_unknown"), ("", "header_refused"),
    ])
    func copySourcesToo(_ source: String, _ expected: String) throws {
        let prefix = try Self.prefix()
        var output = Buffer()
        do throws(AdapterFailure) {
            try S3Request.rewriteCopySource(source.bytes.span, Self.resources, prefix, into: &output)
            #expect(output.text == expected)
        } catch {
            #expect(error.reason.rawValue == expected)
        }
    }

    private static func deleted(_ body: String) throws -> String {
        let prefix = try prefix()
        var output = Buffer()
        do throws(AdapterFailure) {
            try S3Bodies.rewriteDelete(body.bytes.span, prefix, into: &output)
            return output.text ?? ""
        } catch {
            return error.reason.rawValue
        }
    }

    @Test func listsOfKeysAreRewritten() throws {
        let body =
            "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Object><Key>a&amp;b</Key>"
            + "<VersionId>v</VersionId></Object><Object><Key>t4other/x</Key></Object><Quiet>true</Quiet></Delete>"
        let expected =
            "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Object><Key>t4acme/a&amp;b</Key>"
            + "<VersionId>v</VersionId></Object><Object><Key>t4acme/t4other/x</Key></Object><Quiet>true</Quiet></Delete>"
        #expect(try Self.deleted(body) == expected)
    }

    @Test(arguments: [
        ("<Delete/>", "member_missing"), ("<Delete><Object/></Delete>", "member_missing"),
        ("<Delete><Object><Key/></Object></Delete>", "member_missing"),
        ("<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>", "member_missing"),
        ("<Delete><Object><Key>a</Key><Key>b</Key></Object><Object/></Delete>", "member_missing"),
        ("<Delete><Key>a</Key></Delete>", "member_undeclared"),
        ("<Delete><Object><key>a</key></Object></Delete>", "member_undeclared"),
        ("<Delete xmlns:s='x'><s:Object><s:Key>a</s:Key></s:Object></Delete>", "member_undeclared"),
        ("<Delete><Object><Key>../t4other/a</Key></Object></Delete>", "path_encoding_refused"),
        ("<Delete><Object><Key>a<Key>b</Key></Key></Object></Delete>", "member_type"),
        (
            "<!DOCTYPE Delete [<!ENTITY a 'b'>]><Delete><Object><Key>&a;</Key></Object></Delete>",
            "body_invalid"
        ),
        ("{}", "body_invalid"), ("", "body_invalid"),
    ])
    func otherListsAreRefused(_ body: String, _ reason: String) throws {
        #expect(try Self.deleted(body) == reason)
    }

    private static func mapped(_ body: String) throws -> String {
        let prefix = try prefix()
        var output = Buffer()
        do throws(AdapterFailure) {
            let names = S3Bodies.Names(path: "/docs/a".bytes, host: "s3.local".bytes)
            try S3Bodies.mapResponse(body.bytes.span, prefix, names, into: &output)
            return output.text ?? ""
        } catch {
            return error.reason.rawValue
        }
    }

    @Test func answersAreMappedBack() throws {
        #expect(
            try Self.mapped(
                "<ListBucketResult><Name>docs</Name><Prefix>t4acme/</Prefix><Marker/><Contents><Key>t4acme/a</Key>"
                    + "</Contents><CommonPrefixes><Prefix>t4acme/dir/</Prefix></CommonPrefixes></ListBucketResult>"
            )
                == "<ListBucketResult><Name>docs</Name><Prefix></Prefix><Marker/><Contents><Key>a</Key>"
                + "</Contents><CommonPrefixes><Prefix>dir/</Prefix></CommonPrefixes></ListBucketResult>"
        )
        #expect(try Self.mapped("<R><Key>t4acme%2Fa%20b</Key></R>") == "<R><Key>a%20b</Key></R>")
        #expect(
            try Self.mapped("<R><Location>http://x/docs/t4acme/a</Location></R>")
                == "<R><Location>http://s3.local/docs/a</Location></R>"
        )
    }

    /// A list that holds somebody else's key is not shown at all.
    @Test(arguments: [
        "<R><Contents><Key>t4acme/a</Key></Contents><Contents><Key>t5other/a</Key></Contents></R>",
        "<R><Prefix>t5other/</Prefix></R>", "<R><NextMarker>x</NextMarker></R>", "<R><Key>t4acme</Key></R>",
    ])
    func foreignKeysAreStopped(_ body: String) throws { #expect(try Self.mapped(body) == "foreign_object") }

    @Test func errorsTellNothing() throws {
        let prefix = try Self.prefix()
        let names = S3Bodies.Names(path: "/docs/a".bytes, host: "s3.local".bytes)
        var output = Buffer()
        let body =
            "<Error><Code>NoSuchKey</Code><Message>none</Message><Key>t4acme/a</Key><HostId>h</HostId></Error>"
        S3Bodies.mapError(body.bytes.span, prefix, names, status: 404, into: &output)
        #expect(
            output.text == "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>"
                + "<Message>none</Message><Resource>/docs/a</Resource></Error>"
        )
        for text in ["arn:aws:sts::1:assumed-role/tenant/s", "of t4acme/a", "in t4acme"] {
            output.removeAll()
            let body = "<Error><Code>AccessDenied</Code><Message>\(text)</Message></Error>"
            S3Bodies.mapError(body.bytes.span, prefix, names, status: 403, into: &output)
            #expect(output.text?.contains(text) == false)
        }
        output.removeAll()
        S3Bodies.mapError("not XML".bytes.span, prefix, names, status: 500, into: &output)
        #expect(output.text?.contains("<Code>AccessDenied</Code>") == true)
    }
}
