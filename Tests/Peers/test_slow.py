# SPDX-License-Identifier: Apache-2.0
"""Callers that are slow on purpose, and one that merely is: the first lose their connections, the second gets all of his answer."""

import re
import shutil
import signal
import socket
import subprocess
import time

import pytest
from harness.names import REASON
from harness.origins import Origin
from harness.process import LOOPBACK, wait_until
from harness.sealed import Sealed, Shape
from harness.talk import Replies
from harness.witness import Witness

LIMITS = {"head_timeout": "1s", "body_timeout": "1s", "idle_timeout": "1s", "body_rate": 100}
LARGE = 8 << 20
#: Seconds after which a slow caller stops by itself.
PATIENCE = 20


@pytest.fixture(scope="module")
def slow(run, forge):
    folder = run / "slow"
    folder.mkdir()
    witness = Witness()
    port = witness.port()
    witness.answers["large"] = (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE + bytes(LARGE), False)
    made = Sealed(folder, forge, witness, [Origin("witness", port.number, witness=port)], limits=LIMITS)
    yield made
    made.stop()


def trickle(slow, head, piece):
    """Sends `piece` over and over, each well within the time that a pause may take, until the other side has had enough.
    - Returns: the answers, and how long it took.
    """
    started = time.monotonic()
    with socket.create_connection((LOOPBACK, slow.bulkhead.ports["rest-witness"]), timeout=0.1) as connection:
        connection.sendall(head)
        reader = Replies(connection, ["POST"])
        while time.monotonic() < started + PATIENCE:
            try:
                reader.next()
            except TimeoutError:
                try:
                    connection.sendall(piece)
                except OSError:
                    break
            except EOFError:
                break
        return reader.replies, time.monotonic() - started


def test_a_head_that_never_ends(slow):
    replies, seconds = trickle(slow, b"GET / HTTP/1.1\r\n", b"X: y\r\n")
    assert seconds < PATIENCE and [reply.status for reply in replies] in ([], [408])


def test_what_came_in_time_counts_however_late_it_is_read(slow):
    """Bulkhead is stopped from outside for longer than a head may take; the head's end has come meanwhile."""
    head, process = Shape("rest", slow.token).request(b"stopped", b"GET"), slow.bulkhead.process
    for _ in range(5):
        accepted = slow.bulkhead.metric("bulkhead_connections_accepted_total")
        began = time.monotonic()
        with socket.create_connection((LOOPBACK, slow.bulkhead.ports["rest-witness"]), timeout=10) as connection:
            connection.sendall(head[:20])
            wait_until("it is taken", lambda: slow.bulkhead.metric("bulkhead_connections_accepted_total") > accepted)
            process.signal(signal.SIGSTOP)
            stopped = time.monotonic()
            try:
                connection.sendall(head[20:])
                wait_until("its time is over", lambda: time.monotonic() > stopped + 1.2)
            finally:
                process.signal(signal.SIGCONT)
            # Else the time may have been over before the stop.
            if stopped < began + 0.7:
                return check(Replies(connection, ["GET"]))
    pytest.skip("this machine is too busy to stop a process in time")


def check(reader):
    reader.next()
    assert [reply.status for reply in reader.replies] == [200]


def test_a_body_that_comes_byte_by_byte(slow):
    """Each byte comes in time; all of them together would take hours."""
    head = Shape("rest", slow.token).request(b"slow", lines=b"Content-Length: 100000\r\n")
    replies, seconds = trickle(slow, head, b"x")
    assert seconds < PATIENCE and [reply.status for reply in replies] == [408]
    slow.bulkhead.settle()
    assert slow.bulkhead.records()[-1][REASON] == "request_timed_out"


def test_a_body_that_keeps_its_pace(slow):
    """Ten times as slow as anybody is, and all the same a request."""
    head = Shape("rest", slow.token).request(b"steady", lines=b"Content-Length: 1000\r\n")
    replies, _ = trickle(slow, head, b"x" * 50)
    assert replies[0].status == 200


@pytest.mark.long
def test_a_reader_that_merely_is_slow(slow):
    """It reads at a pace that outlasts every time that is given to the last bytes, and gets all of them."""
    asked = Shape("rest", slow.token).request(b"large", b"GET", lines=b"Connection: close\r\n")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        connection.connect((LOOPBACK, slow.bulkhead.ports["rest-witness"]))
        connection.settimeout(10)
        connection.sendall(asked)
        got, started = 0, time.monotonic()
        while data := connection.recv(65536):
            got += len(data)
            # 2 MiB a second.
            behind = got / (2 << 20) - (time.monotonic() - started)
            if behind > 0:
                wait_until("the pace", lambda: time.monotonic() - started > got / (2 << 20))
    assert got > LARGE and time.monotonic() - started > 3


def test_readers_that_do_not_read(slow):
    """Twenty who ask for much and take nothing are left, and the origin is not kept waiting for them."""
    asked = Shape("rest", slow.token).request(b"large", b"GET")
    slow.bulkhead.settle()
    before = len(slow.bulkhead.records())
    connections = []
    for _ in range(20):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((LOOPBACK, slow.bulkhead.ports["rest-witness"]))
        connection.sendall(asked)
        connections.append(connection)
    wait_until("all are left", lambda: len(slow.bulkhead.records()) >= before + 20, 20)
    for connection in connections:
        connection.close()
    assert {record[REASON] for record in slow.bulkhead.records()[before:]} == {"request_timed_out"}


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("slowhttptest"), reason="slowhttptest is not installed")
@pytest.mark.parametrize("mode", ["-H", "-B"])
def test_slowhttptest_holds_nothing(mode, slow):
    """Fifty of them at once: all lose their connections long before the test would end, and others are served all the while."""
    done = subprocess.run(
        ["slowhttptest", mode, "-c", "50", "-r", "50", "-i", "1", "-l", "20", "-s", "100000", "-x", "8", "-p", "2", "-m",
         f"*/*\r\nAuthorization: Bearer {slow.token}", "-u", f"http://127.0.0.1:{slow.bulkhead.ports['rest-witness']}/slow"],
        capture_output=True, text=True, timeout=90)
    told = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", done.stdout)
    assert "No open connections left" in told and not re.search(r"service available: *NO", told), told[-1500:]
