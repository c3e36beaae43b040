// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Testing

@Suite struct CheckTests {
    static let mistakes: [Mistake] = [
        Mistake(
            "name: stores",
            "name: ingress",
            "7:11: listeners[1].name: \"ingress\" stands twice; first at 3:11"
        ),
        Mistake(
            "address: 127.0.0.1:9443",
            "address: 127.0.0.1:8443",
            "8:14: listeners[1].address: 127.0.0.1:8443 is taken by \"ingress\" at 4:14"
        ),
        Mistake(
            "address: 127.0.0.1:9443",
            "address: 0.0.0.0:8443\n    plaintext: true",
            "8:14: listeners[1].address: 0.0.0.0:8443 is taken by \"ingress\" at 4:14"
        ),
        Mistake(
            "address: 127.0.0.1:8443",
            "address: 0.0.0.0:8443",
            "4:14: listeners[0].address: others can reach 0.0.0.0:8443: write \"tls\", or \"plaintext: true\" if that is meant"
        ),
        Mistake(
            "address: 127.0.0.1:8443",
            "address: '[::]:8443'",
            "4:14: listeners[0].address: others can reach [::]:8443: write \"tls\", or \"plaintext: true\" if that is meant"
        ),
        Mistake(
            "address: 127.0.0.1:8443",
            "address: 127.0.0.1:8443\n    tls: {certificate: c, private_key: k}\n    plaintext: true",
            "6:16: listeners[0].plaintext: there is \"tls\"; leave one of them out"
        ),
        Mistake(
            "carriers: [bearer]",
            "carriers: [payload]",
            "5:16: listeners[0].carriers[0]: payload never says by itself whose a request is: write another carrier beside it"
        ),
        Mistake(
            "carriers: [bearer]\n    routes: [agent]",
            "carriers: [bearer, payload]\n    routes: [agent, notes]",
            "9:15: listeners[1].carriers: \"notes\" has payload on listener \"ingress\": write it here too",
            "30:5: routes[1].match.paths[0]: some requests also match route \"agent\" at 26:5, and neither is more specific"
        ),
        Mistake(
            "carriers: [bearer]",
            "carriers: [bearer]\n    service: true",
            "6:14: listeners[0].service: is for an agent's own calls: \"carriers\" has neither handle nor trace",
            "7:14: listeners[0].routes[0]: \"agent\" leads to an agent, but what comes in here without a carrier is nobody's (\"service\")"
        ),
        Mistake(
            "carriers: [handle]",
            "carriers: [handle, aws]\n    tenant: acme\n    service: true",
            "11:14: listeners[1].service: does not go with \"tenant\": the process behind it is that tenant's",
            "11:14: listeners[1].service: does not go with aws, which speaks for every call that comes in here"
        ),
        Mistake(
            "carriers: [bearer]",
            "carriers: [bearer, handle]",
            "6:14: listeners[0].routes[0]: \"agent\" leads to the agent whose own calls come in here; callers bring bearer"
        ),
        Mistake(
            "carriers: [bearer]",
            "carriers: [bearer, trace]",
            "6:14: listeners[0].routes[0]: \"agent\" leads to the agent whose own calls come in here; callers bring bearer"
        ),
        Mistake(
            "carriers: [bearer]",
            "carriers: [bearer]\n    endpoint: agent",
            "6:15: listeners[0].endpoint: says whose calls come in, but \"carriers\" has none of handle, trace and lease"
        ),
        Mistake(
            "carriers: [handle]",
            "carriers: [lease]\n    endpoint: agent",
            "9:15: listeners[1].carriers: lease speaks for a whole process: write \"endpoint: NAME/0\", an endpoint of an agent that is leased"
        ),
        Mistake(
            "carriers: [handle]",
            "carriers: [lease]\n    endpoint: agent/0",
            "10:15: listeners[1].endpoint: \"agent\" is not leased: write upstreams.agent.lease: tenant or session"
        ),
        Mistake(
            "carriers: [handle]",
            "carriers: [handle]\n    endpoint: agnet",
            "10:15: listeners[1].endpoint: there is no upstream \"agnet\"; did you mean \"agent\"?"
        ),
        Mistake(
            "carriers: [handle]",
            "carriers: [handle]\n    endpoint: notes",
            "10:15: listeners[1].endpoint: no route to an Agent goes to \"notes\""
        ),
        Mistake(
            "  - name: notes\n",
            "  - {name: other, adapter: agentcore-runtime, resource: 'Agent::\"o\"', upstream: notes}\n  - name: notes\n",
            "9:15: listeners[1].carriers: handle needs \"endpoint\" to name one agent; there are: agent, notes",
            "30:12: routes[1].name: no listener has route \"other\""
        ),
        Mistake(
            "routes: [agent]",
            "routes: [agent, note]",
            "6:21: listeners[0].routes[1]: there is no route \"note\"; did you mean \"notes\"?"
        ),
        Mistake(
            "routes: [notes]",
            "routes: [gone]",
            "10:14: listeners[1].routes[0]: there is no route \"gone\"; known: agent, notes",
            "30:11: routes[1].name: no listener has route \"notes\""
        ),
        Mistake(
            "upstream: agent",
            "upstream: agents",
            "9:15: listeners[1].carriers: handle needs \"endpoint\" to name one agent; there are: none",
            "29:15: routes[0].upstream: there is no upstream \"agents\"; did you mean \"agent\"?"
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    credentials: context",
            "30:18: routes[0].credentials: there is no credential \"context\""
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    headers: {x: '{context}'}",
            "30:18: routes[0].headers.x: {context} needs \"credentials\" of kind signed-context"
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    headers: {Authorization: a}",
            "30:30: routes[0].headers.authorization: is where the agent gets its handle"
        ),
        Mistake(
            "adapter: rest",
            "adapter: rset",
            "31:14: routes[1].adapter: there is no adapter \"rset\"; did you mean \"rest\"?"
        ),
        Mistake(
            "adapter: rest",
            "adapter: agentcore-runtime",
            "32:15: routes[1].resource: adapter agentcore-runtime stands before an Agent, not Store::\"notes\"",
            "34:19: routes[1].single_layer: adapter agentcore-runtime asks for none; leave it out"
        ),
        Mistake(
            "adapter: agentcore-runtime",
            "adapter: rest",
            "27:14: routes[0].adapter: rest stores cannot keep tenants apart by themselves; write \"single_layer: {owner, reason, expires}\"",
            "28:15: routes[0].resource: adapter rest stands before a store, not Agent::\"agent\""
        ),
        Mistake(
            "    single_layer: {owner: me, reason: test, expires: 2027-12-31}\n",
            "",
            "31:14: routes[1].adapter: rest stores cannot keep tenants apart by themselves; write \"single_layer: {owner, reason, expires}\""
        ),
        Mistake(
            "expires: 2027-12-31",
            "expires: 2026-12-31",
            "34:54: routes[1].single_layer.expires: the exception is over; renew it or take the route out"
        ),
        Mistake(
            "expires: 2027-12-31",
            "expires: 2027-01-01T00:00:00Z",
            "34:54: routes[1].single_layer.expires: the exception is over; renew it or take the route out"
        ),
        Mistake("expires: 2027-12-31", "expires: 2027-01-01T00:00:01Z"),
        Mistake(
            "upstream: notes\n",
            "upstream: notes\n    forward_token: true\n    websocket: true\n    session_headers: [x-s]\n",
            "34:20: routes[1].forward_token: only a route to an Agent can forward a token",
            "35:16: routes[1].websocket: only a route to an Agent can be a WebSocket",
            "36:22: routes[1].session_headers: only a route to an Agent has sessions"
        ),
        Mistake(
            "upstream: agent",
            "upstream: agent\n    websocket: true\n    match: {methods: [POST]}",
            "30:16: routes[0].websocket: a WebSocket is opened by GET, which \"methods\" leaves out"
        ),
        Mistake("tenants: {file: tenants.yaml}", "tenants: {mode: claims}"),
        Mistake(
            "tenants: {file: tenants.yaml}",
            "      claims: {tier: null}\ntenants: {mode: claims}",
            "17:22: identity.issuers[0].claims.tier: with tenants in mode claims, nothing else says the tier"
        ),
        Mistake(
            "tenants: {file: tenants.yaml}",
            "  - {name: b, issuer: 'https://b.example', audiences: [a]}\ntenants: {mode: claims}".replacing(
                "  - ",
                with: "    - "
            ),
            "18:17: tenants.mode: claims believes an issuer alone, so it allows one, not 2"
        ),
        Mistake(
            "tenants: {file: tenants.yaml}",
            "  - {name: b, issuer: 'https://issuer.example/pool', audiences: [a]}\ntenants: {file: t}"
                .replacing("  - ", with: "    - "),
            "17:25: identity.issuers[1].issuer: \"https://issuer.example/pool\" stands twice; first at 15:15"
        ),
        Mistake(
            "keys: {current: {file: k}}",
            "",
            "27:14: routes[0].adapter: agentcore-runtime seals ids, which must outlive a restart: write \"keys.current\""
        ),
        Mistake(
            "\"127.0.0.1:8080\"",
            "\"localhost:8443\"",
            "23:23: upstreams.agent.endpoints[0]: localhost:8443 is listener \"ingress\""
        ),
        Mistake(
            "\"127.0.0.1:8080\"",
            "\"127.0.0.1:9901\"",
            "23:23: upstreams.agent.endpoints[0]: 127.0.0.1:9901 is the admin plane"
        ),
        Mistake(
            "keys:",
            "admin: {address: 127.0.0.1:8443}\nkeys:",
            "35:18: admin.address: 127.0.0.1:8443 is taken by listener \"ingress\" at 4:14"
        ),
        Mistake(
            "keys:",
            "admin: {address: 0.0.0.0:9901, token: {file: t}}\nkeys:",
            "35:18: admin.address: the token would cross the network in the clear; write \"plaintext: true\" if that is meant"
        ),
        Mistake("keys:", "admin: {address: 0.0.0.0:9901, token: {file: t}, plaintext: true}\nkeys:"),
        Mistake("keys:", "admin: {address: 0.0.0.0:9901}\nkeys:"),
        Mistake("keys:", "admin: {address: null}\nkeys:"),
    ]

    @Test(arguments: mistakes)
    func whatIsWrongBetweenTheParts(_ mistake: Mistake) throws {
        let found = try decode(mistake.text).check(adapters: adapters, now: now)
        #expect(found.map(\.description) == mistake.expected)
    }

    /// Two routes on one listener, by their `match`; the last column is nil where they may stand together.
    @Test(arguments: [
        ("{}", "{}", "{}: 1:1"),
        ("{paths: [/a]}", "{paths: [/b]}", nil),
        ("{paths: [/a]}", "{paths: [\"/{x}\"]}", nil),
        ("{paths: [\"/{x}\"]}", "{paths: [\"/{y}\"]}", "conflict"),
        ("{paths: [\"/{x}/b\"]}", "{paths: [\"/a/{y}\"]}", "conflict"),
        ("{paths: [\"/{x}/b\"]}", "{paths: [\"/a/{y}/c\"]}", nil),
        ("{paths: [\"/{x}/b\"]}", "{paths: [\"/a/**\"]}", "conflict"),
        ("{paths: [\"/a/**\"]}", "{paths: [\"/a/b/**\"]}", nil),
        ("{paths: [\"/a/**\"]}", "{paths: [/a]}", nil),
        ("{paths: [\"/a/**\"]}", "{paths: [/a/]}", nil),
        ("{paths: [\"/%61\"]}", "{paths: [/a]}", "conflict"),
        ("{paths: [/a], methods: [GET]}", "{paths: [/a], methods: [POST]}", nil),
        ("{paths: [/a], methods: [GET]}", "{paths: [/a]}", nil),
        ("{paths: [/a], methods: [GET, PUT]}", "{paths: [/a], methods: [GET, POST]}", "conflict"),
        ("{paths: [/a], methods: [GET]}", "{paths: [/a], methods: [GET]}", "conflict"),
        ("{hosts: [a.b]}", "{hosts: [A.B]}", "conflict"),
        ("{hosts: [a.b]}", "{}", nil),
        ("{hosts: [a.b]}", "{hosts: [\"*.b\"]}", nil),
        ("{hosts: [\"*.a.b\"]}", "{hosts: [\"*.b\"]}", nil),
        ("{hosts: [\"*.b\"]}", "{hosts: [\"*.b\"]}", "conflict"),
        ("{hosts: [\"*.b\"], paths: [\"/{x}/b\"]}", "{paths: [\"/a/{y}\"]}", nil),
    ])
    func routesThatMeet(_ left: String, _ right: String, _ conflict: String?) throws {
        let second =
            "  - name: second\n    adapter: agentcore-runtime\n    resource: 'Agent::\"a\"'\n    upstream: agent\n"
            + "    match: \(right)\nkeys:"
        let text = base.replacing("routes: [agent]", with: "routes: [second, agent]")
            .replacing("upstream: agent", with: "upstream: agent\n    match: \(left)").replacing(
                "keys:",
                with: second
            )
        let found = try decode(text).check(adapters: adapters, now: now).map(\.description)
        guard conflict != nil else {
            #expect(found == [])
            return
        }
        #expect(found.count == 1)
        #expect(found.first?.contains("some requests also match route \"agent\" at 30:") ?? false)
        #expect(found.first?.hasPrefix("f.yaml:40:") ?? false)
    }

    @Test func placesFallBackToWhatIsWritten() throws {
        let configuration = try decode(base)
        let at = { (path: String) in configuration.problem(at: path, "x").description }
        #expect(at("routes[1].adapter") == "f.yaml:31:14: routes[1].adapter: x")
        #expect(at("routes[1].match.paths[0]") == "f.yaml:30:5: routes[1].match.paths[0]: x")
        #expect(at("upstreams.notes.tls.ca") == "f.yaml:24:10: upstreams.notes.tls.ca: x")
        #expect(at("telemetry.service") == "f.yaml:1:1: telemetry.service: x")
    }
}
