// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
import Identity
import Telemetry

extension Gateway {
    /// Every carrier that is there is verified, and all must agree (THREATS 1). Nothing else says who it is.
    mutating func identify(_ exchange: inout Exchange, _ now: WallTime) throws(Stop) -> Principal {
        if let principal = exchange.principal { return principal }
        let listener = exchange.plan.listeners[exchange.listener]
        var carriers = Carriers(listener.carriers, agent: listener.agent, isLastTry: exchange.asksForKeys)
        let identity = snapshot.identity
        if let certificate = exchange.certificate {
            carriers.add(certificate, with: &authenticator, snapshot: identity, now: now)
        }
        add(exchange.request.fields, to: &carriers, identity, now)
        if let endpoint = listener.leasedEndpoint {
            carriers.add(lease: endpoint, with: &authenticator, snapshot: identity, now: now)
        }
        if listener.carriers.contains(.aws) { try addSignature(&exchange, to: &carriers, identity, now) }
        switch carriers.outcome {
        case .principal(let principal, let handle):
            if let tenant = listener.tenant, !principal.tenant.text.utf8.elementsEqual(tenant.utf8) {
                throw .refused(.leaseForeign)
            }
            exchange.principal = principal
            exchange.handle = handle
            exchange.session = handle?.session
            exchange.hasToken = carriers.hasToken
            if principal.isTierDrifted { metrics.add(.tierDrift) }
            return principal
        case .refused(let failure):
            // A call that lost its carrier on the way would write what is a tenant's where others read it, so nobody's
            // exchange may be open.
            if failure == .tokenMissing || failure == .traceUnknown, let service = listener.service,
                !exchanges.hasOpen(with: listener.agent)
            {
                exchange.principal = service
                return service
            }
            throw .refused(Refusal(failure))
        case .unknownKey(let issuer, let keyID):
            throw .need(.keys(generation: identity.generation, issuer: issuer, keyID: keyID))
        }
    }

    /// Whatever else is in the fields, only these slots are looked at.
    private mutating func add(
        _ fields: borrowing Fields,
        to carriers: inout Carriers,
        _ identity: IdentitySnapshot,
        _ now: WallTime
    ) {
        for index in fields.indices {
            let slot: CarrierSlot
            switch fields.known(at: index) {
            case .authorization: slot = .authorization
            case .xAPIKey: slot = .xAPIKey
            case .apiKey: slot = .apiKey
            case .traceparent:
                guard let parent = TraceParent(fields.value(at: index)) else { continue }
                let trace = (parent.traceHigh, parent.traceLow)
                _ = carriers.add(trace: trace, with: &authenticator, snapshot: identity, now: now)
                continue
            case .baggage:
                addBaggage(&carriers, fields, index, identity, now)
                continue
            default: continue
            }
            let value = fields.value(at: index)
            _ = carriers.add(value, in: slot, with: &authenticator, snapshot: identity, now: now)
        }
    }

    private mutating func addBaggage(
        _ carriers: inout Carriers,
        _ fields: borrowing Fields,
        _ index: Int,
        _ identity: IdentitySnapshot,
        _ now: WallTime
    ) {
        let value = fields.value(at: index)
        var cursor = BaggageCursor()
        while let member = cursor.next(in: value) {
            guard value.extracting(member.key).equals(Carriers.baggageKey) else { continue }
            let text = value.extracting(member.value)
            _ = carriers.add(text, in: .baggage, with: &authenticator, snapshot: identity, now: now)
        }
    }
}
