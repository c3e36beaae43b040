# SPDX-License-Identifier: Apache-2.0
"""The same random work of several tenants through Bulkhead on one server, and on a private server for each: the same answers."""

import os
import random

import pytest
import test_store_langgraph
import test_store_opensearch
from harness.client import Kept
from harness.process import Owned, answers, free_port
from harness.stores import ENVIRONMENTS, Doors, bare
from harness.workloads import Chroma, LangGraph, OpenSearch

TENANTS = ["acme", "acme2", "globex"]


def start_chroma(folder, name="chroma"):
    port = free_port()
    data = folder / f"{name}-{port}"
    server = Owned(name, [ENVIRONMENTS / "main" / "bin" / "chroma", "run", "--host", "127.0.0.1", "--port", port, "--path", data],
                   folder / f"{name}-{port}.log", {"ANONYMIZED_TELEMETRY": "False"})
    server.await_ready(lambda: answers(port, "/api/v2/heartbeat"))
    server.port = port
    return server


STORES = {
    "opensearch": (test_store_opensearch.start, OpenSearch, 800, 30_000),
    "langgraph": (test_store_langgraph.start, LangGraph, 250, 8_000),
    "chroma": (start_chroma, Chroma, 300, 12_000),
}


def work(run, store, count):
    start, player, *_ = STORES[store]
    seed = int(os.environ.get("SEED") or random.randrange(1 << 32))
    print(f"{store}: SEED={seed}, {count} operations")
    draw = random.Random(seed)
    servers = [start(run, f"equal-{store}") for _ in range(len(TENANTS) + 1)]
    doors = None
    try:
        doors = Doors(run / f"equal-{store}-{count}", {store: {"port": servers[0].port, "adapter": store}})
        shared = {tenant: player(doors.at(store, tenant, Kept)) for tenant in TENANTS}
        private = {tenant: player(bare(server.port, Kept)) for tenant, server in zip(TENANTS, servers[1:])}
        for number in range(count):
            tenant, step = draw.choice(TENANTS), player.step(draw)
            one, two = shared[tenant].do(step), private[tenant].do(step)
            assert one == two, f"SEED={seed}, step {number} of {tenant}: {step}\nshared:  {one}\nprivate: {two}"
    finally:
        if doors:
            doors.stop()
        for server in servers:
            server.stop()


@pytest.mark.parametrize("store", STORES)
def test_a_shared_store_answers_as_private_ones(run, store):
    work(run, store, STORES[store][2])


@pytest.mark.long
@pytest.mark.parametrize("store", STORES)
def test_fifty_thousand_operations(run, store):
    work(run, store, STORES[store][3])
