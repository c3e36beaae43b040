// SPDX-License-Identifier: Apache-2.0
import Bytes
import FuzzDriver
import HTTP1
import HTTPTypes

/// What a connection to an upstream says of an answer, fed in pieces of so many bytes: events, the body's bytes joined.
func outcome(_ input: Span<UInt8>, step: Int, method: Method) -> (events: String, body: [UInt8]) {
    var client = ClientConnection(limits: .upstreams)
    var head = ResponseHead()
    var output = Buffer()
    let target: [UInt8] = [UInt8(ascii: "/")]
    client.send(
        method,
        target: target.span,
        authority: target.span,
        fields: Fields(),
        length: .none,
        webSocket: method == .get,
        into: &output
    )
    do throws(HTTP1Error) { try client.finish(into: &output) } catch { preconditionFailure("\(error)") }
    var buffer = Buffer()
    var events = ""
    var body: [UInt8] = []
    var start = 0
    while true {
        let next = client.received(buffer.bytes, into: &head)
        precondition(next.consumed <= buffer.count, "more than there was")
        switch next.event {
        case .head(let facts): events += "head \(head.status.rawValue) \(head.fields.count) \(facts) "
        case .switched: events += "switched "
        case .body(let range), .tunnel(let range): body += buffer.bytes.extracting(range).array()
        case .ended: return (events + "ended \(client.body.trailers.count)", body)
        case .failed(let error): return (events + "\(error.reason)", body)
        case .closed: return (events + "closed", body)
        case .needsInput:
            buffer.consume(next.consumed)
            guard start < input.count else {
                precondition(!client.isReusable, "half an answer leaves a connection for the next")
                return (events + "\(client.peerClosed(cleanly: true))", body)
            }
            let end = min(start + step, input.count)
            buffer.append(input.extracting(start..<end))
            start = end
            continue
        }
        buffer.consume(next.consumed)
    }
}

/// Whatever comes, an answer is understood in one way, however it is cut into pieces.
func check(_ input: Span<UInt8>) {
    for method in [Method.get, .head, .post] {
        let whole = outcome(input, step: max(input.count, 1), method: method)
        for step in [1, 7] {
            let parts = outcome(input, step: step, method: method)
            precondition(
                whole.events == parts.events,
                "another end in pieces: \(whole.events), \(parts.events)"
            )
            precondition(whole.body == parts.body, "another body in pieces")
        }
    }
}

// Safe because libFuzzer owns the bytes for the length of the call.
unsafe Fuzzer.run { base, count in
    let input = unsafe UnsafeBufferPointer(start: base, count: count)
    unsafe check(input.span)
    return 0
}
