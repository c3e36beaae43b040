# SPDX-License-Identifier: Apache-2.0
"""One application for WSGI and ASGI servers: writes down each request as its server understood it.

A line of JSON for each goes to the file that SEEN names, in one write, before the answer leaves. The answer names the
request by its X-Case, so that whoever asked can tell whose answer it holds.
"""

import json
import os

FILE = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def note(method, target, headers, body):
    line = {"method": method, "target": target, "headers": headers, "body": body.decode("latin-1")}
    os.write(FILE, json.dumps(line).encode() + b"\n")
    case = next((value for name, value in headers if name.lower() == "x-case"), "")
    return f"{method} {target} {case}".encode("latin-1", "replace")


def wsgi(environ, start_response):
    target = environ.get("RAW_URI") or environ["REQUEST_URI"]
    headers = [(name[5:].replace("_", "-"), value) for name, value in environ.items() if name.startswith("HTTP_")]
    headers += [(name.replace("_", "-"), environ[name]) for name in ("CONTENT_TYPE", "CONTENT_LENGTH")
                if environ.get(name)]
    body = environ["wsgi.input"].read()
    # A body that was cut off looks whole to WSGI; who goes by its length knows that there was no request.
    if len(body) < int(environ.get("CONTENT_LENGTH") or 0):
        raise ConnectionError("cut off")
    answer = note(environ["REQUEST_METHOD"], target, headers, body)
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]


async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    target = scope["raw_path"].decode("latin-1")
    if scope["query_string"]:
        target += "?" + scope["query_string"].decode("latin-1")
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    answer = note(scope["method"], target, headers, body)
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", str(len(answer)).encode())]})
    await send({"type": "http.response.body", "body": answer})
