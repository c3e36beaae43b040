# SPDX-License-Identifier: Apache-2.0
"""An authorization server that tests steer, and an API that writes down what it is shown. Both know PyJWT, not Bulkhead."""

import base64
import json
import socket
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

from .process import LOOPBACK

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
TYPE = "urn:ietf:params:oauth:token-type:"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Server:
    """A thread with a server in it; `seen` has what came."""

    def __init__(self):
        self.seen = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def handle_one(self):
                length = int(self.headers.get("content-length") or 0)
                outer.answer(self, self.rfile.read(length))

            do_GET = do_POST = do_PUT = handle_one

        self.server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def reply(handler, status, body, kind="application/json", headers=()):
        handler.send_response(status)
        for name, value in [("content-type", kind), ("content-length", str(len(body))), *headers]:
            handler.send_header(name, value)
        handler.end_headers()
        try:
            handler.wfile.write(body)
        except OSError:
            pass

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class API(Server):
    """Answers everything with `{}`, or with what `echo` makes of the request."""

    echo = None

    def answer(self, handler, body):
        self.seen.append((handler.path, [(name.lower(), value) for name, value in handler.headers.items()]))
        headers = self.echo(handler) if self.echo else ()
        self.reply(handler, 200, b"{}", headers=headers)

    def last(self, name):
        """The values of a field of the last request."""
        return [value for key, value in self.seen[-1][1] if key == name]


class AuthorizationServer(Server):
    """Exchanges tokens that it verifies, for clients that it verifies. `mode` makes it misbehave."""

    secret = "client:secret/%+é"

    def __init__(self, subject_keys, client_key):
        self.subject_keys, self.client_key = subject_keys, client_key
        self.mode, self.issued, self.lifetime = "", 0, 300
        super().__init__()

    @property
    def url(self):
        return f"http://{LOOPBACK}:{self.port}/token"

    def answer(self, handler, body):
        form = urllib.parse.parse_qs(body.decode(), strict_parsing=True)
        assert all(len(values) == 1 for values in form.values()), form
        form = {name: values[0] for name, values in form.items()}
        self.seen.append(form)
        misbehave = getattr(self, f"be_{self.mode}", None)
        if misbehave:
            return misbehave(handler)
        try:
            client = self.client(handler.headers.get("authorization"), form)
            subject = self.subject(form)
        except (jwt.PyJWTError, AssertionError, KeyError) as error:
            body = json.dumps({"error": "invalid_client", "error_description": repr(error)}).encode()
            return self.reply(handler, 401, body)
        self.issue(handler, {"client": client, "subject": subject, "scope": form.get("scope", "")})

    def issue(self, handler, claims, **members):
        self.issued += 1
        token = jwt.encode({**claims, "n": self.issued}, "k" * 32, algorithm="HS256")
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime,
                  "issued_token_type": TYPE + "access_token", **members}
        body = json.dumps({name: value for name, value in answer.items() if value is not None}).encode()
        self.reply(handler, 200, body)

    def client(self, authorization, form):
        if form.get("client_assertion_type") == ASSERTION:
            assert authorization is None and "client_secret" not in form
            claims = jwt.decode(form["client_assertion"], self.client_key, algorithms=["EdDSA"], audience=self.url,
                                options={"require": ["exp", "jti", "iss", "sub"]})
            assert claims["iss"] == claims["sub"] == form["client_id"], claims
            assert claims["exp"] - time.time() < 120, claims
            return claims["sub"]
        if authorization:
            assert "client_secret" not in form and "client_id" not in form, form
            scheme, _, value = authorization.partition(" ")
            assert scheme == "Basic"
            name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
            name, secret = urllib.parse.unquote_plus(name), urllib.parse.unquote_plus(secret)
        else:
            name, secret = form["client_id"], form["client_secret"]
        assert secret == self.secret, "another secret"
        return name

    def subject(self, form):
        if form["grant_type"] == "client_credentials":
            return None
        assert form["grant_type"] == EXCHANGE, form
        key, algorithm, audience = self.subject_keys[form["subject_token_type"].removeprefix(TYPE)]
        audience = audience or self.url
        return jwt.decode(form["subject_token"], key, algorithms=[algorithm], audience=audience)

    # Modes.

    def be_down(self, handler):
        self.reply(handler, 503, b"")

    def be_cut(self, handler):
        handler.connection.shutdown(socket.SHUT_RDWR)
        handler.close_connection = True

    def be_slow(self, handler):
        self.released.wait(30)
        self.reply(handler, 503, b"")

    def be_large(self, handler):
        self.reply(handler, 200, b'{"access_token":"' + b"t" * (10 << 20) + b'","token_type":"Bearer"}')

    def be_moved(self, handler):
        self.reply(handler, 307, b"", headers=[("location", f"http://{LOOPBACK}:{self.port}/elsewhere")])

    def be_throttling(self, handler):
        self.reply(handler, 429, b"")

    def be_denying(self, handler):
        self.reply(handler, 400, b'{"error":"invalid_scope","error_description":"\x1b[31mforged"}')

    def be_splitting(self, handler):
        self.reply(handler, 200, b'{"access_token":"a\\r\\nx-admin: 1","token_type":"Bearer","expires_in":60}')

    def be_twofold(self, handler):
        self.reply(handler, 200, b'{"access_token":"a","access_token":"b","token_type":"Bearer","expires_in":60}')

    def be_other(self, handler):
        self.reply(handler, 200, b'{"access_token":"a","token_type":"DPoP","expires_in":60}')

    def be_expired(self, handler):
        self.issue(handler, {}, expires_in=-5)

    def be_web(self, handler):
        self.reply(handler, 200, b"<html>sign in</html>", "text/html")
