# SPDX-License-Identifier: Apache-2.0
"""Three proxies, one job, one run: `bash Tests/Benchmarks/peers.sh` calls this with everything installed.

Each proxy has one worker and a core of its own where there are two; load and upstream share the other. Rounds are
interleaved, so that a noisy minute hits all alike, and the best round counts: the one with the least CPU per request.
CPU is what the kernel charged to the proxy's process (utime + stime of all its threads) while the load ran.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
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
SCENARIOS = (
    # name, path, tokens, connections
    ("warm small", "/small", "warm", 32),
    ("warm 64 KiB", "/large", "warm", 32),
    ("cold small", "/small", "cold", 32),
)


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
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def measure(self, path, tokens, connections, seconds):
        # A second is less than any of the three needs for all cold tokens, so that none comes twice.
        how, duration = ("once", 1) if tokens == "cold" else ("cycle", seconds)
        before = self.cpu_seconds()
        output = subprocess.run(
            [*self.bench.pin(1), "wrk", "-t1", f"-c{connections}", f"-d{duration}s", "--timeout", "10s",
             "-s", str(HERE / "load.lua"), f"https://localhost:{self.port}", "--",
             str(self.bench.folder / f"{tokens}.tokens"), path, how],
            check=True, capture_output=True, text=True).stdout
        spent = self.cpu_seconds() - before
        result = json.loads(output.strip().splitlines()[-1])
        if result["requests"] == 0 or result["bad"]:
            records = self.bench.folder / f"{self.name}.access.log"
            last = records.read_text().splitlines()[-1:] if records.exists() else []
            raise SystemExit(f"{self.name}: {result}\n{output}\n{self.process.tail()}\n{last}")
        return {
            "requests_per_second": round(result["requests"] / result["seconds"]),
            "p50_us": result["p50_us"], "p99_us": result["p99_us"],
            "cpu_us_per_request": round(spent * 1e6 / result["requests"], 2),
            "cpu_share": round(spent / result["seconds"], 2),
            "resident_mb": round(self.process.resident_bytes() / 2**20, 1),
            "requests": result["requests"],
        }


class Bench:
    def __init__(self, options, folder):
        self.folder = Path(folder)
        self.envoy = options.envoy
        self.bulkhead = options.bulkhead
        self.issuer_url = "https://issuer.example/benchmark"
        self.cores = sorted(os.sched_getaffinity(0))
        self.upstream_port = free_port()
        self.nginx = None
        self.proxies = [Proxy(name, self) for name in options.proxies]

    def pin(self, slot):
        """The proxy gets the last core, load and upstream all others; nothing is pinned on a single core."""
        if len(self.cores) < 2:
            return []
        cores = self.cores[-1:] if slot == 0 else self.cores[:-1]
        return ["taskset", "-c", ",".join(map(str, cores))]

    def prepare(self):
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
        self.write_tokens(issuer)
        (self.folder / "tenants.yaml").write_text("tenants:\n" + "".join(
            f"  - {{id: tenant-{number}, tier: {self.tier(number)}, status: active, issuers: [benchmark]}}\n"
            for number in range(WARM_TOKENS)))
        for name in ("policies", "adapters") if self.bulkhead else ():
            shutil.copytree(ROOT / "Config" / name, self.folder / name)
        (self.folder / "large.json").write_text('{"memories":"' + "m" * (64 * 1024 - 15) + '"}')

    @staticmethod
    def tier(number):
        return ("basic", "standard", "premium")[number % 3]

    def write_tokens(self, issuer):
        for name, count in (("warm", WARM_TOKENS), ("cold", COLD_TOKENS)):
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
        self.nginx = Owned("nginx", [*self.pin(1), "nginx", "-c", self.folder / "nginx.conf"],
                           self.folder / "nginx.log", folder=self.folder)
        self.nginx.await_ready(lambda: accepts(self.upstream_port))
        for proxy in self.proxies:
            proxy.start()

    def stop(self):
        for owned in [proxy.process for proxy in self.proxies] + [self.nginx]:
            if owned is not None:
                owned.stop()

    def run(self, rounds, seconds, note):
        best = {}
        for number in range(rounds):
            for scenario, path, tokens, connections in SCENARIOS:
                for proxy in self.proxies:
                    if tokens == "cold":
                        # No proxy may have seen these tokens: a fresh process, then its code warmed with others.
                        proxy.process.stop()
                        proxy.start()
                        proxy.measure(path, "warm", connections, 1)
                    note(f"round {number + 1}/{rounds}  {scenario:12} {proxy.name}")
                    result = proxy.measure(path, tokens, connections, seconds)
                    held = best.setdefault(scenario, {}).get(proxy.name)
                    if held is None or result["cpu_us_per_request"] < held["cpu_us_per_request"]:
                        best[scenario][proxy.name] = result
        return best


def report(results, proxies):
    for scenario, rows in results.items():
        print(f"\n{scenario}")
        print(f"  {'':10} {'requests/s':>11} {'p50 µs':>8} {'p99 µs':>8} {'CPU µs/request':>15} {'core':>6} {'MiB':>7}")
        for name in proxies:
            row = rows[name]
            print(f"  {name:10} {row['requests_per_second']:>11,} {row['p50_us']:>8,.0f} {row['p99_us']:>8,.0f} "
                  f"{row['cpu_us_per_request']:>15.1f} {row['cpu_share']:>6.0%} {row['resident_mb']:>7.1f}")
        if "bulkhead" in rows and len(proxies) > 1:
            ratios = [f"{rows['bulkhead']['cpu_us_per_request'] / rows[name]['cpu_us_per_request']:.2f} of {name}'s"
                      for name in proxies if name != "bulkhead"]
            print(f"  Bulkhead's CPU per request: {', '.join(ratios)}")


def main():
    parser = argparse.ArgumentParser(description="Three proxies, one job, one run.")
    parser.add_argument("--envoy", required=True, help="the envoy program")
    parser.add_argument("--bulkhead", help="the bulkhead program; without it only the two others run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of load per warm measurement")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON, for programs")
    parser.add_argument("--only", choices=["bulkhead", "haproxy", "envoy"], help="one of the three, to profile it")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended, it ends what it started
    options.proxies = [options.only] if options.only else (["bulkhead"] if options.bulkhead else []) + ["haproxy", "envoy"]
    with tempfile.TemporaryDirectory(prefix="bulkhead-bench-") as folder:
        os.chmod(folder, 0o711)  # nginx, started as root, reads its file as nobody
        bench = Bench(options, folder)
        # Progress is for people who watch; programs and files get the result alone.
        watched = sys.stderr.isatty()
        note = lambda text: watched and print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)  # noqa: E731
        try:
            note(f"signing {COLD_TOKENS + WARM_TOKENS:,} tokens")
            bench.prepare()
            bench.start()
            started = time.monotonic()
            results = bench.run(options.rounds, options.seconds, note)
        finally:
            bench.stop()
        note("")
    if options.json:
        print(json.dumps({"rounds": options.rounds, "seconds": options.seconds, "results": results}, indent=2))
        return
    print(f"best of {options.rounds} rounds, one worker each, {time.monotonic() - started:.0f} s in all")
    report(results, options.proxies)


if __name__ == "__main__":
    main()
