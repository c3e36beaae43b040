// SPDX-License-Identifier: Apache-2.0
import Bytes
import FuzzDriver
import HTTP1
import HTTPTypes

/// One request as a reader understood it.
struct Message: Equatable {
    var method: Method
    var target: [UInt8]
    var body: [UInt8]
}

/// The requests of a connection, each answered as soon as it is whole, and what they look like written anew.
func read(_ input: Span<UInt8>, limits: HTTP1Limits) -> (messages: [Message], written: [UInt8]) {
    var server = ServerConnection(limits: limits)
    var client = ClientConnection(limits: .upstreams)
    var head = RequestHead()
    var answer = ResponseHead()
    var messages: [Message] = []
    var message = Message(method: .get, target: [], body: [])
    var written: [UInt8] = []
    var sink = Buffer()
    let ok = Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8)
    var start = 0
    do throws(HTTP1Error) {
        while true {
            let left = input.extracting(start..<input.count)
            let step = server.received(left, into: &head)
            precondition(step.consumed <= left.count, "more than there was")
            switch step.event {
            case .head(let facts):
                message = Message(method: head.method, target: head.path.pathAndQuery.array(), body: [])
                client.send(
                    head.method,
                    target: head.path.pathAndQuery,
                    authority: ok.span.extracting(0..<4),
                    fields: head.fields,
                    length: facts.framing.length,
                    into: &sink
                )
            case .body(let range):
                message.body += left.extracting(range).array()
                try client.write(left.extracting(range), into: &sink)
            case .ended:
                try client.finish(into: &sink)
                messages.append(message)
                written += sink.bytes.array()
                sink.removeAll()
                server.respond(status: .ok, fields: Fields(), length: .none, into: &sink)
                let ending = try server.finish(into: &sink)
                sink.removeAll()
                var answered = 0
                while !client.isReusable {
                    answered +=
                        client.received(ok.span.extracting(answered..<ok.count), into: &answer).consumed
                }
                if ending == .close { return (messages, written) }
            case .tunnel, .needsInput, .waiting, .refused, .closed: return (messages, written)
            }
            start += step.consumed
        }
    } catch {
        preconditionFailure("what was read cannot be written: \(error)")
    }
}

/// Room for the fields that writing adds to a head that was full.
func roomy() -> HTTP1Limits {
    var limits = HTTP1Limits.callers
    limits.fieldCount += 8
    limits.headBytes += 1024
    limits.requestLineBytes += 1024
    return limits
}

/// What goes to an upstream is read there as the very requests that were read here, none more, none less, none other.
func check(_ input: Span<UInt8>) {
    let first = read(input, limits: .callers)
    let second = read(first.written.span, limits: roomy())
    precondition(first.messages == second.messages, "other requests: \(first.messages), \(second.messages)")
}

// Safe because libFuzzer owns the bytes for the length of the call.
unsafe Fuzzer.run { base, count in
    let input = unsafe UnsafeBufferPointer(start: base, count: count)
    unsafe check(input.span)
    return 0
}
