// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// The epochs under which a grant was decided. It is void as soon as one of them has moved (THREATS 9).
package struct GrantEpochs: Hashable, Sendable {
    /// `Principal.tenantEpoch`.
    package var tenant: UInt64
    /// Of the policies and entities, for what can change within one generation; 0 where nothing can.
    package var policy: UInt64

    package init(tenant: UInt64, policy: UInt64 = 0) {
        self.tenant = tenant
        self.policy = policy
    }
}

/// The outcome of policy and vending for one key: may they, inside which compartment, with what.
/// A refusal is a grant too, so that asking again costs no more. Immutable; `Means` is the gateway's: what it needs for
/// each request of the grant, made ready once.
package final class Grant<Means> {
    package let isAllowed: Bool
    /// Policies that decided, as the record names them.
    package let policyIDs: [String]
    /// Policies in shadow mode that would have denied (THREATS 11).
    package let shadowDenials: [String]
    /// Whose grant it is, for purges; the id in text.
    package let tenant: String
    package let epochs: GrantEpochs
    /// The name of the credential; nil for none.
    package let credential: String?
    /// Nil for a refusal.
    package let means: Means?
    /// The first of token expiry, credential expiry, exception expiry and the next time boundary of the policies.
    package let expiry: WallTime
    /// From here on the holder should vend anew though the grant still holds: half of the context token's lifetime.
    package let renewAt: WallTime

    package init(
        isAllowed: Bool,
        policyIDs: [String],
        shadowDenials: [String] = [],
        tenant: String,
        epochs: GrantEpochs,
        credential: String? = nil,
        means: Means?,
        expiry: WallTime,
        renewAt: WallTime? = nil
    ) {
        self.isAllowed = isAllowed
        self.policyIDs = policyIDs
        self.shadowDenials = shadowDenials
        self.tenant = tenant
        self.epochs = epochs
        self.credential = credential
        self.means = means
        self.expiry = expiry
        self.renewAt = min(renewAt ?? expiry, expiry)
    }
}
