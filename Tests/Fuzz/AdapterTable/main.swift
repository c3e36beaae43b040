// SPDX-License-Identifier: Apache-2.0
import Bytes
import Configuration
import FuzzDriver
import Namespaces

/// Whatever a table says, it is compiled or its problems are listed.
func check(_ input: Span<UInt8>) {
    do throws(Configuration.Problems) {
        let document = try Configuration.AdapterDocument(input, file: "f.yaml")
        do throws(AdapterProblems) {
            let adapter = try Adapter(document.value)
            precondition(!adapter.name.isEmpty, "a table without a name")
        } catch {
            precondition(!error.list.isEmpty, "refused for no reason")
        }
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
