// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import HTTPTypes
import Identity
import Namespaces
import Runtime
import Telemetry
import Vending

/// What workers' exchanges wait for.
extension ControlPlane {
    func meet(_ need: Need, for worker: Int) {
        switch need {
        case .keys(let issuer, _): meetKeys(need, issuer, worker)
        case .credential(let credential): meetCredential(need, credential, worker)
        case .provision(let provision): meetProvision(provision, worker)
        }
    }

    func answer(_ worker: Int, _ need: Need, _ credential: VendedCredential?, _ outcome: NeedOutcome)
    {
        workers[worker].send(.met(need, credential, outcome))
    }

    // MARK: keys

    private func meetKeys(_ need: Need, _ issuer: Int, _ worker: Int) {
        switch schedules[issuer].unknownKey(now: Clock.now()) {
        case .refuse: answer(worker, need, nil, .met)
        case .wait: keyWaiters[issuer].append((need, worker))
        case .fetch:
            keyWaiters[issuer].append((need, worker))
            Task(executorPreference: loop) { await self.fetchKeys(issuer) }
        }
    }

    /// Fetches on the issuer's timer, for as long as the process lives.
    func refreshKeys(_ issuer: Int) async {
        while true {
            // While a fetch for an unknown key is under way there is no due time; look again soon.
            await loop.sleep(until: schedules[issuer].dueAt ?? Clock.now() + .milliseconds(200))
            if schedules[issuer].tick(now: Clock.now()) { await fetchKeys(issuer) }
        }
    }

    private func fetchKeys(_ issuer: Int) async {
        count(.keyFetches)
        let source = plan.keySources[issuer]
        let now: WallTime
        do {
            let set = try await KeyLoader(client: client).load(source)
            now = Clock.wallTime()
            var keys = snapshot.identity.keys
            let staleAt = source.isFile ? nil : now + source.maxStale
            let isFirst = keys[issuer] == nil
            keys.replace(issuer: issuer, with: set, fetchedAt: now, staleAt: staleAt)
            snapshot = Snapshot(snapshot.plan, identity: snapshot.identity.with(keys: keys))
            broadcast(.snapshot(snapshot))
            schedules[issuer].fetched(now: Clock.now(), spread: UInt8(truncatingIfNeeded: entropy.integer()))
            if isFirst { notice("issuer \(source.issuer): \(set.keys.count) keys") }
        } catch {
            count(.keyFetchFailures)
            schedules[issuer].failed(now: Clock.now())
            notice("issuer \(source.issuer): its keys could not be fetched: \(error)")
        }
        // Those who wait look again, with what there is now.
        let waiters = keyWaiters[issuer]
        keyWaiters[issuer] = []
        for waiter in waiters { answer(waiter.worker, waiter.need, nil, .met) }
    }

    // MARK: provisions

    private func meetProvision(_ asked: ProvisionNeed, _ worker: Int) {
        switch provisions[asked] {
        case .done(let time) where Clock.now() - time < .seconds(20):
            answer(worker, .provision(asked), nil, .met)
        case .underWay(var waiting):
            waiting.insert(worker)
            provisions[asked] = .underWay(waiting: waiting)
        case .done, nil:
            provisions[asked] = .underWay(waiting: [worker])
            Task(executorPreference: loop) { await self.provision(asked) }
        }
    }

    private func provision(_ asked: ProvisionNeed) async {
        let isDone = await sendProvision(asked)
        guard case .underWay(let waiting)? = provisions[asked] else { return }
        provisions[asked] = isDone ? .done(at: Clock.now()) : nil
        for worker in waiting {
            answer(worker, .provision(asked), nil, isDone ? .met : .failed(.provisionFailed))
        }
    }

    private func sendProvision(_ asked: ProvisionNeed) async -> Bool {
        let route = snapshot.plan.routes[asked.route]
        let upstream = plan.upstreams[asked.upstream]
        let scope = AdapterScope(
            route.adapter,
            compartment: asked.compartment,
            tenant: asked.tenant.utf8Span.span,
            idKey: snapshot.plan.keys.current
        )
        for step in route.adapter.provision(scope) {
            do {
                let reply = try await client.fetch(
                    step.method,
                    String(decoding: step.target, as: UTF8.self),
                    at: upstream.target(0),
                    body: step.body,
                    contentType: "application/json",
                    deadline: Clock.now() + .seconds(8)
                )
                guard step.accepted.contains(UInt16(reply.status)) else {
                    notice("upstream \(upstream.name): provisioning was answered with \(reply.status)")
                    return false
                }
            } catch {
                notice("upstream \(upstream.name): provisioning failed: \(error)")
                return false
            }
        }
        return true
    }
}
