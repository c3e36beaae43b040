// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Crypto
import Gateway
import HTTPTypes
import Runtime
import TLS
import Vending

/// What the control thread is told at start.
struct ControlPlan: Sendable {
    struct KeySource: Sendable {
        /// The issuer's name, and its exact `iss`.
        let issuer: String
        let url: String
        let source: Configuration.JWKS.Source
        /// Of the authorities of its server.
        let digest: Digest?
        let refresh: Interval
        let maxStale: Interval
        let tls: TLSContext?

        /// Whether there are keys at all: an issuer of certificates has none.
        var hasKeys: Bool { source != .none }

        /// Whether keys from there are keys from here: they go on being good after a reload.
        func isSame(as other: KeySource) -> Bool {
            url == other.url && source == other.source && digest == other.digest && maxStale == other.maxStale
        }

        /// When keys that were fetched now are too old to be believed; nil for those of a file.
        func staleAt(_ now: WallTime) -> WallTime? { isFile ? nil : now + maxStale }

        var isFile: Bool { if case .file = source { true } else { false } }
    }

    let keySources: [KeySource]
    /// By their place in the configuration.
    let vendors: [Vendor]
    let upstreams: [UpstreamPlan]
    let drainTimeout: Interval
    /// Beyond it new requests are turned away; nil: never.
    let memoryBytes: Int?
    let accessLog: Configuration.LogTarget
    /// Path; nil for none.
    let auditLog: String?
    let admin: AdminPlan
    /// Where owners of ids are remembered; nil for nowhere.
    let ownership: OwnershipPlan?
    /// Of this program.
    let version: String
}

struct AdminPlan: Sendable {
    let socketPath: String?
    let address: SocketAddress?
    /// What TCP wants for everything but health; nil closes it there.
    let token: Secret?

    /// What keeps suspensions over restarts.
    var suspensionsPath: String? { socketPath.map(Self.suspensionsPath) }

    static func suspensionsPath(beside socket: String) -> String { socket + ".suspended" }
}

/// One line on standard error, for operators. Never holds a secret or what a peer sent.
func notice(_ text: String) {
    var line = Buffer()
    line.append(string: "bulkhead: \(text)\n")
    writeStandardError(line.bytes)
}
