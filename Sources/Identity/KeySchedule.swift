// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// When to fetch an issuer's keys: on a timer, and once for a key id that nobody has seen (DESIGN §5).
/// One per issuer, on the control thread; it fetches nothing itself.
///
/// The keys in force stay in force whatever fails here. Unknown key ids make it fetch once per `minimumGap`, however
/// many of them somebody invents; until then they are refused without asking, which is the negative cache. Fetches of
/// the timer do not count against that, so the first token under a new key never meets a closed door.
package struct KeySchedule: Sendable {
    package struct Times: Sendable {
        /// Between two fetches while all is well.
        package var refresh = Interval.seconds(600)
        /// Between two fetches for unknown keys.
        package var minimumGap = Interval.seconds(30)
        /// After a failure, doubled with each further one up to `refresh`; more than zero.
        package var firstRetry = Interval.seconds(5)

        package init() {}
    }

    package enum Answer: Equatable, Sendable {
        /// Start a fetch, and let the request wait for it.
        case fetch
        /// A fetch is under way: let the request wait.
        case wait
        /// The key is not to be had: refuse the request.
        case refuse
    }

    private enum State: Sendable {
        /// Nothing under way; the timer runs until then.
        case idle(dueAt: Instant)
        /// `fetched` or `failed` ends it.
        case fetching
    }

    private let times: Times
    private var state: State
    private var lastDemand: Instant?
    private var failures = 0

    /// - Parameter now: the first fetch is due at once.
    package init(times: Times = Times(), now: Instant) {
        precondition(times.firstRetry > .zero && times.refresh > .zero, "waiting times are more than zero")
        self.times = times
        state = .idle(dueAt: now)
    }

    /// When `tick` is wanted; nil while a fetch is under way.
    package var dueAt: Instant? {
        switch state {
        case .idle(let dueAt): dueAt
        case .fetching: nil
        }
    }

    /// - Returns: whether to start a fetch now.
    package mutating func tick(now: Instant) -> Bool {
        switch state {
        case .idle(let dueAt):
            guard now >= dueAt else { return false }
            state = .fetching
            return true
        case .fetching: return false
        }
    }

    /// A request has a key id that is not among the keys in force.
    package mutating func unknownKey(now: Instant) -> Answer {
        switch state {
        case .fetching: return .wait
        case .idle:
            if let lastDemand, now - lastDemand < times.minimumGap { return .refuse }
            lastDemand = now
            state = .fetching
            return .fetch
        }
    }

    /// The fetch brought a key set.
    /// - Parameter spread: a random number; moves the next fetch forward by up to a tenth, so that a fleet does
    ///   not ask in step.
    package mutating func fetched(now: Instant, spread: UInt8) {
        failures = 0
        let early = times.refresh.nanoseconds / 10 / 255 * Int64(spread)
        state = .idle(dueAt: now + Interval(nanoseconds: times.refresh.nanoseconds - early))
    }

    /// The fetch brought nothing that can be used.
    package mutating func failed(now: Instant) {
        var delay = times.firstRetry.nanoseconds
        for _ in 0..<failures where delay < times.refresh.nanoseconds { delay *= 2 }
        failures = min(failures + 1, 16)
        state = .idle(dueAt: now + min(Interval(nanoseconds: delay), times.refresh))
    }
}
