// SPDX-License-Identifier: Apache-2.0
import Bytes
import HTTP1
import HTTPTypes
import TestSupport
import Testing

struct WireCase: CustomTestStringConvertible, Sendable {
    var input: String
    var events: [String]
    var testDescription: String { input.debugDescription }

    init(_ input: String, _ events: String...) {
        self.input = input
        self.events = events
    }
}

@Suite struct RequestTests {
    static let accepted = [
        WireCase("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / a none", "ended"),
        WireCase("\r\nGET / HTTP/1.1\r\nhost:a\r\n\r\n", "GET / a none", "ended"),
        WireCase(
            "GET /%41?b=%20 HTTP/1.1\r\nHOST:\t A.b:80 \t\r\nX-Y: 1, 2\r\nx-y:\r\n\r\n",
            "GET /A?b=%20 a.b:80 none X-Y=1, 2 x-y=",
            "ended"
        ),
        WireCase("GET / HTTP/1.1\r\nHost: a\r\nX: é\u{9}z\r\n\r\n", "GET / a none X=é\u{9}z", "ended"),
        WireCase("GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n", "GET /b a none", "ended"),
        WireCase("GET / HTTP/1.0\r\n\r\n", "GET /  none closes", "ended"),
        WireCase(
            "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
            "GET / a none closes",
            "ended"
        ),
        WireCase(
            "POST / HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab",
            "POST /  fixed(2) closes",
            "body ab",
            "ended"
        ),
        WireCase("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET / a none closes", "ended"),
        WireCase(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Hop, ,Keep-Alive\r\nx-hop: 1\r\nx-end: 2\r\nX-HOP: 3\r\n\r\n",
            "GET / a none x-end=2",
            "ended"
        ),
        WireCase(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
            "POST / a fixed(5)",
            "body hello",
            "ended"
        ),
        WireCase("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "POST / a fixed(0)", "ended"),
        WireCase(
            "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            "PUT / a chunked",
            "body abc",
            "ended"
        ),
        WireCase(
            "PUT / HTTP/1.1\r\nHost: a\r\nTE: trailers, deflate;q=0.5\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "A;x=\"y z\"\r\n0123456789\r\n0002;q\r\nab\r\n000\r\nX-Sum: 1\r\nX-More:  2 \r\n\r\n",
            "PUT / a chunked trailers",
            "body 0123456789ab",
            "ended X-Sum=1 X-More=2"
        ),
        WireCase(
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nz",
            "POST / a fixed(1) expects",
            "body z",
            "ended"
        ),
        WireCase("GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", "GET / a none", "ended"),
        WireCase(
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            "GET / a none websocket",
            "ended"
        ),
        WireCase("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n", "GET / a none", "ended"),
        WireCase(
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: b\r\nContent-Length: 1\r\n\r\nx"
                + "DELETE /3 HTTP/1.1\r\nHost: c\r\n\r\n",
            "GET /1 a none",
            "ended",
            "POST /2 b fixed(1)",
            "body x",
            "ended",
            "DELETE /3 c none",
            "ended"
        ),
    ]

    static let refused = [
        // Lines.
        WireCase("GET / HTTP/1.1\nHost: a\n\n", "refused bare_line_feed 400 @14"),
        WireCase("GET / HTTP/1.1\r\nHost: a\n\r\n", "refused bare_line_feed 400 @23"),
        WireCase("GET / HTTP/1.1\r\nHost: a\r\n\n", "refused bare_line_feed 400 @25"),
        WireCase("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", "refused bare_carriage_return 400 @23"),
        WireCase("GET / HTTP/1.1\r\nHo\rst: a\r\n\r\n", "refused bare_carriage_return 400 @18"),
        WireCase("GET / HTTP/1.1\r\nX: a\rb\r\n\r\n", "refused bare_carriage_return 400 @20"),
        WireCase("\r\n\r\nGET / HTTP/1.1\r\n\r\n", "refused invalid_request_line 400 @2"),
        // First lines.
        WireCase("\u{16}\u{3}\u{1}", "refused invalid_request_line 400 @0"),
        WireCase(" GET / HTTP/1.1\r\n", "refused invalid_request_line 400 @0"),
        WireCase("GET\r\n", "refused invalid_request_line 400 @0"),
        WireCase("GET /\r\n", "refused invalid_request_line 400 @0"),
        WireCase("GET  / HTTP/1.1\r\n", "refused invalid_version 400 @5"),
        WireCase("GET / a HTTP/1.1\r\n", "refused invalid_version 400 @6"),
        WireCase("GET /  HTTP/1.1\r\n", "refused invalid_version 400 @6"),
        WireCase("GET / HTTP/1.1 \r\n", "refused invalid_version 400 @6"),
        WireCase("GET\t/\tHTTP/1.1\r\n", "refused invalid_request_line 400 @0"),
        WireCase("GET / http/1.1\r\n", "refused invalid_version 400 @6"),
        WireCase("GET / HTTP/1.10\r\n", "refused invalid_version 400 @6"),
        WireCase("GET / HTTP/2.0\r\n", "refused version_not_supported 505 @6"),
        WireCase("GET / HTTP/0.9\r\n", "refused version_not_supported 505 @6"),
        WireCase("GET / HTTP/1.2\r\n", "refused version_not_supported 505 @6"),
        WireCase("PRI * HTTP/2.0\r\n", "refused method_not_supported 501 @0"),
        WireCase("get / HTTP/1.1\r\n", "refused method_not_supported 501 @0"),
        WireCase("PROPFIND / HTTP/1.1\r\n", "refused method_not_supported 501 @0"),
        WireCase("G@T / HTTP/1.1\r\n", "refused invalid_method 400 @0"),
        WireCase("CONNECT a:1 HTTP/1.1\r\n", "refused connect_not_supported 501 @0"),
        WireCase("TRACE / HTTP/1.1\r\n", "refused trace_not_supported 501 @0"),
        WireCase("OPTIONS * HTTP/1.1\r\n", "refused target_form_not_supported 400 @8"),
        WireCase("GET /a/../b HTTP/1.1\r\n", "refused target_dot_segment 400 @7"),
        WireCase("GET /\u{0}a HTTP/1.1\r\n", "refused target_control_byte 400 @5"),
        // Fields.
        WireCase("GET / HTTP/1.1\r\n Host: a\r\n\r\n", "refused obsolete_fold 400 @16"),
        WireCase("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "refused obsolete_fold 400 @25"),
        WireCase("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "refused whitespace_before_colon 400 @20"),
        WireCase("GET / HTTP/1.1\r\nHost\r\n\r\n", "refused invalid_field_name 400 @20"),
        WireCase("GET / HTTP/1.1\r\n: a\r\n\r\n", "refused invalid_field_name 400 @16"),
        WireCase("GET / HTTP/1.1\r\nH\u{E9}: a\r\n\r\n", "refused invalid_field_name 400 @17"),
        WireCase("GET / HTTP/1.1\r\nX(: a\r\n\r\n", "refused invalid_field_name 400 @17"),
        WireCase("GET / HTTP/1.1\r\nX: a\u{0}b\r\n\r\n", "refused invalid_field_value 400 @20"),
        WireCase("GET / HTTP/1.1\r\nX: \u{7F}\r\n\r\n", "refused invalid_field_value 400 @19"),
        // Host.
        WireCase("GET / HTTP/1.1\r\n\r\n", "refused host_missing 400 @0"),
        WireCase("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "refused host_repeated 400 @0"),
        WireCase("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "refused host_mismatch 400 @0"),
        WireCase("GET / HTTP/1.1\r\nHost:\r\n\r\n", "refused authority_invalid 400 @0"),
        WireCase("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "refused authority_invalid 400 @1"),
        // Connection.
        WireCase(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: host\r\n\r\n",
            "refused connection_names_field 400 @0"
        ),
        WireCase(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Content-Length\r\n\r\n",
            "refused connection_names_field 400 @0"
        ),
        WireCase(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Authorization\r\n\r\n",
            "refused connection_names_field 400 @0"
        ),
        WireCase(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: transfer-encoding\r\n\r\n",
            "refused connection_names_field 400 @0"
        ),
        WireCase("GET / HTTP/1.1\r\nHost: a\r\nConnection: a b\r\n\r\n", "refused invalid_connection 400 @0"),
        WireCase(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: \(String(repeating: "a,", count: 33))\r\n\r\n",
            "refused invalid_connection 400 @0"
        ),
        WireCase(
            "GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n",
            "refused expectation_not_supported 417 @0"
        ),
        WireCase(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                + "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
            "refused upgrade_not_supported 400 @0"
        ),
        WireCase(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            "refused invalid_websocket 400 @0"
        ),
        WireCase(
            "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 3\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nabc",
            "refused invalid_websocket 400 @0"
        ),
        // Framing.
        framing("Content-Length: 1\r\nContent-Length: 1", "repeated_content_length 400"),
        framing("Content-Length: 1\r\nContent-Length: 2", "repeated_content_length 400"),
        framing("Content-Length: 1, 1", "invalid_content_length 400"),
        framing("Content-Length: +1", "invalid_content_length 400"),
        framing("Content-Length: -1", "invalid_content_length 400"),
        framing("Content-Length: 0x1", "invalid_content_length 400"),
        framing("Content-Length: 01", "invalid_content_length 400"),
        framing("Content-Length: 1 1", "invalid_content_length 400"),
        framing("Content-Length:", "invalid_content_length 400"),
        framing("Content-Length: 9223372036854775808", "invalid_content_length 400"),
        framing("Content-Length: 99999999999999999999", "invalid_content_length 400"),
        framing(
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            "content_length_with_transfer_encoding 400"
        ),
        framing("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "invalid_transfer_encoding 400"),
        framing("Transfer-Encoding: chunked, chunked", "invalid_transfer_encoding 400"),
        framing("Transfer-Encoding: gzip, chunked", "invalid_transfer_encoding 400"),
        framing("Transfer-Encoding: chunked;q=1", "invalid_transfer_encoding 400"),
        framing("Transfer-Encoding: \u{B}chunked", "invalid_field_value 400", at: 45),
        framing("Transfer-Encoding:", "invalid_transfer_encoding 400"),
        framing("Transfer-Encoding: xchunked", "transfer_encoding_not_supported 501"),
        framing("Transfer-Encoding: identity", "transfer_encoding_not_supported 501"),
        WireCase(
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            "refused transfer_encoding_in_http10 400 @0"
        ),
    ]

    private static func framing(_ fields: String, _ refusal: String, at offset: Int = 0) -> WireCase {
        WireCase("POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n", "refused \(refusal) @\(offset)")
    }

    @Test(arguments: accepted + refused) func saysTheSameHoweverItIsSplit(_ item: WireCase) {
        let input = item.input.wire
        #expect(serve(input) == item.events)
        #expect(serve(input, [1]) == item.events)
        for cut in 1..<max(input.count, 2) {
            #expect(serve(input, [cut, input.count]) == item.events, "\(cut)")
        }
        for seed in 0..<20 as Range<UInt64> {
            var generator = Seeded(seed: seed)
            let cuts = (0..<40).map { _ in Int.random(in: 1...12, using: &generator) }
            #expect(serve(input, cuts) == item.events, "seed \(seed)")
        }
    }

    /// A strict prefix of what is accepted is never refused.
    @Test(arguments: accepted) func prefixesAreIncomplete(_ item: WireCase) {
        let input = item.input.wire
        for count in 0..<input.count {
            let events = serve(Array(input[..<count]))
            #expect(events.contains { $0.hasPrefix("refused") } == false, "\(count)")
        }
    }

    @Test func limitsHold() {
        var limits = HTTP1Limits()
        limits.requestLineBytes = 20
        limits.fieldLineBytes = 16
        limits.headBytes = 60
        limits.fieldCount = 3
        let cases = [
            ("GET /aaaaa HTTP/1.1\r\n", "refused request_line_too_long 414 @20"),
            (String(repeating: "G", count: 20), "refused request_line_too_long 414 @20"),
            ("GET / HTTP/1.1\r\nHost: aaaaaaaaaa\r\n", "refused field_line_too_long 431 @32"),
            ("GET / HTTP/1.1\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n\r\n", "refused too_many_fields 431 @34"),
            (
                "GET / HTTP/1.1\r\nA: 1234567890\r\nB: 1234567890\r\nC: 1234567890\r\n\r\n",
                "refused head_too_large 431 @60"
            ),
        ]
        for (input, event) in cases {
            #expect(serve(input.wire, limits: limits) == [event])
            #expect(serve(input.wire, [1], limits: limits) == [event])
        }
        let fits = "GET / HTTP/1.1\r\nHost: aaaaaaaa\r\nB: 12345\r\n\r\n"
        #expect(serve(fits.wire, limits: limits).last == "ended")
    }
}

extension String {
    /// Characters up to U+00FF as single bytes; those above as UTF-8.
    var wire: [UInt8] {
        unicodeScalars.flatMap { $0.value < 256 ? [UInt8($0.value)] : Array(String($0).utf8) }
    }
}
