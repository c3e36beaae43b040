// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import HTTP1
import HTTPTypes

/// The caller's side: writing responses.
extension Worker {
    /// Refuses whatever the connection is at.
    mutating func refuse(_ connection: Downstream, _ refusal: Refusal) {
        guard let exchange = connection.exchange else { return close(connection) }
        refuse(connection, exchange, refusal)
        schedule(connection)
    }

    mutating func refuse(_ connection: Downstream, _ exchange: ExchangeBox, _ refusal: Refusal) {
        leaveQueues(connection)
        if connection.io.awaitsResponse {
            _ = gateway.refuse(&exchange.value, refusal)
            answer(connection, exchange)
        } else {
            // Half a response is out: its end must not be sent (THREATS 18).
            gateway.abandon(&exchange.value, refusal)
            cutOff(connection, exchange)
        }
    }

    /// What the caller sent is no request.
    mutating func refuse(_ connection: Downstream, _ error: HTTP1Error) {
        guard let exchange = connection.exchange else { return close(connection) }
        let refusal = Refusal(error)
        if exchange.value.hasBegun { return refuse(connection, exchange, refusal) }
        let start = Gateway.Start(listener: connection.listener, now: now, wallTime: wallTime)
        gateway.reject(&exchange.value, start, refusal)
        answer(connection, exchange)
    }

    /// Sends an answer that stands whole in the exchange, and ends the exchange.
    mutating func answer(_ connection: Downstream, _ exchange: ExchangeBox) {
        dropUpstream(connection)
        exchange.value.bytesOut = exchange.value.answer.body.count
        exchange.value.isAnswered = true
        do throws(HTTP1Error) {
            connection.io.respond(exchange.value.answer, length: .fixed(exchange.value.answer.body.count))
            try connection.io.write(0..<exchange.value.answer.body.count, of: exchange.value.answer.body)
            endExchange(
                connection,
                exchange,
                try connection.io.finish()
            )
        } catch {
            cutOff(connection, exchange)
        }
    }

    /// The response is out: the record is written, and the connection goes on to its next request or its end.
    mutating func endExchange(
        _ connection: Downstream,
        _ exchange: ExchangeBox,
        _ ending: ServerConnection.Ending
    ) {
        finish(exchange, connection)
        connection.exchange = nil
        give(exchange)
        if let link = connection.io.link { return release(connection, link) }
        connection.phase = ending == .close ? .closing : .waiting
        connection.deadline = now + (ending == .reuse ? plan.trimAfter : plan.bodyTimeout)
        if connection.phase == .closing { connection.deadline = now + plan.bodyTimeout }
        arm(connection)
        schedule(connection)
    }

    /// Ends the connection in the middle of a response, so that the caller sees that it is not whole.
    mutating func cutOff(_ connection: Downstream, _ exchange: ExchangeBox) {
        dropUpstream(connection)
        connection.io.server.abort()
        // What the upstream did say still reaches the caller, and visibly has no end.
        connection.io.transport.flush(scratch: &scratch)
        finish(exchange, connection)
        close(connection)
    }
}
