# SPDX-License-Identifier: Apache-2.0
"""A redis-server of Debian's, on a free port, and enough of its protocol to ask it."""

import shutil
import signal
import socket

import pytest

from .process import LOOPBACK, Owned, free_port, wait_until


class Refused(Exception):
    """The server's error, as it says it."""


class Redis:
    """One server with a folder of its own; it may be killed, paused and started again on its port."""

    DURABLE = ("--appendonly", "yes", "--appendfsync", "always", "--no-appendfsync-on-rewrite", "no")

    def __init__(self, folder, *options, password=None, tls=None):
        if not shutil.which("redis-server"):
            pytest.skip("redis-server is not installed")
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.password, self.tls = password, tls
        # The plain port is always there, for the test; who uses TLS has another one.
        self.port, self.tls_port = free_port(), free_port() if tls else None
        self.options = [*options, *(("--requirepass", password) if password else ())]
        if tls:
            self.options += ["--tls-port", self.tls_port, "--tls-auth-clients", "no", "--tls-ca-cert-file", tls / "ca.crt",
                             "--tls-cert-file", tls / "store.crt", "--tls-key-file", tls / "store.key"]
        self.process = None
        self.start()

    def start(self):
        self.process = Owned("redis", ["redis-server", "--port", self.port, "--bind", LOOPBACK, "--dir", self.folder,
                                       "--save", "", "--daemonize", "no", *self.options], self.folder / "redis.log")
        self.process.await_ready(self.answers)
        return self

    def answers(self):
        try:
            return self("PING") == b"PONG"
        except (OSError, Refused):
            return False

    def kill(self):
        self.process.kill()

    def pause(self):
        self.process.signal(signal.SIGSTOP)

    def go_on(self):
        self.process.signal(signal.SIGCONT)

    def stop(self):
        self.go_on()
        self.process.stop()

    def __call__(self, *words):
        """One command over a connection of its own."""
        with socket.create_connection((LOOPBACK, self.port), timeout=10) as connection, connection.makefile("rwb") as stream:
            if self.password:
                self._ask(stream, "AUTH", self.password)
            return self._ask(stream, *words)

    def _ask(self, stream, *words):
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        stream.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))
        stream.flush()
        return self._read(stream)

    def _read(self, stream):
        line = stream.readline()
        if not line:
            raise ConnectionError("closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Refused(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else stream.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self._read(stream) for _ in range(int(rest))]
        return rest
