// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Configuration
import HTTPTypes
import Identity
import Namespaces
package import Telemetry
import Vending

extension Gateway {
    /// The exchange is over: its one record is appended to `output`, and counted (law 7).
    package mutating func record(
        _ exchange: borrowing Exchange,
        caller: String?,
        now: Instant,
        into output: inout Buffer
    ) {
        let outcome = outcome(of: exchange)
        let duration = now - exchange.startedAt
        let upstream = exchange.upstreamStartedAt.flatMap { start in
            exchange.upstreamAnsweredAt.map { $0 - start }
        }
        if exchange.isOpen {
            let end = exchange.startedOn + duration + exchange.plan.handleTimes.linger
            exchanges.end(exchange.traceID, until: end)
        }
        let status = exchange.answerStatus
        var hop = Hop()
        hop.time = exchange.startedOn
        hop.duration = duration
        hop.status = status
        hop.outcome = outcome
        hop.reason = exchange.refusal?.code
        hop.listener = exchange.plan.listeners[exchange.listener].name
        hop.caller = caller
        hop.endpoint = exchange.endpoint
        hop.upstreamDuration = upstream
        hop.bytesIn = exchange.bytesIn
        hop.bytesOut = exchange.bytesOut
        hop.traceID = exchange.recordID
        if !exchange.isUnreadable { hop.method = exchange.request.method }
        describe(exchange, &hop)
        text.removeAll()
        exchange.session?.writeShort(into: &text)
        AccessLog.append(
            hop,
            target: exchange.request.target,
            rewritten: exchange.outgoing.target.bytes,
            session: text.bytes,
            into: &output
        )
        if exchange.plan.audits { noteAudit(hop, exchange) }
        metrics.add(.recordsWritten)
        metrics.record(
            series: series(of: exchange),
            outcome: outcome,
            status: status,
            duration: duration,
            bytesIn: exchange.bytesIn,
            bytesOut: exchange.bytesOut,
            upstreamDuration: upstream
        )
    }

    private func describe(_ exchange: borrowing Exchange, _ hop: inout Hop) {
        if let route = exchange.route {
            hop.place = route.recordPart(exchange.operation)
            hop.upstream = exchange.upstreamStartedAt == nil ? nil : route.upstreamName
        }
        if let means = exchange.grant?.means {
            hop.who = means.recordPart
        } else if let principal = exchange.principal {
            hop.who = Self.recordPart(principal, exchange.grant)
        }
    }

    private static func recordPart(_ principal: Principal, _ grant: Grant?) -> RecordPart {
        var who = HopWho(principal)
        who.policies = grant?.policyIDs ?? []
        who.shadowDenials = grant?.shadowDenials ?? []
        who.credential = grant?.credential
        return .who(who)
    }

    private func outcome(of exchange: borrowing Exchange) -> Outcome {
        guard let refusal = exchange.refusal else { return .allowed }
        if refusal.status.rawValue == 499 { return .abandoned }
        switch refusal.source {
        case .client: return .refused
        case .upstream, .us: return .failed
        }
    }

    private mutating func series(of exchange: borrowing Exchange) -> Int {
        if let means = exchange.grant?.means { return means.series }
        guard let route = exchange.route else { return MetricSet.noSeries }
        // A verified principal that was refused is counted under its tenant; anybody else under the route alone.
        guard let principal = exchange.principal else { return metrics.series(route: route.name) }
        return metrics.series(route: route.name, tenant: principal.tenant.text, tier: principal.tier.name)
    }

    /// Records that nobody takes.
    package mutating func countDropped(records: borrowing Span<UInt8>) {
        var lines = 0
        for index in records.indices where records[index] == ASCII.lineFeed { lines += 1 }
        metrics.add(.recordsDropped, lines)
    }

    // MARK: counting what the worker sees

    package mutating func count(_ counter: Counter) { metrics.add(counter) }

    package mutating func upstreamFailed(_ exchange: borrowing Exchange, _ refusal: Refusal) {
        metrics.upstreamFailed(exchange.route?.upstreamName ?? "", reason: refusal.code)
    }

    /// A copy of this worker's counters, those that the parts keep included.
    package mutating func counters() -> MetricSnapshot {
        var now = ReportedCounters(identity: authenticator.counters, grants: grants.counters)
        now.grants.hits += memo.hits
        let last = reported
        metrics.add(.tokenCacheHits, Int(clamping: now.identity.tokenHits - last.identity.tokenHits))
        metrics.add(.tokenCacheMisses, Int(clamping: now.identity.tokenMisses - last.identity.tokenMisses))
        metrics.add(.handlesSealed, Int(clamping: now.identity.handlesSealed - last.identity.handlesSealed))
        metrics.add(.handlesOpened, Int(clamping: now.identity.handlesOpened - last.identity.handlesOpened))
        metrics.add(.grantCacheHits, Int(clamping: now.grants.hits - last.grants.hits))
        metrics.add(.grantCacheMisses, Int(clamping: now.grants.misses - last.grants.misses))
        reported = now
        return metrics.snapshot()
    }

    /// What the parts had counted when the counters were last asked for.
    struct ReportedCounters {
        var identity = Authenticator.Counters()
        var grants = GrantCache<Means>.Counters()
    }
}

extension HopWho {
    init(_ principal: Principal) {
        self.init()
        issuer = principal.issuer.name
        tenant = principal.tenant.text
        tier = principal.tier.name
        user = principal.user.text
        tokenID = principal.tokenID
        isTierDrifted = principal.isTierDrifted
    }
}
