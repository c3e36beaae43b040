# SPDX-License-Identifier: Apache-2.0
"""Reloads, stops and upgrades while wrk and h2load are at it: none of their requests fails."""

import asyncio
import re
import signal
import subprocess
import sys

import pytest
from conftest import AGENTS
from harness.client import Flow, head
from harness.process import LOOPBACK, Owned, accepts, free_port


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


def wrk(bulkhead, token, seconds):
    return subprocess.Popen(
        ["wrk", "-t1", "-c32", f"-d{seconds}s", "--timeout", "10s", "-H", f"Authorization: Bearer {token}",
         f"http://{LOOPBACK}:{bulkhead.ports['notes']}/notes/x"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def h2load(bulkhead, token, seconds):
    return subprocess.Popen(
        ["h2load", "-t1", "-c16", "-m1", f"-D{seconds}", "--h1", "-H", f"Authorization: Bearer {token}",
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
    loads = [wrk(loaded, token, seconds), h2load(loaded, token, seconds)]
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
