// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// One token of a JSON text. Ranges are offsets into the span that was given; for keys and strings they leave
/// the quotes out, and `escaped` says that the range holds at least one backslash.
package enum JSONToken: Hashable, Sendable {
    case beginObject
    case endObject
    case beginArray
    case endArray
    case key(ByteRange, escaped: Bool)
    case string(ByteRange, escaped: Bool)
    case number(ByteRange)
    case `true`
    case `false`
    case null
    /// The document is complete and nothing but white space follows.
    case end
}

/// A strict pull tokenizer for one JSON document (RFC 8259).
///
/// It holds only a position and the nesting, so it is copied freely: a copy is a bookmark. Every call is given
/// the same bytes. An error leaves the reader where it stood, so a caller who streams sets `isFinal = false`,
/// meets `.truncated`, and asks again with more bytes; bytes before `position` may be dropped with `rebase`.
///
/// Refused: a byte order mark, invalid UTF-8, lone surrogates, control characters in strings, numbers outside
/// the grammar, anything after the document. Duplicate names are the caller's to refuse: see `JSONValue`.
/// Limits: nesting up to `maximumDepth` (128 at most). Cost: no allocation.
package struct JSONReader: Hashable, Sendable {
    /// What may come next.
    private enum Expectation: Hashable, Sendable {
        /// The document itself, or the value of a member whose colon was read.
        case value
        /// A value, or the end of an array that is still empty.
        case firstElement
        /// A name, or the end of an object that is still empty.
        case firstMember
        /// The colon and the value of a member whose name was read.
        case memberValue
        /// A comma and what follows it, or the end of the array or object.
        case separator
        /// Only white space.
        case nothing
    }

    /// Offset of the first byte that no token has taken yet.
    package private(set) var position = 0
    /// Arrays and objects that are open.
    package private(set) var depth = 0
    /// False while more bytes may follow those that are given.
    package var isFinal = true

    private let maximumDepth: Int
    /// Open containers, the innermost in the lowest bit; 1 is an object.
    private var containers: UInt128 = 0
    private var expectation = Expectation.value

    package init(maximumDepth: Int = 64) {
        precondition((1...128).contains(maximumDepth), "the nesting of JSON is limited to 128")
        self.maximumDepth = maximumDepth
    }

    /// Reads the next token. After `.end` it answers `.end` again.
    package mutating func next(_ bytes: Span<UInt8>) throws(JSONError) -> JSONToken {
        var index = JSONScan.skipWhitespace(bytes, from: position)
        switch expectation {
        case .nothing:
            if index < bytes.count { throw JSONError(.trailingBytes, at: index) }
            if !isFinal { throw JSONError(.truncated, at: index) }
            position = index
            return .end
        case .value:
            // No JSON text starts with this byte, so it is the mark or the beginning of one.
            if index == 0, try peek(bytes, 0) == 0xEF { throw JSONError(.byteOrderMark, at: 0) }
        case .memberValue:
            guard try peek(bytes, index) == ASCII.colon else { throw JSONError(.unexpectedByte, at: index) }
            index = JSONScan.skipWhitespace(bytes, from: index + 1)
        case .firstElement:
            if try peek(bytes, index) == UInt8(ascii: "]") { return close(at: index) }
        case .firstMember:
            if try peek(bytes, index) == UInt8(ascii: "}") { return close(at: index) }
            return try key(bytes, index)
        case .separator:
            let byte = try peek(bytes, index)
            if byte == (isInObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) { return close(at: index) }
            guard byte == ASCII.comma else { throw JSONError(.unexpectedByte, at: index) }
            index = JSONScan.skipWhitespace(bytes, from: index + 1)
            if isInObject { return try key(bytes, index) }
        }
        return try value(bytes, index)
    }

    /// Passes over one whole value, where a value stands next (after a key, or in an array).
    /// - Returns: the bytes of the value, quotes and brackets included, white space around it not.
    /// - Throws: `.unexpectedByte` where the array ends instead.
    package mutating func skipValue(_ bytes: Span<UInt8>) throws(JSONError) -> ByteRange {
        var ahead = self
        let token = try ahead.next(bytes)
        let start: Int
        switch token {
        case .beginObject, .beginArray:
            start = ahead.position - 1
            while ahead.depth > depth { _ = try ahead.next(bytes) }
        case .key(let range, _), .string(let range, _): start = range.start - 1
        case .number(let range): start = range.start
        case .true, .null: start = ahead.position - 4
        case .false: start = ahead.position - 5
        case .endObject, .endArray, .end: throw JSONError(.unexpectedByte, at: position)
        }
        if case .key = token { throw JSONError(.unexpectedByte, at: start) }
        self = ahead
        return ByteRange(start: start, count: ahead.position - start)
    }

    /// Says that the caller dropped `count` bytes from the front of what it gives.
    package mutating func rebase(_ count: Int) {
        precondition(count >= 0 && count <= position, "dropped bytes that were not read yet")
        position -= count
    }

    private var isInObject: Bool { containers & 1 == 1 }

    private func peek(_ bytes: Span<UInt8>, _ index: Int) throws(JSONError) -> UInt8 {
        guard index < bytes.count else { throw JSONError(.truncated, at: index) }
        return bytes[index]
    }

    private mutating func key(_ bytes: Span<UInt8>, _ index: Int) throws(JSONError) -> JSONToken {
        guard try peek(bytes, index) == ASCII.quote else { throw JSONError(.unexpectedByte, at: index) }
        let (range, escaped) = try JSONScan.string(bytes, from: index + 1)
        position = range.end + 1
        expectation = .memberValue
        return .key(range, escaped: escaped)
    }

    private mutating func value(_ bytes: Span<UInt8>, _ index: Int) throws(JSONError) -> JSONToken {
        let token: JSONToken
        let end: Int
        switch try peek(bytes, index) {
        case ASCII.quote:
            let (range, escaped) = try JSONScan.string(bytes, from: index + 1)
            (token, end) = (.string(range, escaped: escaped), range.end + 1)
        case UInt8(ascii: "{"): return try open(at: index, object: true)
        case UInt8(ascii: "["): return try open(at: index, object: false)
        case UInt8(ascii: "-"), 0x30...0x39:
            end = try JSONScan.number(bytes, from: index)
            // A number has no end of its own: more digits may be on their way.
            if end == bytes.count, !isFinal { throw JSONError(.truncated, at: end) }
            token = .number(ByteRange(start: index, count: end - index))
        case UInt8(ascii: "t"): (token, end) = (.true, try JSONScan.literal("true", bytes, from: index))
        case UInt8(ascii: "f"): (token, end) = (.false, try JSONScan.literal("false", bytes, from: index))
        case UInt8(ascii: "n"): (token, end) = (.null, try JSONScan.literal("null", bytes, from: index))
        default: throw JSONError(.unexpectedByte, at: index)
        }
        position = end
        expectation = depth == 0 ? .nothing : .separator
        return token
    }

    private mutating func open(at index: Int, object: Bool) throws(JSONError) -> JSONToken {
        if depth == maximumDepth { throw JSONError(.tooDeep, at: index) }
        depth += 1
        containers = containers << 1 | (object ? 1 : 0)
        position = index + 1
        expectation = object ? .firstMember : .firstElement
        return object ? .beginObject : .beginArray
    }

    private mutating func close(at index: Int) -> JSONToken {
        let token: JSONToken = isInObject ? .endObject : .endArray
        depth -= 1
        containers >>= 1
        position = index + 1
        expectation = depth == 0 ? .nothing : .separator
        return token
    }
}
