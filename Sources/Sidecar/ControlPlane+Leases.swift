// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Gateway
import HTTPTypes
import Identity
import Runtime
import Telemetry

/// Endpoints of agents that belong to one tenant or session at a time: who has which, and recycling between them.
extension ControlPlane {
    private static let lookEvery = Interval.milliseconds(200)
    private static let retryRecyclingAfter = Interval.seconds(2)
    /// How often a process that is to end is looked at: it must not come back unseen.
    private static let watchEvery = Interval.milliseconds(5)

    /// Whoever waits for an endpoint, or has one.
    struct LeaseHolding {
        let need: LeaseNeed
        let agent: String
        let worker: Int
    }

    func startLeasing() {
        for upstream in standing.loader.configuration.upstreams where upstream.lease != .none {
            leases[upstream.name] = LeaseTable(
                upstream.lease == .session ? .session : .tenant,
                endpoints: upstream.endpoints.count,
                wait: upstream.leasing.wait,
                idle: upstream.leasing.idle,
                areHeld: takeOver != nil
            )
            Task(executorPreference: loop) { await self.watchLeases(upstream.name) }
        }
    }

    /// The process before has ended, and nobody uses its endpoints any more.
    func takeLeases() {
        for agent in leases.keys { leases[agent]?.take() }
    }

    private func watchLeases(_ agent: String) async {
        while true {
            perform(leases[agent]?.tick(now: Clock.wallTime()) ?? [], agent)
            await loop.sleep(until: Clock.now() + Self.lookEvery)
        }
    }

    // MARK: needs

    func meetLease(_ need: LeaseNeed, _ worker: Int) {
        let agent = plan.upstreams[need.upstream].name
        leaseHoldings[need.claim.ticket] = LeaseHolding(need: need, agent: agent, worker: worker)
        let actions = leases[agent]?.claim(need.claim, now: Clock.wallTime())
        perform(actions ?? [.refused(ticket: need.claim.ticket)], agent)
    }

    /// The exchange is over, or has left before it was told.
    func releaseLease(_ ticket: UInt64) {
        guard let holding = leaseHoldings.removeValue(forKey: ticket),
            let released = leases[holding.agent]?.released(ticket, now: Clock.wallTime())
        else { return }
        if let endpoint = released.endpoint, leases[holding.agent]?.isOpen(endpoint) == false {
            let until = Clock.wallTime() + snapshot.plan.handleTimes.linger
            endpoints.rest("\(holding.agent)/\(endpoint)", until: until)
        }
        perform(released.actions, holding.agent)
    }

    private func perform(_ actions: [LeaseTable.Action], _ agent: String) {
        for action in actions {
            switch action {
            case .granted(let ticket, let endpoint): grant(ticket, agent, endpoint)
            case .refused(let ticket):
                guard let holding = leaseHoldings.removeValue(forKey: ticket) else { continue }
                let outcome = NeedOutcome.failed(.leaseUnavailable)
                workers[holding.worker].send(.met(.lease(holding.need), nil, outcome))
            case .recycle(let endpoint):
                endpoints.clear("\(agent)/\(endpoint)")
                Task(executorPreference: loop) { await self.recycle(agent, endpoint) }
            }
        }
    }

    private func grant(_ ticket: UInt64, _ agent: String, _ endpoint: Int) {
        let name = "\(agent)/\(endpoint)"
        guard let holding = leaseHoldings[ticket],
            let place = plan.upstreams.firstIndex(where: { $0.name == name && !$0.isRetired }),
            let lease = standing.loader.configuration.upstream(named: agent)?.lease
        else { return releaseLease(ticket) }
        let claim = holding.need.claim
        endpoints.hold(name, claim.principal, session: lease == .session ? claim.session : nil)
        count(.leasesGranted)
        workers[holding.worker].send(.met(.lease(holding.need), nil, .leased(upstream: place)))
    }

    private var endpoints: LeasedEndpoints { standing.workerPlan.exchanges.endpoints }

    // MARK: recycling

    /// Ends the endpoint's process and waits until another one answers there.
    private func recycle(_ agent: String, _ endpoint: Int) async {
        let isProved = await replaceProcess(agent, endpoint)
        count(isProved ? .endpointsRecycled : .recycleFailures)
        if !isProved {
            notice(
                "upstream \(agent): endpoint \(endpoint) could not be recycled; nobody gets it before it is"
            )
            await loop.sleep(until: Clock.now() + Self.retryRecyclingAfter)
        }
        let now = Clock.wallTime()
        perform(leases[agent]?.recycled(endpoint, isProved: isProved, now: now) ?? [], agent)
    }

    private func replaceProcess(_ agent: String, _ number: Int) async -> Bool {
        guard
            let upstream = plan.upstreams.first(where: { $0.name == "\(agent)/\(number)" && !$0.isRetired }),
            let recycle = standing.loader.configuration.upstream(named: agent)?.leasing.recycle
        else { return false }
        let deadline = Clock.now() + recycle.timeout
        let target = upstream.target(0)
        let before = await look(at: target, recycle.proof, deadline)
        var wasClosed = before == .closed
        _ = try? await client.fetch(
            .post,
            recycle.path,
            at: supervisor(recycle, number) ?? target,
            deadline: deadline
        )
        while Clock.now() < deadline {
            switch await look(at: target, recycle.proof, deadline) {
            case .closed: wasClosed = true
            case .open: if recycle.proof == nil, wasClosed { return true }
            case .said(let proof):
                // Where nobody knows what the old one said, its end must have been seen.
                if case .said(let old) = before {
                    if proof != old { return true }
                } else if wasClosed {
                    return true
                }
            case .silent: break
            }
            await loop.sleep(until: Clock.now() + Self.watchEvery)
        }
        return false
    }

    private func supervisor(_ recycle: Configuration.Recycle, _ number: Int) -> ControlClient.Target? {
        guard number < recycle.endpoints.count else { return nil }
        let endpoint = recycle.endpoints[number]
        return ControlClient.Target(
            host: endpoint.hostText,
            port: endpoint.port,
            tls: nil,
            serverName: endpoint.hostText,
            authority: endpoint.description
        )
    }

    private enum Sight: Equatable {
        /// Nobody listens there.
        case closed
        case open
        /// Its proof.
        case said([UInt8])
        /// Takes connections, and says nothing of use.
        case silent
    }

    private func look(at target: ControlClient.Target, _ proof: String?, _ deadline: Instant) async -> Sight {
        let deadline = min(deadline, Clock.now() + .seconds(2))
        do throws(FetchError) {
            guard let proof else {
                return try await client.isListening(at: target, deadline: deadline) ? .open : .closed
            }
            let reply = try await client.fetch(.get, proof, at: target, deadline: deadline)
            return (200..<300).contains(reply.status) && !reply.body.isEmpty ? .said(reply.body) : .silent
        } catch {
            return error.isRefusal ? .closed : .silent
        }
    }
}
