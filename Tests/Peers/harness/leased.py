# SPDX-License-Identifier: Apache-2.0
"""Agents whose process is leased: each endpoint with who starts it anew beside it."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .client import Caller
from .process import LOOPBACK, Owned, free_port

SESSION = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
RECYCLES = "bulkhead_endpoint_recycles_total"


class Endpoint:
    """One endpoint of the agent, and beside it who starts it anew when a POST says so."""

    def __init__(self, folder, number, agent, environment=None):
        self.folder, self.number, self.port, self.store = folder, number, free_port(), None
        self.agent, self.environment = agent, environment or {}
        self.restarts = 0
        self.is_stuck = False
        self.process = None
        self.server = ThreadingHTTPServer((LOOPBACK, 0), self.supervisor())
        self.supervisor_port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def supervisor(self):
        endpoint = self

        class Supervisor(BaseHTTPRequestHandler):
            def do_POST(self):
                endpoint.restarts += 1
                if not endpoint.is_stuck:
                    endpoint.restart()
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        return Supervisor

    def restart(self):
        if self.process:
            self.process.kill()
        self.process = Owned(f"agent {self.number}", [sys.executable, self.agent], self.folder / f"leased-{self.port}.log",
                             {"PORT": str(self.port), "STORE": str(self.store), **self.environment})

    def stop(self):
        self.server.shutdown()
        if self.process:
            self.process.stop()


class Hull:
    def __init__(self, bulkhead, endpoints):
        self.bulkhead, self.endpoints = bulkhead, endpoints

    def invoke(self, token, payload, session=None):
        caller = Caller(self.bulkhead.ports["ingress"], self.bulkhead.ca)
        headers = {"Authorization": f"Bearer {token}", **({SESSION: session} if session else {})}
        return caller.request("POST", "/invocations", body=payload, headers=headers)
