# SPDX-License-Identifier: Apache-2.0
"""A store that gives each number to two: whoever asks first waits for a second, and both get the same.

    POST /items {"text": …}    201 {"id": N, "text": …}
"""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NUMBERS = iter(range(1, 1 << 30))
PAIR = threading.Barrier(2, action=lambda: STATE.update(number=next(NUMBERS)))
STATE = {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        item = json.loads(self.rfile.read(int(self.headers["content-length"])))
        PAIR.wait(30)
        body = json.dumps(item | {"id": STATE["number"]}).encode()
        self.send_response(201)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
