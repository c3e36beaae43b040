// SPDX-License-Identifier: Apache-2.0
import Bytes

/// A tenant's durable id: 1 to 64 bytes of `A-Z a-z 0-9 . _ -`, case-sensitive, never used again (THREATS 13).
package struct TenantID: Hashable, Sendable, CustomStringConvertible {
    package static let maximumBytes = 64
    package let text: String

    package init?(_ text: String) {
        guard Self.isLegal(text.utf8Span.span) else { return nil }
        self.text = text
    }

    /// Of an agent that acts by itself (THREATS 7): no tenant can be called so, for the colon.
    init(serviceOf agent: String) { text = "service:" + agent }

    package var description: String { text }

    private static func isLegal(_ bytes: Span<UInt8>) -> Bool {
        guard (1...maximumBytes).contains(bytes.count) else { return false }
        for index in bytes.indices {
            let byte = bytes[index]
            guard
                ASCII.isAlphanumeric(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
                    || byte == UInt8(ascii: "-")
            else { return false }
        }
        // In a path they would be another place.
        return !(bytes.equals(".") || bytes.equals(".."))
    }
}

/// A user as the issuer names them: 1 to 255 bytes of UTF-8 (OpenID Connect allows 255 ASCII characters) without
/// control characters, and without a space at either end, which a header field would lose on its way to an agent:
/// there, two users would be one. Two are the same when their bytes are: Swift's own `==` of strings would take
/// U+00E9 and e + U+0301 for one person.
package struct UserID: Hashable, Sendable, CustomStringConvertible {
    package static let maximumBytes = 255
    package let text: String

    package init?(_ text: String) {
        let bytes = text.utf8Span.span
        guard (1...Self.maximumBytes).contains(bytes.count) else { return nil }
        if bytes[0] == ASCII.space || bytes[bytes.count - 1] == ASCII.space { return nil }
        for index in bytes.indices where bytes[index] < 0x20 || bytes[index] == 0x7F { return nil }
        self.text = text
    }

    package var description: String { text }

    package static func == (left: UserID, right: UserID) -> Bool {
        left.text.utf8Span.span.equals(right.text.utf8Span.span)
    }

    package func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }
}
