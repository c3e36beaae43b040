// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes
package import Namespaces
import Telemetry

extension Gateway {
    /// Answers with a refusal, in the words of the route's protocol.
    package mutating func refuse(_ exchange: inout Exchange, _ refusal: Refusal) -> Action {
        startRefusal(&exchange, refusal)
        if let adapter = exchange.route?.adapter {
            let status = adapter.writeError(
                code: refusal.callerCode,
                status: refusal.status.rawValue,
                into: &exchange.answer.body
            )
            finishRefusal(&exchange, refusal, Status(status), adapter.errorContentType)
        } else {
            // No protocol is known yet. The code is one of ours, so it needs no escaping.
            exchange.answer.body.append("{\"error\":\"")
            exchange.answer.body.append(string: refusal.callerCode)
            exchange.answer.body.append("\"}")
            finishRefusal(&exchange, refusal, refusal.status, "application/json")
        }
        return .answer
    }

    package mutating func refuse(_ exchange: inout Exchange, _ failure: AdapterFailure) -> Action {
        guard let adapter = exchange.route?.adapter else { return refuse(&exchange, .routeUnknown) }
        let refusal = Refusal(failure)
        startRefusal(&exchange, refusal)
        note(failure, in: &exchange)
        let status = adapter.writeError(failure, exchange.request.path, into: &exchange.answer.body)
        finishRefusal(&exchange, refusal, Status(status), adapter.errorContentType)
        return .answer
    }

    /// The same for what is found in the middle of an answer.
    mutating func stopPieces(_ exchange: inout Exchange, _ failure: AdapterFailure) {
        note(failure, in: &exchange)
        abandon(&exchange, Refusal(failure))
    }

    private mutating func note(_ failure: AdapterFailure, in exchange: inout Exchange) {
        guard failure.reason.isLeak else { return }
        exchange.leak = failure.leak
        metrics.add(.leaksStopped)
    }

    /// Nothing can be answered any more; the record says why.
    package mutating func abandon(_ exchange: inout Exchange, _ refusal: Refusal) {
        exchange.refusal = refusal
        metrics.refused(reason: refusal.code, route: exchange.route?.name ?? "")
    }

    private mutating func startRefusal(_ exchange: inout Exchange, _ refusal: Refusal) {
        exchange.refusal = refusal
        exchange.answer.removeAll()
        metrics.refused(reason: refusal.code, route: exchange.route?.name ?? "")
    }

    private func finishRefusal(
        _ exchange: inout Exchange,
        _ refusal: Refusal,
        _ status: Status,
        _ contentType: StaticString
    ) {
        exchange.answer.status = status
        exchange.answer.fields.append(.contentType, value: contentType)
        exchange.answer.fields.append(.cacheControl, value: "no-store")
        // A code of ours: letters and underscores.
        try? exchange.answer.fields.append(
            name: "x-bulkhead-reason",
            value: refusal.callerCode.utf8Span.span
        )
        switch status {
        case .unauthorized:
            exchange.answer.fields.append(.wwwAuthenticate, value: "Bearer error=\"invalid_token\"")
        case .serviceUnavailable: exchange.answer.fields.append(.retryAfter, value: "1")
        default: break
        }
    }
}
