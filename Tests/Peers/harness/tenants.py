# SPDX-License-Identifier: Apache-2.0
"""`bulkhead tenant` as tests run it: at the store itself, or at one that fails in the middle of it."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .client import Caller

# The second's id begins with the first's, whose compartments must be apart all the same.
LEAVER, NEIGHBOUR = "leaver", "leaver2"


def tenant(bulkhead, *arguments, code=0, config=None):
    """The command's report, and its lines by the kind of thing."""
    done = bulkhead.command("tenant", *arguments, "--config", config or bulkhead.file, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    report = json.loads(done.stdout)
    return report, {thing["thing"]: thing for thing in report["things"]}


def erased(things):
    return {name: (thing["found"], thing["deleted"], thing["left"]) for name, thing in things.items()}


def lines(folder, name):
    """A file of an export: what each line belongs to, and what the store said."""
    return [(line["of"], line["value"]) for line in map(json.loads, (folder / f"{name}.jsonl").read_text().splitlines())]


class Failing:
    """Stands before a store, passes everything on, and is gone after so many deletions."""

    def __init__(self, port, deletions):
        left = [deletions]

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def answer(self):
                size = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(size) if size else None
                if self.command == "DELETE":
                    left[0] -= 1
                    if left[0] < 0:
                        self.connection.shutdown(socket.SHUT_RDWR)
                        return
                fields = {"Content-Type": self.headers["content-type"]} if body else {}
                answer = Caller(port).request(self.command, self.path, fields, body)
                self.send_response(answer.status)
                self.send_header("content-type", answer.header("content-type") or "application/json")
                if answer.status != 204:
                    self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def config(self, bulkhead, upstream):
        """The configuration of the same Bulkhead, but for this in the store's place."""
        changed = json.loads(json.dumps(bulkhead.configuration))
        changed["upstreams"][upstream]["endpoints"] = [f"127.0.0.1:{self.server.server_address[1]}"]
        path = bulkhead.folder / "failing.yaml"
        path.write_text(json.dumps(changed))
        return path

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def cut_in_the_middle(bulkhead, store, port, deletions, *arguments):
    """An erasure whose store is gone after so many deletions: it says that it is not finished, and what it did."""
    with Failing(port, deletions) as failing:
        report, things = tenant(bulkhead, "erase", LEAVER, "--store", store, "--yes", *arguments, code=1,
                                config=failing.config(bulkhead, store))
    assert not report["ok"] and report["failure"], report
    assert sum(thing["deleted"] for thing in things.values()) == deletions
