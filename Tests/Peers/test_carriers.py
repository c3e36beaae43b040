# SPDX-License-Identifier: Apache-2.0
"""Whose an agent's own call is, where nothing but its trace says so: an agent under OpenTelemetry hands it on by itself."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness.bulkhead import ROOT
from harness.client import Caller
from harness.names import LISTENER, REASON, TENANT
from harness.process import LOOPBACK, Owned, answers, free_port, wait_until

CLIENTS = Path(os.environ.get("BULKHEAD_CLIENTS") or (ROOT / ".build" / "peers" / "clients")) / "bin"
AGENT = Path(__file__).parent / "agents" / "library_agent.py"
TLS = {"certificate": "tls/tls.crt", "private_key": "tls/tls.key"}


def traced(linger="60s"):
    """A configuration whose stores know an agent's calls by their trace alone."""
    return {
        "listeners": [
            {"name": "ingress", "tls": TLS, "carriers": ["bearer"], "routes": ["agent"]},
            {"name": "steered", "tls": TLS, "carriers": ["bearer"], "routes": ["steered"]},
            {"name": "vectors", "carriers": ["trace"], "routes": ["chroma"], "endpoint": "agent"},
            {"name": "notes", "carriers": ["trace"], "routes": ["notes"], "endpoint": "agent"},
            {"name": "others", "carriers": ["trace"], "routes": ["notes"], "endpoint": "steered"},
        ],
        "identity": {"handle": {"linger": linger}},
    }


@pytest.fixture(scope="module")
def plain(make_bulkhead):
    """In front of the agent that says what it was sent."""
    return make_bulkhead("traces", traced())


def trace_of(bulkhead, token):
    """The trace that the agent was given for a request of that caller, which has ended."""
    answer = Caller(bulkhead.ports["ingress"], bulkhead.ca).invoke({"do": "headers"}, token)
    assert answer.status == 200, answer
    return dict((name.lower(), value) for name, value in answer.json()["headers"])["traceparent"]


def call(bulkhead, trace, path, method="GET", listener="notes", **more):
    """On a connection of its own, so that any worker may get it."""
    return Caller(bulkhead.ports[listener]).request(method, path, headers={"traceparent": trace}, **more)


@pytest.mark.skipif(not (CLIENTS / "python").exists(), reason="the environment of client libraries is not made")
def test_an_instrumented_agent_needs_nothing_else(run, make_bulkhead, ann, bob):
    """One Chroma client for everybody, two organisations at once, no baggage: each finds its own."""
    port = free_port()
    bulkhead = make_bulkhead("traced", traced(), agent_port=port)
    store = bulkhead.ports["vectors"]
    environment = {
        "PATH": f"{CLIENTS}:{os.environ['PATH']}", "HOME": str(run), "PORT": str(port), "NO_PROXY": "*",
        "STORE_URL": f"http://{LOOPBACK}:{store}", "OTEL_PROPAGATORS": "tracecontext", "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none", "ANONYMIZED_TELEMETRY": "False",
        "CHROMA_API_IMPL": "chromadb.api.fastapi.FastAPI", "CHROMA_SERVER_HOST": LOOPBACK,
        "CHROMA_SERVER_HTTP_PORT": str(store),
    }
    agent = Owned("traced agent", [CLIENTS / "opentelemetry-instrument", CLIENTS / "python", AGENT],
                  run / "traced-agent.log", environment)
    agent.await_ready(lambda: answers(port, "/ping"))
    try:
        ingress = Caller(bulkhead.ports["ingress"], bulkhead.ca)
        notes = {ann: "ann's note", bob: "bob's note"}
        for token, text in notes.items():
            assert ingress.invoke({"library": "chromadb", "document": text}, token).json() == {"result": str([text])}

        def read(token):
            caller = Caller(bulkhead.ports["ingress"], bulkhead.ca)
            return token, caller.invoke({"library": "chromadb"}, token).json()

        with ThreadPoolExecutor(6) as pool:
            for token, answer in pool.map(read, [ann, bob, bob, ann] * 6):
                assert answer == {"result": str([notes[token]])}
        # OpenTelemetry begins a trace for whatever has none: it speaks for nobody.
        alone = Caller(port).request("POST", "/invocations", body={"library": "chromadb"})
        assert "failure" in alone.json(), alone
        bulkhead.settle()
        assert bulkhead.records(**{REASON: "trace_unknown"})
        assert {r[TENANT] for r in bulkhead.records(**{LISTENER: "vectors"}) if TENANT in r} == {"clinic", "hospital"}
    finally:
        agent.stop()


def test_every_worker_knows_the_trace(plain, ann, bob):
    """Exchanges begin in one worker, their calls come to any of the two."""
    traces = {"clinic": trace_of(plain, ann), "hospital": trace_of(plain, bob)}
    for tenant, trace in traces.items():
        for number in range(8):
            stored = call(plain, trace, f"/trace/{number}", "PUT", body={"of": tenant})
            assert stored.status in (200, 201, 204), stored
    for tenant, trace in traces.items():
        for number in range(8):
            assert call(plain, trace, f"/trace/{number}").json() == {"of": tenant}
    plain.settle()
    # It is a secret: no record, no store and no other upstream sees it.
    for trace in traces.values():
        assert trace.split("-")[1] not in (plain.folder / "records.jsonl").read_text()


def test_the_store_sees_another_trace_or_none(plain, memory, ann):
    trace = trace_of(plain, ann)
    call(plain, trace, "/seen")
    assert trace.split("-")[1] not in str(memory.seen())


def test_a_trace_of_no_exchange_says_nothing(plain, ann):
    trace = trace_of(plain, ann)
    version, number, span, flags = trace.split("-")
    changed = number[:-1] + ("0" if number[-1] != "0" else "1")
    for other in (f"00-{changed}-{span}-01", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"):
        answer = call(plain, other, "/x")
        assert (answer.status, answer.header("x-bulkhead-reason")) == (401, "trace_refused")
    # The agent's spans are its own, and so are the flags.
    assert call(plain, f"00-{number}-b7ad6b7169203331-00", "/x").status in (200, 404)


def test_a_trace_is_good_for_its_own_agent(plain, ann):
    answer = call(plain, trace_of(plain, ann), "/x", listener="others")
    assert (answer.status, answer.header("x-bulkhead-reason")) == (401, "trace_refused")


def test_a_caller_cannot_come_in_with_a_trace(plain, ann):
    answer = Caller(plain.ports["ingress"], plain.ca).request(
        "POST", "/invocations", body={"do": "headers"}, headers={"traceparent": trace_of(plain, ann)})
    assert answer.status == 401


def test_without_linger_it_ends_with_the_exchange(make_bulkhead, ann):
    bulkhead = make_bulkhead("no-linger", traced(linger="0s"))
    answer = call(bulkhead, trace_of(bulkhead, ann), "/x")
    assert (answer.status, answer.header("x-bulkhead-reason")) == (401, "trace_refused")


# What a session id says, and what an agent may do by itself.

SESSION = "x-amzn-bedrock-agentcore-runtime-session-id"
BOOT = """
@id("agents-begin")
permit (principal == Service::"agent", action in [Action::"memory:Read", Action::"memory:Write"], resource == Store::"notes");
"""


@pytest.fixture(scope="module")
def booting(make_bulkhead):
    bulkhead = make_bulkhead("booting", {
        "listeners": [
            {"name": "ingress", "tls": TLS, "carriers": ["bearer"], "routes": ["agent"]},
            {"name": "steered", "tls": TLS, "carriers": ["bearer"], "routes": ["steered"]},
            {"name": "vectors", "carriers": ["handle"], "routes": ["chroma"], "endpoint": "agent"},
            {"name": "notes", "carriers": ["handle", "trace", "payload"], "routes": ["notes"], "endpoint": "agent", "service": True},
        ],
        "telemetry": {"audit_log": {"path": "audit.jsonl"}},
    }, start=False)
    (bulkhead.folder / "policies" / "boot.cedar").write_text(BOOT)
    return bulkhead.start()


def told(bulkhead, token, session="s-1"):
    """What the agent is told of a request: its handle, and the id of its session."""
    answer = Caller(bulkhead.ports["ingress"], bulkhead.ca).invoke({"do": "headers"}, token, {SESSION: session})
    fields = {name.lower(): value for name, value in answer.json()["headers"]}
    return fields["authorization"], fields[SESSION]


def test_session_ids_in_keys_are_held_against_the_caller(booting, ann, bob):
    (anns, session), (bobs, other) = told(booting, ann), told(booting, bob)
    notes = Caller(booting.ports["notes"])

    def send(handle, path, method="PUT"):
        return notes.request(method, path, {"Authorization": handle}, b"x" if method == "PUT" else None)

    assert send(anns, f"/{session}/1").status in (200, 201, 204)
    assert send(anns, f"/{session}/1", "GET").body == b"x"
    for path in (f"/{other}/1", f"/{session}/{other}", f"/{session[:-1]}{'0' if session[-1] != '0' else '1'}/1"):
        for method in ("PUT", "GET", "DELETE"):
            answer = send(anns, path, method)
            assert (answer.status, answer.header("x-bulkhead-reason")) == (403, "session_foreign"), path
    assert send(bobs, f"/{other}/1", "GET").status == 404
    booting.settle()
    lines = (booting.folder / "audit.jsonl").read_text()
    assert lines.count('"session_foreign"') == 9 and other not in lines


def test_an_agent_by_itself_has_a_place_of_its_own(booting, ann):
    notes = Caller(booting.ports["notes"])
    wait_until("no exchange is open", lambda: notes.request("GET", "/boot").status in (200, 404))
    assert notes.request("PUT", "/boot", body=b"template").status in (200, 201, 204)
    assert notes.request("GET", "/boot").body == b"template"
    # No policy lets it delete, and no other store's listener knows it.
    assert notes.request("DELETE", "/boot").header("x-bulkhead-reason") == "policy_denied"
    assert Caller(booting.ports["vectors"]).request("GET", "/api/v2/heartbeat").status == 401
    handle, _ = told(booting, ann)
    assert notes.request("GET", "/boot", {"Authorization": handle}).status == 404
    assert notes.request("GET", "/boot", {"Authorization": handle[:-3] + "AAA"}).header("x-bulkhead-reason") == "handle_refused"
    booting.settle()
    assert booting.records(**{TENANT: "service:agent"})


def test_but_not_while_it_works_for_somebody(booting, steered, ann):
    """What has lost its carrier on the way is a tenant's."""
    notes = Caller(booting.ports["notes"])
    ingress = Caller(booting.ports["ingress"], booting.ca)
    with ThreadPoolExecutor(1) as pool:
        gate = f"boot-{os.getpid()}"
        before = steered.control("/stats")["requests"]
        working = pool.submit(ingress.invoke, {"do": "gated", "name": gate}, ann)
        wait_until("the agent works", lambda: steered.control("/stats")["requests"] > before)
        answer = notes.request("PUT", "/boot", body=b"whose?")
        assert (answer.status, answer.header("x-bulkhead-reason")) == (401, "token_missing")
        steered.control(f"/gate/open?name={gate}")
        assert working.result().whole
    wait_until("the exchange is over", lambda: notes.request("GET", "/boot").status == 200)
    assert notes.request("GET", "/boot").body == b"template"


# A fleet: one key, several processes.


def test_another_process_with_the_key_honours_a_handle(make_bulkhead, plain, ann, bob):
    """What one sidecar sealed opens in another that holds the key, for the same tenant, and in none that does not."""
    def twin(name, has_key):
        bulkhead = make_bulkhead(name, {**traced(), "listeners": [
            {"name": "ingress", "tls": TLS, "carriers": ["bearer"], "routes": ["agent"]},
            {"name": "steered", "tls": TLS, "carriers": ["bearer"], "routes": ["steered"]},
            {"name": "vectors", "carriers": ["handle"], "routes": ["chroma"], "endpoint": "agent"},
            {"name": "notes", "carriers": ["handle"], "routes": ["notes"], "endpoint": "agent"},
        ]}, start=False)
        if has_key:
            (bulkhead.folder / "keys" / "bulkhead.key").write_bytes((plain.folder / "keys" / "bulkhead.key").read_bytes())
        return bulkhead.start()

    def handle(bulkhead, token):
        answer = Caller(bulkhead.ports["ingress"], bulkhead.ca).invoke({"do": "headers"}, token)
        return dict((name.lower(), value) for name, value in answer.json()["headers"])["authorization"]

    def send(bulkhead, handle, method, body=None):
        return Caller(bulkhead.ports["notes"]).request(method, "/fleet", {"Authorization": handle}, body)

    same, stranger = twin("fleet", True), twin("stranger", False)
    for token, text in ((ann, b"ann's"), (bob, b"bob's")):
        assert send(same, handle(plain, token), "PUT", text).status in (200, 201, 204)
    for token, text in ((ann, b"ann's"), (bob, b"bob's")):
        assert send(same, handle(plain, token), "GET").body == text == send(same, handle(same, token), "GET").body
        answer = send(stranger, handle(plain, token), "GET")
        assert (answer.status, answer.header("x-bulkhead-reason")) == (401, "handle_refused")
