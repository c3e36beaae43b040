# SPDX-License-Identifier: Apache-2.0
"""Requests that two readers may take for different things: some hundred ways to smuggle one, each with its name.

A variant is what stands behind the first lines of a request, or a change to all of it. `{smuggled}` in it is a whole request
that must never be seen. What is to be seen of it is nothing (`REFUSED`), or one request with that body.
"""

from dataclasses import dataclass

REFUSED = None


@dataclass
class Variant:
    name: str
    # Field lines behind those that every request has, each with its line end.
    lines: bytes = b""
    body: bytes = b""
    # The body that is to be seen, or REFUSED.
    sees: bytes | None = REFUSED
    method: bytes = b"POST"
    version: bytes = b"HTTP/1.1"
    # Changes the whole of it; gets what `lines` and `body` make.
    change: object = None
    # Whether the request behind it is to be seen too.
    goes_on: bool = True
    # Names of fields that must not be seen. Nor is, of any variant, a value that says `evil`.
    without: tuple = ()


def text(value):
    return value if isinstance(value, bytes) else value.encode("latin-1")


def show(value):
    return ascii(text(value).decode("latin-1"))[1:-1].replace("/", "|") or "nothing"


CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
ENDED = b"0\r\n\r\n{smuggled}"
# Bytes that one reader or another skips, trims, or takes for the end of something.
ODD = [0x00, 0x01, 0x08, 0x0B, 0x0C, 0x0D, 0x0A, 0x1C, 0x1F, 0x22, 0x28, 0x2C, 0x3B, 0x3D, 0x40, 0x5C, 0x7F, 0x80, 0x85,
       0xA0, 0xAD, 0xFF]


def lengths():
    odd = ["+5", "-5", "0x5", "05", "5 5", "5,5", "5, 5", "5;", "5.0", "5e0", "", "5\x0b", "5\x00", "18446744073709551621",
           "9223372036854775808", "1_0", "'5'", '"5"', "0,", ",0", "-0", "٥".encode(), "5 0", "0 5", "NaN", "infinity", "5h",
           "0b101", "５".encode(), "\x0b5", "4294967301", "99999999999999999999999999999999"]
    for value in odd:
        # A length that is right but too large for what follows waits for more, and is never whole.
        yield Variant(f"length {show(value)}", b"Content-Length: " + text(value) + b"\r\n", b"{smuggled}")
    for first, second in (("5", "5"), ("0", "5"), ("5", "0"), ("5", ""), ("", "5"), ("5", "05"), ("5", "chunked")):
        yield Variant(f"lengths {first} and {second}",
                      f"Content-Length: {first}\r\ncontent-length: {second}\r\n".encode(), b"hello{smuggled}")
    for spaces in (" ", "\t", "", "  \t "):
        yield Variant(f"length behind {show(spaces)}", f"Content-Length:{spaces}5{spaces}\r\n".encode(), b"hello", b"hello")


def codings():
    odd = ["xchunked", "chunkedx", "chunked, chunked", "chunked,chunked", "chunked,", ",chunked", "gzip, chunked", "chunked, gzip",
           "identity", "identity, chunked", "chunked, identity", "chunked;q=1", "chunked ;a", '"chunked"', "'chunked'", "[chunked]",
           "chunk", "chunked chunked", "chunKed\x00", "\x0bchunked", "chunked\x0b", "\x00chunked", "chunk\x00ed", "", "deflate",
           "trailers", "chunked\x80", "chu\xeenked", "x: chunked", "chunked\x1f", "ſhunked".encode(), "0", "false", "none"]
    for value in odd:
        line = b"Transfer-Encoding: " + text(value) + b"\r\n"
        yield Variant(f"coding {show(value)}", line, ENDED)
        yield Variant(f"coding {show(value)} with a length", b"Content-Length: 5\r\n" + line, ENDED)
        yield Variant(f"coding {show(value)} behind chunked", b"Transfer-Encoding: chunked\r\n" + line, ENDED)
    for value in ("chunked", "Chunked", "CHUNKED", " chunked", "\tchunked", "chunked \t"):
        yield Variant(f"coding {show(value)} alone", b"Transfer-Encoding:" + text(value) + b"\r\n", CHUNKS, b"hello")
    for order in ("CL.TE", "TE.CL"):
        lines = [b"Content-Length: 6\r\n", b"Transfer-Encoding: chunked\r\n"]
        lines = lines if order == "CL.TE" else lines[::-1]
        yield Variant(order, b"".join(lines), ENDED)
        yield Variant(f"{order} with a field between", b"X-A: b\r\n".join(lines), ENDED)
    yield Variant("coding in HTTP/1.0", b"Transfer-Encoding: chunked\r\n", ENDED, version=b"HTTP/1.0")
    yield Variant("coding and length in HTTP/1.0", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", ENDED,
                  version=b"HTTP/1.0")


def spellings():
    for name, value in ((b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"5")):
        for byte in ODD:
            odd = bytes([byte])
            for place, line in (("before the name", odd + name + b": " + value), ("behind the name", name + odd + b": " + value),
                                ("within the name", name[:8] + odd + name[8:] + b": " + value),
                                ("before the value", name + b":" + odd + value), ("behind the value", name + b": " + value + odd)):
                yield Variant(f"{name.decode()} with {byte:02x} {place}", line + b"\r\n", ENDED)
        for space in (b" ", b"\t", b" \t"):
            yield Variant(f"{name.decode()} {show(space)} before the colon", name + space + b": " + value + b"\r\n", ENDED)
            yield Variant(f"{name.decode()} folded by {show(space)}", name + b":\r\n" + space + value + b"\r\n", ENDED)
            yield Variant(f"{name.decode()} as a fold of another, {show(space)}",
                          b"X-A: b\r\n" + space + name + b": " + value + b"\r\n", ENDED)
        yield Variant(f"{name.decode()} without a colon", name + b" " + value + b"\r\n", ENDED)
        folded = name.replace(b"-", b"_")
        for other in (folded, folded.upper(), name.replace(b"-", b"."), name.replace(b"-", b"~")):
            yield Variant(f"{other.decode()} is no framing", other + b": " + value + b"\r\n", b"", b"",
                          without=(other.decode().lower(),))


def line_ends():
    smuggling = b"Transfer-Encoding: chunked"
    for end in (b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\r\n\n", b"\x0b", b"\x0c", b"\x85", b"\0", b"\n\n"):
        if end == b"\x85":
            # Part of a value by RFC 9110 §5.5, and no end of anything.
            yield Variant("line not ended by 85", b"X-A: b" + end + smuggling + b"\r\n", b"", b"")
        else:
            yield Variant(f"line ended by {show(end)}", b"X-A: b" + end + smuggling + b"\r\n", ENDED)
        yield Variant(f"head ended by {show(end)}", change=lambda whole, end=end: whole.replace(b"\r\n\r\n", end + b"\r\n", 1)
                      if end not in (b"\x85",) else whole.replace(b"\r\n\r\n", end, 1))
    yield Variant("bare line feeds throughout", change=lambda whole: whole.replace(b"\r\n", b"\n"))
    yield Variant("bare carriage returns throughout", change=lambda whole: whole.replace(b"\r\n", b"\r"))
    yield Variant("an empty name", b": chunked\r\n", ENDED)
    yield Variant("a colon alone", b":\r\n", ENDED)
    yield Variant("a name alone", b"Transfer-Encoding\r\n", ENDED)
    yield Variant("a first field that is folded", change=lambda whole: whole.replace(b"\r\nHost", b"\r\n Host", 1))
    yield Variant("a first line of spaces", change=lambda whole: b" \r\n" + whole)
    yield Variant("two empty lines before it", change=lambda whole: b"\r\n\r\n" + whole)
    yield Variant("a line feed before it", change=lambda whole: b"\n" + whole)
    yield Variant("an empty line before it", b"Content-Length: 2\r\n", b"hi", b"hi", change=lambda whole: b"\r\n" + whole)


def chunk_sizes():
    odd = ["0x5", "+5", "-5", " 5", "5 ", "5\t", "\t5", "5\x00", "5\x0b", "g", "", "ffffffffffffffff", "8000000000000000",
           "10000000000000005", "00000000000000005", "5,5", "5.0", "5h", "5_0", "'5'", "٥".encode(), "5\r", "5\n", "1 0", "5#", "5:a",
           "FFFFFFFFFFFFFFFFF", "fffffffe", "5=", "5\xa0", "0x", "+", "-0"]
    for size in odd:
        yield chunked(f"chunk size {show(size)}", text(size) + b"\r\nhello\r\n0\r\n\r\n{smuggled}")
    for size in ("5", "05", "0000000000000005"):
        yield chunked(f"chunk size {size} is one", size.encode() + b"\r\nhello\r\n0\r\n\r\n", b"hello")
    yield chunked("hexadecimal in both cases", b"A\r\n0123456789\r\nb\r\n0123456789a\r\n000\r\n\r\n", b"01234567890123456789a")


def chunk_extensions():
    odd = [";", ";a\nb", ";a\rb", ";a\x00", "; a=b", ";a =b", ";a= b", " ;a", "\t;a", ';a="x', ';a="x\ny"', ';a="x\ry"', ";;a", ";=b",
           ";a=", ";\xe9", ";a=b c", ';a="b"c', ";a=" + "x" * 300, ";a\x7f", ";a=\x80", ";\n", ";\r"]
    for extension in odd:
        yield chunked(f"chunk extension {show(extension[:24])}",
                      b"5" + text(extension) + b"\r\nhello\r\n0\r\n\r\n{smuggled}")
        yield chunked(f"last chunk's extension {show(extension[:24])}",
                      b"5\r\nhello\r\n0" + text(extension) + b"\r\n\r\n{smuggled}")
    for extension in (";a", ";a=b", ';a="b;c"', ";a=b;c=d", ';a="\\""'):
        yield chunked(f"chunk extension {show(extension)} is dropped",
                      b"5" + text(extension) + b"\r\nhello\r\n0" + text(extension) + b"\r\n\r\n", b"hello")
    for name, body in {
        "TERM.EXT": b"2;\nxx\r\n10\r\n\r\n0\r\n\r\n{smuggled}", "EXT.TERM": b"2;\r\nxx\r\n0\r\n\r\n{smuggled}",
        "TERM.SPILL": b"5\r\nhello\r5\r\n0\r\n\r\n{smuggled}", "SPILL.TERM": b"5\r\nhelloAA2\r\n45\r\n0\r\n\r\n{smuggled}",
        "ONE.TWO": b"5\r\nhello\n2\r\n45\r\n0\r\n\r\n{smuggled}", "TWO.ONE": b"5\r\nhello\r\n\n0\r\n\r\n{smuggled}",
        "ZERO.TWO": b"5\r\nhello2\r\n45\r\n0\r\n\r\n{smuggled}",
    }.items():
        yield chunked(f"{name} chunks", body)


def chunk_ends():
    for end in ("", "\n", "\r", "\r\r\n", "\n\r", "XX", "  \r\n", "\x00\r\n", "hello\r\n"):
        yield chunked(f"chunk ended by {show(end)}", b"5\r\nhello" + text(end) + b"0\r\n\r\n{smuggled}")
    for end in (b"0\n\n", b"0\r\n\n", b"0\n\r\n", b"0\r\n\rX", b"0 \r\n\r\n", b"-0\r\n\r\n", b"0\r\nX\r\n\r\n", b"00000000000000000\r\n\r\n",
                b"0\r\n X: y\r\n\r\n", b"0\r\nX : y\r\n\r\n", b"0\r\nX: a\0b\r\n\r\n", b"0\r\nX: y\n\r\n", b"0\r\nX: y\rz\r\n\r\n", b"0\r\n: y\r\n\r\n",
                b"0\r\nX: y\r\n z\r\n\r\n"):
        yield chunked(f"body ended by {show(end)}", b"5\r\nhello\r\n" + end + b"{smuggled}")
    for name in ("Content-Length", "Transfer-Encoding", "Host", "Authorization", "Cookie", "Content-Type", "TE", "Connection", "Trailer",
                 "Expect", "Upgrade", "X-Forwarded-For", "Proxy-Authorization", "Content-Encoding", "Content-Range", "Keep-Alive",
                 "X-Api-Key", "Cache-Control", "Forwarded", "Traceparent", "Baggage"):
        yield chunked(f"{name} as a trailer", f"5\r\nhello\r\n0\r\n{name}: 5\r\n\r\n{{smuggled}}".encode())
    for name in ("X-Tenant-Id", "x_tenant_tier", "X-Bulkhead-Context", "X-User-Id", "Content_Length", "X-Forwarded-Proto_", "X-Plain"):
        yield chunked(f"{name} as a trailer goes no further", f"5\r\nhello\r\n0\r\n{name}: evil\r\n\r\n".encode(), b"hello")
    yield chunked("trailers without end", b"0\r\n" + b"X: y\r\n" * 40 + b"\r\n{smuggled}")
    yield chunked("chunks that are all framing", (b"1;" + b"x" * 200 + b"\r\na\r\n") * 200 + b"0\r\n\r\n{smuggled}")


def chunked(name, body, sees=REFUSED, **more):
    return Variant(name, b"Transfer-Encoding: chunked\r\n", body, sees, **more)


def request_lines():
    def line(name, old, new):
        return Variant(f"request line: {name}", change=lambda whole: whole.replace(old, new, 1))

    yield line("two spaces behind the method", b"POST ", b"POST  ")
    yield line("a tab behind the method", b"POST ", b"POST\t")
    yield line("two spaces before the version", b" HTTP/1.1", b"  HTTP/1.1")
    yield line("a space behind the version", b" HTTP/1.1\r\n", b" HTTP/1.1 \r\n")
    yield line("a second target", b" HTTP/1.1", b" /other HTTP/1.1")
    yield line("no version", b" HTTP/1.1", b"")
    for version in ("http/1.1", "HTTP/1.2", "HTTP/2.0", "HTTP/0.9", "HTTP/1.10", "HTTP/1.", "HTTP/11", "HTTP 1.1", "HTTP/1,1", "HTTP/+1.1",
                    "HTTP/1.1\x0b", "HTTP/\x011.1", "HTTPS/1.1", "ICY/1.1", "RTSP/1.0", "HTTP/01.1"):
        yield line(f"version {show(version)}", b"HTTP/1.1", version.encode())
    for method in ("post", "Post", "PO\x00ST", "POST\x0b", "P@ST", "", "(", "GETPOST", "CONNECT", "TRACE", "PRI", "PROPFIND", "\x7fPOST",
                   "PÖST", "POST:", "\"POST\"", "_POST", "POST\x85"):
        yield line(f"method {show(method)}", b"POST", method.encode("latin-1"))
    for prefix in ("/../", "/./", "//", "/a//", "/%2e%2e/", "/%2E/", "/.%2e/", "/a\\", "/\\", "/a;b/", "/;/", "/a%00/", "/%0d%0a/", "/%7f/", "/a#",
                   "/é/", "/%c0%ae%c0%ae/", "/%e0%80%af/", "/%ed%a0%80/", "/%f4%90%80%80/", "/%ff/", "/%/", "/%2/", "/%zz/", "/%u002e/",
                   "/a\x01/", "/\x7f/", "/\x80/", "/<a>/", "/{a}/", "/a|b/", "/a^b/", "/[a]/", "/\"/", "*", "x/", "../", "?/", "http:/", "ftp://localhost/",
                   "http://other/", "http://localhost@other/", "http://a@localhost/", "http://localhost:81/", "http://localhost:0x50/",
                   "http:///", "http://localhost%00/", "http://localhost\\/", "http://[::1/", "javascript:/", "localhost:80/", "/%252e%252e/../"):
        yield line(f"target {show(prefix)}", b" /", b" " + prefix.encode("utf-8"))
    yield line("a target of 9,000 bytes", b" /", b" /" + b"a" * 9000 + b"/")
    yield line("70 segments", b" /", b" " + b"/a" * 70 + b"/")


def hosts():
    def host(name, new, **more):
        return Variant(f"Host: {name}", change=lambda whole: whole.replace(b"Host: localhost\r\n", new, 1), **more)

    yield host("none", b"")
    for value in ("", "localhost, other", "localhost other", "localhost/", "localhost?", "localhost#", "u@localhost", "u:p@localhost",
                  "localhost:", "localhost:0", "localhost:99999", "localhost:8x", "localhost:-1", "localhost:80:80", "[::1", "::1", "[::1]x",
                  "[::1%25eth0]", "[v1.x]", "local\x00host", "local\thost", "localhost\x0b", "lo%63alhost", "localhost\xa0", "..", "local..host",
                  ".localhost", "a" * 300, "http://localhost", "localhost;", "localhost\\other", "[1.2.3.4]", "[:::]", "[12345::1]",
                  "0x7f.1", "127.1", "1.2.3.4.5", "256.1.1.1", "01.02.03.04", "*", "local\xadhost"):
        yield host(show(value[:24]), b"Host: " + value.encode("latin-1") + b"\r\n")
    yield host("twice the same", b"Host: localhost\r\nhost: localhost\r\n")
    yield host("two", b"Host: localhost\r\nHost: other\r\n")
    yield host("with a space before the colon", b"Host : localhost\r\n")
    yield host("folded", b"Host:\r\n localhost\r\n")
    yield host("and one folded into another field", b"Host: localhost\r\nX-A: b\r\n Host: other\r\n")
    yield host("twice in HTTP/1.0", b"Host: localhost\r\nHost: localhost\r\n", version=b"HTTP/1.0")


def hops():
    for name in ("Host", "Content-Length", "Transfer-Encoding", "Authorization", "Cookie", "Content-Type", "Expect", "Via",
                 "X-Forwarded-For", "Traceparent", "Baggage", "Set-Cookie"):
        yield Variant(f"Connection names {name}", f"Connection: {name}\r\nContent-Length: 5\r\n".encode(), b"hello")
    for name in ("X-Tenant-Id", "x-tenant-tier", "X-User-Id", "X-Bulkhead-Context"):
        yield Variant(f"Connection names {name}, which is set all the same", f"Connection: {name}\r\nContent-Length: 5\r\n".encode(),
                      b"hello", b"hello")
    yield Variant("Connection names a field of this hop", b"Connection: X-Hop\r\nX-Hop: evil\r\nContent-Length: 5\r\n", b"hello", b"hello")
    for value in ("close\x0b", "a b", "\"close\"", "close;x", "cl\x00ose", ",".join(f"x{n}" for n in range(40))):
        yield Variant(f"Connection {show(value[:16])}", f"Connection: {value}\r\nContent-Length: 5\r\n".encode(), b"hello")
    for name in ("Keep-Alive", "Proxy-Connection", "TE", "Proxy-Authorization", "HTTP2-Settings", "Upgrade", "Trailer"):
        yield Variant(f"{name} goes no further", f"{name}: evil\r\nContent-Length: 5\r\n".encode(), b"hello", b"hello")
    upgrade = b"Connection: Upgrade\r\nUpgrade: "
    key = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    for name, lines in {
        "h2c": upgrade + b"h2c\r\n", "h2c with settings": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        "TLS": upgrade + b"TLS/1.2\r\n", "h2c beside WebSocket": upgrade + b"websocket, h2c\r\n" + key,
        "two": upgrade + b"websocket\r\nUpgrade: h2c\r\n" + key, "WebSocket with a body": upgrade + b"websocket\r\nContent-Length: 5\r\n" + key,
        "WebSocket without a key": upgrade + b"websocket\r\n", "WebSocket by POST": upgrade + b"websocket\r\n" + key,
    }.items():
        yield Variant(f"Upgrade: {name}", lines, b"{smuggled}")
    for value in ("100-continu", "x", "100-continue, x", "200-ok", "", "100-continue\x0b"):
        yield Variant(f"Expect {show(value)}", f"Expect: {value}\r\nContent-Length: 5\r\n".encode(), b"hello{smuggled}")
    yield Variant("Expect twice", b"Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 5\r\n", b"hello{smuggled}")
    yield Variant("Expect and the body at once", b"Expect: 100-continue\r\nContent-Length: 5\r\n", b"hello", b"hello")
    yield Variant("Expect and chunks at once", b"Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n", CHUNKS, b"hello")
    yield Variant("Expect without a body", b"Expect: 100-continue\r\n", b"", b"")
    yield Variant("what follows a close is not read", b"Connection: close\r\nContent-Length: 5\r\n", b"hello{smuggled}", b"hello", goes_on=False)
    yield Variant("what follows HTTP/1.0 is not read", b"Content-Length: 5\r\n", b"hello{smuggled}", b"hello", version=b"HTTP/1.0", goes_on=False)
    yield Variant("keep-alive in HTTP/1.0 is no promise", b"Connection: keep-alive\r\nContent-Length: 5\r\n", b"hello{smuggled}", b"hello",
                  version=b"HTTP/1.0", goes_on=False)
    yield Variant("101 fields", b"".join(b"X-%d: y\r\n" % n for n in range(101)), b"")
    yield Variant("a field of 20,000 bytes", b"X-A: " + b"a" * 20_000 + b"\r\n", b"")
    yield Variant("a head of 40,000 bytes", b"".join(b"X-%d: %s\r\n" % (n, b"a" * 1000) for n in range(40)), b"")


def known_flaws():
    """What others were caught with, by the number under which it is known."""
    yield Variant("CVE-2021-40346, a length in a field's own length", b"Content-Length0" + b"a" * 255 + b":\r\nContent-Length: 5\r\n",
                  b"hello")
    yield Variant("CVE-2023-25725, an empty name ends the head", b":\r\nContent-Length: 0\r\n", b"{smuggled}")
    yield Variant("CVE-2023-40225, an empty length", b"Content-Length:\r\n", b"{smuggled}")
    yield Variant("CVE-2022-32213, a coding that only ends in chunked", b"Transfer-Encoding: chunkedchunked\r\n", ENDED)
    yield Variant("CVE-2022-32214, line feeds end a line", b"X-A: b\nTransfer-Encoding: chunked\r\n", ENDED)
    yield Variant("CVE-2022-32215, a coding of two lines", b"Transfer-Encoding: chunked\r\n , identity\r\n", ENDED)
    yield Variant("CVE-2023-30589, a carriage return ends a line", b"X-A: b\rTransfer-Encoding: chunked\r\n", ENDED)
    yield Variant("CVE-2024-1135, codings that cancel out", b"Transfer-Encoding: chunked,identity\r\nContent-Length: 5\r\n", ENDED)
    yield Variant("CVE-2019-16786, a list that is not chunked", b"Transfer-Encoding: gzip,chunked\r\n", ENDED)
    yield Variant("CVE-2026-54387, length beside coding", b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", b"5\r\nhello\r\n0\r\n\r\n{smuggled}")
    for junk in (",", "\t", ", gzip", " "):
        # tinyproxy 616 and sozu 726: what is not `chunked` to the letter is handed on beside a length.
        yield Variant(f"CVE-2026-54387 again, chunked{show(junk)} beside a length",
                      b"Transfer-Encoding: chunked" + junk.encode() + b"\r\nContent-Length: 60\r\n", ENDED)
    yield chunked("CVE-2026-29057, DELETE in chunks", CHUNKS, b"hello", method=b"DELETE")
    yield chunked("CVE-2026-29057, DELETE in chunks that hold a request", b"5\r\nGET /\r\n0\r\n\r\n", b"GET /", method=b"DELETE")
    yield Variant("CVE-2026-29057, DELETE with a length", b"Content-Length: 5\r\n", b"hello", b"hello", method=b"DELETE")
    yield Variant("CVE-2023-47627, a sign in the length", b"Content-Length: +0\r\n", b"{smuggled}")
    yield chunked("CVE-2025-22871, a line feed ends the size", b"5\nhello\r\n0\r\n\r\n{smuggled}")
    yield chunked("CVE-2025-43859, any two bytes end a chunk", b"5\r\nhelloXX0\r\n\r\n{smuggled}")
    yield chunked("CVE-2025-55315, a line feed in an extension", b"5;x\nhello\r\n0\r\n\r\n{smuggled}")
    yield chunked("CVE-2023-40175, a last chunk of many zeros", b"0000000000000000000\r\n\r\n{smuggled}")
    yield Variant("CVE-2025-64484, an underscore for a hyphen", b"X_Tenant_Id: evil\r\nContent-Length: 5\r\n", b"hello", b"hello")
    yield Variant("CVE-2023-27487, a proxy's own path", b"X-Envoy-Original-Path: /evil\r\nContent-Length: 5\r\n", b"hello", b"hello")
    yield Variant("CVE-2024-45806, what Envoy believes of neighbours", b"x_envoy_retry_on: evil\r\nX-Envoy-Upstream-Rq-Timeout-Ms: evil\r\nContent-Length: 5\r\n",
                  b"hello", b"hello")
    for name in ("X-Forwarded-Uri", "X_Forwarded_Uri", "X-Forwarded-Method", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Host", "X-Real-IP",
                 "Forwarded", "X-Forwarded-For", "X-HTTP-Method-Override"):
        yield Variant(f"CVE-2026-40575, {name}", f"{name}: /evil\r\nContent-Length: 5\r\n".encode(), b"hello", b"hello")


def everything():
    made = [variant for family in (lengths, codings, spellings, line_ends, chunk_sizes, chunk_extensions, chunk_ends, request_lines, hosts,
                                   hops, known_flaws) for variant in family()]
    names = [variant.name for variant in made]
    assert len(set(names)) == len(names), sorted(name for name in names if names.count(name) > 1)
    return made
