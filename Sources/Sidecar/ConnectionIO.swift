// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import HTTP1
import HTTPTypes

/// A caller's bytes and the machine that understands them. One value, so that a step of both takes one exclusive access
/// of the connection, and for that reason what concerns both is done by methods in here.
struct CallerIO: ~Copyable {
    var transport: Transport
    var server: ServerConnection

    init(_ transport: consuming Transport, limits: HTTP1Limits) {
        self.transport = transport
        server = ServerConnection(limits: limits)
    }

    /// The next thing that the input holds. It is dropped from the input, but for a stretch of a body or tunnel: that is
    /// the caller's to drop when it has gone on.
    mutating func next(into head: inout RequestHead) -> ServerConnection.Step {
        let step = Self.next(&server, transport.input, &head)
        switch step.event {
        case .needsInput, .head, .ended: transport.input.consume(step.consumed)
        case .body, .tunnel, .waiting, .refused, .closed: break
        }
        return step
    }

    // Takes the fields that it needs, so that one may change while another is read.
    private static func next(
        _ server: inout ServerConnection,
        _ input: borrowing Buffer,
        _ head: inout RequestHead
    ) -> ServerConnection.Step {
        server.received(input.bytes, into: &head)
    }

    mutating func bodyWanted() { server.bodyWanted(into: &transport.output) }

    mutating func respond(_ answer: borrowing OutgoingResponse, length: BodyLength) {
        server.respond(
            status: answer.status,
            fields: answer.fields,
            length: length,
            into: &transport.output
        )
    }

    mutating func switchProtocols(_ fields: borrowing Fields) {
        server.switchProtocols(fields, into: &transport.output)
    }

    /// Appends a stretch of the response's body.
    mutating func write(_ range: Range<Int>, of body: borrowing Buffer) throws(HTTP1Error) {
        try server.write(body.bytes.extracting(range), into: &transport.output)
    }

    mutating func finish() throws(HTTP1Error) -> ServerConnection.Ending {
        try server.finish(into: &transport.output)
    }

    mutating func finish(trailers: borrowing Fields) throws(HTTP1Error) -> ServerConnection.Ending {
        try server.finish(trailers: trailers, into: &transport.output)
    }
}

/// The same for an upstream.
struct UpstreamIO: ~Copyable {
    var transport: Transport
    var client: ClientConnection

    init(_ transport: consuming Transport, limits: HTTP1Limits) {
        self.transport = transport
        client = ClientConnection(limits: limits)
    }

    /// The next thing that the input holds. It is dropped from the input, but for a stretch of a body or tunnel.
    mutating func next(into head: inout ResponseHead) -> ClientConnection.Step {
        let step = Self.next(&client, transport.input, &head)
        switch step.event {
        case .needsInput, .head, .switched, .ended: transport.input.consume(step.consumed)
        case .body, .tunnel, .failed, .closed: break
        }
        return step
    }

    private static func next(
        _ client: inout ClientConnection,
        _ input: borrowing Buffer,
        _ head: inout ResponseHead
    ) -> ClientConnection.Step {
        client.received(input.bytes, into: &head)
    }

    mutating func send(
        _ request: borrowing OutgoingRequest,
        authority: Span<UInt8>,
        length: BodyLength,
        webSocket: Bool
    ) {
        client.send(
            request.method,
            target: request.target.bytes,
            authority: authority,
            fields: request.fields,
            length: length,
            webSocket: webSocket,
            into: &transport.output
        )
    }

    /// Appends a stretch of the request's body.
    mutating func write(_ range: Range<Int>, of body: borrowing Buffer) throws(HTTP1Error) {
        try client.write(body.bytes.extracting(range), into: &transport.output)
    }

    mutating func finish() throws(HTTP1Error) { try client.finish(into: &transport.output) }

    /// Nothing about the last exchange is in doubt, and nothing waits in either direction (THREATS 18).
    var isReusable: Bool {
        client.isReusable && transport.input.isEmpty && transport.state == .open
            && transport.pendingBytes == 0
    }
}
