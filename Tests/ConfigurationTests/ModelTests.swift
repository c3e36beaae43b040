// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Crypto
import HTTPTypes
import Testing

/// Every key of the language, each with something that is not its default.
let everything = """
    version: 1
    workers: 3
    listeners:
      - name: ingress
        address: "[::]:8443"
        protocol: http
        tls:
          certificates:
            - {certificate: a.crt, private_key: /abs/a.key}
            - {certificate: b.crt, private_key: b.key}
          client_ca: ca.pem
          client_certificates: optional
          minimum_version: "1.3"
        carriers: [bearer]
        routes: [agent]
        upstream: null
      - name: single
        address: 0.0.0.0:0
        tls: {certificate: c.crt, private_key: c.key, client_ca: ca.pem}
        carriers: [bearer]
        routes: [agent]
      - name: stores
        address: 0.0.0.0:9443
        plaintext: true
        carriers: [handle, bearer]
        routes: [notes]
        endpoint: agent
        connections: 5
        tenant: acme
    identity:
      tier_drift: refuse
      token_bytes: 4KiB
      handle: {linger: 5s, max_run: 1h}
      issuers:
        - name: one
          profile: cognito
          issuer: https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_a
          audiences: [a, b]
          token_use: [access, id]
          algorithms: [ES256, EdDSA]
          claims: {tenant: t, tier: r, user: u, groups: g, tags: [x, y]}
          leeway: 0s
          jwks: {url: "http://keys.svc:8000/k", plaintext: true, refresh: 1m, max_stale: 2d, ca: ca.pem}
        - {name: two, issuer: "https://two.example/", audiences: [c], token_types: [at+jwt]}
        - {name: three, issuer: three, audiences: [c], jwks: {file: keys.json}, claims: {tier: null, groups: null}}
        - name: mesh
          profile: x509
          issuer: spiffe://prod.example
          certificates: {ca: mesh.pem, spiffe: "/t/{tenant}/sa-{user}.x", groups: [machines], same_users_as: [two]}
    tenants: {mode: registry, file: t.yaml}
    tiers:
      low:
      high:
        weight: 8
        limits: {requests_per_second: 0.5, concurrent: 4, tokens_per_minute: 20000, tokens_per_day: 9, usd_per_month: 20}
        models: [small-*]
    policy: {files: [p/, q.cedar], schema: s, mode: shadow}
    credentials:
      - {name: context, kind: signed-context, key: {file: c.pem}, lifetime: 30s, issuer: me}
      - name: keys
        kind: aws-sts
        role: "arn:aws:iam::123456789012:role/tenant"
        roles: {high: "arn:aws:iam::123456789012:role/high"}
        region: eu-west-1
        duration: 1h
        endpoint: https://sts.example
        fips: true
        ca: ca.pem
        tags: {tenant: T, tier: null, user: U}
        source_identity: false
        external_id: xx
        session_policy: false
        base: file
        profile: p
      - name: crm
        kind: oauth2
        token_url: https://idp.example/token
        ca: ca.pem
        grant: token_exchange
        subject: context
        context: context
        subject_audience: https://idp.example
        subject_token_type: access_token
        requested_token_type: jwt
        client_id: "b-{tenant}"
        client_secrets: "s/{tenant}/crm"
        client_auth: post
        scope: "read {user}"
        audience: "https://crm.example/{tenant}"
        resource: "urn:{tier}"
        parameters: {organization: "{tenant}"}
        default_lifetime: 1m
        max_lifetime: 10m
        inject: {as: header, name: X-CRM-Token, prefix: "Token "}
      - name: signed
        kind: oauth2
        token_url: http://127.0.0.1:1/token
        grant: client_credentials
        client_id: b
        private_key: {file: k.pem}
        assertion_audience: https://idp.example
        inject: {as: basic, user: "x-{tenant}"}
      - {name: shared, kind: oauth2, token_url: "https://i/", grant: client_credentials, client_id: b, client_secret: {file: s}}
      - {name: files, kind: secret, path: "s/k-{tenant}.txt", refresh: 1s, inject: {as: query, name: api_key}}
    upstreams:
      agent:
        endpoints: ["127.0.0.1:8080", "[::1]:8080"]
        protocol: http1
        lease: none
        leasing: {wait: 1s, idle: 1m, recycle: {path: /r, endpoints: ["127.0.0.1:1"], proof: /p, timeout: 9s}}
        timeouts: {connect: 1s, response: 2s, idle: 3s, total: 4s, keep_alive: 5s}
        health: {path: /ping, interval: 1s, timeout: 250ms, failures: 1}
        connections: {maximum: 9, idle: 8}
      notes:
        endpoints: [Notes.SVC:443]
        tls: {ca: ca.pem, server_name: Notes, certificate: m.crt, private_key: m.key, minimum_version: "1.3"}
    routes:
      - name: agent
        match: {hosts: [A.example, "*.B.example", "[::1]"], paths: [/, "/a/{x}/%62/**", /c/], methods: [GET, POST]}
        adapter: agentcore-runtime
        resource: 'Ns::Agent::"a\\"\\\\b"'
        upstream: agent
        credentials: context
        namespace: {scope: user}
        forward_token: true
        websocket: true
        headers: {X-A: "{tenant}/{{{user}}}", x-tenant-TIER: null}
        session_headers: [X-Session]
      - name: notes
        adapter: rest
        resource: 'Store::"notes"'
        upstream: notes
        single_layer: {owner: o, reason: r, expires: 2028-02-29T23:59:59Z}
        aws: {service: s3, buckets: [b], tables: [{name: t, partition_key: k, indexes: {i: j}}]}
    adapters: own/
    limits:
      store: local
      upstream: null
      on_failure: null
      head_bytes: 16KiB
      head_fields: 50
      body_bytes: 1GiB
      buffered_body_bytes: 1MiB
      window_bytes: 32KiB
      http2:
        concurrent_streams: 50
        connection_window_bytes: 2MiB
        interval: 20s
        resets: 300
        continuations: 4
        settings: 10
        pings: 40
        empty_frames: 50
        other_frames: 60
        window_updates: 70
        queued_frames: 80
      head_timeout: 1s
      body_timeout: 2s
      idle_timeout: 3s
      connections: 7
      connections_per_address: 3
      exchanges: 9
      memory_bytes: 1GiB
      drain_timeout: 4s
    telemetry:
      service: svc
      otlp: {endpoint: null, headers: {}, interval: 5s}
      access_log: {path: access.jsonl}
      audit_log: {path: null}
      tenants_labelled: 3
    ownership:
      store: redis
      url: rediss://owners.example:6390
      tls: {ca: ca.pem, server_name: owners, certificate: m.crt, private_key: m.key, minimum_version: "1.3"}
      user: bulkhead
      password: {file: r}
      database: 2
      prefix: "fleet:"
      timeout: 1s
      durability: memory
      replicas: 1
    keys: {current: {file: k1}, previous: "${PREVIOUS}"}
    admin: {socket: admin.sock, address: null, token: {file: t}, plaintext: true}
    reload: {watch: false, debounce: 1s}
    migrate: []

    """

@Suite struct ModelTests {
    private func decoded() throws -> Configuration {
        let previous = String(repeating: "p", count: 32)
        return try decode(everything, file: "/etc/bulkhead/b.yaml", environment: ["PREVIOUS": previous])
    }

    @Test func listeners() throws {
        let configuration = try decoded()
        #expect(configuration.workers == 3)
        let (ingress, single, stores) = (
            configuration.listeners[0], configuration.listeners[1], configuration.listeners[2]
        )
        #expect(ingress.address == .init(ip: .v6(high: 0, low: 0), port: 8443))
        #expect(ingress.address.description == "[::]:8443")
        #expect(
            ingress.tls?.certificates == [
                .init(certificate: "/etc/bulkhead/a.crt", privateKey: "/abs/a.key"),
                .init(certificate: "/etc/bulkhead/b.crt", privateKey: "/etc/bulkhead/b.key"),
            ]
        )
        #expect(ingress.tls?.clientCA == "/etc/bulkhead/ca.pem")
        #expect(ingress.tls?.clientCertificates == .optional)
        #expect(ingress.tls?.minimumVersion == .v13)
        #expect(single.tls?.clientCertificates == .required)
        #expect(single.tls?.minimumVersion == .v12)
        #expect(stores.plaintext)
        #expect(stores.carriers == [.handle, .bearer])
        #expect(stores.endpoint == "agent")
        #expect(configuration.agent(of: stores) == "agent")
        #expect(configuration.agents == ["agent"])
    }

    @Test func identity() throws {
        let configuration = try decoded()
        let identity = configuration.identity
        #expect(identity.tierDrift == .refuse)
        #expect(identity.tokenBytes == 4096)
        #expect(identity.handle.linger == .seconds(5))
        #expect(identity.handle.maxRun == .seconds(3600))
        let (one, two, three) = (identity.issuers[0], identity.issuers[1], identity.issuers[2])
        #expect(one.profile == .cognito)
        #expect(one.audiences == ["a", "b"])
        #expect(one.tokenUse == [.access, .id])
        #expect(one.algorithms == [.es256, .edDSA])
        #expect(one.claims.tags == ["x", "y"])
        #expect(one.claims.tenant == "t" && one.claims.tier == "r")
        #expect(one.claims.user == "u" && one.claims.groups == "g")
        #expect(one.leeway == .zero)
        #expect(one.jwks.source == .url("http://keys.svc:8000/k"))
        #expect(one.jwks.refresh == .seconds(60))
        #expect(one.jwks.maxStale == .seconds(2 * 86_400))
        #expect(one.jwks.ca == .file("/etc/bulkhead/ca.pem"))
        #expect(two.profile == .oidc)
        #expect(two.tokenUse == [] && two.tokenTypes == [.accessToken])
        #expect(three.tokenTypes == [.jwt, .accessToken])
        #expect(two.algorithms == [.rs256])
        #expect(two.jwks.source == .discovery("https://two.example/.well-known/openid-configuration"))
        #expect(two.jwks.maxStale == .seconds(86_400))
        #expect(two.claims.tenant == "tenant_id")
        #expect(three.claims.tier == nil && three.claims.groups == nil && three.claims.user == "sub")
        #expect(three.jwks.source == .file("/etc/bulkhead/keys.json"))
        let cognito = try decode(base).identity.issuers[0]
        #expect(cognito.jwks.source == .url("https://issuer.example/pool/.well-known/jwks.json"))
        #expect(cognito.tokenUse == [.id])
        #expect(cognito.claims.groups == "cognito:groups")
    }

    @Test func tiersPolicyAndCredentials() throws {
        let configuration = try decoded()
        #expect(configuration.tenants.file == "/etc/bulkhead/t.yaml")
        #expect(configuration.tiers.map(\.name) == ["low", "high"])
        #expect(configuration.tiers[0].weight == 1)
        #expect(configuration.tiers[1].weight == 8)
        let limits = configuration.tiers[1].limits
        #expect(limits.requestsPerSecond == 0.5 && limits.concurrent == 4 && limits.tokensPerMinute == 20_000)
        #expect(limits.tokensPerDay == 9 && limits.usdPerMonth == 20)
        #expect(configuration.tiers[1].models == ["small-*"])
        #expect(configuration.policy.files == ["/etc/bulkhead/p/", "/etc/bulkhead/q.cedar"])
        #expect(configuration.policy.mode == .shadow)
        let context = try #require(configuration.credential(named: "context"))
        guard case .signedContext(let signed) = context.kind else { return }
        #expect(signed.key == .file("/etc/bulkhead/c.pem"))
        #expect(signed.lifetime == .seconds(30))
        #expect(signed.issuer == "me")
    }

    @Test func upstreams() throws {
        let configuration = try decoded()
        let agent = try #require(configuration.upstream(named: "agent"))
        #expect(agent.endpoints.map(\.description) == ["127.0.0.1:8080", "[::1]:8080"])
        let timeouts = agent.timeouts
        #expect(timeouts.connect == .seconds(1) && timeouts.response == .seconds(2))
        #expect(timeouts.idle == .seconds(3) && timeouts.total == .seconds(4))
        #expect(timeouts.keepAlive == .seconds(5))
        #expect(agent.health?.timeout == .milliseconds(250))
        #expect(agent.connections.maximum == 9 && agent.connections.idle == 8)
        #expect(agent.tls == nil)
        let notes = try #require(configuration.upstream(named: "notes"))
        #expect(notes.endpoints == [.init(host: .name("notes.svc"), port: 443)])
        #expect(notes.tls?.ca == .file("/etc/bulkhead/ca.pem"))
        #expect(notes.tls?.serverName == "notes")
        #expect(notes.tls?.certificate?.privateKey == "/etc/bulkhead/m.key")
        #expect(notes.timeouts.connect == .seconds(2))
    }

    @Test func ownership() throws {
        guard case .redis(let table)? = try decoded().ownership else {
            Issue.record("it is in Redis")
            return
        }
        #expect(table.endpoint == .init(host: .name("owners.example"), port: 6390))
        #expect(table.tls?.ca == .file("/etc/bulkhead/ca.pem") && table.tls?.minimumVersion == .v13)
        #expect(table.user == "bulkhead" && table.password == .file("/etc/bulkhead/r"))
        #expect(table.database == 2 && table.prefix == "fleet:" && table.timeout == .seconds(1))
        #expect(!table.isOnDisk && table.replicas == 1)
        let file = try decode(base + "ownership: {store: sqlite, path: owners.sqlite}\n", file: "/etc/b.yaml")
        #expect(file.ownership == .sqlite(path: "/etc/owners.sqlite"))
        let plain = try decode(base + "ownership: {store: redis, url: 'redis://127.0.0.1'}\n").ownership
        var usual = Configuration.RedisTable(endpoint: .init(host: .address(.v4(0x7F00_0001)), port: 6379))
        #expect(plain == .redis(usual))
        #expect(usual.isOnDisk && usual.prefix == "bulkhead:")
        usual.tls = Configuration.ClientTLS()
        usual.endpoint = .init(host: .name("o.example"), port: 6379)
        let sealed = try decode(base + "ownership: {store: redis, url: 'rediss://o.example/'}\n").ownership
        #expect(sealed == .redis(usual))
    }

    @Test func routes() throws {
        let configuration = try decoded()
        let (agent, notes) = (configuration.routes[0], configuration.routes[1])
        #expect(agent.match.hosts == [.exact("a.example"), .suffix(".b.example"), .exact("[::1]")])
        #expect(
            agent.match.paths == [
                .init(segments: [], tail: .slash),
                .init(
                    segments: [.literal(Array("a".utf8)), .parameter, .literal(Array("b".utf8))],
                    tail: .rest
                ),
                .init(segments: [.literal(Array("c".utf8))], tail: .slash),
            ]
        )
        #expect(agent.match.methods == [.init(.get), .init(.post)])
        #expect(agent.resource == .init(type: "Ns::Agent", id: "a\"\\b"))
        #expect(agent.resource.description == "Ns::Agent::\"a\\\"\\\\b\"")
        #expect(agent.scope == .user && agent.forwardToken && agent.websocket)
        #expect(agent.sessionHeaders == ["x-session"])
        #expect(agent.headers.map(\.name) == ["x-tenant-id", "x-user-id", "x-bulkhead-context", "x-a"])
        #expect(
            agent.headers[3].parts == [
                .placeholder(.tenant), .literal("/{"), .placeholder(.user), .literal("}"),
            ]
        )
        #expect(notes.match == .init())
        #expect(notes.match.methods.contains(.init(.delete)) && !notes.match.methods.contains(.init(.trace)))
        #expect(notes.scope == .tenant && notes.headers.isEmpty)
        #expect(notes.singleLayer?.expires == WallTime(seconds: 1_835_481_599))
        #expect(
            try decode(base).routes[0].headers.map(\.name) == ["x-tenant-id", "x-tenant-tier", "x-user-id"]
        )
    }

    @Test func theRest() throws {
        let configuration = try decoded()
        #expect(configuration.adapters == "/etc/bulkhead/own/")
        #expect(configuration.limits.headBytes == 16_384 && configuration.limits.headFields == 50)
        #expect(
            configuration.limits.bodyBytes == 1 << 30 && configuration.limits.bufferedBodyBytes == 1 << 20
        )
        #expect(configuration.limits.windowBytes == 32_768 && configuration.limits.connections == 7)
        #expect(configuration.limits.drainTimeout == .seconds(4))
        #expect(configuration.limits.connectionsPerAddress == 3 && configuration.limits.exchanges == 9)
        #expect(configuration.limits.memoryBytes == 1 << 30 && configuration.listeners[2].connections == 5)
        #expect(configuration.telemetry.service == "svc")
        #expect(configuration.telemetry.accessLog == .file("/etc/bulkhead/access.jsonl"))
        #expect(configuration.telemetry.tenantsLabelled == 3)
        #expect(configuration.keys.current == .file("/etc/bulkhead/k1"))
        guard case .value(let previous) = configuration.keys.previous else {
            Issue.record("the previous key is not from the environment")
            return
        }
        #expect(previous.count == 32 && "\(configuration.keys)".contains("<redacted>"))
        #expect(!"\(configuration)".contains("pppp"))
        #expect(configuration.admin.socket == "/etc/bulkhead/admin.sock")
        #expect(configuration.admin.address == nil)
        #expect(configuration.admin.token == .file("/etc/bulkhead/t"))
        let plain = try decode(base)
        #expect(plain.adapters == "adapters/")
        #expect(plain.workers == nil && plain.limits == .init() && plain.telemetry == .init())
        #expect(plain.admin.address?.description == "127.0.0.1:9901")
        #expect(plain.keys.current == .file("k"))
    }

    @Test(arguments: [
        ("a${X}b", "a-v-b"), ("${X}", "-v-"), ("$X", "$X"), ("$${X}", "${X}"), ("$$${X}", "$${X}"),
        ("$", "$"),
        ("${NONE:-o}", "o"), ("${EMPTY:-o}", "o"), ("${X:-o}", "-v-"), ("a${NONE:-}", "a"), ("{X}", "{X}"),
        ("é${X}ü", "é-v-ü"),
    ])
    func theEnvironmentFillsValues(_ written: String, _ expected: String) throws {
        let text = base.replacing("audiences: [app]", with: "audiences: ['\(written)']")
        let filled = try decode(text, environment: ["X": "-v-", "EMPTY": ""])
        #expect(filled.identity.issuers[0].audiences == [expected])
    }

    @Test(arguments: [
        ("${X", "\"${\" without \"}\"; write \"$${\" for the characters themselves"),
        ("${}", "\"${}\": expected a name of letters, digits and _"),
        ("${1A}", "\"${1A}\": expected a name of letters, digits and _"),
        ("${X:o}", "\"${X:o}\": expected ${NAME} or ${NAME:-otherwise}"),
        ("${NONE}", "environment variable NONE is not set"),
    ])
    func whatCannotBeFilled(_ written: String, _ message: String) {
        let text = base.replacing("audiences: [app]", with: "audiences: ['\(written)']")
        let found = problems { () throws(Configuration.Problems) in
            _ = try decode(text, environment: ["X": "v"])
        }
        #expect(found == ["f.yaml:16:19: " + message])
    }

    @Test func numbersFromTheEnvironmentAreNumbers() throws {
        let text = base.replacing("version: 1", with: "version: 1\nworkers: ${N}")
        #expect(try decode(text, environment: ["N": "5"]).workers == 5)
        #expect(try decode(text, environment: ["N": "0x10"]).workers == 16)
        #expect(try decode(text, environment: ["N": "auto"]).workers == nil)
        #expect(
            problems { () throws(Configuration.Problems) in _ = try decode(text, environment: ["N": "x"]) }
                .count == 1
        )
    }
}
