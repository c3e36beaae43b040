// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Crypto

/// Why a credential was not vended.
package enum VendFailure: Error, Hashable, Sendable, CaseIterable {
    /// The service said no to this role, tag or policy.
    case denied
    /// There is none for this tenant.
    case missing
    /// The service said: too often.
    case throttled
    /// No answer, or none that can be read.
    case unavailable

    /// The stable name; for records and metrics.
    package var code: StaticString {
        switch self {
        case .denied: "credential_denied"
        case .missing: "credential_missing"
        case .throttled: "credential_throttled"
        case .unavailable: "credential_unavailable"
        }
    }
}

package enum CredentialCacheTimes {
    /// How long a credential is used at least, whatever upstreams say of it.
    package static let shortestUse = Interval.seconds(10)
}

/// Names one attempt to vend; the answer comes back with it.
package struct VendTicket: Hashable, Sendable {
    fileprivate let number: UInt64
}

/// Vended credentials and those under way, for all workers: one per control thread. It vends nothing itself.
///
/// Each key is vended by one attempt at a time, whoever asks. A credential is renewed ahead of its end, at a moment
/// that differs from one to the next, and the old one serves meanwhile; it is never given in its last `margin`, nor
/// past its end. Failures are remembered, so that the service is asked again only after a while.
///
/// An entry is in one of three states:
/// - vending: `vended` or `failed` with its ticket ends it;
/// - fresh: the first lookup after `refreshAt` makes it vending, with the old credential at hand;
/// - failed: the first lookup after `retryAt` makes it vending.
package struct CredentialCache<Credential: Sendable>: Sendable {
    package struct Times: Sendable {
        /// A credential is not given when it has less than this to live, or than a quarter of its life if it is
        /// short: the request that takes it needs some time.
        package var margin = Interval.seconds(60)
        /// How long a denial holds.
        package var denial = Interval.seconds(10)
        /// After throttling or no answer, doubled with each further one up to `longestRetry`.
        package var firstRetry = Interval.seconds(1)
        package var longestRetry = Interval.seconds(60)

        package init() {}
    }

    package enum Lookup: Sendable {
        case hit(Credential)
        /// Use this one, and start an attempt to renew it.
        case refresh(Credential, VendTicket)
        /// Start an attempt, and let the asker wait for it.
        case vend(VendTicket)
        /// An attempt is under way: wait for it.
        case wait
        case failed(VendFailure, retryAt: WallTime)
    }

    package enum Acceptance: Sendable {
        case accepted
        /// Purged or pushed out since it was asked for: forget it, and let those who wait look up again.
        case void
    }

    private struct Vended: Sendable {
        let credential: Credential
        let since: WallTime
        let expiry: WallTime
        let refreshAt: WallTime
        let usableUntil: WallTime
    }

    private enum State: Sendable {
        case vending(VendTicket)
        case fresh
        case failed(VendFailure, retryAt: WallTime)
    }

    private struct Entry: Sendable {
        let tenant: String
        var state: State
        /// The last one, which serves as long as it is usable.
        var vended: Vended?
        /// Failures since the last success.
        var failures = 0
    }

    private let times: Times
    private var entries: DigestTable<Entry>
    private var lastTicket: UInt64 = 0

    package init(capacity: Int = 4096, times: Times = Times()) {
        precondition(times.firstRetry > .zero && times.margin > .zero, "waiting times are more than zero")
        self.times = times
        entries = DigestTable(capacity: capacity)
    }

    package var count: Int { entries.count }

    /// What is held of a tenant's: how many credentials, since when the oldest, and when the first ends.
    package struct Holding: Hashable, Sendable {
        package var count: Int
        package var oldest: WallTime
        package var nextExpiry: WallTime
    }

    /// Of every tenant that has a credential that still lives. Cost: one look at each entry.
    package func holdings(now: WallTime) -> [String: Holding] {
        var holdings: [String: Holding] = [:]
        entries.forEach { entry in
            guard let vended = entry.vended, now < vended.expiry else { return }
            var holding =
                holdings[entry.tenant] ?? Holding(count: 0, oldest: vended.since, nextExpiry: vended.expiry)
            holding.count += 1
            holding.oldest = min(holding.oldest, vended.since)
            holding.nextExpiry = min(holding.nextExpiry, vended.expiry)
            holdings[entry.tenant] = holding
        }
        return holdings
    }

    /// The credential of that key, or what to do to get it.
    /// - Parameter tenant: whose it is, for purges.
    package mutating func lookup(_ key: CredentialKey, tenant: String, now: WallTime) -> Lookup {
        guard let slot = entries.find(key.digest) else {
            let ticket = nextTicket()
            entries.insert(key.digest, Entry(tenant: tenant, state: .vending(ticket)))
            return .vend(ticket)
        }
        let entry = entries[slot]
        let usable = entry.vended.flatMap { now < $0.usableUntil ? $0 : nil }
        switch entry.state {
        case .vending:
            return usable.map { .hit($0.credential) } ?? .wait
        case .fresh:
            if let usable, now < usable.refreshAt { return .hit(usable.credential) }
        case .failed(let failure, let retryAt):
            if now < retryAt {
                return usable.map { .hit($0.credential) } ?? .failed(failure, retryAt: retryAt)
            }
        }
        let ticket = nextTicket()
        entries.update(slot) { $0.state = .vending(ticket) }
        return usable.map { .refresh($0.credential, ticket) } ?? .vend(ticket)
    }

    /// The attempt brought a credential.
    /// - Parameter spread: a random number; moves the renewal to between 70 and 80 percent of the credential's life.
    package mutating func vended(
        _ key: CredentialKey,
        _ ticket: VendTicket,
        _ credential: Credential,
        expiry: WallTime,
        now: WallTime,
        spread: UInt8
    ) -> Acceptance {
        guard let slot = slot(key, ticket) else { return .void }
        let life = max((expiry - now).nanoseconds, 0)
        let margin = min(times.margin.nanoseconds, life / 4)
        let ahead = max(life / 5 + life / 2560 * Int64(spread), margin)
        entries.update(slot) { entry in
            entry.vended = Vended(
                credential: credential,
                since: now,
                expiry: expiry,
                refreshAt: now + Interval(nanoseconds: life - ahead),
                usableUntil: now + Interval(nanoseconds: life - margin)
            )
            entry.state = .fresh
            entry.failures = 0
        }
        return .accepted
    }

    /// The attempt failed.
    /// - Parameter spread: a random number; makes the wait up to half longer.
    package mutating func failed(
        _ key: CredentialKey,
        _ ticket: VendTicket,
        _ failure: VendFailure,
        now: WallTime,
        spread: UInt8
    ) -> Acceptance {
        guard let slot = slot(key, ticket) else { return .void }
        let failures = entries[slot].failures
        var delay = failure == .denied ? times.denial.nanoseconds : times.firstRetry.nanoseconds
        // What is missing may be put there any moment, and a look costs little.
        if failure != .denied, failure != .missing {
            for _ in 0..<failures where delay < times.longestRetry.nanoseconds { delay *= 2 }
            delay = min(delay, times.longestRetry.nanoseconds)
        }
        delay += delay / 510 * Int64(spread)
        entries.update(slot) { entry in
            entry.failures = min(failures + 1, 16)
            entry.state = .failed(failure, retryAt: now + Interval(nanoseconds: delay))
        }
        return .accepted
    }

    /// An upstream refused a credential as expired or revoked: it is not given again. One that came less than
    /// `shortestUse` ago stays, so that refusals at will do not have the service asked at will.
    /// - Returns: whether there was one, and it is gone.
    package mutating func reject(_ key: CredentialKey, now: WallTime) -> Bool {
        guard let slot = entries.find(key.digest), let vended = entries[slot].vended,
            now - vended.since >= CredentialCacheTimes.shortestUse
        else { return false }
        // An attempt that is under way brings another one.
        if case .vending = entries[slot].state {
            entries.update(slot) { $0.vended = nil }
        } else {
            entries.remove(slot)
        }
        return true
    }

    /// What is kept of that key is forgotten, an attempt that is under way included.
    package mutating func invalidate(_ key: CredentialKey) {
        if let slot = entries.find(key.digest) { entries.remove(slot) }
    }

    /// Forgets a tenant's credentials, those under way included.
    package mutating func purge(tenant: String) { entries.removeAll { $0.tenant == tenant } }

    private mutating func nextTicket() -> VendTicket {
        lastTicket += 1
        return VendTicket(number: lastTicket)
    }

    /// The entry for which this very attempt is under way.
    private mutating func slot(_ key: CredentialKey, _ ticket: VendTicket) -> Int? {
        guard let slot = entries.find(key.digest), case .vending(ticket) = entries[slot].state else {
            return nil
        }
        return slot
    }
}
