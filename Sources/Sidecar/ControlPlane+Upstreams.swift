// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import HTTPTypes
import Runtime

extension UpstreamPlan {
    /// Where the control thread reaches an endpoint.
    func target(_ endpoint: Int) -> ControlClient.Target {
        let speaksHTTP2 = self.protocol == .http2
        return ControlClient.Target(
            host: endpoints[endpoint].hostText,
            port: endpoints[endpoint].port,
            tls: speaksHTTP2 ? tls : tlsHTTP1,
            serverName: serverName,
            authority: endpoints[endpoint].description,
            speaksHTTP2: speaksHTTP2
        )
    }
}

/// Names and health of upstreams.
extension ControlPlane {
    private static let retryAfter = Interval.seconds(2)

    /// Begins to look after an upstream that is new at its place.
    /// - Parameter sent: what workers were told of it.
    func startWatching(_ place: Int, sent: [SocketAddress]? = nil) {
        lastWatch += 1
        let id = lastWatch
        upstreamWatches[place] = id
        Task(executorPreference: loop) { await self.watchUpstream(place, id, sent) }
    }

    /// Resolves an upstream's names by their time to live, and asks for its health where that is configured, until
    /// another one stands at its place. The last good answer stays when a name cannot be resolved.
    private func watchUpstream(_ place: Int, _ id: Int, _ told: [SocketAddress]?) async {
        let upstream = plan.upstreams[place]
        var failures: [SocketAddress: Int] = [:]
        var sent = told
        var resolveAt = Clock.now()
        while upstreamWatches[place] == id {
            if Clock.now() >= resolveAt {
                resolveAt = Clock.now() + (await resolve(upstream.endpoints, of: upstream.name))
            }
            let all = addresses(of: upstream)
            if let health = upstream.health {
                for address in all { await probe(upstream, health, address, &failures) }
            }
            guard upstreamWatches[place] == id else { return }
            let limit = upstream.health?.failures ?? .max
            let healthy = all.filter { failures[$0, default: 0] < limit }
            // With none left that answers, all are as good as any: connections will tell.
            let usable = healthy.isEmpty ? all : healthy
            healthyEndpoints[place] = healthy.count
            if usable != sent {
                broadcast(.addresses(upstream: place, usable))
                sent = usable
            }
            var next = resolveAt
            if let health = upstream.health { next = min(next, Clock.now() + health.interval) }
            await loop.sleep(until: next)
        }
    }

    /// What is known of an upstream's endpoints.
    func addresses(of upstream: UpstreamPlan) -> [SocketAddress] {
        upstream.endpoints.flatMap { resolved[$0] ?? [] }
    }

    /// - Returns: when to ask again.
    @discardableResult
    func resolve(_ endpoints: [Configuration.Endpoint], of upstream: String) async -> Interval {
        var wait = Interval.seconds(300)
        for endpoint in endpoints {
            do throws(ResolutionError) {
                let resolution = try await client.resolver.resolve(
                    endpoint.hostText,
                    port: endpoint.port,
                    deadline: Clock.now() + .seconds(5)
                )
                resolved[endpoint] = resolution.addresses
                wait = min(wait, resolution.timeToLive)
            } catch {
                notice("upstream \(upstream): \(error)")
                wait = min(wait, Self.retryAfter)
            }
        }
        return wait
    }

    private func probe(
        _ upstream: UpstreamPlan,
        _ health: Configuration.Health,
        _ address: SocketAddress,
        _ failures: inout [SocketAddress: Int]
    ) async {
        var target = upstream.target(0)
        target.host = address.host
        target.port = address.port
        let reply = try? await client.fetch(
            .get,
            health.path,
            at: target,
            deadline: Clock.now() + health.timeout
        )
        let isHealthy = reply.map { (200..<300).contains($0.status) } ?? false
        let before = failures[address, default: 0]
        failures[address] = isHealthy ? 0 : before + 1
        if isHealthy, before >= health.failures {
            notice("upstream \(upstream.name): \(address) is healthy again")
        }
        if !isHealthy, before + 1 == health.failures {
            notice("upstream \(upstream.name): \(address) is unhealthy")
        }
    }
}
