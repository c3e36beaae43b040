// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// How far one compartment reaches. The value decides the first character of the code.
package enum CompartmentScope: String, Hashable, Sendable, CaseIterable {
    /// One for all users of the tenant.
    case tenant
    /// One for each (issuer, user) of the tenant.
    case user

    var tag: UInt8 {
        switch self {
        case .tenant: UInt8(ascii: "t")
        case .user: UInt8(ascii: "u")
        }
    }
}

/// Why a compartment cannot be named. Each is a refusal: there is no default compartment.
package enum CompartmentError: String, Error, Hashable, Sendable {
    case tenantMissing = "tenant_missing"
    case issuerMissing = "issuer_missing"
    case userMissing = "user_missing"
}

/// The code of one compartment: the only spelling in which a tenant's name reaches a store.
///
/// The scope's tag, then the parts (tenant; for user scope tenant, issuer, user), each written by
/// `CompartmentPart`. The alphabet is `[a-z0-9]`, so the code stands unescaped in paths, keys, globs, JSON, headers
/// and policies. Injective, and prefix-free over both scopes: a key follows the code verbatim, and no tenant's keys
/// begin with another's code. Tier is no part of it: an upgrade must not lose data.
/// The code names data on disk, so it never changes: `CompartmentTests` holds golden values.
/// Limits: 3...34 bytes for tenant scope, 7...100 for user scope. Source: THREATS 13.
package struct Compartment: Hashable, Sendable {
    /// Bytes of the longest code there is.
    package static let maximumCount = 1 + 3 * CompartmentPart.maximumCount

    package let scope: CompartmentScope
    /// The code.
    package let bytes: [UInt8]

    /// Ids are taken byte by byte; none is folded, trimmed or normalised. Issuer and user are not looked at for
    /// tenant scope. Cost: a few allocations; once per grant.
    package init(
        scope: CompartmentScope,
        tenant: borrowing Span<UInt8>,
        issuer: borrowing Span<UInt8>,
        user: borrowing Span<UInt8>
    ) throws(CompartmentError) {
        if tenant.isEmpty { throw .tenantMissing }
        var output = Buffer(capacity: Compartment.maximumCount)
        output.append(scope.tag)
        CompartmentPart.encode(tenant, label: "tenant", into: &output)
        switch scope {
        case .tenant: break
        case .user:
            if issuer.isEmpty { throw .issuerMissing }
            if user.isEmpty { throw .userMissing }
            CompartmentPart.encode(issuer, label: "issuer", into: &output)
            CompartmentPart.encode(user, label: "user", into: &output)
        }
        self.scope = scope
        bytes = output.bytes.array()
    }

    package init(
        scope: CompartmentScope,
        tenant: String,
        issuer: String = "",
        user: String = ""
    ) throws(CompartmentError) {
        try self.init(
            scope: scope,
            tenant: tenant.utf8Span.span,
            issuer: issuer.utf8Span.span,
            user: user.utf8Span.span
        )
    }

    /// The code as text.
    package var text: String { bytes.span.string() ?? "" }
}

/// What a code says, read back. For tools, and to recognise a code where none may stand.
package struct CompartmentDescription: Equatable, Sendable {
    package var scope: CompartmentScope
    package var tenant: CompartmentPart
    /// Present for user scope alone.
    package var issuer: CompartmentPart?
    package var user: CompartmentPart?
    /// Bytes of the code.
    package var count: Int

    /// Reads the code that stands at the front of `text`; what follows it is the key. Because the code is
    /// prefix-free there is at most one.
    /// - Returns: nil where no code stands, also for a spelling that `Compartment` would not have written.
    package init?(at text: borrowing Span<UInt8>) {
        guard !text.isEmpty, let scope = CompartmentScope.allCases.first(where: { $0.tag == text[0] }) else {
            return nil
        }
        self.scope = scope
        count = 1
        guard let tenant = CompartmentPart(at: text, &count) else { return nil }
        self.tenant = tenant
        switch scope {
        case .tenant: break
        case .user:
            guard let issuer = CompartmentPart(at: text, &count),
                let user = CompartmentPart(at: text, &count)
            else { return nil }
            self.issuer = issuer
            self.user = user
        }
    }

    /// Reads a code that is the whole text.
    package init?(exactly text: borrowing Span<UInt8>) {
        self.init(at: text)
        if count != text.count { return nil }
    }
}
