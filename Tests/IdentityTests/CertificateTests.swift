// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Identity
import JSON
import TestSupport
import Testing

/// Certificates of machines, by what the handshake found out about them.
enum Certificates {
    static func digest(_ text: String) -> Digest { SHA256.hash(text.utf8Span.span) }

    static func make(
        _ name: String = "leaf",
        by authorities: [String] = ["mesh-ca"],
        uris: [String] = [],
        dns: [String] = [],
        subject: [(String, String)] = [],
        isAuthority: Bool = false,
        from notBefore: Int64 = 1_799_990_000,
        until notAfter: Int64 = 1_800_003_600
    ) -> ClientCertificate {
        ClientCertificate(
            fingerprint: digest(name),
            authorities: authorities.map(digest),
            uris: uris,
            dnsNames: dns,
            subject: subject.map { ClientCertificate.Attribute(type: $0.0, value: $0.1) },
            isAuthority: isAuthority,
            notBefore: WallTime(seconds: notBefore),
            notAfter: WallTime(seconds: notAfter)
        )
    }

    typealias Piece = CertificateNames.Piece

    static func literal(_ text: String, of attribute: String = "") -> Piece {
        Piece(attribute: attribute, prefix: text, hole: nil)
    }

    static func hole(_ hole: CertificateNames.Hole, _ prefix: String = "", _ suffix: String = "") -> Piece {
        Piece(prefix: prefix, hole: hole, suffix: suffix)
    }

    static func issuer(
        _ name: String,
        _ url: String,
        _ form: CertificateNames.Form,
        _ pieces: [Piece],
        by authorities: [String] = ["mesh-ca"],
        groups: [String] = [],
        sameUsers: [String] = []
    ) throws -> Issuer {
        try Issuer(
            name: name,
            url: url,
            certificates: CertificateSource(
                authorities: Set(authorities.map(digest)),
                names: try #require(CertificateNames(form, pieces)),
                groups: groups,
                sameUsers: sameUsers
            )
        )
    }

    static let spiffePath = [literal("tenant"), hole(.tenant), literal("sa"), hole(.user)]
}

extension World {
    /// The world with issuers of certificates beside those of tokens; every tenant lists all of them but `foreign`.
    static func withMesh(_ more: [Issuer]? = nil) throws -> World {
        let world = try World()
        let mesh =
            try more ?? [
                Certificates.issuer(
                    "mesh",
                    "spiffe://prod.example",
                    .spiffe(trustDomain: "prod.example"),
                    Certificates.spiffePath,
                    sameUsers: ["https://idp.example/"]
                )
            ]
        let issuers = try IssuerTable(World.issuers().issuers + mesh)
        var keys = KeyRing(issuers: issuers.count)
        for place in 0..<3 {
            let set = try Keys.set(Keys.rsa.jwk(), Keys.elliptic.jwk(), Keys.edwards.jwk())
            keys.replace(issuer: place, with: set, fetchedAt: World.now, staleAt: nil)
        }
        var entries = world.snapshot.tenants.tenants
        for place in entries.indices where entries[place].id.text != "foreign" {
            entries[place].issuers += mesh.map(\.name)
        }
        world.snapshot = try IdentitySnapshot(
            generation: 1,
            issuers: issuers,
            tiers: world.snapshot.tiers,
            tenants: TenantRegistry(mode: .registry, entries: entries, replacing: world.snapshot.tenants),
            keys: keys,
            replacing: world.snapshot
        )
        return world
    }

    func verify(_ certificate: ClientCertificate, now: WallTime = World.now) -> Result<
        Principal, IdentityFailure
    > {
        authenticator.verify(certificate, in: snapshot, now: now)
    }

    func failure(_ certificate: ClientCertificate, now: WallTime = World.now) -> IdentityFailure? {
        guard case .failure(let failure) = verify(certificate, now: now) else { return nil }
        return failure
    }
}

@Suite struct CertificateTests {
    private static let id = "spiffe://prod.example/tenant/clinic/sa/robot"

    @Test func spiffeIDSpeaksForItsTenant() throws {
        let world = try World.withMesh()
        let principal = try world.verify(Certificates.make(uris: [Self.id], dns: ["robot.example"])).get()
        #expect(principal.issuer.name == "mesh" && principal.tenant.text == "clinic")
        #expect(principal.user.text == "robot" && principal.tier.name == "basic" && principal.groups.isEmpty)
        #expect(
            principal.expiry == WallTime(seconds: 1_800_003_600),
            "the certificate's own end, without leeway"
        )
        #expect(principal.tokenID == Hex.encode(Certificates.digest("leaf").bytes.extracting(0..<16)))
        #expect(world.snapshot.hasAllKeys, "an issuer of certificates has no keys to wait for")
    }

    @Test(arguments: [
        "spiffe://prod.example/tenant/clinic/sa/robot/", "spiffe://prod.example/tenant/clinic/sa",
        "spiffe://prod.example/tenant/clinic/sa/", "spiffe://prod.example/tenant//sa/robot",
        "spiffe://prod.example//tenant/clinic/sa/robot", "spiffe://prod.example/Tenant/clinic/sa/robot",
        "spiffe://prod.example.evil/tenant/clinic/sa/robot",
        "spiffe://evil/prod.example/tenant/clinic/sa/robot",
        "spiffe://Prod.example/tenant/clinic/sa/robot", "SPIFFE://prod.example/tenant/clinic/sa/robot",
        "spiffe://prod.example:443/tenant/clinic/sa/robot", "spiffe://u@prod.example/tenant/clinic/sa/robot",
        "spiffe://prod.example/tenant/clinic/sa/robot?x=1", "spiffe://prod.example/tenant/clinic/sa/robot#x",
        "spiffe://prod.example/tenant/clinic/sa/ro%62ot", "spiffe://prod.example/tenant/./clinic/sa/robot",
        "spiffe://prod.example/tenant/clinic/../hospital/sa/robot",
        "spiffe://prod.example/tenant/../sa/robot",
        "spiffe://prod.example/tenant/clinic/sa/ro bot", "spiffe://prod.example", "https://prod.example/x",
        "",
    ])
    func otherNamesAreNobodys(_ uri: String) throws {
        #expect(try World.withMesh().failure(Certificates.make(uris: [uri])) == .certificateUnmapped)
    }

    @Test func oneNameOnly() throws {
        let world = try World.withMesh()
        let other = "spiffe://prod.example/tenant/hospital/sa/robot"
        for uris in [[], [Self.id, other], [Self.id, Self.id], [Self.id, ""], ["", Self.id]] {
            #expect(world.failure(Certificates.make(uris: uris)) == .certificateUnmapped, "\(uris)")
        }
    }

    @Test func anAuthoritySpeaksForItselfOnly() throws {
        let world = try World.withMesh()
        #expect(world.failure(Certificates.make(by: ["other-ca"], uris: [Self.id])) == .certificateUnmapped)
        #expect(world.failure(Certificates.make(by: [], uris: [Self.id])) == .certificateUnmapped)
        #expect(throws: Never.self) {
            try world.verify(Certificates.make(by: ["middle", "mesh-ca"], uris: [Self.id])).get()
        }
        #expect(world.failure(Certificates.make(uris: [Self.id], isAuthority: true)) == .certificateUnmapped)
    }

    @Test func isLookedAtForItsTimeEachTime() throws {
        let world = try World.withMesh()
        let certificate = Certificates.make(uris: [Self.id])
        #expect(throws: Never.self) { try world.verify(certificate).get() }
        #expect(world.failure(certificate, now: WallTime(seconds: 1_800_003_600)) == .certificateExpired)
        #expect(world.failure(certificate, now: WallTime(seconds: 1_799_989_999)) == .certificateExpired)
    }

    @Test(arguments: [
        ("nowhere", IdentityFailure.tenantUnknown), ("closed", .tenantSuspended),
        ("foreign", .issuerNotForTenant),
        ("grouped", .groupNotForTenant), ("Clinic", .tenantUnknown),
    ])
    func theRegistryDecides(_ tenant: String, _ failure: IdentityFailure) throws {
        let uri = "spiffe://prod.example/tenant/\(tenant)/sa/robot"
        #expect(try World.withMesh().failure(Certificates.make(uris: [uri])) == failure)
    }

    @Test func groupsAreTheIssuersWord() throws {
        let issuer = try Certificates.issuer(
            "mesh",
            "spiffe://prod.example",
            .spiffe(trustDomain: "prod.example"),
            Certificates.spiffePath,
            groups: ["grouped-staff", "machines"]
        )
        let world = try World.withMesh([issuer])
        let uri = "spiffe://prod.example/tenant/grouped/sa/robot"
        #expect(
            try world.verify(Certificates.make(uris: [uri])).get().groups == ["grouped-staff", "machines"]
        )
    }

    @Test func tierInTheName() throws {
        let pieces = [
            Certificates.hole(.tier, "t-"), Certificates.hole(.tenant, "", ".org"),
        ]
        let issuer = try Certificates.issuer("mesh", "spiffe://d", .spiffe(trustDomain: "d"), pieces)
        let world = try World.withMesh([issuer])
        func verify(_ path: String) -> Result<Principal, IdentityFailure> {
            world.verify(Certificates.make(path, uris: ["spiffe://d/\(path)"]))
        }
        let principal = try verify("t-basic/hospital.org").get()
        #expect(principal.tier.name == "basic" && principal.isTierDrifted, "the lesser of the two")
        #expect(principal.user.text == "spiffe://d/t-basic/hospital.org", "nothing else names the user")
        for (path, failure) in [
            ("t-gold/hospital.org", IdentityFailure.tierUnknown),
            ("basic/hospital.org", .certificateUnmapped),
            ("t-/hospital.org", .certificateUnmapped), ("t-basic/.org", .certificateUnmapped),
            ("t-basic/hospital", .certificateUnmapped),
        ] {
            guard case .failure(failure) = verify(path) else {
                Issue.record("\(path): \(verify(path))")
                continue
            }
        }
    }

    @Test func dnsNames() throws {
        let pieces = [
            Certificates.hole(.user), Certificates.hole(.tenant), Certificates.literal("agents"),
            Certificates.literal("example"),
        ]
        let world = try World.withMesh([try Certificates.issuer("dns", "dns", .dns, pieces)])
        for name in ["robot.clinic.agents.example", "ROBOT.Clinic.Agents.EXAMPLE"] {
            let principal = try world.verify(Certificates.make(name, dns: [name])).get()
            #expect(principal.tenant.text == "clinic" && principal.user.text == "robot")
        }
        for names in [
            ["*.clinic.agents.example"], ["clinic.agents.example"], ["a.robot.clinic.agents.example"],
            ["robot.clinic.agents.example."], ["robot..agents.example"], [".clinic.agents.example"],
            ["robot.clinic.agents.example", "b.example"], ["robot.clinic.agents.example", ""], [],
            ["robot.clinic.agents.example.evil"],
        ] {
            let certificate = Certificates.make("\(names)", dns: names)
            #expect(world.failure(certificate) == .certificateUnmapped, "\(names)")
        }
    }

    @Test func subjects() throws {
        let pieces = [
            CertificateNames.Piece(attribute: "CN", prefix: "", hole: .user),
            CertificateNames.Piece(attribute: "OU", prefix: "agents", hole: nil),
            CertificateNames.Piece(attribute: "O", prefix: "", hole: .tenant),
        ]
        let world = try World.withMesh([try Certificates.issuer("subject", "subject", .subject, pieces)])
        let good = [("C", "US"), ("O", "clinic"), ("OU", "agents"), ("CN", "robot 7")]
        let principal = try world.verify(Certificates.make(subject: good)).get()
        #expect(principal.tenant.text == "clinic" && principal.user.text == "robot 7")
        for subject in [
            [("O", "clinic"), ("CN", "robot")], [("O", "clinic"), ("OU", "Agents"), ("CN", "robot")],
            good + [("O", "hospital")], good + [("CN", "")], [("O", ""), ("OU", "agents"), ("CN", "robot")],
            [],
            [("", "clinic"), ("OU", "agents"), ("CN", "robot")],
        ] {
            let certificate = Certificates.make("\(subject)", subject: subject)
            #expect(world.failure(certificate) == .certificateUnmapped, "\(subject)")
        }
        let split = Certificates.make(
            "split",
            subject: [("O", "clinic,OU=agents"), ("OU", "agents"), ("CN", "r")]
        )
        #expect(world.failure(split) == .claimInvalid(.tenant))
        let control = Certificates.make(
            "control",
            subject: [("O", "clinic"), ("OU", "agents"), ("CN", "r\u{0}t")]
        )
        #expect(world.failure(control) == .claimInvalid(.user))
    }

    @Test func whatTwoIssuersKnowIsNobodys() throws {
        let path = [
            Certificates.literal("tenant"), Certificates.hole(.tenant), Certificates.literal("sa"),
            Certificates.hole(.user),
        ]
        let form = CertificateNames.Form.spiffe(trustDomain: "prod.example")
        let world = try World.withMesh([
            try Certificates.issuer("one", "1", form, path), try Certificates.issuer("two", "2", form, path),
            try Certificates.issuer("three", "3", form, path, by: ["third-ca"]),
        ])
        #expect(world.failure(Certificates.make("a", uris: [Self.id])) == .certificateUnmapped)
        let third = try world.verify(Certificates.make("b", by: ["third-ca"], uris: [Self.id])).get()
        #expect(third.issuer.name == "three")
    }

    /// A token cannot come from an issuer of certificates, whatever its `iss`.
    @Test func noTokenNamesIt() throws {
        let world = try World.withMesh()
        let token = Keys.rsa.token(World.idClaims.with("iss", #""spiffe://prod.example""#).json)
        #expect(try world.failure(token) == .issuerUnknown)
    }

    @Test func mappingsAreChecked() throws {
        #expect(CertificateNames(.dns, [Certificates.hole(.user)]) == nil, "no tenant")
        #expect(CertificateNames(.dns, [Certificates.hole(.tenant), Certificates.hole(.tenant)]) == nil)
        #expect(CertificateNames(.subject, [Certificates.hole(.tenant)]) == nil, "a subject without its user")
        let names = try #require(CertificateNames(.dns, [Certificates.hole(.tenant)]))
        #expect(!names.namesTier)
        let source = CertificateSource(authorities: [], names: names)
        #expect(throws: Issuer.Problem.noCertificates) {
            try Issuer(name: "n", url: "u", certificates: source)
        }
        #expect(throws: Issuer.Problem.noCertificates) {
            try Issuer(
                name: "n",
                profile: .x509,
                url: "u",
                audiences: ["a"],
                claims: ClaimNames(tenant: "t", tier: nil)
            )
        }
    }

    // MARK: beside other carriers

    private func outcome(
        _ world: World,
        _ kinds: CarrierKinds,
        _ certificate: ClientCertificate,
        _ token: [UInt8]?
    ) -> String {
        var carriers = Carriers(kinds)
        carriers.add(certificate, with: &world.authenticator, snapshot: world.snapshot, now: World.now)
        if let token {
            _ = carriers.add(
                (Array("Bearer ".utf8) + token).span,
                in: .authorization,
                with: &world.authenticator,
                snapshot: world.snapshot,
                now: World.now
            )
        }
        switch carriers.outcome {
        case .principal(let principal, _):
            return "\(principal.issuer.name) \(principal.tenant) \(principal.user)"
        case .refused(let failure): return "\(failure.code)"
        case .unknownKey: return "unknown key"
        }
    }

    @Test func agreesWithATokenOfTheSamePersonOnly() throws {
        let world = try World.withMesh()
        let robot = Certificates.make(uris: [Self.id])
        let both: CarrierKinds = [.bearer, .certificate]
        func token(_ tenant: String, _ user: String) -> [UInt8] {
            let claims = World.oidcClaims.with("tenant", "\"\(tenant)\"").with("sub", "\"\(user)\"")
            return Keys.edwards.token(claims.json)
        }
        #expect(outcome(world, both, robot, nil) == "mesh clinic robot")
        #expect(outcome(world, .certificate, robot, nil) == "mesh clinic robot")
        #expect(outcome(world, .bearer, robot, nil) == "token_missing", "this listener asks for tokens")
        #expect(outcome(world, both, robot, token("clinic", "robot")) == "idp clinic robot")
        #expect(outcome(world, both, robot, token("clinic", "bob")) == "carriers_disagree")
        #expect(outcome(world, both, robot, token("hospital", "robot")) == "carriers_disagree")
        let pool = Keys.rsa.token(World.idClaims.with("sub", #""robot""#).json)
        #expect(
            outcome(world, both, robot, pool) == "carriers_disagree",
            "nobody says that the pool's users are the mesh's"
        )
        let expired = Keys.edwards.token(World.oidcClaims.with("exp", "1").json)
        #expect(outcome(world, both, robot, expired) == "token_expired")
        let nobody = Certificates.make("nobody", uris: ["spiffe://prod.example/x"])
        #expect(outcome(world, both, nobody, token("clinic", "robot")) == "certificate_unmapped")
        try world.suspend("clinic")
        #expect(outcome(world, both, robot, nil) == "tenant_suspended")
    }

    // MARK: what ends it

    @Test func endsWithItsTenantAndItsAuthority() throws {
        let world = try World.withMesh()
        let robot = Certificates.make(uris: [Self.id])
        let principal = try world.verify(robot).get()
        #expect(try world.verify(robot).get() === principal, "remembered")
        let handle = world.seal(principal)
        try world.suspend("clinic")
        #expect(world.failure(robot) == .tenantSuspended)
        #expect(world.snapshot.refusal(of: principal) == .tenantSuspended)
        #expect(try world.handleFailure(handle) == .tenantSuspended)
        try world.resume("clinic")
        let again = try world.verify(robot).get()
        #expect(again !== principal && again.tenantEpoch > principal.tenantEpoch)
        #expect(try world.opened(handle).principal.user.text == "robot", "a handle of a certificate")

        let other = try World.withMesh([
            try Certificates.issuer(
                "mesh",
                "spiffe://prod.example",
                .spiffe(trustDomain: "prod.example"),
                Certificates.spiffePath,
                by: ["new-ca"]
            )
        ])
        #expect(world.snapshot.refusal(of: again) == nil)
        world.snapshot = other.snapshot
        #expect(world.snapshot.refusal(of: again) == .certificateUnmapped)
        #expect(world.failure(robot) == .certificateUnmapped)
        #expect(try world.handleFailure(handle) == .certificateUnmapped)
    }

    /// The cache's key covers who vouches for it, not only the certificate.
    @Test func theSameLeafUnderAnotherAuthorityIsAnother() throws {
        let world = try World.withMesh()
        #expect(throws: Never.self) { try world.verify(Certificates.make(uris: [Self.id])).get() }
        #expect(world.failure(Certificates.make(by: ["other-ca"], uris: [Self.id])) == .certificateUnmapped)
    }
}
