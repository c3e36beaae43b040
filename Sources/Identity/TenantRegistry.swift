// SPDX-License-Identifier: Apache-2.0
package import JSON

/// One tenant as `tenants.yaml` has it.
package struct TenantEntry: Equatable, Sendable {
    package enum Status: String, Sendable {
        case active, suspended
    }

    package var id: TenantID
    /// For people.
    package var name: String
    package var tier: Tier
    package var status: Status
    /// Names of the issuers that may speak for this tenant.
    package var issuers: [String]
    /// A group that a token must list as well, for issuers that several tenants share.
    package var group: String?
    /// Attributes for policies, and limits: kept here, read elsewhere.
    package var claims: JSONObject
    package var limits: JSONObject

    package init(
        id: TenantID,
        name: String,
        tier: Tier,
        status: Status = .active,
        issuers: [String],
        group: String? = nil,
        claims: JSONObject = JSONObject(),
        limits: JSONObject = JSONObject()
    ) {
        self.id = id
        self.name = name
        self.tier = tier
        self.status = status
        self.issuers = issuers
        self.group = group
        self.claims = claims
        self.limits = limits
    }
}

/// All tenants at one moment. Immutable; a change makes a new registry out of the old one.
///
/// Each tenant has an epoch, which moves whenever anything about it changes: what was cached under an older
/// epoch is void (THREATS 9). Suspensions that an operator commands lie over the entries, so that they work
/// without a file and outlive a reload (THREATS 10).
package final class TenantRegistry: Sendable {
    package enum Mode: String, Sendable {
        /// Only tenants that are written down exist.
        case registry
        /// Whatever tenant the one issuer names exists, with the tier that it names.
        case claims
    }

    package enum Problem: Error, Equatable {
        case duplicate(TenantID)
    }

    package let mode: Mode
    package let suspended: Set<TenantID>
    private let entries: [TenantID: TenantEntry]
    /// Those that are not 0.
    private let epochs: [TenantID: UInt64]
    private let lastEpoch: UInt64

    /// - Parameter previous: the registry that this one takes the place of; its suspensions stay.
    package convenience init(
        mode: Mode,
        entries: [TenantEntry],
        replacing previous: TenantRegistry? = nil
    ) throws(Problem) {
        var table: [TenantID: TenantEntry] = [:]
        for entry in entries {
            if table.updateValue(entry, forKey: entry.id) != nil { throw .duplicate(entry.id) }
        }
        self.init(mode, table, previous?.suspended ?? [], previous)
    }

    private init(
        _ mode: Mode,
        _ entries: [TenantID: TenantEntry],
        _ suspended: Set<TenantID>,
        _ previous: TenantRegistry?
    ) {
        self.mode = mode
        self.entries = entries
        self.suspended = suspended
        let next = (previous?.lastEpoch ?? 0) + 1
        var epochs = previous?.epochs ?? [:]
        if let previous {
            var touched = Set(entries.keys).union(previous.entries.keys)
            touched.formUnion(suspended.symmetricDifference(previous.suspended))
            for id in touched
            where entries[id] != previous.entries[id]
                || suspended.contains(id) != previous.suspended.contains(id) || mode != previous.mode
            {
                epochs[id] = next
            }
        }
        self.epochs = epochs
        lastEpoch = next
    }

    package func suspending(_ tenant: TenantID) -> TenantRegistry {
        TenantRegistry(mode, entries, suspended.union([tenant]), self)
    }

    package func resuming(_ tenant: TenantID) -> TenantRegistry {
        TenantRegistry(mode, entries, suspended.subtracting([tenant]), self)
    }

    package var count: Int { entries.count }
    package var tenants: [TenantEntry] { entries.values.sorted { $0.id.text < $1.id.text } }
    package subscript(_ tenant: TenantID) -> TenantEntry? { entries[tenant] }

    /// Moves with every change of the tenant, its coming and going included.
    package func epoch(of tenant: TenantID) -> UInt64 { epochs[tenant] ?? 0 }

    /// What a tenant's word is worth coming from that issuer, with those groups and that tier.
    /// - Parameter claimed: nil when the issuer states no tier.
    func admit(
        _ tenant: TenantID,
        from issuer: Issuer,
        groups: [String],
        claimed: Tier?,
        drift: TierDrift
    ) -> Result<Admission, IdentityFailure> {
        guard let entry = entries[tenant] else {
            guard mode == .claims else { return .failure(.tenantUnknown) }
            if suspended.contains(tenant) { return .failure(.tenantSuspended) }
            guard let claimed else { return .failure(.claimMissing(.tier)) }
            return .success(Admission(tier: claimed, epoch: epoch(of: tenant), isDrifted: false))
        }
        guard entry.issuers.contains(where: { $0.utf8.elementsEqual(issuer.name.utf8) }) else {
            return .failure(.issuerNotForTenant)
        }
        if let group = entry.group, !groups.contains(where: { $0.utf8.elementsEqual(group.utf8) }) {
            return .failure(.groupNotForTenant)
        }
        if entry.status == .suspended || suspended.contains(tenant) { return .failure(.tenantSuspended) }
        let drifted = claimed != nil && claimed != entry.tier
        if drifted, drift == .refuse { return .failure(.tierDrift) }
        let tier = claimed.map { $0.rank < entry.tier.rank ? $0 : entry.tier } ?? entry.tier
        return .success(Admission(tier: tier, epoch: epoch(of: tenant), isDrifted: drifted))
    }
}

/// What the registry says to a token or handle that it lets pass.
struct Admission {
    var tier: Tier
    var epoch: UInt64
    var isDrifted: Bool
}
