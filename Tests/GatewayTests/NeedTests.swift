// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import GatewayRig
import HTTPTypes
import Identity
import Namespaces
import Telemetry
import Testing

/// What an exchange is parked for: each thing once, and never for ever.
@Suite struct NeedTests {
    private static let ann = Signer.pool.token(.ann)

    @Test func aCredentialIsAskedForOnce() throws {
        let rig = try Rig()
        let text = Rig.request("POST /invocations", token: Self.ann, body: "{}")
        let run = try rig.run(text, meetsNeeds: false)
        guard case .need(.credential(let need)) = run.action else {
            Issue.record("\(run.action)")
            return
        }
        #expect(need.audience == "agent")
        #expect(need.principal.tenant.text == "acme")
        run.resume(.met, credential: rig.credential(at: Rig.now))
        #expect(run.isForwarded)
        #expect(run.sent("x-bulkhead-context") == ["context-token-0"])
        // It is there for the next exchange, of the same person.
        #expect(try rig.run(text, meetsNeeds: false).isForwarded)
        let bob = Rig.request("POST /invocations", token: Signer.pool.token(.bob), body: "{}")
        #expect(try !rig.run(bob, meetsNeeds: false).isForwarded)
        #expect(rig.value(.needsMet) == 1)
    }

    @Test func aCredentialThatIsNotToBeHadIsARefusal() throws {
        let rig = try Rig()
        let run = try rig.run(
            Rig.request("POST /invocations", token: Self.ann, body: "{}"),
            meetsNeeds: false
        )
        run.resume(.failed(.credentialFailed))
        #expect(run.reason == "credential_failed")
        #expect(run.status == 503)
        #expect(run.records.count == 1)
        #expect(run.needs.count == 1)
        #expect(rig.value(.needsFailed) == 1)
    }

    /// Met, they say, and yet it is not there: an end, not a loop.
    @Test func aNeedThatStaysUnmetEnds() throws {
        let rig = try Rig()
        let run = try rig.run(
            Rig.request("POST /invocations", token: Self.ann, body: "{}"),
            meetsNeeds: false
        )
        run.resume(.met, credential: nil)
        #expect(run.reason == "need_timed_out")
        #expect(run.needs.count == 1)
        #expect(run.records.count == 1)
    }

    /// A credential that is worn out on arrival is as good as none.
    @Test func aWornOutCredentialEnds() throws {
        let rig = try Rig()
        let run = try rig.run(
            Rig.request("POST /invocations", token: Self.ann, body: "{}"),
            meetsNeeds: false
        )
        let worn = VendedCredential(bytes: [1], renewAt: Rig.now, expiry: Rig.now + .seconds(5))
        run.resume(.met, credential: worn)
        #expect(run.reason == "need_timed_out")
        #expect(run.needs.count == 1)
    }

    @Test func anUnknownKeyIsFetchedOnce() throws {
        let rig = try Rig()
        let text = Rig.request("POST /invocations", token: Signer.rotated.token(.ann), body: "{}")
        let run = try rig.run(text, meetsNeeds: false)
        #expect(run.needs == [.keys(generation: 1, issuer: 0, keyID: "pool-2")])
        try rig.publish(.pool, .rotated)
        run.resume(.met)
        run.meetNeeds()
        #expect(run.isForwarded)
        #expect(run.needs.count == 2)
        // A key that the issuer does not have either.
        let strange = try rig.run(
            Rig.request(
                "POST /invocations",
                token: Signer.stranger.token(.ann, header: #"{"alg":"RS256","kid":"pool-9"}"#),
                body: "{}"
            ),
            meetsNeeds: false
        )
        #expect(strange.needs == [.keys(generation: 1, issuer: 0, keyID: "pool-9")])
        strange.resume(.met)
        #expect(strange.reason == "key_unknown")
        #expect(strange.needs.count == 1)
        #expect(strange.records.count == 1)
    }

    /// Keys, then a credential: two different needs of one exchange, each once.
    @Test func keysThatAreNotThereYet() throws {
        var options = Rig.Options()
        options.hasKeys = false
        let rig = try Rig(options)
        let run = try rig.run(
            Rig.request("POST /invocations", token: Self.ann, body: "{}"),
            meetsNeeds: false
        )
        // Without any keys there is nothing to look an id up in: the walk says so, in one way or the other.
        guard case .need(.keys) = run.action else {
            #expect(run.reason == "keys_unavailable")
            #expect(run.status == 503)
            return
        }
        try rig.publish(.pool)
        run.resume(.met)
        run.meetNeeds()
        #expect(run.isForwarded)
        #expect(run.needs.count == 2)
    }

    @Test func aCompartmentIsProvisionedOnce() throws {
        let rig = try Rig()
        let text = Rig.request("GET /api/v2/tenants/default_tenant", host: "chroma.local", token: Self.ann)
        let run = try rig.run(text, on: "direct", meetsNeeds: false)
        guard case .need(.provision(let need)) = run.action else {
            Issue.record("\(run.action)")
            return
        }
        #expect(need.compartment.text == rig.compartment(of: "acme"))
        #expect(need.tenant == "acme")
        run.resume(.met)
        #expect(run.isForwarded)
        #expect(try rig.run(text, on: "direct", meetsNeeds: false).isForwarded)
        // Another action of the same tenant needs nothing more; another tenant does.
        let list = Rig.request(
            "GET /api/v2/tenants/acme/databases",
            host: "chroma.local",
            token: Self.ann
        )
        #expect(try rig.run(list, on: "direct", meetsNeeds: false).isForwarded)
        let bob = Rig.request(
            "GET /api/v2/tenants/default_tenant",
            host: "chroma.local",
            token: Signer.pool.token(.bob)
        )
        #expect(try !rig.run(bob, on: "direct", meetsNeeds: false).isForwarded)
    }

    @Test func aStoreThatCannotBeProvisionedIsARefusal() throws {
        let rig = try Rig()
        let text = Rig.request("GET /api/v2/tenants/default_tenant", host: "chroma.local", token: Self.ann)
        let run = try rig.run(text, on: "direct", meetsNeeds: false)
        run.resume(.failed(.provisionFailed))
        #expect(run.reason == "provision_failed")
        #expect(run.status == 503)
        #expect(run.records.count == 1)
        // The next one asks again.
        #expect(try rig.run(text, on: "direct", meetsNeeds: false).needs.count == 1)
    }

    /// Suspended while it was parked: the answer to its need does not bring it back (THREATS 9).
    @Test func aSuspensionEndsWhatIsParked() throws {
        let rig = try Rig()
        let run = try rig.run(
            Rig.request("POST /invocations", token: Self.ann, body: "{}"),
            meetsNeeds: false
        )
        rig.suspend("acme")
        run.resume(.met, credential: rig.credential(at: Rig.now))
        #expect(!run.isForwarded)
        #expect(run.records.count == 1)
        #expect(run.status == 401 || run.status == 403)
    }
}
