# SPDX-License-Identifier: Apache-2.0
"""The peers, each started once for all tests that want it, and Bulkhead in front of them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from harness.bulkhead import ROOT, Bulkhead, binary, merged  # noqa: E402
from harness.client import Caller  # noqa: E402
from harness.forge import Forge  # noqa: E402
from harness.issuers import Cognito, NanoIDP  # noqa: E402
from harness.process import Owned, accepts, answers, free_port  # noqa: E402

AGENTS = Path(__file__).parent / "agents"
PROGRAMS = Path(sys.executable).parent
TENANTS = [
    {"id": "clinic", "name": "Riverside Clinic", "tier": "basic", "issuers": ["cognito", "workforce", "nanoidp"]},
    {"id": "hospital", "name": "Mercy Hospital", "tier": "premium", "issuers": ["cognito", "workforce", "nanoidp"]},
    {"id": "clinic2", "name": "Hilltop Clinic", "tier": "basic", "issuers": ["workforce"]},
    {"id": "pharmacy", "name": "Pharmacy", "tier": "standard", "issuers": ["cognito"]},
    {"id": "former", "name": "Former", "tier": "basic", "status": "suspended", "issuers": ["cognito", "workforce"]},
]
POLICY = """
@id("visitors-read-only")
forbid (principal in Group::"visitors", action in [Action::"memory:Write", Action::"memory:Delete"], resource);
"""


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also run the tests that take minutes")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--long"):
        for item in items:
            if "long" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="takes minutes: pytest --long"))


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A folder for all that this run leaves behind."""
    return tmp_path_factory.mktemp("peers")


@pytest.fixture(scope="session")
def cognito(run):
    aws = Path(os.environ.get("BULKHEAD_MINISTACK", ROOT / ".build" / "peers" / "aws" / "bin" / "ministack"))
    folder = run / "cognito"
    folder.mkdir()
    issuer = Cognito(aws, folder)
    issuer.add_user("ann", "clinic", "basic")
    issuer.add_user("bob", "hospital", "premium", groups=["staff"])
    issuer.add_user("vic", "hospital", "premium", groups=["visitors"])
    issuer.add_user("old", "former", "basic")
    issuer.add_user("who", "unheard-of", "basic")
    issuer.add_user("up", "clinic", "premium")
    yield issuer
    issuer.stop()


@pytest.fixture(scope="session")
def nanoidp(run):
    folder = run / "nanoidp"
    folder.mkdir()
    issuer = NanoIDP(PROGRAMS / "nanoidp", folder, {"ann": ("clinic", "basic"), "bob": ("hospital", "premium")})
    yield issuer
    issuer.stop()


@pytest.fixture(scope="session")
def forge():
    return Forge()


@pytest.fixture(scope="session")
def chroma(run):
    port = free_port()
    server = Owned("chroma", [PROGRAMS / "chroma", "run", "--host", "127.0.0.1", "--port", port, "--path", run / "chroma"],
                   run / "chroma.log", {"ANONYMIZED_TELEMETRY": "False"})
    server.await_ready(lambda: answers(port, "/api/v2/heartbeat"))
    yield port
    server.stop()


@pytest.fixture(scope="session")
def memory(run):
    """The sample store of the demo: knows no tenants and writes down what it saw."""
    port = free_port()
    seen = run / "memory.seen.jsonl"
    server = Owned("memory", [sys.executable, ROOT / "Deploy" / "sample" / "store.py"], run / "memory.log",
                   {"PORT": str(port), "SEEN": str(seen)})
    server.await_ready(lambda: accepts(port))
    server.port = port
    server.seen = lambda: [json.loads(line) for line in seen.read_text().splitlines()] if seen.exists() else []
    yield server
    server.stop()


class Steered:
    """The agent that tests steer; it can be killed and started again on its port."""

    def __init__(self, folder):
        self.port = free_port()
        self.log = folder / f"steered-{self.port}.log"
        self.process = None
        self.start()

    def start(self):
        self.process = Owned("steered agent", [sys.executable, AGENTS / "steered_agent.py"], self.log,
                             {"PORT": str(self.port)})
        self.process.await_ready(lambda: accepts(self.port))

    def control(self, path):
        answer = Caller(self.port).request("GET", path)
        assert answer.status == 200
        return answer.json()


@pytest.fixture(scope="session")
def steered(run):
    agent = Steered(run)
    yield agent
    agent.process.stop()


def issuers(cognito, nanoidp, run, forge):
    jwks = run / "forge.jwks.json"
    keys = json.dumps(forge.jwks())
    # Every Bulkhead of the run looks at this file, and a write makes each of them load all of its configuration anew.
    if not jwks.exists() or jwks.read_text() != keys:
        jwks.write_text(keys)
    return [
        {"name": "cognito", "profile": "cognito", "issuer": cognito.issuer, "jwks": {"url": cognito.jwks_url},
         "audiences": [cognito.client], "token_use": ["id"]},
        {"name": "workforce", "profile": "oidc", "issuer": forge.issuer, "jwks": {"file": str(jwks)},
         "audiences": [forge.audience], "algorithms": ["RS256", "ES256"], "leeway": "0s"},
        {"name": "nanoidp", "profile": "oidc", "issuer": nanoidp.issuer,
         "jwks": {"url": nanoidp.jwks_url, "refresh": "30s"}, "audiences": [nanoidp.audience],
         "claims": {"tenant": "tenant", "tier": "identity_class"}},
    ]


def layer(reason):
    return {"owner": "peer tests", "reason": reason, "expires": "2099-12-31"}


@pytest.fixture(scope="session")
def make_bulkhead(run, cognito, nanoidp, forge, chroma, memory, steered):
    """Makes one more Bulkhead: the usual configuration with changes over it."""
    made = []

    def make(name, changes=None, agent_port=None, tenants=None, start=True):
        tls = {"certificate": "tls/tls.crt", "private_key": "tls/tls.key"}
        usual = {
            "listeners": [
                {"name": "ingress", "tls": tls, "carriers": ["bearer"], "routes": ["agent"]},
                {"name": "steered", "tls": tls, "carriers": ["bearer"], "routes": ["steered"]},
                {"name": "vectors", "carriers": ["handle", "bearer"], "routes": ["chroma"], "endpoint": "agent"},
                {"name": "notes", "carriers": ["handle", "bearer"], "routes": ["notes"], "endpoint": "agent"},
            ],
            "identity": {"issuers": issuers(cognito, nanoidp, run, forge)},
            "upstreams": {
                "agent": {"endpoints": [f"127.0.0.1:{agent_port or steered.port}"]},
                "steered": {"endpoints": [f"127.0.0.1:{steered.port}"]},
                "chroma": {"endpoints": [f"127.0.0.1:{chroma}"]},
                "memory": {"endpoints": [f"127.0.0.1:{memory.port}"]},
            },
            "routes": [
                {"name": "agent", "match": {"paths": ["/invocations", "/ping", "/ws"]}, "adapter": "agentcore-runtime",
                 "resource": 'Agent::"assistant"', "upstream": "agent", "credentials": "context", "websocket": True},
                {"name": "steered", "match": {"paths": ["/invocations", "/ping"]}, "adapter": "agentcore-runtime",
                 "resource": 'Agent::"steered"', "upstream": "steered", "credentials": "context"},
                {"name": "chroma", "match": {"paths": ["/**"]}, "adapter": "chroma", "resource": 'Store::"vectors"',
                 "upstream": "chroma", "single_layer": layer("this Chroma has no authentication")},
                {"name": "notes", "match": {"paths": ["/**"]}, "adapter": "rest", "resource": 'Store::"notes"',
                 "upstream": "memory", "single_layer": layer("the sample store knows no tenants")},
            ],
        }
        if not binary().exists():
            pytest.fail(f"no Bulkhead at {binary()}: run Deploy/test.sh, or set BULKHEAD_BINARY")
        bulkhead = Bulkhead(run / name, merged(usual, changes or {}), tenants or TENANTS, {"tests.cedar": POLICY})
        made.append(bulkhead)
        return bulkhead.start() if start else bulkhead

    yield make
    for bulkhead in made:
        bulkhead.stop()


class Front:
    """The main Bulkhead with the bedrock-agentcore agent behind it, and callers to its listeners."""

    def __init__(self, bulkhead):
        self.bulkhead = bulkhead
        self.ingress = Caller(bulkhead.ports["ingress"], bulkhead.ca)
        self.steered = Caller(bulkhead.ports["steered"], bulkhead.ca)
        self.vectors = Caller(bulkhead.ports["vectors"])
        self.notes = Caller(bulkhead.ports["notes"])

    def handle(self, token):
        """The handle that the agent holds in the token's place while it serves that caller."""
        answer = self.ingress.invoke({"do": "echo"}, token)
        assert answer.status == 200, answer
        return answer.json()["headers"]["Authorization"].removeprefix("Bearer ")


@pytest.fixture(scope="session")
def front(run, make_bulkhead):
    port = free_port()
    bulkhead = make_bulkhead("main", agent_port=port)
    agent = Owned("bedrock-agentcore agent", [sys.executable, AGENTS / "runtime_agent.py"], run / "agent.log",
                  {"PORT": str(port), "CHROMA_PORT": str(bulkhead.ports["vectors"]), "ANONYMIZED_TELEMETRY": "False"})
    agent.await_ready(lambda: answers(port, "/ping"))
    yield Front(bulkhead)
    agent.stop()


@pytest.fixture(scope="session")
def ann(cognito):
    """An ID token of the clinic's Ann, fresh from Cognito."""
    return cognito.sign_in("ann")["IdToken"]


@pytest.fixture(scope="session")
def bob(cognito):
    """An ID token of the hospital's Bob."""
    return cognito.sign_in("bob")["IdToken"]


@pytest.fixture(scope="session")
def nghttpd(run):
    """A server of HTTP/2 over TLS, and nothing else: its port, and the authority of its certificate."""
    if not shutil.which("nghttpd"):
        pytest.skip("nghttpd is not installed")
    folder = run / "nghttpd"
    folder.mkdir()
    (folder / "index.html").write_text("<p>an answer</p>")
    subprocess.run(["bash", str(ROOT / "Deploy" / "keys.sh"), str(folder), "localhost"], check=True)
    port = free_port()
    server = Owned("nghttpd", ["nghttpd", "-a", "127.0.0.1", "-d", folder, "-n", "1", port, folder / "tls" / "tls.key",
                               folder / "tls" / "tls.crt"], run / "nghttpd.log")
    server.await_ready(lambda: accepts(port))
    yield port, folder / "tls" / "ca.crt"
    server.stop()
