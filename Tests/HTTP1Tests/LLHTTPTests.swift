// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP1
import HTTPTypes
import TestSupport
import Testing

/// One case of llhttp's Markdown tests: a meta comment, an `http` block, then the expected `log`.
struct LLHTTPCase: Sendable {
    var name: String
    var type: String
    var isResponse: Bool
    /// A switch of llhttp's own interface.
    var skipsBody: Bool
    var input: [UInt8]
    var log: [String]

    var isLenient: Bool { type.contains("lenient") }
    /// Pauses (21...23 and 31) are no errors of the message.
    var error: String? {
        log.first { line in
            line.contains("error code=") && !line.contains("Pause") && !line.contains("Paused")
        }
    }
    var messages: Int { log.count { $0.hasSuffix("message complete") } }
}

enum LLHTTPReader {
    static func cases(_ folder: String) -> [LLHTTPCase] {
        Corpora.names("llhttp/test/\(folder)").flatMap { file in
            read(String(decoding: Corpora.read("llhttp/test/\(folder)/\(file)"), as: UTF8.self), file, folder)
        }
    }

    private static func read(_ text: String, _ file: String, _ folder: String) -> [LLHTTPCase] {
        var cases: [LLHTTPCase] = []
        var heading = ""
        var type = folder
        var block: [String]?
        var language = ""
        var skipsBody = false
        var input: [UInt8] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if let lines = block {
                guard line == "```" else {
                    block = lines + [String(line)]
                    continue
                }
                block = nil
                if language == "http" { input = unescape(lines) }
                if language == "log" {
                    cases.append(
                        LLHTTPCase(
                            name: "\(folder)/\(file): \(heading)",
                            type: type,
                            isResponse: type.hasPrefix("response"),
                            skipsBody: skipsBody,
                            input: input,
                            log: lines
                        )
                    )
                }
            } else if line.hasPrefix("```") {
                language = String(line.dropFirst(3))
                block = []
            } else if line.hasPrefix("#") {
                heading = line.drop { $0 == "#" || $0 == " " }.description
            } else if line.hasPrefix("<!-- meta=") {
                let parts = line.split(separator: "\"")
                let index = parts.firstIndex(of: "type").map { $0 + 2 }
                skipsBody = line.contains("skipBody")
                type = index.map { String(parts[$0]) } ?? folder
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
            switch bytes[index + 1] {
            case UInt8(ascii: "r"): output.append(13)
            case UInt8(ascii: "n"): output.append(10)
            case UInt8(ascii: "t"): output.append(9)
            case UInt8(ascii: "f"): output.append(12)
            case UInt8(ascii: "x"):
                output.append(
                    UInt8(String(decoding: bytes[index + 2..<index + 4], as: UTF8.self), radix: 16)!
                )
                index += 2
            default: output += bytes[index..<index + 2]
            }
            index += 2
        }
        return output
    }
}

@Suite(.enabled(if: Corpora.root != nil, "set BULKHEAD_CORPORA to a folder that holds llhttp"))
struct LLHTTPTests {
    /// Messages completed before the input ended or was refused, and the refusal's code.
    struct Outcome {
        var messages = 0
        var refusal: String?
    }

    /// llhttp asks for no Host; one is put behind each HTTP/1.1 request line that has none, so that the rest is judged.
    private func requests(_ input: [UInt8]) -> Outcome {
        outcome(serve(withHost(input)))
    }

    private func withHost(_ input: [UInt8]) -> [UInt8] {
        var lines: [[UInt8]] = input.split(separator: 10, omittingEmptySubsequences: false).map { Array($0) }
        for index in lines.indices where lines[index].suffix(10).elementsEqual(" HTTP/1.1\r".utf8) {
            var next = index + 1
            var hasHost = false
            while next < lines.count, lines[next] != [13] {
                hasHost =
                    hasHost || lines[next].starts(with: "host:".utf8)
                    || lines[next].starts(with: "Host:".utf8)
                next += 1
            }
            if !hasHost { lines[index] += Array("\nHost: h\r".utf8) }
        }
        return Array(lines.joined(separator: [10]))
    }

    private func outcome(_ events: [String]) -> Outcome {
        var outcome = Outcome()
        for event in events {
            if event.hasPrefix("ended") { outcome.messages += 1 }
            for word in ["refused ", "failed "] where event.hasPrefix(word) {
                outcome.refusal = String(event.dropFirst(word.count).prefix { $0 != " " })
            }
        }
        return outcome
    }

    private func judge(_ item: LLHTTPCase) -> Outcome {
        item.isResponse ? outcome(fetch(item.input, closed: true)) : requests(item.input)
    }

    /// What llhttp lets through and is refused here, by the refusal's code.
    static let stricter: [String: String] = [
        "invalid_request_line": "one empty line at most before a request; no HTTP/0.9",
        "method_not_supported": "seven methods",
        "connect_not_supported": "no tunnels but WebSocket",
        "invalid_version": "HTTP alone: no RTSP, no ICE",
        "version_not_supported": "HTTP/1.0 and HTTP/1.1 alone",
        "upgrade_not_supported": "WebSocket alone",
        "invalid_websocket": "a whole WebSocket handshake or none",
        "unexpected_switch": "101 only as the answer to a WebSocket request",
        "invalid_content_length": "no leading zeros",
        "invalid_transfer_encoding": "`chunked` alone",
        "transfer_encoding_not_supported": "`chunked` alone",
        "forbidden_trailer": "no trailer that frames, routes, authenticates or describes content",
        "authority_invalid": "hosts are names and addresses",
        "host_mismatch": "Host is the target's authority",
        "target_fragment": "no fragments",
        "target_invalid_byte": "targets as in RFC 3986",
        "invalid_status_line": "no empty line before a response; HTTP alone",
    ]

    /// What llhttp refuses and is let through here: what follows the last message of a connection is not read.
    static let unread = "Data after `Connection: close`"

    /// What llhttp lets through only when told to be lenient, and is let through here too: nothing but the messages
    /// before the connection's end.
    static let lenientAndAccepted: Set<String> = [
        "request/connection.md: Resetting flags when keep-alive is off (1.0, lenient)",
        "request/connection.md: CRLF between requests, explicit `close` (lenient)",
        "response/connection.md: HTTP/1.1 with keep-alive disabled, content-length (lenient)",
        "response/connection.md: HTTP/1.1 with keep-alive disabled and 204 status (lenient)",
    ]

    @Test(arguments: ["request", "response"]) func decidesAsLLHTTPOrByRule(_ folder: String) {
        var counts: [String: Int] = [:]
        for item in LLHTTPReader.cases(folder) where !item.skipsBody {
            let found = judge(item)
            if item.isLenient {
                let isRefused = found.refusal != nil || found.messages == 0
                #expect(isRefused != Self.lenientAndAccepted.contains(item.name), "\(item.name)")
                counts[isRefused ? "lenient, refused" : "lenient, accepted", default: 0] += 1
            } else if let error = item.error {
                let isAccepted = found.refusal == nil && found.messages > item.messages
                #expect(isAccepted == false, "\(item.name)")
                let isUnread = error.contains(Self.unread)
                #expect(found.refusal != nil || found.messages == (isUnread ? 1 : 0), "\(item.name)")
                counts[isUnread ? "refused there, not read here" : "refused by both", default: 0] += 1
            } else if let refusal = found.refusal, !refusal.hasPrefix("closed_in_") {
                #expect(Self.stricter[refusal] != nil, "\(item.name): \(refusal)")
                counts["stricter: \(refusal)", default: 0] += 1
            } else {
                // A client has one request, so it reads one response; llhttp does not know that the input ends.
                let expected = item.isResponse ? min(item.messages, 1) : item.messages
                let isCut = found.refusal != nil || (item.isResponse && item.messages == 0)
                #expect(isCut || found.messages == expected, "\(item.name)")
                counts["read by both", default: 0] += 1
            }
        }
        #expect(counts.values.reduce(0, +) == (folder == "request" ? 165 : 84))
        for (what, count) in counts.sorted(by: { $0.key < $1.key }) {
            print("llhttp \(folder): \(count) × \(what)")
        }
    }
}
