// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Identity
import Testing

/// Who was let in and may not stay (THREATS 9).
@Suite struct StandingTests {
    private let token = Keys.rsa.token(World.idClaims.json)

    /// The same world with the tenants that `change` makes of its own.
    private func registry(
        _ world: World,
        _ change: (TenantEntry) -> TenantEntry?
    ) throws -> IdentitySnapshot {
        let tenants = world.snapshot.tenants
        let next = try TenantRegistry(
            mode: tenants.mode,
            entries: tenants.tenants.compactMap(change),
            replacing: tenants
        )
        return world.snapshot.with(tenants: next)
    }

    private func changed(_ entry: TenantEntry, _ change: (inout TenantEntry) -> Void) -> TenantEntry {
        guard entry.id.text == "clinic" else { return entry }
        var entry = entry
        change(&entry)
        return entry
    }

    @Test func aSuspendedTenantMayNotStayAndOthersMay() throws {
        let world = try World()
        let (ann, bob, before) = (try world.principal(token), try world.bob(), world.snapshot)
        #expect(before.refusal(of: ann) == nil && !before.mayRefuseMore(than: before))
        try world.suspend("clinic")
        #expect(world.snapshot.mayRefuseMore(than: before))
        #expect(world.snapshot.refusal(of: ann) == .tenantSuspended)
        #expect(world.snapshot.refusal(of: bob) == nil)
        try world.resume("clinic")
        #expect(world.snapshot.refusal(of: ann) == nil)
    }

    @Test func aTenantThatIsGoneOrClosedToItsIssuerMayNotStay() throws {
        let world = try World()
        let ann = try world.principal(token)
        #expect(try registry(world) { $0.id.text == "clinic" ? nil : $0 }.refusal(of: ann) == .tenantUnknown)
        let moved = try registry(world) { changed($0) { $0.issuers = ["idp"] } }
        #expect(moved.refusal(of: ann) == .issuerNotForTenant)
        let grouped = try registry(world) { changed($0) { $0.group = "surgeons" } }
        #expect(grouped.refusal(of: ann) == .groupNotForTenant)
    }

    /// It is the next request that sees the other tier or name.
    @Test func aChangeThatLeavesTheDoorOpenEndsNothing() throws {
        let world = try World()
        let ann = try world.principal(token)
        let premium = try #require(world.snapshot.tiers.find("premium"))
        let next = try registry(world) { entry in changed(entry) { ($0.tier, $0.name) = (premium, "other") } }
        #expect(next.tenants.epoch(of: ann.tenant) != ann.tenantEpoch)
        #expect(next.refusal(of: ann) == nil)
    }

    @Test func aKeyThatWasTakenBackEndsWhatItVouchedFor() throws {
        let world = try World()
        let (ann, before) = (try world.principal(token), world.snapshot)
        var keys = before.keys
        keys.replace(
            issuer: 0,
            with: try Keys.set(Keys.rsa.jwk(), Keys.otherRSA.jwk()),
            fetchedAt: World.now,
            staleAt: nil
        )
        let added = before.with(keys: keys)
        #expect(added.refusal(of: ann) == nil)
        keys.replace(issuer: 0, with: try Keys.set(Keys.otherRSA.jwk()), fetchedAt: World.now, staleAt: nil)
        let removed = added.with(keys: keys)
        #expect(removed.mayRefuseMore(than: added))
        #expect(removed.refusal(of: ann) == .keyUnknown)
        #expect(removed.refusal(of: try world.bob()) == nil)
    }
}
