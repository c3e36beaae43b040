// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// One `name=value` of a query, as ranges into it.
package struct QueryParameter: Equatable, Sendable {
    package var name: Range<Int>
    /// Empty where there is no `=` too.
    package var value: Range<Int>
    /// Name, `=` and value.
    package var whole: Range<Int>
}

/// Walks a query's parameters in order: `&` parts them, the first `=` ends the name, empty ones are skipped.
///
///     var cursor = QueryCursor()
///     while let parameter = cursor.next(in: path.query) { … }
package struct QueryCursor: Sendable {
    private var index = 0

    package init() {}

    /// - Parameter query: the same one at each call.
    package mutating func next(in query: borrowing Span<UInt8>) -> QueryParameter? {
        while index < query.count {
            let start = index
            let end = query.firstIndex(of: UInt8(ascii: "&"), from: start) ?? query.count
            index = end + 1
            guard end > start else { continue }
            var equals = start
            while equals < end, query[equals] != UInt8(ascii: "=") { equals += 1 }
            return QueryParameter(name: start..<equals, value: min(equals + 1, end)..<end, whole: start..<end)
        }
        return nil
    }
}

/// Questions about a query that compare what names and values mean, not how they are escaped.
/// `+` is a space in them, as in forms (WHATWG URL, application/x-www-form-urlencoded); an adapter whose store reads
/// it literally passes `plusIsSpace: false`.
package enum Query {
    /// The only parameter of that name, or nil; `count` says how many there are.
    package static func find(
        _ name: borrowing Span<UInt8>,
        in query: borrowing Span<UInt8>,
        plusIsSpace: Bool = true
    ) -> (first: QueryParameter?, count: Int) {
        var first: QueryParameter?
        var count = 0
        var cursor = QueryCursor()
        while let parameter = cursor.next(in: query) {
            let text = query.extracting(parameter.name)
            if PercentEncoding.decoded(text, plusIsSpace: plusIsSpace, equals: name) {
                if first == nil { first = parameter }
                count += 1
            }
        }
        return (first, count)
    }

    /// The first parameter whose decoded name an earlier one had, letters' case ignored: origins differ in which of
    /// two they take (prom-label-proxy, observatorium PR 595).
    /// Cost: quadratic in the number of parameters, which `limit` bounds; a query with more of them is answered with
    /// the one behind the limit.
    package static func firstDuplicate(
        in query: borrowing Span<UInt8>,
        limit: Int = 128
    ) -> QueryParameter? {
        var cursor = QueryCursor()
        var seen = 0
        while let parameter = cursor.next(in: query) {
            if seen == limit { return parameter }
            var earlier = QueryCursor()
            for _ in 0..<seen {
                guard let other = earlier.next(in: query) else { break }
                if sameName(query.extracting(parameter.name), query.extracting(other.name)) {
                    return parameter
                }
            }
            seen += 1
        }
        return nil
    }

    /// Appends `name=value`, both plain, escaped, behind a `&` unless `output` is where the query begins.
    package static func append(
        name: borrowing Span<UInt8>,
        value: borrowing Span<UInt8>,
        isFirst: Bool,
        into output: inout Buffer
    ) {
        if !isFirst { output.append(UInt8(ascii: "&")) }
        PercentEncoding.encode(name, as: .query, into: &output)
        output.append(UInt8(ascii: "="))
        PercentEncoding.encode(value, as: .query, into: &output)
    }

    private static func sameName(_ left: borrowing Span<UInt8>, _ right: borrowing Span<UInt8>) -> Bool {
        var one = 0
        var two = 0
        while one < left.count, two < right.count {
            let first = ASCII.lowercased(nextDecoded(left, &one))
            let second = ASCII.lowercased(nextDecoded(right, &two))
            if first != second { return false }
        }
        return one == left.count && two == right.count
    }

    private static func nextDecoded(_ text: borrowing Span<UInt8>, _ index: inout Int) -> UInt8 {
        if let byte = PercentEncoding.escape(in: text, at: index) {
            index += 3
            return byte
        }
        let byte = text[index]
        index += 1
        return byte == UInt8(ascii: "+") ? ASCII.space : byte
    }
}
