# SPDX-License-Identifier: Apache-2.0
"""What flows: server-sent events, WebSockets, large bodies, slow readers, and a drain in the midst of it."""

import asyncio
import json
import signal
import ssl
import subprocess
import threading
import time
import uuid

import pytest
import websockets
import websockets.exceptions
from harness.bulkhead import Trail
from harness.client import Answer, Caller, head, parse_head, read_answer
from harness.names import REASON, STATUS, TENANT
from harness.process import accepts, answers, wait_until

MEBIBYTE = 1 << 20


def ask(payload, token, host="localhost", **headers):
    body = json.dumps(payload).encode()
    fields = [("Authorization", f"Bearer {token}"), ("Content-Type", "application/json"), *headers.items()]
    return head("POST", "/invocations", fields, body, host)


def ask_in_chunks(payload, token):
    body = json.dumps(payload).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:5], body[5:])) + b"0\r\n\r\n"
    fields = [("Authorization", f"Bearer {token}"), ("Content-Type", "application/json"), ("Transfer-Encoding", "chunked")]
    return head("POST", "/invocations", fields, None, "localhost") + chunks


def read_until(connection, wanted, limit=1 << 16):
    data = b""
    while wanted not in data and len(data) < limit:
        more = connection.recv(65536)
        if not more:
            break
        data += more
    return data


def test_an_event_leaves_before_the_next_is_made(front, steered, ann):
    """No timing: the agent makes its second event only when told to, which happens after the first arrived."""
    gate = uuid.uuid4().hex
    with front.steered.connect() as connection:
        connection.sendall(ask({"do": "gated", "name": gate}, ann))
        data = read_until(connection, b"data: first\n\n")
        assert b"200" in data.split(b"\r\n")[0] and b"text/event-stream" in data.lower() and b"second" not in data
        steered.control(f"/gate/open?name={gate}")
        assert b"data: second\n\n" in read_until(connection, b"0\r\n\r\n")


def test_events_of_the_sdk_agent_all_arrive_in_order(front, ann):
    answer = front.ingress.invoke({"do": "stream", "n": 200, "says": "grüße"}, ann)
    assert answer.whole and answer.header("content-type").startswith("text/event-stream")
    events = [json.loads(line[6:]) for line in answer.body.decode().splitlines() if line.startswith("data: ")]
    assert events == [{"number": n, "says": "grüße"} for n in range(200)]


def test_a_request_body_flows_in_pieces(front, ann):
    """Chunked, in pieces that straddle everything."""
    body = json.dumps({"do": "echo", "filling": "x" * 300_000}).encode()
    chunks = [body[i:i + 7919] for i in range(0, len(body), 7919)]
    framed = b"".join(f"{len(c):X}\r\n".encode() + c + b"\r\n" for c in chunks) + b"0\r\n\r\n"
    start = head("POST", "/invocations", [("Authorization", f"Bearer {ann}"), ("Content-Type", "application/json"),
                                          ("Transfer-Encoding", "chunked"), ("Connection", "close")], None, "localhost")
    answer = front.ingress.raw(start + framed)
    assert answer.status == 200 and answer.json()["payload"]["filling"] == "x" * 300_000


@pytest.mark.parametrize("chunk", (0, 20_000, 150_000))
def test_large_bodies_go_both_ways(front, ann, chunk):
    """Over TLS, around the sizes at which bodies are read and sealed in another way."""
    for size in (16_384, 33_000, 131_072, 700_001):
        filling = "".join(f"{number};" for number in range(size // 4))[:size]
        body = json.dumps({"do": "echo", "filling": filling}).encode()
        framing = ("Transfer-Encoding", "chunked") if chunk else ("Content-Length", str(len(body)))
        if chunk:
            parts = [body[i:i + chunk] for i in range(0, len(body), chunk)]
            body = b"".join(f"{len(part):X}\r\n".encode() + part + b"\r\n" for part in parts) + b"0\r\n\r\n"
        start = head("POST", "/invocations", [("Authorization", f"Bearer {ann}"), ("Content-Type", "application/json"),
                                              framing, ("Connection", "close")], None, "localhost")
        answer = front.ingress.raw(start + body)
        assert answer.status == 200 and answer.json()["payload"]["filling"] == filling, size


def test_expect_100_continue(front, ann):
    body = b'{"do": "headers"}'
    with front.steered.connect() as connection:
        connection.sendall(head("POST", "/invocations", [
            ("Authorization", f"Bearer {ann}"), ("Content-Type", "application/json"), ("Expect", "100-continue"),
            ("Content-Length", str(len(body))), ("Connection", "close")], None, "localhost"))
        assert connection.recv(4096).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert read_answer(connection).status == 200


def test_expect_without_a_token_never_asks_for_the_body(front):
    with front.steered.connect() as connection:
        connection.sendall(head("POST", "/invocations", [("Expect", "100-continue"), ("Content-Length", "100000000")],
                                None, "localhost"))
        assert connection.recv(4096).startswith(b"HTTP/1.1 401")


def test_pipelined_requests_are_answered_in_order(front, ann):
    payloads = [{"do": "headers", "number": n} for n in range(8)]
    with front.steered.connect() as connection:
        connection.sendall(b"".join((ask if n % 2 else ask_in_chunks)(p, ann) for n, p in enumerate(payloads)))
        stream = connection.makefile("rb")
        numbers = []
        for _ in payloads:
            data = b""
            while not data.endswith(b"\r\n\r\n"):
                data += stream.readline()
            status, fields = parse_head(data[:-4])
            answer = Answer(status, fields)
            assert status == 200
            numbers.append(json.loads(stream.read(int(answer.header("content-length"))))["body"]["number"])
    assert numbers == list(range(8))


class TestExpiry:
    """A stream ends with the token that it began with (THREATS 9): nobody vouches for its caller any more."""

    def test_events_end_with_the_token(self, front, forge):
        token = forge.token("clinic", "basic", exp=int(time.time()) + 3)
        with Trail(front.bulkhead, "steered") as trail, front.steered.connect() as connection:
            connection.sendall(ask({"do": "gated", "name": uuid.uuid4().hex}, token))
            begun = read_until(connection, b"data:")
            assert begun.startswith(b"HTTP/1.1 200") and b"data:" in begun
            rest = read_until(connection, b"never")
            assert not rest.endswith(b"0\r\n\r\n"), "cut, so that the caller sees that it is not whole"
        assert trail.records[0][REASON] == "token_expired"

    def test_a_stream_of_http2_ends_with_the_token(self, front, forge):
        token = forge.token("clinic", "basic", exp=int(time.time()) + 3)
        with Trail(front.bulkhead, "steered") as trail:
            done = subprocess.run(
                ["curl", "-sS", "-N", "--http2", "--max-time", "20", "--cacert", str(front.bulkhead.ca), "-H",
                 f"Authorization: Bearer {token}", "-H", "content-type: application/json", "-d",
                 json.dumps({"do": "gated", "name": uuid.uuid4().hex}),
                 f"https://localhost:{front.bulkhead.ports['steered']}/invocations"],
                capture_output=True, text=True, timeout=30)
        # 92: the stream was reset; 28 would be the time that curl gives it.
        assert done.returncode == 92 and "data:" in done.stdout, done
        assert trail.records[0][REASON] == "token_expired"

    def test_an_answer_that_does_not_come_is_a_refusal(self, front, forge):
        token = forge.token("clinic", "basic", exp=int(time.time()) + 3)
        body = b"{}"
        with Trail(front.bulkhead, "steered") as trail, front.steered.connect() as connection:
            connection.sendall(head("POST", "/invocations", [
                ("Authorization", f"Bearer {token}"), ("X-Test-Sink", uuid.uuid4().hex),
                ("Content-Type", "application/json")], body, "localhost"))
            answer = read_answer(connection)
        assert answer.status == 401 and answer.header("x-bulkhead-reason") == "token_expired"
        assert trail.records[0][REASON] == "token_expired"

    def test_a_tunnel_ends_with_the_token(self, front, forge):
        token = forge.token("clinic", "basic", exp=int(time.time()) + 3)

        async def go():
            context = ssl.create_default_context(cafile=str(front.bulkhead.ca))
            async with websockets.connect(
                    f"wss://localhost:{front.bulkhead.ports['ingress']}/ws", ssl=context,
                    additional_headers={"Authorization": f"Bearer {token}"}) as socket:
                await socket.send(json.dumps("hello"))
                assert json.loads(await socket.recv())["echo"] == "hello"
                with pytest.raises(websockets.exceptions.ConnectionClosed):
                    await asyncio.wait_for(socket.recv(), 15)

        with Trail(front.bulkhead, "ingress") as trail:
            asyncio.run(go())
        assert trail.records[0][REASON] == "token_expired"


class TestWebSocket:
    def talk(self, front, token, messages, **extra):
        async def go():
            context = ssl.create_default_context(cafile=str(front.bulkhead.ca))
            async with websockets.connect(
                    f"wss://localhost:{front.bulkhead.ports['ingress']}/ws", ssl=context,
                    additional_headers={"Authorization": f"Bearer {token}", **extra} if token else extra) as socket:
                replies = []
                for message in messages:
                    await socket.send(json.dumps(message))
                    replies.append(json.loads(await socket.recv()))
                return replies
        return asyncio.run(go())

    def test_messages_go_both_ways(self, front, ann):
        big = {"text": "y" * 200_000}
        replies = self.talk(front, ann, ["hello", big, {"n": 3}], **{"x-tenant-id": "hospital"})
        assert [r["echo"] for r in replies] == ["hello", big, {"n": 3}]
        assert replies[0]["headers"]["x-tenant-id"] == "clinic"
        assert ann not in json.dumps(replies)

    def test_without_a_token_there_is_no_tunnel(self, front):
        with pytest.raises(websockets.exceptions.InvalidStatus) as refusal:
            self.talk(front, None, ["hello"])
        assert refusal.value.response.status_code == 401

    def test_a_tunnel_leaves_one_record(self, front, ann):
        with Trail(front.bulkhead, "ingress") as trail:
            self.talk(front, ann, ["one", "bye"])
        assert trail.records[0][STATUS] == 101

    def test_only_websocket_is_a_tunnel(self, front, ann):
        answer = front.ingress.raw((
            "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: irc\r\n"
            f"Authorization: Bearer {ann}\r\n\r\n").encode())
        assert answer.status != 101


def settled(read, quiet=15):
    """Polls a number until it has not changed for so many readings in a row, and gives it."""
    last, same = read(), 0
    def still():
        nonlocal last, same
        now = read()
        same = same + 1 if now == last else 0
        last = now
        return same >= quiet
    wait_until("it comes to rest", still, seconds=30, every=0.05)
    return last


def test_a_caller_who_does_not_read_stops_the_agent(front, steered, ann):
    """Back-pressure: the agent would send for ever, and Bulkhead must not keep what nobody takes."""
    resident = front.bulkhead.process.resident_bytes()
    begun = steered.control("/flood")["bytes"]
    with front.steered.connect() as connection:
        connection.sendall(ask({"do": "flood"}, ann))
        wait_until("the flood begins", lambda: steered.control("/flood")["bytes"] > begun)
        sent = settled(lambda: steered.control("/flood")["bytes"]) - begun
        assert sent < 48 * MEBIBYTE, "the sockets' own buffers hold less than this"
        assert front.bulkhead.process.resident_bytes() - resident < 16 * MEBIBYTE
        # Reading makes it flow again.
        taken = 0
        while taken < 2 * sent + 8 * MEBIBYTE:
            taken += len(connection.recv(1 << 20))
        assert steered.control("/flood")["bytes"] - begun > sent
    stopped = settled(lambda: steered.control("/flood")["bytes"])
    assert steered.control("/flood")["bytes"] == stopped, "the agent's stream ends with the caller's"


def test_an_agent_that_does_not_read_stops_the_caller(front, steered, ann):
    gate, total = uuid.uuid4().hex, 96 * MEBIBYTE
    resident, sent = front.bulkhead.process.resident_bytes(), 0
    with front.steered.connect(timeout=30) as connection:
        connection.sendall(head("POST", "/invocations", [
            ("Authorization", f"Bearer {ann}"), ("X-Test-Sink", gate), ("Content-Length", str(total)),
            ("Content-Type", "application/json"), ("Connection", "close")], None, "localhost"))
        piece = b"z" * MEBIBYTE
        done = threading.Event()

        def pour():
            nonlocal sent
            while sent < total:
                connection.sendall(piece)
                sent += len(piece)
            done.set()

        thread = threading.Thread(target=pour, daemon=True)
        thread.start()
        assert settled(lambda: sent) < 48 * MEBIBYTE
        assert front.bulkhead.process.resident_bytes() - resident < 16 * MEBIBYTE
        steered.control(f"/gate/open?name={gate}")
        assert done.wait(60)
        answer = read_answer(connection)
    thread.join()
    assert (answer.status, answer.json()) == (200, {"bytes": total})


class TestDrain:
    """SIGTERM: nothing new, everything begun is finished, exit 0."""

    def test_a_stream_ends_properly(self, make_bulkhead, steered, ann):
        bulkhead = make_bulkhead("drain")
        caller = Caller(bulkhead.ports["steered"], bulkhead.ca)
        gate = uuid.uuid4().hex
        with caller.connect() as connection, caller.connect() as idle:
            connection.sendall(ask({"do": "gated", "name": gate}, ann))
            read_until(connection, b"data: first\n\n")
            bulkhead.process.signal(signal.SIGTERM)
            wait_until("no new connections", lambda: not accepts(bulkhead.ports["steered"]))
            assert not bulkhead.is_ready()
            assert idle.recv(1) == b""  # an idle connection is closed at once
            assert bulkhead.process.running()
            steered.control(f"/gate/open?name={gate}")
            assert b"data: second\n\n" in read_until(connection, b"0\r\n\r\n")
        assert bulkhead.process.wait() == 0
        assert len(bulkhead.records(**{TENANT: "clinic", STATUS: 200})) == 1

    def test_a_drain_has_an_end(self, make_bulkhead, ann):
        bulkhead = make_bulkhead("drain-short", {"limits": {"drain_timeout": "500ms"}})
        caller = Caller(bulkhead.ports["steered"], bulkhead.ca)
        with caller.connect() as connection:
            connection.sendall(ask({"do": "gated", "name": "never"}, ann))
            read_until(connection, b"data: first\n\n")
            begun = time.monotonic()
            bulkhead.process.signal(signal.SIGTERM)
            bulkhead.process.wait(15)
            assert time.monotonic() - begun < 10
        assert len(bulkhead.records()) == 1

    def test_health_says_alive_until_the_end(self, make_bulkhead):
        bulkhead = make_bulkhead("health")
        assert answers(bulkhead.admin_port, "/healthz")
        bulkhead.process.signal(signal.SIGTERM)
        assert bulkhead.process.wait() == 0
