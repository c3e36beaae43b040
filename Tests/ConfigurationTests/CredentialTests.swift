// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Testing

/// Credentials of kind oauth2 and secret.
@Suite struct CredentialTests {
    private func decoded() throws -> [Configuration.Credential] {
        let previous = String(repeating: "p", count: 32)
        return try decode(everything, file: "/etc/bulkhead/b.yaml", environment: ["PREVIOUS": previous])
            .credentials
    }

    @Test func exchanges() throws {
        guard case .oauth(let oauth) = try decoded()[2].kind else { throw Missing() }
        #expect(oauth.tokenURL == "https://idp.example/token" && oauth.ca == .file("/etc/bulkhead/ca.pem"))
        #expect(
            oauth.grant
                == .tokenExchange(
                    .context(credential: "context", audience: "https://idp.example"),
                    type: .accessToken,
                    requested: .jwt
                )
        )
        #expect(oauth.clientID == [.literal("b-"), .placeholder(.tenant)])
        guard case .post(.perTenant(let file)) = oauth.authentication else { throw Missing() }
        #expect(file.folder == "/etc/bulkhead/s" && file.rest == ["crm"])
        #expect(file.prefix.isEmpty && file.suffix.isEmpty)
        #expect(oauth.parameters.map(\.name) == ["scope", "audience", "resource", "organization"])
        #expect(oauth.defaultLifetime == .seconds(60) && oauth.maximumLifetime == .seconds(600))
        #expect(oauth.injection == .header(name: "x-crm-token", prefix: "Token "))
    }

    @Test func theOthers() throws {
        let credentials = try decoded()
        guard case .oauth(let signed) = credentials[3].kind, case .oauth(let shared) = credentials[4].kind,
            case .secret(let files) = credentials[5].kind
        else { throw Missing() }
        #expect(
            signed.authentication
                == .privateKey(.file("/etc/bulkhead/k.pem"), audience: "https://idp.example")
        )
        #expect(signed.injection == .basic(user: [.literal("x-"), .placeholder(.tenant)]))
        #expect(signed.injection.field == "authorization")
        #expect(shared.authentication == .basic(.shared(.file("/etc/bulkhead/s"))))
        #expect(shared.grant == .clientCredentials && shared.injection == .bearer)
        #expect(shared.defaultLifetime == .seconds(300) && shared.maximumLifetime == .seconds(3600))
        let file = files.file
        #expect(file.folder == "/etc/bulkhead/s" && file.rest == [])
        #expect(file.prefix == "k-" && file.suffix == ".txt")
        #expect(files.refresh == .seconds(1) && files.injection == .query(name: "api_key"))
        #expect(files.injection.parameter == "api_key" && files.injection.field == nil)
    }

    private struct Missing: Error {}

    private static let exchange =
        "kind: oauth2, token_url: 'https://i', grant: token_exchange, client_id: b, client_secret: {file: s}"
    private static let grant = "kind: oauth2, token_url: 'https://i', grant: client_credentials, client_id: b"

    static let mistakes: [(String, String)] = [
        (
            "kind: oauth2, token_url: 'http://i.example', grant: client_credentials, client_id: b, client_secret: {file: s}",
            "credentials[0].token_url: the client's secret goes there: write https://…, or an address of this host; no user, no fragment"
        ),
        (
            "kind: oauth2, token_url: 'https://i', grant: password, client_id: b, client_secret: {file: s}",
            "credentials[0].grant: expected one of client_credentials, token_exchange, found \"password\""
        ),
        (grant, "credentials[0]: write one of \"client_secret\", \"client_secrets\" and \"private_key\""),
        (
            "\(grant), client_secret: hunter2",
            "credentials[0].client_secret: a secret must be {file: path} or \"${NAME}\", not written out"
        ),
        (
            "\(grant), client_secret: {file: s}, private_key: {file: k}",
            "credentials[0]: write one of \"client_secret\", \"client_secrets\" and \"private_key\""
        ),
        (
            "\(grant), private_key: {file: k}, client_auth: post",
            "unknown key \"client_auth\""
        ),
        (
            "\(grant), client_secret: {file: s}, scope: 'x {groups}'",
            "credentials[0].scope: unknown placeholder \"{groups}\"; known: {tenant}, {tier}, {user}, {issuer}"
        ),
        (
            "\(grant), client_secret: {file: s}, parameters: {client_secret: x}",
            "\"client_secret\" has a key of its own, or is Bulkhead's to say"
        ),
        (
            "\(grant), client_secret: {file: s}, default_lifetime: 10m",
            "credentials[0].default_lifetime: expected a duration from 1s to 5m, found \"10m\""
        ),
        (
            "\(grant), client_secret: {file: s}, inject: {as: basic}",
            "credentials[0].inject: missing key \"user\""
        ),
        (
            "\(grant), client_secret: {file: s}, inject: {as: basic, user: 'a:b'}",
            "credentials[0].inject.user: expected a user name without a colon, found \"a:b\""
        ),
        (
            "\(grant), client_secret: {file: s}, inject: {as: header, name: Host}",
            "credentials[0].inject.name: header \"Host\": belongs to the connection"
        ),
        (
            "\(grant), client_secret: {file: s}, inject: {as: header, name: traceparent}",
            "credentials[0].inject.name: header \"traceparent\": is Bulkhead's own"
        ),
        (
            "\(grant), client_secret: {file: s}, inject: {as: query, name: 'a&b'}",
            "credentials[0].inject.name: expected the name of a parameter: letters, digits and -._~, not X-Amz-…, found \"a&b\""
        ),
        (
            "\(grant), client_secret: {file: s}, inject: {as: query, name: X-Amz-Signature}",
            "credentials[0].inject.name: expected the name of a parameter: letters, digits and -._~, not X-Amz-…, found \"X-Amz-Signature\""
        ),
        (
            "\(grant), client_secret: {file: s}, inject: {as: bearer, name: x}",
            "unknown key \"name\" in credentials[0].inject"
        ),
        (exchange, "credentials[0]: missing key \"subject\""),
        ("\(exchange), subject: context", "credentials[0]: missing key \"context\""),
        (
            "kind: secret, path: secrets/key",
            "credentials[0].path: expected a path with {tenant} in one of its segments, and a folder before it: secrets/{tenant}/key"
        ),
        ("kind: secret, path: '{tenant}/{tenant}'", "credentials[0].path: expected a path with {tenant}"),
        (
            "kind: secret, path: 's/{tenant}/../k'",
            "credentials[0].path: expected a path without \".\", \"..\""
        ),
        (
            "kind: secret, path: 's/{tenant}', refresh: 10ms",
            "credentials[0].refresh: expected a duration from 1s to 1h"
        ),
    ]

    @Test(arguments: mistakes)
    func mistakesHaveTheirWords(_ text: String, _ expected: String) {
        let found = problems { () throws(Configuration.Problems) in
            _ = try decode(base.replacing("keys:", with: "credentials: [{name: a, \(text)}]\nkeys:"))
        }
        #expect(
            found.count == 1 && found[0].hasPrefix("f.yaml:35:") && found[0].contains(expected),
            "\(found)"
        )
        #expect(!found.joined().contains("hunter2"))
    }

    /// Whatever `path` is, no tenant's name leads anywhere else.
    @Test func aTenantsFileHasAFolder() throws {
        let credential = "{name: a, kind: secret, path: '{tenant}.key'}"
        let configuration = try? decode(
            base.replacing("keys:", with: "credentials: [\(credential)]\nkeys:"),
            file: "f.yaml"
        )
        #expect(configuration == nil)
    }

    static let checks: [(String, String, String?)] = [
        ("{name: a, \(exchange), subject: context, context: b}", "", "there is no credential \"b\""),
        (
            "{name: a, \(exchange), subject: context, context: a}", "",
            "\"a\" signs nothing: name a credential of kind"
        ),
        (
            "{name: a, \(exchange), subject: token}", "credentials: a",
            "nobody brings one at listener \"stores\""
        ),
        ("{name: a, kind: secret, path: 's/{tenant}'}", "credentials: a", nil),
        (
            "{name: a, kind: secret, path: 's/{tenant}'}", "credentials: a\n    headers: {Authorization: x}",
            "routes[1].headers.authorization: is where the credential stands"
        ),
        (
            "{name: a, kind: secret, path: 's/{tenant}', inject: {as: header, name: X_Key}}",
            "credentials: a\n    headers: {x-key: x}",
            "routes[1].headers.x-key: is where the credential stands"
        ),
        (
            "{name: a, kind: secret, path: 's/{tenant}'}",
            "credentials: a\n    headers: {x-c: \"{context}\"}",
            "{context} needs \"credentials\" of kind signed-context"
        ),
    ]

    @Test(arguments: checks)
    func whatDoesNotFitIsTold(_ credential: String, _ route: String, _ expected: String?) throws {
        let text = base.replacing("keys:", with: "credentials: [\(credential)]\nkeys:")
            .replacing("upstream: notes\n", with: "upstream: notes\n    \(route)\n")
        let found = try decode(text).check(adapters: adapters, now: now).map(\.description)
        if let expected {
            #expect(found.count == 1 && found[0].contains(expected), "\(found)")
        } else {
            #expect(found == [])
        }
    }

    /// The agent's handle comes in the token's place, so nothing else may.
    @Test(arguments: ["bearer", "basic, user: u", "header, name: X-Api-Key", "header, name: Api_Key"])
    func anAgentKeepsItsHandle(_ injection: String) throws {
        let credential = "{name: a, kind: secret, path: 's/{tenant}', inject: {as: \(injection)}}"
        let text = base.replacing("keys:", with: "credentials: [\(credential)]\nkeys:")
            .replacing(
                "upstream: agent\n",
                with: "upstream: agent\n    credentials: a\n    headers: {x-bulkhead-context: null}\n"
            )
        let found = try decode(text).check(adapters: adapters, now: now).map(\.description)
        #expect(found.count == 1 && found[0].contains("is where the agent gets its handle"), "\(found)")
    }
}
