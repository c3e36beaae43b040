// SPDX-License-Identifier: Apache-2.0
import Bytes
import FuzzDriver
import HTTPTypes

/// A path that is accepted is canonical: parsed again it is itself, and it has nothing that a server behind could read
/// as another path.
func check(_ input: Span<UInt8>) {
    var path = CanonicalPath()
    do throws(TargetError) { try path.parse(input) } catch { return }
    var again = CanonicalPath()
    do throws(TargetError) {
        try again.parse(path.pathAndQuery)
    } catch {
        preconditionFailure("a canonical path is refused: \(error)")
    }
    precondition(again.pathAndQuery.equals(path.pathAndQuery), "not canonical")
    precondition(again.segmentCount == path.segmentCount)
    var decoded = Buffer()
    for index in 0..<path.segmentCount {
        let segment = path.segment(at: index)
        precondition(!segment.equals(".") && !segment.equals(".."), "a dot segment")
        decoded.removeAll()
        path.decodeSegment(at: index, into: &decoded)
        precondition(!decoded.bytes.equals(".") && !decoded.bytes.equals(".."), "an escaped dot segment")
    }
    let bytes = path.bytes
    for index in bytes.indices {
        precondition(bytes[index] > 0x20 && bytes[index] < 0x7F, "a byte that is no visible character")
        precondition(bytes[index] != UInt8(ascii: "\\"), "a backslash")
    }
}

// Safe because libFuzzer owns the bytes for the length of the call.
unsafe Fuzzer.run { base, count in
    let input = unsafe UnsafeBufferPointer(start: base, count: count)
    unsafe check(input.span)
    return 0
}
