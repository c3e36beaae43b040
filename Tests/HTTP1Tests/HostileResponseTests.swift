// SPDX-License-Identifier: Apache-2.0
import HTTP1
import HTTPTypes
import TestSupport
import Testing

/// What hostile or broken upstreams answer, by name: refused under one code, or read in one way, after which the connection
/// serves nobody else unless nothing is left over.
@Suite struct HostileResponseTests {
    struct Reply: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var input: String
        var method: Method = .get
        var webSocket = false
        /// What is said at last.
        var end: String
    }

    private static func fields(_ name: String, _ lines: String, _ end: String, body: String = "hello")
        -> Reply
    {
        Reply(testDescription: name, input: "HTTP/1.1 200 OK\r\n" + lines + "\r\n\r\n" + body, end: end)
    }

    private static func line(_ line: String, _ end: String) -> Reply {
        Reply(testDescription: line, input: line + "\r\nContent-Length: 0\r\n\r\n", end: end)
    }

    private static let smuggled = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    private static let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    private static let switching =
        "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n"

    static let framing: [Reply] = [
        fields(
            "length and coding",
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "content_length_with_transfer_encoding"
        ),
        fields("length twice", "Content-Length: 5\r\nContent-Length: 5", "repeated_content_length"),
        fields("length as a list", "Content-Length: 5, 5", "invalid_content_length"),
        fields("length signed", "Content-Length: +5", "invalid_content_length"),
        fields("length empty", "Content-Length:", "invalid_content_length"),
        fields("length above 2^63", "Content-Length: 9223372036854775808", "invalid_content_length"),
        fields("chunked twice", "Transfer-Encoding: chunked, chunked", "invalid_transfer_encoding"),
        fields("another coding", "Transfer-Encoding: gzip", "transfer_encoding_not_supported"),
        fields("coding folded", "Transfer-Encoding:\r\n chunked", "obsolete_fold"),
        fields("a bare line feed", "A: b\nContent-Length: 5", "bare_line_feed"),
        fields("a bare carriage return", "A: b\rContent-Length: 5", "bare_carriage_return"),
        fields("a space before the colon", "Content-Length : 5", "whitespace_before_colon"),
        fields("NUL in a value", "A: \u{0}", "invalid_field_value"),
        fields("an empty name", ": b", "invalid_field_name"),
        fields(
            "Connection: content-length",
            "Connection: content-length\r\nContent-Length: 5",
            "connection_names_field"
        ),
        fields(
            "Connection: set-cookie",
            "Connection: set-cookie\r\nContent-Length: 5",
            "connection_names_field"
        ),
        fields("length, and more", "Content-Length: 5", "ended", body: "hello" + smuggled),
        fields("no length", "A: b", "body hello"),
        Reply(
            testDescription: "coding in HTTP/1.0",
            input: chunked.replacing("1.1", with: "1.0"),
            end: "transfer_encoding_in_http10"
        ),
        Reply(testDescription: "chunks, and more", input: chunked + "0\r\n\r\n" + smuggled, end: "ended"),
        Reply(
            testDescription: "HEAD with a body",
            input: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            method: .head,
            end: "ended"
        ),
        Reply(
            testDescription: "204 with a body",
            input: "HTTP/1.1 204 x\r\nContent-Length: 5\r\n\r\nhello",
            end: "ended"
        ),
        Reply(
            testDescription: "304 with chunks",
            input: "HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            end: "ended"
        ),
    ]

    static let heads: [Reply] = [
        line("HTTP/2 200 OK", "invalid_status_line"), line("HTTP/1.2 200 OK", "version_not_supported"),
        line("http/1.1 200 OK", "invalid_status_line"), line("HTTP/1.1 2000 OK", "invalid_status"),
        line("HTTP/1.1 20 OK", "invalid_status"), line("HTTP/1.1 099 OK", "invalid_status"),
        line("HTTP/1.1 600 OK", "invalid_status"), line("HTTP/1.1  200 OK", "invalid_status"),
        line("HTTP/1.1 +20 OK", "invalid_status"), line("HTTP/1.1 200 \u{0}", "invalid_status_line"),
        line(" HTTP/1.1 200 OK", "invalid_status_line"), line("\r\nHTTP/1.1 200 OK", "invalid_status_line"),
        line("<html>", "invalid_status_line"), line("HTTP/1.1 100 x", "framed_interim_response"),
        Reply(
            testDescription: "an interim response in chunks",
            input: "HTTP/1.1 103 x\r\nTransfer-Encoding: chunked\r\n\r\n",
            end: "framed_interim_response"
        ),
        Reply(
            testDescription: "a flood of interim responses",
            input: String(repeating: "HTTP/1.1 103 x\r\n\r\n", count: 17),
            end: "too_many_interim_responses"
        ),
        Reply(
            testDescription: "a switch that nobody asked for",
            input: switching + "\r\n",
            end: "unexpected_switch"
        ),
        Reply(
            testDescription: "a switch with a length",
            input: switching + "Content-Length: 5\r\n\r\nhello",
            webSocket: true,
            end: "framed_interim_response"
        ),
        Reply(
            testDescription: "a switch to h2c",
            input: "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
            webSocket: true,
            end: "unexpected_switch"
        ),
    ]

    static let chunks: [Reply] = [
        ("0x1\r\na\r\n", "invalid_chunk_size"), ("-1\r\n", "invalid_chunk_size"),
        ("1 \r\n", "invalid_chunk_size"),
        ("8000000000000000\r\n", "chunk_too_large"), ("1\na", "bare_line_feed"),
        ("1;a\nb\r\n", "invalid_chunk_extension"),
        ("1\r\naXX", "invalid_chunk_end"), ("0\n\n", "bare_line_feed"),
        ("0\r\nContent-Length: 1\r\n\r\n", "forbidden_trailer"),
        ("0\r\nSet-Cookie: a\r\n\r\n", "forbidden_trailer"),
        ("0\r\nLocation: a\r\n\r\n", "forbidden_trailer"),
        ("0\r\nA: b\r\n c\r\n\r\n", "obsolete_fold"),
    ].map { Reply(testDescription: "chunks: \($0.debugDescription)", input: chunked + $0, end: $1) }

    @Test(arguments: framing + heads + chunks) func isRefusedOrServesNobodyElse(_ item: Reply) {
        let input = item.input.wire
        let whole = fetch(input, method: item.method, webSocket: item.webSocket)
        #expect(whole.contains("reusable") == false)
        if item.end == "ended" || item.end.hasPrefix("body") {
            #expect(whole.last == item.end)
        } else {
            #expect(whole.last == "failed \(item.end) 502")
        }
        let split = fetch(input, [1], method: item.method, webSocket: item.webSocket)
        #expect(split.filter { $0 != "reusable" } == whole)
    }
}
