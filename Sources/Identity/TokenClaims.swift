// SPDX-License-Identifier: Apache-2.0
import Bytes
import JSON

/// The claims of one token as its payload has them, read by name and type.
struct TokenClaims: ~Escapable {
    private let bytes: Span<UInt8>
    private let members: JSONMembers

    /// - Parameter members: read from `bytes`.
    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>, _ members: JSONMembers) {
        self.bytes = bytes
        self.members = members
    }

    /// The text of a string claim; nil where there is none.
    func text(_ name: String, _ claim: Claim) throws(IdentityFailure) -> String? {
        guard let member = members.find(name.utf8Span.span, in: bytes) else { return nil }
        guard case .string(let range, let escaped) = member.token else { throw .claimInvalid(claim) }
        return JSONText.string(bytes, range, escaped: escaped)
    }

    func requiredText(_ name: String, _ claim: Claim) throws(IdentityFailure) -> String {
        guard let text = try text(name, claim) else { throw .claimMissing(claim) }
        return text
    }

    /// A NumericDate (RFC 7519 §2), fractions cut off; nil where there is none.
    func time(_ name: StaticString, _ claim: Claim) throws(IdentityFailure) -> WallTime? {
        guard let member = members.find(name, in: bytes) else { return nil }
        guard case .number(let range) = member.token, let seconds = try? JSONNumber.decimal(bytes, range)
        else {
            throw .claimInvalid(claim)
        }
        return WallTime(seconds: seconds)
    }

    /// An array of strings; nil where there is none.
    func texts(_ name: String, _ claim: Claim) throws(IdentityFailure) -> [String]? {
        guard let member = members.find(name.utf8Span.span, in: bytes) else { return nil }
        guard case .beginArray = member.token,
            let value = try? JSONValue.parse(bytes.extracting(member.value)),
            let texts = value.strings
        else { throw .claimInvalid(claim) }
        return texts
    }

    /// The audiences: one string, or an array of them (RFC 7519 §4.1.3).
    func audiences() throws(IdentityFailure) -> [String] {
        guard let member = members.find("aud", in: bytes) else { throw .claimMissing(.audience) }
        if case .string = member.token { return [try requiredText("aud", .audience)] }
        return try texts("aud", .audience) ?? []
    }

    /// Any value, read strictly; nil where there is none.
    func value(_ name: String, _ claim: Claim) throws(IdentityFailure) -> JSONValue? {
        guard let member = members.find(name.utf8Span.span, in: bytes) else { return nil }
        guard let value = try? JSONValue.parse(bytes.extracting(member.value)) else {
            throw .claimInvalid(claim)
        }
        return value
    }

    /// The place of the issuer that `iss` names exactly.
    func issuer(in table: IssuerTable) throws(IdentityFailure) -> Int {
        let url = try requiredText("iss", .issuer)
        guard let place = table.place(url: url.utf8Span.span) else { throw .issuerUnknown }
        return place
    }
}
