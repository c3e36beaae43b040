// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Identity
import JSON
import Testing

@Suite struct AcceptedTokenTests {
    @Test func cognitoIDToken() throws {
        let world = try World()
        let token = Keys.rsa.token(World.idClaims.with("department", #"{"ward":3}"#).json)
        let principal = try world.principal(token)
        #expect(principal.issuer.name == "pool")
        #expect(principal.tenant.text == "clinic")
        #expect(principal.user.text == "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
        #expect(principal.tier.name == "basic" && !principal.isTierDrifted)
        #expect(principal.groups == ["nurses", "admins"])
        #expect(principal.tags["department"]?.object?["ward"] == .integer(3))
        #expect(principal.tags.count == 1)
        #expect(principal.expiry == WallTime(seconds: 1_800_003_630), "leeway included")
        let digest = SHA256.hash(token.span)
        #expect(principal.tokenID == Hex.encode(digest.bytes.extracting(0..<16)))
    }

    @Test func cognitoAccessToken() throws {
        let world = try World()
        let principal = try world.principal(Keys.rsa.token(World.accessClaims.json))
        #expect(principal.issuer.name == "access" && principal.tenant.text == "clinic")
        #expect(throws: Never.self) {
            try world.principal(Keys.rsa.token(World.accessClaims.json, algorithm: .ps256))
        }
    }

    @Test(arguments: ["ES256", "EdDSA"]) func oidc(_ algorithm: String) throws {
        let world = try World()
        let signer = algorithm == "ES256" ? Keys.elliptic : Keys.edwards
        let principal = try world.principal(signer.token(World.oidcClaims.json))
        #expect(principal.issuer.name == "idp" && principal.tenant.text == "hospital")
        #expect(principal.user.text == "bob" && principal.groups.isEmpty)
        #expect(principal.tier.name == "premium", "the registry's, as this issuer states none")
    }

    @Test(arguments: [
        #"{"alg":"RS256","kid":"rsa-1"}"#, #"{"alg":"RS256","kid":"rsa-1","typ":"at+JWT"}"#,
        #"{"kid":"rsa-\u0031","alg":"RS256","x5t":"abc","nonce":"n"}"#, #"{"alg":"RS256"}"#,
    ])
    func headers(_ header: String) throws {
        let world = try World()
        #expect(throws: Never.self) {
            try world.principal(Keys.rsa.token(World.idClaims.json, header: header))
        }
    }

    @Test(arguments: [
        World.idClaims.with("cognito:groups", nil), World.idClaims.with("cognito:groups", "[]"),
        World.idClaims.with("aud", #"["x","other-client"]"#), World.idClaims.with("exp", "1800003600.75"),
        World.idClaims.with("exp", "1.8000036e9"), World.idClaims.with("nbf", "1800000030"),
        World.idClaims.with("iat", "1800000030"), World.idClaims.with("iat", nil),
        World.idClaims.with("exp", "1799999971"), World.idClaims.with("sub", #""Zoë 漢""#),
        World.idClaims.with("exp", "99999999999999"),
    ])
    func claims(_ claims: Claims) throws {
        let world = try World()
        #expect(throws: Never.self) { try world.principal(Keys.rsa.token(claims.json)) }
    }

    /// Access tokens with a resource binding have an `aud` of their own, which is not the client.
    @Test func audienceOfAnAccessTokenIsNotItsClient() throws {
        let world = try World()
        let bound = World.accessClaims.with("aud", #""https://api.example""#)
        #expect(throws: Never.self) { try world.principal(Keys.rsa.token(bound.json)) }
        let swapped = World.accessClaims.with("aud", #""app-client""#).with("client_id", #""nobody""#)
        #expect(try world.failure(Keys.rsa.token(swapped.json)) == .audienceMismatch)
    }
}

@Suite struct RefusedTokenTests {
    struct Refusal: Sendable, CustomTestStringConvertible {
        let name: String
        let token: [UInt8]
        let failure: IdentityFailure
        init(_ failure: IdentityFailure, _ name: String, _ token: [UInt8]) {
            (self.failure, self.name, self.token) = (failure, name, token)
        }
        init(_ failure: IdentityFailure, _ name: String, _ claims: Claims) {
            self.init(failure, name, Keys.rsa.token(claims.json))
        }
        init(_ failure: IdentityFailure, header: String) {
            self.init(failure, header, Keys.rsa.token(World.idClaims.json, header: header))
        }
        var testDescription: String { "\(failure.code): \(name)" }
    }

    static func encode(_ header: String, _ claims: String, _ signature: String) -> [UInt8] {
        let parts = [header, claims].map { Base64URL.encode($0.utf8Span.span) }
        return Array("\(parts[0]).\(parts[1]).\(signature)".utf8)
    }

    /// HS256 with the public key as its secret: the classic confusion of algorithms.
    static var signedWithThePublicKey: [UInt8] {
        let header = #"{"alg":"HS256","kid":"rsa-1"}"#
        let unsigned = Array(encode(header, World.idClaims.json, "").dropLast())
        var mac = HMACSHA256(key: Keys.rsa.jwk().utf8Span.span)
        let tag = mac.authenticate(unsigned.span)
        return encode(header, World.idClaims.json, Base64URL.encode(tag.bytes))
    }

    static let good = Keys.rsa.token(World.idClaims.json)
    static let claims = World.idClaims

    static let form: [Refusal] = [
        Refusal(.tokenMissing, "empty", []),
        Refusal(.tokenMalformed, "no dots", Array("abc".utf8)),
        Refusal(.tokenMalformed, "two parts", Array(good.prefix(while: { $0 != 0x2E })) + Array(".e30".utf8)),
        Refusal(.tokenMalformed, "four parts", good + Array(".e30".utf8)),
        Refusal(.tokenMalformed, "five parts", good + Array(".e30.e30".utf8)),
        Refusal(.tokenMalformed, "empty signature", encode(#"{"alg":"RS256"}"#, claims.json, "")),
        Refusal(.tokenMalformed, "empty header", Array(".e30.e30".utf8)),
        Refusal(.tokenMalformed, "padding", good + Array("=".utf8)),
        Refusal(.tokenMalformed, "space behind", good + Array(" ".utf8)),
        Refusal(.tokenMalformed, "plus", encode(#"{"alg":"RS256"}"#, claims.json, "ab+d")),
        Refusal(
            .tokenMalformed,
            "header no object",
            Keys.rsa.token(claims.json, header: #"["alg","RS256"]"#)
        ),
        Refusal(.tokenMalformed, "header no JSON", Keys.rsa.token(claims.json, header: "alg")),
        Refusal(.tokenMalformed, "claims no JSON", Keys.rsa.token("claims")),
        Refusal(.tokenMalformed, "claims twice", Keys.rsa.token(claims.json + claims.json)),
        Refusal(
            .tokenMalformed,
            "a duplicate claim",
            Keys.rsa.token(claims.json.dropLast() + #","custom:tenant_id":"hospital"}"#)
        ),
        Refusal(
            .tokenMalformed,
            "a duplicate claim, escaped",
            Keys.rsa.token(claims.json.dropLast() + #","custom:tenant\u005fid":"hospital"}"#)
        ),
        Refusal(
            .tokenMalformed,
            "too long",
            claims.with("pad", "\"" + String(repeating: "x", count: 8000) + "\"")
        ),
        Refusal(.tokenMalformed, "too deep", claims.with("deep", String(repeating: "[", count: 40))),
        Refusal(
            .tokenMalformed,
            "too many claims",
            Keys.rsa.token(
                claims.json.dropLast() + (0..<130).map { #","c\#($0)":1"# }.joined() + "}"
            )
        ),
    ]

    static let headers: [Refusal] =
        [
            #""crit":["exp"]"#, #""jku":"https://evil.example""#, #""jwk":{}"#,
            #""x5u":"https://evil.example""#,
            #""x5c":[]"#, #""b64":false"#, #""zip":"DEF""#, #""cty":"JWT""#, #""typ":"dpop+jwt""#,
            #""typ":1"#,
            #""typ":"logout+jwt""#, #""cri\u0074":[]"#, #""kid":7"#,
        ].map {
            Refusal(.headerRefused, header: #"{"alg":"RS256",\#($0)}"#)
        } + [
            Refusal(.tokenMalformed, header: #"{"alg":"RS256","alg":"RS256","kid":"rsa-1"}"#),
            Refusal(.tokenMalformed, header: #"{"alg":"none","\u0061lg":"RS256","kid":"rsa-1"}"#),
            Refusal(.algorithmRefused, header: #"{"kid":"rsa-1"}"#),
            Refusal(.algorithmRefused, header: #"{"alg":null,"kid":"rsa-1"}"#),
            Refusal(.algorithmRefused, header: #"{"alg":"rs256","kid":"rsa-1"}"#),
            Refusal(.algorithmRefused, header: #"{"alg":"RS384","kid":"rsa-1"}"#),
            Refusal(.algorithmRefused, header: #"{"alg":"ES256","kid":"ec-1"}"#),
            Refusal(.algorithmRefused, header: #"{"alg":"RS256","kid":"ec-1"}"#),
            Refusal(.algorithmRefused, "none", encode(#"{"alg":"none"}"#, claims.json, "AA")),
            Refusal(.algorithmRefused, "None", encode(#"{"alg":"None"}"#, claims.json, "AA")),
            Refusal(.algorithmRefused, "HS256 with the public key", signedWithThePublicKey),
        ]

    static let signatures: [Refusal] = [
        Refusal(.signatureInvalid, "somebody else's key", Keys.stranger.token(claims.json)),
        Refusal(
            .signatureInvalid,
            "of another token",
            swapped(good, Keys.rsa.token(claims.with("x", "1").json))
        ),
        Refusal(
            .signatureInvalid,
            "cut short",
            encode(#"{"alg":"RS256","kid":"rsa-1"}"#, claims.json, "AAAA")
        ),
        Refusal(
            .signatureInvalid,
            "RS256 said, PS256 done",
            Keys.rsa.token(claims.json, header: #"{"alg":"RS256","kid":"rsa-1"}"#, algorithm: .ps256)
        ),
        Refusal(.issuerUnknown, "another issuer", claims.with("iss", #""https://evil.example""#)),
        Refusal(.issuerUnknown, "a slash more", claims.with("iss", "\"\(World.poolURL)/\"")),
        Refusal(.issuerUnknown, "another case", claims.with("iss", "\"\(World.poolURL.uppercased())\"")),
        Refusal(.claimMissing(.issuer), "no issuer", claims.with("iss", nil)),
        Refusal(.claimInvalid(.issuer), "a list of issuers", claims.with("iss", "[\"\(World.poolURL)\"]")),
    ]

    static func swapped(_ token: [UInt8], _ other: [UInt8]) -> [UInt8] {
        let signature = other[(other.lastIndex(of: 0x2E) ?? 0)...]
        return Array(token[..<(token.lastIndex(of: 0x2E) ?? 0)]) + signature
    }

    static let times: [Refusal] = [
        Refusal(.tokenExpired, "just", claims.with("exp", "1799999970")),
        Refusal(.tokenExpired, "long ago", claims.with("exp", "1")),
        Refusal(.tokenExpired, "before time", claims.with("exp", "-1e18")),
        Refusal(.claimMissing(.expiry), "never", claims.with("exp", nil)),
        Refusal(.claimInvalid(.expiry), "as text", claims.with("exp", #""1800003600""#)),
        Refusal(.claimInvalid(.expiry), "beyond numbers", claims.with("exp", "1e400")),
        Refusal(.claimInvalid(.expiry), "null", claims.with("exp", "null")),
        Refusal(.tokenNotYetValid, "nbf", claims.with("nbf", "1800000031")),
        Refusal(.tokenNotYetValid, "iat", claims.with("iat", "1800000031")),
        Refusal(.claimInvalid(.notBefore), "nbf as text", claims.with("nbf", #""0""#)),
        Refusal(.claimInvalid(.issuedAt), "iat true", claims.with("iat", "true")),
    ]

    static let audiences: [Refusal] = [
        Refusal(.audienceMismatch, "another", claims.with("aud", #""somebody""#)),
        Refusal(.audienceMismatch, "a longer one", claims.with("aud", #""app-client2""#)),
        Refusal(.audienceMismatch, "an empty list", claims.with("aud", "[]")),
        Refusal(.claimMissing(.audience), "none", claims.with("aud", nil)),
        Refusal(.claimInvalid(.audience), "a number", claims.with("aud", "1")),
        Refusal(.claimInvalid(.audience), "numbers", claims.with("aud", #"["app-client",1]"#)),
        Refusal(.tokenUseMismatch, "access for id", claims.with("token_use", #""access""#)),
        Refusal(.tokenUseMismatch, "other", claims.with("token_use", #""refresh""#)),
        Refusal(.claimMissing(.tokenUse), "no use", claims.with("token_use", nil)),
        Refusal(.claimInvalid(.tokenUse), "use a list", claims.with("token_use", #"["id"]"#)),
        Refusal(.tokenUseMismatch, "id for access", World.accessClaims.with("token_use", #""id""#)),
        Refusal(.claimMissing(.clientID), "no client", World.accessClaims.with("client_id", nil)),
        Refusal(.audienceMismatch, "other client", World.accessClaims.with("client_id", #""x""#)),
        Refusal(
            .audienceMismatch,
            "other-client's token at an issuer that lists it not",
            World.accessClaims.with("client_id", #""other-client""#)
        ),
        Refusal(
            .claimMissing(.tenant),
            "an access token without custom claims",
            World.accessClaims.with("custom:tenant_id", nil).with("custom:tier", nil)
        ),
    ]

    static let people: [Refusal] = [
        Refusal(.claimMissing(.tenant), "none", claims.with("custom:tenant_id", nil)),
        Refusal(.claimInvalid(.tenant), "a list", claims.with("custom:tenant_id", #"["clinic"]"#)),
        Refusal(.claimInvalid(.tenant), "empty", claims.with("custom:tenant_id", #""""#)),
        Refusal(.claimInvalid(.tenant), "a path", claims.with("custom:tenant_id", #""../hospital""#)),
        Refusal(.claimInvalid(.tenant), "a NUL", claims.with("custom:tenant_id", #""clinic\u0000""#)),
        Refusal(.tenantUnknown, "unknown", claims.with("custom:tenant_id", #""nowhere""#)),
        Refusal(.tenantUnknown, "another case", claims.with("custom:tenant_id", #""Clinic""#)),
        Refusal(.tenantUnknown, "the beginning of one", claims.with("custom:tenant_id", #""clini""#)),
        Refusal(.tenantSuspended, "suspended", claims.with("custom:tenant_id", #""closed""#)),
        Refusal(.issuerNotForTenant, "another issuer's", claims.with("custom:tenant_id", #""foreign""#)),
        Refusal(.groupNotForTenant, "not in its group", claims.with("custom:tenant_id", #""grouped""#)),
        Refusal(.claimMissing(.user), "no user", claims.with("sub", nil)),
        Refusal(.claimInvalid(.user), "empty user", claims.with("sub", #""""#)),
        Refusal(.claimInvalid(.user), "a space behind", claims.with("sub", #""bob ""#)),
        Refusal(.claimInvalid(.user), "a space before", claims.with("sub", #"" bob""#)),
        Refusal(.claimInvalid(.user), "a line break", claims.with("sub", #""a\r\nx-tenant-id: b""#)),
        Refusal(
            .claimInvalid(.user),
            "too long",
            claims.with("sub", "\"" + String(repeating: "u", count: 256) + "\"")
        ),
        Refusal(.claimInvalid(.groups), "groups as text", claims.with("cognito:groups", #""admins""#)),
        Refusal(.claimInvalid(.groups), "groups of numbers", claims.with("cognito:groups", "[1]")),
        Refusal(.claimInvalid(.groups), "groups null", claims.with("cognito:groups", "null")),
        Refusal(
            .tokenMalformed,
            "a tag that is not one value",
            claims.with("department", #"{"a":1,"a":2}"#)
        ),
        Refusal(.claimMissing(.tier), "no tier", claims.with("custom:tier", nil)),
        Refusal(.tierUnknown, "unknown tier", claims.with("custom:tier", #""gold""#)),
        Refusal(
            .claimsTooLarge,
            "more groups than a handle carries",
            claims.with(
                "cognito:groups",
                "[" + (0..<58).map { "\"\($0)\(String(repeating: "g", count: 88))\"" }.joined(separator: ",")
                    + "]"
            )
        ),
    ]

    @Test(arguments: form + headers) func byForm(_ refusal: Refusal) throws {
        #expect(try World().failure(refusal.token) == refusal.failure)
    }

    @Test(arguments: signatures + times + audiences + people) func byContent(_ refusal: Refusal) throws {
        let world = try World()
        #expect(try world.failure(refusal.token) == refusal.failure)
        #expect(world.authenticator.cachedTokens == 0)
    }

    @Test func groupThatTheTenantAsksFor() throws {
        let claims = World.idClaims.with("custom:tenant_id", #""grouped""#)
            .with("cognito:groups", #"["x","grouped-staff"]"#)
        #expect(try World().principal(Keys.rsa.token(claims.json)).tenant.text == "grouped")
    }

    /// THREATS 16.
    @Test func callersCannotTellWhyATenantIsRefused() throws {
        let codes = try ["nowhere", "closed", "foreign", "grouped"].map { tenant in
            let token = Keys.rsa.token(World.idClaims.with("custom:tenant_id", "\"\(tenant)\"").json)
            let failure = try World().failure(token)
            return "\(failure.callerCode) \(failure.answer)"
        }
        #expect(Set(codes) == ["tenant_refused forbidden"])
    }

    @Test func codesAreStableAndDistinct() {
        let codes = IdentityFailure.all.map { "\($0.code)" }
        #expect(Set(codes).count == codes.count)
        let legal = codes.allSatisfy { $0.utf8.allSatisfy { ($0 >= 0x61 && $0 <= 0x7A) || $0 == 0x5F } }
        #expect(legal)
        #expect(
            IdentityFailure.claimMissing(.tier).claim == .tier && IdentityFailure.tokenMissing.claim == nil
        )
        #expect(IdentityFailure.keysUnavailable.answer == .unavailable)
        #expect(IdentityFailure.tokenExpired.answer == .unauthenticated)
        #expect(IdentityFailure.handleForeign.callerCode.bytes.string() == "handle_refused")
        #expect(Set(Claim.allCases.map { "\($0.name)" }).count == Claim.allCases.count)
    }
}

@Suite struct TierDriftTests {
    static func token(_ tenant: String, _ tier: String) -> [UInt8] {
        Keys.rsa.token(
            World.idClaims.with("custom:tenant_id", "\"\(tenant)\"").with("custom:tier", "\"\(tier)\"").json
        )
    }

    @Test(arguments: [
        ("clinic", "premium", "basic"), ("hospital", "basic", "basic"), ("hospital", "standard", "standard"),
    ])
    func lesserIsServed(_ tenant: String, _ claimed: String, _ served: String) throws {
        let principal = try World(drift: .lesser).principal(Self.token(tenant, claimed))
        #expect(principal.tier.name == served && principal.isTierDrifted)
    }

    @Test func refusedWhereItIsSaid() throws {
        let world = try World(drift: .refuse)
        #expect(try world.failure(Self.token("clinic", "premium")) == .tierDrift)
        #expect(try world.failure(Self.token("hospital", "basic")) == .tierDrift)
        #expect(try !world.principal(Self.token("hospital", "premium")).isTierDrifted)
    }
}

@Suite struct ClaimsModeTests {
    @Test func anyLegalTenantExistsWithItsTier() throws {
        let world = try World(mode: .claims)
        let token = Keys.rsa.token(World.idClaims.with("custom:tenant_id", #""anybody""#).json)
        let principal = try world.principal(token)
        #expect(principal.tenant.text == "anybody" && principal.tier.name == "basic")
        try world.suspend("anybody")
        #expect(try world.failure(token) == .tenantSuspended)
        try world.resume("anybody")
        #expect(try world.principal(token).tenantEpoch != principal.tenantEpoch)
    }

    @Test func needsExactlyOneIssuer() throws {
        let world = try World()
        #expect(throws: IdentitySnapshot.Problem.claimsModeNeedsOneIssuer) {
            try IdentitySnapshot(
                generation: 1,
                issuers: World.issuers(),
                tiers: world.snapshot.tiers,
                tenants: TenantRegistry(mode: .claims, entries: []),
                keys: world.snapshot.keys
            )
        }
        #expect(throws: IdentitySnapshot.Problem.keysOfAnotherTable) {
            try IdentitySnapshot(
                generation: 1,
                issuers: World.issuers(),
                tiers: world.snapshot.tiers,
                tenants: world.snapshot.tenants,
                keys: KeyRing(issuers: 1)
            )
        }
    }
}
