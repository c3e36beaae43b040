# SPDX-License-Identifier: Apache-2.0
"""Ids that can bear no seal (numbers): remembered with their owner, before the answer leaves, through any crash (THREATS 14)."""

import json
import sys
import threading
from pathlib import Path

import pytest
from harness.client import Caller
from harness.process import Owned, accepts, free_port

STORE = Path(__file__).parent / "agents" / "counting_store.py"
TENANTS = [{"id": name, "name": name, "tier": "basic", "issuers": ["workforce"]} for name in ("acme", "globex")]
ITEM = {"/id": "item", "/text": "pass", "/parent": "item"}
TABLE = {
    "adapter": "items", "kind": "store", "single_layer": True,
    "rewrites": {"item": {"own": "number"}, "made": {"created": "item"}},
    "segments": {"item": "item"},
    "errors": {"body": {"error": "{message}", "reason": "{code}"},
               "codes": {"id_unknown": {"message": "no item {subject}"}}, "upstream": {"/error": "screen"}},
    "operations": [
        {"name": "create", "method": "POST", "path": "/items", "action": "memory:Write",
         "request": {"body": {"/text": "pass", "/parent": "item"}}, "response": {"body": {**ITEM, "/id": "made"}}},
        {"name": "list", "method": "GET", "path": "/items", "action": "memory:List",
         "response": {"body": {"/items": {"rule": "pass", "hide": True},
                               **{f"/items/*{name}": rule for name, rule in ITEM.items()}}}},
        {"name": "read", "method": "GET", "path": "/items/{item}", "action": "memory:Read", "response": {"body": ITEM}},
        {"name": "delete", "method": "DELETE", "path": "/items/{item}", "action": "memory:Delete",
         "response": {"body": {}}},
    ],
}


@pytest.fixture(scope="module")
def store(run):
    port = free_port()
    server = Owned("counting store", [sys.executable, STORE], run / "counting.log", {"PORT": str(port)})
    server.await_ready(lambda: accepts(port))
    server.port = port
    yield server
    server.stop()


@pytest.fixture(scope="module")
def bulkhead(make_bulkhead, store):
    bulkhead = make_bulkhead("ownership", tenants=TENANTS, start=False, changes={
        "upstreams": {"items": {"endpoints": [f"127.0.0.1:{store.port}"]}},
        "ownership": {"store": "sqlite", "path": "ownership.sqlite"}})
    (bulkhead.folder / "adapters" / "items.yaml").write_text(json.dumps(TABLE))
    for route in bulkhead.configuration["routes"]:
        if route["name"] == "notes":
            route |= {"adapter": "items", "upstream": "items"}
    bulkhead.file.write_text(json.dumps(bulkhead.configuration, indent=1))
    return bulkhead.start()


@pytest.fixture(scope="module")
def tokens(forge):
    return {tenant["id"]: forge.token(tenant["id"], "basic") for tenant in TENANTS}


class Items:
    def __init__(self, bulkhead, token):
        self.caller, self.token = Caller(bulkhead.ports["notes"]), token

    def send(self, method, path, body=None):
        return self.caller.request(method, path, body=body, token=self.token)

    def create(self, text, **more):
        return self.send("POST", "/items", {"text": text, **more})


@pytest.fixture(scope="module")
def items(bulkhead, tokens):
    return {name: Items(bulkhead, token) for name, token in tokens.items()}


def test_each_tenant_counts_for_itself(items):
    """As with a store of one's own: nobody learns from a number how much others have."""
    for number in (1, 2, 3):
        for name in ("acme", "globex"):
            assert items[name].create(f"{name} {number}").json() == {"text": f"{name} {number}", "id": number}
    for name in ("acme", "globex"):
        assert [items[name].send("GET", f"/items/{n}").json()["text"] for n in (1, 2, 3)] == [f"{name} {n}" for n in (1, 2, 3)]
        listed = items[name].send("GET", "/items").json()["items"]
        assert [(item["id"], item["text"]) for item in listed] == [(n, f"{name} {n}") for n in (1, 2, 3)]


def test_references_are_numbers_of_ones_own(items):
    made = items["globex"].create("child", parent=2)
    assert made.json() == {"text": "child", "parent": 2, "id": 4}
    assert items["globex"].send("GET", "/items/4").json()["parent"] == 2
    # A number that this tenant was never shown, though the store has it.
    refused = items["acme"].create("child", parent=4)
    assert (refused.status, refused.header("x-bulkhead-reason")) == (404, "id_unknown")


def test_unknown_and_foreign_numbers_look_alike(items, store):
    direct = Caller(store.port)
    real = [item["id"] for item in direct.request("GET", "/items").json()["items"] if item["text"].startswith("globex")]
    for method in ("GET", "DELETE"):
        answers = {items["acme"].send(method, f"/items/{number}").status for number in [*real[3:], 99, 10**17]}
        assert answers == {404}
    bodies = {items["acme"].send("GET", f"/items/{number}").body.replace(str(number).encode(), b"N") for number in (7, 99)}
    assert bodies == {b'{"error":"no item N","reason":"id_unknown"}'}
    for text in ("007", "1e0", "-1", "9" * 30, "x"):
        assert items["acme"].send("GET", f"/items/{text}").header("x-bulkhead-reason") == "id_malformed"


def test_what_was_there_before_is_nobodys(items, store):
    """Nothing is adopted: not by reading, not by naming, not by listing."""
    direct = Caller(store.port)
    old = direct.request("POST", "/items", body={"text": "older than all"}).json()["id"]
    before = items["acme"].send("GET", "/items").json()
    assert "older" not in json.dumps(before)
    assert items["acme"].send("GET", f"/items/{old}").status == 404
    assert items["acme"].send("GET", "/items").json() == before


def test_a_deleted_one_stays_ones_own(items):
    number = items["acme"].create("short-lived").json()["id"]
    assert items["acme"].send("DELETE", f"/items/{number}").status == 204
    assert items["acme"].send("GET", f"/items/{number}").status == 404
    assert items["acme"].create("next").json()["id"] == number + 1


def test_check_wants_a_table(bulkhead, tmp_path):
    configuration = {**bulkhead.configuration}
    del configuration["ownership"]
    other = bulkhead.folder / "without.yaml"
    other.write_text(json.dumps(configuration))
    done = bulkhead.command("check", "--config", other)
    assert done.returncode == 1 and "ownership: {store: sqlite" in done.stderr + done.stdout


def test_a_killed_process_forgets_none_and_adopts_none(bulkhead, tokens, store):
    """kill -9 under load, again and again: every number that a caller was shown is still what it was."""
    seen = {name: {} for name in tokens}
    rounds, per_round = 5, 60
    for turn in range(rounds):
        enough = threading.Event()
        before = sum(map(len, seen.values()))

        def work(name, worker):
            mine = Items(bulkhead, tokens[name])
            for count in range(10_000):
                text = f"{name} {turn} {worker} {count}"
                try:
                    answer = mine.create(text)
                except OSError:
                    return
                if not answer.whole or answer.status != 201:
                    return
                assert answer.json()["text"] == text
                assert seen[name].setdefault(answer.json()["id"], text) == text, "a number was given out twice"
                if sum(map(len, list(seen.values()))) >= before + per_round:
                    enough.set()

        threads = [threading.Thread(target=work, args=(name, worker)) for name in tokens for worker in range(3)]
        for thread in threads:
            thread.start()
        assert enough.wait(30)
        bulkhead.process.kill()
        for thread in threads:
            thread.join()
        bulkhead.start()
        for name, token in tokens.items():
            mine = Items(bulkhead, token)
            for number, text in list(seen[name].items())[-per_round:]:
                answer = mine.send("GET", f"/items/{number}")
                assert answer.status == 200 and answer.json() == {"id": number, "text": text}, (name, number, answer)
    # What the store made and nobody was told of is nobody's, or the one's who asked for it: never another's.
    for name, token in tokens.items():
        listed = Items(bulkhead, token).send("GET", "/items").json()["items"]
        other = next(n for n in tokens if n != name)
        assert not [item for item in listed if item["text"].startswith(other)]
        numbers = {item["id"]: item["text"] for item in listed}
        assert all(numbers[number] == text for number, text in seen[name].items())
