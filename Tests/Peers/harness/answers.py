# SPDX-License-Identifier: Apache-2.0
"""Responses that two readers may take for different things. `{smuggled}` in one is a whole response that must reach nobody."""

from dataclasses import dataclass

from .variants import ODD, show, text

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@dataclass
class Answer:
    name: str
    bytes: bytes
    # What the caller is to get; None for a 502, or for half an answer that has no end.
    body: bytes | None = None
    status: int = 200
    # The method that is answered.
    method: str = "GET"
    # Whether the origin hangs up behind it.
    ends: bool = False


def fields(lines, sent, name=None):
    """An answer with these field lines that is none."""
    return Answer(name or show(lines)[:60], b"HTTP/1.1 200 OK\r\n" + text(lines) + b"\r\n\r\n" + sent)


def framing():
    for value in ("+5", "-5", "0x5", "05", "5 5", "5,5", "5, 5", "5;", "", "5\x0b", "18446744073709551621", "9223372036854775808", "'5'", "5h", "٥".encode()):
        yield fields(b"Content-Length: " + text(value), b"hello{smuggled}")
    for first, second in (("5", "5"), ("0", "5"), ("5", "0"), ("", "5")):
        yield fields(f"Content-Length: {first}\r\ncontent-length: {second}", b"hello{smuggled}")
    for value in ("xchunked", "chunked, chunked", "gzip, chunked", "chunked, gzip", "identity", "chunked;q=1", '"chunked"', "\x0bchunked",
                  "chunk\x00ed", "", "chunked\x80"):
        yield fields(b"Transfer-Encoding: " + text(value), b"0\r\n\r\n{smuggled}")
    yield fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"0\r\n\r\n{smuggled}")
    yield fields("Content-Length: 5\r\nTransfer-Encoding: chunked", b"0\r\n\r\n{smuggled}", "CL.TE")
    yield fields("Transfer-Encoding: chunked\r\nContent-Length: 5", b"0\r\n\r\n{smuggled}", "TE.CL")
    yield Answer("coding in HTTP/1.0", CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n{smuggled}")
    yield Answer("a plain one", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello")
    yield Answer("more than its length", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello{smuggled}", b"hello")
    yield Answer("more than its chunks", CHUNKED + b"5\r\nhello\r\n0\r\n\r\n{smuggled}", b"hello")
    yield Answer("more than HTTP/1.0's length", b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello{smuggled}", b"hello")
    yield Answer("a body of 204", b"HTTP/1.1 204 No Content\r\n\r\n{smuggled}", b"", 204)
    yield Answer("a length of 204", b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n{smuggled}", b"", 204)
    yield Answer("chunks of 204", b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}", b"", 204)
    yield Answer("a body of 304", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello{smuggled}", b"", 304)
    yield Answer("chunks of 304", b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n{smuggled}", b"", 304)
    yield Answer("a body of HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello{smuggled}", b"", method="HEAD")
    yield Answer("chunks of HEAD", CHUNKED + b"5\r\nhello\r\n0\r\n\r\n{smuggled}", b"", method="HEAD")
    yield Answer("no length, and then an end", b"HTTP/1.1 200 OK\r\n\r\nhello", b"hello", ends=True)
    yield Answer("less than its length, and then an end", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", ends=True)
    yield Answer("no last chunk, and then an end", CHUNKED + b"5\r\nhello\r\n", ends=True)
    yield Answer("half a last chunk, and then an end", CHUNKED + b"5\r\nhello\r\n0\r\n", ends=True)
    yield Answer("half a head, and then an end", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", ends=True)
    yield Answer("nothing, and then an end", b"", ends=True)
    for name in ("content-length", "transfer-encoding", "set-cookie", "content-type"):
        yield fields(f"Connection: {name}\r\nContent-Length: 5", b"hello{smuggled}")


def heads():
    for line in ("HTTP/1.1  200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 099 OK", "HTTP/1.1 600 OK", "HTTP/1.1 2x0 OK", "HTTP/1.1 +200 OK",
                 "HTTP/1.1 ", "HTTP/1.1", "HTTP/1.2 200 OK", "HTTP/2 200 OK", "HTTP/0.9 200 OK", "http/1.1 200 OK", "ICY 200 OK", "200 OK", "HTTP/1.1\t200 OK",
                 "HTTP/1.1 200 O\x00K", "HTTP/1.1 200 O\x0bK", " HTTP/1.1 200 OK", "HTTP/1.1 200\x0bOK", "HTTP/1.1 -20 OK", "\r\nHTTP/1.1 200 OK", "<html>"):
        yield Answer(f"status line {show(line)}", line.encode("latin-1") + b"\r\nContent-Length: 5\r\n\r\nhello{smuggled}")
    for end in ("\n", "\r", "\r\r\n", "\n\r\n", "\r\n\n"):
        yield fields(f"X-A: b{end}Content-Length: 5", b"hello{smuggled}")
    for line in ("X-A: b\r\n c", "Content-Length:\r\n 5", "X-A : b", "Content-Length : 5", ": b", "X-A", " X-A: b", "X-A: \x00", "X-A: \x7f", "X-A: b\x0bc",
                 "X\xe9: b", "X(A): b", "X-A: b\rc", "X A: b", "\tX-A: b", "X-A: " + "a" * 20_000):
        yield fields(text(line) + b"\r\nContent-Length: 5", b"hello{smuggled}")
    yield fields(b"\r\n".join(b"X-%d: y" % n for n in range(101)), b"{smuggled}", "101 fields")
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    yield Answer("some interim ones", (interim + b"HTTP/1.1 103 Early Hints\r\nLink: </evil>\r\n\r\n") * 3 + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                 b"hello")
    yield Answer("a flood of interim ones", interim * 100 + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello{smuggled}")
    yield Answer("an interim one with a length", b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    yield Answer("an interim one with chunks", b"HTTP/1.1 103 x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    upgrade = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
    for value in (b"websocket", b"h2c", b"websocket\r\nContent-Length: 5", b"websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="):
        yield Answer(f"101 that nobody asked for, {show(value)[:30]}", upgrade + value + b"\r\n\r\n{smuggled}")
    yield Answer("101 with nothing", b"HTTP/1.1 101 x\r\n\r\n{smuggled}")


def chunks():
    for size in ("0x5", "+5", "-5", " 5", "5 ", "5\t", "g", "", "ffffffffffffffff", "10000000000000005", "00000000000000005", "5;a\nb", "5; a", "5;a=\"x",
                 "5\n", "5\r", "5\x00", "5_0"):
        yield Answer(f"chunk size {show(size)}", CHUNKED + text(size) + b"\r\nhello\r\n0\r\n\r\n{smuggled}")
    for end in ("", "\n", "\r", "XX", "\r\r\n", "\n\r"):
        yield Answer(f"chunk ended by {show(end)}", CHUNKED + b"5\r\nhello" + text(end) + b"0\r\n\r\n{smuggled}")
    for end in ("0\n\n", "0\r\n\n", "0 \r\n\r\n", "-0\r\n\r\n", "0\r\nX\r\n\r\n", "0\r\nX : y\r\n\r\n", "0\r\n X: y\r\n\r\n", "0\r\nX: y\n\r\n", "0\r\nX: a\0b\r\n\r\n"):
        yield Answer(f"body ended by {show(end)}", CHUNKED + b"5\r\nhello\r\n" + text(end) + b"{smuggled}")
    for name in ("Content-Length", "Transfer-Encoding", "Set-Cookie", "Content-Type", "Location", "Connection", "Trailer", "Content-Encoding", "WWW-Authenticate"):
        yield Answer(f"{name} as a trailer", CHUNKED + f"5\r\nhello\r\n0\r\n{name}: 5\r\n\r\n".encode() + b"{smuggled}")
    yield Answer("a trailer", CHUNKED + b"5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n", b"hello")


REPLIES = [answer for family in (framing, heads, chunks) for answer in family()]
assert len({answer.name for answer in REPLIES}) == len(REPLIES), "names are told apart"
