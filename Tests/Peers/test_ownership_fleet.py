# SPDX-License-Identifier: Apache-2.0
"""Owners of ids in Redis, for a fleet: the first owner wins over all sidecars, and no crash of anybody forgets one (THREATS 14)."""

import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from harness.client import Caller
from harness.process import LOOPBACK, Owned, accepts, free_port, wait_until
from harness.redis import Redis
from test_ownership import TABLE, TENANTS, Items

AGENTS = Path(__file__).parent / "agents"
WHOLE = TABLE | {"contents": [{
    "name": "item", "list": {"method": "GET", "path": "/items"}, "items": "/items", "fields": {"item": "/id"},
    "delete": {"method": "DELETE", "path": "/items/{item}"}}]}


@pytest.fixture(scope="module")
def store(run):
    port = free_port()
    server = Owned("echoing store", [sys.executable, AGENTS / "counting_store.py"], run / "echoing.log", {"PORT": str(port)})
    server.await_ready(lambda: accepts(port))
    server.port = port
    yield server
    server.stop()


@pytest.fixture(scope="module")
def tokens(forge):
    return {tenant["id"]: forge.token(tenant["id"], "basic") for tenant in TENANTS}


@pytest.fixture(scope="module")
def sidecar(run, make_bulkhead, store):
    """Makes one sidecar of a fleet: before the same store, with the same table of owners."""
    made = []

    def make(ownership, port=None, start=True):
        bulkhead = make_bulkhead(f"fleet{len(made)}", tenants=TENANTS, start=False, changes={
            "workers": 1, "upstreams": {"items": {"endpoints": [f"{LOOPBACK}:{port or store.port}"]}},
            "ownership": {"store": "redis", **ownership}})
        made.append(bulkhead)
        (bulkhead.folder / "adapters" / "items.yaml").write_text(json.dumps(WHOLE))
        for route in bulkhead.configuration["routes"]:
            if route["name"] == "notes":
                route |= {"adapter": "items", "upstream": "items"}
        bulkhead.write()
        return bulkhead.start() if start else bulkhead

    return make


@pytest.fixture(scope="module")
def redis(run):
    server = Redis(run / "redis", *Redis.DURABLE)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def fleet(sidecar, redis):
    return [sidecar({"url": f"redis://{LOOPBACK}:{redis.port}"}) for _ in range(2)]


def works(bulkhead, token):
    return Items(bulkhead, token).create("probe").status == 201


def failed(answer):
    return (answer.status, answer.header("x-bulkhead-reason")) == (503, "ownership_failed")


class Spare:
    """One sidecar that is started with one table of owners after another."""

    def __init__(self, bulkhead):
        self.bulkhead = bulkhead

    def start(self, ready=True, **ownership):
        self.bulkhead.stop()
        self.bulkhead.configuration["ownership"] = {"store": "redis", **ownership}
        self.bulkhead.write()
        (self.bulkhead.folder / "bulkhead.log").unlink(missing_ok=True)
        return self.bulkhead.start(ready)

    def says(self, *words):
        def told():
            return all(word in self.bulkhead.process.log.read_text() for word in words)
        try:
            wait_until(f"it says {words}", told)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self.bulkhead.process.tail()}") from None
        assert not self.bulkhead.is_ready()

    def refuses(self, *words, **ownership):
        self.start(ready=False, **ownership)
        assert self.bulkhead.process.wait(20) == 1
        self.says(*words)


@pytest.fixture(scope="module")
def spare(sidecar, redis):
    return Spare(sidecar({"url": f"redis://{LOOPBACK}:{redis.port}"}, start=False))


def test_one_table_for_all(fleet, tokens, redis):
    """What one sidecar was told, the other knows; each tenant counts its own over both."""
    for name, token in tokens.items():
        for count in range(4):
            assert Items(fleet[count % 2], token).create(f"{name} {count}").json() == {"text": f"{name} {count}", "id": count + 1}
    for name, token in tokens.items():
        for bulkhead in fleet:
            mine = Items(bulkhead, token)
            assert [mine.send("GET", f"/items/{n}").json()["text"] for n in (1, 2, 3, 4)] == [f"{name} {n}" for n in range(4)]
            assert {item["text"].split()[0] for item in mine.send("GET", "/items").json()["items"]} == {name}
            assert mine.send("GET", "/items/5").header("x-bulkhead-reason") == "id_unknown"
    assert fleet[0].metric("bulkhead_ownership_claims_total", owner="own") == 4
    assert fleet[0].metric("bulkhead_ownership_connected") == 1
    # Rows that could end would be forgotten.
    assert {redis("TTL", key) for key in redis("KEYS", "bulkhead:*")} == {-1}


def test_the_first_owner_wins(fleet, sidecar, redis, tokens, run):
    """A store that gives the same number to two tenants, at the same time, through two sidecars: one has it, over the whole
    fleet, and the other is told nothing of it."""
    port = free_port()
    twin = Owned("doubling store", [sys.executable, AGENTS / "doubling_store.py"], run / "doubling.log", {"PORT": str(port)})
    twin.await_ready(lambda: accepts(port))
    try:
        pair = [sidecar({"url": f"redis://{LOOPBACK}:{redis.port}", "prefix": "race:"}, port) for _ in range(2)]
        mine = [Items(bulkhead, token) for bulkhead, token in zip(pair, tokens.values())]
        won = [[], []]
        for _ in range(15):
            with ThreadPoolExecutor(2) as pool:
                answers = list(pool.map(lambda items: items.create("raced"), mine))
            assert sorted(answer.status for answer in answers) == [201, 502], answers
            for place, answer in enumerate(answers):
                if answer.status == 201:
                    won[place].append(answer.json()["id"])
                else:
                    assert answer.header("x-bulkhead-reason") == "response_invalid" and b"raced" not in answer.body
        assert [len(ids) for ids in won] == [len(set(ids)) for ids in won] and sum(map(len, won)) == 15
        assert won == [list(range(1, len(ids) + 1)) for ids in won]
        counted = sum(bulkhead.metric("bulkhead_ownership_claims_total", owner="foreign") for bulkhead in pair)
        assert counted == 15 == sum(bulkhead.metric("bulkhead_leaks_stopped_total") for bulkhead in pair)
    finally:
        twin.stop()


def test_down_is_refused(fleet, tokens, redis):
    """Killed, paused, full, of another mind: refused at once or in time, nothing given out, and well again by itself."""
    bulkhead, token = fleet[0], tokens["acme"]
    mine = Items(bulkhead, token)
    known = mine.create("known").json()["id"]
    assert mine.send("GET", f"/items/{known}").json()["text"] == "known"

    redis.kill()
    assert failed(mine.create("lost")) and failed(mine.create("lost"))
    redis.start()
    wait_until("it recovers from a restart", lambda: works(bulkhead, token))

    redis.pause()
    assert failed(mine.create("lost"))
    # What this worker knows already needs nobody.
    assert mine.send("GET", f"/items/{known}").json()["text"] == "known"
    redis.go_on()
    wait_until("it recovers from a pause", lambda: works(bulkhead, token))

    redis("CONFIG", "SET", "maxmemory", 1)
    assert failed(mine.create("lost"))
    # Nothing new can be written down, but all is there to be read.
    other = Items(fleet[1], token)
    assert other.send("GET", f"/items/{known}").json()["text"] == "known"
    redis("CONFIG", "SET", "maxmemory", 0)
    wait_until("it recovers from want of memory", lambda: works(bulkhead, token))

    redis("REPLICAOF", LOOPBACK, free_port())
    assert failed(mine.create("lost"))
    redis("REPLICAOF", "NO", "ONE")
    wait_until("it recovers from a demotion", lambda: works(bulkhead, token))

    # What nobody was told of is nobody's, or the one's who asked for it: never another's.
    assert "lost" not in json.dumps(Items(bulkhead, tokens["globex"]).send("GET", "/items").json())
    assert bulkhead.metric("bulkhead_ownership_failures_total") >= 3
    log = bulkhead.process.log.read_text()
    assert all(word in log for word in ("OOM: it has no memory left", "READONLY: it is a replica", "it answers again")), log


def test_an_emptied_table_is_no_table(spare, tokens, run):
    """Whoever lost all rows would give out numbers anew: until somebody says that this is meant, by a start, it is refused."""
    redis = Redis(run / "emptied", *Redis.DURABLE)
    try:
        bulkhead = spare.start(url=f"redis://{LOOPBACK}:{redis.port}")
        assert works(bulkhead, tokens["acme"])
        redis("FLUSHALL")
        mine = Items(bulkhead, tokens["acme"])
        assert failed(mine.create("lost"))
        wait_until("it says why", lambda: "has lost its rows" in bulkhead.process.log.read_text())
        assert failed(mine.create("lost"))
        assert works(spare.start(url=f"redis://{LOOPBACK}:{redis.port}"), tokens["acme"])
    finally:
        redis.stop()


def test_a_server_that_forgets_is_refused_at_start(spare, run):
    redis = Redis(run / "forgetful")
    url = f"redis://{LOOPBACK}:{redis.port}"
    try:
        spare.refuses("not on its disk", "appendfsync always", url=url)
        # Enough for some, if it is written out.
        spare.start(url=url, durability="memory")
        redis("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        spare.refuses("throws rows away", "noeviction", url=url, durability="memory")
        redis("CONFIG", "SET", "maxmemory-policy", "noeviction")
        # More replicas than there are: not a matter of configuration, so it waits for them.
        bulkhead = spare.start(ready=False, url=url, durability="memory", replicas=1, timeout="500ms")
        spare.says("not yet where it has to be")
        replica = Redis(run / "replica", "--replicaof", f"{LOOPBACK} {redis.port}")
        try:
            wait_until("it is ready with a replica", bulkhead.is_ready)
        finally:
            replica.stop()
    finally:
        redis.stop()


def test_password_and_tls(spare, tokens, run):
    """Right ones serve; a wrong password, an unknown authority and another name do not, and nothing secret is told."""
    folder = spare.bulkhead.folder
    redis = Redis(run / "sealed", *Redis.DURABLE, password="right-horse", tls=folder / "tls")
    secret = folder / "keys" / "owners"
    secret.touch(0o600)
    secret.write_text("right-horse\n")
    usual = {"url": f"rediss://localhost:{redis.tls_port}", "password": {"file": "keys/owners"}, "tls": {"ca": "tls/ca.crt"}}
    try:
        # The rights that the documentation names are enough.
        redis("ACL", "SETUSER", "owners", "on", ">right-horse", "~bulkhead:*", "-@all", "+auth", "+select", "+info",
              "+config|get", "+get", "+set", "+eval", "+hget", "+hset", "+hincrby")
        assert works(spare.start(**usual, user="owners"), tokens["globex"])
        bulkhead = spare.start(**usual)
        assert works(bulkhead, tokens["acme"])
        # Another password, under way.
        redis("CONFIG", "SET", "requirepass", "other-horse")
        redis.password = "other-horse"
        secret.write_text("other-horse\n")
        redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        wait_until("it takes over the other password", lambda: works(bulkhead, tokens["acme"]))
        for words, more in (
                (("WRONGPASS: it wants another user or password",), {"user": "nobody"}),
                (("TLS: ",), {"tls": {"ca": "system"}}),
                (("TLS: ",), {"tls": {"ca": "tls/ca.crt", "server_name": "elsewhere.example"}}),
                (("ownership: localhost",), {"url": f"rediss://localhost:{redis.port}"})):
            spare.start(ready=False, **{**usual, **more})
            spare.says(*words)
            assert failed(Items(spare.bulkhead, tokens["acme"]).create("x"))
            assert "horse" not in spare.bulkhead.process.log.read_text()
    finally:
        redis.stop()


def test_check_judges_it(spare, redis):
    """What can be known without asking anybody."""
    bulkhead, url = spare.bulkhead, f"redis://{LOOPBACK}:{redis.port}"
    memory = bulkhead.configuration["upstreams"]["memory"]
    for ownership, endpoint, word in (({"password": {"file": "nowhere"}}, memory["endpoints"][0], "nowhere"),
                                      ({}, f"{LOOPBACK}:{redis.port}", "which no route may reach")):
        changed = {**bulkhead.configuration, "ownership": {"store": "redis", "url": url, **ownership},
                   "upstreams": {**bulkhead.configuration["upstreams"], "memory": {"endpoints": [endpoint]}}}
        other = bulkhead.folder / "other.yaml"
        other.write_text(json.dumps(changed))
        done = bulkhead.command("check", "--config", other)
        assert done.returncode == 1 and word in done.stderr + done.stdout, done


def test_erased_with_the_tenant(fleet, tokens, redis):
    """`bulkhead tenant erase` takes the objects and the rows; the ids stay taken, so that nobody who remembers them meets
    another's."""
    assert Items(fleet[0], tokens["acme"]).create("to go").status == 201
    rows = [key for key in redis("KEYS", "bulkhead:numbers:*") if b"acme" in key]
    assert len(rows) == 1
    before = Items(fleet[1], tokens["globex"]).send("GET", "/items").json()
    done = fleet[0].command("tenant", "erase", "acme", "--store", "notes", "--config", fleet[0].file, "--yes", "--json")
    report = json.loads(done.stdout)
    things = {thing["thing"]: thing for thing in report["things"]}
    assert done.returncode == 0 and things["item"]["left"] == 0 and things["id"]["deleted"] >= things["item"]["deleted"] > 0
    assert not redis("EXISTS", rows[0])
    owners = redis("HVALS", "bulkhead:owners:items/item")
    assert not [row for row in owners if b"acme" in row] and owners.count(b"0:") == things["id"]["deleted"]
    assert Items(fleet[1], tokens["globex"]).send("GET", "/items").json() == before
    assert Items(fleet[1], tokens["acme"]).send("GET", "/items").json() == {"items": []}


def test_killed_sidecars_forget_none(fleet, tokens, redis):
    """kill -9 of both sidecars and of Redis under load: every number that a caller was shown is still what it was."""
    seen = {name: {} for name in tokens}
    for turn in range(2):
        enough = threading.Event()
        before = sum(map(len, seen.values()))

        def work(place, name):
            mine = Items(fleet[place], tokens[name])
            for count in range(10_000):
                text = f"{name} {turn} {place} {count}"
                try:
                    answer = mine.create(text)
                except OSError:
                    return
                if not answer.whole or answer.status != 201:
                    return
                assert answer.json()["text"] == text
                assert seen[name].setdefault(answer.json()["id"], text) == text, "a number was given out twice"
                if sum(map(len, list(seen.values()))) >= before + 60:
                    enough.set()

        threads = [threading.Thread(target=work, args=(place, name)) for place in range(2) for name in tokens]
        for thread in threads:
            thread.start()
        assert enough.wait(30)
        redis.kill()
        for bulkhead in fleet:
            bulkhead.process.kill()
        for thread in threads:
            thread.join()
        redis.start()
        for bulkhead in fleet:
            bulkhead.start()
    for name, token in tokens.items():
        listed = Items(fleet[0], token).send("GET", "/items").json()["items"]
        numbers = {item["id"]: item["text"] for item in listed}
        assert all(numbers[number] == text for number, text in seen[name].items())
        assert not [item for item in listed if not item["text"].startswith((name, "probe", "known"))]
