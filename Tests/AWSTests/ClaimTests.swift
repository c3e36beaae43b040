// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Crypto
import HTTPTypes
import TestSupport
import Testing

/// What a signature must look like, and what its time and its headers must be.
@Suite struct ClaimTests {
    private static let signature = String(repeating: "0a", count: 32)
    private static let credential = "AKID/20150830/us-east-1/s3/aws4_request"
    private static let good =
        "AWS4-HMAC-SHA256 Credential=\(credential), SignedHeaders=host;x-amz-date, Signature=\(signature)"

    private static func claim(_ fields: [(String, String)], query: String = "") throws -> SignatureClaim {
        var all = Fields()
        for (name, value) in fields { try all.append(name: name.bytes.span, value: value.bytes.span) }
        return try SignatureClaim(all, query: query.bytes.span)
    }

    private static func claim(_ authorization: String, date: String = "20150830T123600Z") throws
        -> SignatureClaim
    {
        try claim([("authorization", authorization), ("x-amz-date", date)])
    }

    @Test func aHeaderIsRead() throws {
        let claim = try Self.claim(Self.good)
        #expect(claim.accessKeyID == "AKID".bytes)
        #expect(claim.scope == SigningScope(region: "us-east-1", service: "s3"))
        #expect(claim.place == .header)
        #expect(claim.payload == .absent)
        // Spaces behind the commas are of no account, and neither is the order.
        _ = try Self.claim(Self.good.replacing(", ", with: ","))
        _ = try Self.claim(
            "AWS4-HMAC-SHA256 Signature=\(Self.signature), SignedHeaders=host, Credential=\(Self.credential)"
        )
    }

    @Test(arguments: [
        "", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA1 " + good.dropFirst(17),
        "aws4-hmac-sha256 " + good.dropFirst(17), "AWS4-ECDSA-P256-SHA256 " + good.dropFirst(17),
        good + ", Signature=\(signature)", good + ", Extra=1", good + ",", "Bearer x",
        good.replacing(signature, with: signature.uppercased()), good.replacing(signature, with: "0a"),
        good.replacing("aws4_request", with: "aws4"), good.replacing("AKID/", with: "AK/ID/"),
        good.replacing("AKID", with: ""), good.replacing("AKID", with: "AK ID"),
        good.replacing("s3/", with: "/"),
        good.replacing("host;x-amz-date", with: "x-amz-date"), good.replacing("host;x-amz-date", with: ""),
        good.replacing("host;x-amz-date", with: "x-amz-date;host"),
        good.replacing("host;x-amz-date", with: "host;host;x-amz-date"),
        good.replacing("host;x-amz-date", with: "Host;x-amz-date"),
        good.replacing("host;x-amz-date", with: "host;"),
        good.replacing("Credential=", with: "credential="),
    ])
    func otherFormsAreRefused(_ authorization: String) {
        #expect(throws: SignatureFailure.self) {
            let claim = try Self.claim(authorization)
            var headers = SignedHeaders()
            try headers.read(claim.signedHeaders.span)
        }
    }

    @Test(arguments: [
        "", "20150830", "20150830T123600", "20150830T123600+", "2015083aT123600Z", "20150832T123600Z",
        "20150230T123600Z", "20150830T240000Z", "20150830T126000Z", "20150830T123660Z", "20150830t123600z",
        "19690830T123600Z", "20151330T123600Z", "20150800T123600Z",
    ])
    func otherTimesAreRefused(_ date: String) {
        #expect(throws: SignatureFailure.self) { try Self.claim(Self.good, date: date) }
    }

    @Test func thereIsOneOfEach() {
        let date = ("x-amz-date", "20150830T123600Z")
        let header = ("authorization", Self.good)
        #expect(throws: SignatureFailure.malformed) { try Self.claim([header, header, date]) }
        #expect(throws: SignatureFailure.malformed) { try Self.claim([header, date, date]) }
        #expect(throws: SignatureFailure.malformed) { try Self.claim([header]) }
        #expect(throws: SignatureFailure.malformed) { try Self.claim([date]) }
        let digest = ("x-amz-content-sha256", Self.signature)
        #expect(throws: SignatureFailure.malformed) { try Self.claim([header, date, digest, digest]) }
        #expect(throws: SignatureFailure.malformed) {
            try Self.claim([header, date, ("x-amz-content-sha256", "unsigned-payload")])
        }
        // In the header and in the query.
        #expect(throws: SignatureFailure.malformed) { try Self.claim([header, date], query: "X-Amz-Date=1") }
        #expect(throws: SignatureFailure.malformed) {
            try Self.claim([header, date], query: "x-amz-signature=1")
        }
        #expect(throws: SignatureFailure.malformed) {
            try Self.claim([header, date], query: "X%2DAmz-Date=1")
        }
    }

    private static let presigned =
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20150830%2Fus-east-1%2Fs3%2Faws4_request"
        + "&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Expires=60&X-Amz-Signature=\(signature)"

    @Test func aQueryIsRead() throws {
        let claim = try Self.claim([], query: "a=b&" + Self.presigned)
        #expect(claim.place == .query(lifetime: .seconds(60)))
        #expect(claim.payload == .unsigned)
        let now = claim.time.time
        #expect(throws: Never.self) { try claim.checkTime(now: now + .seconds(59)) }
        #expect(throws: SignatureFailure.expired) { try claim.checkTime(now: now + .seconds(60)) }
        #expect(throws: SignatureFailure.expired) { try claim.checkTime(now: now + .seconds(-901)) }
    }

    @Test(arguments: [
        presigned.replacing("X-Amz-Expires=60", with: "X-Amz-Expires=604801"),
        presigned.replacing("X-Amz-Expires=60", with: "X-Amz-Expires=0"),
        presigned.replacing("X-Amz-Expires=60", with: "X-Amz-Expires=-1"),
        presigned.replacing("X-Amz-Expires=60", with: "X-Amz-Expires="),
        presigned.replacing("X-Amz-Expires=60&", with: ""),
        presigned.replacing("X-Amz-Expires", with: "x-amz-expires"), presigned + "&X-Amz-Expires=60",
        presigned + "&X-Amz-Signature=\(signature)", presigned + "&x-amz-date=20150830T123600Z",
        presigned.replacing("AWS4-HMAC-SHA256", with: "AWS4-HMAC-SHA1"),
        presigned.replacing("%2Fus-east-1", with: ""), presigned.replacing("20150830T", with: "20150831T"),
        presigned + "&X-Amz-Content-Sha256=" + signature, presigned + "%",
    ])
    func otherQueriesAreRefused(_ query: String) {
        #expect(throws: SignatureFailure.self) { try Self.claim([], query: query) }
    }

    @Test func clocksMayDifferALittle() throws {
        for (service, tolerance) in [("s3", 900), ("sts", 300), ("dynamodb", 300)] as [(String, Int64)] {
            let claim = try Self.claim(Self.good.replacing("/s3/", with: "/\(service)/"))
            let time = claim.time.time
            for offset in [-tolerance, 0, tolerance] {
                #expect(throws: Never.self) { try claim.checkTime(now: time + .seconds(offset)) }
            }
            for offset in [-tolerance - 1, tolerance + 1, 86_400, -86_400] {
                #expect(throws: SignatureFailure.expired) {
                    try claim.checkTime(now: time + .seconds(offset))
                }
            }
        }
    }

    @Test func theDayOfTheKeyIsThatOfTheTime() {
        #expect(throws: SignatureFailure.scope) { try Self.claim(Self.good, date: "20150831T000000Z") }
    }

    /// A header that changes what the request does cannot join it behind the signature.
    @Test func whatIsNotSignedIsNotTaken() throws {
        let scope = SigningScope(region: "eu-west-1", service: "s3")
        let ours = AWSTests.credential("AKID", "secret")
        let time = SigningTime(WallTime(seconds: 1_700_000_000))
        var key = DayKey(secret: ours.secret, day: time.day, scope: scope)
        var signer = RequestSigner()
        var fields = Fields()
        let payload = "UNSIGNED-PAYLOAD".bytes
        try fields.append(.xAmzContentSha256, value: payload.span)
        let (path, host, none) = ("/bucket/key".bytes, "s3.local".bytes, [UInt8]())
        let parts = SignedParts(
            method: .put,
            path: path.span,
            query: none.span,
            host: host.span,
            payload: payload.span
        )
        try signer.sign(parts, &fields, with: ours, &key, scope, at: time)
        let claim = try SignatureClaim(fields, query: none.span)
        try signer.verify(claim, secret: ours.secret, parts, fields)
        // What hops add is not part of it.
        try fields.append(name: "x-forwarded-for", value: host.span)
        try signer.verify(claim, secret: ours.secret, parts, fields)
        try fields.append(name: "x-amz-copy-source", value: "/other/key".bytes.span)
        do throws(SignatureFailure) {
            try signer.verify(claim, secret: ours.secret, parts, fields)
            Issue.record("it was taken")
        } catch {
            #expect(error == .headerUnsigned)
        }
    }

    @Test func theSecretOfAWorthlessKeyIsTheKeysOwn() {
        let one = Secret(copying: "one key of thirty-two bytes.....".bytes.span)
        let two = Secret(copying: "two keys of thirty-two bytes....".bytes.span)
        var keys = WorthlessKeys(current: one)
        var others = WorthlessKeys(current: two)
        let (a, b) = (keys.secret(of: "bhh1_a".bytes.span), keys.secret(of: "bhh1_b".bytes.span))
        #expect(a == keys.secret(of: "bhh1_a".bytes.span))
        #expect(a != b)
        #expect(a != others.secret(of: "bhh1_a".bytes.span))
        #expect(a.count == 43)
        #expect("\(a)" == "<redacted>")
    }
}
