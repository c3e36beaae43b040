// SPDX-License-Identifier: Apache-2.0
import Bytes
package import Configuration
import Crypto
import HTTPTypes
import Identity
import Telemetry
import Vending

/// What a route does with its credential, where that stands in the request by itself.
package struct CredentialUse: Sendable {
    /// For whom one credential is good.
    package enum Reach: Sendable {
        /// All of a tenant's whose tier is the same.
        case tenant
        case user
        /// One token's alone.
        case principal
    }

    package var injection: Configuration.Injection?
    package var reach: Reach
    /// The caller's own token is exchanged for it.
    package var takesToken: Bool

    package init(
        injection: Configuration.Injection? = nil,
        reach: Reach = .principal,
        takesToken: Bool = false
    ) {
        self.injection = injection
        self.reach = reach
        self.takesToken = takesToken
    }
}

/// A credential as it stands in the requests of a grant, and as it must never stand in a response (law 8).
struct InjectedCredential: Sendable {
    /// Name and value of a parameter, encoded; nil where it stands in a field.
    let parameter: Secret?
    /// The credential, and how it looks where it stands.
    private let forms: [Secret]

    /// Shorter texts stand anywhere by chance.
    private static let shortest = 8

    /// - Parameters:
    ///   - fields: gets the field that it stands in.
    ///   - user: of Basic authentication, its holes filled; nil where the credential has it.
    init(
        _ secret: Secret,
        _ injection: Configuration.Injection,
        user: [UInt8]?,
        into fields: inout Fields
    ) throws(FieldError) {
        var shown = Buffer(capacity: 4 * secret.count + 256)
        var parameter: Secret?
        switch injection {
        case .bearer:
            shown.append("Bearer ")
            shown.append(secret.bytes)
            try fields.append(.authorization, value: shown.bytes)
        case .header(let name, let prefix):
            shown.append(string: prefix)
            shown.append(secret.bytes)
            try fields.append(name: name.utf8Span.span, value: shown.bytes)
        case .query(let name):
            Query.append(name: name.utf8Span.span, value: secret.bytes, isFirst: true, into: &shown)
            parameter = Secret(copying: shown.bytes)
            shown.consume(name.utf8.count + 1)
        case .basic:
            var pair = Buffer(capacity: secret.count + (user?.count ?? 0) + 1)
            if let user {
                pair.append(user)
                pair.append(ASCII.colon)
            }
            pair.append(secret.bytes)
            shown.append("Basic ")
            Base64.encode(pair.bytes, into: &shown)
            pair.wipe()
            try fields.append(.authorization, value: shown.bytes)
            shown.consume(6)
        }
        self.parameter = parameter
        var forms = [secret]
        if !shown.bytes.equals(secret.bytes) { forms.append(Secret(copying: shown.bytes)) }
        self.forms = forms.filter { $0.count >= Self.shortest }
        shown.wipe()
    }

    /// Whether an upstream says it back. Cost: one pass over the text for each form.
    func stands(in text: borrowing Span<UInt8>) -> Bool {
        for form in forms where Self.contains(text, form) { return true }
        return false
    }

    func stands(in fields: borrowing Fields) -> Bool {
        for index in fields.indices where stands(in: fields.value(at: index)) { return true }
        return false
    }

    private static func contains(_ text: borrowing Span<UInt8>, _ secret: Secret) -> Bool {
        var start = 0
        while let found = text.firstIndex(of: secret.bytes[0], from: start) {
            guard found + secret.count <= text.count else { return false }
            if text.extracting(found..<(found + secret.count)).equals(secret.bytes) { return true }
            start = found + 1
        }
        return false
    }
}

extension Gateway {
    /// The parameter that the credential stands in is Bulkhead's alone: the agent's own never reaches table or store.
    mutating func reserveParameter(_ exchange: inout Exchange, _ route: Route) {
        guard let name = route.injectedParameter else { return }
        if exchange.request.removeParameters(name) { metrics.add(.headersStripped) }
    }

    /// Puts the credential into the query of what goes out.
    func injectParameter(_ exchange: inout Exchange, _ means: Means) {
        guard let parameter = means.injected?.parameter else { return }
        let hasQuery = exchange.outgoing.target.bytes.firstIndex(of: UInt8(ascii: "?")) != nil
        exchange.outgoing.target.append(UInt8(ascii: hasQuery ? "&" : "?"))
        exchange.outgoing.target.append(parameter.bytes)
    }

    /// The caller's token, for a credential that it is exchanged for: only what was verified.
    func subjectToken(_ exchange: borrowing Exchange, _ route: Route) throws(Stop) -> Secret? {
        guard route.use.takesToken else { return nil }
        guard exchange.hasToken, let token = Self.bearer(exchange.request.fields) else {
            throw .refused(.subjectTokenMissing)
        }
        return token
    }

    private static func bearer(_ fields: borrowing Fields) -> Secret? {
        guard fields.occurrences(.authorization) == 1, let index = fields.first(.authorization) else {
            return nil
        }
        let value = fields.value(at: index).trimmingOWS()
        guard let token = Carriers.bearerToken(value) else { return nil }
        return Secret(copying: token)
    }
}
