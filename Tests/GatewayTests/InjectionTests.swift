// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Gateway
import GatewayRig
import HTTPTypes
import Identity
import Telemetry
import TestSupport
import Testing

/// Credentials that stand in requests: where, for whom, and nowhere else.
@Suite struct InjectionTests {
    private static let ann = Signer.pool.token(.ann)
    private static let bob = Signer.pool.token(.bob)

    private static func rig(_ inject: String, kind: String = "kind: secret, path: 's/{tenant}'") throws -> Rig
    {
        var options = Rig.Options()
        options.credential = "\(kind), inject: {\(inject)}"
        return try Rig(options)
    }

    private static let oauth =
        "kind: oauth2, token_url: 'https://idp.example/token', client_id: b, client_secret: {file: bulkhead.key}"

    private static func secret(_ text: String) -> VendedCredential {
        VendedCredential(
            secret: Secret(copying: text.utf8Span.span),
            renewAt: Rig.now + .seconds(45),
            expiry: Rig.now + .seconds(60)
        )
    }

    private func send(
        _ rig: Rig,
        _ line: String = "GET /a",
        _ fields: [String] = [],
        token: String = ann,
        secret: String = "s3cret-of-a-tenant"
    ) throws -> Run {
        let text = Rig.request(line, host: "vended.local", token: token, fields)
        let run = try rig.run(text, on: "direct", meetsNeeds: false)
        if case .need(.credential) = run.action { run.resume(.met, credential: Self.secret(secret)) }
        return run
    }

    private static func secret(_ text: String, since: WallTime) -> VendedCredential {
        VendedCredential(
            secret: Secret(copying: text.utf8Span.span),
            since: since,
            renewAt: since + .seconds(900),
            expiry: since + .seconds(1000)
        )
    }

    /// A 401 has the credential asked for anew, at most once in ten seconds: who is always answered so cannot have it asked
    /// for at will.
    @Test func whatTheUpstreamDoesNotTakeIsVendedAnew() throws {
        let rig = try Self.rig("as: bearer", kind: Self.oauth + ", grant: client_credentials")
        var vends = 0
        func get(_ line: String, at seconds: Int64, status: Int, token: String = Self.ann) throws -> String? {
            let now = Rig.now + .seconds(seconds)
            let text = Rig.request(line, host: "vended.local", token: token)
            let run = try rig.run(text, on: "direct", now: now, meetsNeeds: false)
            if case .need(.credential) = run.action {
                vends += 1
                run.resume(.met, credential: Self.secret("token-number-\(vends)", since: now))
            }
            let sent = run.sent("authorization").first
            try run.respond("HTTP/1.1 \(status) X\r\nContent-Length: 0\r\n\r\n")
            #expect(run.status == UInt16(status))
            return sent
        }
        #expect(try get("GET /a", at: 0, status: 200) == "Bearer token-number-1")
        // Of another action, with the same token.
        #expect(try get("DELETE /a", at: 1, status: 204) == "Bearer token-number-1")
        for second in 2..<10 {
            #expect(try get("GET /a", at: Int64(second), status: 401) == "Bearer token-number-1")
        }
        #expect(vends == 1 && rig.gateway.rejected.isEmpty)
        #expect(try get("GET /a", at: 10, status: 401) == "Bearer token-number-1")
        #expect(rig.gateway.rejected.count == 1)
        // Whoever uses the old one in another grant is served with it once more at most.
        #expect(try get("GET /a", at: 11, status: 200) == "Bearer token-number-2")
        #expect(try get("DELETE /a", at: 12, status: 401) == "Bearer token-number-1")
        #expect(try get("DELETE /a", at: 13, status: 204) == "Bearer token-number-2")
        #expect(rig.gateway.rejected.count == 1 && vends == 2)
        // Another tenant's own is not touched, by whatever refusals.
        #expect(try get("GET /a", at: 14, status: 200, token: Self.bob) == "Bearer token-number-3")
        for second in 15..<45 { _ = try get("GET /a", at: Int64(second), status: 401) }
        #expect(vends <= 3 + 4)
        let before = vends
        #expect(try get("GET /a", at: 46, status: 200, token: Self.bob) == "Bearer token-number-3")
        #expect(vends == before)
        // Other statuses say nothing of it.
        for status in [403, 407, 500] { _ = try get("GET /a", at: 100, status: status, token: Self.bob) }
        #expect(try get("GET /a", at: 101, status: 200, token: Self.bob) == "Bearer token-number-3")
    }

    static let fields: [(String, String, String)] = [
        ("as: bearer", "authorization", "Bearer s3cret-of-a-tenant"),
        ("as: header, name: X-Key", "x-key", "s3cret-of-a-tenant"),
        ("as: header, name: X-Key, prefix: 'Token '", "x-key", "Token s3cret-of-a-tenant"),
        ("as: basic", "authorization", "Basic czNjcmV0LW9mLWEtdGVuYW50"),
        ("as: basic, user: 'u-{tenant}'", "authorization", "Basic dS1hY21lOnMzY3JldC1vZi1hLXRlbmFudA=="),
    ]

    /// The agent's own never goes along, however it is spelt.
    @Test(arguments: fields)
    func itStandsInItsFieldAlone(_ inject: String, _ name: String, _ value: String) throws {
        let rig = try Self.rig(inject)
        let run = try send(rig, "GET /a", ["X-Key: mine", "x_key: mine", "X.Key: mine"])
        #expect(run.isForwarded)
        #expect(run.sent(name) == [value])
        if name == "x-key" { #expect(!run.everythingSent.contains("mine")) }
        #expect(!run.everythingSent.contains(Self.ann))
        #expect(run.target == "/tenants/\(rig.compartment(of: "acme"))/a")
        try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(!run.records.joined().contains("s3cret"))
    }

    static let queries: [(String, String)] = [
        ("", "?api_key=s3cret%2F%26"),
        ("?v=1", "?v=1&api_key=s3cret%2F%26"),
        ("?api_key=mine", "?api_key=s3cret%2F%26"),
        ("?api_key=mine&v=1&api_key=again", "?v=1&api_key=s3cret%2F%26"),
        ("?API_KEY=mine&v=1", "?v=1&api_key=s3cret%2F%26"),
        ("?api%5Fkey=mine", "?api_key=s3cret%2F%26"),
        ("?api.key=mine&api-key=mine&api+key=mine", "?api_key=s3cret%2F%26"),
        ("?api_key%5B%5D=mine&api_key%5Ba%5D=mine&+api_key=mine", "?api_key=s3cret%2F%26"),
        ("?api_key", "?api_key=s3cret%2F%26"),
        ("?my_api_key=x&api_key2=y", "?my_api_key=x&api_key2=y&api_key=s3cret%2F%26"),
        ("?v=api_key", "?v=api_key&api_key=s3cret%2F%26"),
    ]

    @Test(arguments: queries)
    func itStandsInTheQueryOnce(_ query: String, _ expected: String) throws {
        let rig = try Self.rig("as: query, name: api_key")
        let run = try send(rig, "GET /a\(query)", secret: "s3cret/&")
        #expect(run.target == "/tenants/\(rig.compartment(of: "acme"))/a\(expected)")
        try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(!run.records.joined().contains("s3cret") && !run.records.joined().contains("api_key"))
    }

    /// One key for all of a tenant's people, another for another tenant's.
    @Test func aTenantsCredentialIsNobodyElses() throws {
        let rig = try Self.rig("as: bearer")
        #expect(try send(rig, secret: "secret-of-acme").sent("authorization") == ["Bearer secret-of-acme"])
        let amy = Signer.pool.token(.ann.with("sub", #""amy""#))
        let second = try rig.run(
            Rig.request("GET /a", host: "vended.local", token: amy),
            on: "direct",
            meetsNeeds: false
        )
        #expect(second.sent("authorization") == ["Bearer secret-of-acme"])
        let other = try rig.run(
            Rig.request("GET /a", host: "vended.local", token: Self.bob),
            on: "direct",
            meetsNeeds: false
        )
        guard case .need(.credential(let need)) = other.action else {
            Issue.record("\(other.action)")
            return
        }
        #expect(need.principal.tenant.text == "globex")
        other.resume(.failed(.credentialMissing))
        #expect(other.reason == "credential_missing" && other.status == 403)
    }

    /// What a token depends on decides who shares it.
    static let reaches: [(String, Bool, Bool)] = [
        ("grant: client_credentials, scope: '{tenant}'", true, true),
        ("grant: client_credentials, scope: '{user}'", false, true),
        ("grant: token_exchange, subject: context, context: context", false, false),
    ]

    @Test(arguments: reaches)
    func tokensAreSharedAsFarAsTheyReach(_ grant: String, _ byUsers: Bool, _ byTokens: Bool) throws {
        let rig = try Self.rig("as: bearer", kind: "\(Self.oauth), \(grant)")
        _ = try send(rig)
        let amy = Signer.pool.token(.ann.with("sub", #""amy""#))
        let again = Signer.pool.token(.ann.with("jti", #""2""#))
        for (token, isShared) in [(amy, byUsers), (again, byTokens)] {
            let run = try rig.run(
                Rig.request("GET /a", host: "vended.local", token: token),
                on: "direct",
                meetsNeeds: false
            )
            #expect(run.isForwarded == isShared)
        }
    }

    /// A suspension voids what was vended before it, also for after it.
    @Test func suspensionVoidsIt() throws {
        let rig = try Self.rig("as: bearer")
        _ = try send(rig)
        rig.suspend("acme")
        #expect(try send(rig).reason == "tenant_suspended")
        rig.resume("acme")
        let run = try rig.run(
            Rig.request("GET /a", host: "vended.local", token: Self.ann),
            on: "direct",
            meetsNeeds: false
        )
        guard case .need(.credential) = run.action else {
            Issue.record("\(run.action)")
            return
        }
    }

    static let echoes: [(String, String, String)] = [
        ("as: bearer", "X-Saw", "Bearer s3cret-of-a-tenant"),
        ("as: header, name: x-key", "Set-Cookie", "k=s3cret-of-a-tenant; Path=/"),
        ("as: basic, user: u", "X-Saw", "dTpzM2NyZXQtb2YtYS10ZW5hbnQ="),
        ("as: query, name: k", "Location", "/tenants/t4acme/b?k=s3cret-of-a-tenant"),
    ]

    /// Law 8: an upstream that says it back is not heard.
    @Test(arguments: echoes)
    func anEchoIsRefused(_ inject: String, _ field: String, _ value: String) throws {
        let rig = try Self.rig(inject)
        let run = try send(rig)
        try run.respond("HTTP/1.1 200 OK\r\n\(field): \(value)\r\nContent-Length: 0\r\n\r\n")
        #expect(run.reason == "credential_echoed" && run.status == 502)
        let seen = run.answered.map(\.value).joined() + run.answerBody
        #expect(!seen.contains("s3cret") && !seen.contains("dTpz"))
        #expect(run.records.count == 1)
    }

    /// The caller's token is exchanged where the caller brings it.
    @Test func theCallersTokenIsExchanged() throws {
        var options = Rig.Options()
        options.credential = "\(Self.oauth), grant: token_exchange, subject: token"
        // A handle is no token of the caller's, so the configuration is refused for that listener.
        #expect(throws: (any Error).self) { _ = try Rig(options) }
    }
}
