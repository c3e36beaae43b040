# SPDX-License-Identifier: Apache-2.0
"""What runs: three proxies with one job, the upstreams behind them, tokens, certificates. `compare.py` measures."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(HERE.parents[1] / "Peers"))
sys.path.insert(0, str(ROOT / "Deploy" / "sample"))
from harness.process import Owned, accepts, answers, free_port  # noqa: E402
from issuer import Issuer  # noqa: E402

AUDIENCE = "benchmark"
TICKS = os.sysconf("SC_CLK_TCK")
WARM_TOKENS, COLD_TOKENS = 64, 20_000
BODY_BYTES = 1 << 20
CONNECTIONS = 12_000


class QuickIssuer(Issuer):
    """The development issuer, signing without a process for each token."""

    def sign(self, algorithm, data):
        if not hasattr(self, "loaded"):
            self.loaded = serialization.load_pem_private_key(self.key.read_bytes(), None)
        return self.loaded.sign(data, padding.PKCS1v15(), hashes.SHA256())


class Proxy:
    def __init__(self, name, bench):
        self.name = name
        self.bench = bench
        self.port = free_port()
        self.process = None

    def fill(self, source, target, **extra):
        values = {"DIR": str(self.bench.folder), "PORT": str(self.port), "UPSTREAM": str(self.bench.upstream_port),
                  "EVENTS": str(self.bench.events_port), "CONNECTIONS": str(CONNECTIONS),
                  "ISSUER": self.bench.issuer_url, "AUDIENCE": AUDIENCE, **extra}
        text = (HERE / source).read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        path = self.bench.folder / target
        path.write_text(text)
        return path

    def start(self):
        command, ready = getattr(self, f"{self.name}_command")()
        self.process = Owned(self.name, [*self.bench.pin(0), *command], self.bench.folder / f"{self.name}.log",
                             folder=self.bench.folder)
        self.process.await_ready(ready, seconds=30)

    def restart(self):
        self.process.stop()
        self.start()

    def haproxy_command(self):
        return ["haproxy", "-db", "-f", self.fill("haproxy.cfg", "haproxy.cfg")], lambda: accepts(self.port)

    def envoy_command(self):
        configuration = self.fill("envoy.yaml", "envoy.yaml")
        return [self.bench.envoy, "-c", configuration, "--concurrency", "1", "--base-id", str(self.port),
                "-l", "error"], lambda: accepts(self.port)

    def bulkhead_command(self):
        admin = free_port()
        configuration = self.fill("bulkhead.yaml", "bulkhead.yaml", ADMIN=str(admin))
        return [self.bench.bulkhead, "serve", "--config", configuration], lambda: answers(admin, "/readyz")

    def cpu_seconds(self):
        """What the kernel has charged to the process so far, all threads."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def complaint(self):
        """What it has last said, for a measurement that failed."""
        records = self.bench.folder / f"{self.name}.access.log"
        last = records.read_text().splitlines()[-1:] if records.exists() else []
        return f"{self.process.tail()}\n{last}"


class Bench:
    def __init__(self, options, folder):
        self.folder = Path(folder)
        self.envoy = options.envoy
        self.bulkhead = options.bulkhead
        self.issuer_url = "https://issuer.example/benchmark"
        self.cores = sorted(os.sched_getaffinity(0))
        self.descriptors = self.allow_descriptors(32_768)
        self.upstream_port, self.events_port = free_port(), free_port()
        self.upstreams = []
        self.proxies = [Proxy(name, self) for name in options.proxies]

    @staticmethod
    def allow_descriptors(wanted):
        """Ten thousand connections need as many in the proxy and in the caller; children inherit the limit."""
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        for limit in (max(wanted, hard), hard):
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
                return min(limit, wanted)
            except (ValueError, OSError):
                continue
        return hard

    def pin(self, slot):
        """The proxy gets the last core, load and upstream all others; nothing is pinned on a single core."""
        if len(self.cores) < 2:
            return []
        cores = self.cores[-1:] if slot == 0 else self.cores[:-1]
        return ["taskset", "-c", ",".join(map(str, cores))]

    def prepare(self, needs_cold):
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["bash", str(ROOT / "Deploy" / "keys.sh"), str(self.folder)], **quiet)
        # RSA, since that is what most callers meet, and the same for all three.
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(self.folder / "tls.key"),
             "-out", str(self.folder / "tls.crt")], **quiet)
        (self.folder / "tls.pem").write_text(
            (self.folder / "tls.crt").read_text() + (self.folder / "tls.key").read_text())
        issuer = QuickIssuer.new(self.folder)
        public = subprocess.run(["openssl", "pkey", "-in", str(issuer.key), "-pubout"], check=True, capture_output=True)
        (self.folder / "issuer.pub").write_bytes(public.stdout)
        self.write_tokens(issuer, "warm", WARM_TOKENS)
        if needs_cold:
            self.write_tokens(issuer, "cold", COLD_TOKENS)
        (self.folder / "tenants.yaml").write_text("tenants:\n" + "".join(
            f"  - {{id: tenant-{number}, tier: {self.tier(number)}, status: active, issuers: [benchmark]}}\n"
            for number in range(WARM_TOKENS)))
        for name in ("policies", "adapters") if self.bulkhead else ():
            shutil.copytree(ROOT / "Config" / name, self.folder / name)
        (self.folder / "large.json").write_text('{"memories":"' + "m" * (64 * 1024 - 15) + '"}')
        (self.folder / "body.json").write_text('{"memories":"' + "m" * (BODY_BYTES - 15) + '"}')

    @staticmethod
    def tier(number):
        return ("basic", "standard", "premium")[number % 3]

    def write_tokens(self, issuer, name, count):
        with open(self.folder / f"{name}.tokens", "w") as file:
            for number in range(count):
                tenant = number % WARM_TOKENS
                file.write(issuer.token(
                    f"tenant-{tenant}", self.tier(tenant), f"{name}-user-{number}", minutes=24 * 60,
                    issuer=self.issuer_url, audience=AUDIENCE) + "\n")

    def start(self):
        configuration = (HERE / "nginx.conf").read_text()
        configuration = configuration.replace("@DIR@", str(self.folder)).replace("@UPSTREAM@", str(self.upstream_port))
        (self.folder / "nginx.conf").write_text(configuration)
        for name, command, port in (
            ("nginx", ["nginx", "-c", self.folder / "nginx.conf"], self.upstream_port),
            ("events", [sys.executable, HERE / "events.py", self.events_port], self.events_port),
        ):
            owned = Owned(name, [*self.pin(1), *command], self.folder / f"{name}.log", folder=self.folder)
            self.upstreams.append(owned)
            owned.await_ready(lambda port=port: accepts(port))
        for proxy in self.proxies:
            proxy.start()

    def stop(self):
        for owned in [proxy.process for proxy in self.proxies] + self.upstreams:
            if owned is not None:
                owned.stop()
