// SPDX-License-Identifier: Apache-2.0
import Configuration
import JSON
import Testing

@Suite struct TenantsTests {
    private func tenants(_ text: String) throws(Configuration.Problems) -> Configuration.TenantsFile {
        let configuration = try decode(base)
        return try .decode(Array(text.utf8).span, file: "t.yaml", for: configuration)
    }

    @Test func aTenantWithEverything() throws {
        let text = """
            tenants:
              - id: Clinic.A_1-x
                name: Clinic A
                tier: premium
                status: suspended
                issuers: [cognito]
                group: staff
                limits: {concurrent: 3}
                claims: {region: eu, beds: 12, open: true, wards: [a, b], off: null}
              - {id: "-", tier: basic, issuers: [cognito]}
            """
        let file = try tenants(text)
        let (first, second) = (file.tenants[0], file.tenants[1])
        #expect(first.id == "Clinic.A_1-x" && first.name == "Clinic A" && first.tier == "premium")
        #expect(first.status == .suspended && first.issuers == ["cognito"] && first.group == "staff")
        #expect(first.limits.concurrent == 3)
        var claims = JSONObject()
        for (name, value) in [
            ("region", JSONValue.string("eu")), ("beds", .integer(12)), ("open", .bool(true)),
            ("wards", .array([.string("a"), .string("b")])),
        ] {
            _ = claims.append(name, value)
        }
        #expect(first.claims == claims)
        #expect(first.position == .init(line: 2, column: 5))
        #expect(
            second.id == "-" && second.name == "-" && second.status == .active
                && second.claims == JSONObject()
        )
        #expect(try tenants("tenants: []").tenants.isEmpty)
    }

    @Test(arguments: [
        ("{id: a}", ["1:11: tenants[0]: missing key \"issuers\"", "1:11: tenants[0]: missing key \"tier\""]),
        (
            "{id: a b, tier: basic, issuers: [cognito]}",
            ["1:16: tenants[0].id: expected a tenant id (1 to 64 of A-Z a-z 0-9 . _ -), found \"a b\""]
        ),
        (
            "{id: .., tier: basic, issuers: [cognito]}",
            ["1:16: tenants[0].id: expected a tenant id (1 to 64 of A-Z a-z 0-9 . _ -), found \"..\""]
        ),
        (
            "{id: 007, tier: basic, issuers: [cognito]}",
            ["1:16: tenants[0].id: expected a text (in quotes), found 007"]
        ),
        (
            "{id: a, tier: bassic, issuers: [cognito]}",
            ["1:25: tenants[0].tier: there is no tier \"bassic\"; did you mean \"basic\"?"]
        ),
        (
            "{id: a, tier: basic, issuers: [okta]}",
            ["1:42: tenants[0].issuers[0]: there is no issuer \"okta\"; known: cognito"]
        ),
        (
            "{id: a, tier: basic, issuers: []}",
            ["1:41: tenants[0].issuers: expected at least 1 in the list, found 0"]
        ),
        (
            "{id: a, tier: basic, issuers: [cognito], staus: active}",
            ["1:52: unknown key \"staus\" in tenants[0]; did you mean \"status\"?"]
        ),
        (
            "{id: a, tier: basic, issuers: [cognito], status: gone}",
            ["1:60: tenants[0].status: expected one of active, suspended, found \"gone\""]
        ),
        (
            "{id: a, tier: basic, issuers: [cognito]}, {id: A, tier: basic, issuers: [cognito]}, "
                + "{id: a, tier: premium, issuers: [cognito]}",
            ["1:95: tenants[2]: tenant \"a\" stands twice; first at 1:11"]
        ),
    ])
    func whatIsNoTenant(_ item: String, _ expected: [String]) {
        let found = problems { () throws(Configuration.Problems) in _ = try tenants("tenants: [\(item)]") }
        #expect(found == expected.map { "t.yaml:" + $0 })
    }

    /// A registry is larger than a configuration.
    @Test func manyTenants() throws {
        var text = "tenants:\n"
        for index in 0..<5_000 { text += "  - {id: tenant-\(index), tier: basic, issuers: [cognito]}\n" }
        #expect(try tenants(text).tenants.count == 5_000)
    }
}
