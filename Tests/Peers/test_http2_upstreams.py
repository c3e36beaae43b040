# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 towards upstreams: gRPC in its four forms, by grpcio on both sides, and what an upstream chooses by itself."""

import json
import subprocess
import threading
from concurrent import futures

import grpc
import pytest
from harness.bulkhead import Trail
from harness.client import Caller
from harness.http2 import Scripted
from harness.names import STATUS
from harness.process import wait_until

SERVICE = "peers.Echo"
TABLE = """
adapter: grpc-agent
kind: ingress
errors:
  body: {message: "{message}", reason: "{code}"}
operations:
""" + "".join(f"""
  - name: {name.lower()}
    method: POST
    path: /{SERVICE}/{name}
    action: agent:Invoke
    request: {{body: opaque}}
    response: {{body: opaque}}
""" for name in ("Unary", "Down", "Up", "Both", "Fails"))


class Echo:
    """A gRPC service over plain bytes: what comes is what goes, with what it saw of its caller."""

    def __init__(self):
        self.metadata = {}
        self.peers = set()
        handlers = {
            "Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "Down": grpc.unary_stream_rpc_method_handler(self.down),
            "Up": grpc.stream_unary_rpc_method_handler(self.up),
            "Both": grpc.stream_stream_rpc_method_handler(self.both),
            "Fails": grpc.unary_unary_rpc_method_handler(self.fails),
        }
        self.server = grpc.server(futures.ThreadPoolExecutor(16))
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def note(self, context):
        self.metadata = dict(context.invocation_metadata())
        self.peers.add(context.peer())
        context.set_trailing_metadata((("x-seen", self.metadata.get("x-tenant-id", "")),))

    def unary(self, request, context):
        self.note(context)
        return request

    def down(self, request, context):
        self.note(context)
        for number in range(int(request)):
            yield b"%d" % number

    def up(self, requests, context):
        self.note(context)
        return b"%d" % sum(len(request) for request in requests)

    def both(self, requests, context):
        self.note(context)
        for request in requests:
            yield request[::-1]

    def fails(self, request, context):
        context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")


@pytest.fixture(scope="module")
def echo():
    service = Echo()
    yield service
    service.server.stop(0)


@pytest.fixture(scope="module")
def scripted():
    server = Scripted()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def bulkhead(make_bulkhead, front, echo, scripted, steered):
    usual = front.bulkhead.configuration
    listeners = [dict(listener) for listener in usual["listeners"]]
    listeners += [{"name": "grpc", "carriers": ["bearer"], "routes": ["grpc"]},
                  {"name": "chosen", "carriers": ["bearer"], "routes": ["chosen"]},
                  {"name": "scripted", "carriers": ["bearer"], "routes": ["scripted"]},
                  {"name": "older", "carriers": ["bearer"], "routes": ["older"]}]
    chosen = front.bulkhead.ports["steered"]
    made = make_bulkhead("http2-upstreams", {
        "listeners": listeners,
        "upstreams": {"grpc": {"endpoints": [f"127.0.0.1:{echo.port}"], "protocol": "http2"},
                      "scripted": {"endpoints": [f"127.0.0.1:{scripted.port}"], "protocol": "http2"},
                      "older": {"endpoints": [f"127.0.0.1:{steered.port}"], "protocol": "http2"},
                      "chosen": {"endpoints": [f"localhost:{chosen}"], "protocol": "auto",
                                 "tls": {"ca": str(front.bulkhead.ca)}}},
        "routes": usual["routes"] + [
            {"name": "grpc", "match": {"paths": [f"/{SERVICE}/**"]}, "adapter": "grpc-agent", "resource": 'Agent::"grpc"',
             "upstream": "grpc", "credentials": "context"},
            *({"name": name, "match": {"paths": ["/invocations", "/ping", "/ws"]}, "adapter": "agentcore-runtime",
               "resource": f'Agent::"{name}"', "upstream": name, "credentials": "context", "websocket": True}
              for name in ("scripted", "older")),
            {"name": "chosen", "match": {"paths": ["/invocations", "/ping"]}, "adapter": "agentcore-runtime",
             "resource": 'Agent::"chosen"', "upstream": "chosen", "forward_token": True}],
    }, start=False)
    (made.folder / "adapters" / "grpc-agent.yaml").write_text(TABLE)
    return made.start()


@pytest.fixture
def channel(bulkhead):
    with grpc.insecure_channel(f"127.0.0.1:{bulkhead.ports['grpc']}") as channel:
        yield channel


def bearer(token):
    return (("authorization", f"Bearer {token}"),)


class TestGRPC:
    def test_unary(self, bulkhead, channel, echo, ann):
        with Trail(bulkhead, "grpc") as trail:
            answer, call = channel.unary_unary(f"/{SERVICE}/Unary").with_call(b"hello", metadata=bearer(ann), timeout=20)
            assert answer == b"hello" and dict(call.trailing_metadata())["x-seen"] == "clinic"
        assert echo.metadata["x-tenant-id"] == "clinic" and ann not in str(echo.metadata)
        assert trail.records[0][STATUS] == 200

    def test_a_stream_down(self, channel, ann):
        answers = channel.unary_stream(f"/{SERVICE}/Down")(b"500", metadata=bearer(ann), timeout=20)
        assert list(answers) == [b"%d" % number for number in range(500)]

    def test_a_stream_up(self, channel, ann):
        requests = (b"x" * 20_000 for _ in range(50))
        assert channel.stream_unary(f"/{SERVICE}/Up")(requests, metadata=bearer(ann), timeout=30) == b"1000000"

    def test_streams_both_ways_in_lockstep(self, channel, ann):
        """Each message is sent only when the answer to the one before is here: nothing is held back either way."""
        ready = threading.Semaphore(1)

        def requests():
            for number in range(20):
                assert ready.acquire(timeout=20)
                yield b"ab%d" % number
        answers = []
        for answer in channel.stream_stream(f"/{SERVICE}/Both")(requests(), metadata=bearer(ann), timeout=30):
            answers.append(answer)
            ready.release()
        assert answers == [(b"ab%d" % number)[::-1] for number in range(20)]

    def test_an_error_of_the_service_comes_through(self, channel, ann):
        with pytest.raises(grpc.RpcError) as error:
            channel.unary_unary(f"/{SERVICE}/Fails")(b"", metadata=bearer(ann), timeout=20)
        assert error.value.code() == grpc.StatusCode.NOT_FOUND and error.value.details() == "no such thing"

    def test_without_a_token(self, channel):
        with pytest.raises(grpc.RpcError) as error:
            channel.unary_unary(f"/{SERVICE}/Unary")(b"", timeout=20)
        assert error.value.code() == grpc.StatusCode.UNAUTHENTICATED

    def test_what_the_table_does_not_name(self, channel, ann):
        with pytest.raises(grpc.RpcError) as error:
            channel.unary_unary(f"/{SERVICE}/Other")(b"", metadata=bearer(ann), timeout=20)
        assert error.value.code() in (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.PERMISSION_DENIED)

    def test_connections_are_shared_within_a_tenant_only(self, bulkhead, channel, echo, ann, bob):
        echo.peers.clear()
        call = channel.unary_unary(f"/{SERVICE}/Unary")
        for _ in range(20):
            call(b"a", metadata=bearer(ann), timeout=20)
            call(b"b", metadata=bearer(bob), timeout=20)
        assert len(echo.peers) == 2

    def test_many_at_once(self, channel, ann, bob):
        call = channel.unary_unary(f"/{SERVICE}/Unary")
        tokens = (ann, bob)
        pending = [call.future(b"%d" % n, metadata=bearer(tokens[n % 2]), timeout=60) for n in range(400)]
        assert [future.result() for future in pending] == [b"%d" % n for n in range(400)]

    def test_http1_from_a_caller(self, bulkhead, ann):
        message = b"\0" + (5).to_bytes(4, "big") + b"hello"
        out = subprocess.run(
            ["curl", "-sS", "--http1.1", "--raw", "-i", "-H", f"Authorization: Bearer {ann}", "-H", "Content-Type: application/grpc",
             "-H", "TE: trailers", "--data-binary", "@-", f"http://127.0.0.1:{bulkhead.ports['grpc']}/{SERVICE}/Unary"],
            input=message, capture_output=True, timeout=20, check=True).stdout
        assert out.startswith(b"HTTP/1.1 200") and message in out and b"\r\n0\r\ngrpc-status: 0\r\n" in out


class TestChosen:
    def test_what_the_upstream_chooses(self, front, bulkhead, ann):
        before = bulkhead.metric("bulkhead_upstream_http2_connections_total")
        with Trail(front.bulkhead, "steered") as trail:
            out = subprocess.run(
                ["curl", "-sS", "-H", f"Authorization: Bearer {ann}", "-H", "Content-Type: application/json", "-d", '{"do": "headers"}',
                 f"http://127.0.0.1:{bulkhead.ports['chosen']}/invocations"], capture_output=True, timeout=20, check=True).stdout
        assert json.loads(out)["body"] == {"do": "headers"} and trail.records[0][STATUS] == 200
        assert bulkhead.metric("bulkhead_upstream_http2_connections_total") == before + 1


class TestConnections:
    """What an upstream may do to a connection that many requests share."""

    @pytest.fixture
    def call(self, bulkhead, ann):
        caller = Caller(bulkhead.ports["scripted"])
        return lambda: caller.invoke({}, ann)

    def test_a_stream_that_was_not_taken_is_sent_again(self, bulkhead, scripted, ann):
        """Whatever its method: the upstream has said that it did nothing with it."""
        scripted.play("refuse", "answer")
        answer = Caller(bulkhead.ports["scripted"]).request("POST", "/invocations", body=b"", token=ann)
        assert answer.status == 200 and scripted.requests == 2

    def test_but_not_when_its_body_is_gone(self, scripted, call):
        scripted.play("refuse", "answer")
        assert call().status == 502 and scripted.requests == 1

    def test_a_connection_that_ends_takes_no_more(self, bulkhead, scripted, call):
        # Each worker has a connection of its own, and the next call may come to another worker: so all of them leave.
        scripted.play(*["answer and leave"] * 8)
        assert all(call().status == 200 for _ in range(8))
        assert scripted.requests == 8 and len(scripted.left) == 8 and scripted.late == 0

    def test_what_was_begun_is_not_sent_again(self, scripted, call):
        scripted.play("begin and reset")
        assert not call().whole
        assert scripted.requests == 1
        scripted.play("reset")
        assert call().status == 502 and scripted.requests == 1

    @pytest.mark.parametrize("script, reason", [
        ("no status", "invalid_response"), ("upper case", "invalid_response"), ("a short body", "invalid_response"),
        ("chunked", "invalid_response"), ("garbage", "protocol_violation"),
    ])
    def test_what_is_no_response(self, scripted, call, script, reason):
        scripted.play(script)
        answer = call()
        assert answer.status == 502 and answer.header("x-bulkhead-reason") == reason, answer

    def test_an_upstream_that_speaks_no_http2(self, bulkhead, ann):
        assert Caller(bulkhead.ports["older"]).invoke({}, ann, timeout=30).status == 502

    def test_health_is_asked_in_http2(self, make_bulkhead, front, scripted, steered, nghttpd):
        """Where nothing else is spoken, with TLS and without; what speaks HTTP/1.1 alone is not well there."""
        port, authority = nghttpd
        upstreams = {"scripted": (f"127.0.0.1:{scripted.port}", {}), "older": (f"127.0.0.1:{steered.port}", {}),
                     "secure": (f"localhost:{port}", {"tls": {"ca": str(authority)}})}
        bulkhead = make_bulkhead("http2-health", {
            "listeners": [{"name": name, "carriers": ["bearer"], "routes": [name]} for name in upstreams],
            "upstreams": {name: {"endpoints": [endpoint], "protocol": "http2", **tls,
                                 "health": {"path": "/index.html", "interval": "250ms", "failures": 1}}
                          for name, (endpoint, tls) in upstreams.items()},
            "routes": [{"name": name, "match": {"paths": ["/**"]}, "adapter": "agentcore-runtime", "resource": f'Agent::"{name}"',
                        "upstream": name, "credentials": "context"} for name in upstreams]})
        healthy = lambda: {name: bulkhead.metric("bulkhead_upstream_healthy_endpoints", upstream=name) for name in upstreams}  # noqa: E731
        wait_until("health is known", lambda: healthy() == {"scripted": 1, "secure": 1, "older": 0})
        # Others count what the agent is asked.
        bulkhead.stop()

    def test_no_websocket_where_the_upstream_takes_none(self, bulkhead, ann):
        answer = Caller(bulkhead.ports["scripted"]).request("GET", "/ws", [
            ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Authorization", f"Bearer {ann}")])
        assert answer.status == 502 and answer.header("x-bulkhead-reason") == "upstream_takes_no_websocket"
