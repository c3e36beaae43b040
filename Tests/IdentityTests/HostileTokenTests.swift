// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import Identity
import JSON
import TestSupport
import Testing

/// Tokens that another reader may take for something else. Each has one right answer here.
@Suite struct HostileTokenTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let token: [UInt8]
        let failure: IdentityFailure
        init(_ failure: IdentityFailure, _ name: String, _ token: [UInt8]) {
            (self.failure, self.name, self.token) = (failure, name, token)
        }
        /// Claims as raw text, signed by the right key.
        init(_ failure: IdentityFailure, claims name: String, _ json: String) {
            self.init(failure, name, Keys.rsa.token(json))
        }
        init(_ failure: IdentityFailure, header: String) {
            self.init(failure, header, Keys.rsa.token(World.idClaims.json, header: header))
        }
        var testDescription: String { "\(failure.code): \(name)" }
    }

    private static let good = Keys.rsa.token(World.idClaims.json)
    private static let claims = World.idClaims
    private static let header = #"{"alg":"RS256","kid":"rsa-1"}"#

    /// The parts of the good token, one of them changed.
    private static func changed(_ part: Int, _ change: ([UInt8]) -> [UInt8]) -> [UInt8] {
        var parts = good.split(separator: 0x2E, omittingEmptySubsequences: false).map(Array.init)
        parts[part] = change(parts[part])
        return Array(parts.joined(separator: [0x2E]))
    }

    /// The next value of the last character's unused bits: decoders that ignore those read the same bytes.
    private static func withUnusedBits(_ part: [UInt8]) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        guard let last = part.last, let value = alphabet.firstIndex(of: last) else { return part }
        return part.dropLast() + [alphabet[value ^ 1]]
    }

    private static let names = ["header", "payload", "signature"]

    static let encodings: [Case] = (0..<3).flatMap { part in
        [
            Case(.tokenMalformed, "\(names[part]): one padding", changed(part) { $0 + [0x3D] }),
            Case(.tokenMalformed, "\(names[part]): two paddings", changed(part) { $0 + [0x3D, 0x3D] }),
            Case(.tokenMalformed, "\(names[part]): a line feed", changed(part) { $0 + [0x0A] }),
            Case(
                .tokenMalformed,
                "\(names[part]): CR LF within",
                changed(part) { $0.prefix(4) + [13, 10] + $0.dropFirst(4) }
            ),
            Case(.tokenMalformed, "\(names[part]): a space before", changed(part) { [0x20] + $0 }),
            Case(
                .tokenMalformed,
                "\(names[part]): a tab within",
                changed(part) { $0.prefix(2) + [9] + $0.dropFirst(2) }
            ),
            Case(.tokenMalformed, "\(names[part]): NUL", changed(part) { $0 + [0] }),
            Case(
                .tokenMalformed,
                "\(names[part]): the other alphabet",
                changed(part) { [0x2B, 0x2F] + $0.dropFirst(2) }
            ),
            Case(
                .tokenMalformed,
                "\(names[part]): percent",
                changed(part) { Array("%65".utf8) + $0.dropFirst() }
            ),
            Case(.tokenMalformed, "\(names[part]): a byte over 127", changed(part) { [0xC3, 0xA9] + $0 }),
            Case(
                .tokenMalformed,
                "\(names[part]): a length that no bytes have",
                changed(part) { _ in Array("AAAAA".utf8) }
            ),
        ]
    }

    /// RSA signatures of 256 bytes end in a character with four unused bits; header and payload are made to.
    static let unusedBits: [Case] = [
        Case(.tokenMalformed, "unused bits of the signature", changed(2, withUnusedBits)),
        Case(
            .tokenMalformed,
            "unused bits of the header",
            changed(0) { _ in withUnusedBits(text(#"{"alg":"RS256"} "#)) }
        ),
        Case(
            .tokenMalformed,
            "unused bits of the payload",
            changed(1) { _ in withUnusedBits(text(#"{"iss":"abcde"}"# + " ")) }
        ),
    ]

    private static func text(_ json: String) -> [UInt8] { Array(Base64URL.encode(json.utf8Span.span).utf8) }

    static let forms: [Case] = [
        Case(
            .tokenMalformed,
            "flattened JSON",
            Array(#"{"payload":"e30","protected":"e30","signature":"AA"}"#.utf8)
        ),
        Case(
            .tokenMalformed,
            "general JSON",
            Array(#"{"payload":"e30","signatures":[{"protected":"e30","signature":"AA"}]}"#.utf8)
        ),
        Case(.tokenMalformed, "JWE", Array("eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..AAAA.AAAA.AAAA".utf8)),
        Case(.tokenMalformed, "detached payload", changed(1) { _ in [] }),
        Case(.tokenMalformed, "three empty parts", Array("..".utf8)),
        Case(.tokenMalformed, "a quoted token", [0x22] + good + [0x22]),
        Case(.tokenMalformed, "two tokens with a comma", good + [0x2C] + good),
        Case(.tokenMalformed, "the word Bearer twice", Array("Bearer ".utf8) + good),
        Case(
            .tokenMalformed,
            "no signature and no dot",
            good.split(separator: 0x2E).dropLast().joined(separator: [0x2E]).map(\.self)
        ),
        Case(
            .algorithmRefused,
            "unsecured (RFC 7515 A.5)",
            text(#"{"alg":"none"}"#) + [0x2E] + text(claims.json) + [0x2E]
        ),
        Case(.tokenMalformed, "no signature for RS256", text(header) + [0x2E] + text(claims.json) + [0x2E]),
        Case(.tokenMalformed, "a token in a token", Keys.rsa.token(String(decoding: good, as: UTF8.self))),
        Case(.tokenMalformed, "9 KiB of dots", [UInt8](repeating: 0x2E, count: 9 << 10)),
        Case(.tokenMalformed, "9 KiB of letters", [UInt8](repeating: 0x41, count: 9 << 10)),
    ]

    static let headers: [Case] = [
        Case(.headerRefused, header: #"{"alg":"RS256","kid":"rsa-1","b64":false,"crit":["b64"]}"#),
        Case(.headerRefused, header: #"{"alg":"RS256","kid":"rsa-1","b64":true}"#),
        Case(.headerRefused, header: #"{"alg":"RS256","kid":"rsa-1","crit":[]}"#),
        Case(.headerRefused, header: #"{"alg":"RS256","kid":"rsa-1","jku":null}"#),
        Case(.headerRefused, header: #"{"alg":"RS256","kid":"rsa-1","zip":null}"#),
        Case(.headerRefused, header: #"{"alg":"RS256","kid":"rsa-1","typ":null}"#),
        Case(.headerRefused, header: #"{"alg":"RS256","kid":"rsa-1","typ":""}"#),
        Case(.headerRefused, header: #"{"alg":"RS256","kid":"rsa-1","typ":"JWT "}"#),
        Case(.headerRefused, header: #"{"alg":"RS256","kid":"rsa-1","typ":"JWE"}"#),
        Case(.headerRefused, header: #"{"alg":"RS256","kid":"rsa-1","typ":"secevent+jwt"}"#),
        Case(.headerRefused, header: #"{"alg":"RS256","kid":"rsa-1","typ":"oauth-authz-req+jwt"}"#),
        Case(.headerRefused, header: #"{"alg":"RS256","kid":"rsa-1","typ":"J\u0057T"}"#),
        Case(.headerRefused, header: #"{"alg":"RS256","kid":null}"#),
        Case(.headerRefused, header: #"{"alg":"RS256","kid":["rsa-1"]}"#),
        Case(.headerRefused, header: #"{"alg":"RS256","kid":"\#(String(repeating: "k", count: 257))"}"#),
        Case(.algorithmRefused, header: #"{"alg":"RS256 ","kid":"rsa-1"}"#),
        Case(.algorithmRefused, header: #"{"alg":"RS\u0032\u0035\u0036","kid":"rsa-1"}"#),
        Case(.algorithmRefused, header: #"{"alg":["RS256"],"kid":"rsa-1"}"#),
        Case(.algorithmRefused, header: #"{"Alg":"RS256","kid":"rsa-1"}"#),
        Case(.algorithmRefused, header: #"{"alg":"HS256","kid":"rsa-1"}"#),
        Case(.algorithmRefused, header: #"{"alg":"ES256K","kid":"rsa-1"}"#),
        Case(.algorithmRefused, header: #"{"alg":"RSA1_5","kid":"rsa-1"}"#),
        Case(.algorithmRefused, header: #"{"alg":"dir","enc":"A128GCM"}"#),
        Case(.algorithmRefused, header: "{}"),
        Case(.tokenMalformed, header: #"{"alg":"RS256","kid":"rsa-1","x":{"x":{"x":{"x":{}}}}}"#),
        Case(.tokenMalformed, header: #"{"alg":"RS256","kid":"rsa-1","kid":"rsa-1"}"#),
        Case(.tokenMalformed, header: #"{"alg":"RS256","kid":"rsa-1","x":{"a":1,"a":2}}"#),
        Case(.tokenMalformed, header: #"{"alg":"RS256","kid":"rsa-1",}"#),
        Case(.tokenMalformed, header: #"{'alg':'RS256','kid':'rsa-1'}"#),
        Case(.tokenMalformed, header: #"{"alg":"RS256","kid":"rsa-1"} x"#),
        Case(.tokenMalformed, header: #"{"alg":"RS256","kid":"rsa-1"}{}"#),
        Case(.tokenMalformed, header: "\u{FEFF}" + #"{"alg":"RS256","kid":"rsa-1"}"#),
        Case(.tokenMalformed, header: #"{"alg":"RS256","kid":"rsa-1"}"# + "\u{0}"),
        Case(.tokenMalformed, header: #"/**/{"alg":"RS256","kid":"rsa-1"}"#),
        Case(.tokenMalformed, header: #""RS256""#), Case(.tokenMalformed, header: "null"),
        Case(
            .tokenMalformed,
            header: #"{"alg":"RS256",\#((0..<32).map { #""a\#($0)":1"# }.joined(separator: ","))}"#
        ),
    ]

    private static func with(_ name: String, _ json: String) -> String { claims.with(name, json).json }
    private static func ending(_ text: String) -> String { claims.json.dropLast() + text }
    private static let deep = String(repeating: "[", count: 16) + String(repeating: "]", count: 16)

    static let documents: [Case] = [
        Case(.tokenMalformed, claims: "a duplicate deep within", ending(#","x":[{"a":1,"a":1}]}"#)),
        Case(.tokenMalformed, claims: "a duplicate that is not read", ending(#","x":1,"x":1}"#)),
        Case(.tokenMalformed, claims: "17 deep", ending(#","x":\#(deep)}"#)),
        Case(.tokenMalformed, claims: "BOM", "\u{FEFF}" + claims.json),
        Case(.tokenMalformed, claims: "NUL behind", claims.json + "\u{0}"),
        Case(.tokenMalformed, claims: "a comma too many", ending(",}")),
        Case(.tokenMalformed, claims: "a comment", "/* */" + claims.json),
        Case(.tokenMalformed, claims: "cut short", String(claims.json.dropLast())),
        Case(.tokenMalformed, claims: "an array", "[\(claims.json)]"),
        Case(.tokenMalformed, claims: "a line feed in a text", with("sub", "\"a\nb\"")),
        Case(.tokenMalformed, claims: "an escape that is none", with("sub", #""a\x41""#)),
        Case(.tokenMalformed, claims: "half a surrogate pair", with("sub", #""a\ud800""#)),
        Case(.tokenMalformed, claims: "a single quote", with("sub", "'ann'")),
        Case(.tokenMalformed, claims: "NaN", with("exp", "NaN")),
        Case(.tokenMalformed, claims: "Infinity", with("exp", "Infinity")),
        Case(.tokenMalformed, claims: "hexadecimal", with("exp", "0x7FFFFFFF")),
        Case(.tokenMalformed, claims: "a leading zero", with("exp", "01800003600")),
        Case(.tokenMalformed, claims: "a plus", with("exp", "+1800003600")),
        Case(.tokenMalformed, claims: "no digit before the point", with("exp", ".5")),
        Case(.tokenMalformed, claims: "no digit behind the point", with("exp", "1800003600.")),
        Case(.tokenMalformed, claims: "an exponent without digits", with("exp", "1e")),
    ]

    static let numbers: [Case] = [
        Case(.claimInvalid(.expiry), claims: "exp beyond 64 bits", with("exp", "9223372036854775808")),
        Case(.claimInvalid(.expiry), claims: "exp a huge exponent", with("exp", "1e99999999999999999999")),
        Case(.tokenExpired, claims: "exp nearly nothing", with("exp", "1e-99999999999999999999")),
        Case(.tokenExpired, claims: "exp minus zero", with("exp", "-0")),
        Case(.tokenExpired, claims: "exp the least there is", with("exp", "-9223372036854775808")),
        Case(.tokenExpired, claims: "exp a fraction too early", with("exp", "1799999970.999999999")),
        Case(.claimInvalid(.expiry), claims: "exp true", with("exp", "true")),
        Case(.claimInvalid(.expiry), claims: "exp in a list", with("exp", "[1800003600]")),
        Case(.claimInvalid(.expiry), claims: "exp an object", with("exp", #"{"$numberLong":"1800003600"}"#)),
        Case(.tokenNotYetValid, claims: "nbf the most there is", with("nbf", "9223372036854775807")),
        Case(.claimInvalid(.notBefore), claims: "nbf beyond 64 bits", with("nbf", "1e30")),
        Case(.tokenNotYetValid, claims: "iat far ahead", with("iat", "9e18")),
        Case(.claimInvalid(.issuedAt), claims: "iat beyond 64 bits", with("iat", "-1e30")),
        Case(.claimInvalid(.issuedAt), claims: "iat null", with("iat", "null")),
    ]

    @Test(arguments: encodings + unusedBits + forms + headers + documents + numbers)
    func isRefused(_ hostile: Case) throws {
        let world = try World()
        #expect(try world.failure(hostile.token) == hostile.failure)
        #expect(world.authenticator.cachedTokens == 0)
    }

    /// NumericDate allows fractions (RFC 7519 §2); they are cut off, which ends a token early, never late.
    @Test(arguments: [
        ("1799999971", true), ("1799999971.9", true), ("1.799999971e9", true), ("17999999710e-1", true),
        ("1799999970.9", false), ("1.79999997e9", false), ("1799999970.99999999999999999999999999", false),
    ])
    func fractionsOfASecond(_ exp: String, _ holds: Bool) throws {
        let token = Keys.rsa.token(Self.with("exp", exp))
        guard case .principal = try World().verify(token) else { return #expect(!holds) }
        #expect(holds)
    }

    /// A signature over other bytes than those that were sent: whatever is flipped, nobody is recognised.
    @Test func everyFlippedBitIsRefused() throws {
        let world = try World()
        var random = Seeded.printed()
        for _ in 0..<400 {
            var token = Self.good
            token[Int.random(in: token.indices, using: &random)] ^=
                1 << UInt8.random(in: 0..<8, using: &random)
            guard case .principal = world.verify(token) else { continue }
            Issue.record("a changed token: \(String(decoding: token, as: UTF8.self))")
        }
    }

    @Test func everyBeginningIsRefused() throws {
        let world = try World()
        for count in 0..<Self.good.count {
            guard case .principal = world.verify(Array(Self.good.prefix(count))) else { continue }
            Issue.record("\(count) bytes of a token")
        }
    }
}

/// What a token says in `typ`, and what its issuer makes (RFC 9068 §4).
@Suite struct TokenTypeTests {
    private static func world(_ types: [TokenType]) throws -> World {
        let world = try World()
        let issuer = try Issuer(
            name: "idp",
            profile: .oidc,
            url: "https://idp.example/",
            audiences: ["bulkhead"],
            algorithms: [.edDSA],
            tokenTypes: types,
            claims: ClaimNames(tenant: "tenant", tier: nil)
        )
        var keys = KeyRing(issuers: 1)
        keys.replace(issuer: 0, with: try Keys.set(Keys.edwards.jwk()), fetchedAt: World.now, staleAt: nil)
        world.snapshot = try IdentitySnapshot(
            generation: 2,
            issuers: IssuerTable([issuer]),
            tiers: world.snapshot.tiers,
            tenants: world.snapshot.tenants,
            keys: keys
        )
        return world
    }

    @Test(arguments: [
        (nil, TokenType.jwt), ("JWT", .jwt), ("jwt", .jwt), ("application/JWT", .jwt),
        ("at+jwt", .accessToken), ("AT+JWT", .accessToken), ("application/at+jwt", .accessToken),
    ])
    func isOneOfTwo(_ name: String?, _ type: TokenType) throws {
        let typ = name.map { #","typ":"\#($0)""# } ?? ""
        let header = #"{"alg":"EdDSA","kid":"ed-1"\#(typ)}"#
        let token = Keys.edwards.token(World.oidcClaims.json, header: header)
        #expect(throws: Never.self) { try Self.world(TokenType.allCases).principal(token) }
        #expect(throws: Never.self) { try Self.world([type]).principal(token) }
        let other = TokenType.allCases.filter { $0 != type }
        #expect(try Self.world(other).failure(token) == .tokenUseMismatch)
    }

    @Test func anIssuerMakesSome() {
        #expect(throws: Issuer.Problem.noTokenType) { try Self.world([]) }
    }
}
