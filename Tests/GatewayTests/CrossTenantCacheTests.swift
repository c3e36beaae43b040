// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import GatewayRig
import HTTPTypes
import Identity
import Telemetry
import Testing

/// What one tenant's requests left in a worker's caches is never used for another's: grants, credentials, provisions, pools
/// of connections (THREATS 8, 18). Bob and Cleo share a tenant and come from two issuers.
@Suite struct CrossTenantCacheTests {
    private static let people = [
        ("ann", Signer.pool.token(.ann)), ("bob", Signer.pool.token(.bob)), ("cleo", Signer.idp.token(.cleo)),
        // As the other issuer calls her: same tenant, same user, another issuer.
        ("bob of the pool as cleo", Signer.pool.token(.bob.with("sub", #""cleo""#))),
    ]

    private func run(_ rig: Rig, _ token: String, host: String, on listener: String = "direct") throws -> Run
    {
        let run = try rig.run(Rig.request("GET /a", host: host, token: token), on: listener)
        #expect(run.isForwarded, "\(run.reason ?? "")")
        return run
    }

    @Test(arguments: ["notes.local", "mine.local"])
    func grants(_ host: String) throws {
        let rig = try Rig()
        var targets: [String] = []
        for round in 0..<2 {
            for (place, (name, token)) in Self.people.enumerated() {
                let target = try run(rig, token, host: host).target
                if round == 0 { targets.append(target) }
                #expect(target == targets[place], "\(name)")
            }
        }
        // Of tenants where the scope is the tenant, of issuer and user where it is the user.
        #expect(Set(targets).count == (host == "mine.local" ? 4 : 2))
        #expect(rig.value(.decisions) == 4 && rig.value(.grantCacheHits) == 4)
    }

    @Test func credentials() throws {
        let rig = try Rig()
        var contexts: [String] = []
        for round in 0..<2 {
            for (place, (name, token)) in Self.people.enumerated() {
                let text = Rig.request("POST /invocations", token: token, body: "{}")
                let sent = try rig.run(text).sent("x-bulkhead-context")
                if round == 0 { contexts += sent }
                #expect(sent == [contexts[place]], "\(name)")
            }
        }
        #expect(Set(contexts).count == Self.people.count && rig.vended == Self.people.count)
    }

    @Test func provisions() throws {
        let rig = try Rig()
        func needs(_ token: String) throws -> Int {
            try rig.run(
                Rig.request(
                    "GET /api/v2/tenants/t/databases/d/collections",
                    host: "chroma.local",
                    token: token
                ),
                on: "direct"
            ).needs.count
        }
        #expect(try Self.people.map { try needs($0.1) } == [1, 1, 0, 0], "one for each tenant")
        #expect(try Self.people.map { try needs($0.1) } == [0, 0, 0, 0])
    }

    @Test func poolsOfConnections() throws {
        let rig = try Rig()
        var pools: [Int?] = []
        for host in ["notes.local", "chroma.local"] {
            for (_, token) in Self.people {
                let run = try rig.run(
                    Rig.request(
                        host == "notes.local" ? "GET /a" : "GET /api/v2/tenants/t/databases/d/collections",
                        host: host,
                        token: token
                    ),
                    on: "direct"
                )
                pools.append(run.pool)
            }
        }
        #expect(!pools.contains(nil))
        #expect(Set(pools).count == 4, "two tenants at two upstreams")
        #expect(pools[1] == pools[2] && pools[0] != pools[1] && pools[4] != pools[0])
    }

    /// The same token at two listeners, and at two routes: what it may is asked of each.
    @Test func oneTokenAtTwoDoors() throws {
        let rig = try Rig()
        let token = Self.people[0].1
        _ = try run(rig, token, host: "notes.local")
        let atIngress = try rig.run(Rig.request("GET /a", host: "notes.local", token: token), on: "ingress")
        #expect(atIngress.reason == "route_unknown")
        let atStores = try rig.run(Rig.request("GET /a", host: "notes.local", token: token), on: "stores")
        #expect(atStores.reason == "token_missing", "a listener that takes handles alone")
        let atOthers = try rig.run(
            Rig.request("GET /a", host: "notes.local", token: try rig.handle(token)),
            on: "others"
        )
        #expect(atOthers.reason == "handle_foreign")
    }
}
