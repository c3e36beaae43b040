// SPDX-License-Identifier: Apache-2.0
import Bytes
import FuzzDriver
import HTTPTypes

/// The small grammars of a head: host and port, addresses, query, baggage, traceparent. What is accepted and written again is
/// accepted again, and means the same.
func check(_ input: Span<UInt8>) {
    checkAuthority(input)
    checkAddress(input)
    checkQuery(input)
    checkBaggage(input)
    if let parent = TraceParent(input) {
        var output = Buffer()
        parent.append(to: &output)
        precondition(TraceParent(output.bytes) == parent, "another traceparent")
    }
}

func checkAuthority(_ input: Span<UInt8>) {
    var head = RequestHead()
    do throws(TargetError) { try head.setAuthority(input) } catch {
        precondition(head.authority.isEmpty, "half an authority")
        return
    }
    var again = RequestHead()
    do throws(TargetError) { try again.setAuthority(head.authority) } catch {
        preconditionFailure("an authority is refused in its own form: \(error)")
    }
    precondition(again.authority.equals(head.authority) && again.port == head.port, "another authority")
    precondition(!head.host.isEmpty && head.host.count <= head.authority.count, "no host")
}

func checkAddress(_ input: Span<UInt8>) {
    guard let address = IPAddress(input) else { return }
    precondition(IPAddress(address.description) == address, "another address")
}

func checkQuery(_ input: Span<UInt8>) {
    var cursor = QueryCursor()
    var count = 0
    while let parameter = cursor.next(in: input) {
        precondition(parameter.whole.upperBound <= input.count, "behind the query")
        precondition(parameter.name.lowerBound == parameter.whole.lowerBound, "a name elsewhere")
        precondition(parameter.value.upperBound <= parameter.whole.upperBound, "a value elsewhere")
        count += 1
    }
    precondition(count <= input.count / 2 + 1, "more parameters than bytes")
    _ = Query.firstDuplicate(in: input)
}

func checkBaggage(_ input: Span<UInt8>) {
    var output = Buffer()
    Baggage.append(membersOf: input, into: &output) { _ in false }
    precondition(output.count <= Baggage.maximumBytes, "more than the limit")
    var again = Buffer()
    let dropped = Baggage.append(membersOf: output.bytes, into: &again) { _ in false }
    precondition(dropped == 0 && again.bytes.equals(output.bytes), "not as it was written")
}

// Safe because libFuzzer owns the bytes for the length of the call.
unsafe Fuzzer.run { base, count in
    let input = unsafe UnsafeBufferPointer(start: base, count: count)
    unsafe check(input.span)
    return 0
}
