# SPDX-License-Identifier: Apache-2.0
"""The LangGraph server with its own client: threads, runs and the store of several tenants in one server."""

import shutil
import uuid
from pathlib import Path

import pytest
from harness.names import REASON
from harness.process import Owned, answers, free_port
from harness.stores import Doors, bare, environment, program
from harness.tenants import LEAVER, NEIGHBOUR, cut_in_the_middle, erased, lines, tenant

APP = Path(__file__).parent / "agents" / "langgraph"


def start(folder, name="langgraph"):
    programs = environment("langgraph") / "bin"
    port = free_port()
    app = folder / f"{name}-{port}"
    shutil.copytree(APP, app)
    server = Owned(name, [programs / "langgraph", "dev", "--host", "127.0.0.1", "--port", port, "--no-browser", "--no-reload"],
                   folder / f"{name}-{port}.log", {"LANGSMITH_TRACING": "false", "LANGGRAPH_CLI_NO_ANALYTICS": "1"}, app)
    server.await_ready(lambda: answers(port, "/ok"))
    server.port = port
    return server


@pytest.fixture(scope="module")
def server(run):
    server = start(run)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def doors(run, server):
    doors = Doors(run / "langgraph", {"langgraph": {"port": server.port, "adapter": "langgraph"}})
    yield doors
    doors.stop()


@pytest.fixture(scope="module")
def filled(doors):
    made = {}
    for tenant in ("acme", "globex"):
        caller = doors.at("langgraph", tenant)
        made[tenant] = caller.json("POST", "/threads", {"metadata": {"of": f"secret of {tenant}"}})[1]["thread_id"]
        assert caller.send("PUT", "/store/items", {"namespace": ["mem"], "key": "1", "value": {"of": f"secret of {tenant}"}}).status == 204
    doors.threads = made
    return doors


def test_an_unchanged_client_sees_what_a_private_server_shows(run, doors):
    private = start(run, "private")
    try:
        expected = program("langgraph", "langgraph_program.py", f"http://127.0.0.1:{private.port}", "-", "x")
    finally:
        private.stop()
    for tenant in ("initech", "umbrella"):
        assert program("langgraph", "langgraph_program.py", doors.url("langgraph"), doors.tokens[tenant], "x") == expected


@pytest.mark.parametrize("method,path,body", [
    ("POST", "/store/items/search", {"namespace_prefix": []}),
    ("POST", "/store/items/search", {"namespace_prefix": ["t6globex"]}),
    ("POST", "/threads/search", {}),
    ("POST", "/threads/search", {"metadata": {}, "limit": 1000}),
    ("GET", "/store/items?namespace=t6globex.mem&key=1", None),
])
def test_holes_are_open_without_and_closed_with_bulkhead(filled, server, method, path, body):
    open_ = bare(server.port).send(method, path, body)
    assert b"secret of globex" in open_.body, open_
    closed = filled.at("langgraph", "acme").send(method, path, body)
    assert b"globex" not in closed.body, closed


def test_a_namespace_without_a_name_lists_only_ones_own(filled, server):
    filled.at("langgraph", "globex").send("PUT", "/store/items", {"namespace": ["theirs"], "key": "1", "value": {}})
    assert ["t6globex", "theirs"] in bare(server.port).json("POST", "/store/namespaces", {})[1]["namespaces"]
    spaces = filled.at("langgraph", "acme").json("POST", "/store/namespaces", {})[1]["namespaces"]
    assert ["mem"] in spaces and not [space for space in spaces if "theirs" in space]


def test_a_thread_of_anothers_is_as_unknown_as_none(filled):
    acme, globex = filled.at("langgraph", "acme"), filled.at("langgraph", "globex")
    theirs = filled.threads["globex"]
    assert globex.json("GET", f"/threads/{theirs}")[0] == 200
    for path in ("/threads/{}", "/threads/{}/state", "/threads/{}/history", "/threads/{}/runs"):
        foreign, unknown = (acme.send("GET", path.format(thread)) for thread in (theirs, str(uuid.uuid4())))
        assert foreign.status == unknown.status, (path, foreign, unknown)
        assert foreign.body.replace(theirs.encode(), b"") == unknown.body.replace(foreign.json()["detail"][15:51].encode(), b"") \
            or len(foreign.body) == len(unknown.body)
        assert b"globex" not in foreign.body
    for method, path, body in (("PATCH", f"/threads/{theirs}", {"metadata": {"x": 1}}), ("DELETE", f"/threads/{theirs}", None),
                               ("POST", f"/threads/{theirs}/runs/wait", {"assistant_id": "agent", "input": {"messages": []}})):
        assert acme.send(method, path, body).status == 404
    assert globex.json("GET", f"/threads/{theirs}")[1]["metadata"] == {"of": "secret of globex"}


def test_an_owner_cannot_be_written_or_read(filled):
    acme = filled.at("langgraph", "acme")
    for body in ({"metadata": {"tenancy_owner": "t6globex"}}, {"metadata": {"a": 1, "tenancy_owner": None}}):
        assert acme.send("POST", "/threads", body).status == 400
    mine = acme.json("POST", "/threads", {})[1]
    assert "tenancy_owner" not in str(mine)
    # The same chosen id is another thread for each tenant.
    chosen = str(uuid.uuid4())
    for tenant in ("acme", "globex"):
        status, thread = filled.at("langgraph", tenant).json("POST", "/threads", {"thread_id": chosen, "metadata": {"of": tenant}})
        assert (status, thread["thread_id"]) == (200, chosen)
    assert acme.json("GET", f"/threads/{chosen}")[1]["metadata"] == {"of": "acme"}


def test_what_bears_anothers_mark_is_stopped_and_counted(filled, server):
    """As if somebody had changed the store behind Bulkhead's back: the answer is held back, whatever it is."""
    acme, direct = filled.at("langgraph", "acme"), bare(server.port)
    mine = acme.json("POST", "/threads", {"metadata": {"k": "trip"}})[1]["thread_id"]
    real = direct.json("POST", "/threads/search", {"metadata": {"k": "trip"}})[1][0]["thread_id"]
    assert real != mine and acme.json("GET", f"/threads/{mine}")[0] == 200
    direct.send("PATCH", f"/threads/{real}", {"metadata": {"tenancy_owner": "t6globex"}})
    before = filled.bulkhead.metric("bulkhead_leaks_stopped_total")
    answer = acme.send("GET", f"/threads/{mine}")
    assert answer.status == 502 and b"trip" not in answer.body and b"globex" not in answer.body
    assert filled.bulkhead.metric("bulkhead_leaks_stopped_total") == before + 1
    assert filled.bulkhead.await_records(1, **{REASON: "foreign_object"})
    # In a listing it is left out, like everything of anybody else's.
    assert acme.json("POST", "/threads/search", {"metadata": {"k": "trip"}}) == (200, [])


def test_a_tenant_leaves(doors, server, tmp_path):
    """Threads with their runs and states, and the store's items: written out whole and deleted, and nobody else's."""
    direct = bare(server.port)
    said = {"assistant_id": "agent", "input": {"messages": [{"role": "user", "content": "hello"}]}}
    # Names that would break a request that was put together carelessly.
    spaces = [["notes"], ["notes", 'a"b'], ["t7leaver2"], ["{key}", "/%2e"], *(["many", str(number)] for number in range(110))]
    for name in (LEAVER, NEIGHBOUR):
        caller = doors.at("langgraph", name)
        threads = [caller.json("POST", "/threads", {"metadata": {"n": n}})[1]["thread_id"] for n in range(5)]
        for _ in range(2):
            assert caller.json("POST", f"/threads/{threads[0]}/runs/wait", said)[0] == 200
        # A run without a thread may leave one.
        assert caller.json("POST", "/runs/wait", {**said, "on_completion": "keep"})[0] == 200
        assert caller.json("POST", f"/threads/{threads[1]}/runs/wait", said)[0] == 200
        for number in range(101 if name == LEAVER else 1):
            more = {"values": {"messages": [{"role": "user", "content": str(number)}]}, "as_node": "answer"}
            assert caller.send("POST", f"/threads/{threads[1]}/state", more).status == 200
        for space in spaces if name == LEAVER else spaces[:4]:
            assert caller.send("PUT", "/store/items", {"namespace": space, "key": 'k"{y}', "value": {"of": name}}).status == 204, space
    # Beside both, in the store itself: no compartment is a prefix of another.
    direct.send("PUT", "/store/items", {"namespace": ["t6leave"], "key": "k", "value": {}})

    def raw(code):
        threads = direct.json("POST", "/threads/search", {"metadata": {"tenancy_owner": code}, "limit": 1000})[1]
        items = direct.json("POST", "/store/items/search", {"namespace_prefix": [code], "limit": 1000})[1]["items"]
        return len(threads), len(items)

    before = raw("t7leaver2")
    assert (before, raw("t6leaver")) == ((6, 4), (6, len(spaces)))
    _, things = tenant(doors.bulkhead, "export", LEAVER, "--store", "langgraph", "--out", tmp_path / "out")
    assert {name: thing["exported"] for name, thing in things.items()} == {"thread": 6, "run": 4, "item": len(spaces)}
    states = {}
    for of, page in lines(tmp_path / "out", "thread.content"):
        states.setdefault(of["thread"], []).extend(state["checkpoint"]["checkpoint_id"] for state in page)
    # Two runs of three states each; a run and what was written over it, in more than one page.
    counts = sorted(len(set(found)) for found in states.values())
    assert counts[-1] >= 103 and sum(counts) == sum(len(found) for found in states.values()), counts
    assert [value["namespace"] for _, value in lines(tmp_path / "out", "item")].count(['notes', 'a"b']) == 1
    text = "".join(path.read_text() for path in (tmp_path / "out").iterdir())
    assert "tenancy_owner" not in text and "t6leaver" not in text
    for deletions in (2, 50):
        cut_in_the_middle(doors.bulkhead, "langgraph", server.port, deletions)
    _, things = tenant(doors.bulkhead, "erase", LEAVER, "--store", "langgraph", "--yes")
    assert erased(things)["item"] == (len(spaces) - 46, len(spaces) - 46, 0) and things["thread"]["left"] == 0
    assert raw("t6leaver") == (0, 0) and raw("t7leaver2") == before
    assert direct.json("POST", "/store/items/search", {"namespace_prefix": ["t6leave"]})[1]["items"]
