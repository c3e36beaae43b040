// SPDX-License-Identifier: Apache-2.0
import Cedar
import Testing

@Suite struct PossibilityTests {
    struct Example: CustomTestStringConvertible {
        let policies: String
        let expected: Possibility

        init(_ policies: String, _ expected: Possibility) {
            self.policies = policies
            self.expected = expected
        }

        var testDescription: String { policies }
    }

    private static let permit = "permit(principal, action, resource)"
    private static let forbid = "forbid(principal, action, resource)"

    @Test(arguments: [
        Example("", .no),
        Example("\(permit);", .yes),
        Example("permit(principal, action == Action::\"other\", resource);", .no),
        Example("\(permit) when { context.x == 1 };", .depends),
        Example("\(permit) when { context.known == 1 };", .yes),
        Example("\(permit) when { context.known == 2 };", .no),
        Example("\(permit) when { context has known && context.known == 2 };", .no),
        Example("\(permit) when { false && context.x };", .no),
        Example("\(permit) when { context.x && false };", .no),
        Example("\(permit) when { true || context.x };", .yes),
        Example("\(permit) when { context.x || true };", .depends),
        Example("\(permit) when { !(context.x && false) };", .depends),
        Example("\(permit) when { if context.x then false else false };", .no),
        Example("\(permit) when { 1 + true == 2 };", .no),
        Example("\(permit); \(forbid);", .no),
        Example("\(permit); \(forbid) when { context.x };", .depends),
        Example("\(permit); \(forbid) when { context.known == 2 };", .yes),
        Example("\(permit); \(forbid) when { 1 < true };", .yes),
        Example("\(permit) when { context == {} };", .depends),
        Example("\(permit) when { [context.x].isEmpty() };", .depends),
    ])
    func possibility(_ example: Example) throws {
        let authorizer = Authorizer(try PolicySet([Source(name: "p", text: example.policies)]))
        let request = AccessRequest(
            principal: EntityUID(type: "User", id: "a"),
            action: EntityUID(type: "Action", id: "b"),
            resource: EntityUID(type: "Doc", id: "c"),
            context: ["known": 1]
        )
        #expect(authorizer.possibility(request, .empty) == example.expected)
    }
}

@Suite struct GovernanceTests {
    private func findings(_ policies: String) throws -> [String] {
        let schema = """
            entity Tenant; entity User in [Tenant] = { tenant: Tenant };
            entity Doc in [Tenant] = { tenant: Tenant, open?: Bool };
            action read, write appliesTo { principal: User, resource: Doc };
            """
        let source = Source(name: "p", text: policies)
        return Validator(try Schema(Source(name: "s", text: schema)))
            .review(try PolicySet([source]), sources: [source]).map(\.description)
    }

    @Test func possibleCrossingsAreTold() throws {
        let crossing = "it may cross tenants: nothing compares the principal's tenant with the resource's"
        #expect(
            try findings("permit(principal, action, resource);")
                == ["p:1:1: warning: policy `policy0`: \(crossing)"]
        )
        for fine in [
            "permit(principal in Tenant::\"a\", action, resource);",
            "permit(principal, action, resource in Tenant::\"a\");",
            "permit(principal, action, resource) when { principal.tenant == resource.tenant };",
            "permit(principal, action, resource) when { principal in resource.tenant };",
            """
            permit(principal is User, action == Action::"read", resource);
            forbid(principal, action, resource) unless { principal.tenant == resource.tenant };
            """,
        ] {
            #expect(try findings(fine) == [], "\(fine)")
        }
    }

    @Test func overriddenPermitsAreTold() throws {
        let text = """
            permit(principal in Tenant::"a", action == Action::"read", resource) when { resource has open };
            forbid(principal, action in [Action::"read", Action::"write"], resource) when { resource has open };
            """
        #expect(
            try findings(text) == [
                "p:1:1: warning: policy `policy0`: the forbid `policy1` always overrides it"
            ]
        )
    }

    @Test func whatCanNeverApplyIsTold() throws {
        let text = """
            permit(principal in Tenant::"a", action, resource) when { principal is Doc };
            permit(principal in Tenant::"a", action, resource)
            when { resource.secret };
            """
        #expect(
            try findings(text) == [
                "p:1:1: warning: policy `policy0`: it can never apply: its conditions are always false",
                "p:3:8: error: policy `policy1`: Doc has no attribute `secret`",
            ]
        )
    }
}
