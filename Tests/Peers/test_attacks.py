# SPDX-License-Identifier: Apache-2.0
"""One tenant against another's data, by every way in that somebody thought of. None crosses, none tells that there is anything."""

import json
import re
import uuid

import pytest
import test_store_langgraph
import test_store_mem0
import test_store_opensearch
from harness import attempts
from harness.stores import Doors, bare

SECRET = "marrow-of-globex"
# A name that only the victim knows.
VAULT = "vault-of-marrow"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Stage:
    """A store with the victim's data in it, and what the attacker knows of it."""

    def __init__(self, doors, store, names, witness):
        self.doors, self.store, self.names, self.witness = doors, store, names, witness
        self.before = witness()
        self.attacker = doors.at(store, "acme")

    def fill(self, value):
        if isinstance(value, str):
            for name, text in self.names.items():
                value = value.replace(f"<{name}>", text)
            return value
        if isinstance(value, list):
            return [self.fill(part) for part in value]
        if isinstance(value, dict):
            return {self.fill(key): self.fill(part) for key, part in value.items()}
        return value

    def attempt(self, method, path, body, headers):
        answer = self.attacker.send(method, self.fill(path), self.fill(body), headers)
        assert SECRET.encode() not in answer.body, answer
        assert VAULT.encode() not in answer.body, answer
        # What he reads of compartments is what he wrote himself.
        said = json.dumps(self.fill(body)) if not isinstance(body, bytes) else body.decode("latin-1")
        assert b"t4acme" not in answer.body or "t4acme" in self.fill(path) + said, answer
        assert answer.status and answer.whole, answer
        return answer

    def looks_unknown(self, method, path, body, theirs, made_up):
        """A sealed UUID has no room for a tag: one in 32 of all UUIDs, made up or another's, opens to one that the store is then asked
        for and does not know. So another's must look like a made-up one that fared alike."""
        def told(name):
            answer = self.attacker.send(method, path.format(name), body)
            headers = [(name, value) for name, value in answer.headers if name not in ("date", "content-length")]
            return answer.status, answer.body.replace(name.encode(), b""), headers

        foreign = told(theirs)
        if UUID.fullmatch(theirs):
            unknown = next(answer for answer in (told(str(uuid.uuid4())) for _ in range(600)) if answer[2] == foreign[2])
        else:
            unknown = told(made_up)
        assert foreign == unknown

    def unharmed(self):
        assert self.witness() == self.before


@pytest.fixture(scope="module")
def opensearch(run):
    server = test_store_opensearch.start(run, "attacked")
    doors = Doors(run / "attacked-opensearch", {"opensearch": {"port": server.port, "adapter": "opensearch"}})
    victim, direct = doors.at("opensearch", "globex"), bare(server.port)
    for number in range(3):
        assert victim.send("PUT", f"/mem/_doc/{number}?refresh=true", {"of": SECRET, "n": number}).status == 201
    victim.send("PUT", f"/{VAULT}/_doc/1?refresh=true", {"of": SECRET})
    doors.at("opensearch", "acme").send("PUT", "/mem/_doc/1?refresh=true", {"of": "acme"})
    names = {
        "scroll": victim.json("POST", "/mem/_search?scroll=10m", {"size": 1})[1]["_scroll_id"],
        "real scroll": direct.json("POST", "/t6globex-mem/_search?scroll=10m", {"size": 1})[1]["_scroll_id"],
        "pit": victim.json("POST", "/mem/_search/point_in_time?keep_alive=10m")[1]["pit_id"],
        "real pit": direct.json("POST", "/t6globex-mem/_search/point_in_time?keep_alive=10m")[1]["pit_id"],
    }

    def witness():
        found = victim.json("POST", "/mem/_search", {"sort": [{"n": "asc"}]})[1]["hits"]["hits"]
        listed = victim.json("GET", "/_cat/indices?format=json")[1]
        return [(hit["_id"], hit["_source"]) for hit in found], [line["index"] for line in listed], victim.json("GET", "/_alias")[1]

    yield Stage(doors, "opensearch", names, witness)
    doors.stop()
    server.stop()


@pytest.fixture(scope="module")
def langgraph(run):
    server = test_store_langgraph.start(run, "attacked")
    doors = Doors(run / "attacked-langgraph", {"langgraph": {"port": server.port, "adapter": "langgraph"}})
    victim, direct = doors.at("langgraph", "globex"), bare(server.port)
    thread = victim.json("POST", "/threads", {"metadata": {"of": SECRET}})[1]["thread_id"]
    victim.send("POST", f"/threads/{thread}/runs/wait", {"assistant_id": "agent", "input": {"messages": [{"role": "user", "content": SECRET}]}})
    victim.send("PUT", "/store/items", {"namespace": ["mem"], "key": "1", "value": {"of": SECRET}})
    victim.send("PUT", "/store/items", {"namespace": [VAULT], "key": "1", "value": {"of": SECRET}})
    real = direct.json("POST", "/threads/search", {"metadata": {"of": SECRET}})[1][0]["thread_id"]
    mine = doors.at("langgraph", "acme").json("POST", "/threads", {})[1]["thread_id"]
    names = {"thread": thread, "real thread": real, "thread upper": thread.upper(), "thread bare": thread.replace("-", ""),
             "mine": mine, "secret": SECRET}

    def witness():
        found = victim.json("GET", f"/threads/{thread}")[1]
        state = victim.json("GET", f"/threads/{thread}/state")[1]["values"]
        return found["metadata"], state, victim.json("POST", "/store/items/search", {})[1]["items"], victim.json("POST", "/threads/count", {})[1]

    yield Stage(doors, "langgraph", names, witness)
    doors.stop()
    server.stop()


server = test_store_mem0.server


@pytest.fixture(scope="module")
def mem0(run, server):
    doors = Doors(run / "attacked-mem0", {"mem0": {"port": server.port, "adapter": "mem0"}})
    victim, direct = doors.at("mem0", "globex"), bare(server.port)
    for user in ("ann", None):
        body = {"messages": [{"role": "user", "content": SECRET}], "infer": False, **({"user_id": user} if user else {})}
        assert victim.send("POST", "/v1/memories/", body).status == 200
    shown = victim.json("POST", "/v2/memories/", {"filters": {"user_id": "ann"}})[1]["results"][0]["id"]
    real = direct.json("POST", "/v2/memories/", {"filters": {"user_id": "t6globex-ann"}})[1]["results"][0]["id"]
    names = {"memory": shown, "real memory": real, "memory upper": shown.upper()}

    def witness():
        return [victim.json("POST", "/v2/memories/", {"filters": {"user_id": user}})[1] for user in ("ann", "default_user")]

    yield Stage(doors, "mem0", names, witness)
    doors.stop()


def table(store):
    return [pytest.param(store, *attempt, id=f"{store}-{number}") for number, attempt in enumerate(getattr(attempts, store)())]


ALL = table("opensearch") + table("langgraph") + table("mem0")


def test_there_are_enough():
    assert len(ALL) >= 300


@pytest.mark.parametrize("store,method,path,body,headers", ALL)
def test_none_crosses(request, store, method, path, body, headers):
    request.getfixturevalue(store).attempt(method, path, body, headers)


@pytest.mark.parametrize("store", ["opensearch", "langgraph", "mem0"])
def test_and_the_victim_is_unharmed(request, store):
    request.getfixturevalue(store).unharmed()


@pytest.mark.parametrize("store,method,path,body", [
    ("langgraph", "GET", "/threads/{}", None), ("langgraph", "GET", "/threads/{}/state", None), ("langgraph", "DELETE", "/threads/{}", None),
    ("langgraph", "POST", "/threads/{}/runs/wait", {"assistant_id": "agent", "input": {"messages": []}}),
    ("mem0", "GET", "/v1/memories/{}/", None), ("mem0", "GET", "/v1/memories/{}/history/", None),
    ("opensearch", "GET", "/_search/scroll/{}", None), ("opensearch", "GET", "/{}/_doc/1", None), ("opensearch", "HEAD", "/{}", None),
])
def test_what_is_anothers_looks_like_what_is_not_there(request, store, method, path, body):
    stage = request.getfixturevalue(store)
    theirs = stage.fill({"langgraph": "<thread>", "mem0": "<memory>", "opensearch": "<scroll>" if "scroll" in path else VAULT}[store])
    stage.looks_unknown(method, path, body, theirs, "q" * len(theirs))
