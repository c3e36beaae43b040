# SPDX-License-Identifier: Apache-2.0
"""Issuers as they are in life: they rotate their keys, and they go away for a while."""

import asyncio
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from harness.bulkhead import statuses
from harness.client import Caller, head, load, trust
from harness.forge import Forge
from harness.issuers import NanoIDP
from harness.names import REASON
from harness.process import wait_until
from conftest import PROGRAMS

CONNECTIONS = 16


def asking(token):
    body = b'{"do": "headers"}'
    return head("POST", "/invocations", [("Authorization", f"Bearer {token}"), ("Content-Type", "application/json")],
                body, "localhost")


@pytest.fixture
def own_issuer(tmp_path):
    """An issuer of the test's own, since others must not notice what happens to it."""
    issuer = NanoIDP(PROGRAMS / "nanoidp", tmp_path / "idp", {"ann": ("clinic", "basic"), "bob": ("hospital", "premium")})
    yield issuer
    issuer.stop()


@pytest.fixture
def bulkhead(make_bulkhead, own_issuer, request):
    name = request.node.name.split("[")[0]
    return make_bulkhead(name, {"identity": {"issuers": [
        {"name": "nanoidp", "profile": "oidc", "issuer": own_issuer.issuer, "jwks": {"url": own_issuer.jwks_url},
         "audiences": [own_issuer.audience], "claims": {"tenant": "tenant", "tier": "identity_class"}}]}},
        tenants=[{"id": "clinic", "tier": "basic", "issuers": ["nanoidp"]},
                 {"id": "hospital", "tier": "premium", "issuers": ["nanoidp"]}])


async def under_load(bulkhead, tokens, events, seconds):
    """Keeps requests with `tokens` (a list that events may add to) coming, while the events happen one by one."""
    context, stop = trust(bulkhead.ca), False

    def requests():
        number = 0
        while not stop:
            yield asking(tokens[number % len(tokens)])
            number += 1

    running = asyncio.create_task(load(bulkhead.ports["steered"], context, requests(), CONNECTIONS))
    for event in events:
        await asyncio.sleep(seconds / (len(events) + 1))
        await asyncio.to_thread(event)
    await asyncio.sleep(seconds / (len(events) + 1))
    stop = True
    return await running


def test_a_rotation_under_load_fails_no_request(bulkhead, own_issuer):
    tokens = [own_issuer.sign_in("ann"), own_issuer.sign_in("bob")]

    def rotate():
        own_issuer.rotate()
        tokens.extend([own_issuer.sign_in("ann"), own_issuer.sign_in("bob")])

    answers, hung = asyncio.run(under_load(bulkhead, tokens, [rotate], 4))
    assert hung == 0 and len(answers) > 200
    assert statuses(answers) == {200: len(answers)}
    assert len(tokens) == 4


def test_a_key_that_is_gone_dies(bulkhead, own_issuer):
    """After three rotations the issuer no longer names the first key; a fetched set replaces the old one."""
    caller = Caller(bulkhead.ports["steered"], bulkhead.ca)
    for _ in range(3):
        own_issuer.rotate()
    assert caller.raw(asking(own_issuer.sign_in("ann"))).status == 200


def test_an_unknown_key_is_asked_for_once(bulkhead, own_issuer, forge):
    """A flood of made-up key ids costs the issuer one request, not one each."""
    log = own_issuer.process.log
    count = lambda: log.read_text().count("/.well-known/jwks.json")  # noqa: E731
    before = count()
    tokens = [forge.token("clinic", "basic", iss=own_issuer.issuer, aud=own_issuer.audience, header={"kid": f"made-up-{n}"})
              for n in range(40)]
    answers, hung = asyncio.run(load(bulkhead.ports["steered"], trust(bulkhead.ca), map(asking, tokens), 8))
    assert hung == 0 and statuses(answers) == {401: 40}
    assert {r[REASON] for r in bulkhead.await_records(40)} == {"key_unknown"}
    assert count() - before <= 1


def test_an_issuer_that_is_down_fails_no_known_key(bulkhead, own_issuer, request):
    """A minute with --long, which outlasts a refresh; some seconds without."""
    seconds = 70 if request.config.getoption("--long") else 6
    tokens = [own_issuer.sign_in("ann"), own_issuer.sign_in("bob")]
    warm = Caller(bulkhead.ports["steered"], bulkhead.ca)
    assert [warm.raw(asking(token)).status for token in tokens] == [200, 200]
    spare = own_issuer.sign_in("bob")  # a token of a known key that Bulkhead has not seen yet
    answers, hung = asyncio.run(under_load(
        bulkhead, tokens, [own_issuer.stop, lambda: tokens.append(spare)], seconds))
    assert hung == 0 and statuses(answers) == {200: len(answers)}
    assert bulkhead.is_ready()
    ages = [value for (name, _), value in bulkhead.metrics().items() if name == "bulkhead_issuer_key_age_seconds"]
    assert ages and max(ages) >= seconds // 2


def test_not_ready_until_the_keys_are_there(make_bulkhead, tmp_path, own_issuer):
    """Without an issuer's keys at the start: alive, not ready, refusing with a reason; then it heals by itself."""
    own_issuer.stop()
    bulkhead = make_bulkhead("late-issuer", {"identity": {"issuers": [
        {"name": "nanoidp", "profile": "oidc", "issuer": own_issuer.issuer, "jwks": {"url": own_issuer.jwks_url},
         "audiences": [own_issuer.audience], "claims": {"tenant": "tenant", "tier": "identity_class"}}]}},
        tenants=[{"id": "clinic", "tier": "basic", "issuers": ["nanoidp"]}], start=False)
    bulkhead.start(ready=False)
    wait_until("it is alive", lambda: bulkhead.process.running() and alive(bulkhead))
    assert not bulkhead.is_ready()
    own_issuer.start()
    wait_until("it becomes ready by itself", bulkhead.is_ready, seconds=60, every=0.1)
    caller = Caller(bulkhead.ports["steered"], bulkhead.ca)
    assert caller.raw(asking(own_issuer.sign_in("ann"))).status == 200


def alive(bulkhead):
    try:
        return bulkhead.admin("/healthz")[0] == 200
    except OSError:
        return False


class ServedKeys:
    """A key set on a port of its own, which the test changes, and counts who asks for it."""

    def __init__(self, *keys):
        self.keys, self.fetches = list(keys), 0
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                served.fetches += 1
                body = json.dumps({"keys": served.keys}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def served():
    keys = ServedKeys()
    yield keys
    keys.stop()


def test_a_key_that_is_taken_back_is_void_in_every_worker(make_bulkhead, served):
    """The issuer takes a key back while tokens of that key are in the caches."""
    old, new = Forge(), Forge()
    renamed = [{**key, "kid": "new-" + key["kid"]} for key in new.jwks()["keys"]]
    served.keys = old.jwks()["keys"]
    bulkhead = make_bulkhead("taken-back", {"workers": 2, "identity": {"issuers": [
        {"name": "own", "profile": "oidc", "issuer": old.issuer, "jwks": {"url": served.url},
         "audiences": [old.audience], "algorithms": ["RS256"]}]}},
        tenants=[{"id": "clinic", "tier": "basic", "issuers": ["own"]}])
    caller = Caller(bulkhead.ports["steered"], bulkhead.ca)
    token = old.token("clinic", "basic")
    # Enough connections that both workers have the token in their caches.
    assert {caller.raw(asking(token)).status for _ in range(24)} == {200}
    assert served.fetches == 1
    served.keys = renamed
    following = new.token("clinic", "basic", header={"kid": "new-forge-rsa"}, iss=old.issuer, aud=old.audience)
    assert caller.raw(asking(following)).status == 200, "an unknown key is asked for"
    assert served.fetches == 2
    answers = [caller.raw(asking(token)) for _ in range(24)]
    wait_until("no worker knows the old key", lambda: {caller.raw(asking(token)).status for _ in range(8)} == {401})
    # By far the most of those that came right behind the new keys: no clock of this machine's has to judge it.
    refused = [answer for answer in answers if answer.status != 200]
    assert len(refused) >= 20 and {answer.header("x-bulkhead-reason") for answer in refused} == {"key_unknown"}
    # However many ask for it, the issuer is left alone for half a minute.
    unheard = [new.token("clinic", "basic", header={"kid": f"made-up-{number}"}, iss=old.issuer) for number in range(20)]
    assert {caller.raw(asking(each)).status for each in unheard} == {401}
    assert served.fetches == 2
    assert {caller.raw(asking(following)).status for _ in range(8)} == {200}
