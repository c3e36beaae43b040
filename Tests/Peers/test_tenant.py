# SPDX-License-Identifier: Apache-2.0
"""`bulkhead tenant erase|export`: all of one tenant in a store, and nothing of another's."""

import json
from urllib.parse import parse_qsl, urlsplit

import chromadb
import pytest
import yaml
from harness.bulkhead import ROOT
from harness.client import Caller
from harness.process import LOOPBACK, free_port
from harness.scripted import Scripted
from harness.tenants import lines, tenant

# The second's id begins with the first's.
TENANTS = [{"id": name, "name": name, "tier": "basic", "issuers": ["workforce"]} for name in ("leaver", "leaver2", "stayer")]
DATABASES = "/api/v2/tenants/default_tenant/databases"


def notes_table():
    """The generic table, for the sample store: it lists the names in a folder."""
    table = yaml.safe_load((ROOT / "Config" / "adapters" / "rest.yaml").read_text())
    return table | {"adapter": "notes", "contents": [{
        "name": "note", "list": {"method": "GET", "path": "/notes/"}, "items": "/names", "fields": {"note": ""},
        "export": {"method": "GET", "path": "/notes/{note}"}, "delete": {"method": "DELETE", "path": "/notes/{note}"}}]}


@pytest.fixture(scope="module")
def bulkhead(make_bulkhead):
    bulkhead = make_bulkhead("tenants", tenants=TENANTS, start=False)
    (bulkhead.folder / "adapters" / "notes.yaml").write_text(json.dumps(notes_table()))
    for route in bulkhead.configuration["routes"]:
        if route["name"] == "notes":
            route["adapter"] = "notes"
    users = {"name": "personal", "match": {"paths": ["/**"]}, "adapter": "chroma", "resource": 'Store::"personal"',
             "upstream": "chroma", "namespace": {"scope": "user"},
             "single_layer": {"owner": "t", "reason": "t", "expires": "2099-12-31"}}
    bulkhead.configuration["routes"].append(users)
    bulkhead.ports["personal"] = free_port()
    bulkhead.configuration["listeners"].append({"name": "personal", "carriers": ["bearer"], "routes": ["personal"],
                                                "address": f"{LOOPBACK}:{bulkhead.ports['personal']}"})
    bulkhead.file.write_text(json.dumps(bulkhead.configuration, indent=1))
    return bulkhead.start()


@pytest.fixture(scope="module")
def tokens(forge):
    return {tenant["id"]: forge.token(tenant["id"], "basic") for tenant in TENANTS}


def client(bulkhead, token, database="default_database"):
    return chromadb.HttpClient(host=LOOPBACK, port=bulkhead.ports["vectors"], database=database,
                               headers={"Authorization": f"Bearer {token}"})


def vectors(bulkhead, token):
    """All that a tenant sees of its vectors, by database and collection."""
    answer = Caller(bulkhead.ports["vectors"]).request("GET", DATABASES, token=token)
    found = {}
    for database in sorted(entry["name"] for entry in answer.json()):
        for collection in client(bulkhead, token, database).list_collections():
            found[database, collection.name] = collection.get(include=["documents", "embeddings"])["documents"]
    return found


@pytest.fixture(scope="module")
def filled(bulkhead, tokens):
    for name, token in tokens.items():
        for database in ("default_database", "second"):
            if database == "second":
                made = Caller(bulkhead.ports["vectors"]).request("POST", DATABASES, token=token, body={"name": database})
                assert made.status == 200, made
            for number in range(3):
                collection = client(bulkhead, token, database).create_collection(f"part{number}", embedding_function=None)
                count = 250 if number == 0 else 2
                collection.add(ids=[f"i{i}" for i in range(count)], documents=[f"{name} {i}" for i in range(count)],
                               embeddings=[[float(i), 1.0] for i in range(count)])
        notes = Caller(bulkhead.ports["notes"])
        for key in ("a", "b", "c.d", "e-f"):
            assert notes.request("PUT", f"/notes/{key}", token=token, body={"of": name}).status == 204
    return {name: vectors(bulkhead, token) for name, token in tokens.items()}


def test_export_writes_all_and_only_ones_own(bulkhead, filled, tmp_path):
    report, things = tenant(bulkhead, "export", "leaver", "--store", "chroma", "--out", tmp_path / "out")
    assert report["ok"] and (things["database"]["exported"], things["collection"]["exported"]) == (2, 6)
    text = "".join(path.read_text() for path in (tmp_path / "out").iterdir())
    assert "stayer" not in text and "leaver2" not in text and report["compartment"] not in text
    pages = [json.loads(line) for line in (tmp_path / "out" / "collection.content.jsonl").read_text().splitlines()]
    documents = {}
    for page in pages:
        documents.setdefault((page["of"]["database"], page["of"]["collection"]), []).extend(page["value"]["documents"])
    assert documents == filled["leaver"]
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (tmp_path / "out").iterdir())
    # A folder with something in it is not written over.
    done = bulkhead.command("tenant", "export", "leaver", "--store", "chroma", "--config", bulkhead.file,
                            "--out", tmp_path / "out")
    assert done.returncode == 1 and "not empty" in done.stderr


def test_without_a_word_nothing_is_deleted(bulkhead, filled, tokens):
    report, things = tenant(bulkhead, "erase", "leaver", "--store", "chroma")
    assert (things["collection"]["found"], things["collection"]["deleted"], things["collection"]["left"]) == (6, 0, None)
    assert vectors(bulkhead, tokens["leaver"]) == filled["leaver"]


def test_erase_leaves_nothing_and_touches_nobody_else(bulkhead, filled, tokens, chroma):
    report, things = tenant(bulkhead, "erase", "leaver", "--store", "chroma", "--yes")
    assert report["ok"] and report["compartment"] == "t6leaver"
    assert {name: (thing["found"], thing["deleted"], thing["left"]) for name, thing in things.items()} \
        == {"database": (2, 2, 0), "collection": (6, 6, 0)}
    # As the server itself sees it.
    direct = Caller(chroma).request("GET", "/api/v2/tenants/t6leaver/databases")
    assert direct.json() == []
    for name in ("leaver2", "stayer"):
        assert vectors(bulkhead, tokens[name]) == filled[name]
    # Again: nothing is there, and that is fine.
    report, things = tenant(bulkhead, "erase", "leaver", "--store", "chroma", "--yes")
    assert report["ok"] and things["database"]["found"] == 0


def test_a_table_of_ones_own(bulkhead, filled, tokens, tmp_path):
    report, things = tenant(bulkhead, "export", "leaver", "--store", "notes", "--out", tmp_path / "out")
    assert things["note"]["exported"] == 4
    report, things = tenant(bulkhead, "erase", "leaver", "--store", "notes", "--yes")
    assert report["ok"] and (things["note"]["deleted"], things["note"]["left"]) == (4, 0)
    notes = Caller(bulkhead.ports["notes"])
    assert notes.request("GET", "/notes/a", token=tokens["leaver"]).status == 404
    assert notes.request("GET", "/notes/a", token=tokens["leaver2"]).json() == {"of": "leaver2"}


PAGES = {
    "adapter": "pages", "kind": "store", "single_layer": True, "maximum_body": "4KiB", "errors": {"body": {"error": "{code}"}, "upstream": {"/error": "pass"}},
    "operations": [
        {"name": "list", "method": "GET", "path": "/things", "action": "memory:List", "request": {"query": {"limit": "pass", "page": "pass"}},
         "response": {"body": {"/*/n": "pass", "/*/text": "pass"}}},
        {"name": "read", "method": "GET", "path": "/things/{n}", "action": "memory:Read", "request": {"query": {"limit": "pass", "offset": "pass"}},
         "response": {"body": {"/*": "pass"}}},
        {"name": "delete", "method": "DELETE", "path": "/things/{n}", "action": "memory:Delete", "response": {"body": "none"}}],
    "segments": {"n": "pass"},
    "contents": [{"name": "thing", "list": {"method": "GET", "path": "/things?limit={limit}&page={page}"}, "fields": {"n": "/n"}, "rows": "",
                  "export": {"method": "GET", "path": "/things/{n}?limit={limit}&offset={offset}"},
                  "delete": {"method": "DELETE", "path": "/things/{n}"}}]}


def test_pages_that_are_too_large_are_made_smaller(bulkhead, tmp_path):
    """Whoever keeps large things is erased and written out all the same; one that is refused saves none of the others."""
    things = {str(number): ["x" * 300] * 20 for number in range(130)}

    def answer(method, target, *_):
        parts, query = urlsplit(target).path.split("/"), {name: int(value) for name, value in parse_qsl(urlsplit(target).query)}
        if method == "DELETE":
            return (403, {}, {"error": "kept"}) if parts[2] == "7" else (204 if things.pop(parts[2], None) else 404, {}, b"")
        if len(parts) == 2:
            start = (query["page"] - 1) * query["limit"]
            return 200, {}, [{"n": n, "text": text[0]} for n, text in list(things.items())[start:start + query["limit"]]]
        return 200, {}, things[parts[2]][query["offset"]:query["offset"] + query["limit"]]

    store = Scripted(answer)
    (bulkhead.folder / "adapters" / "pages.yaml").write_text(json.dumps(PAGES))
    changed = json.loads(json.dumps(bulkhead.configuration))
    changed["upstreams"]["memory"]["endpoints"] = [f"{LOOPBACK}:{store.port}"]
    next(route for route in changed["routes"] if route["name"] == "notes")["adapter"] = "pages"
    config = bulkhead.folder / "pages.yaml"
    config.write_text(json.dumps(changed))
    try:
        _, told = tenant(bulkhead, "export", "leaver", "--store", "notes", "--out", tmp_path / "out", config=config)
        assert told["thing"]["exported"] == len(lines(tmp_path / "out", "thing")) == 130
        rows = {}
        for of, page in lines(tmp_path / "out", "thing.content"):
            rows[of["n"]] = rows.get(of["n"], 0) + len(page)
        assert rows == {str(number): 20 for number in range(130)}
        report, told = tenant(bulkhead, "erase", "leaver", "--store", "notes", "--yes", config=config, code=1)
        assert (told["thing"]["deleted"], told["thing"]["refused"], told["thing"]["left"]) == (129, 1, 1)
        assert report["failure"] == "thing not deleted: thing: the store answered 403" and list(things) == ["7"]
    finally:
        store.stop()
        (bulkhead.folder / "adapters" / "pages.yaml").unlink()


def test_one_user_where_users_are_apart(bulkhead, forge):
    for user in ("u1", "u2"):
        chromadb.HttpClient(host=LOOPBACK, port=bulkhead.ports["personal"],
                            headers={"Authorization": f"Bearer {forge.token('stayer', 'basic', user)}"}) \
            .create_collection("mine", embedding_function=None)
    whole = bulkhead.command("tenant", "erase", "stayer", "--store", "personal", "--config", bulkhead.file, "--yes")
    assert whole.returncode == 1 and "--user" in whole.stderr
    report, things = tenant(bulkhead, "erase", "stayer", "--store", "personal", "--issuer", "workforce", "--user", "u1", "--yes")
    assert things["collection"]["deleted"] == 1
    _, things = tenant(bulkhead, "erase", "stayer", "--store", "personal", "--issuer", "workforce", "--user", "u2")
    assert things["collection"]["found"] == 1


@pytest.mark.parametrize("arguments, code, says", [
    (["erase"], 2, "which tenant"), (["erase", "no such id", "--store", "chroma"], 2, "which tenant"), (["empty"], 2, "say suspend"),
    (["erase", "leaver", "--store", "nowhere"], 1, "there is no route"), (["export", "leaver", "--store", "chroma"], 2, "--out"),
    (["erase", "leaver", "--store", "agent"], 1, "contents"), (["erase", "leaver", "--store", "chroma", "--name", "x"], 2, "THING=NAME"),
    (["erase", "leaver", "--store", "chroma", "--name", "user=ann"], 1, "no user can be named"), (["erase", "leaver", "--store", "chroma", "--user", "u"], 2, "together")])
def test_mistakes_are_told(bulkhead, arguments, code, says):
    done = bulkhead.command("tenant", *arguments, "--config", bulkhead.file)
    assert done.returncode == code and says in done.stderr, done.stderr
