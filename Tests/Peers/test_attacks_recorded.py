# SPDX-License-Identifier: Apache-2.0
"""One tenant against another's data in stores of which no server can be had: an origin that writes down what reaches it, reads it as
leniently as any server might, and gives the victim's secret to whoever reaches for it. And Chroma, the real one."""

import json
from urllib.parse import unquote

import pytest
from harness import attempts_recorded as attempts
from harness.attempts_recorded import POINT, VICTIM
from harness.scripted import Scripted
from harness.stores import Doors, bare
from test_attacks import SECRET, Stage

OWNER = {"key": "tenancy_owner", "match": {"value": "t4acme"}}


def lenient(target):
    """A path as the most careless of servers would read it."""
    path = target.split("?")[0]
    for _ in range(3):
        path = unquote(path, errors="replace")
    steps = []
    for step in path.replace("\\", "/").split("/"):
        step = step.split(";")[0].strip("\x00\t\n")
        if step == "..":
            steps = steps[:-1]
        elif step not in ("", "."):
            steps.append(step)
    return steps


def strict(body):
    """JSON in which no name stands twice, of one document."""
    def members(pairs):
        assert len({name for name, _ in pairs}) == len(pairs), pairs
        return dict(pairs)

    return json.loads(body, object_pairs_hook=members) if body else None


def strings(value):
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    return [text for part in value for text in strings(part)] if isinstance(value, list) else [value] if isinstance(value, str) else []


# What each origin takes for a reach into the victim's data: a reason, or nothing.


def rest_crossed(method, target, body):
    return lenient(target)[:2] != ["tenants", "t4acme"]


def qdrant_crossed(method, target, body):
    steps = lenient(target)
    if steps[:1] == ["collections"] and len(steps) > 1 and steps != ["collections", "aliases"] and not steps[1].startswith("t4acme-"):
        return "collection"
    text = json.dumps(body)
    if any(f'"{name}"' in text for name in ("lookup_from", "with_lookup", "init_from")):
        return "look-up"
    for action in (body or {}).get("actions", []) if isinstance(body, dict) else []:
        for change in action.values():
            if not all(name.startswith("t4acme-") for key, name in change.items() if key.endswith("_name")):
                return "alias"
    return None


def conditioned(query):
    """Whether a query, and each it prefetches from, wants the owner's mark."""
    prefetch = query.get("prefetch") or []
    nested = prefetch if isinstance(prefetch, list) else [prefetch]
    return OWNER in ((query.get("filter") or {}).get("must") or []) and all(conditioned(part) for part in nested)


def shared_crossed(method, target, body):
    steps = lenient(target)[3:]
    # The real id of the victim's point: nobody else's visible id opens to it.
    if any(POINT.replace("-", "") in text.lower().replace("-", "") for text in [*steps, *strings(body)]):
        return "point"
    if method == "POST" and steps in (["scroll"], ["count"], ["query"], ["search"], ["query", "groups"]) and not conditioned(body):
        return "condition"
    if steps == ["query", "batch"] and not all(map(conditioned, body["searches"])):
        return "condition"
    if lenient(target)[2:] == ["facet"] and not conditioned(body):
        return "condition"
    if steps in (["delete"], ["payload"]) and not body.get("points") and OWNER not in (body.get("filter") or {}).get("must", []):
        return "selection"
    written = [point.get("payload") for point in (body or {}).get("points", []) if isinstance(point, dict)] if not steps and method == "PUT" else []
    written += [body["payload"]] if steps == ["payload"] else []
    if not all(payload and payload.get("tenancy_owner") == "t4acme" for payload in written):
        return "owner"
    if steps == ["payload", "delete"] and any("tenancy_owner" in key for key in body["keys"]):
        return "owner"
    return None


def openai_crossed(method, target, body):
    return any(VICTIM in text for text in [*lenient(target), unquote(target), *strings(body)])


def agentcore_crossed(method, target, body):
    steps, body = lenient(target), body or {}
    if steps[:2] != ["memories", "m-1"] or any(VICTIM in text for text in [unquote(target), *strings(body)]):
        return "id"
    if steps[2:3] == ["actor"] and not steps[3].startswith("t4acme-"):
        return "actor"
    spaces = [body[name] for name in ("namespace", "namespacePath") if name in body]
    for record in body.get("records", []):
        spaces += record.get("namespaces", [])
    if steps[2:] in (["retrieve"], ["memoryRecords"]) and not spaces:
        return "every namespace"
    if not all(isinstance(space, str) and space.startswith("/t4acme") for space in spaces):
        return "namespace"
    if "actorId" in body and not body["actorId"].startswith("t4acme-") or steps[2:] == ["events"] and "actorId" not in body:
        return "actor"
    return None


def made(method, target, body):
    """What the origin answers the victim, who makes its objects."""
    kinds = {"files": "file", "vector_stores": "store", "threads": "thread", "assistants": "assistant", "conversations": "conversation", "responses": "response", "batches": "batch"}
    last = target.split("?")[0].split("/")[-1]
    mark = {"metadata": {"tenancy_owner": "t6globex"}} if last in ("vector_stores", "assistants") else {}
    if target.startswith("/v1/"):
        return {"id": f"{kinds[last]}-{VICTIM}", "object": kinds[last], **mark}
    if last == "events":
        return {"event": {"memoryId": "m-1", "actorId": body["actorId"], "sessionId": body["sessionId"], "eventId": f"0{VICTIM}"}}
    if last == "retrieve":
        return {"memoryRecordSummaries": [{"memoryRecordId": f"mem-{VICTIM}", "namespaces": ["/t6globex/"]}], "nextToken": f"page-{VICTIM}"}
    return {"status": "ok", "time": 0, "result": {"points": [{"id": POINT, "payload": {"tenancy_owner": "t6globex"}}], "next_page_offset": None}}


class Origin:
    """Alike for all of them: what they are asked is held against `crossed`."""

    def __init__(self, crossed, maps=True):
        self.crossed, self.maps, self.making, self.crossings = crossed, maps, False, []
        self.server = Scripted(self.answer)

    def answer(self, method, target, headers, body):
        try:
            assert not self.maps or "content-encoding" not in headers
            content = strict(body) if self.maps else None
            if self.making:
                return 200, {}, made(method, target, content)
            reason = self.crossed(method, target, content)
        except (AssertionError, ValueError, AttributeError, TypeError, KeyError) as problem:
            reason = f"unclear: {problem!r}"
        if not reason:
            return 404, {}, {"status": {"error": "none"}, "error": {"message": "none"}, "message": "none"}
        self.crossings.append((reason, method, target, body))
        return 200, {}, {"id": SECRET, "result": SECRET}


def recorded(run, adapter, crossed, maps=True, **route):
    name = adapter
    origin = Origin(crossed, maps)
    doors = Doors(run / f"recorded-{name}", {name: {"port": origin.server.port, "adapter": adapter, **route}})
    stage = Stage(doors, name, {"secret": SECRET}, lambda: list(origin.crossings))
    stage.origin = origin
    stage.victim = doors.at(name, "globex")
    return stage


def ended(stage):
    stage.doors.stop()
    stage.origin.server.stop()


@pytest.fixture(scope="module")
def rest(run):
    stage = recorded(run, "rest", rest_crossed, maps=False)
    yield stage
    ended(stage)


@pytest.fixture(scope="module")
def qdrant(run):
    stage = recorded(run, "qdrant", qdrant_crossed)
    yield stage
    ended(stage)


@pytest.fixture(scope="module")
def qdrant_shared(run):
    stage = recorded(run, "qdrant-shared", shared_crossed)
    stage.origin.making = True
    shown = stage.victim.json("POST", "/collections/all/points/scroll", {"limit": 1})[1]["result"]["points"][0]["id"]
    stage.origin.making = False
    stage.names["shown point"] = shown
    yield stage
    ended(stage)


@pytest.fixture(scope="module")
def openai(run):
    stage = recorded(run, "openai", openai_crossed)
    stage.origin.making = True
    for kind, places in attempts.OPENAI_PLACES.items():
        path = places[0].rsplit("/", 1)[0]
        body = {"batch": {"input_file_id": stage.names.get("shown file"), "endpoint": "/v1/responses", "completion_window": "24h"},
                "response": {"model": "m", "input": "x"}, "assistant": {"model": "m"}}.get(kind, {})
        stage.origin.maps = kind != "file"
        status, answer = stage.victim.json("POST", path, body)
        assert status == 200, answer
        stage.names |= {f"real {kind}": f"{kind}-{VICTIM}", f"shown {kind}": answer["id"]}
    stage.origin.making, stage.origin.maps = False, True
    yield stage
    ended(stage)


@pytest.fixture(scope="module")
def agentcore(run):
    stage = recorded(run, "agentcore-memory", agentcore_crossed, aws={"resources": ["m-1"]})
    stage.origin.making = True
    event = stage.victim.json("POST", "/memories/m-1/events", {"actorId": "bob", "sessionId": "s", "payload": []})[1]["event"]
    found = stage.victim.json("POST", "/memories/m-1/retrieve", {"namespace": "/", "searchCriteria": {"searchQuery": "x"}})[1]
    stage.origin.making = False
    stage.names |= {"real event": f"0{VICTIM}", "shown event": event["eventId"], "real record": f"mem-{VICTIM}", "real page": f"page-{VICTIM}",
                    "shown record": found["memoryRecordSummaries"][0]["memoryRecordId"], "shown page": found["nextToken"]}
    yield stage
    ended(stage)


@pytest.fixture(scope="module")
def chroma_stage(run, chroma):
    doors = Doors(run / "attacked-chroma", {"chroma": {"port": chroma, "adapter": "chroma"}})
    victim, acme, direct = doors.at("chroma", "globex"), doors.at("chroma", "acme"), bare(chroma)
    base = "/api/v2/tenants/{}/databases/default_database/collections"
    shown = victim.json("POST", base.format("default_tenant"), {"name": "mem"})[1]["id"]
    added = {"ids": ["1"], "embeddings": [[1.0, 0.0]], "documents": [SECRET], "metadatas": [{"of": SECRET}]}
    assert victim.send("POST", f"{base.format('default_tenant')}/{shown}/add", added).status == 201
    mine = acme.json("POST", base.format("default_tenant"), {"name": "acme-own"})[1]["id"]
    real = next(found["id"] for found in direct.json("GET", base.format("t6globex"))[1] if found["name"] == "mem")
    names = {"real collection": real, "shown collection": shown, "shown upper": shown.upper(), "real bare": real.replace("-", ""), "mine": mine, "secret": SECRET,
             "real encoded": "".join(f"%{ord(letter):02x}" for letter in real)}

    def witness():
        listed = victim.json("GET", base.format("default_tenant"))[1]
        return sorted(found["name"] for found in listed), victim.json("POST", f"{base.format('default_tenant')}/{shown}/get", {})[1]

    stage = Stage(doors, "chroma", names, witness)
    stage.direct, stage.victim = direct, victim
    yield stage
    doors.stop()


FIXTURES = {"rest": "rest", "chroma": "chroma_stage", "qdrant": "qdrant", "qdrant_shared": "qdrant_shared", "openai": "openai", "agentcore": "agentcore"}
ALL = [pytest.param(store, *attempt, id=f"{store}-{number}") for store in FIXTURES for number, attempt in enumerate(getattr(attempts, store)())]


def test_there_are_enough():
    assert len({repr(attempt.values) for attempt in ALL}) >= 900


@pytest.mark.parametrize("store,method,path,body,headers", ALL)
def test_none_crosses(request, store, method, path, body, headers):
    stage = request.getfixturevalue(FIXTURES[store])
    if isinstance(body, bytes):
        for name, text in stage.names.items():
            body = body.replace(f"<{name}>".encode(), text.encode())
    before = list(stage.origin.crossings) if hasattr(stage, "origin") else []
    stage.attempt(method, path, body, headers)
    assert not hasattr(stage, "origin") or stage.origin.crossings == before


@pytest.mark.parametrize("store", FIXTURES)
def test_and_the_victim_is_unharmed(request, store):
    request.getfixturevalue(FIXTURES[store]).unharmed()


@pytest.mark.parametrize("store,method,path,kind", [
    ("openai", "GET", "/v1/files/{}", "shown file"), ("openai", "DELETE", "/v1/threads/{}", "shown thread"), ("openai", "GET", "/v1/responses/{}", "shown response"),
    ("openai", "GET", "/v1/vector_stores?after={}", "shown store"), ("agentcore", "GET", "/memories/m-1/memoryRecord/{}", "shown record"),
    ("agentcore", "DELETE", "/memories/m-1/memoryRecords/{}", "real record"), ("chroma", "GET", "/api/v2/tenants/default_tenant/databases/default_database/collections/by-id/{}", "shown collection"),
    ("chroma", "GET", "/api/v2/tenants/default_tenant/databases/default_database/collections/by-id/{}", "real collection"), ("chroma", "GET", "/api/v2/tenants/{}", "globex"),
    ("qdrant", "GET", "/collections/{}", "t6globex-mem"), ("rest", "GET", "/tenants/{}", "t6globex"),
])
def test_what_is_anothers_looks_like_what_is_not_there(request, store, method, path, kind):
    stage = request.getfixturevalue(FIXTURES[store])
    theirs = stage.names.get(kind, kind)
    # Of the same length and alphabet, and nobody's.
    other = "".join("1" if letter.isdigit() else "b" if letter.isalpha() else letter for letter in theirs)
    stage.looks_unknown(method, path, None, theirs, other)


def test_chromas_hole_is_open_without_and_closed_with(chroma_stage):
    """The server finds a collection by its UUID whatever tenant the path names."""
    stage = chroma_stage
    for owner in ("default_tenant", "t4acme"):
        path = f"/api/v2/tenants/{owner}/databases/default_database/collections/{stage.names['real collection']}/get"
        status, opened = stage.direct.json("POST", path, {"include": ["documents"]})
        assert status == 200 and opened["documents"] == [SECRET]
        closed = stage.attacker.send("POST", path, {"include": ["documents"]})
        assert closed.status in (400, 403, 404) and SECRET.encode() not in closed.body


@pytest.mark.parametrize("answer", [
    {"status": "ok", "time": 0, "result": {"points": [{"id": POINT, "payload": {"tenancy_owner": "t6globex", "of": SECRET}}]}},
    {"status": "ok", "time": 0, "result": {"points": [{"id": POINT, "payload": {"of": SECRET}}]}},
    {"status": "ok", "time": 0, "result": {"points": [{"id": POINT, "payload": {"tenancy_owner": ["t4acme"], "of": SECRET}}]}},
    {"status": "ok", "time": 0, "result": {"points": [{"id": POINT, "payload": {"tenancy_owner": "t4acme", "tenancy_owner ": "x"}}], "of": SECRET}},
])
def test_a_store_that_answers_all_the_same_is_stopped(qdrant_shared, answer):
    before, qdrant_shared.origin.server.answer = qdrant_shared.origin.server.answer, lambda *_: (200, {}, answer)
    try:
        seen = qdrant_shared.attacker.send("POST", "/collections/all/points/scroll", {"limit": 3})
    finally:
        qdrant_shared.origin.server.answer = before
    assert seen.status == 502 and SECRET.encode() not in seen.body
