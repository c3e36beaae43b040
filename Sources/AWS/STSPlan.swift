// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Crypto
import HTTPTypes

/// For whom a credential is vended.
package struct STSSubject: Sendable {
    package var tenant: String
    package var tier: String
    /// `iss` of the user's issuer, and the user.
    package var issuer: String
    package var user: String

    package init(tenant: String, tier: String, issuer: String, user: String) {
        self.tenant = tenant
        self.tier = tier
        self.issuer = issuer
        self.user = user
    }
}

/// What the `aws-sts` vendor asks for: which role, with which session tags, for how long.
package struct STSPlan: Sendable {
    /// The role of every tier that has none of its own.
    package var role: String?
    package var roles: [String: String]
    /// By the name that policies choose them by: no other can be chosen.
    package var namedRoles: [String: String]
    package var region: String
    package var duration: Interval
    /// Names of the session tags; nil where none is sent.
    package var tenantTag: String?
    package var tierTag: String?
    package var userTag: String?
    package var setsSourceIdentity: Bool
    package var externalID: String?
    /// Whether the credential is narrowed to the compartment by a policy of its own.
    package var narrows: Bool

    package init(
        role: String?,
        roles: [String: String],
        namedRoles: [String: String] = [:],
        region: String,
        duration: Interval,
        tenantTag: String?,
        tierTag: String?,
        userTag: String?,
        setsSourceIdentity: Bool,
        externalID: String?,
        narrows: Bool
    ) {
        self.role = role
        self.roles = roles
        self.namedRoles = namedRoles
        self.region = region
        self.duration = duration
        self.tenantTag = tenantTag
        self.tierTag = tierTag
        self.userTag = userTag
        self.setsSourceIdentity = setsSourceIdentity
        self.externalID = externalID
        self.narrows = narrows
    }

    /// ARN of the role that a tier's sessions have where no policy chooses another; nil where none is meant for it.
    package func role(ofTier tier: String) -> String? { roles[tier] ?? role }

    /// The body of the request to STS: all that the credential depends on, and so the text of its key too.
    /// - Parameters:
    ///   - role: its ARN.
    ///   - policy: of the session, JSON; nil for none.
    /// Source: the STS API reference, AssumeRole.
    package func assumeRole(_ role: String, _ subject: STSSubject, policy: [UInt8]?) -> [UInt8] {
        var form = STSForm(action: "AssumeRole")
        form.add("RoleArn", role)
        let name = sessionName(subject)
        form.add("RoleSessionName", name)
        form.add("DurationSeconds", String(duration.nanoseconds / 1_000_000_000))
        if let policy { form.add("Policy", String(decoding: policy, as: UTF8.self)) }
        var tags: [(String, String)] = []
        if let tenantTag { tags.append((tenantTag, Self.tagValue(subject.tenant))) }
        if let tierTag { tags.append((tierTag, Self.tagValue(subject.tier))) }
        if let userTag { tags.append((userTag, Self.tagValue(subject.user))) }
        for (index, tag) in tags.enumerated() {
            form.add("Tags.member.\(index + 1).Key", tag.0)
            form.add("Tags.member.\(index + 1).Value", tag.1)
        }
        // They stay when the role assumes another, and nobody may set them anew.
        for (index, tag) in tags.enumerated() { form.add("TransitiveTagKeys.member.\(index + 1)", tag.0) }
        if let externalID { form.add("ExternalId", externalID) }
        if setsSourceIdentity { form.add("SourceIdentity", name) }
        return form.bytes
    }

    /// The name of the session in CloudTrail: the tenant as far as it can be read, and a digest that nobody else has.
    /// 2...64 of `[\w+=,.@-]`. Joining names would let two users share one.
    package func sessionName(_ subject: STSSubject) -> String {
        let readable = subject.tenant.utf8.prefix(24).map { byte -> UInt8 in
            ASCII.isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                ? byte : UInt8(ascii: ".")
        }
        var hasher = SHA256Hasher()
        hasher.update(prefixed: ("bulkhead session name v1" as StaticString).bytes)
        hasher.update(prefixed: subject.tenant.utf8Span.span)
        // Keys that know no user serve all of a tenant's.
        if userTag != nil {
            hasher.update(prefixed: subject.issuer.utf8Span.span)
            hasher.update(prefixed: subject.user.utf8Span.span)
        }
        let digest = hasher.finish()
        return String(decoding: readable, as: UTF8.self) + "-" + "\(digest)".prefix(32)
    }

    /// A value as a tag can hold it: up to 256 letters, digits, spaces and `_.:/=+-@`. All others are told by a digest,
    /// in a form that no value itself has.
    package static func tagValue(_ text: String) -> String {
        let allowed = Array(" _.:/=+-@".utf8)
        let fits =
            (1...256).contains(text.utf8.count) && !text.hasPrefix(":sha256:")
            && text.utf8.allSatisfy { ASCII.isAlphanumeric($0) || allowed.contains($0) }
        if fits { return text }
        let digest = SHA256.hash(text.utf8Span.span)
        return ":sha256:\(digest)"
    }
}

/// A form in the order in which it is filled.
struct STSForm: ~Copyable {
    private var text = Buffer()

    init(action: String) {
        add("Action", action)
        add("Version", "2011-06-15")
    }

    mutating func add(_ name: String, _ value: String) {
        Query.append(
            name: name.utf8Span.span,
            value: value.utf8Span.span,
            isFirst: text.isEmpty,
            into: &text
        )
    }

    var bytes: [UInt8] { text.bytes.array() }
}
