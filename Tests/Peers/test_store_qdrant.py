# SPDX-License-Identifier: Apache-2.0
"""Qdrant's own client against a store that only writes down what it is sent: there is no server that could be had here."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from harness.stores import Doors, program


@pytest.fixture(scope="module")
def recorder():
    seen = []

    class Store(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def answer(self):
            size = int(self.headers.get("content-length") or 0)
            seen.append((self.command, self.path, json.loads(self.rfile.read(size) or b"null")))
            data = b'{"result":null,"status":"ok","time":0.0}'
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.seen = seen
    yield server
    server.shutdown()


@pytest.fixture(scope="module")
def doors(run, recorder):
    port = recorder.server_address[1]
    doors = Doors(run / "qdrant", {"qdrant": {"port": port, "adapter": "qdrant"}, "shared": {"port": port, "adapter": "qdrant-shared"}})
    yield doors
    doors.stop()


def test_each_tenant_has_collections_of_its_own(doors, recorder):
    recorder.seen.clear()
    assert program("stores", "qdrant_program.py", doors.url("qdrant"), doors.tokens["acme"], "notes") == {"refused": []}
    assert len(recorder.seen) >= 12
    assert all(path.startswith("/collections/t4acme-notes") for _, path, _ in recorder.seen)


def conditions(filter_):
    return [part for part in filter_["must"] if part == {"key": "tenancy_owner", "match": {"value": "t4acme"}}]


def test_in_a_shared_collection_every_query_has_the_condition(doors, recorder):
    recorder.seen.clear()
    assert program("stores", "qdrant_program.py", doors.url("shared"), doors.tokens["acme"], "notes") == {"refused": []}
    queries = [body for _, path, body in recorder.seen if path.split("?")[0].endswith(("/query", "/scroll", "/count", "/groups"))]
    assert len(queries) >= 6
    for body in queries:
        assert conditions(body["filter"]), body
        for arm in body.get("prefetch") or []:
            assert conditions(arm["filter"]), arm
    upserted = next(body for method, path, body in recorder.seen if method == "PUT" and path.split("?")[0].endswith("/points"))
    assert upserted["points"][0]["payload"] == {"a": 1, "tenancy_owner": "t4acme"}
    mine = upserted["points"][0]["id"]
    assert mine != "00000000-0000-0000-0000-000000000007"
    by_point = [body for body in queries if body.get("query") in (mine, {"nearest": mine})]
    assert by_point, queries
    deleted = [body for _, path, body in recorder.seen if path.split("?")[0].endswith("/delete")]
    assert {"points": [mine]} in deleted and any("filter" in body and conditions(body["filter"]) for body in deleted)
