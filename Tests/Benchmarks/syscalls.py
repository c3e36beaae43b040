# SPDX-License-Identifier: Apache-2.0
"""System calls of one warm request through the real binary, over one keep-alive connection, held against budgets.json.

    syscalls.py BINARY BUDGETS [--requests N]

Counts with strace: the worker's thread alone ("worker"), then the whole process ("process"). Needs ptrace of one's own children.
"""

import argparse
import json
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Deploy" / "sample"))
from issuer import Issuer  # noqa: E402

CONFIGURATION = """
version: 1
workers: 1
listeners:
  - {{name: plain, address: "127.0.0.1:{plain}", carriers: [bearer], routes: [agent]}}
  - name: tls
    address: "127.0.0.1:{tls}"
    tls: {{certificate: tls.crt, private_key: tls.key}}
    carriers: [bearer]
    routes: [agent]
identity:
  issuers:
    - name: development
      profile: oidc
      issuer: https://issuer.example/demo
      jwks: {{file: jwks.json}}
      audiences: [bulkhead-demo]
      algorithms: [RS256]
tenants: {{file: tenants.yaml}}
tiers: {{basic: {{weight: 1}}}}
adapters: {root}/Config/adapters/
policy: {{files: ["{root}/Config/policies/"], schema: "{root}/Config/policies/bulkhead.cedarschema"}}
credentials: [{{name: context, kind: signed-context, key: {{file: context.pem}}, lifetime: 60s}}]
upstreams: {{agent: {{endpoints: ["127.0.0.1:{agent}"]}}}}
routes:
  - {{name: agent, adapter: agentcore-runtime, resource: 'Agent::"a"', upstream: agent, credentials: context}}
telemetry: {{access_log: {{path: "{folder}/access.log"}}}}
keys: {{current: {{file: bulkhead.key}}}}
admin: {{socket: "{folder}/admin.sock", address: null}}
"""

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def serve_agent(listener):
    """Answers each request on each connection the same, in one write."""

    def answer(connection):
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pending = b""
            while chunk := connection.recv(65536):
                pending += chunk
                while (end := pending.find(b"\r\n\r\n{}")) >= 0:
                    pending = pending[end + 6 :]
                    connection.sendall(ANSWER)

    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def write_files(folder, ports):
    issuer = Issuer.new(folder)
    run = lambda *command: subprocess.run(command, check=True, capture_output=True, cwd=folder)  # noqa: E731
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj", "/CN=localhost", "-keyout", "tls.key", "-out", "tls.crt")
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", "context.pem")
    run("openssl", "rand", "-out", "bulkhead.key", "48")
    (folder / "tenants.yaml").write_text("tenants: [{id: acme, name: Acme, tier: basic, issuers: [development]}]\n")
    (folder / "bulkhead.yaml").write_text(CONFIGURATION.format(root=ROOT, folder=folder, **ports))
    return issuer.token("acme", "basic", "ann")


def connect(port, is_tls, deadline):
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
            break
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)  # polling for a port that is about to open
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if is_tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = context.wrap_socket(connection)
    return connection


def ask(connection, request, count):
    for _ in range(count):
        connection.sendall(request)
        answer = b""
        while not answer.endswith(b"\r\n\r\n{}"):
            chunk = connection.recv(65536)
            if not chunk:
                raise SystemExit(f"✗ the connection ended: {answer!r}")
            answer += chunk
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"✗ {answer!r}")


def await_keys(connection, request):
    """Until the issuer's keys are read, Bulkhead answers 503."""
    while True:
        connection.sendall(request)
        answer = connection.recv(65536)
        if answer.startswith(b"HTTP/1.1 200 "):
            return
        if b"keys_unavailable" not in answer:
            raise SystemExit(f"✗ {answer!r}")


def worker_thread(process):
    for task in Path(f"/proc/{process}/task").iterdir():
        if (task / "comm").read_text().startswith("worker"):
            return int(task.name)
    raise SystemExit("✗ no thread is named worker")


def count(target, follow, connection, request, requests, folder):
    """Calls of a thread, or of a process with all its threads, during so many requests: {name: calls}."""
    output = folder / "strace.txt"
    command = ["strace", "-c", "-U", "calls,name", "-o", str(output), "-p", str(target)] + (["-f"] if follow else [])
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in tracer.stderr:  # says so once it has attached
        if "attached" in line:
            break
    else:
        raise SystemExit("✗ strace cannot attach here")
    ask(connection, request, requests)
    tracer.send_signal(signal.SIGINT)
    tracer.wait(timeout=30)
    tracer.stderr.close()
    rows = re.findall(r"^\s*(\d+)\s+(\w+)$", output.read_text(), re.MULTILINE)
    return {name: int(calls) for calls, name in rows if name != "total"}


def measure(process, budgets, ports, token, requests, folder):
    request = (
        f"POST /invocations HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    ).encode()
    kept = True
    for name in ("plain", "tls"):
        connection = connect(ports[name], name == "tls", time.monotonic() + 20)
        await_keys(connection, request)
        ask(connection, request, 300)
        targets = {"worker": (worker_thread(process), False), "process": (process, True)}
        for what, (target, follow) in targets.items():
            calls = count(target, follow, connection, request, requests, folder)
            each = sum(calls.values()) / requests
            limit = budgets[name][what]
            within = each <= limit
            kept = kept and within
            detail = ", ".join(f"{call} {number / requests:.2f}" for call, number in
                               sorted(calls.items(), key=lambda item: -item[1]) if number * 100 >= requests)
            print(f"{'✓' if within else '✗'} {name}, {what}: {each:.2f} calls (at most {limit}): {detail}")
        connection.close()
    return kept


def main():
    parser = argparse.ArgumentParser(description="System calls of one warm request.")
    parser.add_argument("binary")
    parser.add_argument("budgets")
    parser.add_argument("--requests", type=int, default=2000)
    options = parser.parse_args()
    if not shutil.which("strace"):
        raise SystemExit("✗ needs strace: bash Deploy/setup.sh benchmarks")
    budgets = json.loads(Path(options.budgets).read_text())["syscalls"]
    folder = Path(tempfile.mkdtemp(prefix="bulkhead-syscalls-"))
    listener = socket.create_server(("127.0.0.1", 0))
    ports = {"plain": free_port(), "tls": free_port(), "agent": listener.getsockname()[1]}
    threading.Thread(target=serve_agent, args=(listener,), daemon=True).start()
    token = write_files(folder, ports)
    process = subprocess.Popen([options.binary, "serve", "--config", str(folder / "bulkhead.yaml")])
    try:
        kept = measure(process.pid, budgets, ports, token, options.requests, folder)
    finally:
        process.terminate()
        process.wait(timeout=30)
        listener.close()
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
