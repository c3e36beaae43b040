# SPDX-License-Identifier: Apache-2.0
"""Processes that a test owns: started on free ports, awaited by polling, ended by their own id."""

import http.client
import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

LOOPBACK = "127.0.0.1"
given = set()


def free_port():
    """A port that nobody has, and that nobody else is given before its owner binds it: outside of the range from which the kernel
    takes those of outgoing connections, and never the same one twice in a run."""
    while True:
        port = random.SystemRandom().randrange(10_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        if port not in given:
            given.add(port)
            return port


def wait_until(what, condition, seconds=15.0, every=0.01):
    """Polls until `condition` gives something true and returns it; fails with `what` when time is up."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(every)


def accepts(port):
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
        return True
    except OSError:
        return False


def answers(port, path, status=200):
    """Whether a plain GET on the loopback port gives that status."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Owned:
    """One child process with its output in a file."""

    def __init__(self, name, command, log, environment=None, folder=None):
        self.name = name
        self.log = Path(log)
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})}, cwd=folder, start_new_session=True)

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process.poll() is None

    def await_ready(self, condition, seconds=60.0):
        def settled():
            return not self.running() or condition()
        try:
            wait_until(f"{self.name} is ready", settled, seconds, every=0.05)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self.tail()}") from None
        if not self.running():
            raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
        return self

    def tail(self, lines=30):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, seconds=20.0):
        return self.process.wait(timeout=seconds)

    def kill(self):
        if self.running():
            self.process.kill()
        self.process.wait()

    def stop(self, seconds=10.0):
        if self.running():
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def resident_bytes(self):
        """Resident memory, from /proc."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))
