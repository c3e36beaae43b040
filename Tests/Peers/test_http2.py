# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 from callers: by curl, nghttp and h2load, and frame by frame by a peer that nobody here wrote."""

import json
import signal
import subprocess
import time
import uuid

import pytest
from harness.bulkhead import Trail
from harness.http2 import Peer
from harness.names import STATUS
from harness.process import wait_until
from hyperframe import frame as frames


@pytest.fixture
def peer(front):
    with Peer(front.bulkhead.ports["steered"], front.bulkhead.ca) as peer:
        yield peer


def ask(payload):
    return json.dumps(payload).encode()


class TestRequests:
    def test_a_request_and_its_answer(self, front, ann, peer):
        with Trail(front.bulkhead, "steered") as trail:
            answer = peer.answer(peer.post("/invocations", ask({"do": "headers", "n": 1}), ann))
            assert answer.status == 200 and json.loads(answer.body)["body"]["n"] == 1
        assert trail.records[0][STATUS] == 200

    def test_the_agent_sees_what_http1_would_show_it(self, front, ann, peer):
        answer = peer.answer(peer.post("/invocations", ask({"do": "headers"}), ann, [("X-Custom".lower(), "1"), ("cookie", "a=1"), ("cookie", "b=2")]))
        seen = json.loads(answer.body)
        fields = {name.lower(): value for name, value in seen["headers"]}
        assert seen["line"] == "POST /invocations HTTP/1.1"
        assert fields["x-tenant-id"] == "clinic" and fields["host"].startswith("127.0.0.1")
        assert ann not in answer.body.decode()
        by_http1 = front.steered.invoke({"do": "headers"}, ann, {"x-custom": "1", "cookie": "a=1; b=2"}).json()
        names = lambda seen: sorted(name.lower() for name, _ in seen["headers"])  # noqa: E731
        assert names(seen) == names(by_http1)

    def test_many_at_once_on_one_connection(self, front, ann, bob, peer):
        with Trail(front.bulkhead, "steered", 60):
            numbers = [peer.post("/invocations", ask({"do": "headers", "n": n}), ann if n % 2 else bob) for n in range(60)]
            for n, number in enumerate(numbers):
                answer = peer.answer(number)
                seen = json.loads(answer.body)
                assert answer.status == 200 and seen["body"]["n"] == n
                tenant = {name.lower(): value for name, value in seen["headers"]}["x-tenant-id"]
                assert tenant == ("clinic" if n % 2 else "hospital")

    def test_an_event_leaves_before_the_next_is_made(self, ann, peer, steered):
        gate = uuid.uuid4().hex
        number = peer.post("/invocations", ask({"do": "gated", "name": gate}), ann)
        peer.until(lambda: b"data: first\n\n" in peer.stream(number).body)
        assert b"second" not in peer.stream(number).body
        steered.control(f"/gate/open?name={gate}")
        assert b"data: second\n\n" in peer.answer(number).body

    def test_one_stream_that_waits_holds_up_no_other(self, ann, peer, steered):
        gate = uuid.uuid4().hex
        slow = peer.post("/invocations", ask({"do": "gated", "name": gate}), ann)
        assert peer.answer(peer.post("/invocations", ask({"do": "headers"}), ann)).status == 200
        assert not peer.stream(slow).is_over
        steered.control(f"/gate/open?name={gate}")
        assert b"second" in peer.answer(slow).body

    def test_refusals_carry_their_reason(self, front, peer):
        with Trail(front.bulkhead, "steered") as trail:
            answer = peer.answer(peer.post("/invocations", b"{}"))
            assert answer.status == 401 and answer.field("x-bulkhead-reason") == "token_missing"
        assert trail.records[0]["error.type"] == "token_missing"

    @pytest.mark.parametrize("fields, status, reason", [
        ({"path": "/a/../b"}, 400, "target_dot_segment"),
        ({"path": "/ping\r\nx: y"}, 400, "target_control_byte"),
        ({"path": "/pi ng"}, 400, "target_invalid_byte"),
        ({"path": "https://other.example/"}, 400, "target_form_not_supported"),
        ({"authority": "a b"}, 400, "authority_invalid"),
        ({"method": "TRACE"}, 501, "trace_not_supported"),
        ({"method": "BREW"}, 501, "method_not_supported"),
    ])
    def test_heads_that_are_none_are_answered(self, front, peer, fields, status, reason):
        with Trail(front.bulkhead, "steered") as trail:
            answer = peer.answer(peer.head(peer.fields(**fields)))
            assert answer.status == status and answer.field("x-bulkhead-reason") == reason
        assert trail.records[0]["error.type"] == reason

    @pytest.mark.parametrize("extra, reason", [
        ([("x-test", "a\r\nx-tenant-id: hospital")], "invalid_field_value"),
        ([("x-test", "a\0")], "invalid_field_value"),
        ([("x test", "a")], "invalid_field_name"),
        ([("X-Test", "a")], "invalid_field_name"),
        ([("transfer-encoding", "chunked")], "connection_field"),
        ([("connection", "x-test")], "connection_field"),
        ([("upgrade", "h2c")], "connection_field"),
        ([("te", "gzip")], "invalid_te"),
        ([("host", "other.example")], "host_mismatch"),
        ([("content-length", "1"), ("content-length", "1")], "repeated_content_length"),
    ])
    def test_what_would_smuggle_is_reset_and_recorded(self, front, steered, peer, extra, reason):
        before = steered.control("/stats")["requests"]
        with Trail(front.bulkhead, "steered") as trail:
            answer = peer.answer(peer.head(peer.fields(extra=extra)))
            assert answer.reset == 1 and answer.status is None
        assert trail.records[0]["error.type"] == reason
        assert steered.control("/stats")["requests"] == before

    def test_a_body_longer_than_it_says(self, front, ann, peer, steered):
        stream = peer.head(peer.fields("POST", "/invocations", extra=[
            ("authorization", f"Bearer {ann}"), ("content-type", "application/json"), ("content-length", "2")]), end=False)
        peer.data(stream, b"{}{}", end=True)
        assert peer.answer(stream).reset == 1

    def test_another_name_than_the_handshakes(self, make_bulkhead, front, ann):
        certificate = {"certificate": "tls/tls.crt", "private_key": "tls/tls.key"}
        listeners = [dict(listener) for listener in front.bulkhead.configuration["listeners"]]
        for listener in listeners:
            if listener["name"] == "steered":
                listener["tls"] = {"certificates": [certificate, certificate]}
        bulkhead = make_bulkhead("misdirected", {"listeners": listeners})
        with Peer(bulkhead.ports["steered"], bulkhead.ca) as peer:
            assert peer.answer(peer.head(peer.fields(authority="localhost"))).status != 421
            assert peer.answer(peer.head(peer.fields(authority="agent.example"))).status == 421


class TestFlow:
    def test_expect_100_continue(self, ann, peer):
        fields = [("authorization", f"Bearer {ann}"), ("content-type", "application/json"), ("content-length", "2"), ("expect", "100-continue")]
        stream = peer.head(peer.fields("POST", "/invocations", extra=fields), end=False)
        peer.until(lambda: any(frame.stream_id == stream for frame in peer.seen))
        assert peer.stream(stream).status is None
        peer.data(stream, b"{}", end=True)
        assert peer.answer(stream).status == 200

    def test_a_large_body_both_ways(self, front, ann):
        for size in (1 << 20, 3 << 20):
            body = json.dumps({"do": "echo", "filling": "x" * size})
            out = subprocess.run(
                ["curl", "-sS", "--http2", "--cacert", front.bulkhead.ca, "-H", f"Authorization: Bearer {ann}",
                 "-H", "Content-Type: application/json", "--data-binary", "@-", "-w", "\n%{http_version} %{http_code}",
                 f"https://localhost:{front.bulkhead.ports['ingress']}/invocations"],
                input=body, capture_output=True, text=True, timeout=60, check=True).stdout
            answer, verdict = out.rsplit("\n", 1)
            assert verdict == "2 200"
            assert json.loads(answer)["payload"]["filling"] == "x" * size

    def test_a_caller_that_does_not_read_stops_the_agent(self, ann, peer, steered):
        peer.auto_window = False
        before = steered.control("/flood")["bytes"]
        number = peer.post("/invocations", ask({"do": "flood"}), ann)
        peer.until(lambda: len(peer.stream(number).body) >= 65535)
        # Other streams have the connection's window no more, but heads need none.
        refused = peer.head(peer.fields("POST", "/invocations", extra=[("content-length", "0")]))
        peer.until(lambda: peer.stream(refused).status is not None)
        assert peer.stream(refused).status == 401
        seen = [steered.control("/flood")["bytes"] for _ in range(20)]
        assert seen[-1] - before < 16 << 20 and seen[-1] == seen[-2]
        peer.send(frames.RstStreamFrame(number, error_code=8))

    def test_an_agent_that_does_not_read_stops_the_caller(self, front, ann, peer, steered):
        gate = uuid.uuid4().hex
        stream = peer.head(peer.fields("POST", "/invocations", extra=[
            ("authorization", f"Bearer {ann}"), ("content-type", "application/json"), ("x-test-sink", gate)]), end=False)
        peer.until(lambda: peer.acknowledged)
        sent = 0
        for _ in range(4):
            peer.data(stream, b"x" * 16000)
            sent += 16000
        steered.control(f"/gate/open?name={gate}")
        peer.data(stream, b"", end=True)
        assert json.loads(peer.answer(stream).body)["bytes"] == sent


class TestFloods:
    """Each ends with GOAWAY and ENHANCE_YOUR_CALM, is counted, and costs nobody else anything."""

    @pytest.mark.parametrize("kind, opening, attack", [
        ("resets", lambda peer: None, lambda peer, n: peer.take_back(n * 2 + 1)),
        ("pings", lambda peer: None, lambda peer, n: peer.send(frames.PingFrame(0, opaque_data=b"12345678"))),
        ("settings", lambda peer: None, lambda peer, n: peer.send(frames.SettingsFrame(0))),
        ("continuations", lambda peer: peer.head(peer.fields(), whole=False),
         lambda peer, n: peer.send(frames.ContinuationFrame(1, data=peer.block([("x", "y")])))),
        ("empty_frames", lambda peer: peer.head(peer.fields("POST"), end=False),
         lambda peer, n: peer.send(frames.DataFrame(1))),
        ("other_frames", lambda peer: None, lambda peer, n: peer.send(frames.PriorityFrame(1, depends_on=3))),
        ("window_updates", lambda peer: peer.head(peer.fields("POST"), end=False),
         lambda peer, n: peer.send(frames.WindowUpdateFrame(1, window_increment=1))),
    ])
    def test_flood(self, front, kind, opening, attack):
        before = front.bulkhead.metric("bulkhead_http2_floods_total", kind=kind)
        with Peer(front.bulkhead.ports["steered"], front.bulkhead.ca) as peer:
            peer.until(lambda: peer.acknowledged)
            opening(peer)
            for n in range(3000):
                if n % 10 == 0:
                    peer.glance()
                if peer.goaway:
                    break
                attack(peer, n)
            peer.until(lambda: peer.goaway is not None)
            assert peer.goaway == 11
        assert front.bulkhead.metric("bulkhead_http2_floods_total", kind=kind) == before + 1

    def test_the_first_frame_must_be_settings(self, front):
        with Peer(front.bulkhead.ports["steered"], front.bulkhead.ca, greet=False) as peer:
            peer.raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            peer.send(frames.PingFrame(0, opaque_data=b"12345678"))
            peer.until(lambda: peer.goaway is not None)
            assert peer.goaway == 1

    def test_a_number_below_one_that_was_used(self, peer):
        peer.head(peer.fields(), stream=5)
        peer.head(peer.fields(), stream=3)
        peer.until(lambda: peer.goaway is not None)
        assert peer.goaway == 1


    def test_a_head_that_does_not_end(self, make_bulkhead, steered, ann):
        """Its deadline is its own: an answer that is under way on the same connection does not put it off."""
        bulkhead = make_bulkhead("http2-slow-head", {"limits": {"head_timeout": "500ms"}})
        gate = uuid.uuid4().hex
        with Trail(bulkhead, "steered") as trail, Peer(bulkhead.ports["steered"], bulkhead.ca) as peer:
            number = peer.post("/invocations", ask({"do": "gated", "name": gate}), ann)
            peer.until(lambda: b"first" in peer.stream(number).body)
            peer.head(peer.fields(), whole=False)
            peer.until(lambda: peer.goaway is not None)
            assert peer.goaway == 11 and not peer.stream(number).is_over
        assert trail.records[0]["error.type"] == "http2_flood_slow_heads"
        assert bulkhead.metric("bulkhead_http2_floods_total", kind="slow_heads") == 1
        steered.control(f"/gate/open?name={gate}")

    def test_an_idle_connection_has_all_of_its_time(self, make_bulkhead):
        """How long it was idle before does not count against a caller who then lets an answer wait."""
        bulkhead = make_bulkhead("http2-idle", {"limits": {"body_timeout": "1s"}})
        with Peer(bulkhead.ports["steered"], bulkhead.ca, settings={4: 0}) as peer:
            peer.until(lambda: peer.acknowledged)
            idle = time.monotonic()
            wait_until("it was idle for longer", lambda: time.monotonic() > idle + 1.2)
            number = peer.head(peer.fields())
            peer.until(lambda: peer.stream(number).status)
            # A turn of the worker's, in which the timer would come.
            peer.send(frames.PingFrame(0, opaque_data=b"12345678"))
            peer.until(lambda: peer.pings)
            peer.send(frames.WindowUpdateFrame(number, window_increment=65535))
            assert peer.answer(number).ended and not peer.closed

    def test_heads_of_another_are_not_late(self, make_bulkhead, steered, ann):
        """Many heads, each cut in two where a read ends, are not one that does not end."""
        bulkhead = make_bulkhead("http2-cut-heads", {"limits": {"head_timeout": "1s"}})
        for _ in range(5):
            with Peer(bulkhead.ports["steered"], bulkhead.ca) as peer:
                if self.cut_heads(peer) < 0.5:
                    return
        pytest.skip("this machine is too busy to send a head in half a second")

    @staticmethod
    def cut_heads(peer):
        """For longer than one head may take. Gives the longest time that one took; beyond half a second nothing was judged."""
        # From here on nothing is sent but what stands below: it would land within a head.
        peer.until(lambda: peer.acknowledged)
        peer.auto_window = False
        peer.send(frames.WindowUpdateFrame(0, window_increment=1 << 24))
        began = since = time.monotonic()
        held, longest = b"", 0
        while time.monotonic() < began + 1.3:
            frame = frames.HeadersFrame(peer.next, data=peer.block(peer.fields()), flags=["END_HEADERS", "END_STREAM"]).serialize()
            peer.raw(held + frame[:20])
            held, last, peer.next = frame[20:], peer.next, peer.next + 2
            longest, since = max(longest, time.monotonic() - since), time.monotonic()
            if longest > 0.5:
                return longest
            if last > 1:
                answer = peer.answer(last - 2)
                longest = max(longest, time.monotonic() - since)
                assert answer.status == 401 or longest > 0.5, (peer.goaway, answer.reset)
        peer.raw(held)
        longest = max(longest, time.monotonic() - since)
        assert peer.answer(last).status == 401 and peer.goaway is None or longest > 0.5
        return longest


class TestCleartext:
    def test_prior_knowledge(self, front, ann):
        out = subprocess.run(
            ["curl", "-sS", "--http2-prior-knowledge", "-H", f"Authorization: Bearer {ann}", "-w", " %{http_version} %{http_code}",
             f"http://127.0.0.1:{front.bulkhead.ports['notes']}/notes/none"], capture_output=True, text=True, timeout=20, check=True).stdout
        assert out.split()[-2] == "2", out

    def test_an_upgrade_to_h2c_is_refused(self, front):
        out = subprocess.run(
            ["curl", "-sS", "--http2", "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
             f"http://127.0.0.1:{front.bulkhead.ports['notes']}/notes/none"], capture_output=True, text=True, timeout=20, check=True).stdout
        assert out == "1.1 400"

    def test_nghttp(self, front):
        out = subprocess.run(["nghttp", "-v", f"http://127.0.0.1:{front.bulkhead.ports['notes']}/notes/none"],
                             capture_output=True, text=True, timeout=20, check=True).stdout
        assert ":status: 401" in out and "x-bulkhead-reason: token_missing" in out


def test_ten_thousand_requests_multiplexed(front, ann, run):
    body = run / "h2load.json"
    body.write_text(json.dumps({"do": "headers"}))
    with Trail(front.bulkhead, "steered", 10_000):
        out = subprocess.run(
            ["h2load", "-n", "10000", "-c", "4", "-m", "50", "-d", body, "-H", f"authorization: Bearer {ann}",
             "-H", "content-type: application/json", f"https://127.0.0.1:{front.bulkhead.ports['steered']}/invocations"],
            capture_output=True, text=True, timeout=240).stdout
        assert "10000 succeeded, 0 failed, 0 errored" in out and "2xx, 0 3xx, 0 4xx, 0 5xx" in out, out


class TestWebSocket:
    """RFC 8441: the agent's side is HTTP/1.1 and knows nothing of it."""

    def connect(self, peer, token, protocol="websocket"):
        extra = [("sec-websocket-version", "13")] + ([("authorization", f"Bearer {token}")] if token else [])
        head = [(":method", "CONNECT"), (":protocol", protocol), (":scheme", "https"), (":path", "/ws"), (":authority", "localhost")]
        return peer.head(head + extra, end=False)

    @staticmethod
    def text(value):
        """One masked text frame (RFC 6455 §5.2)."""
        data = json.dumps(value).encode()
        size = bytes([128 | len(data)]) if len(data) < 126 else bytes([128 | 126]) + len(data).to_bytes(2, "big")
        return b"\x81" + size + b"\0\0\0\0" + data

    def test_messages_go_both_ways(self, front, ann):
        with Peer(front.bulkhead.ports["ingress"], front.bulkhead.ca) as peer, Trail(front.bulkhead, "ingress") as trail:
            number = self.connect(peer, ann)
            # What comes before the answer waits for it.
            peer.data(number, self.text("early"))
            stream = peer.stream(number)
            peer.until(lambda: b'"early"' in stream.body)
            assert stream.status == 200 and stream.field("sec-websocket-accept") is None
            peer.data(number, self.text("bye"))
            peer.until(lambda: b'"bye"' in stream.body)
            peer.data(number, b"\x88\x80\0\0\0\0")
            peer.until(lambda: stream.is_over)
            assert stream.reset in (None, 0)
            assert ann.encode() not in stream.body and b"clinic" in stream.body
        assert trail.records[0][STATUS] == 101

    def test_without_a_token_there_is_no_tunnel(self, front):
        with Peer(front.bulkhead.ports["ingress"], front.bulkhead.ca) as peer:
            assert peer.answer(self.connect(peer, None)).status == 401

    def test_no_other_protocol(self, front, ann):
        with Peer(front.bulkhead.ports["ingress"], front.bulkhead.ca) as peer:
            assert peer.answer(self.connect(peer, ann, "connect-udp")).status == 501

    def test_no_tunnel_where_the_route_has_none(self, ann, peer):
        assert peer.answer(self.connect(peer, ann)).status in (403, 404)


class TestEndings:
    def test_a_drain_lets_streams_end(self, make_bulkhead, steered, ann):
        bulkhead = make_bulkhead("http2-drain", {"limits": {"drain_timeout": "20s"}})
        gate = uuid.uuid4().hex
        with Peer(bulkhead.ports["steered"], bulkhead.ca) as peer:
            number = peer.post("/invocations", ask({"do": "gated", "name": gate}), ann)
            peer.until(lambda: b"first" in peer.stream(number).body)
            bulkhead.process.process.send_signal(signal.SIGTERM)
            peer.until(lambda: peer.goaway is not None)
            assert peer.goaway == 0 and not peer.stream(number).is_over
            steered.control(f"/gate/open?name={gate}")
            assert b"second" in peer.answer(number).body and peer.stream(number).ended
            peer.until(lambda: peer.closed)
        assert bulkhead.process.process.wait(10) == 0

    def test_a_caller_that_leaves_is_recorded(self, front, steered, ann):
        with Trail(front.bulkhead, "steered", 3) as trail:
            with Peer(front.bulkhead.ports["steered"], front.bulkhead.ca) as peer:
                gates = [uuid.uuid4().hex for _ in range(2)]
                numbers = [peer.post("/invocations", ask({"do": "gated", "name": gate}), ann) for gate in gates]
                peer.until(lambda: all(b"first" in peer.stream(number).body for number in numbers))
                peer.send(frames.RstStreamFrame(numbers[0], error_code=8))
                assert peer.answer(peer.head(peer.fields(path="/nowhere"))).status in (401, 404)
        assert {record["error.type"] for record in trail.records if record["error.type"] == "caller_gone"} == {"caller_gone"}

    def test_an_agent_that_breaks_off_resets_the_stream_alone(self, ann, peer):
        broken = peer.post("/invocations", ask({"do": "raw", "bytes": "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", "close": True}), ann)
        answer = peer.answer(broken)
        assert answer.reset == 2 and not answer.ended
        assert peer.answer(peer.post("/invocations", ask({"do": "headers"}), ann)).status == 200
