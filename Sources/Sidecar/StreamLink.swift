// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import HTTP1
import HTTP2
import HTTPTypes

/// What makes one stream of HTTP/2 look like a connection that carries one exchange.
struct StreamLink {
    let connection: Multiplex
    let id: StreamID
    /// The request has been read to its end.
    var isWhole = false
    /// And that was said.
    var toldEnd = false
    /// A WebSocket was asked for; `isTunnel` once it is granted.
    var isWebSocket = false
    var isTunnel = false

    init(_ connection: Multiplex, _ id: StreamID) {
        self.connection = connection
        self.id = id
    }

    var pendingBytes: Int { connection.io.server.session.pendingBytes(id) }
    var awaitsResponse: Bool { connection.io.server.session.awaitsResponse(id) }

    func consumed(_ count: Int) { connection.io.server.session.consumed(count, on: id) }

    func bodyWanted() { connection.io.server.bodyWanted(id) }

    func respond(_ answer: borrowing OutgoingResponse, length: BodyLength) {
        connection.io.server.respond(id, status: answer.status, fields: answer.fields, length: length)
    }

    func write(_ range: Range<Int>, of body: borrowing Buffer) throws(HTTP1Error) {
        do throws(HTTP2Error) {
            try connection.io.server.session.write(body.bytes.extracting(range), on: id)
        } catch {
            throw HTTP1Error(.bodyTooLong, .response, at: 0)
        }
    }

    /// A tunnel has no length that it could miss.
    func relay(_ range: Range<Int>, of bytes: borrowing Buffer) { try? write(range, of: bytes) }

    /// All was said, though it may not have gone out yet.
    var hasFinished: Bool { connection.io.server.session.hasFinished(id) }

    func reset() { connection.io.server.session.reset(id, isTunnel ? .cancel : .internalError) }

    func finish() throws(HTTP1Error) -> ServerConnection.Ending {
        do throws(HTTP2Error) {
            try connection.io.server.session.finish(id)
        } catch {
            throw HTTP1Error(.bodyTooShort, .response, at: 0)
        }
        return .close
    }

    func finish(trailers: borrowing Fields) throws(HTTP1Error) -> ServerConnection.Ending {
        do throws(HTTP2Error) {
            try connection.io.server.session.finish(id, trailers: trailers)
        } catch {
            throw HTTP1Error(.bodyTooShort, .response, at: 0)
        }
        return .close
    }
}

extension CallerIO {
    /// What the stream has brought, in the words of HTTP/1.1's machine.
    mutating func nextOfStream() -> ServerConnection.Step {
        guard var link else { return ServerConnection.Step(consumed: 0, event: .closed) }
        if link.isWebSocket, !link.isTunnel {
            // The handshake has no body; what comes behind it waits for the answer.
            guard !link.toldEnd else { return ServerConnection.Step(consumed: 0, event: .waiting) }
            link.toldEnd = true
            self.link = link
            return ServerConnection.Step(consumed: 0, event: .ended)
        }
        let count = transport.input.count
        if count > 0 {
            return ServerConnection.Step(
                consumed: count,
                event: link.isTunnel ? .tunnel(0..<count) : .body(0..<count)
            )
        }
        guard link.isWhole else { return ServerConnection.Step(consumed: 0, event: .needsInput) }
        guard !link.toldEnd || link.isTunnel else {
            return ServerConnection.Step(consumed: 0, event: .waiting)
        }
        link.toldEnd = true
        self.link = link
        return ServerConnection.Step(consumed: 0, event: .ended)
    }

    /// From here both ways of the stream are a tunnel.
    mutating func grantWebSocket(_ fields: borrowing Fields) {
        guard var link else { return }
        link.isTunnel = true
        self.link = link
        link.connection.io.server.grantWebSocket(link.id, fields: fields)
    }

    /// The stream's body is whole.
    mutating func endInput() { link?.isWhole = true }
}
