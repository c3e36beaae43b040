// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// An exchange that wants an agent endpoint to itself, or beside others of the same lease.
package struct LeaseClaim: Sendable {
    /// Names the exchange.
    package let ticket: UInt64
    package let principal: Principal
    package let session: VirtualSessionID?

    package init(ticket: UInt64, principal: Principal, session: VirtualSessionID?) {
        self.ticket = ticket
        self.principal = principal
        self.session = session
    }
}

/// Who has which endpoint of one agent: each belongs to one tenant or session at a time, and between two of them it is
/// recycled, until its process is proved to be another (THREATS 2, 25). The control thread has one for each agent.
///
///     held ─▶ unproven ─▶ recycling ─proved─▶ free ─claim─▶ leased ─▶ recycling
///                             └───not proved───▶ unproven
///
/// * An endpoint starts `unproven`: nobody knows whom its process served before.
/// * In a process that takes the place of another it starts `held`: the one before still has it leased, until `take`.
/// * Leased, it is sticky: the next claim of the same tenant or session goes there. It is given up when somebody waits
///   and no exchange is open there, or when that has been so for `idle`.
/// * At any moment all exchanges that are open there are one person's: calls of the process that bring nothing else are
///   that person's. Persons of one tenant follow each other there without recycling.
/// * Claims that find nothing wait their turn; nobody overtakes. Limits: `maximumWaiting`, and `wait` for each.
package struct LeaseTable: Sendable {
    package enum Kind: Sendable { case tenant, session }

    package enum Action: Equatable, Sendable {
        case granted(ticket: UInt64, endpoint: Int)
        /// Its time is over, or too many wait.
        case refused(ticket: UInt64)
        /// Start it anew, then call `recycled`.
        case recycle(endpoint: Int)
    }

    /// What came of an exchange's end.
    package struct Released: Equatable, Sendable {
        /// Where it was; nil when it had no endpoint.
        package let endpoint: Int?
        package let actions: [Action]

        package init(endpoint: Int?, actions: [Action]) {
            self.endpoint = endpoint
            self.actions = actions
        }
    }

    package static let maximumWaiting = 1024

    private enum State: Sendable {
        case held, unproven, recycling, free
        case leased(Lease)
    }

    /// What an endpoint is leased to.
    private struct Key: Equatable, Sendable {
        var tenant: TenantID
        var person: Person?
        var session: VirtualSessionID?
        /// Of an exchange without a session, which is one of its own.
        var ticket: UInt64?
    }

    private struct Person: Equatable, Sendable {
        let principal: Principal
        static func == (left: Person, right: Person) -> Bool {
            left.principal.isSamePerson(as: right.principal)
        }
    }

    private struct Lease: Sendable {
        var key: Key
        var person: Person
        var open: Set<UInt64>
        var idleSince: WallTime
    }

    private let kind: Kind
    private let wait: Interval
    private let idle: Interval
    private var states: [State]
    private var endpoints: [UInt64: Int] = [:]
    private var waiting: [(claim: LeaseClaim, until: WallTime)] = []

    package init(_ kind: Kind, endpoints: Int, wait: Interval, idle: Interval, areHeld: Bool = false) {
        self.kind = kind
        self.wait = wait
        self.idle = idle
        states = Array(repeating: areHeld ? .held : .unproven, count: endpoints)
    }

    package var waitingCount: Int { waiting.count }
    package var leasedCount: Int { states.count { if case .leased = $0 { true } else { false } } }

    /// Whether an exchange is open at an endpoint.
    package func isOpen(_ endpoint: Int) -> Bool {
        if case .leased(let lease) = states[endpoint] { !lease.open.isEmpty } else { false }
    }

    // MARK: events

    /// Nobody else has the endpoints any more.
    package mutating func take() {
        for endpoint in states.indices {
            if case .held = states[endpoint] { states[endpoint] = .unproven }
        }
    }

    package mutating func claim(_ claim: LeaseClaim, now: WallTime) -> [Action] {
        guard waiting.count < Self.maximumWaiting, endpoints[claim.ticket] == nil else {
            return [.refused(ticket: claim.ticket)]
        }
        waiting.append((claim, now + wait))
        return serve(now)
    }

    /// The exchange is over, or wants nothing any more.
    package mutating func released(_ ticket: UInt64, now: WallTime) -> Released {
        waiting.removeAll { $0.claim.ticket == ticket }
        guard let endpoint = endpoints.removeValue(forKey: ticket) else {
            return Released(endpoint: nil, actions: serve(now))
        }
        if case .leased(var lease) = states[endpoint] {
            lease.open.remove(ticket)
            if lease.open.isEmpty { lease.idleSince = now }
            states[endpoint] = .leased(lease)
        }
        return Released(endpoint: endpoint, actions: serve(now))
    }

    /// - Parameter isProved: its process is another than before.
    package mutating func recycled(_ endpoint: Int, isProved: Bool, now: WallTime) -> [Action] {
        guard case .recycling = states[endpoint] else { return [] }
        states[endpoint] = isProved ? .free : .unproven
        return serve(now)
    }

    /// Looks at what time does: at the start, and from then on every now and then.
    package mutating func tick(now: WallTime) -> [Action] {
        var actions: [Action] = []
        for late in waiting where now >= late.until { actions.append(.refused(ticket: late.claim.ticket)) }
        waiting.removeAll { now >= $0.until }
        for endpoint in states.indices {
            switch states[endpoint] {
            case .held, .recycling, .free: break
            case .unproven: actions.append(recycle(endpoint))
            case .leased(let lease):
                if lease.open.isEmpty, now - lease.idleSince >= idle { actions.append(recycle(endpoint)) }
            }
        }
        return actions + serve(now)
    }

    // MARK: choosing

    private mutating func serve(_ now: WallTime) -> [Action] {
        var actions: [Action] = []
        while let first = waiting.first, let endpoint = place(first.claim) {
            waiting.removeFirst()
            actions.append(.granted(ticket: first.claim.ticket, endpoint: endpoint))
        }
        // Each who waits gets one that is on its way, if there is any that nobody uses.
        var coming = states.count { if case .recycling = $0 { true } else { false } }
        while coming < waiting.count, let endpoint = longestIdle {
            actions.append(recycle(endpoint))
            coming += 1
        }
        return actions
    }

    /// Its own endpoint with the fewest exchanges, or a free one.
    private mutating func place(_ claim: LeaseClaim) -> Int? {
        let (key, person) = (key(of: claim), Person(principal: claim.principal))
        var best: (endpoint: Int, open: Int)?
        for endpoint in states.indices {
            guard case .leased(let lease) = states[endpoint], lease.key == key,
                lease.open.isEmpty || lease.person == person, lease.open.count < best?.open ?? .max
            else { continue }
            best = (endpoint, lease.open.count)
        }
        let free = states.firstIndex { if case .free = $0 { true } else { false } }
        guard let endpoint = best?.endpoint ?? free else { return nil }
        var open: Set<UInt64> = [claim.ticket]
        if case .leased(let lease) = states[endpoint] { open.formUnion(lease.open) }
        states[endpoint] = .leased(
            Lease(key: key, person: person, open: open, idleSince: WallTime(nanoseconds: 0))
        )
        endpoints[claim.ticket] = endpoint
        return endpoint
    }

    private func key(of claim: LeaseClaim) -> Key {
        let tenant = claim.principal.tenant
        switch kind {
        case .tenant: return Key(tenant: tenant)
        case .session:
            return Key(
                tenant: tenant,
                person: Person(principal: claim.principal),
                session: claim.session,
                ticket: claim.session == nil ? claim.ticket : nil
            )
        }
    }

    private var longestIdle: Int? {
        var best: (endpoint: Int, since: WallTime)?
        for endpoint in states.indices {
            guard case .leased(let lease) = states[endpoint], lease.open.isEmpty else { continue }
            if let known = best, known.since <= lease.idleSince { continue }
            best = (endpoint, lease.idleSince)
        }
        return best?.endpoint
    }

    private mutating func recycle(_ endpoint: Int) -> Action {
        states[endpoint] = .recycling
        return .recycle(endpoint: endpoint)
    }
}
