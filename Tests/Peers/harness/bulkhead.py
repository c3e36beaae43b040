# SPDX-License-Identifier: Apache-2.0
"""Bulkhead as a test runs it: a configuration, a process, its records and its metrics."""

import copy
import http.client
import json
import os
import shutil
import subprocess
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from .names import LISTENER, REQUESTS
from .process import LOOPBACK, Owned, answers, free_port, wait_until

ROOT = Path(__file__).resolve().parents[3]


def binary():
    """The release binary that Deploy/test.sh built, unless BULKHEAD_BINARY names another."""
    return Path(os.environ.get("BULKHEAD_BINARY") or ROOT / ".build" / "release" / "bulkhead")


def merged(base, changes):
    """A deep copy of `base` with `changes` over it: mappings are merged, everything else is replaced."""
    result = copy.deepcopy(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


class Bulkhead:
    """One process with a folder of its own. JSON is YAML, so the configuration is written as that."""

    def __init__(self, folder, configuration, tenants, policies=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["bash", str(ROOT / "Deploy" / "keys.sh"), str(self.folder), "agent.example"], check=True)
        for name in ("policies", "adapters"):
            shutil.copytree(ROOT / "Config" / name, self.folder / name, dirs_exist_ok=True)
        for name, text in (policies or {}).items():
            (self.folder / "policies" / name).write_text(text)
        self.admin_port = free_port()
        self.ports = {}
        self.configuration = merged(self.base(), configuration)
        for listener in self.configuration["listeners"]:
            self.ports[listener["name"]] = free_port()
            listener["address"] = f"{LOOPBACK}:{self.ports[listener['name']]}"
        self.file = self.folder / "bulkhead.yaml"
        self.write()
        (self.folder / "tenants.yaml").write_text(json.dumps({"tenants": tenants}, indent=1))
        self.process = None

    def write(self):
        """The configuration, as it was changed since."""
        self.file.write_text(json.dumps(self.configuration, indent=1))

    def base(self):
        return {
            "version": 1,
            "workers": 2,
            # Tests take a handle from one exchange and use it for as long as the run takes.
            "identity": {"handle": {"linger": "10m"}},
            "tenants": {"file": "tenants.yaml"},
            "tiers": {"basic": {"weight": 1}, "standard": {"weight": 4}, "premium": {"weight": 8}},
            "policy": {"files": ["policies/"], "schema": "policies/bulkhead.cedarschema"},
            "credentials": [{"name": "context", "kind": "signed-context", "key": {"file": "keys/context.pem"}}],
            "telemetry": {"access_log": {"path": "records.jsonl"}},
            "keys": {"current": {"file": "keys/bulkhead.key"}},
            "admin": {"address": f"{LOOPBACK}:{self.admin_port}", "token": {"file": "keys/admin.token"}},
        }

    @property
    def ca(self):
        return self.folder / "tls" / "ca.crt"

    @property
    def admin_token(self):
        return (self.folder / "keys" / "admin.token").read_text().strip()

    def start(self, ready=True, under=()):
        """Under: a command that starts it, before its own arguments."""
        self.process = Owned("bulkhead", [*under, binary(), "serve", "--config", self.file],
                             self.folder / "bulkhead.log", folder=self.folder)
        if ready:
            self.process.await_ready(self.is_ready, seconds=20)
        return self

    def take_over(self):
        """Starts another process in the place of this one, and gives back the one that is to end; needs `admin.socket`."""
        before = self.process
        self.process = Owned("bulkhead", [binary(), "serve", "--config", self.file, "--take-over"],
                             self.folder / f"after-{before.pid}.log", folder=self.folder)
        return before

    def is_ready(self):
        return answers(self.admin_port, "/readyz")

    def stop(self):
        if self.process is not None:
            self.process.stop()

    def command(self, *arguments):
        """Another command of the binary, such as check or explain."""
        return subprocess.run([str(binary()), *map(str, arguments)], capture_output=True, text=True, cwd=self.folder)

    def reload(self):
        """Has it read its files anew, and waits for the outcome; the socket stands in the configuration."""
        return self.command("reload", "--socket", self.folder / self.configuration["admin"]["socket"])

    @contextmanager
    def changed(self, name, change):
        """One of its files with another content, for a while; "missing" takes it away."""
        path = self.folder / name
        before = path.read_bytes()
        if change == "missing":
            path.unlink()
        else:
            path.write_bytes(change(before.decode("latin-1")).encode("latin-1"))
        try:
            yield
        finally:
            path.write_bytes(before)

    # Records

    def records(self, **wanted):
        """The records so far whose fields have the wanted values."""
        path = self.folder / "records.jsonl"
        if not path.exists():
            return []
        lines = path.read_bytes().split(b"\n")[:-1]
        return [record for record in map(json.loads, lines)
                if all(record.get(name) == value for name, value in wanted.items())]

    def settle(self):
        """Waits until every request that has ended stands in the records: they are written in batches."""
        wait_until("records and metric agree", lambda: len(self.records()) == self.metric(REQUESTS), every=0.02)

    def await_records(self, count, seconds=10, **wanted):
        wait_until(f"{count} records with {wanted}", lambda: len(self.records(**wanted)) >= count, seconds)
        return self.records(**wanted)

    # The admin plane

    def admin(self, path, token=None, method="GET"):
        """Status, headers and body of a request to the admin plane."""
        connection = http.client.HTTPConnection(LOOPBACK, self.admin_port, timeout=5)
        try:
            connection.request(method, path, headers={"authorization": f"Bearer {token}"} if token else {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def metrics_text(self):
        status, _, body = self.admin("/metrics", self.admin_token)
        assert status == 200, status
        return body.decode()

    def metrics(self):
        """Every sample as {(name, frozenset of labels): value}; a series that stands there twice fails."""
        samples = {}
        for family in text_string_to_metric_families(self.metrics_text()):
            for sample in family.samples:
                key = (sample.name, frozenset(sample.labels.items()))
                assert key not in samples, f"{key} stands there twice"
                samples[key] = sample.value
        return samples

    def metric(self, name, **labels):
        """The sum over all series of that name which carry these labels."""
        wanted = set(labels.items())
        return sum(value for (series, held), value in self.metrics().items() if series == name and wanted <= held)


class Trail:
    """The records that what happens inside the `with` leaves at one listener: exactly so many."""

    def __init__(self, bulkhead, listener, count=1):
        self.bulkhead, self.wanted, self.count = bulkhead, {LISTENER: listener}, count
        self.records = []

    def __enter__(self):
        self.bulkhead.settle()
        self.before = len(self.bulkhead.records(**self.wanted))
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.bulkhead.await_records(self.before + self.count, **self.wanted)
            self.records = self.bulkhead.records(**self.wanted)[self.before:]
            assert len(self.records) == self.count, self.records


def statuses(results):
    return dict(Counter(result.status for result in results))
