# SPDX-License-Identifier: Apache-2.0
"""The ways around Bulkhead: `bulkhead doctor` with all of them closed, and with each of them open alone."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml
from harness.bulkhead import ROOT, binary
from harness.hull import AGENT, BULKHEAD

HULL = Path(__file__).parent / "harness" / "hull.py"
NAMESPACES = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc"]
STORE, AGENT_PORT = "10.77.0.1", 8080


def forbidden():
    if os.geteuid() != 0:
        return "needs root: users are changed"
    for program in ("unshare", "setpriv", "ip"):
        if not shutil.which(program):
            return f"{program} is not installed"
    done = subprocess.run([*NAMESPACES, "true"], capture_output=True, text=True)
    return None if done.returncode == 0 else f"no namespaces here: {done.stderr.strip()}"


pytestmark = pytest.mark.skipif(forbidden() is not None, reason=str(forbidden()))


@pytest.fixture
def place():
    """A folder that every user may enter, with a binary that every user may run, and a configuration."""
    folder = Path(tempfile.mkdtemp(prefix="doors-"))
    folder.chmod(0o755)
    shutil.copy(binary(), folder / "bulkhead")
    (folder / "home").mkdir()
    subprocess.run(["bash", str(ROOT / "Deploy" / "keys.sh"), str(folder)], check=True, capture_output=True)
    subprocess.run([sys.executable, str(ROOT / "Deploy" / "sample" / "issuer.py"), "new", str(folder)], check=True,
                   capture_output=True)
    for name in ("policies", "adapters"):
        shutil.copytree(ROOT / "Config" / name, folder / name)
    (folder / "tenants.yaml").write_text(json.dumps({"tenants": [
        {"id": "clinic", "name": "Clinic", "tier": "basic", "issuers": ["development"]}]}))
    (folder / "bulkhead.yaml").write_text(json.dumps({
        "version": 1, "workers": 1,
        "listeners": [{"name": "ingress", "address": "127.0.0.1:8443", "carriers": ["bearer"], "routes": ["agent"]},
                      {"name": "notes", "address": "127.0.0.1:9443", "carriers": ["handle"], "routes": ["notes"]}],
        "identity": {"issuers": [{"name": "development", "profile": "oidc", "issuer": "https://issuer.example/demo",
                                  "jwks": {"file": "jwks.json"}, "audiences": ["demo"]}]},
        "tenants": {"file": "tenants.yaml"}, "tiers": {"basic": {"weight": 1}},
        "policy": {"files": ["policies/"], "schema": "policies/bulkhead.cedarschema"},
        "upstreams": {"agent": {"endpoints": [f"127.0.0.1:{AGENT_PORT}"]}, "notes": {"endpoints": [f"{STORE}:8000"]}},
        "routes": [
            {"name": "agent", "match": {"paths": ["/invocations"]}, "adapter": "agentcore-runtime",
             "resource": 'Agent::"a"', "upstream": "agent"},
            {"name": "notes", "match": {"paths": ["/**"]}, "adapter": "rest", "resource": 'Store::"notes"',
             "upstream": "notes", "single_layer": {"owner": "t", "reason": "t", "expires": "2099-12-31"}}],
        "keys": {"current": {"file": "keys/bulkhead.key"}},
        "telemetry": {"access_log": {"path": "stderr"}},
        "admin": {"socket": str(folder / "admin.sock"), "address": None}}))
    # Bulkhead's keys are Bulkhead's alone, and its folder takes its admin socket; the rest is root's.
    for secret in ("keys", "tls"):
        for path in [folder / secret, *(folder / secret).iterdir()]:
            os.chown(path, BULKHEAD, BULKHEAD)
            path.chmod(0o700 if path.is_dir() else 0o400)
    os.chown(folder, BULKHEAD, BULKHEAD)
    yield folder
    shutil.rmtree(folder)


def run_doctor(folder, arguments, **doors):
    """The doctor inside the hull."""
    spec = {"folder": str(folder), "binary": str(folder / "bulkhead"), "arguments": arguments, **doors}
    spec["servers"] = [{"address": "127.0.0.1", "port": AGENT_PORT, "uid": AGENT}] + spec.get("servers", [])
    return subprocess.run([*NAMESPACES, sys.executable, str(HULL), json.dumps(spec)], capture_output=True, text=True)


def doctor(folder, arguments=None, **doors):
    """The doctor's report, by door, and its exit code."""
    arguments = arguments or ["--from-agent", "--config", str(folder / "bulkhead.yaml"), "--internet"]
    done = run_doctor(folder, ["--json", *arguments], **doors)
    assert done.returncode in (0, 1) and done.stdout, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] == (done.returncode == 0)
    for door in report["doors"]:
        assert (door["state"] in ("open", "unknown")) == bool(door["cure"]), door
    doors = {}
    for door in report["doors"]:
        first = doors.setdefault(door["door"], door)
        if first is not door:
            first["finding"] += "; " + door["finding"]
    return doors, done.returncode


def not_closed(doors):
    return {name for name, door in doors.items() if door["state"] not in ("closed", "accepted")}


def test_all_closed(place):
    doors, code = doctor(place, bulkhead=BULKHEAD)
    assert not_closed(doors) == set() and code == 0
    assert "it is to be seen, and that is all" in doors["bulkhead-process"]["finding"]


def write(path, mode, text="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def credential_file(folder):
    write(folder / "home" / ".aws" / "credentials", 0o644)


def readable_key(folder):
    (folder / "keys").chmod(0o755)
    (folder / "keys" / "bulkhead.key").chmod(0o444)


def writable_tenants(folder):
    (folder / "tenants.yaml").chmod(0o666)


# Door, what opens it on the disk, what opens it around.
OPEN = [
    ("store", None, {"addresses": [f"{STORE}/32"], "servers": [{"address": STORE, "port": 8000}]}),
    ("metadata", None, {"addresses": ["169.254.169.254/32"], "servers": [{"address": "169.254.169.254", "port": 80}]}),
    ("metadata", None, {"addresses": ["fd00:ec2::254/128"], "servers": [{"address": "fd00:ec2::254", "port": 80}]}),
    # IMDSv2 refuses a bare request and gives a token to whoever asks for one.
    ("metadata", None, {"addresses": ["169.254.170.2/32"],
                        "servers": [{"address": "169.254.170.2", "port": 80, "status": 401}]}),
    ("internet", None, {"addresses": ["1.1.1.1/32"], "servers": [{"address": "1.1.1.1", "port": 443}]}),
    ("credential-variable", None, {"environment": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1"}}),
    ("credential-variable", None, {"environment": {"AWS_ACCESS_KEY_ID": "AKIA" + "IOSFODNN7EXAMPLE"}}),
    ("credential-variable", None, {"environment": {"DATABASE_URL": "postgres://app:hunter2@db/app"}}),
    ("credential-file", credential_file, {}),
    ("container-runtime", None, {"sockets": ["/run/docker.sock"]}),
    ("privileges", None, {"capability": "net_raw"}),
    ("bulkhead-key", readable_key, {}),
    ("bulkhead-file", writable_tenants, {}),
    ("admin-socket", None, {"sockets": ["{folder}/admin.sock"]}),
    ("bulkhead-process", None, {"bulkhead": AGENT}),
    ("core-dumps", None, {"lookalike": BULKHEAD}),
    ("agent-port", None, {"servers": [{"address": "0.0.0.0", "port": 8081, "uid": AGENT}]}),
]


@pytest.mark.parametrize("name, opening, doors", OPEN, ids=[f"{name}-{i}" for i, (name, _, _) in enumerate(OPEN)])
def test_each_door_open_alone(place, name, opening, doors):
    if opening:
        opening(place)
    if doors.get("bulkhead") == AGENT:
        # It has to be able to read them, so the other door cannot but be open as well.
        for path in [place, *place.rglob("*")]:
            os.chown(path, AGENT, AGENT)
    doors = json.loads(json.dumps(doors).replace("{folder}", str(place)))
    found, code = doctor(place, **doors)
    assert code == 1
    also = {"bulkhead-key", "bulkhead-file", "admin-socket"} if doors.get("bulkhead") == AGENT else set()
    assert not_closed(found) == {name} | also, found


def test_every_door_is_opened_here(place):
    """The doctor's own list of doors, from what it says to a name that is none of them."""
    done = subprocess.run([str(binary()), "doctor", "--from-agent", "--accept", "window"], capture_output=True, text=True)
    assert done.returncode == 2
    known = re.search(r"they are ([a-z, -]+)", done.stderr).group(1).split(", ")
    assert set(known) == {name for name, _, _ in OPEN} | {"outside"}


def test_a_store_that_asks_for_more_is_closed(place):
    doors, code = doctor(place, addresses=[f"{STORE}/32"], servers=[{"address": STORE, "port": 8000, "status": 401}])
    assert code == 0 and "answers 401" in doors["store"]["finding"]


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_store_that_asks_for_a_certificate_is_closed(place, version):
    ca = place / "ca.crt"
    shutil.copy(place / "tls" / "ca.crt", ca)
    ca.chmod(0o444)
    arguments = ["--from-agent", "--store", "https://localhost:8444", "--agent-port", str(AGENT_PORT)]
    doors, code = doctor(place, [*arguments, "--ca", str(ca)], tls_store=[True, version])
    assert code == 0 and "only to a client certificate" in doors["store"]["finding"]
    doors, code = doctor(place, [*arguments, "--ca", str(ca)], tls_store=[False, version])
    assert code == 1 and doors["store"]["state"] == "open"
    doors, code = doctor(place, arguments, tls_store=[True, version])
    assert code == 1 and doors["store"]["state"] == "unknown" and "--ca" in doors["store"]["cure"]


def test_no_value_is_told(place):
    doors, _ = doctor(place, environment={"STORE_URL": "redis://:hunter2@cache", "OPENAI_API_KEY": "sk-" + "s3cret" * 8})
    assert "STORE_URL" in doors["credential-variable"]["finding"]
    assert "OPENAI_API_KEY" in doors["credential-variable"]["finding"]
    assert "hunter2" not in json.dumps(doors) and "s3cret" not in json.dumps(doors)


def test_somebody_may_answer_for_a_door(place):
    wide = [{"address": "0.0.0.0", "port": 8081, "uid": AGENT}]
    arguments = ["--from-agent", "--config", str(place / "bulkhead.yaml"), "--accept", "agent-port"]
    doors, code = doctor(place, arguments, servers=wide)
    assert code == 0 and doors["agent-port"]["state"] == "accepted"


def test_from_outside(place):
    doors, code = doctor(place, ["--from-outside", f"{STORE}:8080"], addresses=[f"{STORE}/32"])
    assert code == 0 and doors["outside"]["state"] == "closed"
    doors, code = doctor(place, ["--from-outside", f"127.0.0.1:{AGENT_PORT}"])
    assert code == 1 and doors["outside"]["state"] == "open"


def test_beside_the_agent(place):
    """From another container, in the agent's namespaces and under its user: the agent's own variables and files count."""
    folder = str(place / "elsewhere")
    secret = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere", "HOME": folder}
    credentials = place / "elsewhere" / ".aws" / "credentials"
    write(credentials, 0o644)
    # The first process of the hull is root's: not the agent's user, so nothing would be proven.
    done = run_doctor(place, ["--from-agent", "--process", "1", "--store", f"{STORE}:8000"])
    assert done.returncode == 2 and "run the doctor under that user" in done.stderr
    arguments = ["--from-agent", "--process", "{agent}", "--store", f"{STORE}:8000"]
    doors, code = doctor(place, arguments, agent=secret)
    assert code == 1 and not_closed(doors) == {"credential-variable", "credential-file"}
    doors, code = doctor(place, arguments, agent={"HOME": str(place / "home")}, environment=secret)
    assert code == 0 and not_closed(doors) == set()


def test_the_component_for_kubernetes_shuts_the_network():
    """What its init container runs, in a network namespace with a store in the next one."""
    pod = yaml.safe_load((ROOT / "Deploy" / "kubernetes" / "doors" / "agent.yaml").read_text())
    rules = pod["spec"]["template"]["spec"]["initContainers"][0]["args"][0]
    done = subprocess.run(["unshare", "--net", "--pid", "--fork", "--mount-proc", sys.executable,
                           str(HULL.with_name("pod.py")), rules], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout) == {
        "before": {"bulkhead": ["store", "loopback"], "agent": ["store", "loopback"]},
        "after": {"bulkhead": ["store", "loopback"], "agent": ["loopback"]}}


@pytest.mark.parametrize("arguments", [[], ["--from-agent", "--from-outside", "a:1"], ["--from-agent", "--store", "x:y"],
                                       ["--from-agent", "--agent-port", "0"], ["--from-agent", "--config", "/nonexistent"]])
def test_wrong_usage(arguments):
    assert subprocess.run([str(binary()), "doctor", *arguments], capture_output=True).returncode == 2
