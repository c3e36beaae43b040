// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Configuration
import HTTPTypes
import JSON
import Runtime

/// The calls of `LiveAccount`, each signed with Bulkhead's own keys; one that is not allowed is told as such.
struct AccountCaller {
    let account: LiveAccount
    let keys: AWSCredential
    let client: ControlClient
    /// What is asked about, for findings.
    let place: String

    private static let patience = Interval.seconds(10)
    /// Of one list; more is no answer of AWS.
    private static let maximumPages = 64

    // MARK: roles

    func role(
        _ arn: String,
        of sts: Configuration.STS,
        into exports: inout AccountExports,
        _ found: inout [Weakness]
    ) async {
        // arn:PARTITION:iam::ACCOUNT:role/PATH/NAME
        let parts = arn.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 6, let name = parts[5].split(separator: "/").last.map(String.init) else {
            return
        }
        guard await isOurs(parts[4], sts, &found) else { return }
        let iam = IAMPlace(partition: parts[1])
        guard let role = await ask("GetRole", [("RoleName", name)], iam, &found) else { return }
        guard role.text("Arn") == arn, let trust = role.document("AssumeRolePolicyDocument") else {
            return unknown(
                "GetRole: the role of that name is another one",
                "write the role's own ARN",
                &found
            )
        }
        var members: [(String, JSONValue)] = [
            ("RoleName", .string(name)), ("AssumeRolePolicyDocument", trust),
        ]
        if let seconds = role.text("MaxSessionDuration").flatMap({ Int64($0) }) {
            members.append(("MaxSessionDuration", .integer(seconds)))
        }
        add(.members([("Role", .members(members))]), "GetRole", &exports, &found)
        await policies(name, iam, into: &exports, &found)
    }

    /// What a role permits: its own policies, and those that are attached.
    private func policies(
        _ name: String,
        _ iam: IAMPlace,
        into exports: inout AccountExports,
        _ found: inout [Weakness]
    ) async {
        for policy in await list("ListRolePolicies", name, iam, &found, { $0.list("PolicyNames") }) {
            let parameters = [("RoleName", name), ("PolicyName", policy)]
            guard let answer = await ask("GetRolePolicy", parameters, iam, &found) else { continue }
            add(policy, of: name, answer.document("PolicyDocument"), "GetRolePolicy", &exports, &found)
        }
        let attached = await list("ListAttachedRolePolicies", name, iam, &found) {
            $0.list("AttachedPolicies", "PolicyArn")
        }
        for arn in attached {
            guard let policy = await ask("GetPolicy", [("PolicyArn", arn)], iam, &found),
                let version = policy.text("DefaultVersionId")
            else { continue }
            let parameters = [("PolicyArn", arn), ("VersionId", version)]
            guard let answer = await ask("GetPolicyVersion", parameters, iam, &found) else { continue }
            add(arn, of: name, answer.document("Document"), "GetPolicyVersion", &exports, &found)
        }
    }

    private func add(
        _ policy: String,
        of role: String,
        _ document: JSONValue?,
        _ action: String,
        _ exports: inout AccountExports,
        _ found: inout [Weakness]
    ) {
        let export = JSONValue.members([
            ("RoleName", .string(role)), ("PolicyName", .string(policy)),
            ("PolicyDocument", document ?? .null),
        ])
        add(export, action, &exports, &found)
    }

    private func add(
        _ export: JSONValue,
        _ action: String,
        _ exports: inout AccountExports,
        _ found: inout [Weakness]
    ) {
        if exports.add(export, named: action) { return }
        unknown("\(action): the answer holds no policy that can be read", "look at it by hand", &found)
    }

    /// IAM answers for the account of the keys that ask: a role of the same name there is another one.
    private func isOurs(_ account: String, _ sts: Configuration.STS, _ found: inout [Weakness]) async -> Bool
    {
        guard
            let answer = await query(
                "GetCallerIdentity",
                "2011-06-15",
                [],
                sts.endpoint,
                SigningScope(region: sts.region, service: "sts"),
                &found
            )
        else { return false }
        guard let own = answer.text("Account"), own == account else {
            unknown(
                "it belongs to another account than these keys do",
                "ask there, or export it there",
                &found
            )
            return false
        }
        return true
    }

    // MARK: Cognito

    func appClient(
        _ id: String,
        pool: String,
        region: String,
        into exports: inout AccountExports,
        _ found: inout [Weakness]
    ) async {
        let body = JSONValue.members([("ClientId", .string(id)), ("UserPoolId", .string(pool))])
        var text = Buffer()
        body.write(into: &text)
        let action = "DescribeUserPoolClient"
        guard
            let reply = await send(
                action,
                "https://cognito-idp.\(region).amazonaws.com",
                SigningScope(region: region, service: "cognito-idp"),
                text.bytes.array(),
                AWSCall.json11,
                [("x-amz-target", Array("AWSCognitoIdentityProviderService.\(action)".utf8))],
                &found
            )
        else { return }
        let answer = reply.body
        guard let value = try? JSONValue.parse(answer.span, maximumBytes: 1 << 20) else {
            return unknown("\(action): the answer cannot be read", "ask again", &found)
        }
        guard reply.status == 200 else {
            let code = value.object?["__type"]?.string?.split(separator: "#").last.map(String.init)
            return refused(action, code ?? "\(reply.status)", &found)
        }
        add(value, action, &exports, &found)
    }

    // MARK: calls

    private func list(
        _ action: String,
        _ role: String,
        _ iam: IAMPlace,
        _ found: inout [Weakness],
        _ members: (QueryAnswer) -> [String]
    ) async -> [String] {
        var all: [String] = []
        var marker: String?
        for _ in 0..<Self.maximumPages {
            var parameters = [("RoleName", role)]
            if let marker { parameters.append(("Marker", marker)) }
            guard let page = await ask(action, parameters, iam, &found) else { return all }
            all += members(page)
            guard page.text("IsTruncated") == "true", let next = page.text("Marker") else { return all }
            marker = next
        }
        unknown("\(action): the list does not end", "look at it by hand", &found)
        return all
    }

    private func ask(
        _ action: String,
        _ parameters: [(String, String)],
        _ iam: IAMPlace,
        _ found: inout [Weakness]
    ) async -> QueryAnswer? {
        let scope = SigningScope(region: iam.region, service: "iam")
        return await query(action, "2010-05-08", parameters, iam.endpoint, scope, &found)
    }

    private func query(
        _ action: String,
        _ version: String,
        _ parameters: [(String, String)],
        _ endpoint: String,
        _ scope: SigningScope,
        _ found: inout [Weakness]
    ) async -> QueryAnswer? {
        var form = Buffer()
        for (name, value) in [("Action", action), ("Version", version)] + parameters {
            Query.append(
                name: name.utf8Span.span,
                value: value.utf8Span.span,
                isFirst: form.isEmpty,
                into: &form
            )
        }
        let body = form.bytes.array()
        guard let reply = await send(action, endpoint, scope, body, AWSCall.form, [], &found) else {
            return nil
        }
        let bytes = reply.body
        guard let answer = QueryAnswer(bytes.span, status: reply.status) else {
            unknown("\(action): the answer cannot be read", "ask again", &found)
            return nil
        }
        guard answer.code.isEmpty else {
            refused(action, answer.code, &found)
            return nil
        }
        return answer
    }

    private func send(
        _ action: String,
        _ endpoint: String,
        _ scope: SigningScope,
        _ body: [UInt8],
        _ contentType: StaticString,
        _ fields: [(name: String, value: [UInt8])],
        _ found: inout [Weakness]
    ) async -> ControlClient.Reply? {
        guard let (target, server) = account.server(endpoint) else { return nil }
        let call = AWSCall(
            scope: scope,
            keys: keys,
            target: target,
            body: body,
            contentType: contentType,
            fields: fields
        )
        do throws(FetchError) {
            return try await call.send(to: server, client, deadline: Clock.now() + Self.patience)
        } catch {
            unknown("\(action): \(error)", "let it reach \(endpoint)", &found)
            return nil
        }
    }

    /// - Parameter code: of the service; letters and digits are shown of it.
    private func refused(_ action: String, _ code: String, _ found: inout [Weakness]) {
        let shown = String(decoding: code.utf8.filter(ASCII.isAlphanumeric).prefix(64), as: UTF8.self)
        let service = action == "DescribeUserPoolClient" ? "cognito-idp" : "iam"
        unknown(
            "\(action): \(shown)",
            "permit \(service):\(action) to the identity under which Bulkhead runs, or export it (--exports)",
            &found
        )
    }

    private func unknown(_ what: String, _ fix: String, _ found: inout [Weakness]) {
        found.append(Weakness(.accountAccess, .unknown, "\(place): not checked: \(what)", fix: fix))
    }
}
