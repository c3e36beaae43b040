// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP1
import HTTP2
import HTTPTypes
import Runtime
import TLS

/// Why a request of the control thread failed.
enum FetchError: Error, CustomStringConvertible {
    case resolution(ResolutionError)
    case network(NetworkError)
    case tls(TLSFailure)
    case http(HTTP1Error)
    case http2(HTTP2Error)
    /// TLS has chosen another protocol, where only HTTP/2 is to be spoken.
    case noHTTP2
    case status(Int)
    case tooLarge(limit: Int)
    /// A field of the request that no message may hold.
    case field
    /// An issuer's metadata without the issuer's name or the address of its keys.
    case metadata

    /// Nobody listens there.
    var isRefusal: Bool {
        if case .network(.system(let cause)) = self { cause.isRefusal } else { false }
    }

    var description: String {
        switch self {
        case .resolution(let error): error.description
        case .network(let error): error.description
        case .tls(let reason): "TLS: \(reason)"
        case .http(let error): "not a valid response (\(error.code))"
        case .http2(let error): "not a valid response (\(error.code))"
        case .noHTTP2: "does not agree to HTTP/2"
        case .status(let status): "answered \(status)"
        case .metadata: "the issuer's metadata does not name this issuer and its keys"
        case .field: "a field of the request is invalid"
        case .tooLarge(let limit): "more than \(limit) bytes"
        }
    }
}

/// One request over a connection of its own: key sets, provisioning, health. Rare, so nothing is pooled.
struct ControlClient {
    struct Target {
        var host: String
        var port: UInt16
        /// Nil for plain text.
        var tls: TLSContext?
        /// What the server's certificate must be for.
        var serverName: String
        var authority: String
        /// Nothing else is spoken there: an upstream of `protocol: http2`.
        var speaksHTTP2 = false
    }

    struct Reply {
        var status: Int
        /// Empty when it names none.
        var contentType: [UInt8] = []
        /// What time it is there, as it says; empty when it does not.
        var date: [UInt8] = []
        var body: [UInt8]
    }

    let loop: ControlLoop
    let resolver: Resolver

    static let maximumBytes = 1 << 20

    /// Sends one request to the first address that takes a connection.
    func fetch(
        _ method: Method,
        _ path: String,
        at target: Target,
        body: [UInt8] = [],
        contentType: StaticString? = nil,
        adding added: [(name: String, value: [UInt8])] = [],
        limit: Int = maximumBytes,
        deadline: Instant
    ) async throws(FetchError) -> Reply {
        var stream = ControlStream(
            try await connect(target, deadline),
            session: target.tls.map { TLSSession(client: $0, serverName: target.serverName) }
        )
        try await stream.open(deadline)
        let fields = try ControlStream.fields(contentType, added)
        if target.speaksHTTP2 {
            return try await stream.askHTTP2(method, path, target.authority, fields, body, limit, deadline)
        }
        return try await stream.ask(method, path, target.authority, fields, body, limit, deadline)
    }

    /// Whether somebody takes a connection there; false when it is refused.
    func isListening(at target: Target, deadline: Instant) async throws(FetchError) -> Bool {
        do throws(FetchError) {
            _ = try await connect(target, deadline)
            return true
        } catch {
            if error.isRefusal { return false }
            throw error
        }
    }

    func connect(_ target: Target, _ deadline: Instant) async throws(FetchError) -> AsyncSocket {
        let resolution: Resolution
        do throws(ResolutionError) {
            resolution = try await resolver.resolve(target.host, port: target.port, deadline: deadline)
        } catch {
            throw .resolution(error)
        }
        var last = NetworkError.timedOut
        for address in resolution.addresses {
            do throws(NetworkError) {
                return try await AsyncSocket.connect(to: address, on: loop, deadline: deadline)
            } catch {
                last = error
            }
        }
        throw .network(last)
    }
}

/// A socket with its TLS session, for code that may suspend.
struct ControlStream: ~Copyable {
    private let socket: AsyncSocket
    private var session: TLSSession?
    private var wire = Buffer()
    var input = Buffer()
    var output = Buffer()
    private(set) var endedCleanly = false
    private var isOpen = false

    let isPlain: Bool
    /// What ALPN has chosen.
    private(set) var applicationProtocol: String?

    init(_ socket: AsyncSocket, session: consuming TLSSession?) {
        isPlain = session == nil
        self.socket = socket
        self.session = session
    }

    /// The client's side of the handshake.
    mutating func open(_ deadline: Instant) async throws(FetchError) {
        guard session != nil else { return }
        _ = session?.start(output: &wire)
        while true {
            do throws(NetworkError) { try await socket.write(&wire, deadline: deadline) } catch {
                throw .network(error)
            }
            if isOpen { return }
            guard try await read(deadline) else { throw .network(.ended) }
        }
    }

    /// - Returns: false at the end of the stream.
    mutating func read(_ deadline: Instant) async throws(FetchError) -> Bool {
        var cipher = Buffer()
        var outcome = TLSOutcome.done
        do throws(NetworkError) {
            if session == nil {
                let count = try await socket.read(into: &input, limit: 16 << 10, deadline: deadline)
                endedCleanly = count == 0
                return count > 0
            }
            guard try await socket.read(into: &cipher, limit: 16 << 10, deadline: deadline) > 0 else {
                return false
            }
            outcome = session?.receive(cipher.bytes, plain: &input, output: &wire) ?? .done
            try await socket.write(&wire, deadline: deadline)
        } catch {
            throw .network(error)
        }
        switch outcome {
        case .closed(let cleanly):
            endedCleanly = cleanly
            return !input.isEmpty
        case .failed(let failure): throw .tls(failure)
        case .done:
            if !isOpen { applicationProtocol = session?.applicationProtocol }
            isOpen = true
            return true
        case .handshaking: return true
        }
    }

    mutating func flush(_ deadline: Instant) async throws(FetchError) {
        if session != nil {
            _ = session?.seal(output, into: &wire)
            output.removeAll()
        }
        do throws(NetworkError) {
            if session == nil {
                try await socket.write(&output, deadline: deadline)
            } else {
                try await socket.write(&wire, deadline: deadline)
            }
        } catch {
            throw .network(error)
        }
    }

    /// Sends one request, and reads its response.
    mutating func ask(
        _ method: Method,
        _ path: String,
        authority: String,
        body: [UInt8] = [],
        contentType: StaticString? = nil,
        adding added: [(name: String, value: [UInt8])] = [],
        limit: Int = ControlClient.maximumBytes,
        deadline: Instant
    ) async throws(FetchError) -> ControlClient.Reply {
        let fields = try Self.fields(contentType, added)
        return try await ask(method, path, authority, fields, body, limit, deadline)
    }

    /// The fields of every request from here, and those of this one.
    fileprivate static func fields(
        _ contentType: StaticString?,
        _ added: [(name: String, value: [UInt8])]
    ) throws(FetchError) -> Fields {
        var fields = Fields()
        if let contentType { fields.append(.contentType, value: contentType) }
        fields.append(.accept, value: "*/*")
        fields.append(.userAgent, value: "bulkhead")
        for field in added {
            do throws(FieldError) {
                try fields.append(name: field.name.utf8Span.span, value: field.value.span)
            } catch {
                throw .field
            }
        }
        return fields
    }

    fileprivate mutating func ask(
        _ method: Method,
        _ path: String,
        _ authority: String,
        _ fields: consuming Fields,
        _ body: [UInt8],
        _ limit: Int,
        _ deadline: Instant
    ) async throws(FetchError) -> ControlClient.Reply {
        var client = ClientConnection(limits: .upstreams)
        do throws(HTTP1Error) {
            client.send(
                method,
                target: Array(path.utf8).span,
                authority: Array(authority.utf8).span,
                fields: fields,
                length: body.isEmpty ? .none : .fixed(body.count),
                into: &output
            )
            client.closeAfterResponse()
            try client.write(body.span, into: &output)
            try client.finish(into: &output)
        } catch {
            throw .http(error)
        }
        try await flush(deadline)
        return try await answer(&client, limit, deadline)
    }

    private mutating func answer(
        _ client: inout ClientConnection,
        _ limit: Int,
        _ deadline: Instant
    ) async throws(FetchError) -> ControlClient.Reply {
        var head = ResponseHead()
        var body = Buffer()
        while true {
            let step = client.received(input.bytes, into: &head)
            var event = step.event
            if event == .needsInput {
                input.consume(step.consumed)
                if try await read(deadline) { continue }
                event = client.peerClosed(cleanly: endedCleanly)
            }
            switch event {
            case .head, .needsInput: input.consume(step.consumed)
            case .body(let range):
                body.append(input.bytes.extracting(range))
                input.consume(step.consumed)
                if body.count > limit { throw .tooLarge(limit: limit) }
            case .ended:
                var reply = ControlClient.Reply(status: Int(head.status.rawValue), body: body.bytes.array())
                if let index = head.fields.first(.contentType) {
                    reply.contentType = head.fields.value(at: index).array()
                }
                if let index = head.fields.first(named: ("date" as StaticString).bytes) {
                    reply.date = head.fields.value(at: index).array()
                }
                return reply
            case .failed(let error): throw .http(error)
            case .switched, .tunnel, .closed: throw .network(.ended)
            }
        }
    }
}
