// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP2
import HTTPTypes

/// One frame, written by hand: what the library would never send must be sent too.
struct Frame: Equatable, CustomStringConvertible {
    enum Kind: UInt8 {
        case data, headers, priority, reset, settings, push, ping, goAway, windowUpdate, continuation
    }

    static let endStream: UInt8 = 1
    static let acknowledge: UInt8 = 1
    static let endHeaders: UInt8 = 4
    static let padded: UInt8 = 8
    static let prioritised: UInt8 = 32

    var type: UInt8
    var flags: UInt8
    var stream: UInt32
    var payload: [UInt8]

    init(_ kind: Kind, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) {
        self.init(type: kind.rawValue, flags: flags, stream: stream, payload)
    }

    init(type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) {
        (self.type, self.flags, self.stream, self.payload) = (type, flags, stream, payload)
    }

    static func headers(
        _ stream: UInt32,
        _ fields: [(String, String)],
        ends: Bool = true,
        whole: Bool = true
    ) -> Frame {
        Frame(
            .headers,
            flags: (ends ? endStream : 0) | (whole ? endHeaders : 0),
            stream: stream,
            block(fields)
        )
    }

    static func data(_ stream: UInt32, _ text: String, ends: Bool = false) -> Frame {
        Frame(.data, flags: ends ? endStream : 0, stream: stream, Array(text.utf8))
    }

    static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> Frame {
        Frame(.windowUpdate, stream: stream, number(increment))
    }

    static func reset(_ stream: UInt32, _ code: UInt32) -> Frame {
        Frame(.reset, stream: stream, number(code))
    }

    static func settings(_ values: [(UInt16, UInt32)]) -> Frame {
        Frame(.settings, values.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 255)] + number($0.1) })
    }

    static func number(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    /// HPACK: each field as a literal that is not indexed, without Huffman coding (RFC 7541 §6.2.2).
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + string($0.0) + string($0.1) }
    }

    private static func string(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
        var length: [UInt8] = [127]
        var rest = bytes.count - 127
        while rest >= 128 {
            length.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return length + [UInt8(rest)] + bytes
    }

    var bytes: [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags]
            + Self.number(stream) + payload
    }

    /// The number that stands in the payload at `offset`.
    func number(at offset: Int) -> UInt32 {
        payload[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    var description: String {
        let kind = Kind(rawValue: type).map { "\($0)" } ?? "type\(type)"
        switch Kind(rawValue: type) {
        case .goAway: return "goAway(\(number(at: 4)))"
        case .reset: return "reset(\(stream): \(number(at: 0)))"
        case .settings: return flags & 1 == 1 ? "settingsAck" : "settings"
        case .ping: return flags & 1 == 1 ? "pingAck" : "ping"
        case .windowUpdate: return "windowUpdate(\(stream): \(number(at: 0)))"
        case .data: return "data(\(stream): \(payload.count)\(flags & 1 == 1 ? ", end" : ""))"
        case .headers: return "headers(\(stream)\(flags & 1 == 1 ? ", end" : ""))"
        case .priority, .push, .continuation, nil: return "\(kind)(\(stream))"
        }
    }

    static func parse(_ bytes: [UInt8]) -> [Frame] {
        var frames: [Frame] = []
        var index = 0
        while index + 9 <= bytes.count {
            let count = Int(bytes[index]) << 16 | Int(bytes[index + 1]) << 8 | Int(bytes[index + 2])
            let stream = bytes[index + 5..<index + 9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            let payload = Array(bytes[index + 9..<index + 9 + count])
            frames.append(Frame(type: bytes[index + 3], flags: bytes[index + 4], stream: stream, payload))
            index += 9 + count
        }
        return frames
    }
}

/// A server's session and what happens to it, as lines of text.
final class ServerRig {
    var server: ServerSession
    var head = RequestHead()
    var now = Instant(nanoseconds: 1_000_000_000)
    /// What was told, one line for each event.
    var told: [String] = []
    /// Everything that was sent.
    var sent: [Frame] = []
    /// Answers each request as it ends.
    var answers = false
    /// Returns the window of each stretch at once.
    var consumes = true

    static let get = [(":method", "GET"), (":scheme", "https"), (":path", "/a"), (":authority", "a.example")]
    static let post = [
        (":method", "POST"), (":scheme", "https"), (":path", "/a"), (":authority", "a.example"),
    ]

    /// - Parameter greeted: the preface and empty SETTINGS have been exchanged.
    init(_ limits: HTTP2Limits = HTTP2Limits(), greeted: Bool = true) {
        server = ServerSession(limits: limits)
        guard greeted else { return }
        feed(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8))
        feed(Frame(.settings))
        feed(Frame(.settings, flags: Frame.acknowledge))
        told = []
        sent = []
    }

    func feed(_ frames: Frame...) { feed(frames.flatMap(\.bytes)) }

    func feed(_ bytes: [UInt8]) {
        server.session.received(bytes.span, now: now)
        tell(bytes)
        flush()
    }

    /// Sends what there is, in as large an output as `limit` says.
    func flush(limit: Int = 1 << 20) {
        var output = Buffer()
        server.session.send(into: &output, upTo: limit)
        sent += Frame.parse(output.bytes.array())
        tell([])
    }

    private func tell(_ bytes: [UInt8]) {
        while let event = server.session.nextEvent() {
            switch event {
            case .head(let id): took(id)
            case .data(let id, let range):
                told.append("data \(id) \(String(decoding: bytes[range], as: UTF8.self))")
                if consumes { server.session.consumed(range.count, on: id) }
            case .ended(let id):
                let trailers = server.session.trailers.count
                told.append(trailers == 0 ? "ended \(id)" : "ended \(id) trailers \(trailers)")
                if answers { answer(id) }
            case .refused(let id, let error): told.append("refused \(id) \(error.code)")
            case .drained(let id): told.append("drained \(id)")
            case .closed(let id, let code): told.append("closed \(id) \(code.rawValue)")
            case .goAway(_, let code): told.append("goAway \(code.rawValue)")
            case .settings: told.append("settings")
            }
        }
    }

    private func took(_ id: StreamID) {
        do throws(HTTP2Error) {
            let facts = try server.request(of: id, into: &head)
            let path = String(decoding: head.path.pathAndQuery.array(), as: UTF8.self)
            let authority = String(decoding: head.authority.array(), as: UTF8.self)
            told.append(
                "head \(id) \(head.method) \(authority) \(path) \(facts.length)"
                    + (facts.isWebSocket ? " websocket" : "")
            )
        } catch {
            told.append("unread \(id) \(error.code)")
        }
    }

    func answer(_ id: StreamID, body: String = "") {
        server.respond(id, status: .ok, fields: Fields(), length: .fixed(body.utf8.count))
        do throws(HTTP2Error) {
            try server.session.write(Array(body.utf8).span, on: id)
            try server.session.finish(id)
        } catch {
            told.append("failed \(id) \(error.code)")
        }
    }

    /// The code of the GOAWAY that was sent.
    var goAway: UInt32? { sent.first { $0.type == Frame.Kind.goAway.rawValue }?.number(at: 4) }

    /// The code of the RST_STREAM that was sent for a stream.
    func reset(_ stream: UInt32) -> UInt32? {
        sent.first { $0.type == Frame.Kind.reset.rawValue && $0.stream == stream }?.number(at: 0)
    }

    var isDone: Bool { server.session.isDone }
    var failure: HTTP2Error.Reason? { server.session.failure?.reason }
    var windowUpdates: [Frame] { sent.filter { $0.type == Frame.Kind.windowUpdate.rawValue } }
}

/// Fields as `name: value`.
func lines(_ fields: borrowing Fields) -> [String] {
    var lines: [String] = []
    for index in fields.indices {
        let name = fields.name(at: index).array()
        let value = fields.value(at: index).array()
        lines.append(String(decoding: name, as: UTF8.self) + ": " + String(decoding: value, as: UTF8.self))
    }
    return lines
}
