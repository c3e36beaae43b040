// SPDX-License-Identifier: Apache-2.0
internal import Bytes

/// One reply of a Redis or Valkey server, in RESP2: what every server speaks with who asks for nothing else.
package indirect enum RedisReply: Equatable, Sendable {
    /// `+OK`
    case text([UInt8])
    /// The first word of an error: `READONLY`, `OOM`, … The rest is the server's text, and is told to nobody.
    case failure(String)
    case integer(Int64)
    case bytes([UInt8])
    /// A value that is not there.
    case absent
    case list([RedisReply])

    /// Of one reply, whatever is in it: nothing that is asked here has a longer answer.
    package static let maximumBytes = 4 << 20
    private static let maximumDepth = 4
    private static let maximumLine = 4096
    private static let maximumItems = 65_536

    /// Reads one reply from the front of `bytes`.
    /// - Returns: nil when more input is needed.
    /// - Throws: `.malformed`, `.tooLarge`; the connection is of no use then.
    package static func parse(
        _ bytes: borrowing Span<UInt8>
    ) throws(RedisFailure) -> (reply: RedisReply, byteCount: Int)? {
        var place = 0
        guard let reply = try parse(bytes, &place, depth: 0) else {
            if bytes.count > maximumBytes { throw .tooLarge }
            return nil
        }
        return (reply, place)
    }

    private static func parse(
        _ bytes: borrowing Span<UInt8>,
        _ place: inout Int,
        depth: Int
    ) throws(RedisFailure) -> RedisReply? {
        guard depth < maximumDepth else { throw .malformed }
        guard let line = try line(bytes, &place) else { return nil }
        guard let kind = line.first else { throw .malformed }
        let rest = Array(line.dropFirst())
        switch kind {
        case UInt8(ascii: "+"): return .text(rest)
        case UInt8(ascii: "-"): return .failure(code(rest))
        case UInt8(ascii: ":"):
            guard let number = integer(rest) else { throw .malformed }
            return .integer(number)
        case UInt8(ascii: "$"): return try blob(bytes, &place, rest)
        case UInt8(ascii: "*"): return try list(bytes, &place, rest, depth)
        default: throw .malformed
        }
    }

    /// Without its end; nil when that has not come.
    private static func line(
        _ bytes: borrowing Span<UInt8>,
        _ place: inout Int
    ) throws(RedisFailure) -> [UInt8]? {
        let start = place
        guard let end = bytes.firstIndex(of: ASCII.carriageReturn, from: start) else {
            if bytes.count - start > maximumLine { throw .tooLarge }
            return nil
        }
        if end - start > maximumLine { throw .tooLarge }
        guard end + 1 < bytes.count else { return nil }
        guard bytes[end + 1] == ASCII.lineFeed else { throw .malformed }
        place = end + 2
        return bytes.extracting(start..<end).array()
    }

    private static func blob(
        _ bytes: borrowing Span<UInt8>,
        _ place: inout Int,
        _ header: [UInt8]
    ) throws(RedisFailure) -> RedisReply? {
        guard let length = integer(header) else { throw .malformed }
        if length == -1 { return .absent }
        guard length >= 0 else { throw .malformed }
        guard length <= Int64(maximumBytes) else { throw .tooLarge }
        let count = Int(length)
        guard bytes.count - place >= count + 2 else { return nil }
        guard bytes[place + count] == ASCII.carriageReturn, bytes[place + count + 1] == ASCII.lineFeed else {
            throw .malformed
        }
        defer { place += count + 2 }
        return .bytes(bytes.extracting(place..<place + count).array())
    }

    private static func list(
        _ bytes: borrowing Span<UInt8>,
        _ place: inout Int,
        _ header: [UInt8],
        _ depth: Int
    ) throws(RedisFailure) -> RedisReply? {
        guard let count = integer(header) else { throw .malformed }
        if count == -1 { return .absent }
        guard count >= 0 else { throw .malformed }
        guard count <= Int64(maximumItems) else { throw .tooLarge }
        var items: [RedisReply] = []
        for _ in 0..<Int(count) {
            guard let item = try parse(bytes, &place, depth: depth + 1) else { return nil }
            items.append(item)
        }
        return .list(items)
    }

    /// As much of an error as is a word of capitals, which is how servers name their errors.
    private static func code(_ text: [UInt8]) -> String {
        let word = text.prefix { $0 != ASCII.space }
        let isName =
            (1...24).contains(word.count)
            && word.allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
        return isName ? String(decoding: word, as: UTF8.self) : "ERR"
    }

    /// Decimal, at most 18 digits.
    static func integer(_ text: some Collection<UInt8>) -> Int64? {
        let isNegative = text.first == UInt8(ascii: "-")
        let digits = isNegative ? text.dropFirst() : text.dropFirst(0)
        guard (1...18).contains(digits.count) else { return nil }
        var value: Int64 = 0
        for byte in digits {
            guard ASCII.isDigit(byte) else { return nil }
            value = value * 10 + Int64(byte - UInt8(ascii: "0"))
        }
        return isNegative ? -value : value
    }
}
