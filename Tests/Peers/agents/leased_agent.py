# SPDX-License-Identifier: Apache-2.0
"""An agent that keeps what it hears in memory, and hands nothing on: whose its calls are, only its address says.

payload {"do": …}:
    remember  {"text"} answers everything that this process has ever heard
    put, get  {"path"} writes {"text"} to its store, or reads from there
    wait      waits until GET /go was called, then reads {"path"} from its store if there is one
GET /started says which process it is. PORT; STORE, the port of its store.
"""

import json
import os
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STARTED = f"{os.getpid()}-{time.time_ns()}"
HEARD = []
GO = threading.Event()


def store(method, path, text=None):
    request = urllib.request.Request(f"http://127.0.0.1:{os.environ['STORE']}{path}", method=method,
                                     data=None if text is None else json.dumps(text).encode(),
                                     headers={"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return {"status": answer.status, "body": answer.read().decode()}
    except urllib.error.HTTPError as failure:
        return {"status": failure.code, "reason": failure.headers.get("x-bulkhead-reason")}


class Agent(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/go":
            GO.set()
        if self.path.startswith("/call"):
            return self.answer(store("GET", "/alone"))
        self.answer({"started": STARTED} if self.path == "/started" else {"status": "Healthy", "time_of_last_update": 0})

    def do_POST(self):
        payload = json.loads(self.rfile.read(int(self.headers["content-length"])))
        what = payload["do"]
        if what == "remember":
            HEARD.append(payload["text"])
            self.answer({"heard": HEARD, "process": STARTED})
        elif what == "wait":
            GO.wait(30)
            self.answer({"process": STARTED, **(store("GET", payload["path"]) if "path" in payload else {})})
        else:
            self.answer({"process": STARTED, **store(what.upper(), payload["path"], payload.get("text"))})

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Agent).serve_forever()
