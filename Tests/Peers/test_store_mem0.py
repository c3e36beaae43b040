# SPDX-License-Identifier: Apache-2.0
"""mem0's memories in a neatmem server: user, agent and run ids of several tenants, and memories by their id."""

import json
import sys
import uuid
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from harness.process import Owned, accepts, answers, free_port
from harness.scripted import Scripted
from harness.stores import Doors, bare, environment
from harness.tenants import LEAVER, NEIGHBOUR, cut_in_the_middle, lines, tenant

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


def test_a_tenant_leaves(doors, server, tmp_path):
    """neatmem lists no users, so they are named: what is theirs is written out and deleted, and nobody else's."""
    for name in (LEAVER, NEIGHBOUR):
        caller = doors.at("mem0", name)
        for user, count in (("ann", 15), ("../v1", 2), (None, 1)):
            for number in range(count):
                body = {"messages": [{"role": "user", "content": f"note {number} of {user} at {name}"}], "infer": False}
                assert caller.send("POST", "/v1/memories/", {**body, **({"user_id": user} if user else {})}).status == 200
    direct = bare(server.port)

    def raw(code):
        return [len(direct.json("POST", "/v2/memories/", {"filters": {"user_id": f"{code}-{user}"}})[1]["results"])
                for user in ("ann", "../v1", "default_user")]

    # A list that is empty, whatever there is, is no proof that there is nothing.
    report, _ = tenant(doors.bulkhead, "erase", LEAVER, "--store", "mem0", "--yes", code=1)
    assert "--name user=" in report["failure"] and raw("t6leaver") == [15, 2, 1]
    named = ["--name", "user=ann", "--name", "user=../v1", "--name", "user=default_user", "--name", "user=t7leaver2-ann"]
    _, things = tenant(doors.bulkhead, "export", LEAVER, "--store", "mem0", "--out", tmp_path / "out", *named)
    assert things["memory"]["exported"] == 18
    written = lines(tmp_path / "out", "memory")
    assert {value["memory"].split(" at ")[1] for _, value in written} == {LEAVER} and "t6leaver" not in str(written)
    assert len(lines(tmp_path / "out", "memory.content")) == 18
    cut_in_the_middle(doors.bulkhead, "mem0", server.port, 3, *named)
    # One of the names cannot stand in a path: what is its goes, and that it could not be is told.
    report, things = tenant(doors.bulkhead, "erase", LEAVER, "--store", "mem0", "--yes", *named, code=1)
    assert things["user"]["refused"] == 1 and report["failure"].startswith("user not deleted"), report
    assert raw("t6leaver") == [0, 0, 0] and raw("t7leaver2") == [15, 2, 1]
    names = [name for name in named if "/" not in name and name != "--name"]
    tenant(doors.bulkhead, "erase", LEAVER, "--store", "mem0", "--yes", *(part for name in names for part in ("--name", name)))


class Platform:
    """What the platform says it does, of what an erasure asks: it lists whoever has memories, and shows those in pages."""

    def __init__(self):
        self.memories = {}

    def __call__(self, method, target, _, body):
        url = urlsplit(target)
        parts = url.path.strip("/").split("/")
        if target == "/v1/entities/":
            users = sorted({user for user, _ in self.memories.values()})
            results = [{"id": str(n), "name": user, "type": "user", "total_memories": 1} for n, user in enumerate(users)]
            return 200, {}, {"count": len(users), "next": None, "previous": None,
                             "results": [*results, {"id": "x", "name": "t6leaver-bot", "type": "agent"}]}
        if parts == ["v2", "memories"]:
            query = parse_qs(url.query)
            page, size = int(query["page"][0]), int(query["page_size"][0])
            mine = [{"id": key, "memory": text, "user_id": user} for key, (user, text) in self.memories.items()
                    if user == json.loads(body)["filters"]["user_id"]]
            return 200, {}, {"count": len(mine), "next": None, "previous": None, "results": mine[(page - 1) * size:page * size]}
        if parts[-1] == "history":
            return 200, {}, []
        if method == "DELETE" and parts[:2] == ["v1", "memories"]:
            return (204 if self.memories.pop(parts[2], None) else 404), {}, b""
        if method == "DELETE" and parts[:3] == ["v2", "entities", "user"]:
            self.memories = {key: memory for key, memory in self.memories.items() if memory[0] != parts[3]}
            return 204, {}, b""
        return 404, {}, {"detail": "no such route"}


def test_whoever_the_platform_lists_need_not_be_named(run, tmp_path):
    platform = Platform()
    for user, count in (("t6leaver-ann", 230), ("t6leaver-bob", 1), ("t7leaver2-ann", 3), ("t6leave-ann", 1)):
        platform.memories.update((str(uuid.uuid4()), (user, f"{number}")) for number in range(count))
    store = Scripted(platform)
    doors = Doors(run / "mem0-platform", {"mem0": {"port": store.port, "adapter": "mem0"}})
    try:
        _, things = tenant(doors.bulkhead, "export", LEAVER, "--store", "mem0", "--out", tmp_path / "out")
        assert (things["user"]["exported"], things["memory"]["exported"]) == (2, 231)
        assert {of["user"] for of, _ in lines(tmp_path / "out", "memory")} == {"ann", "bob"}
        _, things = tenant(doors.bulkhead, "erase", LEAVER, "--store", "mem0", "--yes", "--name", "user=carol")
        assert (things["user"]["deleted"], things["memory"]["deleted"], things["user"]["left"]) == (3, 231, 0)
        assert sorted(user for user, _ in platform.memories.values()) == ["t6leave-ann"] + ["t7leaver2-ann"] * 3
        # A server without that list does not know who there is: that fails, whatever is named.
        store.answer = lambda *_: (404, {}, {"detail": "Not Found"})
        report, things = tenant(doors.bulkhead, "erase", LEAVER, "--store", "mem0", "--yes", "--name", "user=ann", code=1)
        assert report["failure"] == "user: the store answered 404" and things["user"]["deleted"] == 0
    finally:
        doors.stop()
        store.stop()
