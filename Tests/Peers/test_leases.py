# SPDX-License-Identifier: Apache-2.0
"""An agent's process belongs to one tenant or session at a time, and is another one before the next gets it."""

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness.client import Caller
from harness.leased import RECYCLES, Endpoint, Hull
from harness.names import LISTENER, REASON, TENANT
from harness.process import accepts, wait_until

AGENT = Path(__file__).parent / "agents" / "leased_agent.py"
TLS = {"certificate": "tls/tls.crt", "private_key": "tls/tls.key"}


@pytest.fixture
def make_leased(run, make_bulkhead):
    made = []

    def make(name, lease="tenant", count=1, proof="/started", wait="10s", idle="5m", linger="60s"):
        endpoints = [Endpoint(run, number, AGENT) for number in range(count)]
        made.extend(endpoints)
        recycle = {"path": "/restart", "endpoints": [f"127.0.0.1:{e.supervisor_port}" for e in endpoints], "timeout": "10s"}
        if proof:
            recycle["proof"] = proof
        listeners = [{"name": "ingress", "tls": TLS, "carriers": ["bearer"], "routes": ["agent"]},
                     {"name": "steered", "carriers": ["bearer"], "routes": ["steered", "chroma"]}]
        listeners += [{"name": f"store-{number}", "carriers": ["lease"], "endpoint": f"agent/{number}", "routes": ["notes"]}
                      for number in range(count)]
        bulkhead = make_bulkhead(name, {
            "listeners": listeners,
            "identity": {"handle": {"linger": linger}},
            "admin": {"socket": "admin.sock"},
            "upstreams": {"agent": {"endpoints": [f"127.0.0.1:{e.port}" for e in endpoints], "lease": lease,
                                    "leasing": {"wait": wait, "idle": idle, "recycle": recycle}}},
        }, start=False)
        for endpoint in endpoints:
            endpoint.store = bulkhead.ports[f"store-{endpoint.number}"]
            endpoint.restart()
            wait_until("the agent is there", lambda port=endpoint.port: accepts(port))
        bulkhead.start()
        # Each begins with another process: nobody knows whom the one that is there has served.
        wait_until("all are recycled", lambda: bulkhead.metric(RECYCLES, result="success") == count, 30)
        return Hull(bulkhead, endpoints)

    yield make
    for endpoint in made:
        endpoint.stop()


def test_two_tenants_never_share_a_process(make_leased, ann, bob):
    hull = make_leased("leased")
    heard, processes = {}, {}
    for number, (token, name) in enumerate([(ann, "ann"), (ann, "ann"), (bob, "bob"), (ann, "ann"), (bob, "bob")]):
        answer = hull.invoke(token, {"do": "remember", "text": f"{name} {number}"})
        assert answer.status == 200, answer
        heard[number], processes[number] = answer.json()["heard"], answer.json()["process"]
    assert heard[1] == ["ann 0", "ann 1"] and processes[0] == processes[1], "sticky while nobody else wants it"
    for number in (2, 3, 4):
        assert len(heard[number]) == 1, "another tenant's words"
    assert len(set(processes.values())) == 4
    # Once at the start: nobody knows whom it served before; then between each two.
    assert hull.endpoints[0].restarts == 4


def test_the_lease_says_whose_the_calls_are(make_leased, ann, bob):
    hull = make_leased("leased-calls", count=2)
    texts = {ann: "ann's", bob: "bob's"}
    for token, text in texts.items():
        assert hull.invoke(token, {"do": "put", "path": "/leased/1", "text": text}).json()["status"] in (200, 201, 204)

    def read(token):
        return token, hull.invoke(token, {"do": "get", "path": "/leased/1"}).json()

    with ThreadPoolExecutor(4) as pool:
        for token, found in pool.map(read, [ann, bob, ann, ann, bob, bob] * 4):
            assert found["body"] == f'"{texts[token]}"', found
    hull.bulkhead.settle()
    for number in range(2):
        assert len({r[TENANT] for r in hull.bulkhead.records(**{LISTENER: f"store-{number}"})}) == 1


def test_without_a_lease_the_calls_are_nobodys(make_leased, ann):
    hull = make_leased("unleased", linger="0s")
    alone = Caller(hull.endpoints[0].port)
    assert alone.request("GET", "/call").json() == {"status": 401, "reason": "lease_idle"}
    assert hull.invoke(ann, {"do": "get", "path": "/x"}).json()["status"] in (200, 404)
    # The exchange is over, and linger with it.
    hull.bulkhead.await_records(2)
    wait_until("the lease rests", lambda: alone.request("GET", "/call").json()["status"] == 401)


def test_who_waits_too_long_is_told(make_leased, ann, bob):
    hull = make_leased("busy", wait="1s")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(hull.invoke, ann, {"do": "wait"})
        wait_until("it runs", lambda: hull.bulkhead.metric("bulkhead_leases_granted_total") == 1)
        answer = hull.invoke(bob, {"do": "remember", "text": "x"})
        assert (answer.status, answer.header("x-bulkhead-reason")) == (503, "lease_unavailable")
        assert Caller(hull.endpoints[0].port).request("GET", "/go").status == 200
        assert running.result().status == 200
    assert hull.invoke(bob, {"do": "remember", "text": "x"}).json()["heard"] == ["x"]


@pytest.mark.parametrize("proof", ["/started", None])
def test_nobody_gets_a_process_that_did_not_end(make_leased, ann, bob, proof):
    hull = make_leased(f"stuck-{bool(proof)}", wait="2s", proof=proof)
    assert hull.invoke(ann, {"do": "remember", "text": "secret"}).json()["heard"] == ["secret"]
    hull.endpoints[0].is_stuck = True
    answer = hull.invoke(bob, {"do": "remember", "text": "x"})
    assert (answer.status, answer.header("x-bulkhead-reason")) == (503, "lease_unavailable")
    assert hull.endpoints[0].restarts == 2
    # As soon as somebody does it, it goes on.
    hull.endpoints[0].restart()
    wait_until("it is recycled", lambda: hull.invoke(bob, {"do": "remember", "text": "x"}).status == 200, 20)


def test_sessions_are_sealed_from_each_other(make_leased, ann):
    hull = make_leased("sessions", lease="session", count=2)
    first = hull.invoke(ann, {"do": "remember", "text": "1"}, "session-of-ann-number-one-0000000000").json()
    other = hull.invoke(ann, {"do": "remember", "text": "2"}, "session-of-ann-number-two-0000000000").json()
    again = hull.invoke(ann, {"do": "remember", "text": "3"}, "session-of-ann-number-one-0000000000").json()
    assert other["heard"] == ["2"] and again["heard"] == ["1", "3"] and again["process"] == first["process"]


def test_a_caller_that_leaves_gives_its_endpoint_back(make_leased, ann, bob):
    hull = make_leased("left")
    caller = Caller(hull.bulkhead.ports["ingress"], hull.bulkhead.ca)
    wire = caller.connect()
    wire.sendall(f"POST /invocations HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ann}\r\n"
                 'Content-Length: 13\r\n\r\n{"do":"wait"}'.encode())
    wait_until("it runs", lambda: hull.bulkhead.metric("bulkhead_leases_granted_total") == 1)
    wire.close()
    assert hull.invoke(bob, {"do": "remember", "text": "x"}).json()["heard"] == ["x"]
    assert hull.bulkhead.records(**{REASON: "caller_gone"})


def test_an_upgrade_leaves_leased_processes_to_those_who_have_them(make_leased, ann, bob):
    """The new process gives nobody an endpoint before the old one has ended: there it is leased, and there its calls are known."""
    hull = make_leased("upgraded")
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(hull.invoke, ann, {"do": "wait", "path": "/of-ann"})
        wait_until("it runs", lambda: hull.bulkhead.metric("bulkhead_leases_granted_total") == 1)
        before = hull.bulkhead.take_over()
        wait_until("the new one serves", lambda: "took over" in hull.bulkhead.process.tail())
        waiting = pool.submit(hull.invoke, bob, {"do": "remember", "text": "x"})
        wait_until("it waits", lambda: hull.bulkhead.metric("bulkhead_connections_accepted_total") >= 1)
        assert before.running() and hull.endpoints[0].restarts == 1
        assert hull.bulkhead.metric("bulkhead_leases_granted_total") == 0
        assert Caller(hull.endpoints[0].port).request("GET", "/go").status == 200
        first, second = running.result(), waiting.result()
    assert first.status == 200 and first.json()["status"] in (200, 404), first
    assert second.status == 200 and second.json()["heard"] == ["x"] and second.json()["process"] != first.json()["process"]
    assert before.wait(20) == 0 and hull.endpoints[0].restarts == 2
    assert {record[TENANT] for record in hull.bulkhead.await_records(1, **{LISTENER: "store-0"})} == {"clinic"}


def test_a_stop_leaves_the_stores_of_leased_processes_open(make_leased, ann):
    hull = make_leased("stopped")
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(hull.invoke, ann, {"do": "wait", "path": "/of-ann"})
        wait_until("it runs", lambda: hull.bulkhead.metric("bulkhead_leases_granted_total") == 1)
        hull.bulkhead.process.signal(signal.SIGTERM)
        wait_until("the callers' door is shut", lambda: not accepts(hull.bulkhead.ports["ingress"]))
        assert Caller(hull.endpoints[0].port).request("GET", "/go").status == 200
        answer = running.result()
    assert answer.status == 200 and answer.json()["status"] in (200, 404), answer
    assert hull.bulkhead.process.wait() == 0


def test_check_wants_a_lease_behind_what_speaks_for_a_process(make_bulkhead):
    bulkhead = make_bulkhead("no-lease", {"listeners": [
        {"name": "ingress", "tls": TLS, "carriers": ["bearer"], "routes": ["agent", "steered"]},
        {"name": "notes", "carriers": ["lease"], "routes": ["notes", "chroma"], "endpoint": "agent/0"},
    ]}, start=False)
    checked = bulkhead.command("check", "--config", bulkhead.file)
    assert checked.returncode == 1 and "is not leased" in checked.stdout + checked.stderr
