// SPDX-License-Identifier: Apache-2.0
package import Bytes

/// The one form of a path and its query that is matched, decided on, rewritten and forwarded.
///
/// | in the target | here |
/// |---|---|
/// | unreserved byte, escaped | decoded (`%41` is `A`), but an escaped dot is refused |
/// | other escape | kept, digits in upper case |
/// | escaped control byte, `%00` first among them | refused |
/// | escapes from 0x80 that are no UTF-8, overlong forms included | refused |
/// | `.` and `..` as segments | refused, not resolved: what resolves them downstream may do it otherwise |
/// | `//` | refused; one `/` at the end is kept and says `endsWithSlash` |
/// | `;`, `\`, `#`, raw bytes from 0x80, control bytes, and what RFC 3986 §3.3 does not let stand | refused |
/// | `%2F`, `%5C` | kept and flagged: legal only where the route's adapter declares the segment opaque |
/// | query | kept as it is after its bytes are checked in the same way |
///
/// Source: RFC 3986 §6.2.2; CVE-2019-9901, CVE-2021-29492. Storage is reused; a parse allocates nothing when warm.
/// Cost: one pass over the target.
package struct CanonicalPath: ~Copyable {
    package static let maximumSegments = 64

    /// What a segment holds that not every reader takes for one thing.
    package struct Flags: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        /// `%2F` or `%5C`: a reader that decodes before it splits sees two segments.
        package static let hasEncodedSlash = Flags(rawValue: 1)
        /// An escaped delimiter of RFC 3986 §2.2, slash and backslash aside, or an escaped `%`, which a second
        /// decoding would turn into another escape.
        package static let hasReservedEscapes = Flags(rawValue: 2)
        /// Any escape at all: the segment must be decoded before it is compared with a plain value.
        package static let hasEscapes = Flags(rawValue: 4)
    }

    struct Segment {
        var start: UInt32 = 0
        var count: UInt32 = 0
        var flags: Flags = []
    }

    var text = Buffer()
    var pathCount = 0
    var segments = InlineArray<64, Segment>(repeating: Segment())
    package internal(set) var segmentCount = 0
    /// The flags of all segments together.
    package internal(set) var flags: Flags = []
    package internal(set) var endsWithSlash = false

    package init() {}

    package mutating func removeAll() {
        text.removeAll()
        pathCount = 0
        segmentCount = 0
        flags = []
        endsWithSlash = false
    }

    /// From the first `/` to the `?` or the end.
    package var bytes: Span<UInt8> {
        @_lifetime(borrow self) borrowing get { text.bytes.extracting(0..<pathCount) }
    }

    package var hasQuery: Bool { text.count > pathCount }

    /// What stands behind the `?`; empty also where there is none.
    package var query: Span<UInt8> {
        @_lifetime(borrow self) borrowing get {
            text.bytes.extracting(min(pathCount + 1, text.count)..<text.count)
        }
    }

    /// Path, `?` and query: the origin-form target (RFC 9112 §3.2.1).
    package var pathAndQuery: Span<UInt8> {
        @_lifetime(borrow self) borrowing get { text.bytes }
    }

    /// Segment `index` in canonical form, without slashes. An empty one is never counted.
    @_lifetime(borrow self)
    package func segment(at index: Int) -> Span<UInt8> { text.bytes.extracting(range(at: index)) }

    /// Where segment `index` stands in `bytes`.
    package func range(at index: Int) -> Range<Int> {
        precondition(index < segmentCount, "there is no such segment")
        let start = Int(segments[index].start)
        return start..<start + Int(segments[index].count)
    }

    package func flags(at index: Int) -> Flags {
        precondition(index < segmentCount, "there is no such segment")
        return segments[index].flags
    }

    /// Takes every parameter out of the query whose decoded name is one of `names` to some server: case and punctuation
    /// do not count, nor what stands in brackets behind it (`key[]`), nor spaces before it.
    /// - Returns: whether there was any.
    package mutating func removeParameters(_ names: borrowing HeaderFolding) -> Bool {
        guard hasQuery else { return false }
        var kept = Buffer()
        var name = Buffer()
        var hadSome = false
        var cursor = QueryCursor()
        while let parameter = cursor.next(in: query) {
            name.removeAll()
            _ = PercentEncoding.decode(query.extracting(parameter.name), plusIsSpace: true, into: &name)
            let bracket = name.bytes.firstIndex(of: UInt8(ascii: "[")) ?? name.count
            let plain = name.bytes.extracting(0..<bracket).trimmingOWS()
            if names.protects(plain) {
                hadSome = true
            } else {
                kept.append(kept.isEmpty ? "?" : "&")
                kept.append(query.extracting(parameter.whole))
            }
        }
        guard hadSome else { return false }
        text.truncate(to: pathCount)
        text.append(kept.bytes)
        return true
    }

    /// Appends segment `index` with its escapes resolved.
    package func decodeSegment(at index: Int, into output: inout Buffer) {
        let decoded = PercentEncoding.decode(segment(at: index), into: &output)
        precondition(decoded, "a canonical segment has only whole escapes")
    }
}
