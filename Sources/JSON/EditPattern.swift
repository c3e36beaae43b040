// SPDX-License-Identifier: Apache-2.0

/// Where controlled values stand: a JSON Pointer (RFC 6901) in which a step `*` is every element of an array.
/// `/searches/*/limit` is the member `limit` of each element of `searches`; the empty text is the whole document.
/// A member that is called `*` cannot be named.
package struct JSONPattern: Hashable, Sendable {
    package enum Step: Hashable, Sendable {
        case member([UInt8])
        case element
    }

    package var steps: [Step]

    package init(_ steps: [Step]) { self.steps = steps }

    /// Nil unless the text is empty or begins with `/`, and each `~` is `~0` or `~1`.
    package init?(_ text: String) {
        steps = []
        if text.isEmpty { return }
        var step: [UInt8]?
        var tilde = false
        for byte in text.utf8 {
            if tilde {
                guard byte == UInt8(ascii: "0") || byte == UInt8(ascii: "1") else { return nil }
                step?.append(byte == UInt8(ascii: "0") ? UInt8(ascii: "~") : UInt8(ascii: "/"))
                tilde = false
            } else if byte == UInt8(ascii: "/") {
                if let step { steps.append(Self.step(step)) }
                step = []
            } else if step == nil {
                return nil
            } else if byte == UInt8(ascii: "~") {
                tilde = true
            } else {
                step?.append(byte)
            }
        }
        if tilde { return nil }
        if let step { steps.append(Self.step(step)) }
    }

    private static func step(_ name: [UInt8]) -> Step {
        name == [UInt8(ascii: "*")] ? .element : .member(name)
    }
}
