# SPDX-License-Identifier: Apache-2.0
"""Credentials that Bulkhead gets and the agent never sees: tokens of authorization servers, tenants' secret files."""

import base64
import os
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from harness.authorization import API, AuthorizationServer
from harness.client import Caller
from harness.names import REASON
from harness.process import LOOPBACK, wait_until

TENANTS = ("clinic", "hospital")


class World:
    """One Bulkhead with a route for each kind of credential, all to one API, and two tenants' people."""

    def __init__(self, bulkhead, api, server, tokens):
        self.bulkhead, self.api, self.server, self.tokens = bulkhead, api, server, tokens

    def get(self, route, tenant="clinic", path="/a", headers=None, token=None, timeout=15):
        caller = Caller(self.bulkhead.ports["vended"], host=f"{route}.local")
        return caller.request("GET", path, headers, token=token or self.tokens[tenant], timeout=timeout)

    def shown(self, route, tenant="clinic", field="authorization", **options):
        """What the API is shown of a credential by a request that is served."""
        answer = self.get(route, tenant, **options)
        assert answer.status == 200, answer
        return self.api.last(field)

    def write(self, path, text):
        """A file as tools write it: whole, in the place of the old one."""
        file = self.bulkhead.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.with_suffix(".new").write_text(text)
        file.with_suffix(".new").rename(file)


def pem(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


def credentials(nanoidp, server):
    ours = {"kind": "oauth2", "token_url": server.url}
    single = {"client_id": "bulkhead", "client_secret": {"file": "client.secret"}}
    key = {"client_id": "bulkhead-{tenant}", "private_key": {"file": "client.pem"}}
    file = {"kind": "secret", "refresh": "1s"}
    return {
        "context": {"kind": "signed-context", "key": {"file": "keys/context.pem"}},
        # Each tenant is a client of its own, of a server that nobody here wrote.
        "nano": {"kind": "oauth2", "token_url": f"{nanoidp.issuer}/token", "grant": "client_credentials",
                 "client_id": "basic-{tenant}", "client_secrets": "secrets/{tenant}/nano"},
        "nanopost": {"kind": "oauth2", "token_url": f"{nanoidp.issuer}/token", "grant": "client_credentials",
                     "client_id": "post-{tenant}", "client_secrets": "secrets/{tenant}/nano", "client_auth": "post",
                     "inject": {"as": "header", "name": "x-token"}},
        "callers": {**ours, **single, "grant": "token_exchange", "subject": "token", "subject_token_type": "id_token",
                    "scope": "api:{user}"},
        "contexts": {**ours, **key, "grant": "token_exchange", "subject": "context", "context": "context"},
        "shared": {**ours, **single, "grant": "client_credentials", "client_auth": "post", "scope": "of:{tenant}",
                   "max_lifetime": "1h"},
        "short": {**ours, **single, "grant": "client_credentials", "scope": "short:{tenant}", "max_lifetime": "2s"},
        "key": {**file, "path": "secrets/{tenant}/key", "inject": {"as": "header", "name": "X-Api-Key-2"}},
        "query": {**file, "path": "secrets/{tenant}/key", "inject": {"as": "query", "name": "api_key"}},
        "flat": {**file, "path": "flat/{tenant}.pair", "inject": {"as": "basic"}},
    }


@pytest.fixture(scope="module")
def world(run, make_bulkhead, nanoidp, forge):
    client, context = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    server = AuthorizationServer(
        {"id_token": (forge.public_pem, "RS256", forge.audience), "jwt": (context.public_key(), "EdDSA", None)},
        client.public_key())
    server.released = threading.Event()
    api = API()
    made = credentials(nanoidp, server)
    routes = [name for name in made if name != "context"]
    single = {"owner": "peer tests", "reason": "the API knows no tenants", "expires": "2099-12-31"}
    bulkhead = make_bulkhead("vendors", {
        "listeners": [
            {"name": "ingress", "tls": {"certificate": "tls/tls.crt", "private_key": "tls/tls.key"},
             "carriers": ["bearer"], "routes": ["agent"]},
            {"name": "vended", "carriers": ["bearer"], "routes": routes}],
        "credentials": [{"name": name, **credential} for name, credential in made.items()],
        "upstreams": {"api": {"endpoints": [f"{LOOPBACK}:{api.port}"]}},
        "routes": [
            {"name": "agent", "match": {"paths": ["/invocations"]}, "adapter": "agentcore-runtime",
             "resource": 'Agent::"assistant"', "upstream": "agent", "credentials": "context"}] + [
            {"name": name, "match": {"hosts": [f"{name}.local"]}, "adapter": "rest", "resource": f'Store::"{name}"',
             "upstream": "api", "credentials": name, "single_layer": single} for name in routes],
        "admin": {"socket": "admin.sock"},
    }, start=False)
    tokens = {tenant: forge.token(tenant, tier, user=f"someone of {tenant}")
              for tenant, tier in (("clinic", "basic"), ("hospital", "premium"), ("clinic2", "basic"))}
    world = World(bulkhead, api, server, tokens)
    world.write("keys/context.pem", pem(context))
    world.write("client.pem", pem(client))
    world.write("client.secret", AuthorizationServer.secret + "\n")
    for tenant in TENANTS:
        world.write(f"secrets/{tenant}/nano", f"{tenant}-its_secret~1\n")
        world.write(f"secrets/{tenant}/key", f"key-of-{tenant}\n")
        world.write(f"flat/{tenant}.pair", f"user-{tenant}:pass/{tenant}")
    bulkhead.start()
    yield world
    server.stop()
    api.stop()


@pytest.fixture
def misbehaving(world):
    """The authorization server in a mode, for one test."""
    def set_mode(mode):
        world.server.mode = mode
    yield set_mode
    world.server.mode = ""
    world.server.released.set()


def opened(value):
    return jwt.decode(value.removeprefix("Bearer "), "k" * 32, algorithms=["HS256"])


def fresh(world, forge, tenant="clinic"):
    """Somebody for whom nothing was vended yet."""
    return forge.token(tenant, "basic" if tenant == "clinic" else "premium", user=os.urandom(6).hex())


def test_each_tenant_is_a_client_of_its_own(world, nanoidp):
    keys = jwt.PyJWKClient(nanoidp.jwks_url)
    for route, field, kind in (("nano", "authorization", "basic"), ("nanopost", "x-token", "post")):
        for tenant in TENANTS:
            value, = world.shown(route, tenant, field)
            token = value.removeprefix("Bearer ")
            assert token != world.tokens[tenant]
            claims = jwt.decode(token, keys.get_signing_key_from_jwt(token).key, algorithms=["RS256"],
                                audience=nanoidp.audience, options={"verify_aud": False})
            assert f"{kind}-{tenant}" in (claims["sub"], claims.get("client_id")), claims


def test_the_callers_token_is_exchanged(world):
    for tenant in TENANTS:
        value, = world.shown("callers", tenant)
        claims = opened(value)
        assert claims["client"] == "bulkhead" and claims["subject"]["tenant_id"] == tenant
        assert claims["scope"] == f"api:someone%20of%20{tenant}"


def test_a_context_token_is_exchanged_by_a_client_with_a_key(world):
    for tenant in TENANTS:
        value, = world.shown("contexts", tenant)
        claims = opened(value)
        assert claims["client"] == f"bulkhead-{tenant}"
        assert claims["subject"]["tenant_id"] == tenant and claims["subject"]["sub"] == f"someone of {tenant}"


def test_a_tenants_people_share_a_token_and_ask_once(world, forge):
    """Forty at once, of two tenants, nobody before them: two requests to the server."""
    before = world.server.issued
    tokens = [(tenant, fresh(world, forge, tenant)) for tenant in TENANTS for _ in range(20)]
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda one: world.get("shared", token=one[1]), tokens))
    assert {answer.status for answer in answers} == {200}
    assert world.server.issued == before + 2
    for tenant in TENANTS:
        value, = world.shown("shared", tenant)
        assert opened(value)["scope"] == f"of:{tenant}"


def test_a_token_is_renewed_before_its_end_and_never_used_past_it(world):
    """The server says 300 s; the configuration believes 2 s of it. While the server is down the last one serves to its end."""
    first, = world.shown("short")
    wait_until("another token", lambda: world.shown("short") != [first], seconds=6, every=0.1)
    world.server.mode = "down"
    issued, start = world.server.issued, time.monotonic()
    try:
        served, answer = [], None
        while answer is None or answer.status == 200:
            served.append(time.monotonic() - start)
            answer = world.get("short")
            assert served[-1] < 30, "it is used for ever"
        assert answer.header("x-bulkhead-reason") == "credential_failed"
        # Whatever was asked for behind the token's end was refused, however late it was looked at.
        assert len(served) == 1 or served[-2] < 2.5
        assert opened(world.api.last("authorization")[0])["n"] <= issued
    finally:
        world.server.mode = ""
    wait_until("back without a restart", lambda: world.get("short").status == 200, seconds=8, every=0.1)


@pytest.mark.parametrize("mode", ["down", "cut", "large", "moved", "throttling", "denying", "splitting", "twofold", "other",
                                  "expired", "web"])
def test_a_server_that_misbehaves_gives_nobody_anything(world, forge, misbehaving, mode):
    misbehaving(mode)
    before = len(world.api.seen)
    asked = len(world.server.seen)
    answer = world.get("callers", token=fresh(world, forge))
    assert (answer.status, answer.header("x-bulkhead-reason")) == (503, "credential_failed")
    assert len(world.api.seen) == before
    # A redirection leads nowhere.
    assert len(world.server.seen) == asked + 1
    log = (world.bulkhead.folder / "bulkhead.log").read_text()
    assert "forged" not in log


def test_a_slow_server_holds_up_nobody_else(world, forge, misbehaving):
    misbehaving("slow")
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(world.get, "callers", token=fresh(world, forge), timeout=20)
        wait_until("asked", lambda: world.server.mode == "slow" and len(world.server.seen) > 0)
        for tenant in TENANTS:
            assert world.shown("key", tenant, "x-api-key-2") == [f"key-of-{tenant}"]
        world.server.released.set()
        assert slow.result().status == 503


def test_refusals_are_remembered_for_a_while(world, forge, misbehaving):
    misbehaving("denying")
    token = fresh(world, forge)
    assert world.get("callers", token=token).status == 503
    asked = len(world.server.seen)
    assert [world.get("callers", token=token).status for _ in range(5)] == [503] * 5
    assert len(world.server.seen) == asked


def test_secret_files_stand_where_they_belong(world):
    for tenant in TENANTS:
        assert world.shown("key", tenant, "x-api-key-2", headers={"X-Api-Key-2": "mine", "x_api_key_2": "mine"}) == [
            f"key-of-{tenant}"]
        assert not any("mine" in value for _, value in world.api.seen[-1][1])
        pair = base64.b64encode(f"user-{tenant}:pass/{tenant}".encode()).decode()
        assert world.shown("flat", tenant) == [f"Basic {pair}"]


def test_the_agents_own_parameter_is_replaced(world):
    for tenant in TENANTS:
        world.shown("query", tenant, path="/a?API_KEY=key-of-other&v=1&api%5Fkey=x&api_key[]=y")
        query = urllib.parse.urlsplit(world.api.seen[-1][0]).query
        assert urllib.parse.parse_qs(query) == {"v": ["1"], "api_key": [f"key-of-{tenant}"]}


def test_a_changed_file_is_used_within_its_age(world):
    world.write("secrets/clinic/key", "rotated-key-of-clinic\n")
    wait_until("the new key", lambda: world.shown("key", field="x-api-key-2") == ["rotated-key-of-clinic"], 3, every=0.05)
    assert world.shown("key", "hospital", "x-api-key-2") == ["key-of-hospital"]
    file = world.bulkhead.folder / "secrets" / "clinic" / "key"
    file.unlink()
    answer = wait_until("missing", lambda: (got := world.get("key")).status != 200 and got, 4, every=0.05)
    assert (answer.status, answer.header("x-bulkhead-reason")) == (403, "credential_missing")
    world.write("secrets/clinic/key", "key-of-clinic\n")
    wait_until("there again", lambda: world.get("key").status == 200, 5, every=0.05)
    assert world.shown("key", field="x-api-key-2") == ["key-of-clinic"]


def test_a_tenant_without_a_file_gets_nobody_elses(world):
    before = len(world.api.seen)
    for route in ("key", "query", "flat", "nano"):
        answer = world.get(route, "clinic2")
        assert (answer.status, answer.header("x-bulkhead-reason")) == (403, "credential_missing")
    assert len(world.api.seen) == before


@pytest.mark.parametrize("place", ["outside", "other", "folder", "fifo", "empty", "line", "large", "hidden"])
def test_files_that_lead_elsewhere_or_hold_what_no_header_may(world, place):
    """clinic2 has no file; each of these puts something in its place."""
    folder = world.bulkhead.folder / "secrets" / "clinic2"
    folder.mkdir()
    key = folder / "key"
    try:
        if place == "outside":
            key.symlink_to(world.bulkhead.folder / "client.secret")
        elif place == "other":
            key.symlink_to("../hospital/key")
        elif place == "folder":
            key.mkdir()
        elif place == "fifo":
            os.mkfifo(key)
        elif place == "hidden":
            folder.rmdir()
            folder.symlink_to("hospital")
        else:
            key.write_text({"empty": "\n", "line": "a\nx-admin: 1", "large": "k" * 9000}[place])
        answer = wait_until("asked anew", lambda: world.get("key", "clinic2"), 1)
        assert answer.status in (403, 503) and answer.header("x-bulkhead-reason").startswith("credential_")
    finally:
        if folder.is_symlink():
            folder.unlink()
        else:
            if key.is_symlink() or key.is_fifo() or key.is_file():
                key.unlink()
            elif key.is_dir():
                key.rmdir()
            folder.rmdir()


def test_links_within_the_folder_are_followed_as_kubernetes_sets_them(world):
    """flat/clinic2.pair → ..data/clinic2.pair → ..1/clinic2.pair, then another version in one step."""
    flat = world.bulkhead.folder / "flat"
    for version in ("1", "2"):
        (flat / f"..{version}").mkdir()
        (flat / f"..{version}" / "clinic2.pair").write_text(f"linked:version-{version}")
    (flat / "..data").symlink_to("..1")
    (flat / "clinic2.pair").symlink_to("..data/clinic2.pair")

    def password():
        answer = world.get("flat", "clinic2")
        return answer.status == 200 and base64.b64decode(world.api.last("authorization")[0].split(" ")[1]).decode()
    wait_until("the first", lambda: password() == "linked:version-1", 4, every=0.05)
    (flat / "..next").symlink_to("..2")
    (flat / "..next").rename(flat / "..data")
    wait_until("the second", lambda: password() == "linked:version-2", 4, every=0.05)


def test_an_api_that_says_it_back_is_not_heard(world):
    world.api.echo = lambda handler: [("x-saw", handler.headers.get("x-api-key-2") or "")]
    try:
        answer = world.get("key", "hospital")
        assert (answer.status, answer.header("x-bulkhead-reason")) == (502, "credential_echoed")
        assert b"key-of" not in answer.body and not any("key-of" in value for _, value in answer.headers)
    finally:
        world.api.echo = None


def test_a_suspension_ends_it(world):
    socket = world.bulkhead.folder / world.bulkhead.configuration["admin"]["socket"]

    def command(what):
        done = world.bulkhead.command("tenant", what, "hospital", "--socket", socket)
        assert done.returncode == 0, done.stderr
    before, = world.shown("shared", "hospital")
    command("suspend")
    try:
        wait_until("suspended", lambda: world.get("shared", "hospital").status == 403, 2)
        assert world.get("shared").status == 200
    finally:
        command("resume")
    wait_until("resumed", lambda: world.get("shared", "hospital").status == 200, 2)
    # What was vended before is not used after.
    assert world.api.last("authorization") != [before]


def test_nothing_of_it_is_written_down(world):
    """Neither records nor notices nor metrics hold a credential, a client's secret, a caller's token."""
    world.bulkhead.settle()
    folder = world.bulkhead.folder
    text = (folder / "records.jsonl").read_text() + (folder / "bulkhead.log").read_text() + world.bulkhead.metrics_text()
    issued = {value for _, headers in world.api.seen for name, value in headers if name in ("authorization", "x-token")}
    assert len(issued) > 10
    for secret in [*world.tokens.values(), AuthorizationServer.secret, "key-of-", "its_secret", "pass/", "api_key",
                   *(value.split(" ")[-1] for value in issued)]:
        assert secret not in text
    reasons = {record.get(REASON) for record in world.bulkhead.records()}
    assert {"credential_failed", "credential_missing", "credential_echoed"} <= reasons


def test_it_is_explained_without_being_asked_for(world):
    asked = len(world.server.seen)
    done = world.bulkhead.command(
        "explain", "--config", world.bulkhead.file, "--listener", "vended", "--host", "shared.local", "--path", "/a",
        "--token", world.tokens["clinic"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert "shared" in done.stdout and "EXPLAINED" not in done.stdout
    assert len(world.server.seen) == asked
