# SPDX-License-Identifier: Apache-2.0
"""Starts the demo: a development issuer, an agent, its memory store, and Bulkhead between them. `Deploy/run.sh` calls it.

    demo.py --binary FILE --state FOLDER [--port N] [--tour]

Everything listens on 127.0.0.1; only what is started here is ended here, by its process id.
"""

import argparse
import fcntl
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from issuer import Issuer  # noqa: E402

SAMPLE = Path(__file__).resolve().parent
ROOT = SAMPLE.parent.parent
CLINIC, HOSPITAL = "riverside-clinic", "mercy-hospital"
READY_SECONDS = 20


class Failure(Exception):
    """Something did not start; the message says what and where to look."""


def bold(text):
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text


def say(text):
    print(f"{bold('▸')} {text}", flush=True)


def free_ports(count, wanted=None):
    """Ports that were free a moment ago: taken together, so that no two are the same."""
    sockets = []
    try:
        for port in [wanted or 0] + [0] * (count - 1):
            held = socket.socket()
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sockets.append(held)
            try:
                held.bind(("127.0.0.1", port))
            except OSError:
                raise Failure(f"port {port} is taken") from None
        return [held.getsockname()[1] for held in sockets]
    finally:
        for held in sockets:
            held.close()


class Demo:
    def __init__(self, binary, state, port=None):
        self.binary = Path(binary).resolve()
        self.state = Path(state).resolve()
        self.running = []  # (name, process), in the order of starting
        names = ("ingress", "stores", "agent", "memory", "admin")
        self.ports = dict(zip(names, free_ports(len(names), port)))
        self.issuer = self.lock = None

    @property
    def ca(self):
        return self.state / "tls" / "ca.crt"

    @property
    def admin_token(self):
        return (self.state / "keys" / "admin.token").read_text().strip()

    def seen(self, name):
        return self.state / f"{name}.seen.jsonl"

    def environment(self):
        extra = {f"DEMO_{name.upper()}_PORT": str(port) for name, port in self.ports.items()}
        return {**os.environ, **extra}

    def prepare(self):
        """A fresh state folder: keys, certificates, issuer, configuration. Whatever an earlier run left is removed."""
        self.state.parent.mkdir(parents=True, exist_ok=True)
        self.lock = open(f"{self.state}.lock", "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Failure(f"another demo runs with its state in {self.state}") from None
        if self.state.exists():
            shutil.rmtree(self.state)
        (self.state / "issuer").mkdir(parents=True)
        subprocess.run(["bash", str(ROOT / "Deploy" / "keys.sh"), str(self.state)], check=True)
        self.issuer = Issuer.new(self.state / "issuer")
        for name in ("policies", "adapters"):
            shutil.copytree(ROOT / "Config" / name, self.state / name)
        for name in ("bulkhead.yaml", "tenants.yaml"):
            shutil.copy(SAMPLE / name, self.state / name)

    def token(self, tenant, tier, user, **extra):
        return self.issuer.token(tenant, tier, user, **extra)

    def spawn(self, name, command, environment):
        log = open(self.state / f"{name}.log", "wb")
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            cwd=self.state, start_new_session=True)
        log.close()
        self.running.append((name, process))
        return process

    def await_port(self, name, process, port):
        """Polls until the port accepts, the process ends, or time is up."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        self.give_up(name)

    def await_ready(self, process):
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.ports["admin"], timeout=1)
                connection.request("GET", "/readyz")
                if connection.getresponse().status == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.02)
        self.give_up("bulkhead")

    def give_up(self, name):
        log = self.state / f"{name}.log"
        tail = "".join(f"    {line}\n" for line in log.read_text(errors="replace").splitlines()[-12:])
        raise Failure(f"{name} did not start; the end of {log}:\n{tail}")

    def start(self):
        base = {**os.environ, "HOST": "127.0.0.1", "PYTHONUNBUFFERED": "1"}
        memory = self.spawn("memory", [sys.executable, str(SAMPLE / "store.py")],
                            {**base, "PORT": str(self.ports["memory"]), "SEEN": str(self.seen("memory"))})
        self.await_port("memory", memory, self.ports["memory"])
        agent = self.spawn("agent", [sys.executable, str(SAMPLE / "agent.py")],
                           {**base, "PORT": str(self.ports["agent"]), "SEEN": str(self.seen("agent")),
                            "MEMORY_URL": f"http://127.0.0.1:{self.ports['stores']}"})
        self.await_port("agent", agent, self.ports["agent"])
        bulkhead = self.spawn("bulkhead", [str(self.binary), "serve", "--config", str(self.state / "bulkhead.yaml")],
                              self.environment())
        self.await_ready(bulkhead)

    def stop(self):
        """Ends what was started here, newest first, each asked before it is made to."""
        for name, process in reversed(self.running):
            if process.poll() is None:
                process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()

    def ended(self):
        """The name of a part that has ended by itself, or None."""
        return next((name for name, process in self.running if process.poll() is not None), None)


def curl(demo, token_file, prompt, extra=""):
    return (f"curl --cacert {demo.ca} -H \"Authorization: Bearer $(cat {token_file})\" \\\n"
            f"     -H 'content-type: application/json' {extra}-d '{{\"prompt\": \"{prompt}\"}}' \\\n"
            f"     https://localhost:{demo.ports['ingress']}/invocations")


def serve(demo):
    files = {}
    for label, tenant, tier, user in (("clinic", CLINIC, "basic", "ann"), ("hospital", HOSPITAL, "premium", "bob")):
        files[label] = demo.state / f"{label}.token"
        files[label].touch(mode=0o600)
        files[label].write_text(demo.token(tenant, tier, user, minutes=8 * 60))
    print(f"""
Two tenants share one agent and one memory. Try, in another terminal:

  {bold('the clinic keeps a note')}
{curl(demo, files['clinic'], 'remember patient: Ada, blood type 0')}

  {bold('the hospital asks the same agent for the same note, and knows nothing of it')}
{curl(demo, files['hospital'], 'recall patient')}

  {bold('the clinic asks, as server-sent events')}
{curl(demo, files['clinic'], 'recall patient', "-N -H 'accept: text/event-stream' ")}

The tokens are good for eight hours. What happened to each request: {demo.state / 'records.jsonl'}
What the store saw: {demo.seen('memory')}
Metrics: curl -H "Authorization: Bearer $(cat {demo.state / 'keys' / 'admin.token'})" http://127.0.0.1:{demo.ports['admin']}/metrics

Ctrl-C ends everything.""", flush=True)
    while True:
        if (name := demo.ended()) is not None:
            raise Failure(f"{name} ended by itself; see {demo.state / (name + '.log')}")
        time.sleep(0.5)


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description="Starts the demo.")
    parser.add_argument("--binary", required=True)
    parser.add_argument("--state", required=True)
    parser.add_argument("--port", type=int, help="where callers reach Bulkhead (default: any free port)")
    parser.add_argument("--tour", action="store_true", help="make the calls, say what happened, and end")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, interrupted)
    demo = None
    try:
        demo = Demo(options.binary, options.state, options.port)
        demo.prepare()
        say("starting the store, the agent and Bulkhead")
        started = time.monotonic()
        demo.start()
        say(f"ready after {time.monotonic() - started:.1f} s; state in {demo.state}")
        if options.tour:
            from tour import Tour
            return Tour(demo).run()
        serve(demo)
    except Failure as failure:
        print(f"✗ {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
        say("ending what was started")
        return 0
    finally:
        if demo is not None:
            demo.stop()


if __name__ == "__main__":
    sys.exit(main())
