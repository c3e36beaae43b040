// SPDX-License-Identifier: Apache-2.0
package import Bytes
import CZlib

/// The content coding `gzip` (RFC 1952, RFC 9110 §8.4.1.3), read whole.
package enum GZip {
    package enum Failure: Error, Equatable, Sendable {
        /// Not one whole member and nothing behind it, or its check is wrong.
        case malformed
        /// More than the limit comes out, or more for each byte than `maximumRatio` allows.
        case tooLarge
    }

    /// Bytes that may come out for each that goes in; text that repeats itself makes 20 to 100, a bomb a thousand.
    package static let maximumRatio = 256
    /// So much may come out whatever went in.
    private static let freeBytes = 64 << 10
    private static let chunkBytes = 32 << 10

    /// Appends what the bytes stand for. What was appended before a failure is of no use.
    /// - Parameter limit: bytes that may come out.
    /// Cost: some 40 KiB while it runs; no more than `limit` and a chunk is ever written.
    package static func decode(
        _ bytes: borrowing Span<UInt8>,
        limit: Int,
        into output: inout Buffer
    ) throws(Failure) {
        var stream = unsafe z_stream()
        // Safe because the stream is initialised here, used in this function alone, and ended before it goes.
        guard unsafe bulkhead_inflate_gzip(&stream) == Z_OK else { throw .malformed }
        defer { unsafe inflateEnd(&stream) }
        let bound = min(limit, max(freeBytes, bytes.count * maximumRatio))
        let start = output.count
        // Safe because zlib only reads the input, which the span keeps where it is during the call.
        try unsafe bytes.withUnsafeBufferPointer { (input) throws(Failure) in
            guard let base = input.baseAddress, input.count <= Int(UInt32.max) else {
                throw .malformed
            }
            unsafe stream.next_in = UnsafeMutablePointer(mutating: base)
            unsafe stream.avail_in = UInt32(input.count)
            var status = Z_OK
            while status != Z_STREAM_END {
                let before = unsafe stream.avail_in
                var made = 0
                // Safe because zlib writes no more than it is told that there is room.
                unsafe output.append(upTo: chunkBytes) { room in
                    unsafe stream.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
                    unsafe stream.avail_out = UInt32(room.count)
                    status = unsafe inflate(&stream, Z_NO_FLUSH)
                    made = unsafe room.count - Int(stream.avail_out)
                    return made
                }
                guard status == Z_OK || status == Z_STREAM_END else { throw .malformed }
                if output.count - start > bound { throw .tooLarge }
                // Nothing more goes in and nothing came out: it was cut off.
                if status == Z_OK, made == 0, unsafe stream.avail_in == before { throw .malformed }
            }
            // A second member, or anything else: other readers may take it for a part of the body.
            if unsafe stream.avail_in != 0 { throw .malformed }
        }
    }
}
