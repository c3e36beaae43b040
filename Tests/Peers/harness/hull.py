# SPDX-License-Identifier: Apache-2.0
"""A machine of its own for `bulkhead doctor`: run by `python hull.py SPEC` in new network, mount and process namespaces.

The specification, JSON, opens doors; then the doctor runs as the agent's user. Its output and exit code are this program's.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

AGENT, BULKHEAD = 65533, 65532
# One that every user may run, unlike that of a virtual environment.
PYTHON = "/usr/bin/python3"


def run(*command):
    subprocess.run([str(part) for part in command], check=True)


def as_user(uid, *command, capability=None):
    """Without any capability but the one, and no way to more."""
    kept = [f"--inh-caps=-all,+{capability}", f"--ambient-caps=+{capability}"] if capability else ["--inh-caps=-all"]
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *kept, *map(str, command)]


ANSWER = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
server = socket.socket(family)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind((sys.argv[1], int(sys.argv[2])))
server.listen()
print("ready", flush=True)
while True:
    connection, _ = server.accept()
    connection.recv(4096)
    connection.sendall(f"HTTP/1.1 {sys.argv[3]} Said\\r\\nContent-Length: 0\\r\\n\\r\\n".encode())
    connection.close()
"""


def serve(address, port, status=200, uid=0):
    """An HTTP server that answers everything with one status."""
    program = as_user(uid, PYTHON, "-c", ANSWER, address, port, status)
    process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"


def listen_unix(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    os.chmod(path, 0o666)
    server.listen()
    return server


def start_bulkhead(binary, configuration, uid):
    program = as_user(uid, binary, "serve", "--config", configuration)
    process = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = []
    for line in process.stderr:
        said.append(line)
        if " listens on " in line:
            return
    raise AssertionError(f"bulkhead did not start: {said}, {process.wait()}")


def start_lookalike(folder, uid):
    """What looks like Bulkhead from outside, and did not forbid core files."""
    (folder / "serve").write_text("import signal\nprint('ready', flush=True)\nsignal.pause()\n")
    process = subprocess.Popen(["bulkhead", "serve"], executable=PYTHON, cwd=folder, stdout=subprocess.PIPE,
                               user=uid, group=uid, extra_groups=[], text=True)
    assert process.stdout.readline() == "ready\n"


TLS = """
import ssl, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_): pass

folder, asks, version = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.maximum_version = getattr(ssl.TLSVersion, version)
context.load_cert_chain(f"{folder}/store.crt", f"{folder}/store.key")
context.load_verify_locations(f"{folder}/ca.crt")
context.verify_mode = ssl.CERT_REQUIRED if asks == "True" else ssl.CERT_NONE
server = HTTPServer(("127.0.0.1", 8444), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.handle_error = lambda *_: None
print("ready", flush=True)
server.serve_forever()
"""


def start_tls_store(folder, asks, version):
    """A store over TLS; it may ask for a client certificate."""
    process = subprocess.Popen([PYTHON, "-c", TLS, folder / "tls", str(asks), version], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"


def start_agent(environment):
    """A process with these variables; its id."""
    process = subprocess.Popen(as_user(AGENT, PYTHON, "-c", "import signal; print('ready', flush=True); signal.pause()"),
                               env={"PATH": os.environ["PATH"], **environment}, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process.pid


def main():
    spec = json.loads(sys.argv[1])
    folder = Path(spec["folder"])
    run("ip", "link", "set", "lo", "up")
    for address in spec.get("addresses", []):
        run("ip", "address", "add", address, "dev", "lo", *(["nodad"] if ":" in address else []))
    # Other sockets than the machine's.
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    kept = [listen_unix(path) for path in spec.get("sockets", [])]
    for server in spec.get("servers", []):
        serve(**server)
    if "bulkhead" in spec:
        start_bulkhead(spec["binary"], folder / "bulkhead.yaml", spec["bulkhead"])
    if "lookalike" in spec:
        start_lookalike(folder, spec["lookalike"])
    if "tls_store" in spec:
        start_tls_store(folder, *spec["tls_store"])
    arguments = spec["arguments"]
    if "agent" in spec:
        agent = start_agent(spec["agent"])
        arguments = [argument.format(agent=agent) for argument in arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), **spec.get("environment", {})}
    command = as_user(AGENT, spec["binary"], "doctor", *arguments, capability=spec.get("capability"))
    done = subprocess.run(command, env=environment)
    del kept
    return done.returncode


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # The process namespace ends with its first process, and all that was started with it.
    os._exit(code)
