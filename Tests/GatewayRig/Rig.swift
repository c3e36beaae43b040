// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Configuration
import Crypto
package import Gateway
package import Identity
import Namespaces
import Sidecar
package import Telemetry

/// A gateway with the shipped tables and policies, two tenants and a moment at which all stands still; no network.
package final class Rig {
    package static let now = WallTime(seconds: 1_800_000_000)
    package static let poolURL = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Example"
    package static let idpURL = "https://idp.example/"

    package struct Options {
        package var tierDrift = "lesser"
        package var policyMode = "enforce"
        /// Cedar, on top of the shipped policies.
        package var policies = ""
        /// There is an audit log.
        package var audits = false
        /// The inside of a credential in YAML; then route `vended` has it, at `direct` and `stores`.
        package var credential = ""
        /// Of that route, in the place of plain REST: adapter and what it reaches, in YAML.
        package var aws = ""
        /// Issuers' keys are there.
        package var hasKeys = true

        package init() {}
    }

    package var gateway: Gateway
    private let exchanges: OpenExchanges
    /// What the control thread says of leased endpoints.
    package var endpoints: LeasedEndpoints { exchanges.endpoints }
    package private(set) var snapshot: Snapshot
    /// As the configuration has them.
    private let listeners: [GatewayListener]
    private let folder = Folder()
    private let tables = Folder()
    private var random: UInt64 = 0
    /// What the control thread would have made: one credential for each need.
    package var vended = 0

    /// - Parameter instance: which process it is, as handles name it.
    package init(_ options: Options = Options(), instance: UInt64 = 1) throws {
        exchanges = OpenExchanges(instance: instance)
        folder.write("tenants.yaml", Self.tenants)
        folder.write("bulkhead.key", "an operator's key of at least 32 bytes, for tests only")
        folder.write("more.cedar", options.policies)
        folder.write("mesh.pem", Mesh.authority)
        for table in ["agentcore-runtime", "chroma", "rest"] {
            tables.link("\(table).yaml", to: "\(Package.root)/Config/adapters/\(table).yaml")
        }
        tables.write("desk.yaml", Self.desk)
        tables.write("ledger.yaml", Self.ledger)
        let path = folder.write("bulkhead.yaml", Self.configuration(options, tables.path))
        let loader = try Loader(path: path, environment: [:], now: Self.now)
        let first = try loader.makeSnapshot()
        var identity = first.identity
        if options.hasKeys { identity = try Self.withKeys(identity, Signer.pool.jwk) }
        snapshot = Snapshot(first.plan, identity: identity)
        listeners = snapshot.plan.listeners
        gateway = Gateway(snapshot, exchanges: exchanges)
    }

    private static func withKeys(_ identity: IdentitySnapshot, _ pool: String) throws -> IdentitySnapshot {
        var keys = identity.keys
        for (place, jwks) in [pool, Signer.idp.jwk].enumerated() {
            let text = #"{"keys":[\#(jwks)]}"#
            let set = try KeySet.parse(text.utf8Span.span)
            keys.replace(issuer: place, with: set, fetchedAt: now, staleAt: now + .seconds(86_400))
        }
        return identity.with(keys: keys)
    }

    // MARK: changes while it runs

    /// The pool's keys are fetched anew.
    package func publish(_ signers: Signer...) throws {
        try adopt(Self.withKeys(snapshot.identity, signers.map(\.jwk).joined(separator: ",")))
    }

    package func suspend(_ tenant: String) {
        guard let id = TenantID(tenant) else { preconditionFailure("no tenant id") }
        adopt(snapshot.identity.with(tenants: snapshot.identity.tenants.suspending(id)))
    }

    package func resume(_ tenant: String) {
        guard let id = TenantID(tenant) else { preconditionFailure("no tenant id") }
        adopt(snapshot.identity.with(tenants: snapshot.identity.tenants.resuming(id)))
    }

    private func adopt(_ identity: IdentitySnapshot) {
        snapshot = Snapshot(snapshot.plan, identity: identity)
        gateway.adopt(snapshot)
    }

    /// From now on everything comes to another worker of the process, with caches of its own.
    package func changeWorker() { gateway = Gateway(snapshot, exchanges: exchanges) }

    /// The same world as another generation: a reload.
    /// - Parameter closed: listeners that are not in it.
    package func reload(without closed: [String] = []) {
        let plan = snapshot.plan
        let next = GatewayPlan(
            generation: plan.generation + 1,
            listeners: listeners.map { closed.contains($0.name) ? .closed : $0 },
            routes: plan.routes,
            policy: plan.policy,
            keys: plan.keys,
            handleTimes: plan.handleTimes,
            tokenLimits: plan.tokenLimits,
            tenantsLabelled: plan.tenantsLabelled,
            audits: plan.audits,
            bufferedBodyBytes: plan.bufferedBodyBytes
        )
        snapshot = Snapshot(next, identity: snapshot.identity)
        gateway.adopt(snapshot)
    }

    // MARK: seeing

    package func value(_ counter: Counter) -> UInt64 { gateway.counters().value(counter) }

    /// The metrics as Prometheus gets them.
    package func metrics() -> String {
        var labels = TenantLabels(limit: 100)
        var output = Buffer()
        PrometheusText.encode(gateway.counters(), gauges: GaugeSet(), tenants: &labels, into: &output)
        return output.bytes.string() ?? ""
    }

    /// Other bytes for each exchange, the same in each run.
    package func fillRandom(_ buffer: inout Buffer) {
        for _ in 0..<Gateway.randomBytes {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            buffer.append(UInt8(truncatingIfNeeded: random >> 56))
        }
    }

    package func listener(_ name: String) -> Int {
        guard let place = snapshot.plan.listeners.firstIndex(where: { $0.name == name }) else {
            preconditionFailure("no listener \(name)")
        }
        return place
    }

    package func compartment(of tenant: String) -> String {
        guard let compartment = try? Compartment(scope: .tenant, tenant: tenant) else {
            preconditionFailure("no compartment")
        }
        return compartment.text
    }
}

extension Rig {
    private static let tenants = """
        tenants:
          - {id: acme, name: Acme, tier: basic, issuers: [pool, mesh]}
          - {id: globex, name: Globex, tier: premium, issuers: [pool, idp]}
          - {id: gone, name: Gone, tier: basic, status: suspended, issuers: [pool]}
          - {id: staffed, name: Staffed, tier: basic, issuers: [pool], group: staff}
        """

    /// Of an agent whose callers' bodies are looked at.
    private static let desk = """
        adapter: desk
        kind: ingress
        rewrites:
          space: {prefix: "{compartment}-"}
        errors: {body: {error: "{code}"}}
        operations:
          - name: ask
            method: POST
            path: /ask
            action: agent:Invoke
            request: {body: {/space: space, /text: opaque}}
            response: {body: opaque}
        """

    /// Of a store that numbers what it keeps.
    private static let ledger = """
        adapter: ledger
        kind: store
        single_layer: true
        rewrites:
          entry: {own: number}
          made: {created: entry}
        errors: {body: {error: "{code}"}, upstream: {/error: pass}}
        operations:
          - name: add
            method: POST
            path: /entries
            action: memory:Write
            request: {body: {/text: opaque}}
            response: {body: {/entry: made, /text: opaque}}
          - name: amend
            method: POST
            path: /amend
            action: memory:Write
            request: {body: {/entry: entry, /text: opaque}}
            response: {body: {/entry: entry, /text: opaque}}
        """

    private static func configuration(_ options: Options, _ tables: String) -> String {
        let isPlain = options.credential.isEmpty
        let vended = isPlain ? "" : ", vended"
        let credential = isPlain ? "" : ", {name: vended, \(options.credential)}"
        let objects =
            "  - {name: vended, match: {hosts: [vended.local]}, resource: 'Store::\"vended\"', "
            + "upstream: notes, credentials: vended, \(options.aws)}"
        let route =
            isPlain
            ? ""
            : !options.aws.isEmpty
                ? objects
                : "  - {name: vended, match: {hosts: [vended.local]}, adapter: rest, resource: 'Store::\"vended\"', "
                    + "upstream: notes, credentials: vended, single_layer: \(singleLayer)}"
        return """
            version: 1
            listeners:
              - {name: ingress, address: "127.0.0.1:0", carriers: [bearer], routes: [agent, other, raw, cells, desk, leased-desk]}
              - {name: direct, address: "127.0.0.1:0", carriers: [bearer], routes: [notes, mine, chroma, ledger\(vended)]}
              - {name: stores, address: "127.0.0.1:0", carriers: [handle], endpoint: agent, routes: [notes, mine, chroma\(vended)]}
              - {name: both, address: "127.0.0.1:0", carriers: [bearer, handle], endpoint: agent, routes: [notes]}
              - name: machines
                address: "127.0.0.1:0"
                tls: {certificate: none.crt, private_key: none.key, client_ca: mesh.pem, client_certificates: optional}
                carriers: [bearer, certificate]
                routes: [agent, raw]
              - {name: others, address: "127.0.0.1:0", carriers: [handle], endpoint: other, routes: [notes]}
              - {name: traces, address: "127.0.0.1:0", carriers: [trace], endpoint: agent, routes: [notes, mine]}
              - {name: all, address: "127.0.0.1:0", carriers: [bearer, handle, trace], endpoint: agent, routes: [notes]}
              - {name: cell-0, address: "127.0.0.1:0", carriers: [lease, handle], endpoint: cells/0, routes: [notes]}
              - {name: booting, address: "127.0.0.1:0", carriers: [handle, trace], endpoint: agent, routes: [notes, mine], service: true}
              - {name: checked, address: "127.0.0.1:0", carriers: [handle, payload], endpoint: agent, routes: [checked]}
              - {name: traces-of-other, address: "127.0.0.1:0", carriers: [trace], endpoint: other, routes: [notes]}
            identity:
              tier_drift: \(options.tierDrift)
              issuers:
                - {name: pool, profile: cognito, issuer: "\(poolURL)", audiences: [app]}
                - {name: idp, profile: oidc, issuer: "\(idpURL)", audiences: [bulkhead], algorithms: [ES256]}
                - name: mesh
                  profile: x509
                  issuer: spiffe://prod.example
                  certificates: {ca: mesh.pem, spiffe: "/{tenant}/{user}", same_users_as: [pool]}
            tenants: {file: tenants.yaml}
            tiers: {basic: {weight: 1}, standard: {weight: 3}, premium: {weight: 8}}
            adapters: \(tables)/
            policy:
              files: ["\(Package.root)/Config/policies/", more.cedar]
              schema: "\(Package.root)/Config/policies/bulkhead.cedarschema"
              mode: \(options.policyMode)
            credentials: [{name: context, kind: signed-context, key: {file: context.pem}}\(credential)]
            upstreams:
              agent: {endpoints: ["127.0.0.1:8080"]}
              other: {endpoints: ["127.0.0.1:8081"]}
              cells: {endpoints: ["127.0.0.1:8090", "127.0.0.1:8091"], lease: tenant, leasing: {recycle: {path: /restart}}}
              notes: {endpoints: ["127.0.0.1:8100"]}
              chroma: {endpoints: ["127.0.0.1:8000"]}
            routes:
              - name: agent
                match: {hosts: [agent.local]}
                adapter: agentcore-runtime
                resource: 'Agent::"agent"'
                upstream: agent
                credentials: context
                websocket: true
              - name: other
                match: {hosts: [other.local]}
                adapter: agentcore-runtime
                resource: 'Agent::"other"'
                upstream: other
                session_headers: [x-thread-id]
              - name: raw
                match: {hosts: [raw.local]}
                adapter: agentcore-runtime
                resource: 'Agent::"raw"'
                upstream: agent
                forward_token: true
              - name: cells
                match: {hosts: [cells.local]}
                adapter: agentcore-runtime
                resource: 'Agent::"cells"'
                upstream: cells
              - {name: desk, match: {hosts: [desk.local]}, adapter: desk, resource: 'Agent::"desk"', upstream: other}
              - name: leased-desk
                match: {hosts: [leased-desk.local]}
                adapter: desk
                resource: 'Agent::"desk"'
                upstream: cells
              - name: ledger
                match: {hosts: [ledger.local]}
                adapter: ledger
                resource: 'Store::"ledger"'
                upstream: notes
                single_layer: \(singleLayer)
              - name: notes
                match: {hosts: [notes.local]}
                adapter: rest
                resource: 'Store::"notes"'
                upstream: notes
                single_layer: \(singleLayer)
              - name: checked
                match: {hosts: [checked.local]}
                adapter: rest
                resource: 'Store::"notes"'
                upstream: notes
                single_layer: \(singleLayer)
              - name: mine
                match: {hosts: [mine.local]}
                adapter: rest
                resource: 'Store::"mine"'
                upstream: notes
                namespace: {scope: user}
                single_layer: \(singleLayer)
              - name: chroma
                match: {hosts: [chroma.local]}
                adapter: chroma
                resource: 'Store::"vectors"'
                upstream: chroma
                single_layer: \(singleLayer)
            \(route)
            telemetry: {audit_log: {path: \(options.audits ? "audit.jsonl" : "null")}}
            ownership: {store: sqlite, path: owners.db}
            keys: {current: {file: bulkhead.key}}
            """
    }

    private static let singleLayer = "{owner: tests, reason: no network here, expires: 2027-12-31}"
}
