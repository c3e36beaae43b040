// SPDX-License-Identifier: Apache-2.0

extension PolicySet {
    /// The policies of `source` laid out alike; comments that stand before and after policies are kept.
    /// Formatting what was formatted changes nothing.
    /// - Throws: also for a comment inside a policy, which would be lost.
    package static func formatted(_ source: Source) throws(SyntaxError) -> String {
        var comments = try Lexer.comments(of: source)[...]
        func takeComments(before end: Int) -> [String] {
            var lines: [String] = []
            while let comment = comments.first, comment.lowerBound < end {
                lines.append(String(decoding: source.bytes[comment], as: UTF8.self))
                comments = comments.dropFirst()
            }
            return lines
        }
        var blocks: [String] = []
        for (policy, place) in try PolicyParser.placedPolicies(in: source) {
            let head = takeComments(before: place.lowerBound)
            if let inner = comments.first, inner.lowerBound < place.upperBound {
                throw SyntaxError(
                    source.location(of: inner.lowerBound),
                    "formatting would lose this comment: put it before the policy"
                )
            }
            blocks.append((head + [policy.text]).joined(separator: "\n"))
        }
        let rest = takeComments(before: .max)
        if !rest.isEmpty { blocks.append(rest.joined(separator: "\n")) }
        return blocks.map { $0 + "\n" }.joined(separator: "\n")
    }
}

extension SchemaDocument {
    /// The schema laid out alike.
    /// - Throws: also for a comment, which would be lost.
    package static func formatted(_ source: Source) throws(SyntaxError) -> String {
        let document = try SchemaDocument(source)
        if let comment = try Lexer.comments(of: source).first {
            throw SyntaxError(source.location(of: comment.lowerBound), "formatting would lose this comment")
        }
        return document.text
    }
}
