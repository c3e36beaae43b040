// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import Crypto
import Gateway
import HTTPTypes
import Identity
import JSON
import Namespaces
import Runtime
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

    private func answer(_ worker: Int, _ need: Need, _ credential: VendedCredential?, _ outcome: NeedOutcome)
    {
        workers[worker].send(.met(need, credential, outcome))
    }

    // MARK: credentials

    private func meetCredential(_ need: Need, _ asked: CredentialNeed, _ worker: Int) {
        let now = Clock.wallTime()
        switch credentials.lookup(asked.key, tenant: asked.principal.tenant.text, now: now) {
        case .hit(let credential): answer(worker, need, credential, .met)
        case .refresh(_, let ticket), .vend(let ticket): vend(need, asked, ticket, worker, now)
        case .wait, .failed: answer(worker, need, nil, .failed(.credentialFailed))
        }
    }

    /// Signing takes some 40 µs and suspends nowhere, so no attempt is ever seen under way by another.
    private func vend(
        _ need: Need,
        _ asked: CredentialNeed,
        _ ticket: VendTicket,
        _ worker: Int,
        _ now: WallTime
    ) {
        let signer = plan.signers[asked.credential]
        let principal = asked.principal
        let subject = ContextSubject(
            tenant: principal.tenant.text,
            tier: principal.tier.name,
            user: principal.user.text,
            userIssuer: principal.issuer.url,
            groups: principal.groups,
            tokenID: principal.tokenID,
            expiry: principal.expiry
        )
        var token = Buffer()
        let spread = UInt8(truncatingIfNeeded: entropy.integer())
        do throws(KeyError) {
            try signer.sign(subject, audience: asked.audience, id: randomID(), now: now, into: &token)
        } catch {
            _ = credentials.failed(asked.key, ticket, .unavailable, now: now, spread: spread)
            return answer(worker, need, nil, .failed(.credentialFailed))
        }
        let expiry = signer.validity(subject, now: now).expiry
        // The cache gives no credential out in the last quarter of its life, so that is when to ask again.
        let life = (expiry - now).nanoseconds
        let credential = VendedCredential(
            bytes: token.bytes.array(),
            renewAt: now + Interval(nanoseconds: life - life / 4),
            expiry: expiry
        )
        _ = credentials.vended(asked.key, ticket, credential, expiry: expiry, now: now, spread: spread)
        answer(worker, need, credential, .met)
    }

    private func randomID() -> [16 of UInt8] {
        var id: [16 of UInt8] = .init(repeating: 0)
        let words = (entropy.integer(), entropy.integer())
        for index in 0..<8 {
            id[index] = UInt8(truncatingIfNeeded: words.0 >> UInt64(index * 8))
            id[index + 8] = UInt8(truncatingIfNeeded: words.1 >> UInt64(index * 8))
        }
        return id
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
        let source = plan.keySources[issuer]
        let now: WallTime
        do {
            let set = try await loadKeys(source)
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
            schedules[issuer].failed(now: Clock.now())
            notice("issuer \(source.issuer): its keys could not be fetched: \(error)")
        }
        // Those who wait look again, with what there is now.
        let waiters = keyWaiters[issuer]
        keyWaiters[issuer] = []
        for waiter in waiters { answer(waiter.worker, waiter.need, nil, .met) }
    }

    private func loadKeys(_ source: ControlPlan.KeySource) async throws -> KeySet {
        switch source.source {
        case .file(let path):
            let bytes = try Files.read(path, limit: KeySet.maximumBytes)
            return try KeySet.parse(bytes.span)
        case .url(let url):
            let bytes = try await get(url, source)
            return try KeySet.parse(bytes.span)
        case .discovery(let url):
            let document = try await get(url, source)
            let metadata = try JSONValue.parse(document.span)
            // Whoever answers there must be the issuer (OpenID Connect Discovery §4.3).
            guard case .object(let members) = metadata, case .string(let issuer)? = members["issuer"],
                issuer.utf8.elementsEqual(source.url.utf8), case .string(let keys)? = members["jwks_uri"]
            else { throw FetchError.metadata }
            let bytes = try await get(keys, source)
            return try KeySet.parse(bytes.span)
        }
    }

    private func get(_ text: String, _ source: ControlPlan.KeySource) async throws -> [UInt8] {
        guard let url = WebURL(text) else { throw FetchError.metadata }
        let reply = try await client.fetch(
            .get,
            url.target,
            at: url.target(tls: source.tls),
            deadline: Clock.now() + .seconds(10)
        )
        guard reply.status == 200 else { throw FetchError.status(reply.status) }
        return reply.body
    }

    // MARK: provisions

    private func meetProvision(_ asked: ProvisionNeed, _ worker: Int) {
        switch provisions[asked] {
        case .done: answer(worker, .provision(asked), nil, .met)
        case .underWay(var waiting):
            waiting.insert(worker)
            provisions[asked] = .underWay(waiting: waiting)
        case nil:
            provisions[asked] = .underWay(waiting: [worker])
            Task(executorPreference: loop) { await self.provision(asked) }
        }
    }

    private func provision(_ asked: ProvisionNeed) async {
        let isDone = await sendProvision(asked)
        guard case .underWay(let waiting)? = provisions[asked] else { return }
        provisions[asked] = isDone ? .done : nil
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
