# SPDX-License-Identifier: Apache-2.0
"""WebSockets between HTTP/1.1 and HTTP/2 (RFC 8441) in all four pairs: by a library's client and server with nghttpx where HTTP/2 is
spoken, and frame by frame where an upstream misbehaves."""

import json
import signal
import shutil
import socket
import subprocess
import threading

import pytest
import websockets.exceptions
from harness.bulkhead import ROOT, Trail
from harness.client import read_answer
from harness.http2 import LOOPBACK, Peer
from harness.names import REASON, STATUS
from harness.process import Owned, accepts, free_port, wait_until
from harness.tunnels import Echo, Frames, Wire, call, nghttpx

pytestmark = pytest.mark.skipif(not shutil.which("nghttpx"), reason="nghttpx is not installed")
MEBIBYTE = 1 << 20
PAIRS = [(caller, upstream) for caller in ("http1", "http2") for upstream in ("http1", "http2")]
NGINX = """
daemon off; worker_processes 1; pid nginx.pid; error_log nginx.log warn;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {tls}/tls.crt; ssl_certificate_key {tls}/tls.key;
    location / {{
      proxy_pass http://127.0.0.1:{echo}; proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";
    }}
  }}
}}
"""


class Odd:
    """Speaks HTTP/1.1, grants whatever is asked for, and answers no key."""

    def __init__(self):
        self.listener = socket.create_server((LOOPBACK, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                data = b""
                while b"\r\n\r\n" not in data and (more := connection.recv(65536)):
                    data += more
                connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                   b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n")


@pytest.fixture(scope="module")
def tls(run):
    folder = run / "tunnels-keys"
    subprocess.run(["bash", str(ROOT / "Deploy" / "keys.sh"), str(folder), "localhost"], check=True)
    return folder / "tls"


@pytest.fixture(scope="module")
def echo():
    server = Echo()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def upstreams(run, echo, tls):
    """What each listener of the same name leads to."""
    folder = run / "tunnels-upstreams"
    folder.mkdir()
    port = free_port()
    (folder / "nginx.conf").write_text(NGINX.format(port=port, tls=tls, echo=echo.port))
    nginx = Owned("nginx", ["nginx", "-p", folder, "-c", folder / "nginx.conf"], folder / "nginx.out")
    nginx.await_ready(lambda: accepts(port))
    clear = nghttpx(folder, "nghttpx-clear", f"{LOOPBACK},{echo.port}")
    secure = nghttpx(folder, "nghttpx-secure", f"{LOOPBACK},{echo.port}", tls)
    made = {"http1": echo, "http2": clear, "auto": secure, "older": nginx, "frames": Frames(), "bare": Frames(connects=False),
            "silent": Frames(greets=False), "odd": Odd()}
    nginx.port = port
    yield made
    for server in (nginx, clear, secure):
        server.stop()
    for name in ("frames", "bare", "silent"):
        made[name].stop()
    made["odd"].listener.close()


@pytest.fixture(scope="module")
def configuration(upstreams, tls):
    protocols = {"http1": "http1", "odd": "http1", "auto": "auto", "older": "auto"}
    return {
        "listeners": [{"name": name, "carriers": ["bearer"], "routes": [name]} for name in upstreams],
        "upstreams": {name: {"endpoints": [f"localhost:{server.port}"], "protocol": protocols.get(name, "http2"),
                             **({"tls": {"ca": str(tls / "ca.crt")}} if name in ("auto", "older") else {})}
                      for name, server in upstreams.items()},
        "routes": [{"name": name, "match": {"paths": ["/invocations", "/ping", "/ws"]}, "adapter": "agentcore-runtime",
                    "resource": f'Agent::"{name}"', "upstream": name, "credentials": "context", "websocket": True}
                   for name in upstreams]}


@pytest.fixture(scope="module")
def bulkhead(make_bulkhead, configuration):
    return make_bulkhead("tunnels", configuration)


@pytest.fixture(scope="module")
def ports(run, bulkhead):
    """Where a caller of the library's goes: to Bulkhead itself, or to what speaks HTTP/2 with it."""
    folder = run / "tunnels-callers"
    folder.mkdir()
    fronts = {name: nghttpx(folder, f"caller-{name}", f"{LOOPBACK},{bulkhead.ports[name]};;proto=h2") for name in ("http1", "http2")}
    yield {("http1", name): bulkhead.ports[name] for name in fronts} | {("http2", name): front.port for name, front in fronts.items()}
    for front in fronts.values():
        front.stop()


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0]}-to-{pair[1]}")
def pair(request):
    return request.param


def refused(port, token, answer):
    """What a caller is told who gets no tunnel: the status, and the text."""
    with pytest.raises(websockets.exceptions.InvalidStatus) as refusal:
        call(port, token, headers={"X-Answer": str(answer)})
    return refusal.value.response.status_code, refusal.value.response.body


class TestPairs:
    def test_messages_go_both_ways(self, bulkhead, ports, pair, ann):
        with Trail(bulkhead, pair[1]) as trail:
            with call(ports[pair], ann) as tunnel:
                tunnel.send("who")
                seen = {name.lower(): value for name, value in json.loads(tunnel.recv(10)).items()}
                assert seen["x-tenant-id"] == "clinic" and ann not in json.dumps(seen)
                for message in ("hello", "y" * 300_000, b"\0\1", ""):
                    tunnel.send(message)
                    assert tunnel.recv(10) == message
        assert trail.records[0][STATUS] == 101

    def test_the_closing_words_go_both_ways(self, echo, ports, pair, ann):
        # Others of before may end late.
        echo.closed.clear()
        with call(ports[pair], ann) as tunnel:
            tunnel.close(4001, f"bye of {pair}")
        wait_until("the agent hears it", lambda: (4001, f"bye of {pair}") in echo.closed)
        with call(ports[pair], ann) as tunnel:
            tunnel.send("leave")
            with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
                tunnel.recv(10)
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4002, "enough")

    def test_a_refusal_with_its_body(self, bulkhead, ports, pair, ann):
        with Trail(bulkhead, pair[1]) as trail:
            status, body = refused(ports[pair], ann, 403)
            assert status == 403 and b"no tunnel here" in body
        assert trail.records[0][STATUS] == 403

    @pytest.mark.parametrize("caller, status", [("http1", 200), ("http2", 502)])
    def test_an_answer_that_is_no_tunnel(self, ports, ann, caller, status):
        """In HTTP/1.1 an upstream may answer as if nothing more than GET had been asked for. Said in HTTP/2 it would be a grant."""
        answered, body = refused(ports[caller, "http1"], ann, 200)
        assert answered == status and (b"no tunnel here" in body) == (status == 200)

    def test_without_a_token_there_is_none(self, ports, pair):
        with pytest.raises(websockets.exceptions.InvalidStatus) as refusal:
            call(ports[pair], None)
        assert refusal.value.response.status_code == 401

    def test_a_caller_who_does_not_read_stops_the_agent(self, bulkhead, echo, ports, pair, ann):
        resident, begun = bulkhead.process.resident_bytes(), echo.flooded
        with call(ports[pair], ann, compression=None) as tunnel:
            tunnel.send("flood")
            wait_until("the flood begins", lambda: echo.flooded > begun)
            sent = settled(lambda: echo.flooded) - begun
            assert sent < 64 * MEBIBYTE and bulkhead.process.resident_bytes() - resident < 16 * MEBIBYTE
            taken = 0
            while taken < sent + 2 * MEBIBYTE:
                taken += len(tunnel.recv(10))
            tunnel.socket.shutdown(socket.SHUT_RDWR)

    def test_an_agent_that_does_not_read_stops_the_caller(self, bulkhead, echo, ports, pair, ann):
        resident, total, sent = bulkhead.process.resident_bytes(), 96 * MEBIBYTE, 0
        echo.gate.clear()
        with call(ports[pair], ann, compression=None) as tunnel:
            tunnel.send("hold")

            def pour():
                nonlocal sent
                while sent < total:
                    tunnel.send(bytes(MEBIBYTE // 2))
                    sent += MEBIBYTE // 2
                tunnel.send("total")

            thread = threading.Thread(target=pour, daemon=True)
            thread.start()
            assert settled(lambda: sent) < 64 * MEBIBYTE
            assert bulkhead.process.resident_bytes() - resident < 16 * MEBIBYTE
            echo.gate.set()
            assert tunnel.recv(60) == str(total)
            thread.join(10)


def settled(read, quiet=10):
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


class TestChosen:
    def test_an_upstream_that_takes_them_in_http2(self, bulkhead, ann):
        before = bulkhead.metric("bulkhead_upstream_http2_connections_total")
        with call(bulkhead.ports["auto"], ann) as tunnel:
            tunnel.send("hello")
            assert tunnel.recv(10) == "hello"
        assert bulkhead.metric("bulkhead_upstream_http2_connections_total") == before + 1

    def test_one_that_does_not_gets_http1(self, bulkhead, ann):
        """nginx speaks HTTP/2 and does not take WebSockets there. Which of the two workers learns it first is a matter of luck."""
        for _ in range(4):
            with call(bulkhead.ports["older"], ann) as tunnel:
                tunnel.send("hello")
                assert tunnel.recv(10) == "hello"

    def test_one_that_has_nothing_else_is_told(self, bulkhead, upstreams, ann):
        for _ in range(3):
            with Trail(bulkhead, "bare") as trail, Wire(bulkhead.ports["bare"], ann) as wire:
                status, fields = wire.head()
                assert status == 502 and fields["x-bulkhead-reason"] == "upstream_takes_no_websocket"
            assert trail.records[0][REASON] == "upstream_takes_no_websocket"
        assert upstreams["bare"].heads == [], "it was not even asked"

    def test_one_that_does_not_say_in_time(self, make_bulkhead, configuration, ann):
        upstream = configuration["upstreams"]["silent"] | {"timeouts": {"connect": "300ms"}}
        bulkhead = make_bulkhead("tunnels-silent", {**configuration, "upstreams": {**configuration["upstreams"], "silent": upstream}})
        with Wire(bulkhead.ports["silent"], ann) as wire:
            status, fields = wire.head()
            assert status == 502 and fields["x-bulkhead-reason"] == "upstream_unreachable"
        bulkhead.stop()


class TestUpstreams:
    """Frame by frame: what an upstream of HTTP/2 is sent, and what becomes of what it says."""

    @pytest.fixture
    def frames(self, upstreams):
        upstreams["frames"].play("grant")
        return upstreams["frames"]

    @pytest.fixture
    def wire(self, bulkhead, ann):
        with Wire(bulkhead.ports["frames"], ann) as wire:
            yield wire

    def connect(self, peer, token):
        fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/ws"), (":authority", "localhost"),
                  ("sec-websocket-version", "13"), ("authorization", f"Bearer {token}")]
        return peer.head(fields, end=False)

    def test_what_it_is_asked(self, frames, wire):
        status, fields = wire.head()
        assert status == 101 and fields["sec-websocket-accept"] == Wire.ACCEPT and fields["upgrade"] == "websocket"
        asked = frames.heads[0]
        assert asked[":method"] == "CONNECT" and asked[":protocol"] == "websocket" and asked[":path"] == "/ws"
        assert asked[":scheme"] == "http" and asked["sec-websocket-version"] == "13" and asked["x-tenant-id"] == "clinic"
        assert not {"sec-websocket-key", "connection", "upgrade", "host", "content-length"} & set(asked)

    @pytest.mark.parametrize("script", ["200 end", "200 content-length=5 body end", "200 content-length=0", "204 end", "201", "206 body"])
    def test_what_is_no_grant(self, bulkhead, upstreams, ann, script):
        frames = upstreams["frames"]
        frames.play(script)
        with Trail(bulkhead, "frames", 2) as trail:
            with Wire(bulkhead.ports["frames"], ann, early=b"early") as wire:
                status, fields = wire.head()
                assert status == 502 and fields["x-bulkhead-reason"] == "websocket_not_granted"
            with Peer(bulkhead.ports["frames"]) as peer:
                stream = self.connect(peer, ann)
                peer.data(stream, b"early")
                assert peer.answer(stream).status == 502
        assert {record[REASON] for record in trail.records} == {"websocket_not_granted"}
        assert frames.said == b"", "nothing goes through what is no tunnel"

    def test_there_is_no_101_in_http2(self, bulkhead, upstreams, ann):
        upstreams["frames"].play("101")
        with Wire(bulkhead.ports["frames"], ann) as wire:
            status, fields = wire.head()
            assert status == 502 and fields["x-bulkhead-reason"] == "invalid_response"

    def test_a_refusal_with_a_body(self, bulkhead, upstreams, ann):
        upstreams["frames"].play("403 content-type=text/plain body end")
        with Wire(bulkhead.ports["frames"], ann, early=b"early") as wire:
            answer = read_answer(wire.socket)
            assert answer.status == 403 and answer.body == b"words"
        assert upstreams["frames"].said == b""

    def test_a_reset_is_seen_as_one(self, bulkhead, upstreams, ann):
        upstreams["frames"].play("200 body reset")
        with Trail(bulkhead, "frames", 2) as trail:
            with Wire(bulkhead.ports["frames"], ann) as wire:
                assert wire.head()[0] == 101
                assert wire.rest() in (b"", b"words")
            with Peer(bulkhead.ports["frames"]) as peer:
                stream = peer.stream(self.connect(peer, ann))
                peer.until(lambda: stream.is_over)
                # The reset may overtake the grant, if both come at once.
                assert stream.status in (None, 200) and stream.reset == 8 and not stream.ended
        assert all(record[STATUS] == 101 and record[REASON] for record in trail.records)

    def test_the_last_words_of_an_upstream(self, bulkhead, upstreams, ann):
        upstreams["frames"].play("200 body end")
        with Wire(bulkhead.ports["frames"], ann) as wire:
            assert wire.head()[0] == 101 and wire.rest() == b"words"
        with Peer(bulkhead.ports["frames"]) as peer:
            stream = peer.stream(self.connect(peer, ann))
            peer.until(lambda: stream.is_over)
            assert (stream.status, stream.body, stream.ended) == (200, b"words", True)

    def test_the_last_words_of_a_caller(self, frames, wire):
        """Said and ended in one breath."""
        assert wire.head()[0] == 101
        wire.socket.sendall(b"last words")
        wire.socket.shutdown(socket.SHUT_WR)
        wire.rest()
        wait_until("the upstream has them", lambda: frames.ends)
        assert frames.said == b"last words" and frames.ends == ["end"]

    def test_the_last_words_of_a_stream(self, bulkhead, frames, ann):
        with Peer(bulkhead.ports["frames"]) as peer:
            number = self.connect(peer, ann)
            stream = peer.stream(number)
            peer.until(lambda: stream.status)
            peer.data(number, b"last words", end=True)
            peer.until(lambda: stream.is_over)
            wait_until("the upstream has them", lambda: frames.ends)
        assert frames.said == b"last words" and frames.ends == ["end"]

    def test_a_caller_that_breaks_off(self, bulkhead, frames, ann):
        with Peer(bulkhead.ports["frames"]) as peer:
            number = self.connect(peer, ann)
            peer.until(lambda: peer.stream(number).status)
        wait_until("the upstream is told", lambda: frames.ends)
        assert frames.ends == [8]

    def test_early_words_wait_for_the_grant(self, bulkhead, frames, ann):
        with Wire(bulkhead.ports["frames"], ann, early=b"early") as wire:
            assert wire.head()[0] == 101 and wire.read(5) == b"early"
        with Peer(bulkhead.ports["frames"]) as peer:
            number = self.connect(peer, ann)
            peer.data(number, b"early")
            peer.until(lambda: peer.stream(number).body == b"early")

    def test_tenants_share_no_connection(self, bulkhead, frames, ann, bob):
        tunnels = [Wire(bulkhead.ports["frames"], token) for token in (ann, bob, ann, bob)]
        assert [tunnel.head()[0] for tunnel in tunnels] == [101] * 4
        links = {}
        for head, link in zip(frames.heads, frames.links):
            links.setdefault(head["x-tenant-id"], set()).add(link)
        assert set(links) == {"clinic", "hospital"} and not links["clinic"] & links["hospital"]
        for text, tunnel in zip((b"one", b"two", b"six", b"ten"), tunnels):
            tunnel.socket.sendall(text)
            assert tunnel.read(3) == text
            tunnel.socket.close()

    def test_a_key_that_is_not_answered(self, bulkhead, ann):
        with Wire(bulkhead.ports["odd"], ann) as wire:
            status, fields = wire.head()
            assert status == 502 and fields["x-bulkhead-reason"] == "websocket_not_granted"
        with Peer(bulkhead.ports["odd"]) as peer:
            assert peer.answer(self.connect(peer, ann)).status == 502


def test_a_drain_lets_tunnels_end(make_bulkhead, configuration, ann):
    bulkhead = make_bulkhead("tunnels-drain", {**configuration, "limits": {"drain_timeout": "20s"}})
    with call(bulkhead.ports["http2"], ann) as tunnel:
        bulkhead.process.signal(signal.SIGTERM)
        wait_until("no new connections", lambda: not accepts(bulkhead.ports["http2"]))
        tunnel.send("still here")
        assert tunnel.recv(10) == "still here"
    assert bulkhead.process.wait() == 0
    assert [record[STATUS] for record in bulkhead.records()] == [101]
