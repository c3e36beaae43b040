// SPDX-License-Identifier: Apache-2.0
import Bytes
import FuzzDriver
import HTTP1
import HTTPTypes

/// A coded body, fed in pieces of so many bytes: its data and how it ended.
func outcome(_ input: Span<UInt8>, step: Int) -> (data: [UInt8], end: String) {
    var decoder = BodyDecoder(limits: .callers)
    decoder.start(.chunked, .request)
    var data: [UInt8] = []
    var start = 0
    var end = min(step, input.count)
    do throws(HTTP1Error) {
        while true {
            let piece = try decoder.decode(input.extracting(start..<end))
            precondition(piece.consumed <= end - start && piece.data.upperBound <= piece.consumed)
            data += input.extracting(start + piece.data.lowerBound..<start + piece.data.upperBound).array()
            start += piece.consumed
            if piece.isFinished { return (data, "finished \(start) \(decoder.trailers.count)") }
            if piece.consumed == 0 {
                if end == input.count { return (data, "incomplete") }
                end = min(end + step, input.count)
            }
        }
    } catch {
        return (data, "\(error)")
    }
}

func check(_ input: Span<UInt8>) {
    let whole = outcome(input, step: max(input.count, 1))
    for step in [1, 7] {
        let parts = outcome(input, step: step)
        precondition(whole.end == parts.end, "another end in pieces: \(whole.end), \(parts.end)")
        precondition(whole.data == parts.data, "other data in pieces")
    }
}

// Safe because libFuzzer owns the bytes for the length of the call.
unsafe Fuzzer.run { base, count in
    let input = unsafe UnsafeBufferPointer(start: base, count: count)
    unsafe check(input.span)
    return 0
}
