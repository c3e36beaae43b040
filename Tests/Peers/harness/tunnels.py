# SPDX-License-Identifier: Apache-2.0
"""WebSockets: a server and callers of a library's, nghttpx as what makes HTTP/2 of either side, and an upstream of HTTP/2 that does
frame by frame what a test says."""

import json
import socket
import threading

import hpack
import websockets.exceptions
import websockets.sync.client
import websockets.sync.server
from hyperframe import frame as frames

from .http2 import PREFACE
from .process import LOOPBACK, Owned, accepts, free_port

CHUNK = b"x" * 65536


class Echo:
    """An agent that says back what it is told, and obeys a few words. It speaks HTTP/1.1, as the library does."""

    def __init__(self):
        self.flooded, self.gate, self.closed = 0, threading.Event(), []
        self.server = websockets.sync.server.serve(self.talk, LOOPBACK, 0, process_request=self.answer, ping_interval=None)
        self.port = self.server.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.gate.set()
        self.server.shutdown()
        self.thread.join(10)

    @staticmethod
    def answer(connection, request):
        """No tunnel for those who ask for something else."""
        if "x-answer" in request.headers:
            return connection.respond(int(request.headers["x-answer"]), "no tunnel here")
        return None

    def talk(self, connection):
        try:
            for message in connection:
                if message == "who":
                    connection.send(json.dumps(dict(connection.request.headers.raw_items())))
                elif message == "leave":
                    connection.close(4002, "enough")
                elif message == "flood":
                    while True:
                        connection.send(CHUNK)
                        self.flooded += len(CHUNK)
                elif message == "hold":
                    self.hold(connection)
                else:
                    connection.send(message)
        except websockets.exceptions.ConnectionClosed:
            pass
        self.closed.append((connection.protocol.close_code, connection.protocol.close_reason))

    def hold(self, connection):
        """Reads nothing until it may, then counts."""
        self.gate.wait(60)
        total = 0
        for message in connection:
            if message == "total":
                return connection.send(str(total))
            total += len(message)


def call(port, token, **extra):
    """A caller's WebSocket, in HTTP/1.1."""
    fields = {"Authorization": f"Bearer {token}", **extra.pop("headers", {})} if token else {}
    return websockets.sync.client.connect(
        f"ws://{LOOPBACK}:{port}/ws", additional_headers=fields, proxy=None, ping_interval=None, close_timeout=10, **extra)


def nghttpx(folder, name, backend, keys=None):
    """Takes HTTP/1.1 and HTTP/2, with WebSockets in both. With `keys` over TLS."""
    port = free_port()
    front, end = (f"{LOOPBACK},{port};no-tls", []) if keys is None else (f"{LOOPBACK},{port}", [keys / "tls.key", keys / "tls.crt"])
    server = Owned(name, ["nghttpx", "--conf=/dev/null", "-f", front, "-b", backend, "-n", "1", "-L", "ERROR", *end], folder / f"{name}.log")
    server.await_ready(lambda: accepts(port))
    server.port = port
    return server


class Frames:
    """An upstream of HTTP/2. What it does with each request says `script`: a status with what follows, or "hold"."""

    def __init__(self, connects=True, greets=True):
        self.connects, self.greets = connects, greets
        self.play("grant")
        self.listener = socket.create_server((LOOPBACK, 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def stop(self):
        self.listener.close()

    def play(self, script):
        self.script, self.heads, self.said, self.ends, self.links = script, [], b"", [], []
        self.known = set()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def greet(self, connection):
        settings = {8: 1} if self.connects else {}
        self.send(connection, frames.SettingsFrame(0, settings=settings))

    def send(self, connection, *many):
        with self.lock:
            connection.sendall(b"".join(frame.serialize() for frame in many))

    def serve(self, connection):
        buffer, decoder, tunnels, greeted = b"", hpack.Decoder(), set(), False
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self.greets:
                self.greet(connection)
            while data := connection.recv(65536):
                buffer += data
                if not greeted and len(buffer) >= len(PREFACE):
                    buffer, greeted = buffer[len(PREFACE):], True
                while greeted and len(buffer) >= 9:
                    frame, length = frames.Frame.parse_frame_header(memoryview(buffer[:9]))
                    if len(buffer) < 9 + length:
                        break
                    frame.parse_body(memoryview(buffer[9:9 + length]))
                    buffer = buffer[9 + length:]
                    self.take(connection, frame, decoder, tunnels)
        except OSError:
            pass
        connection.close()

    def take(self, connection, frame, decoder, tunnels):
        stream = frame.stream_id
        if isinstance(frame, frames.SettingsFrame) and "ACK" not in frame.flags and self.greets:
            self.send(connection, frames.SettingsFrame(0, flags=["ACK"]))
        elif isinstance(frame, frames.HeadersFrame):
            self.known.add((connection, stream))
            self.links.append(connection.getpeername()[1])
            self.heads.append(dict(decoder.decode(frame.data)))
            self.act(connection, stream, tunnels)
        elif (connection, stream) not in self.known:
            # Of a script that is over.
            return
        elif isinstance(frame, frames.DataFrame):
            self.said += frame.data
            if frame.data:
                self.send(connection, frames.WindowUpdateFrame(0, window_increment=len(frame.data)),
                          frames.WindowUpdateFrame(stream, window_increment=len(frame.data)))
            if stream in tunnels and frame.data:
                self.send(connection, frames.DataFrame(stream, data=frame.data))
            if "END_STREAM" in frame.flags:
                self.ends.append("end")
                if stream in tunnels:
                    self.send(connection, frames.DataFrame(stream, flags=["END_STREAM"]))
        elif isinstance(frame, frames.RstStreamFrame):
            self.ends.append(frame.error_code)

    def act(self, connection, stream, tunnels):
        """The script's words: a status, fields with their values, then "body", "end", "reset"."""
        if self.script == "hold":
            return
        if self.script == "grant":
            tunnels.add(stream)
        status, *rest = ("200" if self.script == "grant" else self.script).split()
        fields = [(":status", status), *(word.split("=") for word in rest if "=" in word)]
        head = frames.HeadersFrame(stream, data=hpack.Encoder().encode(fields), flags=["END_HEADERS"])
        many = [head]
        if "body" in rest:
            many.append(frames.DataFrame(stream, data=b"words"))
        if "end" in rest:
            many[-1].flags.add("END_STREAM")
        if "reset" in rest:
            many.append(frames.RstStreamFrame(stream, error_code=2))
        self.send(connection, *many)


class Wire:
    """A caller's WebSocket in HTTP/1.1, byte by byte."""

    KEY = "dGhlIHNhbXBsZSBub25jZQ=="
    ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    def __init__(self, port, token, early=b""):
        self.socket = socket.create_connection((LOOPBACK, port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall((
            f"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {self.KEY}\r\nAuthorization: Bearer {token}\r\n\r\n").encode() + early)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def head(self):
        """Status and fields; what comes behind stays in the socket."""
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            more = self.socket.recv(1)
            if not more:
                break
            data += more
        line, *rest = data.decode("latin-1").split("\r\n")
        return int(line.split()[1]), {name.lower(): value for name, _, value in (field.partition(": ") for field in rest if field)}

    def read(self, count):
        data = b""
        while len(data) < count and (more := self.socket.recv(count - len(data))):
            data += more
        return data

    def rest(self):
        """All until the other side ends; what a reset takes is not there."""
        data = b""
        try:
            while more := self.socket.recv(65536):
                data += more
        except ConnectionError:
            pass
        return data
