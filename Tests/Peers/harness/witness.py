# SPDX-License-Identifier: Apache-2.0
"""A server that believes nothing: it keeps each byte that came, reads it by h11's rules, and answers as it was told to."""

import socket
import threading
from dataclasses import dataclass, field

import h11

from .process import LOOPBACK


def plain(headers):
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


@dataclass
class Seen:
    """One request as an origin understood it."""

    method: str
    target: str
    headers: list
    body: bytes
    trailers: list = field(default_factory=list)


@dataclass
class Line:
    """One connection to the witness."""

    raw: bytes = b""
    fault: str = ""


@dataclass
class Port:
    """One port of the witness: what came there."""

    number: int
    seen: list = field(default_factory=list)
    lines: list = field(default_factory=list)

    def take(self):
        """The bytes of each connection since the last time, and what was wrong with them."""
        taken = [(line.raw, line.fault) for line in list(self.lines)]
        for line in self.lines:
            line.raw = b""
        self.lines = [line for line in self.lines if not line.fault]
        return [(raw, fault) for raw, fault in taken if raw or fault]


class Witness:
    """Listens on as many ports as are asked for, a thread for each connection.

    `answers` maps what stands in X-Case, or last in the target, to bytes that are sent for the answer, as they are, and to whether
    the connection ends then.
    """

    def __init__(self):
        self.answers = {}
        self.lock = threading.Lock()
        self.sockets = []
        self.open = set()

    def port(self):
        server = socket.create_server((LOOPBACK, 0))
        self.sockets.append(server)
        port = Port(server.getsockname()[1])
        threading.Thread(target=self.accept, args=(server, port), daemon=True).start()
        return port

    def close(self):
        for server in self.sockets:
            server.close()
        for connection in list(self.open):
            connection.close()

    def accept(self, server, port):
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            self.open.add(connection)
            threading.Thread(target=self.serve, args=(connection, port), daemon=True).start()

    def serve(self, connection, port):
        line = Line()
        with self.lock:
            port.lines.append(line)
        try:
            self.exchange(connection, port, line)
        except OSError:
            pass
        except h11.RemoteProtocolError as fault:
            line.fault = str(fault)
        finally:
            self.open.discard(connection)
            connection.close()

    def exchange(self, connection, port, line):
        reader = h11.Connection(h11.SERVER)
        request, body = None, b""
        while True:
            event = reader.next_event()
            if event is h11.NEED_DATA:
                data = connection.recv(65536)
                line.raw += data
                reader.receive_data(data)
            elif isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self.answer(connection, port, reader, request, body, plain(event.headers))
                if reader.our_state is h11.MUST_CLOSE:
                    return
                reader.start_next_cycle()
            else:
                return

    def answer(self, connection, port, reader, request, body, trailers):
        headers = plain(request.headers)
        seen = Seen(request.method.decode(), request.target.decode("latin-1"), headers, body, trailers)
        with self.lock:
            port.seen.append(seen)
        case = next((value for name, value in headers if name == "x-case"), seen.target.rpartition("/")[2])
        text = f"{seen.method} {seen.target} {case}".encode("latin-1", "replace")
        length = [("Content-Length", str(len(text)))]
        answer = reader.send(h11.Response(status_code=200, headers=length))
        if seen.method != "HEAD":
            answer += reader.send(h11.Data(data=text))
        answer += reader.send(h11.EndOfMessage())
        told, ends = self.answers.get(case, (answer, False))
        connection.sendall(told)
        if ends:
            raise ConnectionAbortedError
