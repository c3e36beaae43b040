# SPDX-License-Identifier: Apache-2.0
"""Memory stores that nobody here wrote, each in an environment of its own, and Bulkhead in front of them."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from .bulkhead import ROOT, Bulkhead, binary, merged
from .client import Caller
from .forge import Forge

ENVIRONMENTS = Path(os.environ.get("BULKHEAD_PEERS", ROOT / ".build" / "peers"))
CLIENTS = Path(__file__).resolve().parents[1] / "clients"
TENANTS = [
    {"id": name, "name": name, "tier": "basic", "issuers": ["workforce"]}
    for name in ("acme", "acme2", "globex", "initech", "umbrella", "leaver", "leaver2")
]


def environment(name):
    """The folder of a Python environment; without it the tests of that store are skipped."""
    folder = ENVIRONMENTS / name
    if not (folder / "bin" / "python").exists():
        pytest.skip(f"no environment at {folder}: Deploy/test.sh makes it from requirements-{name}.txt")
    return folder


def packaged(name, pattern):
    """A file inside the packages of an environment."""
    return next((environment(name) / "lib").glob(f"python3*/site-packages/{pattern}"))


def program(name, script, *arguments):
    """Runs a client's program, unchanged as any agent would run it, and reads the JSON that it prints last."""
    done = subprocess.run([str(environment(name) / "bin" / "python"), str(CLIENTS / script), *map(str, arguments)],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-4000:] + done.stdout[-1000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


class Doors:
    """One Bulkhead with a listener for each store; `at(store, tenant)` is a caller who is that tenant."""

    def __init__(self, folder, stores, workers=1, changes=None):
        self.forge = Forge()
        self.tokens = {tenant["id"]: self.forge.token(tenant["id"], "basic") for tenant in TENANTS}
        (folder.parent / f"{folder.name}.jwks.json").write_text(json.dumps(self.forge.jwks()))
        layer = {"owner": "peer tests", "reason": "stores of the tests", "expires": "2099-12-31"}
        self.bulkhead = Bulkhead(folder, merged({
            "workers": workers,
            "listeners": [{"name": name, "carriers": ["bearer"], "routes": [name]} for name in stores],
            "identity": {"issuers": [{
                "name": "workforce", "profile": "oidc", "issuer": self.forge.issuer,
                "jwks": {"file": str(folder.parent / f"{folder.name}.jwks.json")}, "audiences": [self.forge.audience],
                "algorithms": ["RS256"]}]},
            "upstreams": {name: {"endpoints": [f"127.0.0.1:{store['port']}"]} for name, store in stores.items()},
            "routes": [{"name": name, "match": {"paths": ["/**"]}, "adapter": store["adapter"],
                        "resource": f'Store::"{name}"', "upstream": name, "single_layer": layer,
                        **{key: store[key] for key in ("namespace", "aws") if key in store}}
                       for name, store in stores.items()],
        }, changes or {}), TENANTS)
        if not binary().exists():
            pytest.fail(f"no Bulkhead at {binary()}: run Deploy/test.sh, or set BULKHEAD_BINARY")
        self.bulkhead.start()

    def url(self, store):
        return f"http://127.0.0.1:{self.bulkhead.ports[store]}"

    def at(self, store, tenant, caller=Caller):
        return Tenant(caller(self.bulkhead.ports[store]), self.tokens[tenant])

    def stop(self):
        self.bulkhead.stop()


class Tenant:
    """Sends a tenant's requests; `None` for the token is a caller of the bare store."""

    def __init__(self, caller, token=None):
        self.caller, self.token = caller, token

    def send(self, method, path, body=None, headers=None):
        fields = dict(headers or {})
        if body is not None and not isinstance(body, bytes):
            body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        if body is not None and "Content-Type" not in fields:
            fields["Content-Type"] = "application/json"
        return self.caller.request(method, path, fields, body, self.token)

    def json(self, method, path, body=None):
        answer = self.send(method, path, body)
        return answer.status, answer.json() if answer.body else None


def bare(port, caller=Caller):
    """A caller of the store itself."""
    return Tenant(caller(port))
