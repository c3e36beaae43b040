// SPDX-License-Identifier: Apache-2.0
import HTTP1
import TestSupport
import Testing

/// One way to say two things at once, by its name, and the code of its refusal; nil where it means one thing.
struct HostileCase: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var input: String
    var code: String?

    /// Field lines of a POST, and what stands behind the head.
    static func fields(_ name: String, _ lines: String, _ code: String?, body: String = "") -> HostileCase {
        HostileCase(
            testDescription: name,
            input: "POST /a HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n\r\n" + body,
            code: code
        )
    }

    static func line(_ name: String, _ line: String, _ code: String?) -> HostileCase {
        HostileCase(testDescription: name, input: line + "\r\nHost: h\r\n\r\n", code: code)
    }

    static func host(_ name: String, _ lines: String, _ code: String?) -> HostileCase {
        HostileCase(testDescription: name, input: "GET /a HTTP/1.1\r\n" + lines + "\r\n", code: code)
    }

    static func chunks(_ name: String, _ body: String, _ code: String?) -> HostileCase {
        fields(name, "Transfer-Encoding: chunked", code, body: body)
    }
}

/// What smugglers send (RFC 9112 §11.2; the CVEs that taught others are named), each refused under one code, however the
/// bytes come. `RequestTests` has the rest of the grammar.
@Suite struct HostileRequestTests {
    static let framing: [HostileCase] = [
        .fields(
            "length and coding",
            "Content-Length: 5\r\nTransfer-Encoding: chunked",
            "content_length_with_transfer_encoding"
        ),
        .fields(
            "coding and length",
            "Transfer-Encoding: chunked\r\nContent-Length: 5",
            "content_length_with_transfer_encoding"
        ),
        .fields(
            "length and unknown coding",
            "Content-Length: 5\r\nTransfer-Encoding: x",
            "content_length_with_transfer_encoding"
        ),
        .fields("length twice, same", "Content-Length: 5\r\ncontent-length: 5", "repeated_content_length"),
        .fields("length twice, other", "Content-Length: 0\r\nContent-Length: 5", "repeated_content_length"),
        .fields("length as a list", "Content-Length: 5,5", "invalid_content_length"),
        .fields("length signed (CVE-2023-47627)", "Content-Length: +0", "invalid_content_length"),
        .fields("length negative", "Content-Length: -0", "invalid_content_length"),
        .fields("length in hexadecimal", "Content-Length: 0x0", "invalid_content_length"),
        .fields("length with a leading zero", "Content-Length: 00", "invalid_content_length"),
        .fields("length empty (CVE-2023-40225)", "Content-Length:", "invalid_content_length"),
        .fields("length above 2^63", "Content-Length: 9223372036854775808", "invalid_content_length"),
        .fields("length above 2^64 by 0", "Content-Length: 18446744073709551616", "invalid_content_length"),
        .fields("length quoted", "Content-Length: \"0\"", "invalid_content_length"),
        .fields("length of other digits", "Content-Length: \u{663}", "invalid_content_length"),
        .fields("length with an underscore", "Content-Length: 1_0", "invalid_content_length"),
        .fields("length with white space inside", "Content-Length: 1 0", "invalid_content_length"),
        .fields("length with a vertical tab", "Content-Length: \u{B}0", "invalid_field_value"),
        .fields(
            "chunked twice in a list",
            "Transfer-Encoding: chunked, chunked",
            "invalid_transfer_encoding"
        ),
        .fields(
            "chunked twice in lines",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "invalid_transfer_encoding"
        ),
        .fields("chunked not last", "Transfer-Encoding: chunked, identity", "invalid_transfer_encoding"),
        .fields(
            "chunked behind another (CVE-2019-16786)",
            "Transfer-Encoding: gzip, chunked",
            "invalid_transfer_encoding"
        ),
        .fields(
            "chunked in a longer word (CVE-2022-32213)",
            "Transfer-Encoding: xchunked",
            "transfer_encoding_not_supported"
        ),
        .fields("chunked with a parameter", "Transfer-Encoding: chunked;a=b", "invalid_transfer_encoding"),
        .fields("chunked quoted", "Transfer-Encoding: \"chunked\"", "invalid_transfer_encoding"),
        .fields("coding empty", "Transfer-Encoding:", "invalid_transfer_encoding"),
        .fields("coding behind a tab", "Transfer-Encoding:\tchunked", nil, body: "0\r\n\r\n"),
        .fields("coding with NUL", "Transfer-Encoding: chunked\u{0}", "invalid_field_value"),
        .fields("coding with a high byte", "Transfer-Encoding: chunked\u{FF}", "invalid_transfer_encoding"),
        .fields(
            "coding folded (CVE-2022-32215)",
            "Transfer-Encoding: chunked\r\n , identity",
            "obsolete_fold"
        ),
        .fields(
            "coding behind a space before the colon",
            "Transfer-Encoding : chunked",
            "whitespace_before_colon"
        ),
        .fields(
            "coding behind a tab before the colon",
            "Transfer-Encoding\t: chunked",
            "whitespace_before_colon"
        ),
        .fields("coding with NUL in its name", "Transfer\u{0}-Encoding: chunked", "invalid_field_name"),
        .fields("an underscore is no hyphen", "Transfer_Encoding: chunked", nil),
        .fields(
            "a name of 256 bytes (CVE-2021-40346)",
            "Content-Length0" + String(repeating: "a", count: 241) + ":",
            "field_line_too_long"
        ),
        HostileCase(
            testDescription: "coding in HTTP/1.0",
            input: "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
            code: "transfer_encoding_in_http10"
        ),
    ]

    static let lines: [HostileCase] = [
        .fields(
            "a bare line feed hides a field (CVE-2022-32214)",
            "A: b\nTransfer-Encoding: chunked",
            "bare_line_feed"
        ),
        .fields(
            "a bare carriage return hides a field (CVE-2023-30589)",
            "A: b\rTransfer-Encoding: chunked",
            "bare_carriage_return"
        ),
        .fields("two carriage returns", "A: b\r", "bare_carriage_return"),
        .fields("an empty name (CVE-2023-25725)", ": b", "invalid_field_name"),
        .fields("no colon", "A", "invalid_field_name"),
        .fields("a name with a space", "A B: c", "whitespace_before_colon"),
        .fields("a name with a quote", "\"A\": c", "invalid_field_name"),
        .fields("a folded value", "A: b\r\n c", "obsolete_fold"),
        .fields("a folded value, by a tab", "A: b\r\n\tc", "obsolete_fold"),
        .fields("NUL in a value", "A: \u{0}", "invalid_field_value"),
        .fields("DEL in a value", "A: \u{7F}", "invalid_field_value"),
        .fields("a form feed in a value", "A: b\u{C}c", "invalid_field_value"),
        .fields("an escape in a value", "A: \u{1B}[0m", "invalid_field_value"),
        .fields("a high byte in a value", "A: \u{85}", nil),
        .line("white space before the line", "\t GET /a HTTP/1.1", "invalid_request_line"),
        .line("a line of white space before it", " \r\nGET /a HTTP/1.1", "invalid_request_line"),
        .line("a line feed before it", "\nGET /a HTTP/1.1", "bare_line_feed"),
        .line("one empty line before it", "\r\nGET /a HTTP/1.1", nil),
        .line("two empty lines before it", "\r\n\r\nGET /a HTTP/1.1", "invalid_request_line"),
        .line("a folded first field", "GET /a HTTP/1.1\r\n A: b", "obsolete_fold"),
        .line("HTTP/0.9", "GET /a", "invalid_request_line"),
        .line("version in lower case", "GET /a http/1.1", "invalid_version"),
        .line("version 1.2", "GET /a HTTP/1.2", "version_not_supported"),
        .line("version 2.0", "GET /a HTTP/2.0", "version_not_supported"),
        .line("version with more digits", "GET /a HTTP/1.10", "invalid_version"),
        .line("version with NUL", "GET /a HTTP/1.1\u{0}", "invalid_version"),
        .line("method in lower case", "get /a HTTP/1.1", "method_not_supported"),
        .line("method with NUL", "GE\u{0}T /a HTTP/1.1", "invalid_method"),
        .line("method of HTTP/2's preface", "PRI * HTTP/2.0", "method_not_supported"),
        .line("no method", " /a HTTP/1.1", "invalid_request_line"),
        .line("two spaces", "GET  /a HTTP/1.1", "invalid_version"),
        .line("CONNECT", "CONNECT h:80 HTTP/1.1", "connect_not_supported"),
        .line("TRACE", "TRACE /a HTTP/1.1", "trace_not_supported"),
        .line("OPTIONS of everything", "OPTIONS * HTTP/1.1", "target_form_not_supported"),
        .line(
            "OPTIONS with Max-Forwards",
            "OPTIONS /a HTTP/1.1\r\nMax-Forwards: 0",
            "max_forwards_not_supported"
        ),
        .line("Max-Forwards elsewhere means nothing", "GET /a HTTP/1.1\r\nMax-Forwards: 0", nil),
    ]

    static let targets: [HostileCase] = [
        .line("dot segment (CVE-2019-9901)", "GET /a/../b HTTP/1.1", "target_dot_segment"),
        .line("dot segment, escaped", "GET /a/%2e%2E/b HTTP/1.1", "target_escaped_dot"),
        .line("dot segment, half escaped", "GET /a/.%2e/b HTTP/1.1", "target_escaped_dot"),
        .line("dot segment, overlong", "GET /%c0%ae%c0%ae/ HTTP/1.1", "target_invalid_utf8"),
        .line("dot segment, escaped twice, is a name", "GET /%252e%252e HTTP/1.1", nil),
        .line("empty segment", "GET //a HTTP/1.1", "target_empty_segment"),
        .line("empty segment inside", "GET /a//b HTTP/1.1", "target_empty_segment"),
        .line("escaped slash is kept (CVE-2021-29492)", "GET /a%2Fb HTTP/1.1", nil),
        .line("backslash", "GET /a\\b HTTP/1.1", "target_backslash"),
        .line("path parameter", "GET /a;b=c HTTP/1.1", "target_parameter"),
        .line("fragment", "GET /a#b HTTP/1.1", "target_fragment"),
        .line("escaped NUL", "GET /a%00 HTTP/1.1", "target_escaped_control"),
        .line("escaped line end", "GET /a%0d%0aX:%20y HTTP/1.1", "target_escaped_control"),
        .line("half an escape", "GET /a%2 HTTP/1.1", "target_invalid_escape"),
        .line("escape of another kind", "GET /%u002e HTTP/1.1", "target_invalid_escape"),
        .line("escaped slash, overlong", "GET /a%c0%afb HTTP/1.1", "target_invalid_utf8"),
        .line("escaped surrogate", "GET /%ed%a0%80 HTTP/1.1", "target_invalid_utf8"),
        .line("raw high byte", "GET /\u{E9} HTTP/1.1", "target_raw_non_ascii"),
        .line("raw control byte", "GET /\u{1} HTTP/1.1", "target_control_byte"),
        .line("mixed digits are one form", "GET /%c3%A9 HTTP/1.1", nil),
        .line("absolute form of another host", "GET http://other/a HTTP/1.1", "host_mismatch"),
        .line("absolute form with a user", "GET http://h@other/a HTTP/1.1", "host_mismatch"),
        .line("absolute form with another port", "GET http://h:81/a HTTP/1.1", "host_mismatch"),
        .line("absolute form of another scheme", "GET ftp://h/a HTTP/1.1", "target_scheme_not_supported"),
        .line("authority form", "GET h:80 HTTP/1.1", "target_form_not_supported"),
        .line("no slash", "GET a HTTP/1.1", "target_form_not_supported"),
        .host("no host", "", "host_missing"),
        .host("two hosts", "Host: h\r\nHost: o\r\n", "host_repeated"),
        .host("the same host twice", "Host: h\r\nHost: h\r\n", "host_repeated"),
        .host("two hosts in a list", "Host: h, o\r\n", "authority_invalid"),
        .host("empty host", "Host:\r\n", "authority_invalid"),
        .host("host with a user", "Host: u@h\r\n", "target_user_information"),
        .host("host with port 0", "Host: h:0\r\n", "authority_invalid"),
        .host("host with a port too large", "Host: h:65536\r\n", "authority_invalid"),
        .host("host with a port of words", "Host: h:80a\r\n", "authority_invalid"),
        .host("host with two ports", "Host: h:80:81\r\n", "authority_invalid"),
        .host("host with a path", "Host: h/a\r\n", "authority_invalid"),
        .host("host in loose notation", "Host: 0x7f.1\r\n", "authority_invalid"),
        .host("IPv6 address", "Host: [::1]:80\r\n", nil),
        .host("IPv6 address cut", "Host: [::1\r\n", "authority_invalid"),
        .host("IPv6 address with a zone", "Host: [fe80::1%25a]\r\n", "authority_invalid"),
        .host("IPv6 address without brackets", "Host: ::1\r\n", "authority_invalid"),
    ]

    static let hops: [HostileCase] = [
        .fields("Connection: host", "Connection: host", "connection_names_field"),
        .fields("Connection: authorization", "Connection: close, Authorization", "connection_names_field"),
        .fields(
            "Connection: content-length",
            "Connection: content-length\r\nContent-Length: 0",
            "connection_names_field"
        ),
        .fields("Connection: transfer-encoding", "Connection: Transfer-Encoding", "connection_names_field"),
        .fields("Connection: cookie", "Connection: cookie", "connection_names_field"),
        .fields("Connection: traceparent", "Connection: traceparent", "connection_names_field"),
        .fields("Connection: a word in quotes", "Connection: \"close\"", "invalid_connection"),
        .fields("Upgrade: h2c", "Connection: upgrade\r\nUpgrade: h2c", "upgrade_not_supported"),
        .fields(
            "Upgrade: several",
            "Connection: upgrade\r\nUpgrade: websocket, h2c",
            "upgrade_not_supported"
        ),
        .fields(
            "Upgrade: WebSocket by POST",
            "Connection: upgrade\r\nUpgrade: websocket",
            "invalid_websocket"
        ),
        .fields("Upgrade that Connection does not name", "Upgrade: h2c", nil),
        .fields("Expect: another", "Expect: x", "expectation_not_supported"),
        .fields("Expect: twice", "Expect: 100-continue\r\nExpect: 100-continue", "expectation_not_supported"),
        .fields("Expect: a list", "Expect: 100-continue, x", "expectation_not_supported"),
        .fields("Expect: empty", "Expect:", "expectation_not_supported"),
    ]

    static let bodies: [HostileCase] = [
        .chunks("size with 0x", "0x1\r\na\r\n0\r\n\r\n", "invalid_chunk_size"),
        .chunks("size signed", "+1\r\na\r\n0\r\n\r\n", "invalid_chunk_size"),
        .chunks("size empty", "\r\na\r\n0\r\n\r\n", "invalid_chunk_size"),
        .chunks("size behind a space", " 1\r\na\r\n0\r\n\r\n", "invalid_chunk_size"),
        .chunks("size before a space", "1 \r\na\r\n0\r\n\r\n", "invalid_chunk_size"),
        .chunks("size with an underscore", "1_0\r\n", "invalid_chunk_size"),
        .chunks("size above 2^63", "8000000000000000\r\n", "chunk_too_large"),
        .chunks("size above 2^64 by 1", "10000000000000001\r\na\r\n", "chunk_too_large"),
        .chunks("size of many zeros (CVE-2023-40175)", "00000000000000000\r\n\r\n", "chunk_too_large"),
        .chunks("size ended by a line feed (CVE-2025-22871)", "1\na\r\n0\r\n\r\n", "bare_line_feed"),
        .chunks("size ended by a carriage return", "1\ra\r\n0\r\n\r\n", "bare_carriage_return"),
        .chunks(
            "extension with a line feed (CVE-2025-55315)",
            "1;a\nb\r\na\r\n0\r\n\r\n",
            "invalid_chunk_extension"
        ),
        .chunks("extension with a carriage return", "1;a\rb\r\na\r\n0\r\n\r\n", "bare_carriage_return"),
        .chunks("extension with white space", "1; a\r\na\r\n0\r\n\r\n", "invalid_chunk_extension"),
        .chunks("extension with an open quote", "1;a=\"b\r\na\r\n0\r\n\r\n", "invalid_chunk_extension"),
        .chunks(
            "extension too long",
            "1;" + String(repeating: "a", count: 257) + "\r\n",
            "chunk_extension_too_long"
        ),
        .chunks("chunk ended by anything (CVE-2025-43859)", "1\r\naXX0\r\n\r\n", "invalid_chunk_end"),
        .chunks("chunk ended by a line feed", "1\r\na\n0\r\n\r\n", "invalid_chunk_end"),
        .chunks("chunk longer than its size", "1\r\nab\r\n0\r\n\r\n", "invalid_chunk_end"),
        .chunks("last chunk ended by line feeds", "0\n\n", "bare_line_feed"),
        .chunks("trailer that frames", "0\r\nContent-Length: 1\r\n\r\n", "forbidden_trailer"),
        .chunks("trailer that routes", "0\r\nHost: o\r\n\r\n", "forbidden_trailer"),
        .chunks("trailer that authenticates", "0\r\nAuthorization: x\r\n\r\n", "forbidden_trailer"),
        .chunks("trailer folded", "0\r\nA: b\r\n c\r\n\r\n", "obsolete_fold"),
        .chunks("trailer without a name", "0\r\n: b\r\n\r\n", "invalid_field_name"),
        .chunks("rubbish behind the body", "0\r\n\r\n\u{0}", "invalid_request_line"),
        .fields("rubbish behind a close is not read", "Connection: close", nil, body: "\u{0}"),
    ]

    @Test(arguments: framing + lines + targets + hops + bodies) func isRefusedOrMeansOneThing(
        _ item: HostileCase
    ) {
        let input = item.input.wire
        let whole = serve(input)
        let refusal = whole.last { $0.hasPrefix("refused ") }?.split(separator: " ")[1]
        #expect(refusal.map(String.init) == item.code, "\(whole)")
        #expect(serve(input, [1]) == whole)
        #expect(serve(input, [7, 3]) == whole)
    }
}
