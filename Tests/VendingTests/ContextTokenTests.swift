// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import JSON
import Testing
import Vending

private let now = WallTime(nanoseconds: 1_800_000_000_750_000_000)

private let subject = ContextSubject(
    tenant: "clinic",
    tier: "basic",
    user: "Zoë \"Z\"",
    userIssuer: "https://idp.example",
    groups: ["nurses"],
    tokenID: "00ff",
    session: "bhs2-abc",
    expiry: WallTime(seconds: 1_800_000_600)
)

/// A token's parts, decoded, as an upstream that knows only the key set reads them.
private struct Read {
    let header: JSONObject
    let claims: JSONObject
    let keyThatVerifies: String?

    init(_ token: [UInt8], keys: JSONValue) throws {
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map {
            Array($0)
        }
        try #require(parts.count == 3)
        func decode(_ part: [UInt8]) throws -> [UInt8] {
            let bytes = Base64URL.decode(part.span)
            return try #require(bytes)
        }
        func object(_ part: [UInt8]) throws -> JSONObject {
            let bytes = try decode(part)
            return try #require(try JSONValue.parse(bytes.span).object)
        }
        header = try object(parts[0])
        claims = try object(parts[1])
        let signature = try decode(parts[2])
        let message = Array((parts[0] + [UInt8(ascii: ".")] + parts[1]))
        var found: String? = nil
        for key in keys.object?["keys"]?.array ?? [] {
            let members = try #require(key.object)
            let x = try decode(Array((members["x"]?.string ?? "").utf8))
            let verification = try VerificationKey(ed25519: x.span)
            if verification.verify(.edDSA, message: message.span, signature: signature.span) {
                found = members["kid"]?.string
            }
        }
        keyThatVerifies = found
    }
}

@Suite struct ContextTokenTests {
    private func keySet(_ keys: [SigningKey]) throws -> JSONValue {
        var output = Buffer()
        ContextSigner.writeKeySet(keys, into: &output)
        return try JSONValue.parse(output.bytes)
    }

    private func sign(_ signer: ContextSigner, _ subject: ContextSubject = subject) throws -> [UInt8] {
        var output = Buffer()
        try signer.sign(subject, audience: "agent", id: [16 of UInt8](repeating: 9), now: now, into: &output)
        return output.bytes.array()
    }

    @Test func anUpstreamVerifiesItWithTheKeySetAlone() throws {
        let current = try SigningKey.generate(.ed25519)
        let former = try SigningKey.generate(.ed25519)
        let signer = ContextSigner(key: current, issuer: "bulkhead")
        let token = try sign(signer)
        let read = try Read(token, keys: keySet([former, current]))
        #expect(read.keyThatVerifies == signer.keyID && read.header["kid"]?.string == signer.keyID)
        #expect(read.header["alg"]?.string == "EdDSA" && read.header["typ"]?.string == "JWT")
        #expect(read.claims["iss"]?.string == "bulkhead" && read.claims["aud"]?.string == "agent")
        #expect(read.claims["sub"]?.string == "Zoë \"Z\"")
        #expect(read.claims["iat"]?.integer == 1_800_000_000 && read.claims["nbf"]?.integer == 1_800_000_000)
        #expect(read.claims["exp"]?.integer == 1_800_000_060)
        #expect(read.claims["jti"]?.string == Base64URL.encode([UInt8](repeating: 9, count: 16).span))
        #expect(read.claims["tenant_id"]?.string == "clinic" && read.claims["tier"]?.string == "basic")
        #expect(read.claims["user_issuer"]?.string == "https://idp.example")
        #expect(read.claims["groups"]?.strings == ["nurses"] && read.claims["token_id"]?.string == "00ff")
        #expect(read.claims["session_id"]?.string == "bhs2-abc")
        let keys = try keySet([former]).object?["keys"]?.array?.first?.object
        #expect(keys?["use"]?.string == "sig" && keys?["alg"]?.string == "EdDSA" && keys?["d"] == nil)
        #expect(try Read(token, keys: keySet([former])).keyThatVerifies == nil)
    }

    @Test func withoutASession() throws {
        var other = subject
        other.session = nil
        let key = try SigningKey.generate(.ed25519)
        let read = try Read(sign(ContextSigner(key: key, issuer: "b"), other), keys: keySet([key]))
        #expect(read.claims["session_id"] == nil)
    }

    @Test func neverOutlivesThePrincipal() throws {
        let key = try SigningKey.generate(.ed25519)
        let signer = ContextSigner(key: key, issuer: "b", lifetime: .seconds(3600 * 24))
        let read = try Read(sign(signer), keys: keySet([key]))
        #expect(read.claims["exp"]?.integer == 1_800_000_600)
        var long = subject
        long.expiry = now + .seconds(1_000_000)
        let capped = signer.validity(long, now: now)
        #expect(capped.expiry == now + .seconds(3600) && capped.renewAt == now + .seconds(1800))
    }

    @Test func isRenewedAtHalfOfItsLife() throws {
        let key = try SigningKey.generate(.ed25519)
        let signer = ContextSigner(key: key, issuer: "b", lifetime: .seconds(60))
        let validity = signer.validity(subject, now: now)
        #expect(validity.renewAt == now + .seconds(30) && validity.expiry == now + .seconds(60))
    }

    @Test func theDerivedKeyIsStableAndItsOwn() throws {
        let secret = Secret(copying: Array("0123456789abcdef0123456789abcdef".utf8).span)
        let other = Secret(copying: Array("fedcba9876543210fedcba9876543210".utf8).span)
        let keys = try [secret, secret, other].map { try ContextSigner.key(from: $0).publicMembers }
        #expect(keys[0] == keys[1] && keys[0] != keys[2])
    }

    @Test func signsWithWhateverKeyIsConfigured() throws {
        let key = try SigningKey.generate(.ec(.p256))
        let token = try sign(ContextSigner(key: key, issuer: "b"))
        let parts = token.split(separator: UInt8(ascii: ".")).map { Array($0) }
        let last = parts[2]
        let signature = Base64URL.decode(last.span) ?? []
        let message = parts[0] + [UInt8(ascii: ".")] + parts[1]
        let publicKey = try key.verificationKey()
        let verified = publicKey.verify(
            .es256,
            message: message.span,
            signature: signature.span
        )
        #expect(verified)
    }
}
