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
        case .keys(let generation, let issuer, _):
            // Its issuers are others by now: it looks again.
            guard generation == snapshot.identity.generation else { return answer(worker, need, nil, .met) }
            meetKeys(need, issuer, worker)
        case .credential(let credential): meetCredential(credential, .worker(worker, need))
        case .provision(let provision): meetProvision(provision, worker)
        case .owners: meetOwners(need, worker)
        case .lease(let lease): meetLease(lease, worker)
        case .schema(let schema): meetSchema(need, schema, worker)
        }
    }

    func answer(_ worker: Int, _ need: Need, _ credential: VendedCredential?, _ outcome: NeedOutcome) {
        workers[worker].send(.met(need, credential, outcome))
    }

    // MARK: keys

    private func meetKeys(_ need: Need, _ issuer: Int, _ worker: Int) {
        let id = issuerIDs[issuer]
        switch issuers[id]?.schedule.unknownKey(now: Clock.now()) {
        case .refuse?, nil: answer(worker, need, nil, .met)
        case .wait?: issuers[id]?.waiters.append((need, worker))
        case .fetch?:
            issuers[id]?.waiters.append((need, worker))
            Task(executorPreference: loop) { await self.fetchKeys(id) }
        }
    }

    /// Fetches on the issuer's timer, for as long as the issuer is there.
    func refreshKeys(_ id: Int) async {
        while let watch = issuers[id] {
            // While a fetch for an unknown key is under way there is no due time; look again soon.
            await loop.sleep(until: watch.schedule.dueAt ?? Clock.now() + .milliseconds(200))
            if issuers[id]?.schedule.tick(now: Clock.now()) == true { await fetchKeys(id) }
        }
    }

    private func fetchKeys(_ id: Int) async {
        guard let source = issuers[id]?.source else { return }
        count(.keyFetches)
        let spread = UInt8(truncatingIfNeeded: entropy.integer())
        do {
            let set = try await KeyLoader(client: client).load(source)
            // Another configuration may have come in the meantime, in which the issuer stands elsewhere, or is not.
            if let place = issuerIDs.firstIndex(of: id) { publish(set, of: source, at: place) }
            issuers[id]?.schedule.fetched(now: Clock.now(), spread: spread)
        } catch {
            count(.keyFetchFailures)
            issuers[id]?.schedule.failed(now: Clock.now())
            notice("issuer \(source.issuer): its keys could not be fetched: \(error)")
        }
        // Those who wait look again, with what there is now.
        release(id)
    }

    /// Lets those who wait for an issuer's keys look again.
    func release(_ id: Int) {
        let waiters = issuers[id]?.waiters ?? []
        issuers[id]?.waiters = []
        for waiter in waiters { answer(waiter.worker, waiter.need, nil, .met) }
    }

    private func publish(_ set: KeySet, of source: ControlPlan.KeySource, at place: Int) {
        let now = Clock.wallTime()
        var keys = snapshot.identity.keys
        let isFirst = keys[place] == nil
        keys.replace(issuer: place, with: set, fetchedAt: now, staleAt: source.staleAt(now))
        snapshot = Snapshot(snapshot.plan, identity: snapshot.identity.with(keys: keys))
        broadcast(.snapshot(snapshot))
        if isFirst { notice("issuer \(source.issuer): \(set.keys.count) keys") }
    }

    // MARK: provisions

    private func meetProvision(_ asked: ProvisionNeed, _ worker: Int) {
        switch provisions[asked] {
        case .done(let time) where Clock.now() - time < .seconds(20):
            answer(worker, .provision(asked), nil, .met)
        case .underWay(var waiting):
            waiting.insert(worker)
            provisions[asked.bare] = .underWay(waiting: waiting)
        case .done, nil:
            if provisions.count >= Self.maximumProvisions {
                provisions = provisions.filter { if case .underWay = $0.value { true } else { false } }
            }
            provisions[asked.bare] = .underWay(waiting: [worker])
            Task(executorPreference: loop) { await self.provision(asked) }
        }
    }

    private static let maximumProvisions = 65_536

    private func provision(_ asked: ProvisionNeed) async {
        let isDone = await sendProvision(asked)
        guard case .underWay(let waiting)? = provisions[asked] else { return }
        provisions[asked.bare] = isDone ? .done(at: Clock.now()) : nil
        for worker in waiting {
            answer(worker, .provision(asked), nil, isDone ? .met : .failed(.provisionFailed))
        }
    }

    private func sendProvision(_ asked: ProvisionNeed) async -> Bool {
        // Whoever asked keeps its configuration; with nobody left, nobody is there to be answered.
        guard let gatewayPlan = gatewayPlan(of: asked.generation), let plan = plan(of: asked.generation)
        else {
            return false
        }
        let route = gatewayPlan.routes[asked.route]
        let upstream = plan.upstreams[asked.upstream]
        let scope = AdapterScope(
            route.adapter,
            compartment: asked.compartment,
            tenant: asked.tenant.utf8Span.span,
            idKey: gatewayPlan.keys.current
        )
        for step in route.adapter.provision(scope) {
            do {
                let reply = try await client.fetch(
                    step.method,
                    String(decoding: step.target, as: UTF8.self),
                    at: upstream.target(0),
                    bearing: asked.credential,
                    body: step.body,
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
