# SPDX-License-Identifier: Apache-2.0
"""Callers: one request at a time with full control of its bytes, and many at once over kept-alive TLS connections."""

import asyncio
import json
import socket
import ssl
from dataclasses import dataclass, field

from .process import LOOPBACK


@dataclass
class Answer:
    """One response. `status` is 0 when the connection ended before a whole head came, `whole` False when it was cut."""

    status: int = 0
    headers: list = field(default_factory=list)
    body: bytes = b""
    whole: bool = False

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self):
        return json.loads(self.body)


def trust(ca, minimum=None, certificate=None):
    context = ssl.create_default_context(cafile=str(ca))
    if minimum is not None:
        context.minimum_version = context.maximum_version = minimum
    if certificate is not None:
        context.load_cert_chain(*map(str, certificate))
    return context


def head(method, path, headers, body, host):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def pairs(headers):
    return list(headers.items()) if isinstance(headers, dict) else list(headers or [])


class Caller:
    """Sends requests to one listener, each on a connection of its own."""

    def __init__(self, port, ca=None, host="localhost", certificate=None):
        self.port = port
        self.host = host
        self.context = trust(ca, certificate=certificate) if ca else None

    def connect(self, timeout=15):
        raw = socket.create_connection((LOOPBACK, self.port), timeout=timeout)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.context.wrap_socket(raw, server_hostname=self.host) if self.context else raw

    def raw(self, data, timeout=15):
        """Sends bytes as they are and reads one response."""
        with self.connect(timeout) as connection:
            connection.sendall(data)
            return read_answer(connection)

    def request(self, method, path, headers=None, body=None, token=None, timeout=15):
        fields = pairs(headers)
        if token is not None:
            fields.append(("Authorization", f"Bearer {token}"))
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
            fields.append(("Content-Type", "application/json"))
        return self.raw(head(method, path, [*fields, ("Connection", "close")], body, self.host), timeout)

    def invoke(self, payload, token=None, headers=None, timeout=15):
        return self.request("POST", "/invocations", headers, payload, token, timeout)


class Kept(Caller):
    """Sends all requests on one connection, made anew when the other side closed it."""

    connection = None

    def request(self, method, path, headers=None, body=None, token=None, timeout=60):
        fields = pairs(headers)
        if token is not None:
            fields.append(("Authorization", f"Bearer {token}"))
        data = head(method, path, fields, body, self.host)
        while True:
            is_new = self.connection is None
            if is_new:
                self.connection = self.connect(timeout)
            try:
                self.connection.sendall(data)
                answer = read_answer(self.connection)
            except OSError:
                answer = Answer()
            if not answer.whole or (answer.header("connection") or "").lower() == "close":
                self.close()
            # An idle connection may be closed in the very moment in which it is used; no part of an answer came then.
            if answer.status or is_new:
                return answer

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


def parse_head(data):
    line, *rest = data.decode("latin-1").split("\r\n")
    fields = [tuple(part.strip() for part in text.split(":", 1)) for text in rest if text]
    return int(line.split(" ")[1]), fields


def read_answer(connection):
    """Reads one response; tolerant of a cut, strict about framing."""
    answer = Answer()
    stream = connection.makefile("rb")
    try:
        while True:
            data = b""
            while not data.endswith(b"\r\n\r\n"):
                line = stream.readline(65536)
                if not line:
                    return answer
                data += line
            status, headers = parse_head(data[:-4])
            if status >= 200 or status == 101:
                break
        answer.status, answer.headers = status, headers
        if (answer.header("transfer-encoding") or "").lower() == "chunked":
            while True:
                size = int(stream.readline().split(b";")[0] or b"x", 16)
                answer.body += stream.read(size)
                stream.readline()
                if size == 0:
                    break
        elif (count := answer.header("content-length")) is not None:
            answer.body = stream.read(int(count))
            if len(answer.body) < int(count):
                return answer
        elif status not in (101, 204, 304):
            answer.body = stream.read()
        answer.whole = True
    except (OSError, ValueError):
        pass
    finally:
        stream.close()
    return answer


class Flow:
    """One kept-alive connection of an asynchronous load, opened again whenever the other side closed it."""

    def __init__(self, port, context, host="localhost"):
        self.port, self.context, self.host = port, context, host
        self.reader = self.writer = None

    async def open(self):
        self.reader, self.writer = await asyncio.open_connection(
            LOOPBACK, self.port, ssl=self.context, server_hostname=self.host if self.context else None)

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None

    async def request(self, data):
        """Sends one request and reads its response. Never raises for what the other side does."""
        answer = Answer()
        try:
            if self.writer is None:
                await self.open()
            self.writer.write(data)
            await self.writer.drain()
            answer.status, answer.headers = parse_head((await self.reader.readuntil(b"\r\n\r\n"))[:-4])
            if (answer.header("transfer-encoding") or "").lower() == "chunked":
                while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
                    answer.body += (await self.reader.readexactly(size + 2))[:-2]
                await self.reader.readuntil(b"\r\n")
            else:
                answer.body = await self.reader.readexactly(int(answer.header("content-length") or "0"))
            answer.whole = True
            if (answer.header("connection") or "").lower() == "close":
                self.close()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            self.close()
        return answer


async def load(port, context, requests, connections, seconds_each=20, host="localhost"):
    """Sends the requests (an iterable of bytes) over so many connections; returns the answers and how many hung."""
    pending = iter(requests)
    answers, hung = [], 0

    async def flow():
        nonlocal hung
        line = Flow(port, context, host)
        for data in pending:
            try:
                answers.append(await asyncio.wait_for(line.request(data), seconds_each))
            except asyncio.TimeoutError:
                hung += 1
                line.close()
        line.close()

    await asyncio.gather(*(flow() for _ in range(connections)))
    return answers, hung
