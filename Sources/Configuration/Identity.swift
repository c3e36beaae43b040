// SPDX-License-Identifier: Apache-2.0
package import Bytes

extension Configuration {
    /// Who may say who somebody is, and how long what they said is good for.
    package struct Identity: Sendable {
        /// At least one.
        package var issuers: [Issuer] = []
        /// What happens when a token's tier is not the registry's. Default: `lesser`.
        package var tierDrift = TierDrift.lesser
        /// Larger tokens are refused unread. Default: 8 KiB.
        package var tokenBytes = 8 << 10
        package var handle = Handle()
    }

    package enum TierDrift: String, CaseIterable, Sendable {
        /// Served with the lower of the two, and counted.
        case lesser
        case refuse
    }

    /// The life of a handle (THREATS 7).
    package struct Handle: Sendable {
        /// How long it outlives its exchange. Default: 60 s.
        package var linger = Interval.seconds(60)
        /// How long an exchange may run at most, as far as its handle goes. Default: 10 min.
        package var maxRun = Interval.seconds(600)
    }

    package struct Tenants: Sendable {
        package var mode = TenantMode.registry
        /// Resolved path of the registry; nil exactly in `claims` mode.
        package var file: String?
    }

    package enum TenantMode: String, CaseIterable, Sendable {
        /// A tenant must stand in the file and be active.
        case registry
        /// The issuer alone is believed; there is one issuer.
        case claims
    }
}

extension Configuration.Identity {
    static func decode(_ section: inout YAML.Section) -> Self {
        var identity = Self()
        identity.issuers =
            section.required("issuers")?.items(count: 1...256, Configuration.Issuer.decode) ?? []
        section.read("tier_drift", into: &identity.tierDrift) { $0.choice(Configuration.TierDrift.self) }
        section.read("token_bytes", into: &identity.tokenBytes) { $0.size(in: 1 << 10...32 << 10) }
        section.read("handle", into: &identity.handle) { $0.section(Configuration.Handle.decode) }
        return identity
    }
}

extension Configuration.Handle {
    static func decode(_ section: inout YAML.Section) -> Self {
        var handle = Self()
        section.read("linger", into: &handle.linger) { $0.duration(in: .zero ... .seconds(600)) }
        section.read("max_run", into: &handle.maxRun) { $0.duration(in: .seconds(1) ... .seconds(86_400)) }
        return handle
    }
}

extension Configuration.Tenants {
    static func decode(_ section: inout YAML.Section) -> Self {
        var tenants = Self()
        section.read("mode", into: &tenants.mode) { $0.choice(Configuration.TenantMode.self) }
        switch tenants.mode {
        case .registry: tenants.file = section.required("file")?.filePath()
        case .claims: section.value("file")?.note("mode claims reads no file; leave it out")
        }
        return tenants
    }
}
