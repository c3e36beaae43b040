// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import GatewayRig
import HTTPTypes
import Identity
import Namespaces
import Telemetry
import TestSupport
import Testing

/// What a grant is good for, and for how long (THREATS 8, 9).
@Suite struct GrantTests {
    private static let ann = Signer.pool.token(.ann)
    private static let bob = Signer.pool.token(.bob)

    private func get(_ rig: Rig, _ token: String, _ path: String = "/a", now: WallTime = Rig.now) throws
        -> Run
    {
        let run = try rig.run(
            Rig.request("GET \(path)", host: "notes.local", token: token),
            on: "direct",
            now: now
        )
        if run.isForwarded { try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }
        return run
    }

    @Test func theSecondRequestHits() throws {
        let rig = try Rig()
        let first = try get(rig, Self.ann)
        let second = try get(rig, Self.ann, "/b")
        #expect(first.reason == nil)
        #expect(second.reason == nil)
        #expect(rig.value(.grantCacheHits) == 1)
        #expect(rig.value(.grantCacheMisses) == 1)
        #expect(rig.value(.decisions) == 1)
        #expect(rig.value(.tokenCacheHits) == 1)
        #expect(first.recorded("bulkhead.policy.ids") == "tenant-uses-stores")
        #expect(second.recorded("bulkhead.policy.ids") == "tenant-uses-stores")
        #expect(second.target == "/tenants/\(rig.compartment(of: "acme"))/b")
    }

    /// Each of these differs from the first in one thing, and gets a grant of its own.
    @Test func aGrantIsForNothingElse() throws {
        let rig = try Rig()
        _ = try get(rig, Self.ann)
        let others: [(String, String)] = [
            ("another tenant", Rig.request("GET /a", host: "notes.local", token: Self.bob)),
            (
                "another user",
                Rig.request(
                    "GET /a",
                    host: "notes.local",
                    token: Signer.pool.token(.ann.with("sub", #""amy""#))
                )
            ),
            (
                "another token of hers",
                Rig.request(
                    "GET /a",
                    host: "notes.local",
                    token: Signer.pool.token(.ann.with("jti", #""2""#))
                )
            ),
            (
                "more groups",
                Rig.request(
                    "GET /a",
                    host: "notes.local",
                    token: Signer.pool.token(.ann.with("cognito:groups", #"["x"]"#))
                )
            ),
            ("another route", Rig.request("GET /a", host: "mine.local", token: Self.ann)),
            ("another action", Rig.request("PUT /a", host: "notes.local", token: Self.ann, body: "x")),
        ]
        for (name, text) in others {
            let before = rig.value(.grantCacheHits)
            #expect(try rig.run(text, on: "direct").isForwarded, "\(name)")
            #expect(rig.value(.grantCacheHits) == before, "\(name)")
        }
        rig.reload()
        let before = rig.value(.decisions)
        _ = try get(rig, Self.ann)
        #expect(rig.value(.decisions) == before + 1, "another generation")
    }

    @Test func suspensionVoidsIt() throws {
        let rig = try Rig()
        _ = try get(rig, Self.ann)
        rig.suspend("acme")
        let refused = try get(rig, Self.ann)
        #expect(refused.reason == "tenant_suspended")
        #expect(try get(rig, Self.bob).reason == nil)
        // Coming back is another epoch: decided anew.
        rig.resume("acme")
        let decisions = rig.value(.decisions)
        #expect(try get(rig, Self.ann).reason == nil)
        #expect(rig.value(.decisions) == decisions + 1)
    }

    /// A handle is no way round a suspension either.
    @Test func suspensionEndsHandles() throws {
        let rig = try Rig()
        let handle = try rig.handle(Self.ann)
        let text = Rig.request("GET /a", host: "notes.local", token: handle)
        #expect(try rig.run(text, on: "stores").isForwarded)
        rig.suspend("acme")
        let refused = try rig.run(text, on: "stores")
        #expect(refused.reason == "tenant_suspended")
        #expect(refused.answered("x-bulkhead-reason") == ["tenant_refused"])
    }

    @Test func itEndsWithTheToken() throws {
        let rig = try Rig()
        let token = Signer.pool.token(.ann.with("exp", "1800000100"))
        #expect(try get(rig, token).reason == nil)
        // Within the leeway of 30 s, and after it.
        #expect(try get(rig, token, now: Rig.now + .seconds(120)).reason == nil)
        #expect(try get(rig, token, now: Rig.now + .seconds(131)).reason == "token_expired")
    }

    @Test func itIsRenewedWithItsCredential() throws {
        let rig = try Rig()
        let text = Rig.request("POST /invocations", token: Self.ann, body: "{}")
        let first = try rig.run(text)
        #expect(first.sent("x-bulkhead-context") == ["context-token-1"])
        #expect(
            try rig.run(text, now: Rig.now + .seconds(44)).sent("x-bulkhead-context") == ["context-token-1"]
        )
        let renewed = try rig.run(text, now: Rig.now + .seconds(46))
        #expect(renewed.needs.count == 1)
        #expect(renewed.sent("x-bulkhead-context") == ["context-token-2"])
    }

    /// While no new credential is to be had, the one in hand is good to its end (Sources/README.md, what is missing).
    @Test func itLivesToItsEndWhenRenewalFails() throws {
        let rig = try Rig()
        let text = Rig.request("POST /invocations", token: Self.ann, body: "{}")
        _ = try rig.run(text)
        let late = try rig.run(text, now: Rig.now + .seconds(50), meetsNeeds: false)
        late.resume(.failed(.credentialFailed))
        #expect(late.isForwarded)
        #expect(late.sent("x-bulkhead-context") == ["context-token-1"])
        let over = try rig.run(text, now: Rig.now + .seconds(60), meetsNeeds: false)
        over.resume(.failed(.credentialFailed))
        #expect(over.reason == "credential_failed")
        #expect(over.records.count == 1)
    }

    /// Policies that look at the clock are asked again when their answer may change.
    @Test func itEndsAtATimeThatAPolicyNames() throws {
        var options = Rig.Options()
        // 2027-01-15T08:00:10Z is ten seconds after the rig's moment.
        options.policies = """
            @id("closing")
            forbid (principal, action in Action::"memory", resource == Store::"notes")
            when { context.now >= datetime("2027-01-15T08:00:10Z") };
            """
        let rig = try Rig(options)
        #expect(try get(rig, Self.ann).reason == nil)
        #expect(try get(rig, Self.ann, now: Rig.now + .seconds(9)).reason == nil)
        let closed = try get(rig, Self.ann, now: Rig.now + .seconds(10))
        #expect(closed.reason == "policy_denied")
        #expect(closed.recorded("bulkhead.policy.ids") == "closing")
    }

    /// A fact that a policy reads is part of the key.
    @Test func pathsThatAPolicyReadsArePartOfIt() throws {
        var options = Rig.Options()
        options.policies = """
            @id("no-secrets")
            forbid (principal, action in Action::"memory", resource == Store::"notes")
            when { context.path like "/secret/*" };
            """
        let rig = try Rig(options)
        #expect(try get(rig, Self.ann, "/a").reason == nil)
        #expect(try get(rig, Self.ann, "/secret/b").reason == "policy_denied")
        #expect(try get(rig, Self.ann, "/a").reason == nil)
        // One spelling only: what is matched is what is forwarded.
        #expect(try get(rig, Self.ann, "/secr%65t/b").reason == "policy_denied")
    }

    /// More grants than the memo tells apart by their place alone, in any order: each request gets its own.
    @Test func whoSharesAPlaceTakesNobodysGrant() throws {
        let rig = try Rig()
        var random = Seeded.printed()
        let tokens = (0..<40).map { number in
            (user: "user-\(number)", token: Signer.pool.token(.ann.with("sub", #""user-\#(number)""#)))
        }
        for _ in 0..<600 {
            guard let (user, token) = tokens.randomElement(using: &random),
                let method = ["GET", "PUT", "DELETE"].randomElement(using: &random),
                let path = ["/a", "/b"].randomElement(using: &random)
            else { continue }
            let body = method == "PUT" ? "x" : ""
            let run = try rig.run(
                Rig.request("\(method) \(path)", host: "notes.local", token: token, body: body),
                on: "direct"
            )
            #expect(run.reason == nil, "\(method)")
            if run.isForwarded { try run.respond("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }
            #expect(run.recorded("tenancy.user.id") == user)
            #expect(run.target == "/tenants/\(rig.compartment(of: "acme"))\(path)")
        }
        #expect(rig.value(.grantCacheHits) + rig.value(.grantCacheMisses) == 600)
        #expect(rig.value(.grantCacheMisses) <= 120)
    }

    @Test func denialsAreRemembered() throws {
        let rig = try Rig()
        let token = Signer.pool.token(.ann.with("cognito:groups", #"["auditors"]"#))
        let text = Rig.request("PUT /a", host: "notes.local", token: token, body: "x")
        for _ in 0..<2 {
            let run = try rig.run(text, on: "direct")
            #expect(run.reason == "policy_denied")
            #expect(run.recorded("bulkhead.policy.ids") == "auditors-read-only")
        }
        #expect(rig.value(.decisions) == 1)
        #expect(try get(rig, token).reason == nil)
    }

    @Test func shadowPoliciesOnlyTell() throws {
        var options = Rig.Options()
        options.policies = """
            @id("trial") @shadow("yes")
            forbid (principal, action in Action::"memory", resource == Store::"notes");
            """
        let enforced = try Rig(options)
        #expect(try get(enforced, Self.ann).reason == "policy_denied")
        options.policyMode = "shadow"
        let shadowed = try Rig(options)
        let run = try get(shadowed, Self.ann)
        #expect(run.reason == nil)
        #expect(run.recorded("bulkhead.policy.would_deny") == "trial")
        #expect(shadowed.value(.shadowDenials) == 1)
        // Shadow relaxes what is named, never what nobody permits, nor who somebody is.
        let auditor = Signer.pool.token(.ann.with("cognito:groups", #"["auditors"]"#))
        let put = Rig.request("PUT /a", host: "notes.local", token: auditor, body: "x")
        #expect(try shadowed.run(put, on: "direct").reason == "policy_denied")
        #expect(try get(shadowed, "abc").reason == "token_malformed")
    }
}
