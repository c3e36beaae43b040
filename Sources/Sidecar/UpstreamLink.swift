// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import HTTP1
import HTTP2
import HTTPTypes

/// What makes one stream of HTTP/2 look like an upstream's connection that carries one exchange; see `StreamLink`.
struct UpstreamLink {
    let connection: UpstreamMultiplex
    /// Nil until the request was sent.
    var id: StreamID?
    /// A WebSocket was asked for; `isTunnel` once it is granted.
    var isWebSocket = false
    var isTunnel = false
    /// Of the response's head, which stands in the exchange already; nil once that was told.
    var facts: HTTP1.ResponseFacts?
    var isWhole = false
    /// It was ended otherwise: why.
    var failure: HTTP1Error.Reason?
    /// And the upstream has done nothing with it (RFC 9113 §8.7).
    var wasRefused = false
    var hasSeenResponse = false

    init(_ connection: UpstreamMultiplex) { self.connection = connection }

    var pendingBytes: Int { id.map { connection.io.client.session.pendingBytes($0) } ?? 0 }

    func consumed(_ count: Int) {
        if let id { connection.io.client.session.consumed(count, on: id) }
    }

    func write(_ range: Range<Int>, of body: borrowing Buffer) throws(HTTP1Error) {
        guard let id else { return }
        do throws(HTTP2Error) {
            try connection.io.client.session.write(body.bytes.extracting(range), on: id)
        } catch {
            throw HTTP1Error(.bodyTooLong, .request, at: 0)
        }
    }

    /// A tunnel has no length that it could miss.
    func relay(_ range: Range<Int>, of bytes: borrowing Buffer) { try? write(range, of: bytes) }

    /// Ends a tunnel's way to the upstream, behind what waits.
    func endTunnel() { if let id { try? connection.io.client.session.finish(id) } }

    func finish() throws(HTTP1Error) {
        // The handshake of a WebSocket has no body, and its stream does not end with it.
        guard let id, !isWebSocket else { return }
        do throws(HTTP2Error) {
            try connection.io.client.session.finish(id)
        } catch {
            throw HTTP1Error(.bodyTooShort, .request, at: 0)
        }
    }
}

extension UpstreamIO {
    /// What the stream has brought, in the words of HTTP/1.1's machine.
    mutating func nextOfStream() -> ClientConnection.Step {
        guard var link else { return ClientConnection.Step(consumed: 0, event: .needsInput) }
        if let facts = link.facts {
            link.facts = nil
            link.hasSeenResponse = true
            self.link = link
            return ClientConnection.Step(consumed: 0, event: link.isTunnel ? .switched : .head(facts))
        }
        let count = transport.input.count
        if count > 0 {
            return ClientConnection.Step(
                consumed: count,
                event: link.isTunnel ? .tunnel(0..<count) : .body(0..<count)
            )
        }
        if link.isWhole { return ClientConnection.Step(consumed: 0, event: .ended) }
        if let failure = link.failure {
            return ClientConnection.Step(consumed: 0, event: .failed(HTTP1Error(failure, .response, at: 0)))
        }
        return ClientConnection.Step(consumed: 0, event: .needsInput)
    }

    mutating func sendOnStream(
        _ request: borrowing OutgoingRequest,
        authority: Span<UInt8>,
        length: BodyLength,
        webSocket: Bool,
        acceptsTrailers: Bool
    ) {
        guard var link else { return }
        link.isWebSocket = webSocket
        let connection = link.connection
        let head = OutgoingHead(
            request.method,
            length: length,
            isSecure: !connection.io.transport.isPlain,
            isWebSocket: webSocket,
            acceptsTrailers: acceptsTrailers
        )
        link.id = connection.io.client.send(
            head,
            target: request.target.bytes,
            authority: authority,
            fields: request.fields
        )
        if link.id == nil {
            link.wasRefused = true
            link.failure = .closedBeforeResponse
        }
        self.link = link
    }
}

extension HTTP1.ResponseFacts {
    /// The same, in the words of HTTP/1.1.
    init(_ facts: HTTP2.ResponseFacts) {
        self.init()
        length = facts.length
        closes = false
    }
}
