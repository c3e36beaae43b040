// SPDX-License-Identifier: Apache-2.0
import Bytes
import Crypto
import FuzzDriver
import Identity
import JSON

/// A set of keys that is accepted holds sound keys only, each of them once, and none that anybody could tell from another
/// only by its place; read again in another order it holds the same.
func check(_ input: Span<UInt8>) {
    let set: KeySet
    do throws(KeySet.Problem) {
        set = try KeySet.parse(input)
    } catch {
        return
    }
    precondition(!set.keys.isEmpty && set.keys.count <= KeySet.maximumKeys)
    precondition(input.count <= KeySet.maximumBytes)
    for key in set.keys {
        if let algorithm = key.algorithm { precondition(key.key.accepts(algorithm)) }
        if let id = key.id { precondition(id.utf8.count <= KeySet.maximumKeyIDBytes) }
        precondition(!key.key.verify(.rs256, message: input, signature: input), "a signature of noise")
        precondition(!key.key.verify(.es256, message: input, signature: input), "a signature of noise")
        precondition(!key.key.verify(.edDSA, message: input, signature: input), "a signature of noise")
    }
    guard let value = try? JSONValue.parse(input), let keys = value.object?["keys"]?.array else {
        preconditionFailure("a set of what is no JSON")
    }
    var text = Buffer()
    text.append("{\"keys\":[")
    for (place, key) in keys.reversed().enumerated() {
        if place > 0 { text.append(ASCII.comma) }
        key.write(into: &text)
    }
    text.append("]}")
    guard let again = try? KeySet.parse(text.bytes) else { preconditionFailure("order matters") }
    precondition(Set(again.keys.map(\.thumbprint)) == Set(set.keys.map(\.thumbprint)), "order matters")
    precondition(again.keys.count == set.keys.count && again.notes.count == set.notes.count, "order matters")
}

// Safe because libFuzzer owns the bytes for the length of the call.
unsafe Fuzzer.run { base, count in
    let input = unsafe UnsafeBufferPointer(start: base, count: count)
    unsafe check(input.span)
    return 0
}
