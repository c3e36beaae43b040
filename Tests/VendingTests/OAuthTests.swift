// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import JSON
import Testing
import Vending

private let subject = VendSubject(tenant: "clinic", tier: "basic", user: "ann admin,\"ü%", issuer: "pool")

@Suite struct OAuthRequestTests {
    private func form(_ plan: OAuthPlan, _ token: String = "") -> String {
        let form = plan.form(subject, subjectToken: Array(token.utf8).span)
        return String(decoding: form.bytes, as: UTF8.self)
    }

    @Test func clientCredentials() {
        let plan = OAuthPlan(
            grant: .clientCredentials,
            clientID: VendTemplate([.literal("bulkhead")]),
            parameters: [
                ("scope", VendTemplate([.literal("read tenant:"), .tenant])),
                ("audience", VendTemplate([.literal("https://crm.example/"), .tenant])),
            ]
        )
        #expect(
            form(plan)
                == "grant_type=client_credentials&scope=read%20tenant%3Aclinic&audience=https%3A%2F%2Fcrm.example%2Fclinic"
        )
        #expect(!plan.isPerUser)
    }

    @Test func tokenExchange() {
        let plan = OAuthPlan(
            grant: .tokenExchange(type: "jwt", requested: "access_token"),
            clientID: VendTemplate([.tenant]),
            parameters: []
        )
        let prefix = "urn%3Aietf%3Aparams%3Aoauth%3A"
        #expect(
            form(plan, "a.b&c")
                == "grant_type=\(prefix)grant-type%3Atoken-exchange&subject_token=a.b%26c&subject_token_type=\(prefix)token-type%3Ajwt"
                + "&requested_token_type=\(prefix)token-type%3Aaccess_token"
        )
    }

    /// A user's name is one word of a scope, whatever it holds.
    @Test func holesStayOneWord() {
        let template = VendTemplate([.literal("u:"), .user, .literal(" read")])
        #expect(
            String(decoding: template.filled(subject), as: UTF8.self) == "u:ann%20admin%2C%22%C3%BC%25 read"
        )
        #expect(template.isPerUser)
        let plan = OAuthPlan(
            grant: .clientCredentials,
            clientID: VendTemplate([.issuer]),
            parameters: []
        )
        #expect(plan.isPerUser)
    }

    /// RFC 6749 §2.3.1: what stands in a form stands so in the header.
    @Test func clientsShowThemselves() {
        let basic = OAuthForm.basic(client: Array("a b:c".utf8), secret: Array("p%:ü".utf8).span)
        var expected = Buffer()
        expected.append("Basic ")
        Base64.encode(Array("a%20b%3Ac:p%25%3A%C3%BC".utf8).span, into: &expected)
        #expect(basic == expected.bytes.array())
        var form = OAuthForm()
        form.add(client: Array("id".utf8), secret: Array("s&x".utf8).span)
        #expect(String(decoding: form.bytes, as: UTF8.self) == "client_id=id&client_secret=s%26x")
    }

    @Test func anAssertionIsSignedForItsServer() throws {
        let key = try SigningKey.generate(.ed25519)
        let now = WallTime(seconds: 1_800_000_000)
        let assertion = ClientAssertion(key: key, audience: "https://idp.example/token")
        let id = InlineArray<16, UInt8>(repeating: 7)
        let token = try assertion.sign(client: Array("bulk\"head".utf8), id: id, now: now)
        let parts = token.bytes.array().split(separator: UInt8(ascii: ".")).map(Array.init)
        try #require(parts.count == 3)
        let claims = try object(parts[1])
        #expect(claims["iss"]?.string == "bulk\"head" && claims["sub"]?.string == "bulk\"head")
        #expect(claims["aud"]?.string == "https://idp.example/token")
        #expect(claims["iat"] == .integer(1_800_000_000) && claims["exp"] == .integer(1_800_000_060))
        #expect(claims["jti"]?.string == "BwcHBwcHBwcHBwcHBwcHBw")
        let header = try object(parts[0])
        #expect(header["alg"]?.string == "EdDSA" && header["kid"]?.string == key.thumbprint)
        let message = Array(parts[0] + [UInt8(ascii: ".")] + parts[1])
        let signature = try decode(parts[2])
        let verification = try key.verificationKey()
        let isVerified = verification.verify(.edDSA, message: message.span, signature: signature.span)
        #expect(isVerified)
    }

    private func object(_ part: [UInt8]) throws -> JSONObject {
        let bytes = try decode(part)
        return try #require(try JSONValue.parse(bytes.span).object)
    }

    private func decode(_ part: [UInt8]) throws -> [UInt8] {
        let bytes = Base64URL.decode(part.span)
        return try #require(bytes)
    }
}

@Suite struct OAuthResponseTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var status = 200
        var type = "application/json"
        var body: String
        var mustBeBearer = true
        /// The token and its seconds, or the failure.
        var expected: String
        var testDescription: String { "\(status) \(type) \(body.prefix(80))" }
    }

    private static let good = #""access_token":"tok-1","token_type":"Bearer""#

    static let cases: [Case] = [
        Case(body: "{\(good),\"expires_in\":60}", expected: "tok-1 60"),
        Case(
            type: "application/JSON; charset=UTF-8",
            body: "{\(good),\"expires_in\":60}",
            expected: "tok-1 60"
        ),
        Case(body: #"{"access_token":"t","token_type":"bearer","expires_in":60,"x":[1]}"#, expected: "t 60"),
        Case(body: "{\(good)}", expected: "tok-1 120"),
        // What nobody may promise.
        Case(body: "{\(good),\"expires_in\":3600}", expected: "tok-1 900"),
        Case(body: "{\(good),\"expires_in\":9223372036854775807}", expected: "tok-1 900"),
        Case(body: "{\(good),\"expires_in\":92233720368547758070}", expected: "unavailable"),
        Case(body: "{\(good),\"expires_in\":0}", expected: "unavailable"),
        Case(body: "{\(good),\"expires_in\":-1}", expected: "unavailable"),
        Case(body: "{\(good),\"expires_in\":1.5}", expected: "unavailable"),
        Case(body: "{\(good),\"expires_in\":\"60\"}", expected: "unavailable"),
        Case(body: "{\(good),\"expires_in\":null}", expected: "unavailable"),
        Case(body: "{\(good),\"access_token\":\"other\"}", expected: "unavailable"),
        Case(body: "{\(good)} ", expected: "tok-1 120"),
        Case(body: "{\(good)}{}", expected: "unavailable"),
        Case(body: "[]", expected: "unavailable"),
        Case(body: "", expected: "unavailable"),
        Case(body: "access_token=t&token_type=bearer", expected: "unavailable"),
        Case(type: "text/html", body: "{\(good)}", expected: "unavailable"),
        Case(type: "", body: "{\(good)}", expected: "unavailable"),
        Case(body: #"{"token_type":"Bearer"}"#, expected: "unavailable"),
        Case(body: #"{"access_token":7,"token_type":"Bearer"}"#, expected: "unavailable"),
        Case(body: #"{"access_token":"","token_type":"Bearer"}"#, expected: "unavailable"),
        Case(body: #"{"access_token":"a b","token_type":"Bearer"}"#, expected: "unavailable"),
        Case(body: #"{"access_token":"a\r\nx-admin: 1","token_type":"Bearer"}"#, expected: "unavailable"),
        Case(body: #"{"access_token":"é","token_type":"Bearer"}"#, expected: "unavailable"),
        Case(body: #"{"access_token":"t"}"#, expected: "unavailable"),
        Case(body: #"{"access_token":"t","token_type":"DPoP"}"#, expected: "unavailable"),
        Case(body: #"{"access_token":"t","token_type":"mac"}"#, mustBeBearer: false, expected: "unavailable"),
        Case(body: #"{"access_token":"t","token_type":"N_A"}"#, expected: "unavailable"),
        Case(body: #"{"access_token":"t","token_type":"N_A"}"#, mustBeBearer: false, expected: "t 120"),
        Case(status: 201, body: "{\(good)}", expected: "unavailable"),
        Case(status: 302, body: "{\(good)}", expected: "unavailable"),
        Case(status: 400, body: #"{"error":"invalid_scope"}"#, expected: "denied invalid_scope"),
        Case(
            status: 401,
            body: #"{"error":"invalid_client","error_description":"secret s3"}"#,
            expected: "denied invalid_client"
        ),
        Case(status: 400, body: #"{"error":"forged\u001b[31m"}"#, expected: "denied no known reason"),
        Case(status: 403, body: "<html>", expected: "denied no known reason"),
        Case(status: 400, body: #"{"error":"slow_down"}"#, expected: "throttled"),
        Case(status: 429, body: "", expected: "throttled"),
        Case(status: 400, body: #"{"error":"temporarily_unavailable"}"#, expected: "unavailable"),
        Case(status: 404, body: "", expected: "unavailable"),
        Case(status: 500, body: #"{"error":"invalid_client"}"#, expected: "unavailable"),
    ]

    @Test(arguments: cases)
    func answersAreReadStrictly(_ one: Case) {
        let rules = OAuthResponse.Rules(
            defaultLifetime: .seconds(120),
            maximumLifetime: .seconds(900),
            mustBeBearer: one.mustBeBearer
        )
        #expect(read(one.body, one.status, one.type, rules) == one.expected)
    }

    @Test func tokensThatFillAHeadAreNone() {
        let rules = OAuthResponse.Rules(
            defaultLifetime: .seconds(120),
            maximumLifetime: .seconds(900),
            mustBeBearer: true
        )
        for (count, fits) in [
            (OAuthResponse.maximumTokenBytes, true), (OAuthResponse.maximumTokenBytes + 1, false),
        ] {
            let token = String(repeating: "t", count: count)
            let text = read(
                #"{"access_token":"\#(token)","token_type":"Bearer"}"#,
                200,
                "application/json",
                rules
            )
            #expect((text == "\(token) 120") == fits)
        }
        let large = "{\(Self.good),\"x\":\"\(String(repeating: "x", count: OAuthResponse.maximumBytes))\"}"
        #expect(read(large, 200, "application/json", rules) == "unavailable")
        let deep =
            "{\(Self.good),\"x\":" + String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
            + "}"
        #expect(read(deep, 200, "application/json", rules) == "unavailable")
    }

    private func read(_ body: String, _ status: Int, _ type: String, _ rules: OAuthResponse.Rules) -> String {
        do throws(OAuthFailure) {
            let bytes = Array(body.utf8)
            let contentType = Array(type.utf8)
            let token = try OAuthResponse.read(
                bytes.span,
                status: status,
                contentType: contentType.span,
                rules
            )
            #expect("\(token.secret)" == "<redacted>")
            let text = String(decoding: token.secret.bytes.array(), as: UTF8.self)
            return "\(text) \(token.lifetime.nanoseconds / 1_000_000_000)"
        } catch {
            switch error {
            case .denied(let code): return "denied \(code)"
            case .throttled: return "throttled"
            case .unavailable: return "unavailable"
            }
        }
    }
}
