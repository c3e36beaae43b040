// SPDX-License-Identifier: Apache-2.0
import Cedar
import Foundation
import TestSupport
import Testing

/// The policies in Config/policies: they validate without a warning, and no tenant gets at what is another's.
@Suite struct ShippedPolicyTests {
    private let schema: Schema
    private let authorizer: Authorizer
    private let sources: [Source]

    init() throws {
        func read(_ name: String) throws -> Source {
            Source(name: name, text: try Repository.text("Config/policies/\(name)"))
        }
        schema = try Schema(try read("bulkhead.cedarschema"))
        sources = [try read("tenancy.cedar"), try read("groups.cedar"), try read("examples/clinics.cedar")]
        authorizer = Authorizer(try PolicySet(sources, naming: .annotated))
    }

    @Test func validateWithoutFindings() {
        #expect(Validator(schema).validate(authorizer.policySet, sources: sources) == [])
    }

    private struct Caller {
        var tenant = "acme"
        var tier = "premium"
        var active = true
        var groups: [String] = []
        var tags: RecordValue = .empty
    }

    private func decide(
        _ caller: Caller,
        _ action: String,
        _ resource: EntityUID,
        _ attributes: RecordValue = .empty,
        now: DatetimeValue = DatetimeValue("2026-11-24")!
    ) throws -> Decision {
        let tier = EntityUID(type: "Tier", id: Text(caller.tier))
        let tenant = EntityUID(type: "Tenant", id: Text(caller.tenant))
        let user = Entity(
            EntityUID(type: "User", id: "idp/1"),
            attributes: [
                "issuer": .string("idp"), "subject": .string("1"), "tenant": .entity(tenant),
                "tier": .entity(tier),
            ],
            tags: caller.tags,
            parents: caller.groups.map { EntityUID(type: "Group", id: Text($0)) } + [tenant]
        )
        let entities = [
            user, Entity(tenant, attributes: ["active": .bool(caller.active)], parents: [tier]),
            Entity(resource, attributes: attributes),
        ]
        let request = AccessRequest(
            principal: user.uid,
            action: EntityUID(type: "Action", id: Text(action)),
            resource: resource,
            context: [
                "method": "POST", "operation": "o", "path": "/", "listener": "stores", "now": .datetime(now),
            ]
        )
        for entity in entities { try schema.validate(entity) }
        try schema.validate(request)
        let store = try EntityStore(schema.actionEntities).adding(entities)
        return authorizer.authorize(request, store)
    }

    private let vectors = EntityUID(type: "Store", id: "vectors")

    @Test(arguments: ["memory:Read", "memory:Write", "memory:List", "memory:Search", "memory:Delete"])
    func activeTenantsUseStores(_ action: String) throws {
        let decision = try decide(Caller(), action, vectors)
        #expect(decision.allowed)
        #expect(decision.reasons == ["tenant-uses-stores"])
        #expect(decision.errors.isEmpty)
        #expect(try !decide(Caller(active: false), action, vectors).allowed)
    }

    @Test func whatIsSetApartIsClosedToOthers() throws {
        let mine: RecordValue = ["tenant": .entity(EntityUID(type: "Tenant", id: "acme"))]
        let basic: RecordValue = ["tiers": .set([.entity(EntityUID(type: "Tier", id: "basic"))])]
        for (action, type) in [
            ("memory:Read", "Store"), ("agent:Invoke", "Agent"), ("model:Invoke", "Model"),
            ("tool:Call", "Tool"),
        ] {
            let resource = EntityUID(type: Text(type), id: "x")
            #expect(try decide(Caller(), action, resource).allowed)
            #expect(try decide(Caller(), action, resource, mine).allowed)
            #expect(try !decide(Caller(tenant: "other"), action, resource, mine).allowed)
            #expect(try !decide(Caller(), action, resource, basic).allowed)
            #expect(try decide(Caller(tier: "basic"), action, resource, basic).allowed)
        }
    }

    @Test func groupsOnlyTakeAway() throws {
        let auditor = Caller(groups: ["auditors"])
        #expect(try decide(auditor, "memory:Read", vectors).allowed)
        #expect(try decide(auditor, "memory:Write", vectors).reasons == ["auditors-read-only"])
        #expect(try !decide(Caller(groups: ["suspended-users"]), "memory:Read", vectors).allowed)
    }

    @Test func nobodyAdministersByDefault() throws {
        #expect(try !decide(Caller(), "admin:Read", EntityUID(type: "Admin", id: "plane")).allowed)
    }

    @Test func clinics() throws {
        let radiology = EntityUID(type: "Agent", id: "radiology")
        #expect(try decide(Caller(), "agent:Invoke", radiology).allowed)
        #expect(try !decide(Caller(tier: "basic"), "agent:Invoke", radiology).allowed)
        let documents = EntityUID(type: "Store", id: "documents")
        #expect(try !decide(Caller(), "memory:Search", documents).allowed)
        #expect(try decide(Caller(tags: ["scope": "a documents:search"]), "memory:Search", documents).allowed)
    }

    @Test func decisionsAreCachedUpToTheNextBoundary() throws {
        let store = try EntityStore(schema.actionEntities)
        let tool = authorizer.reads(by: EntityUID(type: "Action", id: "tool:Call"), store)
        #expect(tool.context.names.isEmpty && !tool.context.isWhole)
        let end = try #require(DatetimeValue("2027-01-01"))
        #expect(tool.boundaries == ["now": [end]])
        #expect(tool.nextBoundary("now", after: DatetimeValue(milliseconds: 0)) == end)
        #expect(tool.nextBoundary("now", after: end) == nil)
        #expect(tool.principal.names == ["tenant", "tier"])
        let memory = authorizer.reads(by: EntityUID(type: "Action", id: "memory:Search"), store)
        #expect(memory.context.names == ["now", "source"])
        #expect(memory.principalTags.names == ["scope"])
        #expect(memory.boundaries.isEmpty)
    }
}
