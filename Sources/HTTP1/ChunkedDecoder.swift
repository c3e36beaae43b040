// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTPTypes

/// The chunked coding (RFC 9112 §7.1), a byte at a time outside the data.
///
/// A size is 1 to 16 hexadecimal digits below 2^63, and nothing but `;` or CR may follow it: white space there, signs
/// and `0x` are what smuggled chunks are made of.
struct ChunkedDecoder {
    private enum Phase {
        /// Before or within a chunk's size; `digits` says which.
        case size
        /// Behind the `;`, until CR.
        case chunkExtension
        /// The LF that ends the size line.
        case sizeLineFeed
        case data
        case dataReturn, dataLineFeed
        /// At the beginning of a trailer line, or of the empty line that ends the body.
        case trailers
    }

    private var phase: Phase = .size
    private var size = 0
    private var digits = 0
    private var extensionBytes = 0
    private var parameters = ChunkExtension()
    private var excess = 0
    private var trailerBytes = 0
    private var reader = LineReader()
    /// Bytes of the coded body consumed so far.
    private(set) var position = 0

    init() {}

    mutating func decode(
        _ input: borrowing Span<UInt8>,
        _ limits: HTTP1Limits,
        _ side: HTTP1Error.Side,
        trailers: inout Fields
    ) throws(HTTP1Error) -> BodyDecoder.Piece {
        var piece = BodyDecoder.Piece()
        var index = 0
        while index < input.count {
            switch phase {
            case .data:
                let count = min(size, input.count - index)
                size -= count
                if size == 0 { phase = .dataReturn }
                piece.data = index..<index + count
                index += count
                // Not a product, which a huge count would overflow.
                excess = count > excess / 4 ? 0 : excess - 4 * count
                return finish(&piece, index)
            case .trailers:
                guard let next = try trailerLine(input, index, limits, side, &trailers) else {
                    return finish(&piece, index)
                }
                let isEmptyLine = next == index + 2
                index = next
                if isEmptyLine {
                    piece.isFinished = true
                    return finish(&piece, index)
                }
            case .size, .chunkExtension, .sizeLineFeed, .dataReturn, .dataLineFeed:
                let fault = take(input[index], limits)
                if let fault { throw HTTP1Error(fault, side, at: position + index) }
                index += 1
            }
        }
        return finish(&piece, index)
    }

    private mutating func finish(_ piece: inout BodyDecoder.Piece, _ index: Int) -> BodyDecoder.Piece {
        piece.consumed = index
        position += index
        return piece
    }

    /// One byte that frames.
    private mutating func take(_ byte: UInt8, _ limits: HTTP1Limits) -> HTTP1Error.Reason? {
        excess += 1
        guard excess <= limits.chunkOverheadBytes else { return .chunkOverhead }
        switch phase {
        case .size: return takeSize(byte)
        case .chunkExtension:
            if byte == ASCII.carriageReturn {
                phase = .sizeLineFeed
                return parameters.mayEnd ? nil : .invalidChunkExtension
            }
            extensionBytes += 1
            guard extensionBytes <= limits.chunkExtensionBytes else { return .chunkExtensionTooLong }
            return parameters.take(byte) ? nil : .invalidChunkExtension
        case .sizeLineFeed:
            guard byte == ASCII.lineFeed else { return .bareCarriageReturn }
            phase = size == 0 ? .trailers : .data
            return nil
        case .dataReturn:
            phase = .dataLineFeed
            return byte == ASCII.carriageReturn ? nil : .invalidChunkEnd
        case .dataLineFeed:
            phase = .size
            (size, digits, extensionBytes) = (0, 0, 0)
            parameters = ChunkExtension()
            return byte == ASCII.lineFeed ? nil : .invalidChunkEnd
        case .data, .trailers: return nil
        }
    }

    private mutating func takeSize(_ byte: UInt8) -> HTTP1Error.Reason? {
        if let digit = ASCII.hexValue(byte) {
            guard digits < 16, size <= Int.max >> 4 else { return .chunkTooLarge }
            size = size << 4 | Int(digit)
            digits += 1
            return nil
        }
        guard digits > 0 else { return .invalidChunkSize }
        switch byte {
        case ASCII.carriageReturn: phase = .sizeLineFeed
        case UInt8(ascii: ";"): phase = .chunkExtension
        case ASCII.lineFeed: return .bareLineFeed
        default: return .invalidChunkSize
        }
        return nil
    }

    /// - Returns: the index behind the line, nil when it is not complete.
    private mutating func trailerLine(
        _ input: borrowing Span<UInt8>,
        _ start: Int,
        _ limits: HTTP1Limits,
        _ side: HTTP1Error.Side,
        _ trailers: inout Fields
    ) throws(HTTP1Error) -> Int? {
        var fault = 0
        let end: Int?
        do throws(LineReader.Fault) {
            let left = min(limits.trailerBytes - trailerBytes, limits.fieldLineBytes)
            end = try reader.end(in: input, from: start, limit: left, fault: &fault)
        } catch {
            let reason: HTTP1Error.Reason = error == .tooLong ? .trailersTooLarge : .bareLineFeed
            throw HTTP1Error(reason, side, at: position + fault)
        }
        guard let end else { return nil }
        trailerBytes += end + 2 - start
        guard end > start else { return end + 2 }
        guard trailers.count < limits.trailerCount else {
            throw HTTP1Error(.trailersTooLarge, side, at: position + start)
        }
        let offset = position + start
        let known = try FieldLine.parse(input, start, end, into: &trailers, side: side, at: offset)
        guard !KnownFieldSet.forbiddenInTrailers.contains(known) else {
            throw HTTP1Error(.forbiddenTrailer, side, at: position + start)
        }
        return end + 2
    }
}
