# SPDX-License-Identifier: Apache-2.0
"""A caller that speaks HTTP/2 frame by frame: hyperframe writes what h2 would refuse to send, hpack reads the heads."""

import socket
import ssl
import threading

import hpack
from hyperframe import frame as frames

LOOPBACK = "127.0.0.1"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Stream:
    """What came on one stream."""

    def __init__(self):
        self.status = None
        self.fields = []
        self.trailers = []
        self.body = b""
        self.ended = False
        self.reset = None

    def field(self, name):
        return next((value for key, value in self.fields if key == name), None)

    @property
    def is_over(self):
        return self.ended or self.reset is not None


class Peer:
    """One connection. `send` takes frames, `until` reads until something is so, or the other side has ended."""

    def __init__(self, port, ca=None, name="localhost", greet=True, settings=None, seconds=10):
        plain = socket.create_connection((LOOPBACK, port), timeout=seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if ca is None:
            self.socket = plain
        else:
            context = ssl.create_default_context(cafile=str(ca))
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(plain, server_hostname=name)
            assert self.socket.selected_alpn_protocol() == "h2"
        self.scheme = "http" if ca is None else "https"
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.streams, self.seen = {}, []
        self.goaway, self.closed, self.acknowledged = None, False, False
        self.unheard = False
        self.pings = 0
        self.auto_window = True
        self.buffer = b""
        self.next = 1
        if greet:
            self.raw(PREFACE)
            self.send(frames.SettingsFrame(0, settings=settings or {}))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # Sending

    def raw(self, data):
        """Once nobody listens any more nothing is sent; what was said before that is still there to be read."""
        if self.unheard:
            return
        try:
            self.socket.sendall(data)
        except OSError:
            self.unheard = True

    def send(self, *many):
        self.raw(b"".join(frame.serialize() for frame in many))

    def fields(self, method="GET", path="/ping", authority="localhost", extra=()):
        return [(":method", method), (":scheme", self.scheme), (":path", path), (":authority", authority), *extra]

    def block(self, fields):
        """Literals that no table keeps, so that anything may stand in them."""
        out = b""
        for name, value in fields:
            name, value = (part.encode("latin-1") if isinstance(part, str) else part for part in (name, value))
            out += b"\0" + self.string(name) + self.string(value)
        return out

    @staticmethod
    def string(text):
        return bytes(hpack.hpack.encode_integer(len(text), 7)) + text

    def head(self, fields, stream=None, end=True, whole=True):
        if stream is None:
            stream, self.next = self.next, self.next + 2
        frame = frames.HeadersFrame(stream, data=self.block(fields))
        if whole:
            frame.flags.add("END_HEADERS")
        if end:
            frame.flags.add("END_STREAM")
        self.send(frame)
        return stream

    def take_back(self, stream):
        """A request and its reset in one breath, so that no answer can come between them."""
        head = frames.HeadersFrame(stream, data=self.block(self.fields()), flags=["END_HEADERS"])
        self.raw(head.serialize() + frames.RstStreamFrame(stream, error_code=8).serialize())

    def data(self, stream, data, end=False):
        frame = frames.DataFrame(stream, data=data)
        if end:
            frame.flags.add("END_STREAM")
        self.send(frame)

    def post(self, path, body, token=None, extra=()):
        """A whole request, within the first window."""
        fields = [("content-type", "application/json"), ("content-length", str(len(body)))]
        if token:
            fields.append(("authorization", f"Bearer {token}"))
        stream = self.head(self.fields("POST", path, extra=[*fields, *extra]), end=False)
        for start in range(0, len(body), 16384):
            self.data(stream, body[start:start + 16384])
        self.data(stream, b"", end=True)
        return stream

    # Reading

    def stream(self, number):
        return self.streams.setdefault(number, Stream())

    def until(self, done):
        while not done() and not self.closed:
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                raise
            except OSError:
                data = b""
            if not data:
                self.closed = True
                break
            self.buffer += data
            self.parse()
        return self

    def glance(self):
        """Reads what is there already."""
        seconds = self.socket.gettimeout()
        self.socket.settimeout(0)
        try:
            while data := self.socket.recv(65536):
                self.buffer += data
            self.closed = True
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        except OSError:
            self.closed = True
        self.socket.settimeout(seconds)
        self.parse()

    def answer(self, number):
        self.until(lambda: self.stream(number).is_over or self.goaway)
        return self.stream(number)

    def parse(self):
        while len(self.buffer) >= 9:
            frame, length = frames.Frame.parse_frame_header(memoryview(self.buffer[:9]))
            if len(self.buffer) < 9 + length:
                return
            frame.parse_body(memoryview(self.buffer[9:9 + length]))
            self.buffer = self.buffer[9 + length:]
            self.seen.append(frame)
            self.take(frame)

    def take(self, frame):
        stream = self.stream(frame.stream_id) if frame.stream_id else None
        if isinstance(frame, frames.HeadersFrame):
            fields = self.decoder.decode(frame.data)
            if stream.status is None and fields[0][1].startswith("1"):
                return
            if stream.status is None:
                stream.status, stream.fields = int(fields[0][1]), fields[1:]
            else:
                stream.trailers = fields
            stream.ended = "END_STREAM" in frame.flags
        elif isinstance(frame, frames.DataFrame):
            stream.body += frame.data
            stream.ended = "END_STREAM" in frame.flags
            if self.auto_window and frame.flow_controlled_length:
                increment = frame.flow_controlled_length
                many = [frames.WindowUpdateFrame(0, window_increment=increment)]
                if not stream.ended:
                    many.append(frames.WindowUpdateFrame(frame.stream_id, window_increment=increment))
                self.send(*many)
        elif isinstance(frame, frames.RstStreamFrame):
            stream.reset = frame.error_code
        elif isinstance(frame, frames.SettingsFrame):
            if "ACK" in frame.flags:
                self.acknowledged = True
            else:
                self.settings = frame.settings
                self.send(frames.SettingsFrame(0, flags=["ACK"]))
        elif isinstance(frame, frames.PingFrame):
            if "ACK" in frame.flags:
                self.pings += 1
            else:
                self.send(frames.PingFrame(0, opaque_data=frame.opaque_data, flags=["ACK"]))
        elif isinstance(frame, frames.GoAwayFrame):
            if self.goaway is None or frame.error_code:
                self.goaway = frame.error_code


class Scripted:
    """A server that does to each request what stands next in its script."""

    def __init__(self):
        self.listener = socket.create_server((LOOPBACK, 0))
        self.port = self.listener.getsockname()[1]
        self.script, self.requests, self.connections = [], 0, 0
        self.left, self.late = set(), 0
        threading.Thread(target=self.accept, daemon=True).start()

    def play(self, *script):
        self.script, self.requests = list(script), 0

    def stop(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        buffer, send = b"", lambda *many: connection.sendall(b"".join(frame.serialize() for frame in many))
        send(frames.SettingsFrame(0))
        try:
            while data := connection.recv(65536):
                buffer += data
                if buffer.startswith(PREFACE):
                    buffer = buffer[len(PREFACE):]
                while len(buffer) >= 9:
                    frame, length = frames.Frame.parse_frame_header(memoryview(buffer[:9]))
                    if len(buffer) < 9 + length:
                        break
                    frame.parse_body(memoryview(buffer[9:9 + length]))
                    buffer = buffer[9 + length:]
                    if isinstance(frame, frames.SettingsFrame) and "ACK" not in frame.flags:
                        send(frames.SettingsFrame(0, flags=["ACK"]))
                    if "END_STREAM" in frame.flags:
                        self.requests += 1
                        self.late += connection in self.left
                        self.act(self.script.pop(0) if self.script else "answer", frame.stream_id, send, connection)
        except OSError:
            pass
        connection.close()

    @staticmethod
    def head(stream, fields, end=False):
        flags = ["END_HEADERS", "END_STREAM"] if end else ["END_HEADERS"]
        return frames.HeadersFrame(stream, data=b"".join(
            b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in fields), flags=flags)

    def act(self, what, stream, send, connection):
        ok = [(b":status", b"200"), (b"content-type", b"application/json")]
        body = frames.DataFrame(stream, data=b"{}", flags=["END_STREAM"])
        if what == "answer":
            send(self.head(stream, ok), body)
        elif what == "answer and leave":
            self.left.add(connection)
            send(frames.GoAwayFrame(0, last_stream_id=stream), self.head(stream, ok), body)
        elif what == "refuse":
            send(frames.RstStreamFrame(stream, error_code=7))
        elif what == "reset":
            send(frames.RstStreamFrame(stream, error_code=2))
        elif what == "begin and reset":
            send(self.head(stream, ok), frames.DataFrame(stream, data=b"{"), frames.RstStreamFrame(stream, error_code=2))
        elif what == "no status":
            send(self.head(stream, ok[1:], end=True))
        elif what == "upper case":
            send(self.head(stream, [ok[0], (b"X-Upper", b"a")], end=True))
        elif what == "a short body":
            send(self.head(stream, [ok[0], (b"content-length", b"9")], end=True))
        elif what == "chunked":
            send(self.head(stream, [ok[0], (b"transfer-encoding", b"chunked")], end=True))
        elif what == "garbage":
            connection.sendall(b"\xff" * 64)
