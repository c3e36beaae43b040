# SPDX-License-Identifier: Apache-2.0
"""A caller that sends any bytes and reads what comes back without being led astray: every answer, or where they stop."""

import socket
from dataclasses import dataclass, field

from .process import LOOPBACK


@dataclass
class Reply:
    status: int
    body: bytes = b""
    headers: list = field(default_factory=list)


class Garbled(Exception):
    """What came is no response."""


class Replies:
    """Reads one connection's responses, strictly."""

    def __init__(self, connection, methods):
        self.connection, self.methods, self.buffer = connection, methods, b""
        self.replies, self.ended = [], False

    def fill(self):
        try:
            data = self.connection.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.ended = True
            raise EOFError
        self.buffer += data

    def take(self, count):
        while len(self.buffer) < count:
            self.fill()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def line(self):
        while b"\r\n" not in self.buffer:
            self.fill()
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def next(self):
        """Leaves the buffer as it was if the response is not whole."""
        before = self.buffer
        try:
            self.replies.append(self.parse())
        except (EOFError, TimeoutError):
            if before and before != self.buffer:
                self.buffer = before + self.buffer[len(self.buffer):]
            raise

    def parse(self):
        version, _, rest = self.line().partition(b" ")
        if version != b"HTTP/1.1" or not rest[:3].isdigit():
            raise Garbled(version)
        reply, length, chunked = Reply(int(rest[:3])), None, False
        while line := self.line():
            name, colon, value = line.partition(b":")
            if not colon or name != name.strip() or not name:
                raise Garbled(line)
            reply.headers.append((name.decode("latin-1").lower(), value.strip().decode("latin-1")))
            if name.lower() == b"content-length":
                if length is not None:
                    raise Garbled("two lengths")
                length = int(value)
            chunked = chunked or name.lower() == b"transfer-encoding"
        if chunked and length is not None:
            raise Garbled("length and chunks")
        if reply.status < 200:
            return self.parse()
        method = self.methods[len(self.replies)] if len(self.replies) < len(self.methods) else "GET"
        if method != "HEAD" and reply.status not in (204, 304):
            reply.body = self.chunks() if chunked else self.take(length or 0)
        return reply

    def chunks(self):
        body = b""
        while size := int(self.line().partition(b";")[0], 16):
            body += self.take(size)
            if self.take(2) != b"\r\n":
                raise Garbled("chunk")
        while self.line():
            pass
        return body


def talk(port, data, wanted, methods=(), quiet=0.4, limit=15):
    """Sends `data`, reads until the other side ends or `wanted` answers are there. Whoever still waits for more after a
    quiet moment is told that nothing comes.
    - Returns: the answers, and whether the other side ended the connection.
    """
    with socket.create_connection((LOOPBACK, port), timeout=quiet) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = Replies(connection, methods)
        try:
            connection.settimeout(limit)
            connection.sendall(data)
        except ConnectionError:
            pass
        connection.settimeout(quiet)
        told = False
        while len(reader.replies) < wanted + 1:
            try:
                reader.next()
            except EOFError:
                break
            except TimeoutError:
                if told:
                    break
                told = True
                connection.settimeout(limit)
                try:
                    connection.shutdown(socket.SHUT_WR)
                except OSError:
                    break
        return reader.replies, reader.ended
