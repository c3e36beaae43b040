// SPDX-License-Identifier: Apache-2.0

/// Where controlled values stand: a JSON Pointer (RFC 6901) in which a step `*` is every element of an array, and a
/// step in braces every member that has no step of its own: `{}`, or `{binding}` where the names are to be edited.
/// `/searches/*/limit` is the member `limit` of each element of `searches`; the empty text is the whole document.
/// A member that is called `*`, or whose name stands in braces, cannot be named.
package struct JSONPattern: Hashable, Sendable {
    package enum Step: Hashable, Sendable {
        case member([UInt8])
        case element
        /// Whatever the member is called; `binding` is the caller's own number for its name.
        case anyMember(binding: Int?)
    }

    package var steps: [Step]

    package init(_ steps: [Step]) { self.steps = steps }

    /// Nil unless the text is empty or begins with `/`, each `~` is `~0` or `~1`, and `resolve` knows each name in
    /// braces.
    package init?(_ text: String, resolve: (String) -> Int? = { _ in nil }) {
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
                if let step {
                    guard let step = Self.step(step, resolve) else { return nil }
                    steps.append(step)
                }
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
        if let step {
            guard let step = Self.step(step, resolve) else { return nil }
            steps.append(step)
        }
    }

    private static func step(_ name: [UInt8], _ resolve: (String) -> Int?) -> Step? {
        if name == [UInt8(ascii: "*")] { return .element }
        guard name.first == UInt8(ascii: "{"), name.last == UInt8(ascii: "}") else { return .member(name) }
        if name.count == 2 { return .anyMember(binding: nil) }
        let inner = String(decoding: name[1..<name.count - 1], as: UTF8.self)
        return resolve(inner).map { .anyMember(binding: $0) }
    }
}
