# SPDX-License-Identifier: Apache-2.0
"""A store that numbers what it is given, 1, 2, 3, …, and knows nothing of tenants.

    POST   /items          {"text": …, "parent": N?}   201 {"id": N, "text": …}
    GET    /items          200 {"items": [{"id": N, "text": …}, …]}
    GET    /items/N        200 {"id": N, "text": …}, or 404
    DELETE /items/N        204, or 404

PORT. `GET /count` says how many there are.
"""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ITEMS, LOCK = {}, threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, value=None):
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def number(self):
        text = self.path.rpartition("/")[2]
        return int(text) if text.isdigit() else None

    def do_POST(self):
        item = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with LOCK:
            item["id"] = len(ITEMS) + 1
            ITEMS[item["id"]] = item
        self.answer(201, item)

    def do_GET(self):
        with LOCK:
            if self.path == "/count":
                return self.answer(200, len(ITEMS))
            if self.path == "/items":
                return self.answer(200, {"items": [item for item in ITEMS.values() if item]})
            item = ITEMS.get(self.number())
        return self.answer(200, item) if item else self.answer(404, {"error": f"no item {self.number()}"})

    def do_DELETE(self):
        with LOCK:
            if not ITEMS.get(self.number()):
                return self.answer(404, {"error": f"no item {self.number()}"})
            ITEMS[self.number()] = None  # The number is not given out again.
        return self.answer(204)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
