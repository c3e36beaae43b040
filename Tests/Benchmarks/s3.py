# SPDX-License-Identifier: Apache-2.0
"""What a warm read of an object costs: `PYTHON Tests/Benchmarks/s3.py --bulkhead PROGRAM [--rounds N] [--seconds N] [--json]`.

Bulkhead verifies the agent's signature, finds the grant, rewrites the key and signs again with the tenant's keys; nginx in front
of the same server does nothing of it. Both speak plain HTTP/1.1, keep connections alive, and have one worker on a core of its own;
load (wrk) and the server (nginx, an object of 1 KiB) share the other. Rounds are interleaved and the best counts. CPU is what the
kernel charged to the proxy's process. PYTHON is one that has what Tests/Peers/requirements.txt names.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests" / "Peers"))
from harness.aws import REGION, ROLE, worthless  # noqa: E402
from harness.bulkhead import Bulkhead  # noqa: E402
from harness.client import Caller  # noqa: E402
from harness.forge import Forge  # noqa: E402
from harness.process import LOOPBACK, Owned, accepts, free_port  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
KEYS = """<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>{token}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>""".format(token="t" * 800)
NGINX = """daemon off; worker_processes 1; pid {folder}/{name}.pid; error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  {what}
}}"""
SERVER = """server {{ listen {host}:{port} backlog=1024; default_type application/octet-stream; location / {{ return 200 "{body}"; }} }}"""
PROXY = """upstream store {{ server {host}:{store}; keepalive 64; }}
  server {{ listen {host}:{port} backlog=1024;
    location / {{ proxy_pass http://store; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; }} }}"""


def serve(answer):
    """A small server; `answer(handler)` gives type and body."""
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            self.rfile.read(int(self.headers.get("content-length", 0)))
            kind, body = answer(self)
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def echo(handler):
    return "application/json", json.dumps({"headers": list(handler.headers.items())}).encode()


class Bench:
    def __init__(self, options, folder):
        self.folder, self.options = Path(folder), options
        self.cores = sorted(os.sched_getaffinity(0))
        self.owned = []
        self.store, self.proxy = free_port(), free_port()

    def pin(self, slot):
        if len(self.cores) < 2:
            return []
        return ["taskset", "-c", ",".join(map(str, self.cores[-1:] if slot == 0 else self.cores[:-1]))]

    def nginx(self, name, slot, port, what):
        path = self.folder / f"{name}.conf"
        path.write_text(NGINX.format(folder=self.folder, name=name, what=what))
        owned = Owned(name, [*self.pin(slot), "nginx", "-c", path], self.folder / f"{name}.log", folder=self.folder)
        self.owned.append(owned)
        owned.await_ready(lambda: accepts(port))

    def start(self):
        self.nginx("store", 1, self.store, SERVER.format(host=LOOPBACK, port=self.store, body="x" * 1024))
        self.nginx("proxy", 0, self.proxy, PROXY.format(host=LOOPBACK, port=self.proxy, store=self.store))
        os.environ.update(BULKHEAD_BINARY=str(Path(self.options.bulkhead).resolve()), AWS_ACCESS_KEY_ID="base", AWS_SECRET_ACCESS_KEY="base")
        forge = Forge()
        (self.folder / "jwks.json").write_text(json.dumps(forge.jwks()))
        agent, sts = serve(echo), serve(lambda _: ("text/xml", KEYS.encode()))
        tls = {"certificate": "tls/tls.crt", "private_key": "tls/tls.key"}
        self.bulkhead = Bulkhead(self.folder / "bulkhead", {
            "workers": 1,
            "listeners": [{"name": "ingress", "tls": tls, "carriers": ["bearer"], "routes": ["agent"]},
                          {"name": "store", "carriers": ["aws"], "endpoint": "agent", "tenant": "acme", "routes": ["objects"]}],
            "identity": {"issuers": [{"name": "forge", "profile": "oidc", "issuer": forge.issuer, "algorithms": ["RS256"],
                                      "jwks": {"file": str(self.folder / "jwks.json")}, "audiences": [forge.audience]}]},
            "credentials": [{"name": "keys", "kind": "aws-sts", "role": ROLE, "region": REGION, "base": "environment",
                             "endpoint": f"http://{LOOPBACK}:{sts}"}],
            "upstreams": {"agent": {"endpoints": [f"{LOOPBACK}:{agent}"]}, "s3": {"endpoints": [f"{LOOPBACK}:{self.store}"]}},
            "routes": [{"name": "agent", "match": {"paths": ["/invocations"]}, "adapter": "agentcore-runtime",
                        "resource": 'Agent::"a"', "upstream": "agent"},
                       {"name": "objects", "match": {"paths": ["/**"]}, "adapter": "s3", "resource": 'Store::"s"', "upstream": "s3",
                        "credentials": "keys", "aws": {"buckets": ["docs"]}}],
        }, [{"id": "acme", "tier": "basic", "issuers": ["forge"]}])
        self.bulkhead.start()
        if self.pin(0):
            subprocess.run(["taskset", "-acp", str(self.cores[-1]), str(self.bulkhead.process.pid)], check=True, stdout=subprocess.DEVNULL)
        answer = Caller(self.bulkhead.ports["ingress"], self.bulkhead.ca).invoke({}, forge.token("acme", "basic"))
        seen = {name.lower(): value for name, value in answer.json()["headers"]}
        self.keys = worthless(seen["authorization"].removeprefix("Bearer "), self.bulkhead.folder / "keys" / "bulkhead.key")

    def signed(self, port):
        """The headers of one read, which are good for a quarter of an hour."""
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        request = AWSRequest("GET", f"http://{LOOPBACK}:{port}/docs/notes/object")
        S3SigV4Auth(Credentials(*self.keys), "s3", REGION).add_auth(request)
        return [f"-H{name}: {value}" for name, value in request.headers.items()]

    def measure(self, pid, port, connections, seconds):
        def cpu():
            total = 0
            for line in [Path(f"/proc/{process}/stat").read_text() for process in self.family(pid)]:
                fields = line.rsplit(")", 1)[1].split()
                total += int(fields[11]) + int(fields[12])
            return total / TICKS

        before = cpu()
        output = subprocess.run([*self.pin(1), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", *self.signed(port),
                                 f"http://{LOOPBACK}:{port}/docs/notes/object"], check=True, capture_output=True, text=True).stdout
        spent = cpu() - before
        requests = int(re.search(r"(\d+) requests in", output).group(1))
        if "Non-2xx" in output or "Socket errors" in output or requests == 0:
            raise SystemExit(output)
        return {"requests_per_second": round(requests / seconds), "cpu_us_per_request": round(spent * 1e6 / requests, 2)}

    @staticmethod
    def family(pid):
        """nginx's work is done by a child."""
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def run(self):
        best = {}
        targets = {"nginx": (self.owned[1].pid, self.proxy), "bulkhead": (self.bulkhead.process.pid, self.bulkhead.ports["store"])}
        for _ in range(self.options.rounds):
            for name, (pid, port) in targets.items():
                result = self.measure(pid, port, 32, self.options.seconds)
                if name not in best or result["cpu_us_per_request"] < best[name]["cpu_us_per_request"]:
                    best[name] = result
        best["ratio"] = round(best["bulkhead"]["cpu_us_per_request"] / best["nginx"]["cpu_us_per_request"], 2)
        return best

    def stop(self):
        if hasattr(self, "bulkhead"):
            self.bulkhead.stop()
        for owned in self.owned:
            owned.stop()


def main():
    parser = argparse.ArgumentParser(description="What a warm read of an object costs, beside nginx.")
    parser.add_argument("--bulkhead", required=True, help="the program, built for release")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bulkhead-s3-") as folder:
        os.chmod(folder, 0o711)
        bench = Bench(options, folder)
        try:
            bench.start()
            results = bench.run()
        finally:
            bench.stop()
    if options.json:
        return print(json.dumps(results, indent=2))
    for name in ("nginx", "bulkhead"):
        print(f"{name:9} {results[name]['requests_per_second']:>8,} requests/s {results[name]['cpu_us_per_request']:>8.1f} µs of CPU each")
    print(f"Bulkhead's CPU per request: {results['ratio']:.2f} of nginx's")


if __name__ == "__main__":
    main()
