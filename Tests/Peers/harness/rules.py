# SPDX-License-Identifier: Apache-2.0
"""What a server must do of RFC 9113 and RFC 7541, as what a caller sends and what has to follow. Any server can be asked that
answers GET on one path and POST on another: `Rules` makes the list, `verdict` sends one and says what came of it."""

from dataclasses import dataclass

import hpack
from hyperframe.frame import PingFrame

from harness.http2 import PREFACE, Peer

DATA, HEADERS, PRIORITY, RESET, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END, WHOLE, PADDED, PRIORITISED = 1, 4, 8, 32
PROTOCOL, FLOW, CLOSED, SIZE, REFUSED, COMPRESSION = 1, 3, 5, 6, 7, 9


@dataclass(frozen=True)
class Rule:
    name: str
    #: Frames behind the preface and a first SETTINGS frame; the whole input where `greets` is false.
    data: bytes
    #: "closes": GOAWAY; "resets": RST_STREAM of stream 1; "answers": a response on `stream`; "lives": nothing of the kind. Or
    #: two of them, with " or " between.
    wants: str
    #: Of GOAWAY or RST_STREAM.
    codes: tuple = ()
    stream: int = 1
    greets: bool = True
    #: Stricter than the RFC: other servers need not.
    ours: bool = False
    #: Asked of the peer besides, once the answer is there.
    holds: object = None


def number(value, count=4):
    return value.to_bytes(count, "big")


def frame(kind, flags=0, stream=0, payload=b""):
    return number(len(payload), 3) + bytes([kind, flags]) + number(stream) + payload


def literal(name, value):
    """A field that no table keeps, without Huffman coding."""
    name, value = (part.encode("latin-1") if isinstance(part, str) else part for part in (name, value))
    return b"\0" + Peer.string(name) + Peer.string(value)


def block(fields):
    return b"".join(literal(name, value) for name, value in fields)


def settings(*pairs):
    return frame(SETTINGS, payload=b"".join(number(key, 2) + number(value) for key, value in pairs))


def window(stream, increment):
    return frame(WINDOW, 0, stream, number(increment))


def reset(stream, code=8):
    return frame(RESET, 0, stream, number(code))


def data(stream, payload, end=False):
    return frame(DATA, END if end else 0, stream, payload)


class Rules:
    def __init__(self, get="/", post="/", token=None):
        credentials = [("authorization", f"Bearer {token}")] if token else []
        self.base = [(":method", "GET"), (":scheme", "https"), (":path", get), (":authority", "localhost"), *credentials]
        self.post = [(":method", "POST"), (":scheme", "https"), (":path", post), *self.base[3:], ("content-type", "application/json")]
        self.get1 = self.head(1, self.base)
        self.open1 = self.head(1, self.post, end=False)
        self.all = [*self.generic(), *self.framing(), *self.frames(), *self.windows(), *self.streams(), *self.messages(),
                    *self.compression()]
        assert len({rule.name for rule in self.all}) == len(self.all)

    @staticmethod
    def head(stream, fields, end=True, whole=True):
        return frame(HEADERS, (END if end else 0) | (WHOLE if whole else 0), stream, block(fields))

    def raw(self, payload, flags=END | WHOLE, stream=1):
        return frame(HEADERS, flags, stream, payload)

    def adding(self, *fields):
        return self.head(1, [*self.base, *fields])

    def leading(self, *fields):
        return self.head(1, [*fields, *self.base])

    def without(self, name):
        return self.head(1, [field for field in self.base if field[0] != name])

    def having(self, name, value):
        return self.head(1, [(key, value if key == name else old) for key, old in self.base])

    def body(self, extra, *pieces):
        return self.head(1, [*self.post, *extra], end=False) + b"".join(pieces)

    def generic(self):
        """What every server must take."""
        get, whole = self.get1, block(self.base)
        encoder = hpack.Encoder()
        cut = len(whole) // 2
        yield Rule("3.4 a preface and nothing else", b"", "lives")
        yield Rule("3.4 no preface", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "closes", (PROTOCOL,), greets=False)
        yield Rule("3.4 a wrong end of the preface", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + settings(), "closes", (PROTOCOL,), greets=False)
        yield Rule("3.4 no SETTINGS behind the preface", PREFACE + get, "closes", (PROTOCOL,), greets=False)
        yield Rule("3.4 PING in the place of SETTINGS", PREFACE + frame(PING, payload=bytes(8)), "closes", (PROTOCOL,), greets=False)
        yield Rule("3.4 an acknowledgement in the place of SETTINGS", PREFACE + frame(SETTINGS, 1), "closes", (PROTOCOL,), greets=False)
        yield Rule("5.1 GET on an idle stream", get, "answers")
        yield Rule("5.1 two requests, one after the other", get + self.head(3, self.base), "answers", stream=3)
        yield Rule("5.1 numbers may be left out", get + self.head(101, self.base), "answers", stream=101)
        yield Rule("8.1 a body in two pieces", self.body([], data(1, b"te"), data(1, b"st", end=True)), "answers")
        yield Rule("8.1 a body that ends with an empty frame", self.body([], data(1, b"test"), data(1, b"", end=True)), "answers")
        yield Rule("8.1 HEAD has no body", self.having(":method", "HEAD"), "answers", holds=lambda peer: peer.stream(1).body == b"")
        yield Rule("8.1 OPTIONS", self.having(":method", "OPTIONS"), "answers")
        yield Rule("8.3.1 a query", self.having(":path", self.base[2][1] + "?a=b"), "answers")
        yield Rule("6.2 HEADERS with padding", self.raw(b"\x04" + whole + bytes(4), END | WHOLE | PADDED), "answers")
        yield Rule("6.2 HEADERS with no padding, but its length", self.raw(b"\0" + whole, END | WHOLE | PADDED), "answers")
        yield Rule("6.2 HEADERS with a priority", self.raw(number(0) + b"\x10" + whole, END | WHOLE | PRIORITISED), "answers")
        yield Rule("6.2 HEADERS with both", self.raw(b"\x02" + number(0) + b"\x10" + whole + bytes(2), END | WHOLE | PADDED | PRIORITISED), "answers")
        yield Rule("6.2 a head in two pieces", self.raw(whole[:cut], END) + frame(CONTINUATION, WHOLE, 1, whole[cut:]), "answers")
        yield Rule("6.10 a head in three pieces", self.raw(whole[:cut], END) + frame(CONTINUATION, 0, 1, whole[cut:cut + 9])
                   + frame(CONTINUATION, WHOLE, 1, whole[cut + 9:]), "answers")
        yield Rule("6.10 a head whose last piece is empty", self.raw(whole, END) + frame(CONTINUATION, WHOLE, 1), "answers")
        yield Rule("6.1 padded DATA", self.body([], frame(DATA, END | PADDED, 1, b"\x06test" + bytes(6))), "answers")
        yield Rule("6.1 DATA that is all padding", self.body([], frame(DATA, END | PADDED, 1, b"\x03" + bytes(3))), "answers")
        yield Rule("6.3 PRIORITY on an open stream", self.body([], frame(PRIORITY, 0, 1, number(0) + b"\x10"), data(1, b"", end=True)), "answers")
        yield Rule("6.3 PRIORITY on a stream that was never opened", frame(PRIORITY, 0, 5, number(1) + b"\x10") + get, "answers")
        yield Rule("6.3 PRIORITY on a stream that is over", get + frame(PRIORITY, 0, 1, number(0) + b"\x10"), "lives")
        yield Rule("6.3 PRIORITY that depends on a stream nobody opened", frame(PRIORITY, 0, 1, number(7) + b"\x10") + get, "answers")
        yield Rule("6.4 RST_STREAM on an open stream", self.open1 + reset(1) + self.head(3, self.base), "answers", stream=3)
        yield Rule("6.4 RST_STREAM with a code that nobody knows", self.open1 + reset(1, 0xFF) + self.head(3, self.base), "answers", stream=3)
        yield Rule("6.4 RST_STREAM twice", self.open1 + reset(1) + reset(1) + self.head(3, self.base), "answers", stream=3)
        yield Rule("6.4 RST_STREAM behind a whole request", get + reset(1) + self.head(3, self.base), "answers", stream=3)
        yield Rule("6.5 SETTINGS with every setting", settings((1, 4096), (2, 0), (3, 100), (4, 65535), (5, 16384), (6, 100)) + get, "answers")
        yield Rule("6.5 SETTINGS twice", settings((3, 10)) + settings((3, 20)) + get, "answers")
        yield Rule("6.5 the same setting twice in one frame", settings((3, 10), (3, 20)) + get, "answers")
        yield Rule("6.5 empty SETTINGS", settings() + get, "answers")
        yield Rule("6.5.2 HEADER_TABLE_SIZE of 0", settings((1, 0)) + get, "answers")
        yield Rule("6.5.2 a MAX_HEADER_LIST_SIZE of 0 is advice", settings((6, 0)) + get, "lives")
        yield Rule("6.5.2 a setting that nobody knows", settings((0xFF, 1)) + get, "answers")
        yield Rule("6.7 PING", frame(PING, payload=b"12345678") + get, "answers")
        yield Rule("6.7 an acknowledgement that nobody waits for", frame(PING, 1, 0, bytes(8)) + get, "answers")
        yield Rule("6.8 GOAWAY lets a stream end", get + frame(GOAWAY, payload=number(0) + number(0)), "answers")
        yield Rule("6.8 GOAWAY with words", get + frame(GOAWAY, payload=number(0) + number(0) + b"goodbye"), "answers")
        yield Rule("6.9 WINDOW_UPDATE on the connection", window(0, 1) + get, "answers")
        yield Rule("6.9 WINDOW_UPDATE on an open stream", self.body([], window(1, 1), data(1, b"", end=True)), "answers")
        yield Rule("6.9 WINDOW_UPDATE on a stream that is over", get + window(1, 1), "lives")
        yield Rule("RFC 7541 indexed fields", self.raw(bytes([0x82, 0x86]) + block(self.base[2:])), "answers")
        yield Rule("RFC 7541 what a real encoder writes, twice", self.raw(encoder.encode(self.base)) + self.raw(
            encoder.encode(self.base), stream=3), "answers", stream=3)
        yield Rule("RFC 7541 the same with Huffman coding off", self.raw(hpack.Encoder().encode(self.base, huffman=False)), "answers")

    def framing(self):
        get = self.get1
        yield Rule("4.1 a frame type that nobody knows", frame(0xEE, 0, 0, b"12") + get, "answers")
        yield Rule("4.1 the same on a stream", self.body([], frame(0xEE, 0xFF, 1, b"12"), data(1, b"", end=True)), "answers")
        yield Rule("4.1 flags that nobody knows", frame(PING, 0x16, 0, b"12345678") + get, "answers")
        yield Rule("4.1 the reserved bit of a stream's number", frame(HEADERS, END | WHOLE, 0x80000001, block(self.base)), "answers")
        yield Rule("4.1 the reserved bit of PING's stream", frame(PING, 0, 0x80000000, b"12345678") + get, "answers")
        yield Rule("4.2 DATA of 16,384 bytes", self.body([], data(1, b"x" * 16384, end=True)), "answers")
        yield Rule("4.2 DATA over 16,384 bytes", self.body([], data(1, b"x" * 16385)), "closes", (SIZE,))
        yield Rule("4.2 HEADERS over 16,384 bytes", self.raw(bytes(16385)), "closes", (SIZE,))
        yield Rule("4.2 SETTINGS over 16,384 bytes", frame(SETTINGS, payload=(number(0xFF, 2) + number(1)) * 2731), "closes", (SIZE,))
        yield Rule("4.2 an unknown frame over 16,384 bytes", frame(0xEE, payload=bytes(16385)), "closes", (SIZE,))
        yield Rule("4.3 a block that does not decompress", self.raw(b"\x40\x01\xff\xff\xff\xff\xff"), "closes", (COMPRESSION,))
        yield Rule("4.3 trailers that do not decompress", self.body([], data(1, b"a"), self.raw(b"\x80")), "closes", (COMPRESSION,))
        yield Rule("4.3 PRIORITY within a block", self.head(1, self.base, whole=False) + frame(PRIORITY, 0, 1, number(0) + b"\x10"), "closes", (PROTOCOL,))
        yield Rule("4.3 another stream's HEADERS within a block", self.head(1, self.base, whole=False) + self.head(3, self.base), "closes", (PROTOCOL,))
        yield Rule("4.3 an unknown frame within a block", self.head(1, self.base, whole=False) + frame(0xEE), "closes", (PROTOCOL,))
        yield Rule("4.3 PING within a block", self.head(1, self.base, whole=False) + frame(PING, payload=bytes(8)), "closes", (PROTOCOL,))

    def frames(self):
        open1, half = self.open1, self.head(1, self.base, whole=False)
        yield Rule("6.1 DATA on stream 0", data(0, b"a"), "closes", (PROTOCOL,))
        yield Rule("6.1 DATA padded beyond its length", open1 + frame(DATA, END | PADDED, 1, b"\x06ab"), "closes", (PROTOCOL,))
        yield Rule("6.1 DATA with padding, and not even its length", open1 + frame(DATA, PADDED, 1), "closes", (PROTOCOL, SIZE))
        yield Rule("6.2 HEADERS on stream 0", self.raw(block(self.base), stream=0), "closes", (PROTOCOL,))
        yield Rule("6.2 HEADERS padded beyond its length", self.raw(b"\xff" + block(self.base[:3]), END | WHOLE | PADDED), "closes", (PROTOCOL,))
        yield Rule("6.2 HEADERS too short for its priority", self.raw(b"\0\0\0\0", END | WHOLE | PRIORITISED), "closes", (PROTOCOL, SIZE))
        yield Rule("6.3 PRIORITY on stream 0", frame(PRIORITY, 0, 0, number(1) + b"\x10"), "closes", (PROTOCOL,))
        yield Rule("6.3 PRIORITY of a wrong length", frame(PRIORITY, 0, 1, number(0)), "closes", (SIZE,))
        yield Rule("6.4 RST_STREAM on stream 0", reset(0), "closes", (PROTOCOL,))
        yield Rule("6.4 RST_STREAM on an idle stream", reset(1), "closes", (PROTOCOL,))
        yield Rule("6.4 RST_STREAM of a wrong length", open1 + frame(RESET, 0, 1, bytes(3)), "closes", (SIZE,))
        yield Rule("6.5 SETTINGS acknowledged with a payload", frame(SETTINGS, 1, 0, bytes(6)), "closes", (SIZE,))
        yield Rule("6.5 SETTINGS on a stream", frame(SETTINGS, 0, 1, number(3, 2) + number(9)), "closes", (PROTOCOL,))
        yield Rule("6.5 SETTINGS of a wrong length", frame(SETTINGS, 0, 0, bytes(3)), "closes", (SIZE,))
        yield Rule("6.5.2 ENABLE_PUSH that is neither 0 nor 1", settings((2, 2)), "closes", (PROTOCOL,))
        yield Rule("6.5.2 INITIAL_WINDOW_SIZE over 2^31-1", settings((4, 0x80000000)), "closes", (FLOW,))
        yield Rule("6.5.2 MAX_FRAME_SIZE under 16,384", settings((5, 16383)), "closes", (PROTOCOL,))
        yield Rule("6.5.2 MAX_FRAME_SIZE over 2^24-1", settings((5, 1 << 24)), "closes", (PROTOCOL,))
        yield Rule("6.6 PUSH_PROMISE from a client", self.get1 + frame(PUSH, WHOLE, 1, number(2) + block(self.base)), "closes", (PROTOCOL,))
        yield Rule("6.7 PING on a stream", frame(PING, 0, 1, bytes(8)), "closes", (PROTOCOL,))
        yield Rule("6.7 PING of a wrong length", frame(PING, 0, 0, bytes(6)), "closes", (SIZE,))
        yield Rule("6.8 GOAWAY on a stream", frame(GOAWAY, 0, 1, bytes(8)), "closes", (PROTOCOL,))
        yield Rule("6.8 GOAWAY of a wrong length", frame(GOAWAY, 0, 0, bytes(7)), "closes", (SIZE,))
        yield Rule("6.9 WINDOW_UPDATE of 0 on the connection", window(0, 0), "closes", (PROTOCOL,))
        yield Rule("6.9 WINDOW_UPDATE of 0 on a stream", open1 + window(1, 0), "resets or closes", (PROTOCOL,))
        yield Rule("6.9 WINDOW_UPDATE of a wrong length", frame(WINDOW, 0, 0, bytes(3)), "closes", (SIZE,))
        yield Rule("6.10 CONTINUATION behind a whole block", open1 + frame(CONTINUATION, WHOLE, 1), "closes", (PROTOCOL,))
        yield Rule("6.10 CONTINUATION on stream 0", half + frame(CONTINUATION, WHOLE), "closes", (PROTOCOL,))
        yield Rule("6.10 CONTINUATION on another stream", half + frame(CONTINUATION, WHOLE, 3), "closes", (PROTOCOL,))
        yield Rule("6.10 CONTINUATION behind CONTINUATION that was the last", half + frame(CONTINUATION, WHOLE, 1) * 2, "closes", (PROTOCOL,))
        yield Rule("6.10 CONTINUATION behind DATA", open1 + data(1, b"a") + frame(CONTINUATION, WHOLE, 1), "closes", (PROTOCOL,))
        yield Rule("6.10 DATA within a block", half + data(1, b"a"), "closes", (PROTOCOL,))

    def windows(self):
        zero, one = settings((4, 0)), settings((4, 1))
        sent = lambda *counts: lambda peer: len(peer.stream(1).body) in counts and not peer.stream(1).ended  # noqa: E731
        yield Rule("6.9.1 a window of 0 holds the body back", zero + self.get1, "answers", holds=sent(0))
        yield Rule("6.9.1 a window of 1 lets one byte out", one + self.get1, "answers", holds=sent(1))
        yield Rule("6.9.2 a window that is opened behind the request", zero + self.get1 + one, "answers", holds=sent(1))
        # Three bytes have gone before the window shrinks, or none; then two more are let out.
        yield Rule("6.9.2 a window that turns negative", settings((4, 3)) + self.get1 + zero + window(1, 2), "answers", holds=sent(2, 3))
        yield Rule("6.9.1 the connection's window beyond 2^31-1", window(0, 0x7FFFFFFF) * 2, "closes", (FLOW,))
        yield Rule("6.9.1 a stream's window beyond 2^31-1", self.open1 + window(1, 0x7FFFFFFF), "resets", (FLOW,))
        # The RFC wants the connection to end. nghttp2 ends the stream, and so who does this has lost nothing but that.
        yield Rule("6.9.2 a stream's window beyond 2^31-1 by SETTINGS", self.open1 + window(1, 0x7FFFFFFF - 65535) + settings((4, 65536)),
                   "closes or resets", (FLOW,))

    def streams(self):
        get, open1 = self.get1, self.open1
        yield Rule("5.1 DATA on an idle stream", data(1, b"a"), "closes", (PROTOCOL,))
        yield Rule("5.1 WINDOW_UPDATE on an idle stream", window(1, 1), "closes", (PROTOCOL,))
        yield Rule("5.1 CONTINUATION on an idle stream", frame(CONTINUATION, WHOLE, 1), "closes", (PROTOCOL,))
        yield Rule("5.1 DATA behind the end", get + data(1, b"a"), "closes", (CLOSED,))
        yield Rule("5.1 HEADERS behind the end", get + get, "closes", (CLOSED,))
        yield Rule("5.1 CONTINUATION behind the end", get + frame(CONTINUATION, WHOLE, 1), "closes", (PROTOCOL, CLOSED))
        yield Rule("5.1 DATA behind a reset", open1 + reset(1) + data(1, b"a"), "closes", (CLOSED,))
        yield Rule("5.1 HEADERS behind a reset", open1 + reset(1) + get, "closes", (CLOSED,))
        yield Rule("5.1 CONTINUATION behind a reset", open1 + reset(1) + frame(CONTINUATION, WHOLE, 1), "closes", (PROTOCOL, CLOSED))
        yield Rule("5.1.1 an even number", self.head(2, self.base), "closes", (PROTOCOL,))
        yield Rule("5.1.1 a number below one that was used", self.head(5, self.base) + self.head(3, self.base), "closes", (PROTOCOL,))
        yield Rule("5.1.2 more streams than were offered", b"".join(
            self.head(number, self.post, end=False) for number in range(1, 203, 2)), "lives", holds=lambda peer: any(
            peer.streams[number].reset in (REFUSED, PROTOCOL) for number in peer.streams))
        yield Rule("5.3.1 HEADERS that depend on themselves", self.raw(number(1) + b"\x10" + block(self.base), END | WHOLE | PRIORITISED), "closes", (PROTOCOL,), ours=True)
        yield Rule("5.3.1 PRIORITY that depends on itself", frame(PRIORITY, 0, 1, number(1) + b"\x10") + get, "lives", ours=True)
        yield Rule("5.5 an extension's frame does not open a stream", frame(0xEE, 0, 1, b"12") + get, "answers")

    def messages(self):
        get, adding, leading, body = self.base, self.adding, self.leading, self.body
        bad = lambda name, data: Rule(name, data, "resets", (PROTOCOL,))  # noqa: E731
        answered = lambda name, data: Rule(name, data, "answers")  # noqa: E731
        ours = lambda name, data: Rule(name, data, "answers", ours=True)  # noqa: E731
        yield bad("8.1 a second head without an end", body([], data(1, b"a"), self.head(1, [("a", "b")], end=False)))
        yield answered("8.1 trailers", body([("te", "trailers")], data(1, b"a"), self.head(1, [("x-checked", "b")])))
        yield answered("8.1 trailers without a body", body([], self.head(1, [("x-checked", "b")])))
        yield bad("8.1 a pseudo-field in trailers", body([], data(1, b"a"), self.head(1, [(":method", "GET")])))
        yield bad("8.1 a name in upper case in trailers", body([], data(1, b"a"), self.head(1, [("X-Checked", "b")])))
        yield bad("8.1.1 Content-Length short of the body", body([("content-length", "1")], data(1, b"test", end=True)))
        yield bad("8.1.1 Content-Length beyond the body", body([("content-length", "9")], data(1, b"test", end=True)))
        yield bad("8.1.1 the same in two frames", body([("content-length", "1")], data(1, b"te"), data(1, b"st", end=True)))
        yield bad("8.1.1 Content-Length without a body", adding(("content-length", "1")))
        yield answered("8.1.1 Content-Length that agrees", body([("content-length", "4")], data(1, b"te"), data(1, b"st", end=True)))
        yield bad("8.1.1 Content-Length twice", body([("content-length", "1")] * 2, data(1, b"a", end=True)))
        yield bad("8.1.1 Content-Length with a sign", body([("content-length", "+1")], data(1, b"a", end=True)))
        yield bad("8.1.1 Content-Length with a list", body([("content-length", "1, 1")], data(1, b"a", end=True)))
        yield bad("8.2 a name in upper case", adding(("X-Test", "ok")))
        yield bad("8.2.1 an empty name", adding(("", "ok")))
        yield bad("8.2.1 a space in a name", adding(("x test", "ok")))
        yield bad("8.2.1 a colon in a name", adding(("x:test", "ok")))
        yield bad("8.2.1 a byte above 0x7f in a name", adding((b"x\xff", "ok")))
        yield bad("8.2.1 NUL in a value", adding(("x-test", "a\0b")))
        yield bad("8.2.1 CR in a value", adding(("x-test", "a\rb")))
        yield bad("8.2.1 LF in a value", adding(("x-test", "a\nx: y")))
        yield bad("8.2.1 a space before a value", adding(("x-test", " a")))
        yield bad("8.2.1 a tab behind a value", adding(("x-test", "a\t")))
        for name, value in (("connection", "keep-alive"), ("keep-alive", "1"), ("proxy-connection", "keep-alive"),
                            ("transfer-encoding", "chunked"), ("upgrade", "h2c")):
            yield bad(f"8.2.2 {name}", adding((name, value)))
        yield bad("8.2.2 te that is not trailers", adding(("te", "trailers, deflate")))
        yield answered("8.2.2 te: trailers", adding(("te", "trailers")))
        yield answered("8.2.3 cookie crumbs", adding(("cookie", "a=1"), ("cookie", "b=2")))
        yield bad("8.3 a pseudo-field that nobody knows", leading((":test", "ok")))
        yield bad("8.3 a response's pseudo-field", leading((":status", "200")))
        yield bad("8.3 a pseudo-field behind a field", leading(("x", "y")))
        for name in (":method", ":scheme", ":path"):
            yield bad(f"8.3.1 no {name}", self.without(name))
        yield bad("8.3.1 an empty :path", self.having(":path", ""))
        for name, value in get[:4]:
            yield bad(f"8.3.1 {name} twice", leading((name, value)))
        yield bad("8.3.1 a method that is no token", self.having(":method", "GET / HTTP/1.1\r\n"))
        yield bad("8.3.1 host that differs", adding(("host", "b.example")))
        yield answered("8.3.1 host that agrees", adding(("host", "LocalHost")))
        yield answered("8.3.1 host alone", self.head(1, [f for f in get if f[0] != ":authority"] + [("host", "localhost")]))
        yield ours("8.3.1 no authority at all", self.without(":authority"))
        yield ours("8.3.1 a space in :authority", self.having(":authority", "a b"))
        yield ours("8.3.1 user information in :authority", self.having(":authority", "u@localhost"))
        yield ours("8.3.1 an absolute :path", self.having(":path", "http://b.example/"))
        yield ours("8.3.1 a space in :path", self.having(":path", "/a HTTP/1.1"))
        yield ours("8.3.1 CR LF in :path", self.having(":path", "/a\r\nx: y"))
        yield ours("8.3.1 a dot segment in :path", self.having(":path", "/a/../b"))
        yield ours("8.3.1 another scheme", self.having(":scheme", "ftp"))
        yield ours("8.5 CONNECT", self.head(1, [(":method", "CONNECT"), (":authority", "a:1")], end=False))
        yield ours("9110 TRACE", self.having(":method", "TRACE"))
        yield ours("9110 a method that nobody knows", self.having(":method", "BREW"))
        tunnel = [(":method", "CONNECT"), (":protocol", "websocket"), *get[1:], ("sec-websocket-version", "13")]
        yield Rule("8441 a WebSocket where there is none", self.head(1, tunnel, end=False), "answers", ours=True)
        yield bad("8441 :protocol without CONNECT", leading((":protocol", "websocket")))
        yield Rule("8441 another protocol", self.head(1, [(k, "connect-udp" if k == ":protocol" else v) for k, v in tunnel], end=False), "answers", ours=True)

    def compression(self):
        whole = block(self.base)
        closes = lambda name, payload: Rule(f"RFC 7541 {name}", self.raw(payload), "closes", (COMPRESSION,))  # noqa: E731
        yield closes("2.3.3 an index beyond both tables", whole + b"\xc6")
        yield closes("2.3.3 a literal whose name is beyond both tables", whole + b"\x7f\x10\x01a")
        yield closes("4.2 a table size above what was offered", b"\x3f\xe2\x1f" + whole)
        yield closes("4.2 a table size behind the first field", whole + b"\x20")
        yield Rule("RFC 7541 4.2 a table size before the first field", self.raw(b"\x20" + whole), "answers")
        yield Rule("RFC 7541 4.2 two table sizes before the first field", self.raw(b"\x20\x3f\xe1\x1f" + whole), "answers")
        yield closes("5.1 an integer without an end", whole + b"\x7f\xff\xff\xff\xff\xff\xff\x01")
        yield closes("5.1 an integer over 2^32", whole + b"\x7f\xff\xff\xff\xff\xff\xff\xff\xff\x7f")
        yield closes("5.2 a text longer than the block", whole + b"\0\x7fa")
        yield closes("5.2 Huffman padding of a whole byte", whole + b"\0\x81\x1f\x82\x1f\xff")
        yield closes("5.2 Huffman padding of zeros", whole + b"\0\x81\x18\x81\x18")
        yield closes("5.2 Huffman with EOS", whole + b"\0\x81\x1f\x84\xff\xff\xff\xff")
        yield closes("6.1 index 0", whole + b"\x80")
        yield Rule("RFC 7541 6.2.1 a literal that is indexed, and used again", self.raw(whole + b"\x40\x01x\x01y")
                   + self.raw(whole + b"\xbe", stream=3), "answers", stream=3)
        yield Rule("RFC 7541 6.2.1 an index into an emptied table", self.raw(whole + b"\x40\x01x\x01y")
                   + self.raw(b"\x20" + whole + b"\xbe", stream=3), "closes", (COMPRESSION,))
        yield Rule("RFC 7541 6.2.2 a literal that is not indexed", self.raw(whole + b"\0\x01x\x01y")
                   + self.raw(whole + b"\xbe", stream=3), "closes", (COMPRESSION,))
        yield Rule("RFC 7541 6.2.3 a literal that is never indexed", self.raw(whole + b"\x10\x01x\x01y"), "answers")
        yield Rule("RFC 7541 4.4 a field larger than the table empties it", self.raw(
            whole + b"\x40\x01x\x01y" + b"\x40\x01z" + Peer.string(b"v" * 4096)) + self.raw(whole + b"\xbe", stream=3), "closes", (COMPRESSION,))


def verdict(rule, port, ca):
    """What a server did: ("closes" | "resets" | "answers" | "lives" | "is silent", code); whether that is exactly what the rule
    wants; and whether RFC 9113 lets it pass: a server may end more than it must, with another code, or without a word."""
    with Peer(port, ca, greet=False, seconds=5) as peer:
        peer.auto_window = False
        peer.raw(rule.data if not rule.greets else PREFACE + settings() + rule.data)
        if not rule.greets:
            read(peer, lambda: peer.goaway is not None)
        elif rule.wants != "answers":
            # Two of them: an acknowledgement may overtake what the frames before it led to, but not by a whole turn.
            ping(peer, 1)
            ping(peer, 2)
        stream = peer.stream(rule.stream)
        if rule.wants == "answers":
            read(peer, lambda: peer.goaway or stream.reset is not None or stream.status is not None)
        if rule.holds:
            ping(peer, 3)
            read(peer, lambda: rule.holds(peer))
        what = outcome(peer, rule)
        holds = rule.holds is None or rule.holds(peer)
    exact = what[0] in rule.wants.split(" or ") and (not rule.codes or what[1] in rule.codes) and bool(holds)
    ends = {"closes": ("closes",), "answers": (), "lives": ()}.get(rule.wants, ("closes", "resets"))
    return what, exact, exact or what[0] in ends


def ping(peer, count):
    text = b"\0rules\0" + bytes([count])
    if not peer.closed and peer.goaway is None:
        peer.raw(frame(PING, payload=text))
        read(peer, lambda: peer.goaway is not None or acknowledged(peer, text))


def acknowledged(peer, text):
    return any(isinstance(seen, PingFrame) and seen.opaque_data == text for seen in peer.seen)


def read(peer, done):
    try:
        peer.until(done)
    except TimeoutError:
        pass


def outcome(peer, rule):
    stream = peer.stream(rule.stream)
    if peer.goaway:
        return "closes", peer.goaway
    if stream.reset is not None and (stream.reset or stream.status is None):
        return "resets", stream.reset
    if stream.status is not None and rule.wants == "answers":
        return "answers", stream.status
    if peer.closed:
        return "closes", None
    return ("lives" if acknowledged(peer, b"\0rules\0\2") else "is silent"), None
