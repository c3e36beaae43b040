// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP2
import HTTPTypes
import Runtime

extension ControlStream {
    /// As `ask`, where only HTTP/2 is spoken: one stream on a connection of its own.
    mutating func askHTTP2(
        _ method: Method,
        _ path: String,
        _ authority: String,
        _ fields: consuming Fields,
        _ body: [UInt8],
        _ limit: Int,
        _ deadline: Instant
    ) async throws(FetchError) -> ControlClient.Reply {
        guard isPlain || applicationProtocol == "h2" else { throw .noHTTP2 }
        var client = ClientSession(limits: HTTP2Limits())
        let request = OutgoingHead(
            method,
            length: body.isEmpty ? .none : .fixed(body.count),
            isSecure: !isPlain
        )
        let target = Array(path.utf8)
        let name = Array(authority.utf8)
        guard let id = client.send(request, target: target.span, authority: name.span, fields: fields) else {
            throw .network(.ended)
        }
        do throws(HTTP2Error) {
            try client.session.write(body.span, on: id)
            try client.session.finish(id)
        } catch {
            throw .http2(error)
        }
        var head = ResponseHead()
        var answer = Buffer()
        while true {
            client.session.send(into: &output, upTo: limit)
            try await flush(deadline)
            if let failure = client.session.failure { throw .http2(failure) }
            guard try await read(deadline) else { throw .network(.ended) }
            client.session.received(input.bytes, now: Clock.now())
            let isWhole = try take(&client, into: &head, &answer, limit)
            input.removeAll()
            if isWhole {
                var reply = ControlClient.Reply(status: Int(head.status.rawValue), body: answer.bytes.array())
                if let index = head.fields.first(.contentType) {
                    reply.contentType = head.fields.value(at: index).array()
                }
                return reply
            }
        }
    }

    /// - Returns: whether the response has ended.
    private func take(
        _ client: inout ClientSession,
        into head: inout ResponseHead,
        _ body: inout Buffer,
        _ limit: Int
    ) throws(FetchError) -> Bool {
        var isWhole = false
        while let event = client.session.nextEvent() {
            switch event {
            case .head(let id):
                do throws(HTTP2Error) {
                    _ = try client.response(of: id, into: &head)
                } catch {
                    throw .http2(error)
                }
            case .data(let id, let range):
                body.append(range, of: input)
                if body.count > limit { throw .tooLarge(limit: limit) }
                client.session.consumed(range.count, on: id)
            case .ended: isWhole = true
            case .refused(_, let error): throw .http2(error)
            case .closed: if !isWhole { throw .network(.ended) }
            case .drained, .goAway, .settings: break
            }
        }
        return isWhole
    }
}
