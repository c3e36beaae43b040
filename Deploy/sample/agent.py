# SPDX-License-Identifier: Apache-2.0
"""An agent that was written for one customer: it keeps notes in its memory store and knows no tenants.

    POST /invocations  {"prompt": "remember NAME: TEXT"}   keeps a note
                       {"prompt": "recall NAME"}           reads one
                       {"prompt": "notes"}                 lists their names
                       {"prompt": "forget NAME"}           deletes one
                       {"prompt": "fetch PATH"}            whatever path its model was talked into
                       anything else                       is said back
        with "stream": true, or `Accept: text/event-stream`, the answer comes word by word as server-sent events
    GET  /ping         {"status": "Healthy", …}

The container contract is that of Amazon Bedrock AgentCore Runtime. The one habit that Bulkhead relies on: the agent
passes the `Authorization` header of the request in hand on to its store, as agents that call APIs for their users do.

Environment: HOST, PORT (0 = any free one, printed), MEMORY_URL, SEEN (a file that gets one JSON line for each request).
"""

import http.client
import json
import os
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, urlsplit

LARGEST_BODY_BYTES = 1 << 20
SEEN_LOCK = threading.Lock()


class Memory:
    """The store as the agent sees it: its own, under /notes."""

    def __init__(self, url, caller):
        self.authority = urlsplit(url).netloc
        self.headers = {name: caller[name] for name in ("authorization", "traceparent", "baggage") if name in caller}

    def call(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.authority, timeout=10)
        try:
            headers = dict(self.headers)
            if body is not None:
                headers["content-type"] = "text/plain; charset=utf-8"
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return response.status, response.read().decode("utf-8", "replace")
        finally:
            connection.close()


def note_path(name):
    return "/notes/" + quote(name.strip(), safe="")


def answer(prompt, memory):
    """The whole of this agent's intelligence."""
    if match := re.fullmatch(r"remember ([^:]+):\s*(.+)", prompt, re.DOTALL):
        status, text = memory.call("PUT", note_path(match[1]), match[2].encode())
        return f"I will remember {match[1].strip()}." if status == 204 else f"My memory said {status}: {text}"
    if match := re.fullmatch(r"recall (.+)", prompt):
        status, text = memory.call("GET", note_path(match[1]))
        return text if status == 200 else f"I know nothing of {match[1].strip()} ({status})."
    if match := re.fullmatch(r"forget (.+)", prompt):
        status, text = memory.call("DELETE", note_path(match[1]))
        return f"I forgot {match[1].strip()}." if status == 204 else f"I knew nothing of {match[1].strip()} ({status})."
    if prompt.strip() == "notes":
        status, text = memory.call("GET", "/notes/")
        return "I keep: " + (", ".join(json.loads(text)["names"]) or "nothing yet") if status == 200 else text
    if match := re.fullmatch(r"fetch (\S+)", prompt):
        status, text = memory.call("GET", match[1])
        return f"The store answered {status}: {text}"
    return f"You said: {prompt}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *arguments):
        pass

    def caller(self):
        return {name.lower(): value for name, value in self.headers.items()}

    def note(self, headers, body):
        if "SEEN" not in os.environ:
            return
        line = json.dumps({"method": self.command, "path": self.path, "headers": headers, "body": body})
        with SEEN_LOCK, open(os.environ["SEEN"], "a") as seen:
            seen.write(line + "\n")

    def send_json(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_events(self, words):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for word in words:
            event = f"data: {json.dumps(word)}\n\n".encode()
            self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self):
        if self.path == "/ping":
            return self.send_json(200, {"status": "Healthy", "time_of_last_update": int(time.time())})
        self.send_json(404, {"error": "no such path"})

    def do_POST(self):
        count = int(self.headers.get("content-length", "0"))
        if self.path != "/invocations" or count > LARGEST_BODY_BYTES:
            self.close_connection = True
            return self.send_json(404 if self.path != "/invocations" else 413, {"error": "refused"})
        headers = self.caller()
        try:
            payload = json.loads(self.rfile.read(count))
            prompt = str(payload["prompt"])
        except (ValueError, KeyError, TypeError):
            return self.send_json(400, {"error": "a JSON object with a prompt, please"})
        self.note(headers, payload)
        try:
            text = answer(prompt, Memory(os.environ["MEMORY_URL"], headers))
        except (OSError, http.client.HTTPException, ValueError) as problem:
            return self.send_json(502, {"error": f"my memory does not answer: {type(problem).__name__}"})
        if payload.get("stream") or "text/event-stream" in headers.get("accept", ""):
            return self.send_events(text.split(" "))
        self.send_json(200, {"answer": text})


if __name__ == "__main__":
    server = ThreadingHTTPServer((os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "0"))), Handler)
    server.daemon_threads = True
    print(f"agent listens on port {server.server_address[1]}", flush=True)
    server.serve_forever()
