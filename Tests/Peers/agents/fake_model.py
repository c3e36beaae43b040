# SPDX-License-Identifier: Apache-2.0
"""A model for stores that want one: every chat yields one fact, the last line that was said; embeddings are digests."""

import hashlib
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DIMENSIONS = int(os.environ.get("DIMENSIONS", "64"))


def embedding(text):
    raw = b"".join(hashlib.sha256(f"{n}{text}".encode()).digest() for n in range(DIMENSIONS // 32 + 1))
    return [byte / 255 for byte in raw[:DIMENSIONS]]


class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path.endswith("/embeddings"):
            texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
            answer = {"object": "list", "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1},
                      "data": [{"object": "embedding", "index": n, "embedding": embedding(t)} for n, t in enumerate(texts)]}
        else:
            said = body["messages"][-1]["content"]
            facts = json.dumps({"facts": [said[-80:]], "memory": [{"id": "0", "text": said[-80:], "event": "ADD"}]})
            answer = {"id": "c", "object": "chat.completion", "created": 0, "model": "m",
                      "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": facts}}],
                      "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Model).serve_forever()
