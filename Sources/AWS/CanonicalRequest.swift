// SPDX-License-Identifier: Apache-2.0
import Bytes
package import Crypto
package import HTTPTypes

/// What of a request is signed. Borrowed for one call.
package struct SignedParts: ~Escapable {
    package let method: Method
    /// As on the wire, without the query.
    package let path: Span<UInt8>
    /// As on the wire; `X-Amz-Signature` in it is left out of what is signed.
    package let query: Span<UInt8>
    /// The value of Host, wherever the protocol has it.
    package let host: Span<UInt8>
    /// The digest of the body in hexadecimal, or one of the words that stand in its place.
    package let payload: Span<UInt8>

    @_lifetime(copy path, copy query, copy host, copy payload)
    package init(
        method: Method,
        path: Span<UInt8>,
        query: Span<UInt8>,
        host: Span<UInt8>,
        payload: Span<UInt8>
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.host = host
        self.payload = payload
    }
}

/// Writes the canonical form of requests (SigV4, step 1). One for each worker, used again and again.
/// Source: AWS General Reference, "Create a canonical request". Cost: one pass, and a sort of the query's parameters.
package struct CanonicalRequest: ~Copyable {
    /// More parameters than this are refused.
    package static let maximumParameters = 128

    private struct Pair {
        var name: ByteRange
        var value: ByteRange
    }

    private var output = Buffer()
    private var scratch = Buffer()
    private var pairs: [Pair] = []
    private var hasher = SHA256Hasher()

    package init() {}

    /// The text of the last `digest`.
    package var text: Span<UInt8> {
        @_lifetime(borrow self) borrowing get { output.bytes }
    }

    /// - Parameter signed: the names that are signed, in order.
    /// - Throws: `malformed` for a broken escape; `headerMissing`; `tooLarge`.
    package mutating func digest(
        _ parts: borrowing SignedParts,
        _ fields: borrowing Fields,
        _ signed: borrowing SignedHeaders,
        _ form: PathForm
    ) throws(SignatureFailure) -> Digest {
        output.removeAll()
        output.append(parts.method.name)
        output.append(ASCII.lineFeed)
        try Self.append(path: parts.path, form, to: &output)
        output.append(ASCII.lineFeed)
        try append(query: parts.query)
        output.append(ASCII.lineFeed)
        try Self.append(fields, signed, host: parts.host, to: &output)
        output.append(ASCII.lineFeed)
        output.append(signed.text)
        output.append(ASCII.lineFeed)
        output.append(parts.payload)
        hasher.update(all: output)
        return hasher.finish()
    }

    /// The digest of one text, with the hasher that is there anyway.
    package mutating func hash(_ text: borrowing Span<UInt8>) -> Digest {
        hasher.update(text)
        return hasher.finish()
    }

    // MARK: path

    private static func append(
        path: borrowing Span<UInt8>,
        _ form: PathForm,
        to output: inout Buffer
    ) throws(SignatureFailure) {
        if path.isEmpty { return output.append(ASCII.slash) }
        switch form {
        case .once: try append(once: path, to: &output)
        case .twiceUnresolved: PercentEncoding.encode(path, as: .path, into: &output)
        case .twice: append(resolved: path, to: &output)
        }
    }

    /// Decodes and encodes again, so that one key has one form. An escaped slash stays escaped.
    private static func append(
        once path: borrowing Span<UInt8>,
        to output: inout Buffer
    ) throws(SignatureFailure) {
        var index = 0
        while index < path.count {
            let byte = path[index]
            if byte == ASCII.percent {
                guard let plain = PercentEncoding.escape(in: path, at: index) else { throw .malformed }
                append(plain, keepsSlash: false, to: &output)
                index += 3
            } else {
                append(byte, keepsSlash: true, to: &output)
                index += 1
            }
        }
    }

    private static func append(_ byte: UInt8, keepsSlash: Bool, to output: inout Buffer) {
        if PercentEncoding.isUnreserved(byte) || (keepsSlash && byte == ASCII.slash) {
            output.append(byte)
        } else {
            PercentEncoding.append(escaped: byte, into: &output)
        }
    }

    /// RFC 3986 §5.2.4 without empty segments, as every signer does it; then escaped.
    private static func append(resolved path: borrowing Span<UInt8>, to output: inout Buffer) {
        var kept: [Range<Int>] = []
        var start = 0
        while start < path.count {
            let end = path.firstIndex(of: ASCII.slash, from: start) ?? path.count
            let segment = path.extracting(start..<end)
            if segment.equals("..") {
                _ = kept.popLast()
            } else if !segment.isEmpty, !segment.equals(".") {
                kept.append(start..<end)
            }
            start = end + 1
        }
        for range in kept {
            output.append(ASCII.slash)
            PercentEncoding.encode(path.extracting(range), as: .segment, into: &output)
        }
        if kept.isEmpty || path[path.count - 1] == ASCII.slash { output.append(ASCII.slash) }
    }

    // MARK: query

    /// Parameters in the order of their escaped names and values. A `+` is a plus sign.
    private mutating func append(query: borrowing Span<UInt8>) throws(SignatureFailure) {
        pairs.removeAll(keepingCapacity: true)
        scratch.removeAll()
        var cursor = QueryCursor()
        while let parameter = cursor.next(in: query) {
            let name = try escaped(query.extracting(parameter.name))
            if scratch.bytes.extracting(name).equals("X-Amz-Signature") { continue }
            let value = try escaped(query.extracting(parameter.value))
            guard pairs.count < Self.maximumParameters else { throw .tooLarge }
            insert(Pair(name: name, value: value))
        }
        for (index, pair) in pairs.enumerated() {
            if index > 0 { output.append(UInt8(ascii: "&")) }
            output.append(pair.name, of: scratch)
            output.append(UInt8(ascii: "="))
            output.append(pair.value, of: scratch)
        }
    }

    private mutating func escaped(_ text: borrowing Span<UInt8>) throws(SignatureFailure) -> ByteRange {
        let start = scratch.count
        var index = 0
        while index < text.count {
            var byte = text[index]
            index += 1
            if byte == ASCII.percent {
                guard let plain = PercentEncoding.escape(in: text, at: index - 1) else { throw .malformed }
                byte = plain
                index += 2
            }
            Self.append(byte, keepsSlash: false, to: &scratch)
        }
        return ByteRange(start: start, count: scratch.count - start)
    }

    private mutating func insert(_ pair: Pair) {
        var place = pairs.count
        while place > 0, precedes(pair, pairs[place - 1]) { place -= 1 }
        pairs.insert(pair, at: place)
    }

    private func precedes(_ left: Pair, _ right: Pair) -> Bool {
        let (one, two) = (scratch.bytes.extracting(left.name), scratch.bytes.extracting(right.name))
        if !one.equals(two) { return one.precedes(two) }
        return scratch.bytes.extracting(left.value).precedes(scratch.bytes.extracting(right.value))
    }

    // MARK: headers

    private static func append(
        _ fields: borrowing Fields,
        _ signed: borrowing SignedHeaders,
        host: borrowing Span<UInt8>,
        to output: inout Buffer
    ) throws(SignatureFailure) {
        for place in 0..<signed.count {
            let name = signed.name(place)
            output.append(name)
            output.append(ASCII.colon)
            if name.equals("host") {
                append(trimmed: host, to: &output)
            } else {
                var next = fields.first(named: name)
                guard next != nil else { throw .headerMissing }
                var isFirst = true
                while let index = next {
                    if !isFirst { output.append(ASCII.comma) }
                    isFirst = false
                    append(trimmed: fields.value(at: index), to: &output)
                    next = fields.first(named: name, from: index + 1)
                }
            }
            output.append(ASCII.lineFeed)
        }
    }

    /// Without spaces at the ends, and with one for each run of them inside.
    private static func append(trimmed value: borrowing Span<UInt8>, to output: inout Buffer) {
        if isTrim(value) { return output.append(value) }
        var pending = false
        var isFirst = true
        for index in value.indices {
            let byte = value[index]
            if byte == ASCII.space || byte == ASCII.tab {
                pending = !isFirst
                continue
            }
            if pending { output.append(ASCII.space) }
            pending = false
            isFirst = false
            output.append(byte)
        }
    }

    /// Whether that changes nothing, as with most values. Cost: a search or two.
    private static func isTrim(_ value: borrowing Span<UInt8>) -> Bool {
        if value.firstIndex(of: ASCII.tab) != nil { return false }
        var last = -1
        while let space = value.firstIndex(of: ASCII.space, from: last + 1) {
            if space == last + 1 { return false }
            last = space
        }
        return value.isEmpty || last != value.count - 1
    }
}
