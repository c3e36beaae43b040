// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP1
import HTTPTypes
import TestSupport

/// Runs messages through the machines and writes down what they say, one line for an event, body pieces joined.
struct Transcript {
    var lines: [String] = []
    private var body = ""

    mutating func event(_ line: String) {
        if !body.isEmpty { lines.append("body " + body) }
        body = ""
        lines.append(line)
    }

    mutating func data(_ text: borrowing Span<UInt8>) {
        for index in text.indices { body.unicodeScalars.append(Unicode.Scalar(text[index])) }
    }

    mutating func end() -> [String] {
        if !body.isEmpty { lines.append("body " + body) }
        body = ""
        return lines
    }
}

/// Where the input is cut: the pieces' sizes, one after the other, the last one again and again.
typealias Cuts = [Int]

func pieces(_ input: [UInt8], _ cuts: Cuts) -> [[UInt8]] {
    var result: [[UInt8]] = []
    var start = 0
    var next = 0
    while start < input.count {
        let size = cuts.isEmpty ? input.count : cuts[min(next, cuts.count - 1)]
        let end = min(start + max(size, 1), input.count)
        result.append(Array(input[start..<end]))
        start = end
        next += 1
    }
    return result
}

/// What a server says of `input`; every request is answered with an empty 200 as soon as it has ended.
func serve(_ input: [UInt8], _ cuts: Cuts = [], limits: HTTP1Limits = .callers, closed: Bool = false)
    -> [String]
{
    var server = ServerConnection(limits: limits)
    var buffer = Buffer()
    var output = Buffer()
    var head = RequestHead()
    var transcript = Transcript()
    var isOpen = true
    for piece in pieces(input, cuts) where isOpen {
        buffer.append(piece)
        isOpen = drive(&server, &buffer, &output, &head, &transcript)
    }
    if closed && isOpen { transcript.event("closed \(server.peerClosed())") }
    return transcript.end()
}

/// - Returns: false once the machine reads no more.
private func drive(
    _ server: inout ServerConnection,
    _ buffer: inout Buffer,
    _ output: inout Buffer,
    _ head: inout RequestHead,
    _ transcript: inout Transcript
) -> Bool {
    while true {
        let step = server.received(buffer.bytes, into: &head)
        switch step.event {
        case .needsInput:
            buffer.consume(step.consumed)
            return true
        case .head(let facts):
            transcript.event(describe(head, facts))
        case .body(let range):
            transcript.data(buffer.bytes.extracting(range))
        case .ended:
            var line = "ended"
            for index in server.body.trailers.indices {
                line +=
                    " \(server.body.trailers.name(at: index).text)=\(server.body.trailers.value(at: index).text)"
            }
            transcript.event(line)
            server.respond(status: .ok, fields: Fields(), length: .none, into: &output)
            if (try? server.finish(into: &output)) == .close { return false }
        case .waiting, .closed:
            transcript.event("\(step.event)")
            return false
        case .tunnel(let range): transcript.data(buffer.bytes.extracting(range))
        case .refused(let error):
            transcript.event("refused \(error.code) \(error.status.rawValue) @\(error.offset)")
            return false
        }
        buffer.consume(step.consumed)
    }
}

func describe(_ head: borrowing RequestHead, _ facts: RequestFacts) -> String {
    var line = "\(head.method.name) \(head.path.pathAndQuery.text) \(head.authority.text) \(facts.framing)"
    for index in head.fields.indices where head.fields.known(at: index) == .other {
        line += " \(head.fields.name(at: index).text)=\(head.fields.value(at: index).text)"
    }
    if facts.closes { line += " closes" }
    if facts.expectsContinue { line += " expects" }
    if facts.isWebSocket { line += " websocket" }
    if facts.acceptsTrailers { line += " trailers" }
    return line
}

/// What a client says of `input` as the answer to a request of that method; the upstream then closes if asked to.
func fetch(
    _ input: [UInt8],
    _ cuts: Cuts = [],
    method: Method = .get,
    webSocket: Bool = false,
    limits: HTTP1Limits = .upstreams,
    closed: Bool? = nil
) -> [String] {
    var client = ClientConnection(limits: limits)
    var buffer = Buffer()
    var output = Buffer()
    var head = ResponseHead()
    var transcript = Transcript()
    client.send(
        method,
        target: "/".bytes.span,
        authority: "h".bytes.span,
        fields: Fields(),
        length: .none,
        webSocket: webSocket,
        into: &output
    )
    try? client.finish(into: &output)
    var isOpen = true
    for piece in pieces(input, cuts) where isOpen {
        buffer.append(piece)
        while isOpen {
            let step = client.received(buffer.bytes, into: &head)
            note(step.event, head, client.body.trailers, buffer.bytes, &transcript)
            buffer.consume(step.consumed)
            if step.event == .needsInput { break }
            switch step.event {
            case .failed, .closed, .ended: isOpen = false
            case .needsInput, .head, .switched, .body, .tunnel: break
            }
        }
    }
    if let closed, isOpen {
        let event = client.peerClosed(cleanly: closed)
        note(event, head, client.body.trailers, buffer.bytes, &transcript)
    }
    var lines = transcript.end()
    if client.isReusable && buffer.isEmpty { lines.append("reusable") }
    return lines
}

private func note(
    _ event: ClientConnection.Event,
    _ head: borrowing ResponseHead,
    _ trailers: borrowing Fields,
    _ input: borrowing Span<UInt8>,
    _ transcript: inout Transcript
) {
    switch event {
    case .needsInput: break
    case .head(let facts):
        var line = "\(head.status.rawValue) \(facts.framing)"
        for index in head.fields.indices where head.fields.known(at: index) == .other {
            line += " \(head.fields.name(at: index).text)=\(head.fields.value(at: index).text)"
        }
        if facts.closes { line += " closes" }
        transcript.event(line)
    case .body(let range), .tunnel(let range): transcript.data(input.extracting(range))
    case .ended:
        var line = "ended"
        for index in trailers.indices {
            line += " \(trailers.name(at: index).text)=\(trailers.value(at: index).text)"
        }
        transcript.event(line)
    case .failed(let error): transcript.event("failed \(error.code) \(error.status.rawValue)")
    case .switched, .closed: transcript.event("\(event)")
    }
}
