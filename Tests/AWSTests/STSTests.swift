// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Crypto
import HTTPTypes
import TestSupport
import Testing

@Suite struct STSTests {
    private static func plan(user: String? = "user", roles: [String: String] = [:], role: String? = "arn:r")
        -> STSPlan
    {
        STSPlan(
            role: role,
            roles: roles,
            region: "us-east-1",
            duration: .seconds(900),
            tenantTag: "TenantId",
            tierTag: "Tier",
            userTag: user,
            setsSourceIdentity: true,
            externalID: "x",
            narrows: true
        )
    }

    private static func subject(_ tenant: String = "acme", _ user: String = "ann", tier: String = "basic")
        -> STSSubject
    {
        STSSubject(tenant: tenant, tier: tier, issuer: "https://idp", user: user)
    }

    /// The form as names and values.
    private static func form(_ plan: STSPlan, _ subject: STSSubject, policy: String? = nil) -> [String:
        String]?
    {
        guard let role = plan.role(ofTier: subject.tier) else { return nil }
        let form = plan.assumeRole(role, subject, policy: policy.map { Array($0.utf8) })
        var members: [String: String] = [:]
        var cursor = QueryCursor()
        while let parameter = cursor.next(in: form.span) {
            var name = Buffer()
            var value = Buffer()
            _ = PercentEncoding.decode(form.span.extracting(parameter.name), into: &name)
            _ = PercentEncoding.decode(form.span.extracting(parameter.value), into: &value)
            members[name.text ?? ""] = value.text
        }
        return members
    }

    @Test func allThatIsAskedStandsInTheForm() throws {
        let form = try #require(Self.form(Self.plan(), Self.subject(), policy: #"{"a":"b&c"}"#))
        #expect(form["Action"] == "AssumeRole" && form["Version"] == "2011-06-15")
        #expect(form["RoleArn"] == "arn:r" && form["DurationSeconds"] == "900" && form["ExternalId"] == "x")
        #expect(form["Policy"] == #"{"a":"b&c"}"#)
        #expect(form["Tags.member.1.Key"] == "TenantId" && form["Tags.member.1.Value"] == "acme")
        #expect(form["Tags.member.3.Key"] == "user" && form["Tags.member.3.Value"] == "ann")
        #expect(form["TransitiveTagKeys.member.2"] == "Tier")
        #expect(form["SourceIdentity"] == form["RoleSessionName"])
    }

    @Test func aTierMayHaveARoleOfItsOwn() {
        let plan = Self.plan(roles: ["premium": "arn:p"])
        #expect(Self.form(plan, Self.subject(tier: "premium"))?["RoleArn"] == "arn:p")
        #expect(Self.form(plan, Self.subject())?["RoleArn"] == "arn:r")
        let strict = Self.plan(roles: ["premium": "arn:p"], role: nil)
        #expect(Self.form(strict, Self.subject()) == nil)
    }

    /// The published sample joins names and cuts them off, so that two users can share one.
    @Test func sessionNamesDoNotCollide() {
        let plan = Self.plan()
        let subjects = [
            ("clinic", "a-b"), ("clinic-a", "b"), ("clinic", "a@b"), ("clinic", "a.b"),
            ("clinic", String(repeating: "x", count: 70) + "1"),
            ("clinic", String(repeating: "x", count: 70) + "2"),
            ("clinic", "é"), ("clinic", "e\u{301}"), (String(repeating: "t", count: 64), "u"),
        ]
        let names = subjects.map { plan.sessionName(Self.subject($0.0, $0.1)) }
        #expect(Set(names).count == names.count)
        for name in names {
            let allowed = name.utf8.allSatisfy {
                ASCII.isAlphanumeric($0) || Array("+=,.@-_".utf8).contains($0)
            }
            #expect((2...64).contains(name.utf8.count) && allowed)
        }
        // Keys that know no user are one tenant's.
        let shared = Self.plan(user: nil)
        #expect(shared.sessionName(Self.subject("a", "1")) == shared.sessionName(Self.subject("a", "2")))
        #expect(shared.sessionName(Self.subject("a", "1")) != shared.sessionName(Self.subject("b", "1")))
    }

    @Test func valuesThatNoTagHoldsAreToldByADigest() {
        for text in ["acme", "a b", "a_b.c:d/e=f+g-h@i", "*".replacing("*", with: "star")] {
            #expect(STSPlan.tagValue(text) == text)
        }
        let odd = ["*", "a*", "é", "", String(repeating: "x", count: 257), ":sha256:abc", "${aws:x}"]
        let values = odd.map(STSPlan.tagValue)
        #expect(Set(values).count == odd.count)
        for value in values { #expect(value.hasPrefix(":sha256:") && value.utf8.count == 72) }
    }

    private static let success = """
        <AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
        <AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
        <Expiration>2026-01-02T03:04:05Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>
        """

    private static func outcome(_ body: String, _ status: Int) -> STSFailure? {
        do throws(STSFailure) {
            _ = try STSResponse.read(body.bytes.span, status: status)
            return nil
        } catch {
            return error
        }
    }

    @Test func keysAreRead() throws {
        let keys = try STSResponse.read(Self.success.bytes.span, status: 200)
        #expect(keys.accessKeyID == "ASIA1".bytes)
        #expect(keys.expiry == SigningTime(iso: "2026-01-02T03:04:05Z")?.time)
        let fraction = Self.success.replacing("05Z", with: "05.123Z")
        #expect(try STSResponse.read(fraction.bytes.span, status: 200).expiry == keys.expiry)
        #expect("\(keys.secret)" == "<redacted>")
    }

    @Test(arguments: [
        (400, "Throttling", STSFailure.throttled), (403, "AccessDenied", .denied),
        (400, "MalformedPolicyDocument", .denied), (400, "PackedPolicyTooLarge", .denied),
        (403, "ExpiredToken", .baseExpired), (403, "InvalidClientTokenId", .baseExpired),
        (500, "InternalFailure", .unavailable), (429, "", .throttled),
    ])
    func failuresAreTold(_ status: Int, _ code: String, _ failure: STSFailure) {
        let body = "<ErrorResponse><Error><Code>\(code)</Code><Message>m</Message></Error></ErrorResponse>"
        #expect(Self.outcome(body, status) == failure)
    }

    @Test(arguments: ["AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"])
    func keysThatAreNotWholeAreNone(_ name: String) {
        #expect(Self.outcome(Self.success.replacing(name, with: "Other"), 200) == .unavailable)
        #expect(Self.outcome(Self.success.replacing("2026-01-02", with: "never"), 200) == .unavailable)
        #expect(Self.outcome("{}", 200) == .unavailable)
        #expect(Self.outcome("", 200) == .unavailable)
    }

    @Test func metadataIsRead() throws {
        let body =
            #"{"AccessKeyId":"a","SecretAccessKey":"s","Token":"t","Expiration":"2026-01-02T03:04:05Z","Code":"Success"}"#
        let keys = try STSResponse.readMetadata(body.bytes.span)
        #expect(keys.accessKeyID == "a".bytes && keys.expiry != nil && keys.sessionToken != nil)
        #expect(throws: STSFailure.unavailable) { try STSResponse.readMetadata("{}".bytes.span) }
        #expect(throws: STSFailure.unavailable) { try STSResponse.readMetadata("x".bytes.span) }
    }

    @Test func sharedFilesAreRead() {
        let text = """
            # of a team
            [default]
            aws_access_key_id = A
            aws_secret_access_key=B
            [other]\r
            aws_access_key_id=C\r
            aws_secret_access_key=D\r
            aws_session_token = E
            [half]
            aws_access_key_id=F
            """
        let bytes = text.bytes
        #expect(SharedFile.read(bytes.span, profile: "default")?.accessKeyID == "A".bytes)
        #expect(SharedFile.read(bytes.span, profile: "default")?.sessionToken == nil)
        let other = SharedFile.read(bytes.span, profile: "other")
        #expect(other?.accessKeyID == "C".bytes && other?.sessionToken?.count == 1)
        #expect(SharedFile.read(bytes.span, profile: "half") == nil)
        #expect(SharedFile.read(bytes.span, profile: "none") == nil)
    }

    @Test func timesAreWrittenAsTheyAreRead() {
        var generator = Seeded.printed()
        for _ in 0..<2000 {
            let seconds = Int64.random(in: 0...7_000_000_000, using: &generator)
            let written = SigningTime(WallTime(seconds: seconds))
            #expect(SigningTime(written.text.span)?.time == WallTime(seconds: seconds))
        }
    }
}
