# SPDX-License-Identifier: Apache-2.0
"""Machines that call with a certificate of their own: made by openssl, shown by curl and by Python's ssl."""

import json
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from conftest import TENANTS
from harness.bulkhead import Trail
from harness.client import Caller, head, read_answer
from harness.names import REASON, TENANT, USER

LEAF = "basicConstraints=critical,CA:false\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n"


class Authority:
    """A private authority in a folder of its own."""

    def __init__(self, folder, name, parent=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.parent = parent
        if parent is None:
            self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                         f"/CN={name}", "-days", "30", "-addext", "basicConstraints=critical,CA:true", "-addext",
                         "keyUsage=critical,keyCertSign", "-keyout", f"{name}.key", "-out", f"{name}.crt")
        else:
            parent.issue(name, "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n")

    def openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], cwd=self.folder, check=True, capture_output=True)

    def issue(self, name, extensions=LEAF, subject=None, names=None, days=30):
        """A certificate and its key; the certificate's file has the authorities between it and the root behind it."""
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                     subject or f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        text = extensions + (f"subjectAltName={','.join(names)}\n" if names else "")
        (self.folder / f"{name}.ext").write_text(text)
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{self.name}.crt", "-CAkey", f"{self.name}.key",
                     "-CAcreateserial", "-days", days, "-extfile", f"{name}.ext", "-out", f"{name}.crt")
        path = self.folder / f"{name}.crt"
        if self.parent is not None:
            path.write_text(path.read_text() + (self.folder / f"{self.name}.crt").read_text())
        return path, self.folder / f"{name}.key"

    @property
    def certificate(self):
        return self.folder / f"{self.name}.crt"


def spiffe(path, domain="prod.example"):
    return [f"URI:spiffe://{domain}{path}"]


@pytest.fixture(scope="module")
def mesh(run):
    """The platform's authority, with one between it and the workloads."""
    folder = run / "mesh"
    return Authority(folder, "mesh-agent", Authority(folder, "mesh-root"))


@pytest.fixture(scope="module")
def workshop(run):
    """The authority of one tenant alone."""
    return Authority(run / "workshop", "workshop-root")


@pytest.fixture(scope="module")
def robot(mesh):
    return mesh.issue("robot", names=spiffe("/tenant/clinic/sa/robot"))


@pytest.fixture(scope="module")
def machines(make_bulkhead, front, mesh, workshop, run):
    bundle = run / "client-authorities.pem"
    bundle.write_text(mesh.parent.certificate.read_text() + workshop.certificate.read_text())
    tls = {"certificate": "tls/tls.crt", "private_key": "tls/tls.key", "client_ca": str(bundle)}
    optional = {**tls, "client_certificates": "optional"}
    issuers = [
        *front.bulkhead.configuration["identity"]["issuers"],
        {"name": "mesh", "profile": "x509", "issuer": "spiffe://prod.example", "certificates": {
            "ca": str(mesh.parent.certificate), "spiffe": "/tenant/{tenant}/sa/{user}", "groups": ["machines"],
            "same_users_as": ["workforce"]}},
        {"name": "workshop", "profile": "x509", "issuer": "workshop", "certificates": {
            "ca": str(workshop.certificate), "subject": "CN={user},O={tenant}"}},
    ]
    tenants = [
        {**tenant, "issuers": tenant["issuers"] + (["workshop"] if tenant["id"] == "pharmacy" else ["mesh"])}
        for tenant in TENANTS]
    return make_bulkhead("machines", {
        "listeners": [
            {"name": "machines", "tls": tls, "carriers": ["certificate"], "routes": ["agent"]},
            {"name": "mixed", "tls": optional, "carriers": ["bearer", "certificate"], "routes": ["agent"]},
            {"name": "people", "tls": optional, "carriers": ["bearer"], "routes": ["agent"]},
            {"name": "notes", "carriers": ["handle"], "routes": ["notes"], "endpoint": "agent"},
        ],
        "identity": {"issuers": issuers},
        "routes": [r for r in front.bulkhead.configuration["routes"] if r["name"] in ("agent", "notes")],
        "upstreams": {"agent": front.bulkhead.configuration["upstreams"]["steered"]},
    }, tenants=tenants)


def call(machines, certificate=None, token=None, listener="machines"):
    caller = Caller(machines.ports[listener], machines.ca, certificate=certificate)
    return caller.invoke({"do": "headers"}, token)


def seen(answer):
    """The headers that the agent got, by name in lower case."""
    return {name.lower(): value for name, value in answer.json()["headers"]}


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_curl_with_a_spiffe_id(machines, robot, version):
    with Trail(machines, "machines") as trail:
        done = subprocess.run(
            ["curl", "-sS", version, "--cacert", str(machines.ca), "--cert", str(robot[0]), "--key", str(robot[1]),
             "-H", "content-type: application/json", "-d", '{"do": "headers"}', "-w", "\n%{http_code} %{http_version}",
             f"https://localhost:{machines.ports['machines']}/invocations"],
            capture_output=True, text=True, timeout=20)
    body, status = done.stdout.rsplit("\n", 1)
    assert status == f"200 {version.removeprefix('--http')}", done
    headers = {name.lower(): value for name, value in json.loads(body)["headers"]}
    assert (headers["x-tenant-id"], headers["x-tenant-tier"], headers["x-user-id"]) == ("clinic", "basic", "robot")
    assert headers["authorization"].startswith("Bearer bhh1_")
    record = trail.records[0]
    assert (record[TENANT], record[USER]) == ("clinic", "robot")


def test_its_handle_opens_the_stores_of_its_tenant(machines, mesh, robot):
    other = mesh.issue("other", names=spiffe("/tenant/hospital/sa/robot"))
    notes = Caller(machines.ports["notes"])
    handles = [seen(call(machines, certificate))["authorization"].removeprefix("Bearer ") for certificate in (robot, other)]
    assert notes.request("PUT", "/secret", token=handles[0], body=b"of the clinic").status == 204
    assert notes.request("GET", "/secret", token=handles[0]).body == b"of the clinic"
    assert notes.request("GET", "/secret", token=handles[1]).status == 404


def test_a_subject_of_the_tenants_own_authority(machines, workshop):
    press = workshop.issue("press", subject="/C=US/O=pharmacy/CN=press 7")
    headers = seen(call(machines, press))
    assert (headers["x-tenant-id"], headers["x-user-id"]) == ("pharmacy", "press%207")


@pytest.mark.parametrize("name,names,reason", [
    ("domain", spiffe("/tenant/clinic/sa/robot", "staging.example"), "certificate_unmapped"),
    ("shape", spiffe("/tenant/clinic/robot"), "certificate_unmapped"),
    ("two", spiffe("/tenant/clinic/sa/robot") + spiffe("/tenant/hospital/sa/robot"), "certificate_unmapped"),
    ("dots", spiffe("/tenant/../sa/robot"), "certificate_unmapped"),
    ("none", None, "certificate_unmapped"),
    ("unheard", spiffe("/tenant/unheard-of/sa/robot"), "tenant_unknown"),
    ("suspended", spiffe("/tenant/former/sa/robot"), "tenant_suspended"),
    ("foreign", spiffe("/tenant/pharmacy/sa/robot"), "issuer_not_for_tenant"),
])
def test_who_is_not_recognised(machines, mesh, name, names, reason):
    certificate = mesh.issue(f"wrong-{name}", names=names)
    with Trail(machines, "machines") as trail:
        answer = call(machines, certificate)
    assert answer.status == 403 and trail.records[0][REASON] == reason
    told = answer.header("x-bulkhead-reason")
    assert told == ("certificate_unmapped" if reason == "certificate_unmapped" else "tenant_refused")


def test_an_authority_speaks_for_its_own_names(machines, workshop):
    """The listener trusts both authorities; one may not write the other's names."""
    forged = workshop.issue("forged", names=spiffe("/tenant/clinic/sa/robot"), subject="/CN=robot")
    assert call(machines, forged).header("x-bulkhead-reason") == "certificate_unmapped"
    posing = workshop.issue("posing", subject="/O=clinic/CN=robot")
    assert call(machines, posing).header("x-bulkhead-reason") == "tenant_refused"


def test_an_authority_is_nobody(machines, mesh):
    extensions = "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,digitalSignature\n"
    authority = mesh.issue("authority", extensions, names=spiffe("/tenant/clinic/sa/robot"))
    assert call(machines, authority).header("x-bulkhead-reason") == "certificate_unmapped"


@pytest.mark.parametrize("what", ["expired", "foreign", "server", "none"])
def test_what_the_handshake_refuses(machines, mesh, run, what):
    names = spiffe("/tenant/clinic/sa/robot")
    if what == "expired":
        certificate = mesh.issue("expired", names=names, days=-1)
    elif what == "foreign":
        certificate = Authority(run / "elsewhere", "mesh-root").issue("robot", names=names)
    elif what == "server":
        certificate = mesh.issue("server", LEAF.replace("clientAuth", "serverAuth"), names=names)
    else:
        certificate = None
    try:
        assert call(machines, certificate).status == 0
    except (ssl.SSLError, ConnectionError):
        pass


class TestBesideTokens:
    def test_either_alone(self, machines, robot, forge):
        assert seen(call(machines, robot, listener="mixed"))["x-user-id"] == "robot"
        token = forge.token("clinic", "basic", "ann")
        assert seen(call(machines, None, token, "mixed"))["x-user-id"] == "ann"
        answer = call(machines, None, listener="mixed")
        assert answer.status == 401 and answer.header("x-bulkhead-reason") == "token_missing"

    def test_both_must_agree(self, machines, robot, forge):
        same = call(machines, robot, forge.token("clinic", "basic", "robot"), "mixed")
        assert same.status == 200 and seen(same)["x-tenant-id"] == "clinic"
        for token in (forge.token("clinic", "basic", "ann"), forge.token("hospital", "premium", "robot")):
            answer = call(machines, robot, token, "mixed")
            assert answer.status == 403 and answer.header("x-bulkhead-reason") == "carriers_disagree"

    def test_users_of_an_issuer_that_is_not_named_are_others(self, machines, robot, ann):
        assert call(machines, robot, ann, "mixed").header("x-bulkhead-reason") == "carriers_disagree"

    def test_one_that_fails_refuses(self, machines, mesh, robot, forge):
        assert call(machines, robot, forge.broken("clinic", "basic", "robot"), "mixed").status == 401
        stray = mesh.issue("stray", names=spiffe("/x"))
        answer = call(machines, stray, forge.token("clinic", "basic", "robot"), "mixed")
        assert answer.header("x-bulkhead-reason") == "certificate_unmapped"

    def test_where_it_is_no_carrier_it_says_nothing(self, machines, robot, forge):
        assert call(machines, robot, listener="people").header("x-bulkhead-reason") == "token_missing"
        headers = seen(call(machines, robot, forge.token("hospital", "premium", "bob"), "people"))
        assert (headers["x-tenant-id"], headers["x-user-id"]) == ("hospital", "bob")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_resumed_session_is_the_same_machine(machines, robot, version):
    """The certificate is not shown again, nor is its chain: both come out of the ticket."""
    caller = Caller(machines.ports["machines"], machines.ca, certificate=robot)
    caller.context.minimum_version = caller.context.maximum_version = version
    body = json.dumps({"do": "headers"}).encode()
    request = head("POST", "/invocations", [("Content-Type", "application/json")], body, "localhost")
    session = None
    for visit in range(3):
        raw = socket.create_connection(("127.0.0.1", caller.port), timeout=15)
        with caller.context.wrap_socket(raw, server_hostname="localhost", session=session) as connection:
            connection.sendall(request)
            answer = read_answer(connection)
            assert connection.session_reused == (visit > 0)
            session = connection.session
        assert answer.status == 200 and seen(answer)["x-user-id"] == "robot"


@pytest.fixture(scope="module")
def changing(make_bulkhead, machines, mesh):
    changes = {**machines.configuration, "reload": {"watch": False}, "admin": {
        **machines.configuration["admin"], "socket": "admin.sock"}}
    issuers = [dict(issuer) for issuer in changes["identity"]["issuers"] if issuer["name"] != "workshop"]
    for issuer in issuers:
        if issuer["name"] == "mesh":
            issuer["certificates"] = {**issuer["certificates"], "ca": "mesh.pem"}
    changes["identity"] = {"issuers": issuers}
    del changes["admin"]["address"]
    tenants = [{**tenant, "issuers": tenant["issuers"] + ["mesh"]} for tenant in TENANTS]
    bulkhead = make_bulkhead("taken-from-machines", changes, tenants=tenants, start=False)
    (bulkhead.folder / "mesh.pem").write_text(mesh.parent.certificate.read_text())
    return bulkhead.start()


class TestWhatIsTakenBack:
    """A machine's stream ends when its authority is no longer the issuer's, or its tenant is suspended."""

    def stream(self, bulkhead, certificate, name):
        caller = Caller(bulkhead.ports["machines"], bulkhead.ca, certificate=certificate)
        connection = caller.connect()
        body = json.dumps({"do": "gated", "name": name}).encode()
        connection.sendall(head("POST", "/invocations", [("Content-Type", "application/json")], body, "localhost"))
        data = b""
        while b"data:" not in data:
            more = connection.recv(65536)
            assert more, data
            data += more
        return connection

    def ends(self, connection):
        data = b""
        while more := connection.recv(65536):
            data += more
        connection.close()
        return not data.endswith(b"0\r\n\r\n")

    def test_a_suspension(self, changing, robot):
        connection = self.stream(changing, robot, "suspended")
        with Trail(changing, "machines") as trail:
            assert changing.command("tenant", "suspend", "clinic", "--socket", "admin.sock").returncode == 0
            assert self.ends(connection)
        assert trail.records[0][REASON] == "tenant_suspended"
        assert call(changing, robot).header("x-bulkhead-reason") == "tenant_refused"
        assert changing.command("tenant", "resume", "clinic", "--socket", "admin.sock").returncode == 0
        assert call(changing, robot).status == 200

    def test_an_authority(self, changing, robot, workshop):
        connection = self.stream(changing, robot, "disowned")
        with Trail(changing, "machines") as trail:
            (changing.folder / "mesh.pem").write_text(workshop.certificate.read_text())
            assert changing.reload().returncode == 0
            assert self.ends(connection)
        assert trail.records[0][REASON] == "certificate_unmapped"
        assert call(changing, robot).header("x-bulkhead-reason") == "certificate_unmapped"
