// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import JSON
import Sidecar
import Testing

/// What is judged of an account's exports and of a configuration: for each finding one that is right and one that is not.
@Suite struct WeaknessTests {
    private static let configuration = """
        version: 1
        listeners:
          - {name: ingress, address: "127.0.0.1:1", carriers: [bearer], routes: [agent]}
          - {name: clinic, address: "127.0.0.1:2", carriers: [aws], endpoint: agent, tenant: clinic, routes: [documents]}
        identity:
          issuers:
            - name: pool
              profile: cognito
              issuer: https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Example
              audiences: [app]
              claims: {tenant: "custom:tenant_id", tier: "custom:tier"}
        tenants: {file: tenants.yaml}
        tiers: {basic: {weight: 1}}
        policy: {files: [policies/]}
        credentials:
          - {name: keys, kind: aws-sts, role: "arn:aws:iam::123456789012:role/path/tenant", region: us-east-1, duration: 30m OPTIONS}
        upstreams:
          agent: {endpoints: ["127.0.0.1:8080"]}
          s3: {endpoints: ["s3.us-east-1.amazonaws.com:443"], tls: {ca: system}}
        routes:
          - {name: agent, adapter: agentcore-runtime, resource: 'Agent::"a"', upstream: agent}
          - {name: documents, adapter: s3, resource: 'Store::"d"', upstream: s3, credentials: keys, aws: {buckets: [b]}}
        keys: {current: {file: k}}
        admin: {socket: admin.sock}

        """

    private static func decoded(_ options: String = "") throws -> Configuration {
        let text = configuration.replacing("OPTIONS", with: options)
        return try Configuration.decode(Array(text.utf8).span, file: "f.yaml", environment: [:])
    }

    private static let tags =
        #""aws:RequestTag/tenant":"false","aws:RequestTag/tier":"false","aws:RequestTag/user":"false""#

    private static func trust(_ condition: String, principal: String = #"{"AWS":"arn:aws:iam::1:role/base"}"#)
        -> String
    {
        """
        {"Role":{"RoleName":"tenant","MaxSessionDuration":3600,"AssumeRolePolicyDocument":{"Version":"2012-10-17",
        "Statement":[{"Sid":"S","Effect":"Allow","Principal":\(principal),"Action":["sts:AssumeRole","sts:TagSession"],
        "Condition":\(condition)}]}}}
        """
    }

    private static func permits(_ statement: String) -> String {
        #"{"RoleName":"tenant","PolicyName":"p","PolicyDocument":{"Statement":\#(statement)}}"#
    }

    private static let client =
        #"{"UserPoolClient":{"UserPoolId":"us-east-1_Example","ClientId":"app","WriteAttributes":["email"]}}"#
    private static let good = [
        trust("{\"Null\":{\(tags)}}"), permits(#"{"Effect":"Deny","Action":"*","Resource":"*"}"#), client,
    ]

    private func judge(_ exports: [String], _ options: String = "") throws -> [Weakness] {
        var all = AccountExports()
        for text in exports {
            let value = try JSONValue.parse(text.utf8Span.span)
            let isKnown = all.add(value, named: "file")
            #expect(isKnown, "\(text)")
        }
        return AccountJudge(try Self.decoded(options), all).judge()
    }

    private func wrong(_ found: [Weakness]) -> [Weakness.Name] {
        for weakness in found {
            #expect(
                weakness.fix.isEmpty == (weakness.state == .fine || weakness.state == .meant),
                "\(weakness)"
            )
        }
        return found.filter { $0.state == .wrong }.map(\.name)
    }

    @Test func theGoodAccountIsFine() throws {
        let found = try judge(Self.good)
        #expect(found.allSatisfy { $0.state == .fine }, "\(found)")
        #expect(
            Set(found.map(\.name))
                == [.cognitoAttribute, .trustTags, .roleDuration, .leadingKeys, .listPrefix, .keyPrefix]
        )
    }

    @Test func whatIsNotThereIsUnknown() throws {
        let found = try judge([])
        #expect(found.map(\.state) == [.unknown, .unknown, .unknown])
        #expect(found.map(\.name) == [.cognitoAttribute, .trustTags, .rolePermissions])
    }

    // MARK: trust

    static let trusts: [(String, Weakness.Name?)] = [
        ("{\"Null\":{\(tags)}}", nil),
        (
            #"{"StringLike":{"aws:RequestTag/tenant":"?*","aws:requesttag/TIER":"*","aws:RequestTag/user":["*"]}}"#,
            nil
        ),
        ("{}", .trustTags),
        (#"{"Null":{"aws:RequestTag/tenant":"false","aws:RequestTag/tier":"false"}}"#, .trustTags),
        (
            #"{"Null":{"aws:RequestTag/tenant":"true","aws:RequestTag/tier":false,"aws:RequestTag/user":false}}"#,
            .trustTags
        ),
        // All of these hold for a tag that is missing.
        (
            #"{"StringNotEquals":{"aws:RequestTag/tenant":"","aws:RequestTag/tier":"","aws:RequestTag/user":""}}"#,
            .trustTags
        ),
        (
            #"{"StringLikeIfExists":{"aws:RequestTag/tenant":"?*"},"Null":{"aws:RequestTag/tier":"false","aws:RequestTag/user":"false"}}"#,
            .trustTags
        ),
        (#"{"ForAllValues:StringEquals":{"aws:TagKeys":["tenant","tier","user"]}}"#, .trustTags),
    ]

    @Test(arguments: trusts.indices) func aRoleWantsItsTags(_ index: Int) throws {
        let (condition, expected) = Self.trusts[index]
        var exports = Self.good
        exports[0] = Self.trust(condition)
        #expect(wrong(try judge(exports)) == [expected].compactMap(\.self))
    }

    /// The tags of another statement say nothing of this one.
    @Test func tagsThatOnlyTagSessionWantsAreNotWanted() throws {
        var exports = Self.good
        exports[0] = """
            {"Role":{"RoleName":"tenant","AssumeRolePolicyDocument":{"Statement":[
            {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::1:role/base"},"Action":"sts:AssumeRole"},
            {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::1:role/base"},"Action":"sts:TagSession","Condition":{"Null":{\(Self.tags)}}}]}}}
            """
        #expect(wrong(try judge(exports)) == [.trustTags])
    }

    @Test(arguments: [#""*""#, #"{"AWS":"*"}"#, #"{"AWS":["arn:aws:iam::1:root","*"]}"#])
    func nobodyElseTakesIt(_ principal: String) throws {
        var exports = Self.good
        exports[0] = Self.trust("{\"Null\":{\(Self.tags)}}", principal: principal)
        #expect(wrong(try judge(exports)) == [.trustPrincipal])
    }

    @Test func aTagThatIsNotSentIsNotWanted() throws {
        var exports = Self.good
        exports[0] = Self.trust(#"{"Null":{"aws:RequestTag/org":"false","aws:RequestTag/tier":"false"}}"#)
        #expect(wrong(try judge(exports, ", tags: {tenant: org, user: null}")) == [])
    }

    @Test func theRoleLivesLongEnough() throws {
        var exports = Self.good
        exports[0] = exports[0].replacing("3600", with: "900")
        #expect(wrong(try judge(exports)) == [.roleDuration])
    }

    // MARK: permissions

    private static let keys = #""ForAllValues:StringLike":{"dynamodb:LeadingKeys":["t*/*"]}"#

    /// What a statement lets through, and whether it matters though sessions are narrowed.
    static let statements: [(String, Weakness.Name?, narrowed: Bool)] = [
        (
            #"{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{\#(keys),"Null":{"dynamodb:LeadingKeys":"false"}}}"#,
            nil, false
        ),
        (
            #"{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{\#(keys)}}"#, .leadingKeys,
            true
        ),
        (
            #"{"Effect":"Allow","Action":"DynamoDB:Get*","Resource":"*","Condition":{\#(keys)}}"#,
            .leadingKeys, true
        ),
        (
            #"{"Effect":"Allow","Action":"dynamodb:Query","Resource":"*","Condition":{"ForAnyValue:StringLike":{"dynamodb:LeadingKeys":"t*/*"},"Null":{"dynamodb:LeadingKeys":"false"}}}"#,
            .leadingKeys, true
        ),
        (#"{"Effect":"Allow","Action":"dynamodb:Query","Resource":"*"}"#, .leadingKeys, false),
        (#"{"Effect":"Allow","Action":"dynamodb:DescribeTable","Resource":"*"}"#, nil, false),
        (
            #"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b","Condition":{"StringLike":{"s3:prefix":["t*/*","u*/"]}}}"#,
            nil, false
        ),
        (
            #"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b","Condition":{"StringLike":{"s3:prefix":"${aws:PrincipalTag/tenant}/*"}}}"#,
            nil, false
        ),
        (
            #"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b","Condition":{"StringLike":{"s3:prefix":"${aws:PrincipalTag/tenant}*"}}}"#,
            .listPrefix, true
        ),
        (
            #"{"Effect":"Allow","Action":"s3:List*","Resource":"arn:aws:s3:::b","Condition":{"StringEquals":{"s3:prefix":["a/","tenant"]}}}"#,
            .listPrefix, true
        ),
        (
            #"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b","Condition":{"StringLikeIfExists":{"s3:prefix":"t/*"}}}"#,
            .listPrefix, true
        ),
        (
            #"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b","Condition":{"ForAllValues:StringLike":{"s3:prefix":"t/*"}}}"#,
            .listPrefix, true
        ),
        (#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b"}"#, .listPrefix, false),
        (
            #"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:PrincipalTag/tenant}/*"}"#,
            nil, false
        ),
        (
            #"{"Effect":"Allow","Action":"s3:GetObject","Resource":["arn:aws:s3:::b/x/*","arn:aws:s3:::b/${aws:PrincipalTag/tenant}*"]}"#,
            .keyPrefix, true
        ),
        (#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}"#, .keyPrefix, false),
        (
            #"{"Effect":"Allow","NotAction":"iam:*","Resource":"arn:aws:s3:::b/${aws:PrincipalTag/tenant}*"}"#,
            .keyPrefix, true
        ),
        (#"{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"*"}"#, nil, false),
    ]

    @Test(arguments: statements.indices) func permissionsAreJudged(_ index: Int) throws {
        let (statement, expected, narrowed) = Self.statements[index]
        var exports = Self.good
        exports[1] = Self.permits("[\(statement)]")
        let whole = wrong(try judge(exports, ", session_policy: false"))
        #expect(expected.map { whole.contains($0) } ?? whole.isEmpty, "\(whole)")
        let found = wrong(try judge(exports))
        #expect(found.contains { $0 == expected } == (expected != nil && narrowed), "\(found)")
    }

    // MARK: Cognito

    @Test(arguments: [
        (#"["custom:tenant_id"]"#, true), (#"["email","custom:tier"]"#, true), (#"["custom:other"]"#, false),
    ])
    func usersDoNotWriteWhoseTheyAre(_ writes: String, _ isWrong: Bool) throws {
        var exports = Self.good
        exports[2] = exports[2].replacing(#"["email"]"#, with: writes)
        #expect(wrong(try judge(exports)) == (isWrong ? [.cognitoAttribute] : []))
    }

    /// Without the member, only standard attributes can be written.
    @Test func standardAttributesAreNoneOfOurs() throws {
        var exports = Self.good
        exports[2] = exports[2].replacing(#","WriteAttributes":["email"]"#, with: "")
        #expect(wrong(try judge(exports)) == [])
    }

    // MARK: exports

    @Test func authorizationDetailsSayItAll() throws {
        let text = """
            {"RoleDetailList":[{"RoleName":"tenant","AssumeRolePolicyDocument":{"Statement":{"Effect":"Allow","Principal":{"AWS":"a"},
            "Action":"sts:AssumeRole","Condition":{"Null":{\(Self.tags)}}}},"RolePolicyList":[],
            "AttachedManagedPolicies":[{"PolicyName":"m","PolicyArn":"arn:m"}]}],
            "Policies":[{"PolicyName":"m","Arn":"arn:m","PolicyVersionList":[
            {"IsDefaultVersion":false,"Document":{"Statement":[]}},
            {"IsDefaultVersion":true,"Document":{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${x}*"}}}]},
            {"PolicyName":"n","Arn":"arn:n","PolicyVersionList":[{"IsDefaultVersion":true,"Document":{"Statement":
            {"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{\(Self.keys)}}}}]}]}
            """
        #expect(wrong(try judge([text, Self.client])) == [.keyPrefix])
    }

    /// As IAM itself answers, percent-encoded.
    @Test func documentsMayBeTexts() throws {
        var all = AccountExports()
        let text = #"{"RoleName":"r","PolicyName":"p","PolicyDocument":"%7B%22Statement%22%3A%5B%5D%7D"}"#
        let value = try JSONValue.parse(text.utf8Span.span)
        let isKnown = all.add(value, named: "f")
        #expect(isKnown && all.roles["r"]?.policies.count == 1)
    }

    @Test(arguments: ["{}", "[]", "7", #"{"Role":{}}"#, #"{"PolicyVersion":{"Document":{"Statement":[7]}}}"#])
    func whatIsNoExportIsSaid(_ text: String) throws {
        var all = AccountExports()
        let value = try JSONValue.parse(text.utf8Span.span)
        let isKnown = all.add(value, named: "f")
        #expect(!isKnown)
    }

    // MARK: the configuration itself

    private func around(_ mode: UInt32? = 0o640, socket: UInt32? = 0o600, folder: UInt32? = 0o755) throws
        -> [Weakness]
    {
        let around = ConfigurationJudge.Around(secrets: [("k", mode)], socket: socket, socketFolder: folder)
        return ConfigurationJudge(try Self.decoded(", session_policy: false"), around).judge()
    }

    @Test func theConfigurationSaysWhatIsMeant() throws {
        let found = try around()
        #expect(wrong(found) == [])
        #expect(found.filter { $0.state == .meant }.map(\.name) == [.processCarrier, .sessionPolicy])
    }

    @Test(arguments: [UInt32(0o644), 0o660, 0o606, 0o601, 0o777]) func secretsAreReadByNobodyElse(
        _ mode: UInt32
    ) throws {
        #expect(wrong(try around(mode)) == [.secretFile])
    }

    @Test func aSecretThatIsNotThereIsUnknown() throws {
        #expect(try around(nil).first?.state == .unknown)
    }

    @Test(arguments: [
        (UInt32?(0o666), UInt32?(0o755), true), (nil, 0o777, true), (nil, 0o1777, false),
        (0o600, 0o755, false),
    ])
    func theAdminSocketIsNobodyElses(_ socket: UInt32?, _ folder: UInt32?, _ isWrong: Bool) throws {
        #expect(wrong(try around(socket: socket, folder: folder)) == (isWrong ? [.adminSocket] : []))
    }

    // MARK: clocks

    static let dates: [(String, Weakness.State)] = [
        ("Fri, 15 Jan 2027 08:00:00 GMT", .fine), ("Fri, 15 Jan 2027 07:59:31 GMT", .fine),
        ("Fri, 15 Jan 2027 08:00:31 GMT", .wrong), ("Fri, 15 Jan 2027 07:59:29 GMT", .wrong),
        ("Fri, 15 Foo 2027 08:00:00 GMT", .unknown), ("Fri, 99 Jan 2027 08:00:00 GMT", .unknown),
        ("Friday, 15-Jan-27 08:00:00 GMT", .unknown), ("", .unknown),
    ]

    @Test(arguments: dates) func clocksAreCompared(_ date: String, _ expected: Weakness.State) {
        let bytes = Array(date.utf8)
        let found = ClockProbe.judge("STS", date: bytes.span, now: WallTime(seconds: 1_800_000_000))
        #expect(found.state == expected, "\(found)")
    }
}
