// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import FuzzDriver

/// Whatever a file says, it is understood or its problems are listed.
func check(_ input: Span<UInt8>) {
    do throws(Configuration.Problems) {
        _ = try Configuration.decode(input, file: "f.yaml", environment: [:])
    } catch {
        precondition(!error.list.isEmpty, "refused for no reason")
    }
    do throws(Configuration.Problems) {
        _ = try Configuration.AdapterDocument(input, file: "f.yaml")
    } catch {
        precondition(!error.list.isEmpty, "refused for no reason")
    }
}

// Safe because libFuzzer owns the bytes for the length of the call.
unsafe Fuzzer.run { base, count in
    let input = unsafe UnsafeBufferPointer(start: base, count: count)
    unsafe check(input.span)
    return 0
}
