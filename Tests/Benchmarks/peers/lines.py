# SPDX-License-Identifier: Apache-2.0
"""The lines of the comparison: what load each puts on a proxy, and what of it counts."""

import json
import subprocess
import sys
import time
from pathlib import Path

from harness.process import wait_until

HERE = Path(__file__).resolve().parent
IDLE_CONNECTIONS = 10_000


class Line:
    """One load. `measure` gives a row: what a program printed, and what the proxy's process was charged meanwhile."""

    #: What the costs are of.
    unit = "request"
    #: The figure that is compared.
    cost = "cpu_us"
    needs_cold = False
    #: Measured in the first round alone: what does not change from one to the next.
    is_steady = False

    def __init__(self, name):
        self.name = name

    def prepare(self, proxy):
        pass

    def measure(self, proxy, seconds):
        before = proxy.cpu_seconds()
        result = self.load(proxy, seconds)
        spent = proxy.cpu_seconds() - before
        if result["requests"] == 0 or result["bad"]:
            raise SystemExit(f"{self.name}, {proxy.name}: {result}\n{proxy.complaint()}")
        return {
            "per_second": round(result["requests"] / result["seconds"]),
            "p50_us": round(result["p50_us"]), "p99_us": round(result["p99_us"]),
            "cpu_us": round(spent * 1e6 / result["requests"], 2),
            "cpu_share": round(spent / result["seconds"], 2),
            "resident_mb": round(proxy.process.resident_bytes() / 2**20, 1),
            "requests": result["requests"],
        }

    @staticmethod
    def run(proxy, command):
        done = subprocess.run([str(part) for part in [*proxy.bench.pin(1), *command]], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{proxy.name}: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}\n{proxy.complaint()}")
        return done.stdout

    def wrk(self, proxy, seconds, path, tokens, how, connections, body=None):
        folder = proxy.bench.folder
        output = self.run(proxy, [
            "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", HERE / "load.lua",
            f"https://localhost:{proxy.port}", "--", folder / f"{tokens}.tokens", path, how, *([folder / body] if body else [])])
        return json.loads(output.strip().splitlines()[-1])

    def caller(self, proxy, what, amount):
        folder = proxy.bench.folder
        return [sys.executable, HERE / "callers.py", what, proxy.port, folder / "tls.crt", folder / "warm.tokens", amount]


class Warm(Line):
    """HTTP/1.1, 64 tokens over and over."""

    def __init__(self, name, path):
        super().__init__(name)
        self.path = path

    def load(self, proxy, seconds):
        return self.wrk(proxy, seconds, self.path, "warm", "cycle", 32)


class Cold(Line):
    """Tokens that each come once."""

    needs_cold = True

    def __init__(self, name, path):
        super().__init__(name)
        self.path = path

    def prepare(self, proxy):
        # No proxy may have seen these tokens: a fresh process, then its code warmed with others.
        proxy.restart()
        self.wrk(proxy, 1, self.path, "warm", "cycle", 32)

    def load(self, proxy, seconds):
        # A second is less than any of the three needs for all of them, so that none comes twice.
        return self.wrk(proxy, 1, self.path, "cold", "once", 32)


class Multiplexed(Line):
    """HTTP/2: four connections with 16 streams each, one token, as one agent would."""

    def __init__(self, name, path):
        super().__init__(name)
        self.path = path

    def load(self, proxy, seconds):
        log = proxy.bench.folder / "h2load.log"
        log.unlink(missing_ok=True)
        token = (proxy.bench.folder / "warm.tokens").read_text().split()[0]
        output = self.run(proxy, [
            "h2load", "-t1", "-c4", "-m16", "-D", seconds, "--log-file", log, "-H", f"authorization: Bearer {token}",
            "-H", "accept: application/json", "-H", "user-agent: agent/1.0", f"https://localhost:{proxy.port}{self.path}"])
        if "Application protocol: h2" not in output:
            raise SystemExit(f"{proxy.name} does not speak HTTP/2\n{output}")
        rows = [line.split("\t") for line in log.read_text().splitlines()]
        times = sorted(int(row[2]) for row in rows)
        began, ended = (pick(int(row[0]) for row in rows) for pick in (min, max))
        return {
            "requests": len(rows), "seconds": max((ended - began) / 1e6, 0.001),
            "bad": sum(row[1] != "200" for row in rows),
            "p50_us": times[len(times) // 2], "p99_us": times[len(times) * 99 // 100],
        }


class Handshakes(Line):
    """TLS 1.3 with an RSA certificate, by a caller that asks for nothing."""

    unit = "handshake"

    def __init__(self, name, how):
        super().__init__(name)
        self.how = how

    def load(self, proxy, seconds):
        return json.loads(self.run(proxy, self.caller(proxy, self.how, seconds)))


class Idle(Line):
    """Connections over TLS that have had a request and wait for the next: what each takes of the proxy's memory."""

    unit = "connection"
    cost = "kib"
    is_steady = True

    def prepare(self, proxy):
        proxy.restart()

    def measure(self, proxy, seconds):
        count = min(IDLE_CONNECTIONS, proxy.bench.descriptors // 2 - 200)
        # What the first connections cost is not theirs: caches, code that was never run.
        self.wrk(proxy, 1, "/small", "warm", "cycle", 32)
        before = self.settled(proxy)
        command = [*proxy.bench.pin(1), *self.caller(proxy, "idle", count)]
        caller = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            said = caller.stdout.readline()
            if not said or json.loads(said)["requests"] != count:
                raise SystemExit(f"{self.name}, {proxy.name}: {said}\n{proxy.complaint()}")
            after = self.settled(proxy)
        finally:
            caller.stdin.close()
            caller.wait()
        return {"requests": count, "kib": round((after - before) / count / 1024, 2),
                "resident_mb": round(after / 2**20, 1)}

    @staticmethod
    def settled(proxy):
        """Resident memory, once it has stood still for three seconds: buffers are given back after a while."""
        seen = []

        def still():
            seen.append((time.monotonic(), proxy.process.resident_bytes()))
            last = [size for at, size in seen if at > seen[-1][0] - 3]
            return seen[-1][0] - seen[0][0] > 3 and max(last) - min(last) < 64 << 10

        wait_until(f"{proxy.name}'s memory stands still", still, seconds=60, every=0.1)
        return seen[-1][1]


class Bodies(Line):
    """Bodies of 1 MiB, one way or the other, on eight connections."""

    unit = "MiB"

    def __init__(self, name, path, body=None):
        super().__init__(name)
        self.path, self.body = path, body

    def load(self, proxy, seconds):
        return self.wrk(proxy, seconds, self.path, "warm", "few", 8, self.body)


class Events(Line):
    """From a request to the first event of its answer; what counts is that time, since a reader waits for it."""

    unit = "event"
    cost = "p50_us"

    def load(self, proxy, seconds):
        return json.loads(self.run(proxy, self.caller(proxy, "events", seconds)))


LINES = (
    Warm("warm-small", "/small"),
    Warm("warm-64k", "/large"),
    Cold("cold-small", "/unsigned/small"),
    Cold("cold-signed", "/small"),
    Multiplexed("http2-small", "/small"),
    Multiplexed("http2-64k", "/large"),
    Handshakes("handshake-full", "full"),
    Handshakes("handshake-resumed", "resumed"),
    Idle("idle-connections"),
    Bodies("download-1m", "/body"),
    Bodies("upload-1m", "/upload", "body.json"),
    Events("first-event"),
)
