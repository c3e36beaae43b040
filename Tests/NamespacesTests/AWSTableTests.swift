// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import HTTPTypes
import JSON
import Namespaces
import TestSupport
import Testing

/// Tables of services of AWS: what their keys are narrowed to, and what tells their operations apart.
@Suite struct AWSTableTests {
    static let tables = ["agentcore-memory", "agentcore-invoke", "bedrock-runtime", "secrets-manager"]
    /// What a table allows on everything, since IAM knows no tenant there.
    static let unnarrowed = [
        "secretsmanager:ListSecrets", "secretsmanager:BatchGetSecretValue",
        "secretsmanager:GetRandomPassword",
    ]

    static func scope(_ adapter: Adapter, _ names: [String], _ scope: CompartmentScope = .tenant) throws
        -> AdapterScope
    {
        let tenant = scope == .user ? String(repeating: "T", count: 60) : "acme"
        let compartment = try Compartment(
            scope: scope,
            tenant: tenant,
            issuer: "https://idp.example",
            user: "a user of some length"
        )
        return AdapterScope(
            adapter,
            compartment: compartment,
            tenant: tenant.utf8Span.span,
            idKey: Rig.idKey,
            resources: StoreResources(names: names)
        )
    }

    /// Each action of each table has a policy that is JSON, that STS takes, and that allows nothing as a whole.
    @Test(arguments: tables) func policiesAreNarrow(_ name: String) throws {
        let adapter = try Rig.adapter(name)
        #expect(!adapter.isSingleLayer)
        let names = (0..<3).map { "a-name-of-something-\($0)" }
        for (operation, kind) in adapter.operations.flatMap({ [($0, CompartmentScope.tenant), ($0, .user)] })
        where !operation.isRefused {
            let scope = try Self.scope(adapter, names, kind)
            let policy = try #require(adapter.sessionPolicy(operation.action, scope, resource: nil))
            #expect(policy.count <= SessionPolicy.maximumBytes, "\(operation.name)")
            let document = try #require(try JSONValue.parse(policy.span).object)
            for statement in try #require(document["Statement"]?.array) {
                let object = try #require(statement.object)
                #expect(object["Effect"]?.string == "Allow")
                for action in try #require(object["Action"]?.array).compactMap(\.string) {
                    #expect(!action.contains("*"))
                    guard object["Resource"]?.array?.contains(.string("*")) == true else { continue }
                    #expect(Self.unnarrowed.contains(action), "\(name) \(action)")
                }
            }
        }
    }

    @Test func compartmentsStandInConditions() throws {
        let adapter = try Rig.adapter("agentcore-memory")
        let scope = try Self.scope(adapter, ["m-1"])
        let text = try String(
            decoding: #require(adapter.sessionPolicy("memory:Write", scope, resource: nil)),
            as: UTF8.self
        )
        #expect(text.contains(#"{"StringLike":{"bedrock-agentcore:actorId":"t4acme-*"}}"#))
        // With its slash: without it, a code would be the beginning of others.
        #expect(text.contains(#"{"StringLike":{"bedrock-agentcore:namespace":"/t4acme/*"}}"#))
        #expect(text.contains("arn:aws:bedrock-agentcore:*:*:memory/m-1"))
    }

    /// The keys for one model open no other; a name that is an ARN stands for itself.
    @Test func namedResourcesStandInPolicies() throws {
        let adapter = try Rig.adapter("bedrock-runtime")
        let scope = try Self.scope(adapter, ["*"])
        func policy(_ name: String) throws -> String {
            let bytes = Array(name.utf8)
            return try String(
                decoding: #require(adapter.sessionPolicy("model:Invoke", scope, resource: bytes)),
                as: UTF8.self
            )
        }
        let plain = try policy("amazon.nova-lite-v1:0")
        #expect(plain.contains(#""arn:aws:bedrock:*::foundation-model/amazon.nova-lite-v1:0""#))
        let arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1"
        let profile = try policy(arn)
        #expect(profile.contains(#""bedrock:InferenceProfileArn":"\#(arn)""#))
        #expect(!profile.contains("/\(arn)"))
    }

    @Test(arguments: [
        ("m-1", true), ("m-12", false), ("M-1", false), ("", false), ("us.anthropic.claude-4", true),
        ("us.anthropic.", true), ("us.*", false), ("us.anthropic.?", false), ("us.anthropic.${aws}", false),
        ("us.anthropic.a b", false), ("us.anthropic.\u{E9}", false),
    ])
    func namesAreThoseOfTheRoute(_ name: String, _ isKnown: Bool) throws {
        let adapter = try Rig.adapter("bedrock-runtime")
        let scope = try Self.scope(adapter, ["m-1", "us.anthropic.*"])
        let escaped = name.addingEscapes
        var exchange = Exchange(adapter, scope, .post, "/model/\(escaped)/invoke", body: "{}")
        guard !name.isEmpty else { return }
        let sent = try exchange.send()
        #expect(sent.refused == (isKnown ? nil : .resourceUnknown))
    }

    /// A name or an ARN: wherever a reader may find the name, the compartment stands in front of it.
    @Test(arguments: [
        ("db", "t4acme/db"),
        ("t5other/db", "t4acme/t5other/db"),
        ("arn:aws:secretsmanager:r:1:secret:db-AbCdEf", "arn:aws:secretsmanager:r:1:secret:t4acme/db-AbCdEf"),
        ("arn:aws:secretsmanager:r:1:other:db", nil), ("arn:aws:secretsmanager:r:1:secret:", nil),
        ("arn:aws:secretsmanager:r:1:secret:a:b", nil), ("arn:db", nil), ("a:b", nil), ("", nil),
        ("ARN:aws:secretsmanager:r:1:secret:x:t5other/db", nil),
    ])
    func secretsAreNamedInside(_ name: String, _ sent: String?) throws {
        let adapter = try Rig.adapter("secrets-manager")
        var exchange = Exchange(
            adapter,
            try Self.scope(adapter, []),
            .post,
            "/",
            fields: [
                ("content-type", "application/x-amz-json-1.1"),
                ("x-amz-target", "secretsmanager.DescribeSecret"),
            ],
            body: #"{"SecretId":"\#(name)"}"#
        )
        let result = try exchange.send()
        if let sent {
            #expect(result.body == #"{"SecretId":"\#(sent)"}"#)
            #expect(result.fields.contains("x-amz-target: secretsmanager.DescribeSecret"))
        } else {
            #expect(result.refused == .nameRefused)
        }
    }

    /// Only what a table knows by its target, asked in the one way, is an operation.
    @Test(arguments: [
        (HTTPTypes.Method.post, "/", ["secretsmanager.GetSecretValue"], nil),
        (.post, "/", ["secretsmanager.getSecretValue"], AdapterReason.operationUnknown),
        (.post, "/", [], .operationUnknown),
        (.post, "/", ["secretsmanager.GetSecretValue", "secretsmanager.ListSecrets"], .headerDuplicate),
        (.post, "/", ["secretsmanager.RotateSecret"], .operationRefused),
        (.get, "/", ["secretsmanager.GetSecretValue"], .operationUnknown),
        (.post, "/x", ["secretsmanager.GetSecretValue"], .operationUnknown),
        (.post, "/?Action=ListSecrets", ["secretsmanager.GetSecretValue"], .operationUnknown),
    ])
    func targetsTellOperationsApart(
        _ method: HTTPTypes.Method,
        _ target: String,
        _ values: [String],
        _ refused: AdapterReason?
    ) throws {
        let adapter = try Rig.adapter("secrets-manager")
        var fields = [("content-type", "application/x-amz-json-1.1")]
        for value in values { fields.append(("X-Amz-Target", value)) }
        var exchange = Exchange(
            adapter,
            try Self.scope(adapter, []),
            method,
            target,
            fields: fields,
            body: #"{"SecretId":"a"}"#
        )
        #expect(try exchange.send().refused == refused)
    }

    /// Actors may have slashes in their names, and no way out in them.
    @Test(arguments: [
        ("ann", nil), ("a%2Fb", nil), ("a%2F..%2Fb", AdapterReason.pathEncodingRefused),
        ("a%2F.%2Fb", .pathEncodingRefused), ("a%2F%2Fb", .pathEncodingRefused),
        ("%2Fa", .pathEncodingRefused), ("a%252Fb", .pathEncodingRefused),
    ])
    func slashesInNames(_ actor: String, _ refused: AdapterReason?) throws {
        let adapter = try Rig.adapter("agentcore-memory")
        let scope = try Self.scope(adapter, ["m-1"])
        var exchange = Exchange(adapter, scope, .post, "/memories/m-1/actor/\(actor)/sessions", body: "{}")
        let sent = try exchange.send()
        #expect(sent.refused == refused)
        if refused == nil { #expect(sent.target == "/memories/m-1/actor/t4acme-\(actor)/sessions") }
    }

    @Test func wrongTablesAreTold() throws {
        func problems(_ rest: String) -> String {
            do {
                _ = try Rig.compile(AdapterLanguageTests.table(rest))
                return ""
            } catch {
                return error.list.map(\.description).joined(separator: "\n")
            }
        }
        let aws = "aws: {service: s, policies: {memory:Read: [{actions: [s:Get], resources: [\"*\"]}]}}\n"
        #expect(
            problems(
                aws
                    + "operations:\n  - {name: a, target: s.A, action: memory:Write, response: {body: none}}\n"
            ).contains("aws.policies has none for its action, memory:Write")
        )
        #expect(
            problems(
                "aws: {service: s, policies: {memory:Read: [{actions: [\"s:*\"], resources: [\"*\"]}]}}\n"
                    + "operations:\n  - {name: a, target: s.A, action: memory:Read, response: {body: none}}\n"
            ).contains("expected whole actions")
        )
        let two = """
            operations:
              - {name: a, target: s.A, action: memory:Read, response: {body: none}}
              - {name: b, target: s.A, action: memory:Read, response: {body: none}}
              - {name: c, target: s.C, method: GET, action: memory:Read, response: {body: none}}
              - {name: d, method: GET, path: /d, action: memory:Read, response: {body: none}}

            """
        let told = problems(two)
        for text in ["another operation has this target", "not beside target", "either all operations"] {
            #expect(told.contains(text), "\(told)")
        }
        let field = """
            segments: {x: pass}
            resource: x
            operations:
              - {name: a, method: GET, path: "/{x}", action: memory:Read, response: {body: none}}

            """
        #expect(problems(field).contains("expected a field of paths whose rule is resource"))
        let one = """
            operations:
              - name: a
                method: POST
                path: /a
                action: memory:Read
                request: {body: {/a: pass}, one_of: [a, b]}
                response: {body: none}

            """
        #expect(problems(one).contains("expected a member of the request's body"))
    }
}

extension String {
    fileprivate var addingEscapes: String {
        utf8.map { byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x61...0x7A).contains(byte) || byte == 0x2D || byte == 0x2E
            return isPlain
                ? String(UnicodeScalar(byte))
                : "%" + String(Int(byte) + 256, radix: 16, uppercase: true).suffix(2)
        }.joined()
    }
}
