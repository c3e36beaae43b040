# SPDX-License-Identifier: Apache-2.0
"""Callers that no load generator offers; each prints one JSON line. `callers.py WHAT PORT CA TOKENS SECONDS|COUNT`.

  full, resumed   handshakes of TLS 1.3, four at a time, each ended properly and without a request
  idle            opens COUNT connections, makes a request on each, says how many there are, holds them until its input ends
  events          streams of events one after the other: from the request to the first, and from each one's making to its coming
"""

import json
import socket
import ssl
import sys
import threading
import time

THREADS = 4


class Target:
    def __init__(self, port, ca, tokens):
        self.port = port
        self.context = ssl.create_default_context(cafile=ca)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        with open(tokens) as file:
            self.tokens = file.read().split()

    def connect(self, session=None):
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.context.wrap_socket(plain, server_hostname="localhost", session=session)

    def request(self, path, number=0):
        token = self.tokens[number % len(self.tokens)]
        return (f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nUser-Agent: agent/1.0\r\n"
                f"Authorization: Bearer {token}\r\n\r\n").encode()

    def small(self, connection, number):
        """One request with a small answer, whole."""
        connection.sendall(self.request("/small", number))
        answer = connection.recv(65536)
        while not answer.endswith(b"}"):
            piece = connection.recv(65536)
            if not piece:
                raise SystemExit(f"cut off: {answer!r}")
            answer += piece
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"refused: {answer!r}")


def in_threads(work):
    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0


def leave(connection):
    """Says that nothing more comes, and waits until the proxy has closed, so that it has seen all of the handshake."""
    try:
        connection.unwrap()
    except ssl.SSLError:
        pass  # the proxy's tickets, which nobody has read
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(4096):
        pass


def handshakes(target, seconds, resumed):
    session = None
    if resumed:
        # A ticket comes with the first answer; it is taken up again and again.
        with target.connect() as connection:
            target.small(connection, 0)
            session = connection.session
    times, bad = [], []
    start = time.monotonic()

    def work(_):
        while time.monotonic() - start < seconds:
            began = time.perf_counter()
            try:
                with target.connect(session) as connection:
                    times.append((time.perf_counter() - began) * 1e6)
                    if connection.session_reused != resumed:
                        bad.append("another kind of handshake")
                    leave(connection)
            except OSError as error:
                bad.append(str(error))

    in_threads(work)
    return {"requests": len(times), "seconds": time.monotonic() - start, "p50_us": percentile(times, 0.5),
            "p99_us": percentile(times, 0.99), "bad": len(bad), "why": bad[:1]}


def idle(target, count):
    held = []

    def work(first):
        for number in range(first, count, THREADS):
            connection = target.connect()
            target.small(connection, number)
            held.append(connection)

    in_threads(work)
    print(json.dumps({"requests": len(held), "bad": count - len(held)}), flush=True)
    sys.stdin.read()


def events(target, seconds):
    first, each = [], []
    with target.connect() as connection:
        start = time.monotonic()
        number = 0
        while time.monotonic() - start < seconds:
            began, seen, answer = time.monotonic_ns(), 0, b""
            connection.sendall(target.request("/events", number))
            number += 1
            while not answer.endswith(b"0\r\n\r\n"):
                piece = connection.recv(65536)
                now = time.monotonic_ns()
                answer += piece
                if not piece or not answer.startswith(b"HTTP/1.1 200"):
                    raise SystemExit(f"cut off, or refused: {answer!r}")
                stamps = [int(part.split(b"\n", 1)[0]) for part in answer.split(b"data: ")[1:] if b"\n\n" in part]
                if stamps and seen == 0:
                    first.append((now - began) / 1e3)
                each.extend((now - stamp) / 1e3 for stamp in stamps[seen:])
                seen = len(stamps)
    return {"requests": len(each), "streams": len(first), "seconds": time.monotonic() - start, "bad": 0,
            "p50_us": percentile(first, 0.5), "p99_us": percentile(first, 0.99), "event_p50_us": percentile(each, 0.5)}


def main():
    what, port, ca, tokens, amount = sys.argv[1:]
    target = Target(int(port), ca, tokens)
    if what == "idle":
        idle(target, int(amount))
        return
    result = events(target, float(amount)) if what == "events" else handshakes(target, float(amount), what == "resumed")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
