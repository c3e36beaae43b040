// SPDX-License-Identifier: Apache-2.0
import Configuration
import Testing

@Suite struct MistakeTests {
    @Test func theBaseIsRight() throws {
        #expect(try decode(base).check(adapters: adapters, now: now) == [])
    }

    static let shapes: [Mistake] = [
        Mistake("version: 1", "version: 2", "1:10: version: this version of Bulkhead reads version 1"),
        Mistake("version: 1\n", "", "1:1: missing key \"version\""),
        Mistake(
            "version: 1",
            "version: one",
            "1:10: version: expected a whole number from 0 to 9223372036854775807, found \"one\""
        ),
        Mistake(
            "version: 1",
            "version: 1\nworkers: 0",
            "2:10: workers: expected a whole number from 1 to 1024, found 0"
        ),
        Mistake(
            "version: 1",
            "version: 1\nworker: 2",
            "2:1: unknown key \"worker\"; did you mean \"workers\"?"
        ),
        Mistake(
            "version: 1",
            "version: 1\nsomething: 2",
            "2:1: unknown key \"something\"; known keys: adapters, admin, credentials, identity, keys, limits, listeners, "
                + "migrate, ownership, policy, reload, routes, telemetry, tenants, tiers, upstreams, version, workers"
        ),
        Mistake("version: 1", "version: 1\nversion: 1", "2:1: duplicate key \"version\"; first at 1:1"),
        Mistake(
            "name: ingress",
            "name: in gress",
            "3:11: listeners[0].name: expected a name (1 to 64 of A-Z a-z 0-9 . _ -, a letter or digit first), found \"in gress\""
        ),
        Mistake("name: ingress", "name: 7", "3:11: listeners[0].name: expected a text (in quotes), found 7"),
        Mistake("name: ingress", "name: null", "3:11: listeners[0].name: expected a value, found null"),
        Mistake("name: ingress", "name: [a]", "3:11: listeners[0].name: expected a text, found a list"),
        Mistake(
            "name: ingress\n    address: 127.0.0.1:8443",
            "name: ingress",
            "3:5: listeners[0]: missing key \"address\""
        ),
        Mistake(
            "address: 127.0.0.1:8443",
            "address: localhost:8443",
            "4:14: listeners[0].address: expected an address such as 127.0.0.1:8443 or [::1]:8443, found \"localhost:8443\""
        ),
        Mistake(
            "127.0.0.1:8443",
            "127.0.0.1:65536",
            "4:14: listeners[0].address: expected an address such as 127.0.0.1:8443 or [::1]:8443, found \"127.0.0.1:65536\""
        ),
        Mistake(
            "carriers: [bearer]",
            "carriers: []",
            "5:15: listeners[0].carriers: expected at least 1 in the list, found 0"
        ),
        Mistake(
            "carriers: [bearer]",
            "carriers: [bearer, bearer]",
            "5:24: listeners[0].carriers[1]: stands twice in the list"
        ),
        Mistake(
            "carriers: [bearer]",
            "carriers: [bearer]\n    protocol: redis\n    other: 1",
            "6:15: listeners[0].protocol: redis is not in this version; expected http"
        ),
        Mistake(
            "carriers: [bearer]",
            "carriers: [bearer]\n    protocol: htp",
            "6:15: listeners[0].protocol: expected http, found \"htp\""
        ),
        Mistake(
            "carriers: [bearer]",
            "carriers: [bearer]\n    upstream: x",
            "6:15: listeners[0].upstream: a listener with an upstream of its own (protocol redis) is not in this version; leave it out or write null"
        ),
        Mistake(
            "carriers: [bearer]",
            "carriers: [bearer]\n    tls: {}",
            "6:10: listeners[0].tls: expected \"certificate\" and \"private_key\", or a list \"certificates\""
        ),
        Mistake(
            "carriers: [bearer]",
            "carriers: [bearer]\n    tls: {certificate: c, private_key: k, certificates: [{certificate: c, private_key: k}]}",
            "6:10: listeners[0].tls: \"certificate\" and \"private_key\" do not go with \"certificates\""
        ),
        Mistake(
            "carriers: [bearer]",
            "carriers: [bearer]\n    tls: {certificate: c, private_key: k, client_certificates: required}",
            "6:64: listeners[0].tls.client_certificates: needs \"client_ca\""
        ),
        Mistake(
            "carriers: [bearer]",
            "carriers: [bearer]\n    tls: {certificate: c, private_key: k, minimum_version: 1.1}",
            "6:60: listeners[0].tls.minimum_version: expected one of 1.2, 1.3, found 1.1"
        ),
        Mistake(
            "carriers: [bearer]",
            "carriers: [bearer]\n    tls: {certificate: c, privat_key: k}",
            "6:10: listeners[0].tls: expected \"certificate\" and \"private_key\", or a list \"certificates\"",
            "6:27: unknown key \"privat_key\" in listeners[0].tls; did you mean \"private_key\"?"
        ),
        Mistake(
            "tiers:\n  basic: {weight: 1}\n  premium:",
            "tiers: {}",
            "18:8: tiers: expected at least one"
        ),
        Mistake(
            "basic: {weight: 1}",
            "'': {weight: 1}",
            "19:3: \"\" is no name: 1 to 64 of A-Z a-z 0-9 . _ -, a letter or digit first"
        ),
        Mistake(
            "basic: {weight: 1}",
            "basic: {weight: 1.5}",
            "19:19: tiers.basic.weight: expected a whole number from 1 to 1000, found 1.5"
        ),
        Mistake(
            "basic: {weight: 1}",
            "basic: {weight: '1'}",
            "19:19: tiers.basic.weight: expected a whole number from 1 to 1000, found \"1\""
        ),
        Mistake(
            "basic: {weight: 1}",
            "basic: {limits: {usd_per_month: -1}}",
            "19:35: tiers.basic.limits.usd_per_month: expected a number from 0.0 to 1000000000.0, found -1"
        ),
        Mistake(
            "policy: {files: [policies/]}",
            "policy: {files: [policies/], mode: shadows}",
            "21:36: policy.mode: expected one of enforce, shadow, found \"shadows\""
        ),
        Mistake("tenants: {file: tenants.yaml}", "tenants: {}", "17:10: tenants: missing key \"file\""),
        Mistake(
            "tenants: {file: tenants.yaml}",
            "tenants: {mode: claims, file: t}",
            "17:31: tenants.file: mode claims reads no file; leave it out"
        ),
        Mistake(
            "keys: {current: {file: k}}",
            "keys: {current: hunter2}",
            "35:17: keys.current: a secret must be {file: path} or \"${NAME}\", not written out"
        ),
        Mistake(
            "keys: {current: {file: k}}",
            "keys: {current: '${SHORT}'}",
            "35:17: keys.current: expected at least 32 bytes, found 5"
        ),
        Mistake(
            "keys: {current: {file: k}}",
            "keys: {current: '${NOWHERE}'}",
            "35:17: environment variable NOWHERE is not set"
        ),
        Mistake(
            "keys: {current: {file: k}}",
            "keys: {previous: {file: k}}",
            "35:18: keys.previous: there is no \"current\" that came after it"
        ),
    ]

    static let identity: [Mistake] = [
        Mistake(
            "issuer: https://issuer.example/pool",
            "issuer: https://issuer.example/pool/",
            "15:15: identity.issuers[0].issuer: Cognito's issuers end without a slash"
        ),
        Mistake(
            "issuer: https://issuer.example/pool",
            "issuer: http://issuer.example/pool",
            "13:7: identity.issuers[0]: the keys of \"http://issuer.example/pool\" would be fetched without TLS; write \"jwks\""
        ),
        Mistake(
            "audiences: [app]",
            "audiences: [app]\n      jwks: {url: 'http://issuer.example/keys'}",
            "17:19: identity.issuers[0].jwks.url: without TLS, only from loopback or with \"plaintext: true\""
        ),
        Mistake(
            "audiences: [app]",
            "audiences: [app]\n      jwks: {url: 'https://user@issuer.example/'}",
            "17:19: identity.issuers[0].jwks.url: expected a URL such as https://issuer.example/keys, found \"https://user@issuer.example/\""
        ),
        Mistake(
            "audiences: [app]",
            "audiences: [app]\n      jwks: {url: 'https://i.example/', file: k}",
            "17:47: identity.issuers[0].jwks.file: either \"url\" or \"file\", not both"
        ),
        Mistake(
            "audiences: [app]",
            "audiences: [app]\n      jwks: {refresh: 1s}",
            "17:23: identity.issuers[0].jwks.refresh: expected a duration from 30s to 1d, found \"1s\""
        ),
        Mistake(
            "audiences: [app]",
            "audiences: [app, app]",
            "16:24: identity.issuers[0].audiences[1]: stands twice in the list"
        ),
        Mistake(
            "audiences: [app]",
            "audiences: [app]\n      algorithms: [RS256, none]",
            "17:27: identity.issuers[0].algorithms[1]: none would accept every token; expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA"
        ),
        Mistake(
            "audiences: [app]",
            "audiences: [app]\n      algorithms: [HS256]",
            "17:20: identity.issuers[0].algorithms[0]: HS256 would let everyone who verifies tokens make them; expected one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA"
        ),
        Mistake(
            "audiences: [app]",
            "audiences: [app]\n      leeway: 2m",
            "17:15: identity.issuers[0].leeway: expected a duration from 0s to 1m, found \"2m\""
        ),
        Mistake(
            "audiences: [app]",
            "audiences: [app]\n      leeway: 30",
            "17:15: identity.issuers[0].leeway: expected a duration such as 250ms, 30s, 5m or 24h, found 30"
        ),
        Mistake(
            "profile: cognito",
            "profile: oidc\n      token_use: [id]",
            "15:18: identity.issuers[0].token_use: only profile cognito tells its tokens apart; leave it out"
        ),
        Mistake(
            "audiences: [app]",
            "audiences: [app]\n      token_types: [jwt]",
            "17:20: identity.issuers[0].token_types: Cognito's tokens have no type; leave it out"
        ),
        Mistake(
            "tenants:",
            "  tier_drift: lower\ntenants:",
            "17:15: identity.tier_drift: expected one of lesser, refuse, found \"lower\""
        ),
        Mistake(
            "tenants:",
            "  token_bytes: 64KiB\ntenants:",
            "17:16: identity.token_bytes: expected a size from 1KiB to 32KiB, found \"64KiB\""
        ),
        Mistake(
            "tenants:",
            "  token_bytes: 8KB\ntenants:",
            "17:16: identity.token_bytes: expected a size such as 4096, 64KiB, 1MiB or 2GiB, found \"8KB\""
        ),
    ]

    static let routes: [Mistake] = [
        Mistake(
            "agent: {endpoints: [\"127.0.0.1:8080\"]}",
            "agent: {endpoints: [\"127.0.0.1\"]}",
            "23:23: upstreams.agent.endpoints[0]: expected a host and port such as 127.0.0.1:8080, [::1]:8080 or chroma:8000, found \"127.0.0.1\""
        ),
        Mistake(
            "127.0.0.1:8080",
            "127.0.0.256:8080",
            "23:23: upstreams.agent.endpoints[0]: expected a host and port such as 127.0.0.1:8080, [::1]:8080 or chroma:8000, found \"127.0.0.256:8080\""
        ),
        Mistake(
            "agent: {endpoints: [\"127.0.0.1:8080\"]}",
            "agent: {endpoints: [\"127.0.0.1:8080\"], protocol: redis, lease: x}",
            "23:52: upstreams.agent.protocol: redis is not in this version; expected one of http1, http2, auto"
        ),
        Mistake(
            "agent: {endpoints: [\"127.0.0.1:8080\"]}",
            "agent: {endpoints: [\"127.0.0.1:8080\"], protocol: auto}",
            "23:52: upstreams.agent.protocol: needs \"tls\", where the protocol is negotiated; without it write http1 or http2"
        ),
        Mistake(
            "agent: {endpoints: [\"127.0.0.1:8080\"]}",
            "agent: {endpoints: [\"127.0.0.1:8080\"], lease: user}",
            "23:49: upstreams.agent.lease: expected one of none, tenant, session, found \"user\""
        ),
        Mistake(
            "agent: {endpoints: [\"127.0.0.1:8080\"]}",
            "agent: {endpoints: [\"127.0.0.1:8080\"], tls: {certificate: c}}",
            "23:47: upstreams.agent.tls: \"certificate\" and \"private_key\" go together"
        ),
        Mistake(
            "agent: {endpoints: [\"127.0.0.1:8080\"]}",
            "agent: {endpoints: [\"127.0.0.1:8080\"], health: {path: ping}}",
            "23:57: upstreams.agent.health.path: expected a path such as /ping"
        ),
        Mistake(
            "agent: {endpoints: [\"127.0.0.1:8080\"]}",
            "agent: {endpoints: [\"127.0.0.1:8080\"], timeouts: {connect: 5h}}",
            "23:62: upstreams.agent.timeouts.connect: expected a duration from 10ms to 1m, found \"5h\""
        ),
        Mistake(
            "'Agent::\"agent\"'",
            "Agent",
            "28:15: routes[0].resource: expected an entity such as 'Store::\"vectors\"', found \"Agent\""
        ),
        Mistake(
            "'Agent::\"agent\"'",
            "'Agent::\"a\"b\"'",
            "28:15: routes[0].resource: expected an entity such as 'Store::\"vectors\"', found \"Agent::\"a\"b\"\""
        ),
        Mistake(
            "'Agent::\"agent\"'",
            "'Agent:\"a\"'",
            "28:15: routes[0].resource: expected an entity such as 'Store::\"vectors\"', found \"Agent:\"a\"\""
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    match: {paths: [invocations]}",
            "30:21: routes[0].match.paths[0]: expected a path that begins with /, found \"invocations\""
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    match: {paths: [/a//b]}",
            "30:21: routes[0].match.paths[0]: \"\": expected one segment of a path, without query"
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    match: {paths: [/a/../b]}",
            "30:21: routes[0].match.paths[0]: \"..\": no request has such a segment (target_dot_segment)"
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    match: {paths: [\"/**/b\"]}",
            "30:21: routes[0].match.paths[0]: \"**\": a segment is text or {name}; /** stands only at the end"
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    match: {paths: [\"/a{b}\"]}",
            "30:21: routes[0].match.paths[0]: \"a{b}\": a segment is text or {name}; /** stands only at the end"
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    match: {paths: [\"/{}\"]}",
            "30:21: routes[0].match.paths[0]: \"{}\": expected {name}"
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    match: {paths: [\"/a?b\"]}",
            "30:21: routes[0].match.paths[0]: \"a?b\": expected one segment of a path, without query"
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    match: {hosts: [\"a:80\"]}",
            "30:21: routes[0].match.hosts[0]: expected a host such as chroma.local or *.example.com, without port, found \"a:80\""
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    match: {hosts: [\"*.1\"]}",
            "30:21: routes[0].match.hosts[0]: expected a host such as chroma.local or *.example.com, without port, found \"*.1\""
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    match: {methods: [get]}",
            "30:23: routes[0].match.methods[0]: expected one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, found \"get\""
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    match: {methods: [CONNECT]}",
            "30:23: routes[0].match.methods[0]: CONNECT goes nowhere here; expected one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    headers: {x: \"{tenantt}\"}",
            "30:18: routes[0].headers.x: unknown placeholder \"{tenantt}\"; known: {tenant}, {tier}, {user}, {issuer}, {groups}, {session}, {compartment}, {route}, {context}"
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    headers: {x: \"{tenant\"}",
            "30:18: routes[0].headers.x: placeholder \"{tenant\" without \"}\"; write \"{{\" for the character itself"
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    headers: {x: \"a}\"}",
            "30:18: routes[0].headers.x: \"}\" without \"{\"; write \"}}\" for the character itself"
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    headers: {x: \"a\\r\\nb: c\"}",
            "30:18: routes[0].headers.x: expected visible ASCII characters and spaces"
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    headers: {Host: a, baggage: b, 'a b': c}",
            "30:15: header \"Host\": belongs to the connection",
            "30:24: header \"baggage\": is Bulkhead's own",
            "30:36: \"a b\" is no name of a header"
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    headers: {x_a: b, X-A: c}",
            "30:23: header \"X-A\" is the same as \"x_a\" to many servers"
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    namespace: {scope: all}",
            "30:24: routes[0].namespace.scope: expected one of tenant, user, found \"all\""
        ),
        Mistake(
            "expires: 2027-12-31",
            "expires: 2027-02-29",
            "34:54: routes[1].single_layer.expires: expected a date such as 2027-01-31 or 2027-01-31T12:00:00Z, found \"2027-02-29\""
        ),
        Mistake(
            "keys:",
            "ownership: {store: redis}\nkeys:",
            "35:12: ownership: missing key \"url\""
        ),
        Mistake(
            "keys:",
            "ownership: {store: sqlite}\nkeys:",
            "35:12: ownership: missing key \"path\""
        ),
        Mistake(
            "keys:",
            "ownership: {store: sqlite, path: x, url: 'redis://[::1]'}\nkeys:",
            "35:42: ownership.url: means nothing with store: sqlite; \"path\" says where it is"
        ),
        Mistake(
            "keys:",
            "ownership: {store: redis, url: 'redis://owners:6379'}\nkeys:",
            "35:32: ownership.url: who can change what is said there decides who owns what: write rediss://"
        ),
        Mistake(
            "keys:",
            "ownership: {store: redis, url: 'rediss://me:word@owners'}\nkeys:",
            "35:32: ownership.url: expected rediss://host:6379 (redis:// for one on this host), with user, password and "
                + "database under keys of their own, found \"rediss://me:word@owners\""
        ),
        Mistake(
            "keys:",
            "ownership: {store: redis, url: 'redis://localhost', tls: {ca: system}, user: a, durability: most}\nkeys:",
            "35:12: ownership: \"user\" needs \"password\"",
            "35:58: ownership.tls: means nothing with redis://; write rediss:// in \"url\"",
            "35:93: ownership.durability: expected one of disk, memory, found \"most\""
        ),
        Mistake(
            "keys:",
            "limits: {store: redis}\nkeys:",
            "35:17: limits.store: redis is not in this version; expected local"
        ),
        Mistake(
            "keys:",
            "telemetry: {otlp: {endpoint: 'http://c'}, audit_log: {path: 7}}\nkeys:",
            "35:30: telemetry.otlp.endpoint: export over OTLP is not in this version; leave it out or write null",
            "35:61: telemetry.audit_log.path: expected a text (in quotes), found 7"
        ),
        Mistake(
            "keys:",
            "credentials: [{name: a, kind: redis-acl, role: r}]\nkeys:",
            "35:31: credentials[0].kind: redis-acl is not in this version; expected one of signed-context, aws-sts, "
                + "oauth2, secret"
        ),
    ]

    @Test(arguments: shapes + identity + routes)
    func everyMistakeHasItsPlaceAndItsWords(_ mistake: Mistake) {
        let found = problems { () throws(Configuration.Problems) in
            _ = try decode(mistake.text, environment: ["SHORT": "12345"])
        }
        #expect(found == mistake.expected)
    }

    @Test func allMistakesAreTold() {
        let found = problems { () throws(Configuration.Problems) in _ = try decode("listeners: 1\nkesy: {}\n")
        }
        #expect(
            found == [
                "f.yaml:1:1: missing key \"identity\"", "f.yaml:1:1: missing key \"policy\"",
                "f.yaml:1:1: missing key \"routes\"", "f.yaml:1:1: missing key \"tenants\"",
                "f.yaml:1:1: missing key \"tiers\"", "f.yaml:1:1: missing key \"upstreams\"",
                "f.yaml:1:1: missing key \"version\"",
                "f.yaml:1:12: listeners: expected a list, found 1",
                "f.yaml:2:1: unknown key \"kesy\"; did you mean \"keys\"?",
            ]
        )
    }

    @Test func valuesOfTheEnvironmentStayOutOfMessages() {
        let text = base.replacing("address: 127.0.0.1:8443", with: "address: \"${SECRET}\"")
            .replacing("weight: 1", with: "weight: '${SECRET}'")
            .replacing("upstream: agent", with: "upstream: agent\n    headers: {x: '${SECRET}'}")
        let found = problems { () throws(Configuration.Problems) in
            _ = try decode(text, environment: ["SECRET": "{hunter2}"])
        }
        #expect(found.count == 3)
        #expect(!found.contains { $0.contains("hunter2") })
    }
}
