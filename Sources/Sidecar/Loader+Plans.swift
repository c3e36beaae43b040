// SPDX-License-Identifier: Apache-2.0
import Bytes
import Cedar
import Configuration
import Crypto
import Gateway
import HTTP1
import Runtime
import TLS
import Vending

extension Loader {
    func workerPlan(_ snapshot: Snapshot, workers: Int, descriptors: Int) throws -> WorkerPlan {
        let limits = configuration.limits
        var caller = HTTP1Limits.callers
        caller.headBytes = limits.headBytes
        caller.fieldCount = limits.headFields
        // Each exchange may hold an upstream's descriptor besides its own; some are needed for everything else.
        let room = max((descriptors - 64) / 2, 16)
        return WorkerPlan(
            snapshot: snapshot,
            upstreams: try configuration.upstreams.map(upstreamPlan),
            listeners: try configuration.listeners.map(listenerPlan),
            callerLimits: caller,
            upstreamLimits: .upstreams,
            windowBytes: limits.windowBytes,
            bodyBytes: limits.bodyBytes,
            headTimeout: limits.headTimeout,
            bodyTimeout: limits.bodyTimeout,
            bodyRate: limits.bodyRate,
            idleTimeout: limits.idleTimeout,
            maximumConnections: max(min(limits.connections, room) / workers, 1)
        )
    }

    private func upstreamPlan(_ upstream: Configuration.Upstream) throws -> UpstreamPlan {
        UpstreamPlan(
            name: upstream.name,
            endpoints: upstream.endpoints,
            authority: Array(upstream.endpoints[0].description.utf8),
            tls: try upstream.tls.map { try clientContext($0) },
            serverName: upstream.tls?.serverName ?? upstream.endpoints[0].hostText,
            timeouts: upstream.timeouts,
            health: upstream.health,
            maximumConnections: upstream.connections.maximum,
            maximumIdle: upstream.connections.idle
        )
    }

    private func listenerPlan(_ listener: Configuration.Listener) throws -> ListenerPlan {
        ListenerPlan(
            name: listener.name,
            address: socketAddress(listener.address),
            tls: try listener.tls.map { try serverContext($0, listener.name) },
            bindsAuthority: (listener.tls?.certificates.count ?? 0) > 1
        )
    }

    func controlPlan(_ plan: WorkerPlan) throws -> ControlPlan {
        var problems: [String] = []
        let vendors = try configuration.credentials.compactMap { try vendor($0, &problems) }
        let token = configuration.admin.token.flatMap { Self.secret($0, &problems) }
        guard problems.isEmpty else { throw LoadProblems(problems) }
        return ControlPlan(
            keySources: try configuration.identity.issuers.map(keySource),
            vendors: vendors,
            upstreams: plan.upstreams,
            drainTimeout: configuration.limits.drainTimeout,
            accessLog: configuration.telemetry.accessLog,
            admin: AdminPlan(
                socketPath: configuration.admin.socket,
                address: configuration.admin.address.map(socketAddress),
                token: token
            ),
            version: Version.text
        )
    }

    private func vendor(_ credential: Configuration.Credential, _ problems: inout [String]) throws -> Vendor? {
        switch credential.kind {
        case .sts(let sts):
            guard let endpoint = WebURL(sts.endpoint) else { return nil }
            return .sts(
                STSVendor(
                    region: sts.region,
                    endpoint: endpoint,
                    tls: try clientContext(Configuration.ClientTLS(ca: sts.ca)),
                    base: BaseKeySource(
                        source: sts.base.source,
                        profile: sts.base.profile,
                        environment: environment
                    )
                )
            )
        case .signedContext(let context):
            guard let pem = Self.secret(context.key, &problems) else { return nil }
            do throws(KeyError) {
                return .context(
                    ContextSigner(
                        key: try SigningKey(pem: pem.bytes),
                        issuer: context.issuer,
                        lifetime: context.lifetime
                    )
                )
            } catch {
                problems.append("credential \"\(credential.name)\": its key cannot be used: \(error)")
                return nil
            }
        }
    }

    private func keySource(_ issuer: Configuration.Issuer) throws -> ControlPlan.KeySource {
        ControlPlan.KeySource(
            issuer: issuer.name,
            url: issuer.issuer,
            source: issuer.jwks.source,
            refresh: issuer.jwks.refresh,
            maxStale: issuer.jwks.maxStale,
            tls: try clientContext(Configuration.ClientTLS(ca: issuer.jwks.ca))
        )
    }

    private func socketAddress(_ address: Configuration.Address) -> SocketAddress {
        let bytes: [UInt8]
        switch address.ip {
        case .v4(let value): bytes = (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
        case .v6(let high, let low):
            bytes = [high, low].flatMap { half in
                (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * UInt64($0))) }
            }
        }
        return SocketAddress(.internet(bytes, port: address.port))
    }
}

extension Loader {
    /// Reads what only serving needs (certificates, keys of credentials), to say what is wrong with it.
    package func checkFiles() throws(LoadProblems) {
        do {
            let snapshot = try makeSnapshot()
            _ = try controlPlan(workerPlan(snapshot, workers: 1, descriptors: 1024))
        } catch let problems as LoadProblems {
            throw problems
        } catch {
            throw LoadProblems(["\(configuration.file): \(error)"])
        }
    }

    /// What there is, for people.
    package var summary: [String] {
        [
            "listeners: "
                + configuration.listeners.map { "\($0.name) (\($0.address))" }.joined(separator: ", "),
            "issuers: " + configuration.identity.issuers.map(\.name).joined(separator: ", "),
            "tenants: \(tenants.count), tiers: " + configuration.tiers.map(\.name).joined(separator: " < "),
            "policies: \(policies.policies.count)",
            "routes: "
                + configuration.routes.map { "\($0.name) (\($0.adapter) → \($0.upstream))" }.joined(
                    separator: ", "
                ),
        ]
    }
}
