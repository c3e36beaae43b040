# SPDX-License-Identifier: Apache-2.0
"""Reloads, stops and upgrades while wrk and h2load are at it: none of their requests fails."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
import uuid

import pytest
from conftest import AGENTS
from harness.bulkhead import binary
from harness.client import Caller, Flow, head, read_answer
from harness.process import LOOPBACK, Owned, accepts, free_port, wait_until
from test_streams import ask, read_until


@pytest.fixture(scope="module")
def store(run):
    port = free_port()
    server = Owned("fixed store", [sys.executable, AGENTS / "fixed_store.py"], run / "fixed.log", {"PORT": str(port)})
    server.await_ready(lambda: accepts(port))
    server.port = port
    yield server
    server.stop()


@pytest.fixture
def loaded(make_bulkhead, store, request):
    """A Bulkhead with a quick store behind `notes`, in plain text, and behind `secure`, with TLS."""
    name = request.node.name.replace("[", "-").replace("]", "")
    bulkhead = make_bulkhead(name, {
        "reload": {"watch": False}, "admin": {"socket": "admin.sock"},
        "upstreams": {"memory": {"endpoints": [f"{LOOPBACK}:{store.port}"]}},
        "telemetry": {"access_log": {"path": "records.jsonl"}},
    }, start=False)
    notes = next(listener for listener in bulkhead.configuration["listeners"] if listener["name"] == "notes")
    bulkhead.ports["secure"] = free_port()
    tls = {"certificate": "tls/tls.crt", "private_key": "tls/tls.key"}
    bulkhead.configuration["listeners"].append(
        {**notes, "name": "secure", "tls": tls, "address": f"{LOOPBACK}:{bulkhead.ports['secure']}"})
    bulkhead.write()
    bulkhead.start()
    yield bulkhead
    bulkhead.stop()


def wrk(bulkhead, token, seconds, listener="notes"):
    scheme = "https" if listener == "secure" else "http"
    return subprocess.Popen(
        ["wrk", "-t1", "-c32", f"-d{seconds}s", "--timeout", "10s", "-H", f"Authorization: Bearer {token}",
         f"{scheme}://{LOOPBACK}:{bulkhead.ports[listener]}/notes/x"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def h2load(bulkhead, token, seconds, *version):
    """In HTTP/2 with eight streams for each connection, or as `version` says."""
    return subprocess.Popen(
        ["h2load", "-t1", "-c8", "-m8", f"-D{seconds}", *version, "-H", f"Authorization: Bearer {token}",
         f"https://{LOOPBACK}:{bulkhead.ports['secure']}/notes/x"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wrk_failures(text):
    """Requests, and those that failed: answers other than 2xx and 3xx, and errors of sockets by kind."""
    requests = int(re.search(r"(\d+) requests in", text)[1])
    strange = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    errors = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    connect, *others = map(int, errors.groups()) if errors else (0, 0)
    return requests, connect, sum(others) + (int(strange[1]) if strange else 0)


def h2load_failures(text):
    found = re.search(r"requests: (\d+) total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text)
    total, succeeded, failed, errored, timeout = map(int, found.groups())
    statuses = list(map(int, re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text).groups()))
    return succeeded, failed + errored + timeout + sum(statuses[1:])


@pytest.mark.parametrize("reloads", [20, pytest.param(200, marks=pytest.mark.long)])
def test_reloads_under_load(loaded, forge, reloads):
    """Each time with another policy, certificate, tenant and upstream setting; nothing fails, and memory stays."""
    token = forge.token("clinic", "basic")
    seconds = max(6, reloads // 8)
    loads = [wrk(loaded, token, seconds), h2load(loaded, token, seconds), h2load(loaded, token, seconds, "--h1", "-m1")]
    policy, tenants, configuration = (
        (loaded.folder / name).read_text() for name in ("policies/tests.cedar", "tenants.yaml", "bulkhead.yaml"))
    sizes = []
    for number in range(reloads):
        (loaded.folder / "policies" / "tests.cedar").write_text(
            policy + f'\n@id("made-up") forbid (principal in Group::"group-{number}", action, resource);\n')
        (loaded.folder / "tenants.yaml").write_text(tenants.replace("Mercy", f"Mercy {number}"))
        if number % 5 == 4:
            # Another upstream in the eyes of the pools: a retired place that is given again later.
            (loaded.folder / "bulkhead.yaml").write_text(configuration.replace(
                '"memory": {', f'"memory": {{ "timeouts": {{"keep_alive": "{number}s"}},'))
        done = loaded.reload()
        assert done.returncode == 0, done.stderr
        sizes.append(loaded.process.resident_bytes() >> 10)
        if all(load.poll() is not None for load in loads):
            loads += [wrk(loaded, token, 5), h2load(loaded, token, 5)]
    texts = [load.communicate(timeout=120)[0] for load in loads]
    for load, text in zip(loads, texts):
        if load.args[0] == "wrk":
            requests, connect, failures = wrk_failures(text)
            assert requests > 100 and connect == failures == 0, text
        else:
            succeeded, failures = h2load_failures(text)
            assert succeeded > 100 and failures == 0, text
    assert loaded.metric("bulkhead_configuration_generation") == reloads + 1
    # What the last quarter needs is what the second did.
    quarter = len(sizes) // 4
    early, late = max(sizes[quarter:2 * quarter]), max(sizes[-quarter:])
    print(f"resident KiB: {sizes}")
    assert late < early * 1.10 + 4096, sizes


async def load_until_refused(port, token, connections):
    """Requests over so many connections, again and again, until the door is shut: how many were answered, and how many
    were not although a connection for them stood (wrk cannot tell one from the other)."""
    data = head("GET", "/notes/x", [("Authorization", f"Bearer {token}")], None, "localhost")
    answered, lost = 0, 0

    async def flow():
        nonlocal answered, lost
        line = Flow(port, None)
        while True:
            if line.writer is None:
                try:
                    await line.open()
                except OSError:
                    return
            answer = await asyncio.wait_for(line.request(data), 10)
            if answer.whole and answer.status == 200:
                answered += 1
            else:
                lost += 1

    await asyncio.gather(*(flow() for _ in range(connections)))
    return answered, lost


@pytest.mark.parametrize("rounds", [5, pytest.param(50, marks=pytest.mark.long)])
def test_stops_under_load(loaded, forge, rounds):
    """SIGTERM: what was sent is answered, and nobody who is connected is reset. That nobody answers afterwards at the
    door is what stopping means."""
    token = forge.token("clinic", "basic")
    for _ in range(rounds):
        async def go():
            load = asyncio.create_task(load_until_refused(loaded.ports["notes"], token, 48))
            await asyncio.sleep(0.5)
            loaded.process.signal(signal.SIGTERM)
            assert await asyncio.to_thread(loaded.process.wait) == 0
            return await load
        answered, lost = asyncio.run(go())
        assert answered > 50 and lost == 0, (answered, lost)
        loaded.start()


def test_agents_reach_their_stores_until_they_have_answered(make_bulkhead, forge, steered):
    """SIGTERM shuts the callers' doors. An agent that still answers one of them gets through to its store."""
    bulkhead = make_bulkhead("stopped-in-the-middle")
    token, gate = forge.token("clinic", "basic"), uuid.uuid4().hex
    caller, notes = (Caller(bulkhead.ports[name], ca) for name, ca in (("ingress", bulkhead.ca), ("notes", None)))
    seen = {name.lower(): value for name, value in caller.invoke({"do": "headers"}, token).json()["headers"]}
    handle = seen["authorization"].removeprefix("Bearer ")
    with caller.connect() as connection:
        connection.sendall(ask({"do": "gated", "name": gate}, token))
        read_until(connection, b"data: first\n\n")
        bulkhead.process.signal(signal.SIGTERM)
        wait_until("the callers' door is shut", lambda: not accepts(bulkhead.ports["ingress"]))
        for number in range(20):
            put = notes.request("PUT", f"/notes/last-{number}", token=handle, body={"text": "late"})
            assert put.status in (200, 201, 204), put
        assert bulkhead.process.running()
        steered.control(f"/gate/open?name={gate}")
        assert b"data: second\n\n" in read_until(connection, b"0\r\n\r\n")
    assert bulkhead.process.wait() == 0
    assert not accepts(bulkhead.ports["notes"])


def test_upgrades_under_load(loaded, forge):
    """A new process takes the place of the one before, again and again, also with another number of workers: neither a
    connection nor a request fails."""
    token = forge.token("clinic", "basic")
    loads = [wrk(loaded, token, 12), wrk(loaded, token, 12, "secure")]
    for workers in (2, 3, 1, 2):
        loaded.configuration["workers"] = workers
        loaded.write()
        before = loaded.take_over()
        assert before.wait(40) == 0, loaded.process.tail()
        assert loaded.process.running() and loaded.is_ready(), loaded.process.tail()
        assert loaded.metric("bulkhead_workers") == workers
    for text in (load.communicate(timeout=60)[0] for load in loads):
        requests, connect, failures = wrk_failures(text)
        assert requests > 100 and connect == failures == 0, text
    assert "took over" in loaded.process.tail()


def test_an_upgrade_that_cannot_serve_changes_nothing(loaded, forge):
    token = forge.token("clinic", "basic")
    answer = lambda: Caller(loaded.ports["notes"]).request("GET", "/notes/x", token=token).status
    assert answer() == 200
    with loaded.changed("policies/tests.cedar", lambda text: "permit ("):
        done = loaded.command("serve", "--config", loaded.file, "--take-over")
        assert done.returncode == 1 and "tests.cedar" in done.stderr
    assert loaded.process.running() and loaded.is_ready() and answer() == 200
    # And where nobody is to be replaced it is a start like any other.
    loaded.stop()
    loaded.process = Owned("bulkhead", [binary(), "serve", "--config", loaded.file, "--take-over"],
                           loaded.folder / "again.log", folder=loaded.folder)
    loaded.process.await_ready(loaded.is_ready)
    assert answer() == 200


def test_suspensions_go_along(loaded, forge):
    token = forge.token("clinic", "basic")
    assert loaded.command("tenant", "suspend", "clinic", "--config", loaded.file).returncode == 0
    before = loaded.take_over()
    assert before.wait(40) == 0
    assert Caller(loaded.ports["notes"]).request("GET", "/notes/x", token=token).status == 403
    assert loaded.command("tenant", "resume", "clinic", "--config", loaded.file).returncode == 0
    assert Caller(loaded.ports["notes"]).request("GET", "/notes/x", token=token).status == 200


def test_sockets_of_systemd_are_used(loaded, forge):
    """LISTEN_FDS: whoever connected before Bulkhead ran is answered all the same."""
    loaded.stop()
    port = loaded.ports["notes"]
    with socket.socket() as door:
        door.bind((LOOPBACK, port))
        door.listen()
        early = socket.create_connection((LOOPBACK, port), timeout=20)
        data = head("GET", "/notes/x", [("Authorization", f"Bearer {forge.token('clinic', 'basic')}")], None, "localhost")
        early.sendall(data)
        script = 'exec 3<&"$1"; export LISTEN_FDS=1 LISTEN_PID=$$; exec "$2" serve --config "$3"'
        process = subprocess.Popen(["bash", "-c", script, "bash", str(door.fileno()), str(binary()), str(loaded.file)],
                                   pass_fds=[door.fileno()], cwd=loaded.folder)
        try:
            assert read_answer(early).status in (200, 503)
            wait_until("ready", loaded.is_ready)
            assert Caller(port).request("GET", "/notes/x", token=forge.token("clinic", "basic")).status == 200
        finally:
            process.terminate()
            assert process.wait(20) == 0
