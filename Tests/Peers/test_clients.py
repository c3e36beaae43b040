# SPDX-License-Identifier: Apache-2.0
"""What Deploy/README.md promises for each client library: a setting leads it to Bulkhead, and the handle travels, without code.

An agent under OpenTelemetry's automatic instrumentation, whose clients are made once for all callers.
"""

import json
import os
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from harness.bulkhead import ROOT
from harness.client import Caller
from harness.process import LOOPBACK, Owned, answers, free_port

CLIENTS = Path(os.environ.get("BULKHEAD_CLIENTS") or (ROOT / ".build" / "peers" / "clients")) / "bin"
AGENT = Path(__file__).parent / "agents" / "library_agent.py"
# By library: what the environment says, with the store's address and port to be filled in. STORE_URL is the agent's own.
SETTINGS = {
    "requests": {}, "httpx": {}, "urllib": {},
    "openai": {"OPENAI_BASE_URL": "{url}/v1", "OPENAI_API_KEY": "unused"},
    "anthropic": {"ANTHROPIC_BASE_URL": "{url}", "ANTHROPIC_API_KEY": "unused"},
    "boto3": {"AWS_ENDPOINT_URL_S3": "{url}", "AWS_ACCESS_KEY_ID": "unused", "AWS_SECRET_ACCESS_KEY": "unused",
              "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1"},
    "chromadb": {"CHROMA_API_IMPL": "chromadb.api.fastapi.FastAPI", "CHROMA_SERVER_HOST": LOOPBACK,
                 "CHROMA_SERVER_HTTP_PORT": "{port}", "ANONYMIZED_TELEMETRY": "False"},
    "opensearch": {}, "elasticsearch": {}, "qdrant": {}, "langgraph": {},
    "mem0": {"MEM0_API_KEY": "unused", "MEM0_TELEMETRY": "False"},
}

pytestmark = pytest.mark.skipif(not (CLIENTS / "python").exists(), reason="the environment of client libraries is not made")


class Recorder(BaseHTTPRequestHandler):
    """Writes down each request, and answers what may please a client."""

    protocol_version = "HTTP/1.1"
    seen = []

    def answer(self):
        length = int(self.headers.get("content-length") or 0)
        self.rfile.read(length)
        self.seen.append({"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}})
        body = b"{}"
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def recorder():
    server = ThreadingHTTPServer((LOOPBACK, 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()


def start(folder, name, port, store, settings):
    values = {"url": f"http://{LOOPBACK}:{store}", "port": store}
    # Only what the guide names: nothing of a proxy, nothing of the machine's own.
    environment = {"PATH": f"{CLIENTS}:{os.environ['PATH']}", "HOME": str(folder), "PORT": str(port),
                   "STORE_URL": values["url"], "NO_PROXY": "*", "OTEL_TRACES_EXPORTER": "none",
                   "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}
    for library in settings:
        environment |= {key: text.format(**values) for key, text in SETTINGS[library].items()}
    agent = Owned(name, [CLIENTS / "opentelemetry-instrument", CLIENTS / "python", AGENT], folder / f"{name}.log", environment)
    return agent.await_ready(lambda: answers(port, "/ping"))


@pytest.fixture(scope="module")
def agent(run, recorder):
    port = free_port()
    process = start(run, "library agent", port, recorder, SETTINGS)
    yield Caller(port)
    process.stop()


def handles_in(headers):
    """What Bulkhead would find: the baggage's member, as OpenTelemetry writes it."""
    return re.findall(r"(?:^|,)\s*bulkhead=([^,;\s]+)", headers.get("baggage", ""))


@pytest.mark.parametrize("library", SETTINGS)
def test_the_handle_travels(agent, library):
    """Two callers at once, again and again, through one client object: each call bears its own caller's handle."""
    def invoke(number):
        marker = f"bhh1_caller-{library}-{number}"
        answer = agent.request("POST", "/invocations", body={"library": library}, headers={"baggage": f"a=b,bulkhead={marker}"})
        assert answer.status == 200, answer
        return marker, answer.json()

    before = len(Recorder.seen)
    invoke(0)
    with ThreadPoolExecutor(4) as pool:
        answered = list(pool.map(invoke, range(1, 9)))
    seen = Recorder.seen[before:]
    assert len(seen) >= 9, answered
    found = [handles_in(request["headers"]) for request in seen]
    assert all(len(handles) == 1 for handles in found), seen
    assert {handle for handle, in found} == {f"bhh1_caller-{library}-{number}" for number in range(9)}


def test_an_agent_that_knows_nothing_of_tenants(run, make_bulkhead, ann, bob):
    """The whole way: unchanged agent, one Chroma client for everybody, two organisations."""
    port = free_port()
    bulkhead = make_bulkhead("instrumented", agent_port=port)
    process = start(run, "instrumented agent", port, bulkhead.ports["vectors"], ["chromadb"])
    try:
        ingress = Caller(bulkhead.ports["ingress"], bulkhead.ca)
        for token, text in ((ann, "ann's note"), (bob, "bob's note")):
            answer = ingress.invoke({"library": "chromadb", "document": text}, token)
            assert answer.json() == {"result": str([text])}, answer
        for token, text in ((ann, "ann's note"), (bob, "bob's note")):
            assert ingress.invoke({"library": "chromadb"}, token).json() == {"result": str([text])}
        # Nobody's request, nobody's data: the agent itself, without a caller, is refused.
        alone = Caller(port).request("POST", "/invocations", body={"library": "chromadb"})
        assert "failure" in alone.json(), alone
    finally:
        process.stop()


def test_the_guide_names_these_settings():
    guide = (ROOT / "Deploy" / "README.md").read_text()
    for library, settings in SETTINGS.items():
        for name, value in settings.items():
            if "{" in value:
                assert f"`{name}`" in guide, f"{library}: {name}"
