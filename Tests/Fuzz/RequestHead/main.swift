// SPDX-License-Identifier: Apache-2.0
import Bytes
import FuzzDriver
import HTTP1
import HTTPTypes

/// Whatever comes, a head is understood in one way, however it is cut into pieces, and its path is canonical.
func outcome(_ input: Span<UInt8>, pieces: Int) -> String {
    var parser = RequestParser(limits: .callers)
    var head = RequestHead()
    let step = max(input.count / pieces, 1)
    var end = min(step, input.count)
    do throws(HTTP1Error) {
        while true {
            if let count = try parser.parse(input.extracting(0..<end), into: &head) {
                return "\(count) \(head.method) \(text(head.path.bytes)) \(head.fields.count) \(parser.facts)"
            }
            if end == input.count { return "incomplete" }
            end = min(end + step, input.count)
        }
    } catch {
        return "\(error)"
    }
}

func text(_ bytes: Span<UInt8>) -> [UInt8] { bytes.array() }

func check(_ input: Span<UInt8>) {
    let whole = outcome(input, pieces: 1)
    precondition(whole == outcome(input, pieces: 3), "another outcome in pieces")
    precondition(whole == outcome(input, pieces: max(input.count, 1)), "another outcome byte by byte")
}

// Safe because libFuzzer owns the bytes for the length of the call.
unsafe Fuzzer.run { base, count in
    let input = unsafe UnsafeBufferPointer(start: base, count: count)
    unsafe check(input.span)
    return 0
}
