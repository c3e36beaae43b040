# SPDX-License-Identifier: Apache-2.0
"""mem0's memories in a neatmem server: user, agent and run ids of several tenants, and memories by their id."""

import sys
import uuid
from pathlib import Path

import pytest
from harness.process import Owned, accepts, answers, free_port
from harness.stores import Doors, bare, environment

AGENTS = Path(__file__).parent / "agents"


@pytest.fixture(scope="module")
def server(run):
    programs = environment("mem0") / "bin"
    model, port = free_port(), free_port()
    folder = run / f"mem0-{port}"
    folder.mkdir()
    fake = Owned("model", [sys.executable, AGENTS / "fake_model.py"], run / "model.log", {"PORT": str(model)})
    fake.await_ready(lambda: accepts(model))
    url = f"http://127.0.0.1:{model}/v1"
    server = Owned("neatmem", [
        programs / "neatmem", "serve", "--host", "127.0.0.1", "--port", port, "--llm-model", "m", "--llm-api-key", "x",
        "--llm-base-url", url, "--llm-provider", "openai", "--embedder-provider", "openai", "--embedder-model", "e",
        "--embedder-base-url", url, "--embedder-api-key", "x", "--embedder-dims", "64", "--no-enable-bm25", "--no-enable-entity",
        "--rerank", "off", "--vector-db-path", folder / "vectors", "--messages-db-path", folder / "messages.db"],
        run / "neatmem.log", {"NEATMEM_DIR": str(folder), "HF_HUB_OFFLINE": "1", "MEM0_TELEMETRY": "False"})
    server.await_ready(lambda: answers(port, "/v1/ping/"))
    server.port = port
    yield server
    server.stop()
    fake.stop()


@pytest.fixture(scope="module")
def doors(run, server):
    doors = Doors(run / "mem0", {"mem0": {"port": server.port, "adapter": "mem0"}})
    doors.memories = {}
    for tenant in ("acme", "globex"):
        caller = doors.at("mem0", tenant)
        status, added = caller.json("POST", "/v1/memories/", {
            "messages": [{"role": "user", "content": f"secret of {tenant}"}], "user_id": "ann", "infer": False})
        assert status == 200, added
        doors.memories[tenant] = added["results"][0]["id"]
    yield doors
    doors.stop()


def test_the_same_user_is_another_for_each_tenant(doors):
    for tenant in ("acme", "globex"):
        caller = doors.at("mem0", tenant)
        for path, body in (("/v2/memories/search/", {"query": "secret", "threshold": 0, "filters": {"user_id": "ann"}}),
                           ("/v1/search/", {"query": "secret", "threshold": 0, "filters": {"user_id": "ann"}}),
                           ("/v2/memories/", {"filters": {"user_id": "ann"}})):
            status, found = caller.json("POST", path, body)
            assert status == 200, found
            assert [f["memory"] for f in found["results"]] == [f"secret of {tenant}"], (path, found)
            assert {f["user_id"] for f in found["results"]} == {"ann"}
        status, memory = caller.json("GET", f"/v1/memories/{doors.memories[tenant]}/")
        assert (status, memory["memory"], memory["user_id"]) == (200, f"secret of {tenant}", "ann")
        assert caller.json("GET", f"/v1/memories/{doors.memories[tenant]}/history/")[0] == 200


def test_the_hole_by_id_is_open_without_and_closed_with_bulkhead(doors, server):
    direct = bare(server.port)
    found = direct.json("POST", "/v2/memories/", {"filters": {"user_id": "t6globex-ann"}})[1]["results"]
    real = found[0]["id"]
    assert direct.json("GET", f"/v1/memories/{real}/")[1]["memory"] == "secret of globex"
    acme = doors.at("mem0", "acme")
    told = []
    for guess in (real, doors.memories["globex"], str(uuid.uuid4()), "x"):
        for method, path, body in (("GET", f"/v1/memories/{guess}/", None), ("PUT", f"/v1/memories/{guess}/", {"text": "mine"}),
                                   ("DELETE", f"/v1/memories/{guess}/", None), ("GET", f"/v1/memories/{guess}/history/", None)):
            answer = acme.send(method, path, body)
            assert b"globex" not in answer.body
            if "history" not in path and method == "GET":
                told.append((answer.status, answer.body.replace(guess.encode(), b"")))
    assert len(set(told)) == 1 and told[0][0] == 404, told
    assert doors.at("mem0", "globex").json("GET", f"/v1/memories/{doors.memories['globex']}/")[1]["memory"] == "secret of globex"


@pytest.mark.parametrize("filters", [
    None, {}, {"user_id": "t6globex-ann"}, {"OR": [{"user_id": "ann"}, {"user_id": "t6globex-ann"}]},
    {"AND": [{"user_id": "t6globex-ann"}]}, {"NOT": [{"user_id": "nobody"}]}, {"user_id": "*"},
    {"user_id": "ann", "OR": [{"user_id": "t6globex-ann"}, {"agent_id": "x"}]}, {"agent_id": "*"}, {"run_id": "*"},
    {"user_id": "ann", "NOT": {"user_id": "ann"}}, {"memory": {"contains": "secret"}}, {"hash": {"ne": "x"}},
])
def test_no_filter_finds_anothers(doors, filters):
    acme = doors.at("mem0", "acme")
    for path in ("/v2/memories/search/", "/v2/memories/", "/v1/search/"):
        answer = acme.send("POST", path, {"query": "secret", "threshold": 0, "filters": filters} if "search" in path else {"filters": filters})
        assert b"globex" not in answer.body, (path, filters, answer)


def test_deleting_everything_is_only_ones_own(doors):
    acme = doors.at("mem0", "acme")
    assert acme.send("DELETE", "/v1/memories/").status == 400
    assert acme.send("POST", "/v1/reset/", {}).status == 403
    assert acme.send("DELETE", "/v1/memories/?user_id=t6globex-ann").status == 200
    assert doors.at("mem0", "globex").json("POST", "/v2/memories/", {"filters": {"user_id": "ann"}})[1]["results"]
