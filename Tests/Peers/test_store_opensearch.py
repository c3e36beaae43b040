# SPDX-License-Identifier: Apache-2.0
"""OpenSearch (osmem-server) with its own client: several tenants, one server."""

import json

import pytest
from harness.process import Owned, answers, free_port
from harness.stores import Doors, Tenant, bare, packaged, program
from harness.tenants import LEAVER, NEIGHBOUR, cut_in_the_middle, erased, lines, tenant


def start(folder, name="opensearch"):
    port = free_port()
    server = Owned(name, [packaged("stores", "osmem_server/bin/osmem-server"), "-no-stdin-watch", "-addr", f"127.0.0.1:{port}"],
                   folder / f"{name}-{port}.log")
    server.await_ready(lambda: answers(port, "/"))
    server.port = port
    return server


@pytest.fixture(scope="module")
def server(run):
    server = start(run)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def doors(run, server):
    doors = Doors(run / "opensearch", {"opensearch": {"port": server.port, "adapter": "opensearch"}})
    yield doors
    doors.stop()


@pytest.fixture(scope="module")
def filled(doors):
    for tenant in ("acme", "globex"):
        caller = doors.at("opensearch", tenant)
        assert caller.send("PUT", "/mem/_doc/1?refresh=true", {"of": tenant, "text": f"secret of {tenant}"}).status == 201
    return doors


def test_an_unchanged_client_sees_what_a_private_server_shows(run, doors):
    private = start(run, "private")
    try:
        expected = program("stores", "opensearch_program.py", f"http://127.0.0.1:{private.port}", "-", "x")
    finally:
        private.stop()
    for tenant in ("acme", "globex", "acme2"):
        assert program("stores", "opensearch_program.py", doors.url("opensearch"), doors.tokens[tenant], "x") == expected
    # A client that sends its bodies in gzip sees nothing else.
    assert program("stores", "opensearch_program.py", doors.url("opensearch"), doors.tokens["initech"], "x", "compressed") == expected


HOLES = [
    ("GET", "/_search", None),
    ("GET", "/*/_search", None),
    ("GET", "/_all/_search", None),
    ("POST", "/t4acme-mem/_mget", {"docs": [{"_index": "t6globex-mem", "_id": "1"}]}),
    ("POST", "/_mget", {"docs": [{"_index": "t6globex-mem", "_id": "1"}]}),
    ("POST", "/t4acme-mem/_msearch", '{"index":"t6globex-mem"}\n{"query":{"match_all":{}}}\n'),
    ("POST", "/_msearch", '{}\n{"query":{"match_all":{}}}\n'),
    ("GET", "/_cat/indices?format=json", None),
    ("GET", "/t6globex-mem/_doc/1", None),
]


@pytest.mark.parametrize("method,path,body", HOLES)
def test_holes_are_open_without_and_closed_with_bulkhead(filled, server, method, path, body):
    open_ = bare(server.port).send(method, path, body)
    assert open_.status == 200 and b"globex" in open_.body, open_
    path = path.replace("/t4acme-mem", "/mem")
    closed = filled.at("opensearch", "acme").send(method, path, body)
    assert b"globex" not in closed.body.replace(b"t6globex-mem", b"").replace(b"globex-mem", b""), closed
    assert b"secret of globex" not in closed.body


def test_bulk_writes_stay_inside(filled, server):
    line = json.dumps({"index": {"_index": "t6globex-mem", "_id": "1"}}) + '\n{"of":"acme"}\n'
    assert bare(server.port).send("POST", "/_bulk", line).json()["errors"] is False
    assert bare(server.port).json("GET", "/t6globex-mem/_doc/1")[1]["_source"] == {"of": "acme"}
    bare(server.port).send("PUT", "/t6globex-mem/_doc/1?refresh=true", {"of": "globex", "text": "secret of globex"})
    filled.at("opensearch", "acme").send("POST", "/_bulk?refresh=true", line)
    assert filled.at("opensearch", "globex").json("GET", "/mem/_doc/1")[1]["_source"]["of"] == "globex"
    assert filled.at("opensearch", "acme").json("GET", "/t6globex-mem/_doc/1")[1]["_source"] == {"of": "acme"}


def test_a_search_that_goes_on_belongs_to_whoever_began_it(filled):
    acme, globex = filled.at("opensearch", "acme"), filled.at("opensearch", "globex")
    scroll = globex.json("POST", "/mem/_search?scroll=1m", {"size": 1})[1]["_scroll_id"]
    pit = globex.json("POST", "/mem/_search/point_in_time?keep_alive=1m")[1]["pit_id"]
    assert globex.json("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": scroll})[0] == 200
    for made_up in (scroll, scroll[:-1] + "a", "x" * 40):
        answer = acme.send("POST", "/_search/scroll", {"scroll": "1m", "scroll_id": made_up})
        assert answer.status == 404 and answer.json()["error"]["type"] == "search_context_missing_exception"
    assert acme.send("POST", "/_search", {"pit": {"id": pit}}).status == 404
    assert acme.send("DELETE", "/_search/scroll", {"scroll_id": [scroll]}).status == 404
    assert acme.send("DELETE", "/_search/scroll/_all").status == 403
    assert globex.json("POST", "/_search", {"pit": {"id": pit}})[0] == 200


def test_large_bodies_pass_in_pieces(doors):
    """24 MB in and as much out, rewritten on their way, in a few buffers of memory."""
    tenant = doors.at("opensearch", "initech")
    text = "x" * 2000
    lines = "".join(f'{{"index":{{"_index":"large","_id":"{n}"}}}}\n{{"text":"{text}"}}\n' for n in range(12_000))
    tenant.send("PUT", "/large/_doc/warm", {"text": text})
    before = doors.bulkhead.process.resident_bytes()
    answer = tenant.send("POST", "/_bulk?refresh=true", lines.encode())
    assert answer.status == 200 and answer.json()["errors"] is False
    assert {item["index"]["_index"] for item in answer.json()["items"]} == {"large"}
    found = tenant.send("POST", "/_search", {"size": 10_000, "query": {"match_all": {}}})
    hits = found.json()["hits"]["hits"]
    assert len(found.body) > 20_000_000 and len(hits) == 10_000 and {hit["_index"] for hit in hits} == {"large"}
    assert doors.bulkhead.process.resident_bytes() - before < 8 << 20


def test_a_refusal_in_the_middle_of_a_large_body_reaches_no_store(doors):
    tenant = doors.at("opensearch", "initech")
    line = '{"index":{"_index":"cut","_id":"%d"}}\n{"text":"' + "x" * 2000 + '"}\n'
    lines = "".join(line % n for n in range(1000)) + '{"index":{"_index":"_cut"}}\n{}\n'
    answer = tenant.send("POST", "/_bulk?refresh=true", lines.encode())
    assert answer.status == 400 and answer.json()["error"]["type"] == "invalid_index_name_exception"
    assert tenant.json("GET", "/cut/_count")[0] == 404


def test_users_of_one_tenant_are_apart_where_the_route_says_so(run, server):
    doors = Doors(run / "opensearch-users", {"opensearch": {"port": server.port, "adapter": "opensearch", "namespace": {"scope": "user"}}})
    try:
        users = {user: Tenant(doors.at("opensearch", "acme").caller, doors.forge.token("acme", "basic", user)) for user in ("ann", "ben")}
        for user, tenant in users.items():
            assert tenant.send("PUT", "/mem/_doc/1?refresh=true", {"of": user}).status == 201
        for user, tenant in users.items():
            assert tenant.json("GET", "/mem/_doc/1")[1]["_source"] == {"of": user}
            assert tenant.json("POST", "/_search", {})[1]["hits"]["total"]["value"] == 1
        # The tenant's own compartment is another still.
        names = [line["index"] for line in bare(server.port).json("GET", "/_cat/indices?format=json")[1]]
        assert len([name for name in names if name.startswith("u") and name.endswith("-mem")]) == 2
    finally:
        doors.stop()


def test_a_tenant_leaves(doors, server, tmp_path):
    """Written out whole and deleted, the neighbour with the longer name left alone; begun again where it was cut off."""
    direct = bare(server.port)
    for name, code, count in ((LEAVER, "t6leaver", 10_050), (NEIGHBOUR, "t7leaver2", 3)):
        caller = doors.at("opensearch", name)
        # More than a search shows in pages of an offset.
        bulk = "".join(f'{{"index":{{"_index":"{code}-large","_id":"{n}"}}}}\n{{"of":"{name}"}}\n' for n in range(count))
        assert direct.send("POST", "/_bulk?refresh=true", bulk).json()["errors"] is False
        for index in ("one", "closed", "two", "three"):
            body = {"aliases": {"now": {}}, "mappings": {"properties": {"of": {"type": "keyword"}}}}
            assert caller.send("PUT", f"/{index}", body if index == "one" else {}).status == 200
            assert caller.send("PUT", f"/{index}/_doc/1?refresh=true", {"of": name}).status == 201
        assert caller.send("POST", "/closed/_close").status == 200

    def raw(name):
        listed = direct.json("GET", "/_cat/indices?format=json&expand_wildcards=all")[1]
        return sorted(line["index"] for line in listed if line["index"].startswith(name))

    # A closed index cannot be read: that is said, and nothing else is told in its place.
    report, _ = tenant(doors.bulkhead, "export", LEAVER, "--store", "opensearch", "--out", tmp_path / "closed", code=1)
    assert report["failure"] == "index: the store answered 400"
    assert doors.at("opensearch", LEAVER).send("POST", "/closed/_open").status == 200
    _, things = tenant(doors.bulkhead, "export", LEAVER, "--store", "opensearch", "--out", tmp_path / "out")
    assert things["index"]["exported"] == things["definition"]["exported"] == 5
    read = [(of["index"], hit["_id"], hit["_source"]["of"]) for of, page in lines(tmp_path / "out", "index.content")
            for hit in page["hits"]["hits"]]
    assert len(set(read)) == len(read) == 10_050 + 4 and {of for _, _, of in read} == {LEAVER}
    told = {of["index"]: value for of, value in lines(tmp_path / "out", "definition")}
    assert told["one"]["aliases"] == {"now": {}} and told["one"]["mappings"]["properties"]["of"] == {"type": "keyword"}
    assert "t6leaver" not in "".join(path.read_text() for path in (tmp_path / "out").iterdir())
    neighbours = raw("t7leaver2-")
    assert doors.at("opensearch", LEAVER).send("POST", "/closed/_close").status == 200
    cut_in_the_middle(doors.bulkhead, "opensearch", server.port, 2)
    assert len(raw("t6leaver-")) == 3
    _, things = tenant(doors.bulkhead, "erase", LEAVER, "--store", "opensearch", "--yes")
    assert erased(things) == {"index": (3, 3, 0), "definition": (3, 0, 0)}
    assert raw("t6leaver-") == [] and direct.json("GET", "/_alias/t6leaver-now")[0] == 404
    assert raw("t7leaver2-") == neighbours and len(neighbours) == 5
    assert doors.at("opensearch", NEIGHBOUR).json("GET", "/large,one/_count")[1]["count"] == 4
