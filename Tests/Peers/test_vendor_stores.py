# SPDX-License-Identifier: Apache-2.0
"""A store behind keys of its tenants: what Bulkhead itself asks there bears them too, and a key that is taken back is read anew."""

import http.client
import json

import chromadb
import pytest
from harness.authorization import Server
from harness.client import Caller
from harness.process import LOOPBACK, wait_until

TENANTS = ("clinic", "hospital")
DATABASES = "/api/v2/tenants/default_tenant/databases"


class Gate(Server):
    """In front of Chroma: lets in who shows a key that is good now, and hands on nothing of it."""

    def __init__(self, port, keys):
        self.target, self.good = port, set(keys)
        super().__init__()

    def answer(self, handler, body):
        key = handler.headers.get("x-store-key") or ""
        self.seen.append((key, handler.command, handler.path))
        if key not in self.good:
            return self.reply(handler, 401, b'{"error":"Unauthorized","message":"who are you?"}')
        connection = http.client.HTTPConnection(LOOPBACK, self.target, timeout=20)
        try:
            kept = {name: value for name, value in handler.headers.items()
                    if name.lower() in ("content-type", "accept", "user-agent")}
            connection.request(handler.command, handler.path, body=body, headers=kept)
            response = connection.getresponse()
            self.reply(handler, response.status, response.read(), response.getheader("content-type"))
        finally:
            connection.close()


@pytest.fixture(scope="module")
def gate(chroma):
    gate = Gate(chroma, (f"key-of-{tenant}-1" for tenant in TENANTS))
    handler = gate.server.RequestHandlerClass
    handler.do_DELETE = handler.do_GET
    yield gate
    gate.stop()


@pytest.fixture(scope="module")
def bulkhead(make_bulkhead, gate):
    bulkhead = make_bulkhead("vendor-stores", {
        "listeners": [{"name": "vectors", "carriers": ["bearer"], "routes": ["keyed"]},
                      {"name": "callers", "carriers": ["bearer"], "routes": ["called"]}],
        "credentials": [
            {"name": "store-key", "kind": "secret", "path": "secrets/{tenant}", "refresh": "1h",
             "inject": {"as": "header", "name": "x-store-key"}},
            {"name": "context", "kind": "signed-context", "key": {"file": "keys/context.pem"}}],
        "upstreams": {"keyed": {"endpoints": [f"{LOOPBACK}:{gate.port}"]}},
        "routes": [
            {"name": name, "match": {"paths": ["/**"]}, "adapter": "chroma", "resource": 'Store::"keyed"', "upstream": "keyed",
             "credentials": credential, "single_layer": {"owner": "t", "reason": "t", "expires": "2099-12-31"}}
            for name, credential in (("keyed", "store-key"), ("called", "context"))],
    }, start=False)
    (bulkhead.folder / "secrets").mkdir()
    for tenant in TENANTS:
        (bulkhead.folder / "secrets" / tenant).write_text(f"key-of-{tenant}-1\n")
    return bulkhead.start()


@pytest.fixture(scope="module")
def tokens(forge):
    return {tenant: forge.token(tenant, tier) for tenant, tier in (("clinic", "basic"), ("hospital", "premium"))}


def client(bulkhead, token):
    return chromadb.HttpClient(host=LOOPBACK, port=bulkhead.ports["vectors"], headers={"Authorization": f"Bearer {token}"})


@pytest.fixture(scope="module")
def filled(bulkhead, tokens, gate):
    for tenant, token in tokens.items():
        collection = client(bulkhead, token).create_collection("kept", embedding_function=None)
        collection.add(ids=["1"], documents=[f"of {tenant}"], embeddings=[[1.0, 2.0]])


def test_what_is_prepared_for_a_tenant_is_asked_with_its_key(gate, filled):
    """A compartment's tenant and database are made by Bulkhead itself, before its first request."""
    made = [(key, path) for key, method, path in gate.seen if method == "POST" and path in ("/api/v2/tenants",)]
    assert {key for key, _ in made} == {"key-of-clinic-1", "key-of-hospital-1"}, gate.seen
    assert all(key for key, _, _ in gate.seen), "something was asked without a key"


def walk(bulkhead, gate, verb, tenant, *more, store="keyed", code=0):
    before = len(gate.seen)
    done = bulkhead.command("tenant", verb, tenant, "--store", store, "--config", bulkhead.file, "--json", *more)
    assert done.returncode == code, done.stdout + done.stderr
    assert "key-of" not in done.stdout + done.stderr
    return done, {key for key, _, _ in gate.seen[before:]}


def test_export_and_erase_bear_it_too(bulkhead, gate, filled, tokens, tmp_path):
    folder = tmp_path / "out"
    _, keys = walk(bulkhead, gate, "export", "hospital", "--out", folder)
    assert keys == {"key-of-hospital-1"}
    text = "".join(path.read_text() for path in folder.iterdir())
    assert "of hospital" in text and "of clinic" not in text and "key-of" not in text
    done, keys = walk(bulkhead, gate, "erase", "hospital", "--yes")
    assert keys == {"key-of-hospital-1"} and json.loads(done.stdout)["ok"]
    assert client(bulkhead, tokens["clinic"]).get_collection("kept", embedding_function=None).count() == 1


def test_without_a_key_nothing_is_asked(bulkhead, gate, filled):
    """Nobody else's is taken in its place; one that is made for a caller cannot be made for nobody."""
    done, keys = walk(bulkhead, gate, "erase", "stranger", "--yes", code=1)
    assert not keys and "credential_missing" in done.stdout + done.stderr
    done, keys = walk(bulkhead, gate, "erase", "clinic", "--yes", store="called", code=1)
    assert not keys and "nobody calls here" in done.stdout + done.stderr


def test_a_key_that_is_taken_back_is_read_anew(bulkhead, gate, filled, tokens):
    """The store says 401, so the file is read again before its time, and no more often than once in a while."""
    ask = Caller(bulkhead.ports["vectors"])
    file = bulkhead.folder / "secrets" / "clinic"
    new = file.with_suffix(".new")
    new.write_text("key-of-clinic-2\n")
    new.rename(file)
    assert ask.request("GET", DATABASES, token=tokens["clinic"]).status == 200
    gate.good = {"key-of-clinic-2", "key-of-hospital-1"}
    wait_until("the new key is in use", lambda: ask.request("GET", DATABASES, token=tokens["clinic"]).status == 200, 20, every=0.2)
    assert gate.seen[-1][0] == "key-of-clinic-2"
    vends = bulkhead.metric("bulkhead_credential_vends_total")
    # Whatever a tenant is answered from now on, within these moments nothing is read for it, and others keep theirs.
    gate.good = {"key-of-hospital-1"}
    assert {ask.request("GET", DATABASES, token=tokens["clinic"]).status for _ in range(20)} == {401}
    assert bulkhead.metric("bulkhead_credential_vends_total") <= vends + 4, "each worker may ask once"
    assert ask.request("GET", DATABASES, token=tokens["hospital"]).status == 200
    assert bulkhead.metric("bulkhead_credentials_rejected_total") >= 1
