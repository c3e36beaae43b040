// SPDX-License-Identifier: Apache-2.0
package import Identity

/// An agent's endpoint for one exchange: it belongs to one tenant or session at a time.
package struct LeaseNeed: Hashable, Sendable {
    /// Place of the agent among the upstreams.
    package let upstream: Int
    package let claim: LeaseClaim

    package static func == (left: LeaseNeed, right: LeaseNeed) -> Bool {
        left.claim.ticket == right.claim.ticket
    }
    package func hash(into hasher: inout Hasher) { hasher.combine(claim.ticket) }
}

extension Gateway {
    /// The last step before a request goes out: where the agent is leased, an endpoint for this exchange. Whoever takes
    /// the answer gives the lease back when the exchange is over, or when it cannot be told any more.
    func lease(_ exchange: inout Exchange, _ route: Route, _ principal: Principal) throws(Stop) {
        guard route.isLeased, exchange.lease == nil else { return }
        if case .leased(let place)? = exchange.needOutcome {
            exchange.lease = place
            return
        }
        let (_, ticket) = exchange.recordID
        let claim = LeaseClaim(ticket: ticket, principal: principal, session: exchange.session)
        throw .need(.lease(LeaseNeed(upstream: route.upstream, claim: claim)))
    }
}
