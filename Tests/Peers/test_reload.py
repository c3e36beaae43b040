# SPDX-License-Identifier: Apache-2.0
"""Another configuration in a running process: whole or not at all, and nobody who is being served notices."""

import base64
import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time
import uuid

import pytest
from harness.bulkhead import ROOT
from harness.client import Caller, read_answer
from harness.names import REASON, STATUS
from harness.process import LOOPBACK, accepts, free_port, wait_until
from test_streams import ask, read_until

FAILURES = 'bulkhead_configuration_reloads_total'
GENERATION = "bulkhead_configuration_generation"


def notes(bulkhead):
    return Caller(bulkhead.ports["notes"])


def put(bulkhead, forge, tenant="clinic", tier="basic", path="/notes/x"):
    return notes(bulkhead).request("PUT", path, token=forge.token(tenant, tier), body=b"text")


def generation(bulkhead):
    return bulkhead.metric(GENERATION)


@pytest.fixture(scope="module")
def still(make_bulkhead):
    """One that takes nothing over by itself, so that tests say when."""
    return make_bulkhead("reload", {"reload": {"watch": False}, "admin": {"socket": "admin.sock"}})


def test_a_policy_is_taken_over(still, forge):
    before = generation(still)
    assert put(still, forge).status == 204
    with still.changed("policies/tests.cedar", lambda text: text + '\nforbid (principal, action, resource);\n'):
        assert still.reload().returncode == 0
        assert generation(still) == before + 1
        answer = put(still, forge)
        assert answer.status == 403 and answer.header("x-bulkhead-reason") == "policy_denied"
    still.process.signal(signal.SIGHUP)
    wait_until("SIGHUP is heard", lambda: put(still, forge).status == 204)
    assert generation(still) == before + 2


def mistake(old, new):
    def change(text):
        assert old in text
        return text.replace(old, new, 1)
    return change


BROKEN = {
    "not YAML": ("bulkhead.yaml", lambda text: text[:len(text) // 2], r"bulkhead\.yaml:\d+:\d+: "),
    "an unknown key": ("bulkhead.yaml", mistake('"routes"', '"ruotes"'), r"bulkhead\.yaml:\d+:\d+: .*ruotes"),
    "an unknown upstream": ("bulkhead.yaml", mistake('"upstream": "memory"', '"upstream": "memroy"'),
                            r"bulkhead\.yaml:\d+:\d+: .*memroy"),
    "a policy that is none": ("policies/tests.cedar", lambda text: "permit (principal, action", r"tests\.cedar:\d+:\d+: "),
    "a policy that the schema forbids": ("policies/tests.cedar", lambda text: text + "\npermit (principal in Planet::\"x\", action, resource);",
                                         r"tests\.cedar:\d+:\d+: "),
    "a tenant of no tier": ("tenants.yaml", mistake('"premium"', '"gold"'), r"tenants\.yaml:\d+:\d+: .*gold"),
    "a table that is none": ("adapters/rest.yaml", lambda text: text + "\nsurprise: 1\n", r"rest\.yaml:\d+:\d+: "),
    "a key of another certificate": ("tls/tls.key", None, r"tls\.key"),
    "no certificate": ("tls/tls.crt", lambda text: "", r"tls\.crt"),
    "no keys": ("keys/bulkhead.key", lambda text: "short", r"keys\.current"),
    "a file that is missing": ("policies/bulkhead.cedarschema", "missing", r"bulkhead\.cedarschema"),
    "another number of workers": ("bulkhead.yaml", mistake('"workers": 2', '"workers": 3'), r"bulkhead\.yaml:\d+:\d+: workers: "),
    "another compartment": ("bulkhead.yaml", mistake('"name": "notes",\n   "match"', '"name": "notes",\n   "namespace": {"scope": "user"},\n   "match"'),
                            r"bulkhead\.yaml:\d+:\d+: .*scope.*migrate"),
    "another way to rewrite": ("adapters/rest.yaml", mistake('"tenants/', '"customers/'), r"rewrites keys.*migrate"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_changes_nothing(still, forge, name):
    file, change, said = BROKEN[name]
    if change is None:
        change = lambda text: subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"], capture_output=True,
                                             text=True, check=True).stdout
    before, failures = generation(still), still.metric(FAILURES, result="failure")
    # Whatever else was changed with it waits too.
    with still.changed("policies/tests.cedar", lambda text: text + '\nforbid (principal, action, resource);\n'):
        with still.changed(file, change):
            done = still.reload()
            assert done.returncode == 1
            assert re.search(said, done.stderr, re.S), done.stderr
            assert generation(still) == before
            assert still.metric(FAILURES, result="failure") == failures + 1
            assert put(still, forge).status == 204 and still.is_ready()
            last = json.loads(still.command("status", "--config", still.file, "--json").stdout)["last_reload"] \
                if file != "bulkhead.yaml" else None
            assert last is None or last["result"] == "failure" and last["problems"]
            log = (still.folder / "bulkhead.log").read_text()
            assert re.search(said, log.rpartition("stays in force")[0].rpartition("in force")[2], re.S), log
    assert still.reload().returncode == 0
    assert put(still, forge).status == 204


def test_fuzzed_configurations_change_nothing_or_are_right(still, forge):
    """Bytes of the file are thrown out, doubled and exchanged: each time it is refused, or serves."""
    seed = int(os.environ.get("BULKHEAD_SEED", random.randrange(1 << 32)))
    print(f"BULKHEAD_SEED={seed}")
    chance = random.Random(seed)
    text = still.file.read_bytes()
    for _ in range(60):
        broken = bytearray(text)
        for _ in range(chance.randrange(1, 4)):
            place = chance.randrange(len(broken))
            kind = chance.randrange(3)
            if kind == 0:
                del broken[place:place + chance.randrange(1, 40)]
            elif kind == 1:
                broken[place:place] = broken[chance.randrange(len(broken)):][:chance.randrange(1, 40)]
            else:
                broken[place] = chance.randrange(32, 127)
        try:
            still.file.write_bytes(broken)
            before = generation(still)
            done = still.command("reload", "--socket", "admin.sock")
            assert done.returncode in (0, 1) and generation(still) == before + (done.returncode == 0), bytes(broken)
        finally:
            still.file.write_bytes(text)
    assert still.reload().returncode == 0
    assert put(still, forge).status == 204


def test_migrate_names_what_may_lie_elsewhere(make_bulkhead, forge, memory):
    bulkhead = make_bulkhead("migrate", {"reload": {"watch": False}, "admin": {"socket": "admin.sock"}})
    assert put(bulkhead, forge).status == 204
    text = bulkhead.file.read_text()
    scoped = text.replace('"name": "notes",\n   "match"', '"name": "notes",\n   "namespace": {"scope": "user"},\n   "match"')
    bulkhead.file.write_text(scoped)
    assert bulkhead.reload().returncode == 1
    bulkhead.file.write_text(scoped.replace('"version": 1', '"version": 1, "migrate": ["notes"]'))
    assert bulkhead.reload().returncode == 0
    assert put(bulkhead, forge).status == 204
    assert not memory.seen()[-1]["path"].startswith("/tenants/t6clinic/")
    # And not back again by the way.
    bulkhead.file.write_text(text)
    assert bulkhead.reload().returncode == 1


def test_requests_under_way_end_as_they_began(make_bulkhead, forge, steered, run, request):
    """The agent of the new configuration is another one; a stream from the old one goes on to its end."""
    from conftest import Steered
    other = Steered(run)
    request.addfinalizer(other.process.stop)
    bulkhead = make_bulkhead("moving", {"reload": {"watch": False}, "admin": {"socket": "admin.sock"}})
    caller = Caller(bulkhead.ports["steered"], bulkhead.ca)
    token = forge.token("clinic", "basic")
    gate = uuid.uuid4().hex
    with caller.connect() as connection:
        connection.sendall(ask({"do": "gated", "name": gate}, token))
        read_until(connection, b"data: first\n\n")
        bulkhead.file.write_text(bulkhead.file.read_text().replace(f"{LOOPBACK}:{steered.port}", f"{LOOPBACK}:{other.port}"))
        assert bulkhead.reload().returncode == 0
        assert caller.invoke({"do": "headers"}, token).status == 200
        steered.control(f"/gate/open?name={gate}")
        assert b"data: second\n\n" in read_until(connection, b"0\r\n\r\n")
        # The same connection, the new agent.
        connection.sendall(ask({"do": "headers"}, token))
        assert read_answer(connection).status == 200
    other.process.stop()
    assert caller.invoke({"do": "headers"}, token).status == 502


def test_listeners_come_and_go(make_bulkhead, forge):
    bulkhead = make_bulkhead("doors", {"reload": {"watch": False}, "admin": {"socket": "admin.sock"}})
    old, new = bulkhead.ports["notes"], free_port()
    text = bulkhead.file.read_text()
    kept = socket_of(old)
    bulkhead.file.write_text(text.replace(f"{LOOPBACK}:{old}", f"{LOOPBACK}:{new}"))
    assert bulkhead.reload().returncode == 0
    assert accepts(new)
    wait_until("the old port is closed", lambda: not accepts(old))
    assert kept.recv(1) == b""
    bulkhead.ports["notes"] = new
    assert put(bulkhead, forge).status == 204
    # There and back again, in a new place.
    bulkhead.file.write_text(text)
    assert bulkhead.reload().returncode == 0
    bulkhead.ports["notes"] = old
    assert put(bulkhead, forge).status == 204
    # A port that somebody else has: nothing changes.
    with open_port() as taken:
        bulkhead.file.write_text(text.replace(f"{LOOPBACK}:{old}", f"{LOOPBACK}:{taken.getsockname()[1]}"))
        done = bulkhead.reload()
        assert done.returncode == 1 and "notes" in done.stderr
        assert put(bulkhead, forge).status == 204


def socket_of(port):
    return socket.create_connection((LOOPBACK, port), timeout=10)


def open_port():
    taken = socket.socket()
    taken.bind((LOOPBACK, 0))
    taken.listen()
    return taken


def test_certificates_are_swapped_under_open_connections(make_bulkhead, forge):
    bulkhead = make_bulkhead("certificates", {"reload": {"debounce": "50ms"}})
    caller = Caller(bulkhead.ports["steered"], bulkhead.ca)
    token = forge.token("clinic", "basic")

    def serial():
        with caller.connect() as connection:
            return ssl.DER_cert_to_PEM_cert(connection.getpeercert(True))

    before = serial()
    with caller.connect() as kept:
        kept.sendall(ask({"do": "headers"}, token))
        assert read_answer(kept).status == 200
        tls = bulkhead.folder / "tls"
        for name in ("tls.crt", "tls.key"):
            (tls / name).rename(tls / f"old.{name}")
        subprocess.run(["bash", str(ROOT / "Deploy" / "keys.sh"), str(bulkhead.folder), "agent.example"], check=True)
        wait_until("the new certificate is shown", lambda: serial() != before)
        kept.sendall(ask({"do": "headers"}, token))
        assert read_answer(kept).status == 200


def test_links_are_swapped_as_kubernetes_does(make_bulkhead, forge):
    """A volume is a folder of links to `..data/…`, and `..data` is a link that is renamed over."""
    bulkhead = make_bulkhead("volume", {"reload": {"debounce": "50ms"}}, start=False)
    volume = bulkhead.folder

    def publish(revision, change):
        folder = volume / f"..{revision}"
        (folder / "policies").mkdir(parents=True)
        for name in ("bulkhead.yaml", "tenants.yaml"):
            (folder / name).write_text(change((source / name).read_text()))
        os.symlink(f"..{revision}", volume / "..data_tmp")
        os.rename(volume / "..data_tmp", volume / "..data")

    source = volume / "source"
    source.mkdir()
    for name in ("bulkhead.yaml", "tenants.yaml"):
        shutil.move(volume / name, source / name)
        os.symlink(f"..data/{name}", volume / name)
    publish("first", lambda text: text)
    bulkhead.start()
    assert put(bulkhead, forge).status == 204
    publish("second", lambda text: text.replace('"id": "clinic"', '"status": "suspended", "id": "clinic"'))
    shutil.rmtree(volume / "..first")
    # Sooner than the look every 10 s.
    wait_until("the tenant of the new registry is suspended", lambda: put(bulkhead, forge).status == 403, seconds=8)
    publish("third", lambda text: text)
    wait_until("it is active again", lambda: put(bulkhead, forge).status == 204)
    assert bulkhead.metric(FAILURES, result="failure") == 0


def test_keys_in_a_file_are_taken_over(make_bulkhead, forge, run):
    """A key that is gone from the file ends what was signed with it; the tokens of others go on."""
    jwks = run / "own.jwks.json"
    jwks.write_text(json.dumps(forge.jwks()))

    def own(configuration):
        for issuer in configuration["identity"]["issuers"]:
            if issuer["name"] == "workforce":
                issuer["jwks"] = {"file": str(jwks)}

    bulkhead = make_bulkhead("jwks", {"reload": {"debounce": "50ms"}}, start=False)
    own(bulkhead.configuration)
    bulkhead.file.write_text(json.dumps(bulkhead.configuration, indent=1))
    bulkhead.start()
    token = forge.token("clinic", "basic")
    note = lambda: notes(bulkhead).request("PUT", "/notes/x", token=token, body=b"text").status
    assert note() == 204
    keys = forge.jwks()
    kid = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["kid"]
    jwks.write_text(json.dumps({"keys": [key for key in keys["keys"] if key["kid"] != kid]}))
    wait_until("the key is gone", lambda: note() == 401, seconds=8)
    jwks.write_text("{")
    wait_until("a broken file is refused", lambda: bulkhead.metric(FAILURES, result="failure") >= 1)
    jwks.write_text(json.dumps(keys))
    wait_until("the key is back", lambda: note() == 204, seconds=8)


def test_files_that_cannot_be_watched_are_looked_at(make_bulkhead, forge):
    """A user may have few inotify instances, and all containers of a machine may share them."""
    none = "echo 0 >/proc/sys/user/max_inotify_instances"
    if subprocess.run(["unshare", "--user", "--map-root-user", "sh", "-c", none], capture_output=True).returncode:
        pytest.skip("this machine lets nobody make a user namespace")
    bulkhead = make_bulkhead("unwatched", {"reload": {"debounce": "50ms"}}, start=False)
    bulkhead.start(under=["unshare", "--user", "--map-root-user", "sh", "-c", f'{none} && exec "$@"', "sh"])
    assert "cannot be watched" in bulkhead.process.tail()
    assert put(bulkhead, forge).status == 204
    registry = bulkhead.folder / "tenants.yaml"
    registry.write_text(registry.read_text().replace('"id": "clinic"', '"status": "suspended", "id": "clinic"'))
    wait_until("the tenant is suspended", lambda: put(bulkhead, forge).status == 403, seconds=8)


def test_a_watch_that_is_ended_takes_nothing_over(make_bulkhead, forge):
    """A command ends it while it waits for the end of the writing; only the next command takes anything over."""
    bulkhead = make_bulkhead("unheeded", {"reload": {"debounce": "2s"}, "admin": {"socket": "admin.sock"}})
    bulkhead.configuration["reload"] = {"watch": False}
    bulkhead.write()
    assert bulkhead.reload().returncode == 0
    registry = bulkhead.folder / "tenants.yaml"
    registry.write_text(registry.read_text().replace('"id": "clinic"', '"status": "suspended", "id": "clinic"'))
    started = time.monotonic()
    wait_until("twice the debounce", lambda: put(bulkhead, forge).status != 204 or time.monotonic() - started > 4)
    assert put(bulkhead, forge).status == 204
    assert bulkhead.reload().returncode == 0
    assert put(bulkhead, forge).status == 403


def test_an_issuer_that_does_not_answer_holds_nothing_up(make_bulkhead, forge):
    """Its keys were not there before either; what changes beside it takes effect at once."""
    bulkhead = make_bulkhead("issuer-silent", {"reload": {"debounce": "50ms"}}, start=False)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent_url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        issuers = bulkhead.configuration["identity"]["issuers"]
        issuers.append(dict(
            next(issuer for issuer in issuers if issuer["name"] == "workforce"),
            name="silent", issuer=silent_url, jwks={"url": f"{silent_url}/keys"},
        ))
        bulkhead.file.write_text(json.dumps(bulkhead.configuration, indent=1))
        # It does not say that it is ready, and serves all the same.
        bulkhead.start(ready=False)
        wait_until("it listens", lambda: accepts(bulkhead.ports["notes"]))
        wait_until("it serves", lambda: put(bulkhead, forge).status == 204)
        registry = bulkhead.folder / "tenants.yaml"
        before = registry.read_text()
        registry.write_text(before.replace('"id": "clinic"', '"status": "suspended", "id": "clinic"'))
        wait_until("the tenant is suspended", lambda: put(bulkhead, forge).status == 403, seconds=8)
        registry.write_text(before)
        wait_until("it is active again", lambda: put(bulkhead, forge).status == 204, seconds=8)


class TestSuspension:
    def test_everywhere_at_once_and_in_the_midst(self, make_bulkhead, forge):
        bulkhead = make_bulkhead("suspension", {"reload": {"watch": False}, "admin": {"socket": "admin.sock"}})
        caller = Caller(bulkhead.ports["steered"], bulkhead.ca)
        ann, bob = forge.token("clinic", "basic"), forge.token("hospital", "premium")
        # Enough connections that every worker has some.
        connections = [caller.connect() for _ in range(16)]
        for connection in connections:
            connection.sendall(ask({"do": "headers"}, ann))
            assert read_answer(connection).status == 200
        gates = {token: uuid.uuid4().hex for token in (ann, bob)}
        streams = {token: caller.connect() for token in (ann, bob)}
        for token, stream in streams.items():
            stream.sendall(ask({"do": "gated", "name": gates[token]}, token))
            read_until(stream, b"data: first\n\n")

        # The configuration is broken just then.
        with bulkhead.changed("bulkhead.yaml", lambda text: text.replace('"routes"', '"ruotes"')):
            done = bulkhead.command("tenant", "suspend", "clinic", "--config", bulkhead.file)
            assert done.returncode == 0, done.stderr
        for connection in connections:
            connection.sendall(ask({"do": "headers"}, ann))
            answer = read_answer(connection)
            assert answer.status == 403 and answer.header("x-bulkhead-reason") == "tenant_refused"
        # What was under way is cut without its end, and only that.
        rest = read_until(streams[ann], b"never")
        assert b"0\r\n\r\n" not in rest
        assert bulkhead.await_records(1, **{REASON: "tenant_suspended", STATUS: 200})
        other = Caller(bulkhead.ports["steered"], bulkhead.ca)
        assert other.invoke({"do": "headers"}, bob).status == 200
        assert bulkhead.metric("bulkhead_exchanges_cut_total") == 1

        # It outlives a reload, and the process.
        assert bulkhead.reload().returncode == 0
        assert other.invoke({"do": "headers"}, ann).status == 403
        bulkhead.stop()
        bulkhead.start()
        assert other.invoke({"do": "headers"}, ann).status == 403
        assert other.invoke({"do": "headers"}, bob).status == 200
        status = bulkhead.command("status", "--config", bulkhead.file, "--json")
        assert json.loads(status.stdout)["suspended"] == ["clinic"]
        assert bulkhead.command("tenant", "resume", "clinic", "--config", bulkhead.file).returncode == 0
        assert other.invoke({"do": "headers"}, ann).status == 200
        for connection in [*connections, *streams.values()]:
            connection.close()

    def test_usage(self, still):
        assert still.command("tenant", "suspend").returncode == 2
        assert still.command("tenant", "hang", "clinic", "--socket", "admin.sock").returncode == 2
        assert still.command("tenant", "suspend", "no/id", "--socket", "admin.sock").returncode == 1
        assert still.command("reload", "--socket", "no.sock").returncode == 1
        done = still.command("tenant", "suspend", "unheard-of", "--socket", "admin.sock", "--json")
        assert done.returncode == 0 and json.loads(done.stdout)["registered"] is False
        assert still.command("tenant", "resume", "unheard-of", "--socket", "admin.sock").returncode == 0

    def test_commands_come_through_the_socket_alone(self, still):
        for path in ("/reload", "/tenants/clinic/suspend"):
            assert still.admin(path, still.admin_token, method="POST")[0] == 405
