// SPDX-License-Identifier: Apache-2.0
package import Bytes
package import HTTPTypes
import Identity
import Namespaces
import Vending

extension Gateway {
    /// The final response's head is in `exchange.upstreamResponse`.
    /// - Parameter length: of the body, as the upstream announces it.
    package mutating func respond(_ exchange: inout Exchange, length: BodyLength, now: WallTime)
        -> ResponseAction
    {
        guard let route = exchange.route, let means = exchange.grant?.means, let mapping = exchange.mapping
        else {
            _ = refuse(&exchange, .policyFailed)
            return .answer
        }
        if let injected = means.injected, injected.stands(in: exchange.upstreamResponse.fields) {
            _ = refuse(&exchange, .credentialEchoed)
            return .answer
        }
        let status = exchange.upstreamResponse.status
        if status == .notFound { suspectProvision(exchange, now) }
        if status == .unauthorized { suspectCredential(means, now) }
        let authority = route.authority
        do throws(AdapterFailure) {
            let body = try route.adapter.planResponse(
                mapping,
                status: status.rawValue,
                exchange.upstreamResponse.fields,
                length: length,
                authority: authority.span,
                means.scope,
                into: &responsePlan
            )
            exchange.answer.status = status
            do throws(FieldError) { try writeResponseFields(&exchange) } catch {
                throw AdapterFailure(.responseInvalid)
            }
            switch body {
            case .none, .opaque: return .stream(length)
            case .events:
                exchange.responseTransform = BodyTransform(responseTo: mapping, isEvents: true, route.adapter)
                return .stream(.unknown)
            case .json(let limit):
                exchange.responseLimit = min(limit, exchange.plan.bufferedBodyBytes)
                return .collect
            }
        } catch {
            _ = refuse(&exchange, error)
            return .answer
        }
    }

    /// The body that `respond` asked for is in `exchange.responseBody`; the answer is then whole, whatever it is.
    /// - Returns: `answer`, or a need before it.
    package mutating func respondCollected(_ exchange: inout Exchange, now: WallTime) -> Action {
        owners.forget()
        exchange.resumption = .responseBody
        return mapResponse(&exchange)
    }

    /// What an id is called that the store has just made, and whose it is from now on, is on the disk before the answer
    /// leaves (THREATS 14).
    mutating func mapResponse(_ exchange: inout Exchange) -> Action {
        guard let route = exchange.route, let means = exchange.grant?.means, let mapping = exchange.mapping
        else {
            return refuse(&exchange, .policyFailed)
        }
        if let injected = means.injected, injected.stands(in: exchange.responseBody.bytes) {
            return refuse(&exchange, .credentialEchoed)
        }
        owners.begin()
        exchange.answer.body.removeAll()
        do throws(AdapterFailure) {
            let status = try Self.mapBody(
                exchange.responseBody,
                of: exchange.upstreamResponse.status,
                exchange.request,
                sent: exchange.requestBody,
                route.adapter,
                mapping,
                means.scope,
                into: &exchange.answer.body
            )
            exchange.answer.status = Status(status)
        } catch {
            return refuse(&exchange, error)
        }
        do throws(Stop) { try needOwners() } catch { return stop(&exchange, error) }
        return .answer
    }

    private static func mapBody(
        _ body: borrowing Buffer,
        of status: Status,
        _ request: borrowing RequestHead,
        sent: borrowing Buffer,
        _ adapter: Adapter,
        _ mapping: RequestMapping,
        _ scope: AdapterScope,
        into output: inout Buffer
    ) throws(AdapterFailure) -> UInt16 {
        try adapter.transformResponse(
            mapping,
            status: status.rawValue,
            body.bytes,
            request,
            sent: sent.bytes,
            scope,
            into: &output
        )
    }

    /// The upstream granted the WebSocket that was asked for.
    /// - Returns: false when it is not to be granted after all; send `exchange.answer` then.
    package mutating func switchProtocols(_ exchange: inout Exchange) -> Bool {
        switch respond(&exchange, length: .none, now: exchange.startedOn) {
        case .stream: return true
        case .collect, .answer: return false
        }
    }

    private func writeResponseFields(_ exchange: inout Exchange) throws(FieldError) {
        if let session = try copyFields(
            exchange.upstreamResponse.fields,
            to: &exchange.answer.fields,
            exchange.plan,
            exchange.route
        ) {
            try writeResponseSession(&exchange, session)
        }
    }

    /// - Returns: the field that holds a session id, if one does.
    private func copyFields(
        _ fields: borrowing Fields,
        to answer: inout Fields,
        _ plan: GatewayPlan,
        _ route: Route?
    ) throws(FieldError) -> Int? {
        var session: Int?
        for index in fields.indices {
            switch responsePlan.decisions[index] {
            case .drop, .user: break
            case .replace(let range):
                let value = responsePlan.values.bytes.extracting(range)
                try answer.append(nameAt: index, of: fields, value: value)
            case .session: session = index
            case .pass:
                // What Bulkhead tells an agent is not for callers (THREATS 6).
                let known = fields.known(at: index)
                if known.isOurs { break }
                if plan.reserved.protects(fields.name(at: index)) { break }
                if let route, route.isSession(fields.name(at: index)) {
                    session = index
                    break
                }
                try answer.append(index, of: fields)
            }
        }
        return session
    }

    /// Puts into `exchange.answer.fields`, whose head is out, the trailers of a response that may go to the caller: none where
    /// the route passes none, else those that would pass in a head.
    package func respondTrailers(_ exchange: inout Exchange, _ trailers: borrowing Fields) {
        exchange.answer.fields.removeAll()
        guard !trailers.isEmpty, let route = exchange.route, route.passesTrailers else { return }
        if let injected = exchange.grant?.means?.injected, injected.stands(in: trailers) { return }
        for index in trailers.indices {
            let isHeld =
                trailers.known(at: index).isOurs || exchange.plan.reserved.protects(trailers.name(at: index))
                || route.isSession(trailers.name(at: index))
            // What is too large for a head is no trailer that anybody waits for.
            if !isHeld { try? exchange.answer.fields.append(index, of: trailers) }
        }
    }

    /// The client knows its session by its own name; another session is none of its business.
    private func writeResponseSession(_ exchange: inout Exchange, _ index: Int) throws(FieldError) {
        guard let session = exchange.session, !exchange.clientSession.isEmpty else { return }
        var virtual = Buffer()
        session.write(into: &virtual)
        guard exchange.upstreamResponse.fields.value(at: index).equals(virtual.bytes) else { return }
        virtual.removeAll()
        virtual.append(exchange.clientSession.bytes)
        try exchange.answer.fields.append(
            nameAt: index,
            of: exchange.upstreamResponse.fields,
            value: virtual.bytes
        )
    }
}

extension KnownField {
    /// Fields of a response in which an agent may echo what Bulkhead told it: the handle, the trace.
    fileprivate var isOurs: Bool {
        switch self {
        case .traceparent, .tracestate, .baggage, .authorization, .proxyAuthorization, .xAPIKey, .apiKey: true
        default: false
        }
    }
}
