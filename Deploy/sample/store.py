# SPDX-License-Identifier: Apache-2.0
"""A memory store as one finds them everywhere: keys and values over HTTP, and no idea that tenants exist.

    PUT    /any/path     keep the body under that path         204
    GET    /any/path     give it back                          200, or 404
    GET    /any/folder/  the names under that folder, as JSON  200
    DELETE /any/path     forget it                             204, or 404
    GET    /health       for probes                            200

Environment: HOST, PORT (0 = any free one, printed), SEEN (a file that gets one JSON line for each request);
TLS_CERTIFICATE, TLS_KEY and CLIENT_CA (files): then it speaks TLS, to clients with a certificate of that authority alone.
"""

import json
import os
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LARGEST_BODY_BYTES = 1 << 20
LARGEST_STORE_ENTRIES = 10_000


class Store:
    def __init__(self):
        self.entries = {}
        self.lock = threading.Lock()

    def put(self, path, body, kind):
        with self.lock:
            if path not in self.entries and len(self.entries) >= LARGEST_STORE_ENTRIES:
                return False
            self.entries[path] = (body, kind)
            return True

    def get(self, path):
        with self.lock:
            return self.entries.get(path)

    def delete(self, path):
        with self.lock:
            return self.entries.pop(path, None) is not None

    def names(self, folder):
        with self.lock:
            return sorted({p[len(folder):].split("/")[0] for p in self.entries if p.startswith(folder)})


STORE = Store()
SEEN_LOCK = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b"", kind="application/json"):
        self.note(status)
        self.send_response(status)
        if status != 204:
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def note(self, status):
        if "SEEN" not in os.environ or self.path == "/health":
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        line = json.dumps({"method": self.command, "path": self.path, "status": status, "headers": headers})
        with SEEN_LOCK, open(os.environ["SEEN"], "a") as seen:
            seen.write(line + "\n")

    def body(self):
        count = int(self.headers.get("content-length", "0"))
        if count > LARGEST_BODY_BYTES:
            return None
        return self.rfile.read(count)

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/health":
            return self.answer(200, b'{"status":"ok"}')
        if path.endswith("/"):
            return self.answer(200, json.dumps({"names": STORE.names(path)}).encode())
        found = STORE.get(path)
        if found is None:
            return self.answer(404, b'{"error":"no such key"}')
        return self.answer(200, found[0], found[1])

    do_HEAD = do_GET

    def do_PUT(self):
        body = self.body()
        if body is None:
            self.close_connection = True
            return self.answer(413, b'{"error":"too large"}')
        kind = self.headers.get("content-type", "application/octet-stream")
        if not STORE.put(self.path.split("?")[0], body, kind):
            return self.answer(507, b'{"error":"full"}')
        return self.answer(204)

    def do_DELETE(self):
        self.body()
        if STORE.delete(self.path.split("?")[0]):
            return self.answer(204)
        return self.answer(404, b'{"error":"no such key"}')


class Server(ThreadingHTTPServer):
    """With TLS, the handshake belongs to the connection's own thread: nobody waits for a slow one."""

    daemon_threads = True
    tls = None

    def finish_request(self, request, address):
        if self.tls is None:
            return super().finish_request(request, address)
        request.settimeout(60)
        with self.tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, address)

    def handle_error(self, request, address):
        pass  # a handshake that failed, a client that left


def client_authenticated_tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["TLS_CERTIFICATE"], os.environ["TLS_KEY"])
    context.load_verify_locations(os.environ["CLIENT_CA"])
    context.verify_mode = ssl.CERT_REQUIRED
    return context


if __name__ == "__main__":
    server = Server((os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "0"))), Handler)
    if "TLS_CERTIFICATE" in os.environ:
        server.tls = client_authenticated_tls()
    print(f"memory store listens on port {server.server_address[1]}", flush=True)
    server.serve_forever()
