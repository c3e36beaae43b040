// SPDX-License-Identifier: Apache-2.0
import Bytes
import FuzzDriver
import JSON

/// Whether the tokenizer takes a document to its end.
func isTokenized(_ input: Span<UInt8>) -> Bool {
    var reader = JSONReader(maximumDepth: 64)
    do throws(JSONError) {
        while true {
            let token = try reader.next(input)
            precondition(reader.position <= input.count)
            if token == .end { return true }
        }
    } catch {
        return false
    }
}

/// What makes a value was made of tokens; only a name that stands twice and a size keep tokens from making a value.
func check(_ input: Span<UInt8>) {
    let isTokenized = isTokenized(input)
    do throws(JSONError) {
        _ = try JSONValue.parse(input)
        precondition(isTokenized, "a value of what is no JSON")
    } catch {
        if error.reason == .duplicateName || error.reason == .tooLarge { return }
        precondition(!isTokenized, "no value of what is JSON: \(error)")
    }
}

// Safe because libFuzzer owns the bytes for the length of the call.
unsafe Fuzzer.run { base, count in
    let input = unsafe UnsafeBufferPointer(start: base, count: count)
    unsafe check(input.span)
    return 0
}
