// SPDX-License-Identifier: Apache-2.0
import Bytes
import Cedar
import Configuration
import Crypto
import Gateway
import HTTP1
import HTTP2
import Identity
import Runtime
import TLS
import Vending

extension Loader {
    /// Threads of the data plane.
    var workerCount: Int { configuration.workers ?? Cores.count }

    /// Where everything stands when nothing stood before.
    func firstPlaces() throws -> Places {
        Places(doors: doors, upstreams: try upstreamPlans())
    }

    /// Where everything stands after another configuration.
    func places(after places: Places, busy: Set<Int>) throws -> (places: Places, new: [Int]) {
        places.next(doors: doors, upstreams: try upstreamPlans(), busy: busy)
    }

    private var doors: [Door] { configuration.listeners.map(door) }

    func door(_ listener: Configuration.Listener) -> Door {
        Door(socketAddress(listener.address), name: listener.name)
    }

    /// - Parameter old: in force until now.
    func workerPlan(
        _ snapshot: Snapshot,
        _ places: Places,
        replacing old: WorkerPlan? = nil,
        workers: Int,
        descriptors: Int
    ) throws -> WorkerPlan {
        let limits = configuration.limits
        var caller = HTTP1Limits.callers
        caller.headBytes = limits.headBytes
        caller.fieldCount = limits.headFields
        // Each exchange may hold an upstream's descriptor besides its own; some are needed for everything else.
        let room = max((descriptors - 64) / 2, 16)
        var entropy = EntropyPool()
        return WorkerPlan(
            snapshot: snapshot,
            exchanges: old?.exchanges ?? OpenExchanges(instance: entropy.integer()),
            upstreams: places.upstreams,
            listeners: try places.doors.enumerated().map { place, door in
                try listenerPlan(door, old.flatMap { place < $0.listeners.count ? $0.listeners[place] : nil })
            },
            callerLimits: caller,
            upstreamLimits: .upstreams,
            http2: HTTP2Limits(limits),
            windowBytes: limits.windowBytes,
            bodyBytes: limits.bodyBytes,
            headTimeout: limits.headTimeout,
            bodyTimeout: limits.bodyTimeout,
            bodyRate: limits.bodyRate,
            idleTimeout: limits.idleTimeout,
            maximumConnections: max(min(limits.connections, room) / workers, 1),
            maximumPerAddress: limits.connectionsPerAddress ?? max(limits.connections / 2, 1),
            countsLoopback: limits.connectionsPerAddress != nil,
            maximumExchanges: max(limits.exchanges / workers, 1)
        )
    }

    /// What leases stand on: a running process keeps it.
    var leases: [LeasedAgent] {
        configuration.upstreams.filter { $0.lease != .none }.map {
            LeasedAgent(name: $0.name, lease: $0.lease, endpoints: $0.endpoints)
        }
    }

    struct LeasedAgent: Equatable {
        let name: String
        let lease: Configuration.Lease
        let endpoints: [Configuration.Endpoint]
    }

    /// In the order of the configuration, and after all of them each leased endpoint, as an upstream of its own.
    private func upstreamPlans() throws -> [UpstreamPlan] {
        var plans = try configuration.upstreams.map(upstreamPlan)
        for upstream in configuration.upstreams where upstream.lease != .none {
            for (number, endpoint) in upstream.endpoints.enumerated() {
                var single = upstream
                single.name = "\(upstream.name)/\(number)"
                single.endpoints = [endpoint]
                plans.append(try upstreamPlan(single))
            }
        }
        return plans
    }

    private func upstreamPlan(_ upstream: Configuration.Upstream) throws -> UpstreamPlan {
        let tls = try upstream.tls.map { try clientContext($0, upstream.protocol.names) }
        let isPlain = upstream.tls == nil || upstream.protocol == .http1
        return UpstreamPlan(
            name: upstream.name,
            endpoints: upstream.endpoints,
            authority: Array(upstream.endpoints[0].description.utf8),
            tls: tls,
            tlsHTTP1: isPlain ? tls : try upstream.tls.map { try clientContext($0) },
            serverName: upstream.tls?.serverName ?? upstream.endpoints[0].hostText,
            protocol: upstream.protocol,
            timeouts: upstream.timeouts,
            health: upstream.health,
            maximumConnections: upstream.connections.maximum,
            maximumIdle: upstream.connections.idle,
            source: upstream,
            digests: upstream.tls.map { tls in
                [authoritiesDigest(tls.ca)]
                    + (tls.certificate.map {
                        [files.digest(of: $0.certificate), files.digest(of: $0.privateKey)]
                    }
                        ?? [])
            } ?? []
        )
    }

    private func listenerPlan(_ door: Door, _ old: ListenerPlan?) throws -> ListenerPlan {
        guard let listener = configuration.listeners.first(where: { self.door($0) == door }) else {
            return ListenerPlan(
                name: old?.name ?? "",
                address: door.address,
                tls: nil,
                material: nil,
                bindsAuthority: false,
                isOpen: false,
                maximumConnections: .max
            )
        }
        let tls = try listener.tls.map { try serverContext($0, listener.name) }
        let material = listener.tls.map(material)
        // The context in use goes on if it would be made the same way again.
        let isSame = old.map { $0.material == material && $0.name == listener.name } ?? false
        return ListenerPlan(
            name: listener.name,
            address: door.address,
            tls: isSame ? old?.tls : tls,
            material: material,
            bindsAuthority: (listener.tls?.certificates.count ?? 0) > 1,
            isOpen: true,
            maximumConnections: listener.connections ?? .max
        )
    }

    private func material(_ tls: Configuration.ServerTLS) -> ListenerPlan.Material {
        ListenerPlan.Material(
            settings: tls,
            certificates: tls.certificates.flatMap {
                [files.digest(of: $0.certificate), files.digest(of: $0.privateKey)]
            },
            authorities: tls.clientCA.flatMap { files.digest(of: $0) },
            ticketSecrets: ticketSecrets
        )
    }

    func controlPlan(_ plan: WorkerPlan) throws -> ControlPlan {
        var problems: [String] = []
        let vendors = try configuration.credentials.compactMap { try vendor($0, &problems) }
        let token = configuration.admin.token.flatMap { Self.secret($0, files, &problems) }
        guard problems.isEmpty else { throw LoadProblems(problems) }
        return ControlPlan(
            keySources: try sources(),
            vendors: vendors,
            upstreams: plan.upstreams,
            drainTimeout: configuration.limits.drainTimeout,
            memoryBytes: configuration.limits.memoryBytes ?? Memory.limit.map { $0 / 5 * 4 },
            accessLog: configuration.telemetry.accessLog,
            auditLog: configuration.telemetry.auditLog,
            admin: AdminPlan(
                socketPath: configuration.admin.socket,
                address: configuration.admin.address.map(socketAddress),
                token: token
            ),
            ownership: try ownershipPlan(),
            version: Version.text
        )
    }

    /// Whether connections that were opened with the credentials of one are as good as those of the other.
    func hasCredentials(of other: Loader) -> Bool {
        configuration.credentials == other.configuration.credentials
            && credentialDigests == other.credentialDigests
    }

    private var credentialDigests: [Digest?] {
        configuration.credentials.map { credential in
            switch credential.kind {
            case .signedContext(let context):
                if case .file(let path) = context.key { files.digest(of: path) } else { nil }
            // They stand in each request, and no connection is opened with them.
            case .sts, .oauth, .secret: nil
            }
        }
    }

    /// Where the issuers' keys come from, by the issuer's place.
    func sources() throws(LoadProblems) -> [ControlPlan.KeySource] {
        do {
            return try configuration.identity.issuers.map(keySource)
        } catch let problems as LoadProblems {
            throw problems
        } catch {
            throw LoadProblems(["\(error)"])
        }
    }

    private func keySource(_ issuer: Configuration.Issuer) throws -> ControlPlan.KeySource {
        let tls =
            issuer.jwks.source == .none ? nil : try clientContext(Configuration.ClientTLS(ca: issuer.jwks.ca))
        if case .file(let path) = issuer.jwks.source { files.include(path) }
        return ControlPlan.KeySource(
            issuer: issuer.name,
            url: issuer.issuer,
            source: issuer.jwks.source,
            digest: authoritiesDigest(issuer.jwks.ca),
            refresh: issuer.jwks.refresh,
            maxStale: issuer.jwks.maxStale,
            tls: tls
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
            let places = try firstPlaces()
            _ = try controlPlan(workerPlan(makeSnapshot(), places, workers: 1, descriptors: 1024))
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

extension HTTP2Limits {
    fileprivate init(_ limits: Configuration.Limits) {
        self.init()
        concurrentStreams = limits.http2.concurrentStreams
        headerListBytes = limits.headBytes
        fieldCount = limits.headFields
        streamWindowBytes = limits.windowBytes
        connectionWindowBytes = limits.http2.connectionWindowBytes
        interval = limits.http2.interval
        resets = limits.http2.resets
        continuations = limits.http2.continuations
        settings = limits.http2.settings
        pings = limits.http2.pings
        emptyFrames = limits.http2.emptyFrames
        otherFrames = limits.http2.otherFrames
        windowUpdates = limits.http2.windowUpdates
        queuedFrames = limits.http2.queuedFrames
    }
}

extension Configuration.UpstreamProtocol {
    /// What ALPN offers, the best first.
    fileprivate var names: [String] {
        switch self {
        case .http1: ["http/1.1"]
        case .http2: ["h2"]
        case .auto: ["h2", "http/1.1"]
        }
    }
}
