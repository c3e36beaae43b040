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
/// A refusal is a grant too, so that asking again costs no more. Immutable and shared.
package final class Grant: Sendable {
    package let isAllowed: Bool
    /// Policies that decided, as the record names them.
    package let policyIDs: [String]
    /// Policies in shadow mode that would have denied (THREATS 11).
    package let shadowDenials: [String]
    /// Whose grant it is, for purges; the id in text.
    package let tenant: String
    package let epochs: GrantEpochs
    /// The prefix-free code that namespaces every key; empty for a refusal.
    package let compartment: [UInt8]
    /// The name of the credential; nil for none.
    package let credential: String?
    /// Complete header lines that go to the upstream, ready to be copied in; empty for none.
    package let headerBlock: [UInt8]
    /// The first of token expiry, credential expiry, exception expiry and the next time boundary of the policies.
    package let expiry: WallTime
    /// From here on the holder should vend anew though the grant still holds: half of the context token's lifetime.
    package let renewAt: WallTime
    /// The place of this route and tenant in the worker's metrics.
    package let series: Int

    package init(
        isAllowed: Bool,
        policyIDs: [String],
        shadowDenials: [String] = [],
        tenant: String,
        epochs: GrantEpochs,
        compartment: [UInt8] = [],
        credential: String? = nil,
        headerBlock: [UInt8] = [],
        expiry: WallTime,
        renewAt: WallTime? = nil,
        series: Int = 0
    ) {
        self.isAllowed = isAllowed
        self.policyIDs = policyIDs
        self.shadowDenials = shadowDenials
        self.tenant = tenant
        self.epochs = epochs
        self.compartment = compartment
        self.credential = credential
        self.headerBlock = headerBlock
        self.expiry = expiry
        self.renewAt = min(renewAt ?? expiry, expiry)
        self.series = series
    }
}
