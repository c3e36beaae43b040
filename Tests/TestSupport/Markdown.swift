// SPDX-License-Identifier: Apache-2.0

/// One case of llhttp's Markdown tests: a meta comment, a block with the input, then the expected `log`.
package struct MarkdownCase: Sendable {
    package var file: String
    package var heading: String
    /// `type` of the meta comment; empty where it has none.
    package var type: String
    /// The whole meta comment.
    package var meta: String
    /// What the input's block says it is: `http`, `url`.
    package var language: String
    package var input: [UInt8]
    package var log: [String]

    package var name: String { "\(file): \(heading)" }

    /// Pauses (21...23 and 31) are no errors of the message.
    package var error: String? {
        log.first { $0.contains("error code=") && !$0.contains("Pause") }
    }

    /// The value that the log gives a span, joined from its pieces; nil where it names none.
    package func span(_ name: String) -> String? {
        let marker = "span[\(name)]=\""
        let pieces = log.compactMap { line in
            line.contains(marker) ? String(line.split(separator: marker)[1].dropLast()) : nil
        }
        return pieces.isEmpty ? nil : pieces.joined()
    }

    /// Every case of every file below a folder of the corpora.
    package static func cases(below folder: String) -> [MarkdownCase] {
        Corpora.files(below: folder, suffix: ".md").flatMap { read(Corpora.text($0), $0) }
    }

    private static func read(_ text: String, _ file: String) -> [MarkdownCase] {
        var cases: [MarkdownCase] = []
        var next = MarkdownCase(file: file, heading: "", type: "", meta: "", language: "", input: [], log: [])
        var block: [String]?
        var language = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if let lines = block {
                guard line == "```" else {
                    block = lines + [String(line)]
                    continue
                }
                block = nil
                if language == "log" {
                    next.log = lines
                    cases.append(next)
                } else {
                    next.language = language
                    next.input = unescape(lines)
                }
            } else if line.hasPrefix("```") {
                language = String(line.dropFirst(3))
                block = []
            } else if line.hasPrefix("#") {
                next.heading = line.drop { $0 == "#" || $0 == " " }.description
            } else if line.hasPrefix("<!-- meta=") {
                next.meta = String(line)
                let parts = line.split(separator: "\"")
                next.type = parts.firstIndex(of: "type").map { String(parts[$0 + 2]) } ?? ""
            }
        }
        return cases
    }

    /// A backslash before a line's end joins two lines; all other lines end in CRLF, the last one in nothing.
    private static func unescape(_ lines: [String]) -> [UInt8] {
        let text = lines.joined(separator: "\n").replacing("\\\n", with: "").replacing("\n", with: "\r\n")
        var output: [UInt8] = []
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.count else {
                output.append(bytes[index])
                index += 1
                continue
            }
            let digits = String(
                decoding: bytes[min(index + 2, bytes.count)..<min(index + 4, bytes.count)],
                as: UTF8.self
            )
            switch bytes[index + 1] {
            case UInt8(ascii: "r"): output.append(13)
            case UInt8(ascii: "n"): output.append(10)
            case UInt8(ascii: "t"): output.append(9)
            case UInt8(ascii: "f"): output.append(12)
            case UInt8(ascii: "x"):
                output.append(UInt8(digits, radix: 16) ?? UInt8(ascii: "?"))
                index += 2
            default: output += bytes[index..<index + 2]
            }
            index += 2
        }
        return output
    }
}
