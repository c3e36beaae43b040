// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP1
import HTTPTypes
import TestSupport
import Testing

/// llhttp's own cases (`corpora/llhttp`, all files), each judged by its own log: what llhttp refuses is refused here; what it
/// accepts is read alike, or refused under a rule of `stricter`. Its lenient switches are refused, all of them, but for
/// the rule of `isUnread`.
@Suite(.enabled(if: Corpora.has("llhttp"), "set BULKHEAD_CORPORA to a folder that holds llhttp"))
struct LLHTTPTests {
    /// What llhttp lets through and is refused here, by the refusal's code.
    static let stricter: [String: String] = [
        "invalid_request_line": "one empty line at most before a request; no HTTP/0.9",
        "invalid_method": "methods are tokens",
        "method_not_supported": "seven methods",
        "connect_not_supported": "no tunnels but WebSocket",
        "trace_not_supported": "nothing that shows a request to whoever asks",
        "invalid_version": "HTTP alone: no RTSP, no ICE",
        "version_not_supported": "HTTP/1.0 and HTTP/1.1 alone",
        "upgrade_not_supported": "WebSocket alone",
        "invalid_websocket": "a whole WebSocket handshake or none",
        "unexpected_switch": "101 only as the answer to a WebSocket request",
        "expectation_not_supported": "100-continue alone",
        "invalid_connection": "a list of at most 32 tokens",
        "connection_names_field": "no hop removes what must reach the end",
        "invalid_content_length": "plain decimal, no leading zeros",
        "repeated_content_length": "once",
        "content_length_with_transfer_encoding": "one framing",
        "invalid_transfer_encoding": "`chunked` alone",
        "transfer_encoding_not_supported": "`chunked` alone",
        "transfer_encoding_in_http10": "HTTP/1.0 has no codings",
        "invalid_chunk_extension": "no white space in extensions",
        "forbidden_trailer": "no trailer that frames, routes, authenticates or describes content",
        "host_missing": "HTTP/1.1 names its host", "host_repeated": "once",
        "authority_invalid": "hosts are names and addresses",
        "host_mismatch": "Host is the target's authority",
        "target_user_information": "no credentials in targets",
        "target_form_not_supported": "paths and http URLs alone", "target_scheme_not_supported": "http alone",
        "target_fragment": "no fragments", "target_parameter": "no `;`", "target_backslash": "no backslash",
        "target_invalid_byte": "targets as in RFC 3986", "target_raw_non_ascii": "targets as in RFC 3986",
        "target_invalid_escape": "`%` and two digits", "target_invalid_utf8": "UTF-8",
        "target_escaped_dot": "no escaped dots", "target_escaped_control": "no escaped control bytes",
        "target_dot_segment": "no dot segments", "target_empty_segment": "no empty segments",
        "target_too_many_segments": "64 segments",
        "framed_interim_response": "1xx has no body",
        "invalid_status_line": "no empty line before a response; HTTP alone", "invalid_status": "100...599",
    ]

    /// Messages completed before the input ended or was refused, and the refusal's code.
    struct Outcome {
        var messages = 0
        var refusal: String?
        /// Whether the last message that was read said that it is the last.
        var closes = false
    }

    /// llhttp asks for no Host; one is put behind each HTTP/1.1 request line that has none, so that the rest is judged.
    private func withHost(_ input: [UInt8]) -> [UInt8] {
        var lines: [[UInt8]] = input.split(separator: 10, omittingEmptySubsequences: false).map { Array($0) }
        for index in lines.indices where lines[index].suffix(10).elementsEqual(" HTTP/1.1\r".utf8) {
            let head = lines[(index + 1)...].prefix { $0 != [13] }
            let hasHost = head.contains {
                String(decoding: $0.prefix(5), as: UTF8.self).lowercased() == "host:"
            }
            if !hasHost { lines[index] += Array("\nHost: h\r".utf8) }
        }
        return Array(lines.joined(separator: [10]))
    }

    private func judge(_ item: MarkdownCase, isResponse: Bool) -> Outcome {
        var outcome = Outcome()
        for event in isResponse ? fetch(item.input, closed: true) : serve(withHost(item.input)) {
            if event.hasPrefix("ended") { outcome.messages += 1 }
            if event.hasSuffix(" closes") { outcome.closes = true }
            for word in ["refused ", "failed "] where event.hasPrefix(word) {
                outcome.refusal = String(event.dropFirst(word.count).prefix { $0 != " " })
            }
        }
        return outcome
    }

    /// Both sides of a case are right: its first message says that it is the last, and what llhttp says of the bytes
    /// behind it is said of bytes that are not read here.
    private func isUnread(_ item: MarkdownCase, _ found: Outcome) -> Bool {
        let isAboutTheRest =
            item.type.contains("keep-alive") || item.type.contains("data-after-close")
            || item.error?.contains("Data after `Connection: close`") == true
        return isAboutTheRest && found.refusal == nil && found.messages == 1 && found.closes
    }

    @Test(arguments: ["request", "response"]) func decidesAsLLHTTPOrByRule(_ kind: String) {
        var counts: [String: Int] = [:]
        for item in MarkdownCase.cases(below: "llhttp") where item.language == "http" {
            let isResponse =
                item.type.hasPrefix("response") || (item.type.isEmpty && item.file.contains("/response/"))
            // `skipBody` is a switch of llhttp's own interface, by which a body is no body.
            guard isResponse == (kind == "response"), !item.meta.contains("skipBody") else { continue }
            let found = judge(item, isResponse: isResponse)
            let messages = item.log.count { $0.hasSuffix("message complete") }
            if isUnread(item, found) {
                counts["about bytes behind the last message", default: 0] += 1
            } else if item.type.contains("lenient") {
                #expect(found.refusal != nil || found.messages == 0, "\(item.name)")
                counts["lenient, refused", default: 0] += 1
            } else if item.error != nil {
                #expect(found.refusal != nil || found.messages == 0, "\(item.name)")
                #expect(found.messages <= messages, "\(item.name)")
                counts["refused by both", default: 0] += 1
            } else if let refusal = found.refusal, !refusal.hasPrefix("closed_in_") {
                #expect(Self.stricter[refusal] != nil, "\(item.name): \(refusal)")
                counts["stricter: \(refusal)", default: 0] += 1
            } else {
                // A client has one request, so it reads one response; llhttp does not know that the input ends.
                let expected = isResponse ? min(messages, 1) : messages
                let isCut = found.refusal != nil || (isResponse && messages == 0)
                #expect(isCut || found.messages == expected, "\(item.name)")
                counts["read by both", default: 0] += 1
            }
        }
        for (what, count) in counts.sorted(by: { $0.key < $1.key }) {
            print("llhttp \(kind): \(count) × \(what)")
        }
        #expect(counts["refused by both", default: 0] > 0 && counts["read by both", default: 0] > 0)
    }
}
