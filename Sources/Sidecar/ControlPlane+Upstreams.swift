// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import HTTPTypes
import Runtime

extension UpstreamPlan {
    /// Where the control thread reaches an endpoint.
    func target(_ endpoint: Int) -> ControlClient.Target {
        ControlClient.Target(
            host: endpoints[endpoint].hostText,
            port: endpoints[endpoint].port,
            tls: tls,
            serverName: serverName,
            authority: endpoints[endpoint].description
        )
    }
}

/// Names and health of upstreams.
extension ControlPlane {
    private static let retryAfter = Interval.seconds(2)

    /// Resolves an upstream's names by their time to live, and asks for its health where that is configured. The last
    /// good answer stays when a name cannot be resolved.
    func watchUpstream(_ place: Int) async {
        let upstream = plan.upstreams[place]
        var known: [[SocketAddress]] = Array(repeating: [], count: upstream.endpoints.count)
        var failures: [SocketAddress: Int] = [:]
        var sent: [SocketAddress]?
        var resolveAt = Clock.now()
        while true {
            if Clock.now() >= resolveAt { resolveAt = Clock.now() + (await resolve(upstream, &known)) }
            let all = known.flatMap(\.self)
            if let health = upstream.health {
                for address in all { await probe(upstream, health, address, &failures) }
            }
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

    /// - Returns: when to ask again.
    private func resolve(_ upstream: UpstreamPlan, _ known: inout [[SocketAddress]]) async -> Interval {
        var wait = Interval.seconds(300)
        for (index, endpoint) in upstream.endpoints.enumerated() {
            do throws(ResolutionError) {
                let resolution = try await client.resolver.resolve(
                    endpoint.hostText,
                    port: endpoint.port,
                    deadline: Clock.now() + .seconds(5)
                )
                known[index] = resolution.addresses
                wait = min(wait, resolution.timeToLive)
            } catch {
                notice("upstream \(upstream.name): \(error)")
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
