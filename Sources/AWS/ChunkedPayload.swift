// SPDX-License-Identifier: Apache-2.0
package import Bytes
import Crypto

/// A body in signed chunks on its way: each chunk's signature is checked, then the chunk is signed again with the key
/// that the store knows. What goes out is as long as what came in, so the message's length stays.
///
///     size ─▶ data ─▶ dataEnd ─▶ size ─▶ … ─▶ (size 0) ─▶ trailer… ─▶ done
///
/// Nothing of a chunk leaves before its signature was checked, so a chunk is held whole, up to `maximumChunk`.
/// Source: AWS, "Signature calculations for the authorization header: transferring payload in multiple chunks".
package struct ChunkedPayload: ~Copyable {
    package static let maximumChunk = 1 << 20
    private static let maximumLine = 1024
    private static let maximumTrailers = 8

    package enum Failure: Error, Hashable, Sendable {
        /// Not in the form of chunks.
        case malformed
        case chunkTooLarge
        case mismatch
        /// Shorter or longer than it was announced.
        case length
    }

    private enum Phase {
        /// Before `size;chunk-signature=…`.
        case size
        /// So many bytes of a chunk, with that signature.
        case data(Int, Digest)
        /// Before a trailer, or the empty line that ends everything.
        case trailer
        case done
    }

    private var phase = Phase.size
    private var incoming: ChunkSigner
    private var outgoing: ChunkSigner
    private let hasTrailers: Bool
    private let decodedLength: Int
    private var decoded = 0
    private var trailers = Buffer()
    private var trailerCount = 0
    private var wasTrailerSigned = false

    /// - Parameters:
    ///   - incoming, outgoing: the signers of both sides.
    ///   - decodedLength: `x-amz-decoded-content-length`.
    package init(
        from incoming: consuming ChunkSigner,
        to outgoing: consuming ChunkSigner,
        hasTrailers: Bool,
        decodedLength: Int
    ) {
        self.incoming = incoming
        self.outgoing = outgoing
        self.hasTrailers = hasTrailers
        self.decodedLength = decodedLength
    }

    package var isDone: Bool { if case .done = phase { true } else { false } }

    /// Takes as much of `input` as makes whole lines and chunks; the rest must come again with more behind it.
    /// - Returns: how many bytes were taken.
    package mutating func received(
        _ input: borrowing Span<UInt8>,
        into output: inout Buffer
    ) throws(Failure) -> Int {
        var taken = 0
        while taken < input.count {
            let rest = input.extracting(taken..<input.count)
            let step: Int
            switch phase {
            case .size: step = try size(rest)
            case .data(let count, let signature): step = try data(rest, count, signature, &output)
            case .trailer: step = try trailer(rest, &output)
            case .done: throw .malformed
            }
            if step == 0 { break }
            taken += step
        }
        return taken
    }

    /// The length of the first line with its end; 0 while it is not whole.
    private func line(_ input: borrowing Span<UInt8>) throws(Failure) -> Int {
        guard let end = input.firstIndex(of: ASCII.lineFeed) else {
            if input.count > Self.maximumLine { throw .malformed }
            return 0
        }
        guard end > 0, end < Self.maximumLine, input[end - 1] == ASCII.carriageReturn else {
            throw .malformed
        }
        return end + 1
    }

    private mutating func size(_ input: borrowing Span<UInt8>) throws(Failure) -> Int {
        let length = try line(input)
        if length == 0 { return 0 }
        let text = input.extracting(0..<(length - 2))
        guard let semicolon = text.firstIndex(of: UInt8(ascii: ";")), (1...8).contains(semicolon),
            let signature = Self.signature(
                text.extracting(semicolon..<text.count),
                after: ";chunk-signature="
            )
        else { throw .malformed }
        var count = 0
        for index in 0..<semicolon {
            guard let digit = ASCII.hexValue(text[index]) else { throw .malformed }
            count = count << 4 | Int(digit)
        }
        guard count <= Self.maximumChunk else { throw .chunkTooLarge }
        decoded += count
        guard decoded <= decodedLength else { throw .length }
        phase = .data(count, signature)
        return length
    }

    private mutating func data(
        _ input: borrowing Span<UInt8>,
        _ count: Int,
        _ signature: Digest,
        _ output: inout Buffer
    ) throws(Failure) -> Int {
        // The last chunk is empty, and what follows its line is the trailers.
        let whole = count == 0 ? 0 : count + 2
        guard input.count >= whole else { return 0 }
        let chunk = input.extracting(0..<count)
        if count > 0, input[count] != ASCII.carriageReturn || input[count + 1] != ASCII.lineFeed {
            throw .malformed
        }
        let expected = incoming.sign(chunk: chunk)
        guard constantTimeEquals(expected.bytes, signature.bytes) else { throw .mismatch }
        let ours = outgoing.sign(chunk: chunk)
        Self.append(hexadecimal: count, to: &output)
        output.append(";chunk-signature=")
        Hex.encode(ours.bytes, into: &output)
        output.append("\r\n")
        if count == 0 {
            guard decoded == decodedLength else { throw .length }
            phase = .trailer
            return try trailer(input, &output)
        }
        output.append(chunk)
        output.append("\r\n")
        phase = .size
        return whole
    }

    private mutating func trailer(
        _ input: borrowing Span<UInt8>,
        _ output: inout Buffer
    ) throws(Failure) -> Int {
        guard !input.isEmpty else { return 0 }
        if input[0] == ASCII.carriageReturn {
            guard input.count >= 2 else { return 0 }
            guard input[1] == ASCII.lineFeed, wasTrailerSigned == hasTrailers else { throw .malformed }
            output.append("\r\n")
            phase = .done
            return 2
        }
        let length = try line(input)
        if length == 0 { return 0 }
        guard hasTrailers, !wasTrailerSigned, trailerCount < Self.maximumTrailers else { throw .malformed }
        let text = input.extracting(0..<(length - 2))
        if let signature = Self.signature(text, after: "x-amz-trailer-signature:") {
            let expected = incoming.sign(trailers: trailers)
            guard constantTimeEquals(expected.bytes, signature.bytes) else { throw .mismatch }
            let ours = outgoing.sign(trailers: trailers)
            output.append("x-amz-trailer-signature:")
            Hex.encode(ours.bytes, into: &output)
            output.append("\r\n")
            wasTrailerSigned = true
            return length
        }
        // Checksums alone: everything else could mean something to the store.
        guard text.hasPrefix("x-amz-checksum-") else { throw .malformed }
        trailers.append(text)
        trailers.append(ASCII.lineFeed)
        trailerCount += 1
        output.append(input.extracting(0..<length))
        return length
    }

    private static func signature(_ text: borrowing Span<UInt8>, after prefix: StaticString) -> Digest? {
        let start = prefix.utf8CodeUnitCount
        guard text.count == start + 64, text.hasPrefix(prefix),
            let bytes = Hex.decode(text.extracting(start..<text.count))
        else { return nil }
        return Digest(bytes.span)
    }

    private static func append(hexadecimal value: Int, to output: inout Buffer) {
        var shift = 60
        while shift > 0, value >> shift & 15 == 0 { shift -= 4 }
        while shift >= 0 {
            output.append(ASCII.hexDigit(UInt8(value >> shift & 15)))
            shift -= 4
        }
    }
}
