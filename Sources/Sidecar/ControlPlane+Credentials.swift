// SPDX-License-Identifier: Apache-2.0
import AWS
import Bytes
import Crypto
import Gateway
import Identity
import Runtime
import Telemetry
import Vending

/// How a credential is made.
enum Vendor: Sendable {
    case context(ContextSigner)
    case sts(STSVendor)
    case oauth(OAuthVendor)
    case secret(SecretVendor)
}

/// Who waits for a credential.
enum CredentialWaiter {
    case worker(Int, Need)
    /// Something on the control thread, which asks with it itself.
    case task(CheckedContinuation<VendedCredential?, Never>)
}

/// Credentials that workers' exchanges wait for.
extension ControlPlane {
    func meetCredential(_ asked: CredentialNeed, _ waiter: CredentialWaiter) {
        let now = Clock.wallTime()
        switch credentials.lookup(asked.key, tenant: asked.principal.tenant.text, now: now) {
        case .hit(let credential): tell(waiter, credential.good(for: .seconds(5), now: now), .met)
        case .vend(let ticket):
            credentialWaiters[asked.key, default: []].append(waiter)
            vend(asked, ticket, now)
        case .refresh(let old, let ticket):
            // The old one serves meanwhile; only what is made at once is waited for.
            credentialWaiters[asked.key, default: []].append(waiter)
            vend(asked, ticket, now)
            for waiter in credentialWaiters.removeValue(forKey: asked.key) ?? [] {
                tell(waiter, old.good(for: .seconds(5), now: now), .met)
            }
        case .wait: credentialWaiters[asked.key, default: []].append(waiter)
        case .failed(let failure, _): tell(waiter, nil, .failed(Refusal(failure)))
        }
    }

    /// A credential for something on this thread; nil where there is none to be had.
    func vended(_ asked: CredentialNeed) async -> VendedCredential? {
        await withCheckedContinuation { meetCredential(asked, .task($0)) }
    }

    func rejectCredential(_ key: CredentialKey) {
        if credentials.reject(key, now: Clock.wallTime()) { count(.credentialsRejected) }
    }

    private func tell(
        _ waiter: CredentialWaiter,
        _ credential: VendedCredential?,
        _ outcome: NeedOutcome
    ) {
        switch waiter {
        case .worker(let worker, let need): answer(worker, need, credential, outcome)
        case .task(let continuation): continuation.resume(returning: credential)
        }
    }

    private func vend(_ asked: CredentialNeed, _ ticket: VendTicket, _ now: WallTime) {
        count(.vends)
        // The configuration under which it was asked for may be gone by now.
        guard let vendors = plan(of: asked.generation)?.vendors else {
            return finish(asked, ticket, failure: .unavailable)
        }
        switch vendors[asked.credential] {
        case .context(let signer):
            // Signing takes some 40 µs and suspends nowhere.
            do throws(KeyError) {
                finish(asked, ticket, try signer.vend(asked, id: entropy.block(), now: now))
            } catch {
                finish(asked, ticket, failure: .unavailable)
            }
        case .sts(let vendor):
            Task(executorPreference: loop) { await self.vend(asked, ticket, vendor) }
        case .oauth(let vendor):
            Task(executorPreference: loop) { await self.vend(asked, ticket, vendor) }
        case .secret(let vendor):
            // A small file on a disk of this machine.
            do throws(VendFailure) {
                finish(asked, ticket, try vendor.vend(asked.principal.tenant.text, now: now))
            } catch {
                if error != .missing { notice("credential \(vendor.name): a tenant's file cannot be used") }
                finish(asked, ticket, failure: error)
            }
        }
    }

    private func vend(_ asked: CredentialNeed, _ ticket: VendTicket, _ vendor: STSVendor) async {
        do throws(STSFailure) {
            guard let form = asked.form else { throw .denied }
            let keys = try await baseKeys(asked, vendor)
            finish(
                asked,
                ticket,
                VendedCredential(try await vendor.assumeRole(form, with: keys, client), now: Clock.wallTime())
            )
        } catch {
            if error == .baseExpired { baseKeys = nil }
            notice("keys of AWS: STS: \(error)")
            switch error {
            case .denied: finish(asked, ticket, failure: .denied)
            case .throttled: finish(asked, ticket, failure: .throttled)
            case .baseExpired, .unavailable: finish(asked, ticket, failure: .unavailable)
            }
        }
    }

    private func vend(_ asked: CredentialNeed, _ ticket: VendTicket, _ vendor: OAuthVendor) async {
        do throws(OAuthVendor.Failure) {
            let ids = (context: entropy.block() as [16 of UInt8], assertion: entropy.block() as [16 of UInt8])
            finish(asked, ticket, try await vendor.vend(OAuthVendor.Asker(asked), ids: ids, client))
        } catch {
            notice("credential \(vendor.name): \(error)")
            finish(asked, ticket, failure: error.vendFailure)
        }
    }

    /// Keys that end are kept until five minutes before; all others are looked for each time.
    private func baseKeys(_ asked: CredentialNeed, _ vendor: STSVendor) async throws(STSFailure)
        -> AWSCredential
    {
        if let known = baseKeys, known.generation == asked.generation, known.place == asked.credential,
            let expiry = known.keys.expiry, Clock.wallTime() + .seconds(300) < expiry
        {
            return known.keys
        }
        let keys = try await vendor.base.find(vendor, client)
        baseKeys = (asked.generation, asked.credential, keys)
        return keys
    }

    private func finish(_ asked: CredentialNeed, _ ticket: VendTicket, _ credential: VendedCredential) {
        let acceptance = credentials.vended(
            asked.key,
            ticket,
            credential,
            expiry: credential.expiry,
            now: Clock.wallTime(),
            spread: UInt8(truncatingIfNeeded: entropy.integer())
        )
        vendLedger.add(asked.principal.tenant.text, isVended: true)
        switch acceptance {
        case .accepted: tell(asked, credential, .met)
        // The tenant was suspended meanwhile.
        case .void: tell(asked, nil, .failed(.credentialFailed))
        }
    }

    private func finish(_ asked: CredentialNeed, _ ticket: VendTicket, failure: VendFailure) {
        count(.vendFailures)
        vendLedger.add(asked.principal.tenant.text, isVended: false)
        let spread = UInt8(truncatingIfNeeded: entropy.integer())
        _ = credentials.failed(asked.key, ticket, failure, now: Clock.wallTime(), spread: spread)
        tell(asked, nil, .failed(Refusal(failure)))
    }

    private func tell(_ asked: CredentialNeed, _ credential: VendedCredential?, _ outcome: NeedOutcome) {
        for waiter in credentialWaiters.removeValue(forKey: asked.key) ?? [] {
            tell(waiter, credential, outcome)
        }
    }
}

extension ControlPlane {
    /// By tenant, what there is of credentials.
    func credentialStandings() -> [String: CredentialStanding] {
        let now = Clock.wallTime()
        var standings: [String: CredentialStanding] = [:]
        for (tenant, counts) in vendLedger.counts {
            standings[tenant, default: CredentialStanding()].vends = counts.vended
            standings[tenant]?.failures = counts.failed
        }
        for (tenant, holding) in credentials.holdings(now: now) {
            standings[tenant, default: CredentialStanding()].held = holding.count
            // A clock that was set back is no reason for an age below zero.
            standings[tenant]?.oldestAge = Int(max(0, (now - holding.oldest).nanoseconds) / 1_000_000_000)
            standings[tenant]?.nextExpiry = Int(holding.nextExpiry.seconds)
        }
        return standings
    }
}

extension VendedCredential {
    init(_ keys: AWSCredential, now: WallTime) {
        let expiry = keys.expiry ?? now
        // The cache gives no credential out in the last quarter of its life, so that is when to ask again.
        let life = (expiry - now).nanoseconds
        self.init(
            bytes: [],
            keys: keys,
            since: now,
            renewAt: now + Interval(nanoseconds: life - life / 4),
            expiry: expiry
        )
    }

    /// The same, good for a while though it is due: so that who got it does not ask again at once.
    func good(for interval: Interval, now: WallTime) -> VendedCredential {
        VendedCredential(
            bytes: bytes,
            keys: keys,
            secret: secret,
            since: since,
            renewAt: min(max(renewAt, now + interval), expiry),
            expiry: expiry
        )
    }
}

extension Refusal {
    fileprivate init(_ failure: VendFailure) {
        switch failure {
        case .missing: self = .credentialMissing
        case .denied, .throttled, .unavailable: self = .credentialFailed
        }
    }
}
