// SPDX-License-Identifier: Apache-2.0
import Configuration
import Testing

/// Issuers of profile `x509`.
@Suite struct CertificateTests {
    /// The base with machines beside people.
    static let mesh =
        base
        .replacing(
            "carriers: [bearer]",
            with: "tls: {certificate: c, private_key: k, client_ca: ca}\n    carriers: [bearer, certificate]"
        )
        .replacing("tenants: {file", with: issuer + "tenants: {file")

    private static let issuer = """
            - name: mesh
              profile: x509
              issuer: spiffe://prod.example
              certificates: {ca: mesh.pem, spiffe: '/tenant/{tenant}/sa/{user}'}

        """

    private func source(_ names: String, issuer: String = "spiffe://prod.example") throws -> Configuration
        .CertificateSource?
    {
        let text = Self.mesh.replacing("spiffe: '/tenant/{tenant}/sa/{user}'", with: names)
            .replacing("issuer: spiffe://prod.example", with: "issuer: \(issuer)")
        return try decode(text).identity.issuers[1].certificates
    }

    @Test func isRight() throws {
        let configuration = try decode(Self.mesh)
        #expect(configuration.check(adapters: adapters, now: now) == [])
        let issuer = configuration.identity.issuers[1]
        #expect(issuer.profile == .x509 && issuer.jwks.source == .none && issuer.audiences.isEmpty)
        #expect(issuer.certificates?.ca == "mesh.pem" && issuer.certificates?.sameUsersAs == [])
        #expect(issuer.certificates?.names.form == .spiffe(trustDomain: "prod.example"))
    }

    /// Each piece as it could be written.
    private func written(_ names: String, issuer: String = "spiffe://prod.example") throws -> [String]? {
        try source(names, issuer: issuer)?.names.pieces.map { piece in
            let attribute = piece.attribute.isEmpty ? "" : piece.attribute + "="
            return attribute + piece.prefix + (piece.hole.map { "{\($0.rawValue)}" } ?? "") + piece.suffix
        }
    }

    @Test func pieces() throws {
        #expect(try written("spiffe: '/t-{tenant}.x/sa'") == ["t-{tenant}.x", "sa"])
        let dns = "dns: '{user}.{tenant}.{tier}-agents.example'"
        #expect(try written(dns, issuer: "machines") == ["{user}", "{tenant}", "{tier}-agents", "example"])
        #expect(try source(dns, issuer: "machines")?.names.form == .dns)
        let subject = "subject: 'CN={user}, OU=agents,O={tenant}'"
        #expect(try written(subject, issuer: "machines") == ["CN={user}", "OU=agents", "O={tenant}"])
    }

    struct Wrong: Sendable, CustomTestStringConvertible {
        let names: String
        let message: String
        let issuer: String
        init(_ names: String, _ message: String, issuer: String = "spiffe://prod.example") {
            (self.names, self.message, self.issuer) = (names, message, issuer)
        }
        var testDescription: String { names }
    }

    @Test(arguments: [
        Wrong("dns: 'a.{user}'", "nothing says whose it is: one piece must be {tenant}"),
        Wrong("subject: 'O={tenant}'", "nothing says who it is: one piece must be {user}"),
        Wrong("dns: '{tenant}.{tenant}'", "a placeholder stands twice"),
        Wrong(
            "dns: '{tenant}{user}.x'",
            "a piece is text of the name's own alphabet with at most one placeholder"
        ),
        Wrong(
            "dns: '{tenant}..x'",
            "a piece is text of the name's own alphabet with at most one placeholder"
        ),
        Wrong(
            "dns: '{tenant}.EXAMPLE'",
            "a piece is text of the name's own alphabet with at most one placeholder"
        ),
        Wrong("dns: '{tenant}.*'", "a piece is text of the name's own alphabet with at most one placeholder"),
        Wrong(
            "spiffe: '/{tenant}/a%20b'",
            "a piece is text of the name's own alphabet with at most one placeholder"
        ),
        Wrong("dns: '{org}.x'", "unknown placeholder; known: {tenant}, {user}, {tier}"),
        Wrong("dns: '{tenant.x'", "unknown placeholder; known: {tenant}, {user}, {tier}"),
        Wrong("spiffe: 'tenant/{tenant}'", "expected a path such as /tenant/{tenant}/sa/{user}"),
        Wrong(
            "spiffe: '/{tenant}'",
            "the \"issuer\" of SPIFFE ids is their trust domain, such as spiffe://prod.example",
            issuer: "https://prod.example"
        ),
        Wrong(
            "spiffe: '/{tenant}'",
            "the \"issuer\" of SPIFFE ids is their trust domain, such as spiffe://prod.example",
            issuer: "spiffe://prod.example/x"
        ),
        Wrong(
            "subject: 'XX={tenant}'",
            "expected attributes such as CN={user},O={tenant}; known: CN, O, OU, C, ST, L, UID, serialNumber, emailAddress"
        ),
        Wrong("subject: 'O={tenant},O=x,CN={user}'", "O stands twice"),
        Wrong("groups: [a]", "expected one of \"spiffe\", \"dns\" and \"subject\", found 0"),
        Wrong(
            "dns: '{tenant}', subject: 'O={tenant}'",
            "expected one of \"spiffe\", \"dns\" and \"subject\", found 2"
        ),
    ])
    func wrongNames(_ wrong: Wrong) {
        let found = problems { () throws(Configuration.Problems) in
            _ = try decode(
                Self.mesh.replacing("spiffe: '/tenant/{tenant}/sa/{user}'", with: wrong.names)
                    .replacing("issuer: spiffe://prod.example", with: "issuer: \(wrong.issuer)")
            )
        }
        #expect(found.count == 1 && found.first?.hasSuffix(wrong.message) == true, "\(found)")
    }

    @Test func tokensAndCertificatesDoNotMix() {
        for key in [
            "audiences: [a]", "algorithms: [RS256]", "jwks: {file: f}", "claims: {tenant: t}", "leeway: 1s",
        ] {
            let text = Self.mesh.replacing("profile: x509", with: "profile: x509\n      \(key)")
            let found = problems { () throws(Configuration.Problems) in _ = try decode(text) }
            #expect(
                found.contains { $0.hasSuffix("profile x509 reads certificates, not tokens; leave it out") },
                "\(key) \(found)"
            )
        }
        let text = base.replacing("audiences: [app]", with: "audiences: [app]\n      certificates: {ca: c}")
        let found = problems { () throws(Configuration.Problems) in _ = try decode(text) }
        #expect(
            found.contains { $0.hasSuffix("only profile x509 reads certificates; leave it out") },
            "\(found)"
        )
    }

    @Test(arguments: [
        (", client_ca: ca}", "}", "certificate needs \"tls\" with \"client_ca\""),
        (
            "client_ca: ca}", "client_ca: ca, client_certificates: none}",
            "certificate needs \"tls\" with \"client_ca\""
        ),
        ("carriers: [bearer, certificate]", "carriers: [bearer]", "no listener has the carrier certificate"),
        (
            "carriers: [handle]", "carriers: [handle, certificate]",
            "certificate is for callers, handle for agents; not both"
        ),
        (
            "routes: [agent]", "routes: [agent, notes]",
            "\"notes\" is a store's: an agent's certificate would speak for all that it serves"
        ),
        (
            "sa/{user}'}", "sa/{user}', same_users_as: [cognit]}",
            "there is no issuer of tokens \"cognit\"; did you mean \"cognito\"?"
        ),
        (
            "sa/{user}'}", "sa/{user}', same_users_as: [mesh]}",
            "there is no issuer of tokens \"mesh\"; known: cognito"
        ),
        (
            "issuer: spiffe://prod.example", "issuer: https://issuer.example/pool",
            "trust domain, such as spiffe://prod.example"
        ),
        ("[bearer, certificate]", "[certificate]", nil),
        ("sa/{user}'}", "sa/{user}', same_users_as: [cognito]}", nil),
    ])
    func parts(_ old: String, _ new: String, _ message: String?) {
        var found: [String] = []
        found += problems { () throws(Configuration.Problems) in
            found += try decode(Self.mesh.replacing(old, with: new)).check(adapters: adapters, now: now).map(
                \.description
            )
        }
        guard let message else { return #expect(found == []) }
        #expect(found.contains { $0.hasSuffix(message) }, "\(found)")
    }

    @Test func aTokenThatNobodyVerifiesIsNotForwarded() throws {
        let text = Self.mesh.replacing("[bearer, certificate]", with: "[certificate]")
            .replacing("upstream: agent\n", with: "upstream: agent\n    forward_token: true\n")
        let found = try decode(text).check(adapters: adapters, now: now).map(\.description)
        #expect(
            found.contains { $0.hasSuffix("\"agent\" has forward_token, but no token is verified here") },
            "\(found)"
        )
    }

    @Test func withoutARegistryTheNameSaysTheTier() throws {
        let text = Self.mesh.replacing("tenants: {file: tenants.yaml}", with: "tenants: {mode: claims}")
            .replacing(
                "    - name: cognito\n      profile: cognito\n      issuer: https://issuer.example/pool\n      audiences: [app]\n",
                with: ""
            )
        let found = try decode(text).check(adapters: adapters, now: now).map(\.description)
        #expect(
            found.count == 1 && found[0].hasSuffix("with tenants in mode claims, nothing else says the tier"),
            "\(found)"
        )
        let named = text.replacing("sa/{user}", with: "{tier}/{user}")
        #expect(try decode(named).check(adapters: adapters, now: now) == [])
    }
}
