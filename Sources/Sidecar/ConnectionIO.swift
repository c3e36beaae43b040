// SPDX-License-Identifier: Apache-2.0
import Bytes
import Gateway
import HTTP1
import HTTPTypes
import Identity

/// A caller's bytes and the machine that understands them: a connection of HTTP/1.1, or one stream of HTTP/2, whose
/// body comes into `input` and whose machine is shared with the connection's other streams (`link`).
/// One value, so that a step of both takes one exclusive access of the connection, and for that reason what concerns both
/// is done by methods in here.
struct CallerIO: ~Copyable {
    var transport: Transport
    var server: ServerConnection
    /// Set for a stream: what `CallerIO+Stream.swift` does then.
    var link: StreamLink?

    init(_ transport: consuming Transport, limits: HTTP1Limits) {
        self.transport = transport
        server = ServerConnection(limits: limits)
    }

    /// Bytes that wait for the caller to take them.
    var pendingBytes: Int { link?.pendingBytes ?? transport.pendingBytes }

    /// Whether a response may still be begun.
    var awaitsResponse: Bool { link?.awaitsResponse ?? server.awaitsResponse }

    /// A stretch of the request's body has gone on.
    mutating func consume(_ count: Int) {
        transport.input.consume(count)
        link?.consumed(count)
    }

    /// What is known of the caller when it has sent a head: whether it has ended its side already, and what it showed in
    /// its handshake.
    var caller: (hasEnded: Bool, certificate: ClientCertificate?) {
        (transport.sawEnd, link?.connection.io.transport.certificate ?? transport.certificate)
    }

    /// Appends a stretch of a WebSocket's bytes.
    mutating func relay(_ range: Range<Int>, of bytes: borrowing Buffer) {
        if let link { return link.relay(range, of: bytes) }
        transport.output.append(range, of: bytes)
    }

    /// The next thing that the input holds. It is dropped from the input, but for a stretch of a body or tunnel: that is
    /// the caller's to drop when it has gone on.
    mutating func next(into head: inout RequestHead) -> ServerConnection.Step {
        if link != nil { return nextOfStream() }
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

    mutating func bodyWanted() {
        if let link { return link.bodyWanted() }
        server.bodyWanted(into: &transport.output)
    }

    mutating func respond(_ answer: borrowing OutgoingResponse, length: BodyLength) {
        if let link { return link.respond(answer, length: length) }
        server.respond(
            status: answer.status,
            fields: answer.fields,
            length: length,
            into: &transport.output
        )
    }

    mutating func switchProtocols(_ fields: borrowing Fields) {
        if link != nil { return grantWebSocket(fields) }
        server.switchProtocols(fields, into: &transport.output)
    }

    /// Appends a stretch of the response's body.
    mutating func write(_ range: Range<Int>, of body: borrowing Buffer) throws(HTTP1Error) {
        if let link { return try link.write(range, of: body) }
        try server.write(body.bytes.extracting(range), into: &transport.output)
    }

    /// The same for a stretch that goes on as it came: a long one is sent at once, from where it lies.
    mutating func pass(
        _ range: Range<Int>,
        of body: borrowing Buffer,
        scratch: inout Scratch
    ) throws(HTTP1Error) {
        guard link == nil, range.count >= Transport.directBytes else { return try write(range, of: body) }
        guard try server.beginPiece(range.count, into: &transport.output) else { return }
        transport.send(body.bytes.extracting(range), scratch: &scratch)
        server.endPiece(into: &transport.output)
    }

    mutating func finish() throws(HTTP1Error) -> ServerConnection.Ending {
        if let link { return try link.finish() }
        return try server.finish(into: &transport.output)
    }

    mutating func finish(trailers: borrowing Fields) throws(HTTP1Error) -> ServerConnection.Ending {
        if let link { return try link.finish(trailers: trailers) }
        return try server.finish(trailers: trailers, into: &transport.output)
    }
}

/// The same for an upstream: a connection of HTTP/1.1, or one stream of HTTP/2.
struct UpstreamIO: ~Copyable {
    var transport: Transport
    var client: ClientConnection
    /// Set for a stream: what `UpstreamLink.swift` does then.
    var link: UpstreamLink?
    /// Of the response, once it has ended; of a stream only.
    var streamTrailers = Fields()

    init(_ transport: consuming Transport, limits: HTTP1Limits) {
        self.transport = transport
        client = ClientConnection(limits: limits)
    }

    /// The next thing that the input holds. It is dropped from the input, but for a stretch of a body or tunnel.
    mutating func next(into head: inout ResponseHead) -> ClientConnection.Step {
        if link != nil { return nextOfStream() }
        let step = Self.next(&client, transport.input, &head)
        switch step.event {
        case .needsInput, .head, .switched, .ended: transport.input.consume(step.consumed)
        case .body, .tunnel, .failed, .closed: break
        }
        return step
    }

    /// Whether a connection from the pool is as it was left: nobody ended it, or said what nobody had asked for.
    mutating func isUntouched(scratch: inout Scratch) -> Bool {
        transport.fill(scratch: &scratch)
        return transport.state == .open && transport.input.isEmpty
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
        webSocket: Bool,
        acceptsTrailers: Bool
    ) {
        if link != nil {
            return sendOnStream(
                request,
                authority: authority,
                length: length,
                acceptsTrailers: acceptsTrailers
            )
        }
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
        if let link { return try link.write(range, of: body) }
        try client.write(body.bytes.extracting(range), into: &transport.output)
    }

    /// The same for a stretch that goes on as it came: a long one is sent at once, from where it lies.
    mutating func pass(
        _ range: Range<Int>,
        of body: borrowing Buffer,
        scratch: inout Scratch
    ) throws(HTTP1Error) {
        guard link == nil, range.count >= Transport.directBytes else { return try write(range, of: body) }
        try client.beginPiece(range.count, into: &transport.output)
        transport.send(body.bytes.extracting(range), scratch: &scratch)
        client.endPiece(into: &transport.output)
    }

    mutating func finish() throws(HTTP1Error) {
        if let link { return try link.finish() }
        try client.finish(into: &transport.output)
    }

    /// Bytes that wait for the upstream to take them.
    var pendingBytes: Int { link?.pendingBytes ?? transport.pendingBytes }

    /// A stretch of the response's body has gone on.
    mutating func consume(_ count: Int) {
        transport.input.consume(count)
        link?.consumed(count)
    }

    /// Whether the upstream has said anything of this response.
    var hasSeenResponse: Bool { link?.hasSeenResponse ?? client.hasSeenResponse }

    /// Nothing about the last exchange is in doubt, and nothing waits in either direction (THREATS 18).
    var isReusable: Bool {
        client.isReusable && transport.input.isEmpty && transport.state == .open
            && transport.pendingBytes == 0
    }
}
