// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Gateway
import GatewayRig
import HTTP1
import HTTPTypes
import Identity
import JSON
import Namespaces
import Telemetry
import Testing

/// Everything that is refused, with what the caller, the record and the metrics say of it.
@Suite struct RefusalTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        /// Stable code: of the record and the metric.
        var code: String
        var status: UInt16
        /// What the caller sees, where that is another.
        var callerCode: String?
        var listener = "ingress"
        var host = "agent.local"
        var line = "POST /invocations"
        var token: String?
        var fields: [String] = []
        var body = "{}"
        /// As the record has it, for those whose tenant was verified.
        var tenant: String?
        var route = "agent"
        var options = Rig.Options()

        var testDescription: String { name }
    }

    private static func token(_ claims: Claims) -> String { Signer.pool.token(claims) }

    private static let ann = token(.ann)

    /// HMAC with what everybody knows, the public key.
    private static let confused = Signer.token(.ann, header: #"{"alg":"HS256","kid":"pool-1"}"#) { message in
        var mac = HMACSHA256(key: Signer.pool.jwk.utf8Span.span)
        return mac.authenticate(message).bytes.array()
    }

    private static let tokens: [Case] = [
        Case(name: "no token", code: "token_missing", status: 401),
        Case(
            name: "no token but a path that names a tenant",
            code: "token_missing",
            status: 401,
            fields: ["X-Tenant-Id: acme"]
        ),
        Case(
            name: "another scheme",
            code: "token_missing",
            status: 401,
            fields: ["Authorization: Basic YTpi"]
        ),
        Case(name: "not a token", code: "token_malformed", status: 401, token: "abc"),
        Case(
            name: "bad signature",
            code: "signature_invalid",
            status: 401,
            token: Signer.stranger.token(.ann)
        ),
        Case(
            name: "alg none",
            code: "algorithm_refused",
            status: 401,
            token: Signer.token(.ann, header: #"{"alg":"none","kid":"pool-1"}"#) { _ in [0] }
        ),
        Case(
            name: "alg none, as it is defined, without a signature",
            code: "algorithm_refused",
            status: 401,
            token: Signer.token(.ann, header: #"{"alg":"none"}"#) { _ in [] }
        ),
        Case(name: "HS256 with the public key", code: "algorithm_refused", status: 401, token: confused),
        Case(
            name: "a key of the token's own",
            code: "header_refused",
            status: 401,
            token: Signer.stranger.token(
                .ann,
                header: #"{"alg":"RS256","kid":"pool-1","jku":"https://evil.example"}"#
            )
        ),
        Case(
            name: "expired",
            code: "token_expired",
            status: 401,
            token: token(.ann.with("exp", "1799999900"))
        ),
        Case(
            name: "not yet valid",
            code: "token_not_yet_valid",
            status: 401,
            token: token(.ann.with("nbf", "1800000900"))
        ),
        Case(
            name: "wrong issuer",
            code: "issuer_unknown",
            status: 401,
            token: token(.ann.with("iss", #""https://evil.example""#))
        ),
        Case(
            name: "wrong audience",
            code: "audience_mismatch",
            status: 401,
            token: token(.ann.with("aud", #""another-app""#))
        ),
        Case(
            name: "wrong token_use",
            code: "token_use_mismatch",
            status: 401,
            token: token(.ann.with("token_use", #""access""#).with("client_id", #""app""#))
        ),
    ]

    private static let tenants: [Case] = [
        Case(
            name: "no tenant",
            code: "claim_missing",
            status: 403,
            token: token(.ann.with("custom:tenant_id", nil)),
            fields: ["x-tenant-id: acme"]
        ),
        Case(
            name: "an issuer that the entry does not name",
            code: "issuer_not_for_tenant",
            status: 403,
            callerCode: "tenant_refused",
            token: Signer.idp.token(.cleo.with("tenant_id", #""acme""#))
        ),
        Case(
            name: "unknown tenant",
            code: "tenant_unknown",
            status: 403,
            callerCode: "tenant_refused",
            token: token(.ann.with("custom:tenant_id", #""nobody""#))
        ),
        Case(
            name: "suspended tenant",
            code: "tenant_suspended",
            status: 403,
            callerCode: "tenant_refused",
            token: token(.ann.with("custom:tenant_id", #""gone""#))
        ),
        Case(
            name: "outside the tenant's group",
            code: "group_not_for_tenant",
            status: 403,
            callerCode: "tenant_refused",
            token: token(.ann.with("custom:tenant_id", #""staffed""#))
        ),
        Case(
            name: "tier drift",
            code: "tier_drift",
            status: 403,
            token: token(.ann.with("custom:tier", #""premium""#)),
            options: refusingDrift
        ),
        Case(
            name: "unknown tier",
            code: "tier_unknown",
            status: 403,
            token: token(.ann.with("custom:tier", #""platinum""#))
        ),
        Case(name: "no keys yet", code: "keys_unavailable", status: 503, token: ann, options: withoutKeys),
    ]

    private static let requests: [Case] = [
        Case(
            name: "no route",
            code: "route_unknown",
            status: 404,
            host: "nowhere.local",
            token: ann,
            route: ""
        ),
        Case(
            name: "unknown operation",
            code: "operation_unknown",
            status: 403,
            line: "POST /admin",
            token: ann,
            tenant: "acme"
        ),
        Case(
            name: "unknown operation, of a store",
            code: "operation_unknown",
            status: 403,
            listener: "direct",
            host: "chroma.local",
            line: "GET /api/v1/collections",
            token: ann,
            body: "",
            tenant: "acme",
            route: "chroma"
        ),
        Case(
            name: "another's tenant in a path",
            code: "tenant_foreign",
            status: 403,
            listener: "direct",
            host: "chroma.local",
            line: "GET /api/v2/tenants/globex",
            token: ann,
            body: "",
            tenant: "acme",
            route: "chroma"
        ),
        Case(
            name: "an undeclared parameter",
            code: "parameter_undeclared",
            status: 400,
            line: "POST /invocations?qualifier=x",
            token: ann,
            tenant: "acme"
        ),
        Case(
            name: "policy denial",
            code: "policy_denied",
            status: 403,
            token: token(.ann.with("cognito:groups", #"["suspended-users"]"#)),
            tenant: "acme"
        ),
        Case(
            name: "a websocket where none is known",
            code: "upgrade_refused",
            status: 403,
            host: "other.local",
            line: "GET /ws",
            token: ann,
            fields: websocket,
            body: "",
            tenant: "acme",
            route: "other"
        ),
        Case(
            name: "a websocket at another operation",
            code: "upgrade_refused",
            status: 403,
            line: "GET /ping",
            token: ann,
            fields: websocket,
            body: "",
            tenant: "acme"
        ),
    ]

    static let websocket = [
        "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]

    private static var refusingDrift: Rig.Options {
        var options = Rig.Options()
        options.tierDrift = "refuse"
        return options
    }

    private static var withoutKeys: Rig.Options {
        var options = Rig.Options()
        options.hasKeys = false
        return options
    }

    @Test(arguments: tokens + tenants + requests)
    func isRefused(_ attack: Case) throws {
        let rig = try Rig(attack.options)
        let text = Rig.request(
            attack.line,
            host: attack.host,
            token: attack.token,
            attack.fields,
            body: attack.body
        )
        let run = try rig.run(text, on: attack.listener)
        #expect(run.action == .answer)
        #expect(run.reason == attack.code)
        #expect(run.status == attack.status)
        // Nothing was written for an upstream.
        #expect(run.exchange.upstreamStartedAt == nil)
        let seen = attack.callerCode ?? attack.code
        #expect(run.answered("x-bulkhead-reason") == [seen])
        #expect(run.answered("content-type") == ["application/json"])
        #expect(run.answered("cache-control") == ["no-store"])
        #expect(run.answered("www-authenticate").isEmpty == (attack.status != 401))
        #expect(run.answered("retry-after").isEmpty == (attack.status != 503))
        checkBody(run, attack, seen)
        checkRecord(run, attack)
        let metrics = rig.metrics()
        #expect(
            metrics.contains(
                "bulkhead_refusals_total{route=\"\(attack.route)\",reason=\"\(attack.code)\"} 1\n"
            )
        )
        #expect(rig.value(.requestsBegun) == 1)
        #expect(rig.value(.recordsWritten) == 1)
    }

    /// In the words of the protocol, and valid JSON.
    private func checkBody(_ run: Run, _ attack: Case, _ code: String) {
        guard let value = try? JSONValue.parse(run.answerBody.utf8Span.span),
            case .object(let members) = value
        else {
            Issue.record("no JSON: \(run.answerBody)")
            return
        }
        switch attack.route {
        case "chroma":
            #expect(members["error"] != nil)
            #expect(members["message"] != nil)
        case "": #expect(members["error"] == .string(code))
        default:
            #expect(members["reason"] == .string(code))
            #expect(members["message"] != nil)
        }
        // A refusal shows neither the other tenant nor why exactly.
        #expect(!run.answerBody.contains("suspended"))
    }

    private func checkRecord(_ run: Run, _ attack: Case) {
        #expect(run.records.count == 1)
        #expect(run.recorded("error.type") == attack.code)
        #expect(run.recorded("bulkhead.outcome") == (attack.status == 503 ? "failed" : "refused"))
        #expect(run.recorded("http.response.status_code") == "\(attack.status)")
        #expect(run.recorded("tenancy.tenant.id") == attack.tenant)
        #expect(run.recorded("bulkhead.listener") == attack.listener)
        #expect((run.recorded("bulkhead.route") ?? "") == attack.route)
        #expect(run.recorded("bulkhead.upstream") == nil)
        if let token = attack.token, token.utf8.count > 8 { #expect(!run.records[0].contains(token)) }
    }

    /// Unknown, suspended and foreign tenants look alike, to the byte (THREATS 16).
    @Test func tenantsThatAreNotServedLookAlike() throws {
        let rig = try Rig()
        let answers = try Self.tenants.filter { $0.callerCode != nil }.map { attack in
            let run = try rig.run(Rig.request("POST /invocations", token: attack.token, body: "{}"))
            return "\(run.status) \(run.answered) \(run.answerBody)"
        }
        #expect(answers.count == 4)
        #expect(Set(answers).count == 1)
    }

    /// What could not be read is recorded like everything else.
    @Test func unreadableRequestsAreRecorded() throws {
        let rig = try Rig()
        var exchange = Exchange()
        rig.fillRandom(&exchange.random)
        let start = Gateway.Start(listener: 0, now: Instant(nanoseconds: 0), wallTime: Rig.now)
        rig.gateway.reject(&exchange, start, Refusal("head_too_large", .fieldsTooLarge, .client))
        exchange.isAnswered = true
        var output = Buffer()
        rig.gateway.record(
            exchange,
            caller: nil,
            now: Instant(nanoseconds: 1),
            into: &output
        )
        let record = output.bytes.string() ?? ""
        #expect(record.contains(#""error.type":"head_too_large""#))
        #expect(!record.contains("http.request.method"))
        #expect(record.split(separator: "\n").count == 1)
        #expect(rig.metrics().contains(#"bulkhead_refusals_total{route="",reason="head_too_large"} 1"#))
    }

    /// A host that the handshake did not name (THREATS 19).
    @Test func misdirectedRequestsAreRefused() throws {
        let rig = try Rig()
        var exchange = Exchange()
        let text = Rig.request("POST /invocations", token: Self.ann, body: "{}")
        var parser = RequestParser(limits: .callers)
        #expect(try parser.parse(text.utf8Span.span, into: &exchange.request) != nil)
        rig.fillRandom(&exchange.random)
        exchange.isMisdirected = true
        let start = Gateway.Start(listener: 0, now: Instant(nanoseconds: 0), wallTime: Rig.now)
        #expect(rig.gateway.begin(&exchange, start) == .answer)
        #expect(exchange.refusal?.code == "misdirected")
        #expect(exchange.answer.status.rawValue == 421)
        #expect(rig.metrics().contains(#"reason="misdirected"} 1"#))
    }

    /// With `tier_drift: lesser` the lower of the two counts, and it is counted.
    @Test func driftIsServedAsTheLesser() throws {
        let rig = try Rig()
        for (claims, tier) in [
            (Claims.ann.with("custom:tier", #""premium""#), "basic"),
            (Claims.bob.with("custom:tier", #""standard""#), "standard"),
        ] {
            let run = try rig.run(
                Rig.request("POST /invocations", token: Signer.pool.token(claims), body: "{}")
            )
            #expect(run.isForwarded)
            #expect(run.sent("x-tenant-tier") == [tier])
            try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            #expect(run.recorded("tenancy.tier") == tier)
            #expect(run.recorded("tenancy.tier.drift") == "true")
        }
        #expect(rig.value(.tierDrift) == 2)
    }
}
