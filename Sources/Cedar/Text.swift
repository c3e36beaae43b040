// SPDX-License-Identifier: Apache-2.0
import Bytes

/// A string as Cedar compares it: by Unicode scalars, without normalisation. Swift's own `==` calls `"é"` and
/// `"e\u{301}"` equal, Cedar does not; so ids, attribute names, tags and strings are `Text`, never `String`.
/// Cost: up to 15 bytes stand in the value itself; comparing is one `memcmp`.
package struct Text: Sendable {
    package let string: String

    package init(_ string: String) { self.string = string }
}

extension Text: Hashable, Comparable {
    package static func == (left: Text, right: Text) -> Bool {
        left.string.utf8Span.span.equals(right.string.utf8Span.span)
    }

    package static func < (left: Text, right: Text) -> Bool {
        left.string.utf8Span.span.precedes(right.string.utf8Span.span)
    }

    package func hash(into hasher: inout Hasher) {
        string.utf8Span.span.hash(into: &hasher)
        hasher.combine(UInt8(0xFF))
    }
}

extension Text: ExpressibleByStringLiteral, CustomStringConvertible {
    package init(stringLiteral value: String) { string = value }

    package var description: String { string }
}
