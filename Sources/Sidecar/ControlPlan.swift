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
        let refresh: Interval
        let maxStale: Interval
        let tls: TLSContext?

        var isFile: Bool { if case .file = source { true } else { false } }
    }

    let keySources: [KeySource]
    /// By their place in the configuration.
    let vendors: [Vendor]
    let upstreams: [UpstreamPlan]
    let drainTimeout: Interval
    let accessLog: Configuration.LogTarget
    let admin: AdminPlan
    /// Of this program.
    let version: String
}

struct AdminPlan: Sendable {
    let socketPath: String?
    let address: SocketAddress?
    /// What TCP wants for everything but health; nil closes it there.
    let token: Secret?
}

/// One line on standard error, for operators. Never holds a secret or what a peer sent.
func notice(_ text: String) {
    var line = Buffer()
    line.append(string: "bulkhead: \(text)\n")
    writeStandardError(line.bytes)
}
