// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Crypto
import Gateway
import GatewayRig
import HTTPTypes
import Sidecar
import TestSupport
import Testing

/// Which role a session has: chosen by a policy's `@role`, else by the tier, else the credential's (issue 6).
@Suite struct RoleTests {
    private static let ann = Signer.pool.token(.ann)
    private static let bob = Signer.pool.token(.bob)
    private static let account = "arn:aws:iam::123456789012:role"

    private static func rig(
        _ policies: String = "",
        roles: String = "role: '\(account)/all', roles: {premium: '\(account)/premium'}, "
            + "named_roles: {reader: '\(account)/reader', writer: '\(account)/writer'}"
    ) throws -> Rig {
        var options = Rig.Options()
        options.aws = "adapter: s3, aws: {buckets: [docs]}"
        options.credential = "kind: aws-sts, region: us-east-1, \(roles)"
        options.policies = policies
        return try Rig(options)
    }

    private static func permit(_ role: String?, _ actions: String, _ condition: String = "") -> String {
        let annotation = role.map { "@role(\"\($0)\")" } ?? ""
        return """
            @id("\(role ?? "none")-\(actions.count)") \(annotation)
            permit (principal, action in [\(actions)], resource == Store::"vended") \(condition);

            """
    }

    private static let read = "Action::\"memory:Read\""
    private static let write = "Action::\"memory:Write\""

    private static let keys = AWSCredential(
        accessKeyID: Array("ASIAEXAMPLE".utf8),
        secret: Secret(copying: "of a role".utf8Span.span),
        expiry: Rig.now + .seconds(900)
    )

    private func send(_ rig: Rig, _ line: String, token: String = ann) throws -> (run: Run, role: String?) {
        let text = Rig.request(line, host: "vended.local", token: token)
        let run = try rig.run(text, on: "direct", meetsNeeds: false)
        guard case .need(.credential(let need)) = run.action else { return (run, nil) }
        run.resume(
            .met,
            credential: VendedCredential(
                keys: Self.keys,
                renewAt: Rig.now + .seconds(600),
                expiry: Rig.now + .seconds(900)
            )
        )
        return (run, Self.role(need.form ?? []))
    }

    /// The role that a form asks STS for.
    private static func role(_ form: [UInt8]) -> String? {
        var cursor = QueryCursor()
        while let parameter = cursor.next(in: form.span) {
            guard form.span.extracting(parameter.name).equals("RoleArn") else { continue }
            var value = Buffer()
            _ = PercentEncoding.decode(form.span.extracting(parameter.value), into: &value)
            return value.text?.split(separator: "/").last.map(String.init)
        }
        return nil
    }

    @Test func thePermitChoosesElseTheTierElseTheCredential() throws {
        let rig = try Self.rig(Self.permit("reader", Self.read) + Self.permit("writer", Self.write))
        for (line, tokens) in [("GET /docs/a", "reader"), ("DELETE /docs/a", nil)] as [(String, String?)] {
            let (ann, chosen) = try send(rig, line)
            #expect(ann.isForwarded && chosen == tokens ?? "all", "\(line)")
            let (bob, his) = try send(rig, line, token: Self.bob)
            #expect(bob.isForwarded && his == tokens ?? "premium", "\(line)")
        }
        let (put, role) = try send(rig, "PUT /docs/a")
        #expect(put.isForwarded && role == "writer")
        try put.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(put.recorded("bulkhead.role") == "\(Self.account)/writer")
        // The keys themselves are nowhere in the record.
        #expect(!put.records.joined().contains("ASIAEXAMPLE"))
    }

    /// The same permit may also be matched with one that chooses nothing: that says nothing against it.
    @Test func twoThatChooseDifferentlyAreRefused() throws {
        let both = Self.permit("reader", Self.read) + Self.permit("writer", "\(Self.read), \(Self.write)")
        let rig = try Self.rig(both + Self.permit(nil, Self.read))
        for token in [Self.ann, Self.bob] {
            let (run, role) = try send(rig, "GET /docs/a", token: token)
            #expect(run.reason == "role_ambiguous" && role == nil && !run.isForwarded)
            let policies = run.recorded("bulkhead.policy.ids") ?? ""
            #expect(policies.contains("reader-") && policies.contains("writer-"))
            // Refused again: nothing of it is remembered as allowed.
            #expect(try send(rig, "GET /docs/a", token: token).run.reason == "role_ambiguous")
        }
        #expect(try send(rig, "PUT /docs/a").role == "writer")
        let same = try Self.rig(
            Self.permit("reader", Self.read) + Self.permit("reader", "\(Self.read), \(Self.write)")
        )
        #expect(try send(same, "GET /docs/a").role == "reader")
    }

    /// What decides the role decides the grant: a fact that the permit reads gives another grant, and other keys.
    @Test func theGrantKnowsItsRole() throws {
        let rig = try Self.rig(
            Self.permit("reader", Self.read, #"when { context.path like "/docs/public/*" }"#)
        )
        #expect(try send(rig, "GET /docs/public/a").role == "reader")
        #expect(try send(rig, "GET /docs/private/a").role == "all")
        // Both are warm now: nobody is given the other's.
        for (path, role) in [("public", "reader"), ("private", "all")] {
            let run = try rig.run(
                Rig.request("GET /docs/\(path)/a", host: "vended.local", token: Self.ann),
                on: "direct",
                meetsNeeds: false
            )
            #expect(run.isForwarded)
            try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            #expect(run.recorded("bulkhead.role") == "\(Self.account)/\(role)")
        }
        // A user's own choice of words in the path is no role of a policy.
        #expect(try send(rig, "GET /docs/private/public/a", token: Self.bob).role == "premium")
    }

    @Test func onlyWhatACredentialOffersCanBeChosen() {
        for (policies, says) in [
            (Self.permit("admin", Self.read), "no credential offers the role \"admin\""),
            (Self.permit("admin", Self.read), "or take one that is there: reader, writer"),
            (Self.permit("\(Self.account)/reader", Self.read), "no credential offers the role"),
            (Self.permit("", Self.read), "no credential offers the role \"\""),
            (
                #"@id("no") @role("reader") forbid (principal, action, resource == Store::"vended");"#,
                "@role is for a permit"
            ),
        ] {
            let error = #expect(throws: LoadProblems.self) { try Self.rig(policies) }
            let text = error?.lines.joined(separator: "\n") ?? ""
            #expect(text.contains(says), "\(text)")
            #expect(text.contains("more.cedar:1:1: policy "), "\(text)")
        }
    }

    /// A role may be all that there is: then who has no permit with one has none.
    @Test func withoutChoiceThereMayBeNone() throws {
        let rig = try Self.rig(
            Self.permit("reader", Self.read),
            roles: "named_roles: {reader: '\(Self.account)/reader'}"
        )
        #expect(try send(rig, "GET /docs/a").role == "reader")
        #expect(try send(rig, "PUT /docs/a").run.reason == "role_missing")
    }

    /// What policies choose means nothing where no role is assumed.
    @Test func itMeansNothingElsewhere() throws {
        let rig = try Self.rig(
            #"@role("reader") permit (principal, action in Action::"memory", resource == Store::"notes");"#
        )
        let run = try rig.run(Rig.request("GET /a", host: "notes.local", token: Self.ann), on: "direct")
        #expect(run.isForwarded)
    }

    @Test func grantsAreCountedByTenant() throws {
        let rig = try Self.rig()
        for _ in 0..<3 { _ = try send(rig, "GET /docs/a") }
        _ = try send(rig, "GET /docs/a", token: Self.bob)
        let metrics = rig.metrics()
        for line in [
            #"bulkhead_tvm_lookups_total{result="hit",tenant="acme"} 2"#,
            #"bulkhead_tvm_lookups_total{result="miss",tenant="acme"} 1"#,
            #"bulkhead_tvm_lookups_total{result="hit",tenant="globex"} 0"#,
            #"bulkhead_tvm_lookups_total{result="miss",tenant="globex"} 1"#,
        ] {
            #expect(metrics.contains(line + "\n"), "\(line)")
        }
    }
}
