// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Testing
import Vending

/// The gateway's means are its own affair; here a word stands for them.
private typealias TestGrant = Grant<String>

private let start = WallTime(seconds: 1_800_000_000)

/// The parts of a grant's key, each of which a test changes.
private struct Parts: Sendable {
    var generation: UInt64 = 1
    var route = 0
    var principal = "ann"
    var action = "memory:Write"
    var resource = #"Store::"vectors""#
    var context: [String?] = []

    func key() -> GrantKey {
        var hasher = KeyHasher()
        return key(&hasher)
    }

    func key(_ hasher: inout KeyHasher) -> GrantKey {
        hasher.beginGrant(
            generation: generation,
            route: route,
            principal: SHA256.hash(principal.utf8Span.span),
            action: action.utf8Span.span,
            resource: resource.utf8Span.span
        )
        for value in context {
            if let value { hasher.add(value.utf8Span.span) } else { hasher.addAbsent() }
        }
        return hasher.finishGrant()
    }
}

@Suite struct KeyTests {
    @Test func everyPartCounts() {
        var variants = [Parts()]
        variants.append(Parts(generation: 2))
        variants.append(Parts(route: 1))
        variants.append(Parts(principal: "bob"))
        variants.append(Parts(action: "memory:Read"))
        variants.append(Parts(resource: #"Store::"vector""#))
        // Joined without lengths, these would be one.
        variants.append(Parts(action: "memory:WriteS", resource: #"tore::"vectors""#))
        variants.append(Parts(action: "memory:Writ", resource: #"eStore::"vectors""#))
        for context: [String?] in [
            [""], [nil], ["", ""], ["a"], ["a", ""], ["", "a"], ["ab"], ["a", "b"], [nil, "a"],
        ] {
            variants.append(Parts(context: context))
        }
        #expect(Set(variants.map { $0.key() }).count == variants.count)
    }

    @Test func theHasherStartsAfreshEachTime() {
        var hasher = KeyHasher()
        let first = Parts(context: ["x"]).key(&hasher)
        _ = Parts(principal: "bob").key(&hasher)
        let again = Parts(context: ["x"]).key(&hasher)
        #expect(first == again)
    }

    @Test func grantsAndCredentialsNeverShareAKey() {
        var hasher = KeyHasher()
        func credential(_ name: String, _ tenant: String, _ generation: UInt64 = 1, _ numbers: [Int] = [])
            -> Digest
        {
            hasher.beginCredential(
                generation: generation,
                credential: name.utf8Span.span,
                tenant: tenant.utf8Span.span
            )
            for number in numbers { hasher.add(number) }
            return hasher.finishCredential().digest
        }
        let keys = [
            credential("aws", "clinic"), credential("aws", "clinic2"), credential("awsc", "linic"),
            credential("aws", "clinic", 2), credential("aws", "clinic", 1, [0]),
            credential("aws", "clinic", 1, [-1]),
            credential("aws", "clinic", 1, [0, 0]), Parts().key().digest,
        ]
        #expect(Set(keys).count == keys.count)
    }
}

/// A cache behind a reference.
private final class Cache {
    var cache: GrantCache<String>
    init(capacity: Int = 8) { cache = GrantCache<String>(capacity: capacity) }

    func find(_ parts: Parts, epoch: UInt64 = 1, at seconds: Int64 = 0) -> TestGrant? {
        cache.find(parts.key(), epochs: GrantEpochs(tenant: epoch), now: start + .seconds(seconds))
    }

    func insert(_ parts: Parts, _ grant: TestGrant, epoch: UInt64 = 1, at seconds: Int64 = 0) -> Bool {
        cache.insert(parts.key(), grant, epochs: GrantEpochs(tenant: epoch), now: start + .seconds(seconds))
    }
}

private func grant(
    _ tenant: String = "clinic",
    allowed: Bool = true,
    epoch: UInt64 = 1,
    life: Int64 = 60,
    renewAfter: Int64? = nil
) -> TestGrant {
    TestGrant(
        isAllowed: allowed,
        policyIDs: ["p0"],
        tenant: tenant,
        epochs: GrantEpochs(tenant: epoch),
        credential: "context",
        means: allowed ? "compartment of \(tenant)" : nil,
        expiry: start + .seconds(life),
        renewAt: renewAfter.map { start + .seconds($0) }
    )
}

@Suite struct GrantCacheTests {
    @Test func findsWhatWasPutIn() {
        let cache = Cache()
        #expect(cache.find(Parts()) == nil)
        let given = grant()
        #expect(cache.insert(Parts(), given))
        #expect(cache.find(Parts()) === given)
        #expect(cache.find(Parts(action: "memory:Read")) == nil)
        let denial = grant(allowed: false)
        #expect(cache.insert(Parts(action: "memory:Read"), denial))
        #expect(cache.find(Parts(action: "memory:Read"))?.isAllowed == false)
        let newer = grant()
        #expect(cache.insert(Parts(), newer) && cache.find(Parts()) === newer && cache.cache.count == 2)
        #expect(cache.cache.counters.hits == 3 && cache.cache.counters.misses == 2)
    }

    @Test func endsAtItsExpiry() {
        let cache = Cache()
        #expect(cache.insert(Parts(), grant(life: 60, renewAfter: 30)))
        #expect(cache.find(Parts(), at: 59)?.renewAt == start + .seconds(30))
        #expect(cache.find(Parts(), at: 60) == nil)
        #expect(cache.cache.count == 0 && cache.cache.counters.stale == 1)
        #expect(grant(life: 60, renewAfter: 90).renewAt == start + .seconds(60))
        #expect(grant(life: 60).renewAt == start + .seconds(60))
    }

    @Test func epochsAreComparedAtEachHit() {
        let cache = Cache()
        #expect(cache.insert(Parts(), grant(epoch: 1)))
        #expect(cache.find(Parts(), epoch: 2) == nil)
        #expect(cache.find(Parts(), epoch: 1) == nil, "gone, not only hidden")
    }

    /// A vend in flight while its tenant was suspended.
    @Test func whatIsVoidDoesNotComeIn() {
        let cache = Cache()
        #expect(!cache.insert(Parts(), grant(epoch: 1), epoch: 2))
        #expect(!cache.insert(Parts(), grant(life: 60), at: 60))
        #expect(cache.cache.count == 0 && cache.cache.counters.refused == 2)
    }

    @Test func purgeForgetsOneTenant() {
        let cache = Cache()
        #expect(cache.insert(Parts(principal: "a"), grant("clinic")))
        #expect(cache.insert(Parts(principal: "b"), grant("clinic2")))
        #expect(cache.insert(Parts(principal: "c"), grant("clinic")))
        cache.cache.purge(tenant: "clinic")
        #expect(cache.cache.count == 1 && cache.find(Parts(principal: "b")) != nil)
    }

    @Test func isBoundedAndKeepsWhatIsUsed() {
        let cache = Cache(capacity: 8)
        #expect(cache.insert(Parts(principal: "kept"), grant()))
        for number in 0..<100 {
            #expect(cache.find(Parts(principal: "kept")) != nil, "after \(number)")
            #expect(cache.insert(Parts(principal: "\(number)"), grant()))
        }
        #expect(cache.cache.count == 8)
    }
}
