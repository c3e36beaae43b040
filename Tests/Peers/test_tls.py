# SPDX-License-Identifier: Apache-2.0
"""TLS as other people's programs speak it: openssl s_client, curl, Python's ssl."""

import json
import re
import shutil
import ssl
import subprocess
import sys

import pytest
from harness.bulkhead import ROOT
from harness.client import Caller, trust
from harness.process import Owned, accepts, free_port


def s_client(port, *arguments):
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-brief", *map(str, arguments)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout + done.stderr


def make_keys(folder, *names):
    subprocess.run(["bash", str(ROOT / "Deploy" / "keys.sh"), str(folder), *names], check=True)
    return folder / "tls"


@pytest.mark.parametrize("flag,version", [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")])
def test_modern_versions(front, flag, version):
    status, text = s_client(front.bulkhead.ports["ingress"], flag, "-CAfile", front.bulkhead.ca, "-verify_return_error",
                            "-servername", "localhost", "-verify_hostname", "localhost")
    assert status == 0 and f"Protocol version: {version}" in text and "Verification: OK" in text, text


@pytest.mark.parametrize("flag", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(front, flag):
    status, text = s_client(front.bulkhead.ports["ingress"], flag, "-cipher", "ALL:@SECLEVEL=0")
    assert status != 0 and "Protocol version" not in text, text


def test_a_minimum_of_1_3(make_bulkhead, front):
    tls = {"certificate": "tls/tls.crt", "private_key": "tls/tls.key", "minimum_version": "1.3"}
    strict = make_bulkhead("tls13", {
        "listeners": [{"name": "steered", "tls": tls, "carriers": ["bearer"], "routes": ["steered"]}],
        "routes": front.bulkhead.configuration["routes"][1:2]})
    assert s_client(strict.ports["steered"], "-tls1_2")[0] != 0
    assert s_client(strict.ports["steered"], "-tls1_3", "-CAfile", strict.ca)[0] == 0


def test_curl(front, ann):
    done = subprocess.run(
        ["curl", "-sS", "--http1.1", "--cacert", str(front.bulkhead.ca), "-H", f"Authorization: Bearer {ann}", "-H",
         "content-type: application/json", "-d", '{"do": "echo"}', "-w", "\n%{http_code} %{ssl_verify_result}",
         f"https://localhost:{front.bulkhead.ports['ingress']}/invocations"],
        capture_output=True, text=True, timeout=20)
    assert done.stdout.splitlines()[-1] == "200 0", done


def test_plain_text_at_a_tls_port_is_no_request(front):
    plain = Caller(front.bulkhead.ports["ingress"])
    assert plain.request("GET", "/ping").status in (0, 400)


def test_the_name_chooses_the_certificate(make_bulkhead, front, run, ann):
    other = make_keys(run / "other-names", "other.example")
    wildcard = make_keys(run / "wildcard", "*.wild.example")
    pairs = [{"certificate": "tls/tls.crt", "private_key": "tls/tls.key"}] + [
        {"certificate": str(folder / "tls.crt"), "private_key": str(folder / "tls.key")} for folder in (other, wildcard)]
    several = make_bulkhead("sni", {
        "listeners": [{"name": "steered", "tls": {"certificates": pairs}, "carriers": ["bearer"], "routes": ["steered"]}],
        "routes": front.bulkhead.configuration["routes"][1:2]})
    for name, ca in (("agent.example", several.ca), ("other.example", other / "ca.crt"),
                     ("a.wild.example", wildcard / "ca.crt")):
        caller = Caller(several.ports["steered"], ca, host=name)  # verifies the certificate for that name
        assert caller.invoke({"do": "headers"}, ann).status == 200, name
    with pytest.raises(ssl.SSLError):
        Caller(several.ports["steered"], other / "ca.crt", host="agent.example").invoke({}, ann)


@pytest.fixture(scope="module")
def guarded(make_bulkhead, front):
    """Callers need a certificate here."""
    tls = {"certificate": "tls/tls.crt", "private_key": "tls/tls.key", "client_ca": "tls/ca.crt",
           "client_certificates": "required"}
    return make_bulkhead("mtls", {
        "listeners": [{"name": "steered", "tls": tls, "carriers": ["bearer"], "routes": ["steered"]}],
        "routes": front.bulkhead.configuration["routes"][1:2]})


class TestClientCertificates:
    def test_a_certificate_of_the_authority_gets_in(self, guarded, ann):
        tls = guarded.folder / "tls"
        caller = Caller(guarded.ports["steered"], guarded.ca, certificate=(tls / "client.crt", tls / "client.key"))
        assert caller.invoke({"do": "headers"}, ann).status == 200
        assert caller.invoke({"do": "headers"}).status == 401  # a certificate is no token

    def test_none_is_refused(self, guarded, ann):
        caller = Caller(guarded.ports["steered"], guarded.ca)
        try:
            assert caller.invoke({"do": "headers"}, ann).status == 0
        except ssl.SSLError:
            pass

    def test_one_of_another_authority_is_refused(self, guarded, run, ann):
        foreign = make_keys(run / "foreign-clients")
        caller = Caller(guarded.ports["steered"], guarded.ca,
                        certificate=(foreign / "client.crt", foreign / "client.key"))
        try:
            assert caller.invoke({"do": "headers"}, ann).status == 0
        except ssl.SSLError:
            pass


def test_sessions_are_resumed(front, tmp_path):
    """A ticket that one connection got is good for the next one, and the verified name stays."""
    ticket = tmp_path / "ticket"
    port = front.bulkhead.ports["ingress"]
    full = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2", "-sess_out", str(ticket)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    again = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_2", "-sess_in", str(ticket)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert "New, TLSv1.2" in full.stdout and "Reused, TLSv1.2" in again.stdout


def test_only_http1_is_offered_so_far(front):
    context = trust(front.bulkhead.ca)
    context.set_alpn_protocols(["http/1.1"])
    caller = Caller(front.bulkhead.ports["ingress"], front.bulkhead.ca)
    caller.context = context
    with caller.connect() as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"


@pytest.fixture(scope="module")
def store(run):
    """The sample store behind TLS that wants a certificate, as Deploy/ sets it up."""
    tls = make_keys(run / "store-tls", "localhost")
    port = free_port()
    server = Owned("tls store", [sys.executable, ROOT / "Deploy" / "sample" / "store.py"], run / "tls-store.log", {
        "PORT": str(port), "TLS_CERTIFICATE": str(tls / "store.crt"), "TLS_KEY": str(tls / "store.key"),
        "CLIENT_CA": str(tls / "ca.crt")})
    server.await_ready(lambda: accepts(port))
    yield port, tls
    server.stop()


class TestUpstreamTLS:
    """Bulkhead as a client: it verifies, and it shows its own certificate."""

    def bulkhead(self, make_bulkhead, front, store, name, **changes):
        port, tls = store
        secured = {"ca": str(tls / "ca.crt"), "certificate": str(tls / "client.crt"),
                   "private_key": str(tls / "client.key"), "server_name": "store", **changes}
        secured = {key: value for key, value in secured.items() if value is not None}
        routes = [r for r in front.bulkhead.configuration["routes"] if r["name"] == "notes"]
        return make_bulkhead(name, {
            "listeners": [{"name": "notes", "carriers": ["bearer"], "routes": ["notes"]}],
            "upstreams": {"memory": {"endpoints": [f"127.0.0.1:{port}"], "tls": secured}}, "routes": routes})

    def test_with_certificates_all_is_well(self, make_bulkhead, front, store, ann):
        notes = Caller(self.bulkhead(make_bulkhead, front, store, "up-tls").ports["notes"])
        assert notes.request("PUT", "/secret", token=ann, body=b"kept").status == 204
        assert notes.request("GET", "/secret", token=ann).body == b"kept"

    @pytest.mark.parametrize("name,changes", [
        ("wrong-name", {"server_name": "elsewhere.example"}), ("wrong-ca", {"ca": "tls/ca.crt"}),
        ("no-certificate", {"certificate": None, "private_key": None})])
    def test_anything_less_is_a_bad_gateway(self, make_bulkhead, front, store, ann, name, changes):
        bulkhead = self.bulkhead(make_bulkhead, front, store, name, **changes)
        answer = Caller(bulkhead.ports["notes"]).request("GET", "/secret", token=ann)
        assert answer.status in (502, 503) and b"kept" not in answer.body


def grade(found):
    """Of SSL Labs' rating guide (2009r), from what testssl.sh found. From 3.2 on it says so itself; Debian 12 has 3.0.8."""
    if "overall_grade" in found:
        return found["overall_grade"]["finding"]
    if found["cert_chain_of_trust"]["severity"] != "OK":
        return "T"
    scores = {"SSLv2": 0, "SSLv3": 80, "TLS1": 90, "TLS1_1": 95, "TLS1_2": 100, "TLS1_3": 100}
    protocols = [score for name, score in scores.items() if not found[name]["finding"].startswith("not offered")]
    suites = [re.search(r" (ECDH|DH|RSA) +(\d+) +\S+ +(\d+) ", finding["finding"]) for name, finding in found.items()
              if re.fullmatch(r"cipher_x[0-9a-f]+", name)]
    ciphers = [20 if bits < 128 else 80 if bits < 256 else 100 for bits in (int(suite[3]) for suite in suites)]
    # 253 to 383 bits on a curve are worth what 2048 to 4095 are elsewhere.
    keys = [(suite[1], int(suite[2])) for suite in suites]
    exchange = min(90 if kind == "ECDH" and bits >= 253 else 90 if bits >= 2048 else 40 for kind, bits in keys)
    middle = lambda scores: (min(scores) + max(scores)) / 2  # noqa: E731
    score = 0.3 * middle(protocols) + 0.3 * exchange + 0.4 * middle(ciphers)
    caps = min(protocols) < 100 or any(finding["severity"] in ("MEDIUM", "HIGH", "CRITICAL") for name, finding in found.items() if not name.startswith("cert_"))
    return "A" if score >= 80 and min(*protocols, *ciphers) > 20 and not caps else "B or worse"


@pytest.mark.skipif(not shutil.which("testssl"), reason="testssl.sh is not installed")
@pytest.mark.long
def test_testssl_gives_an_a(front, tmp_path):
    report = tmp_path / "report.json"
    subprocess.run(["testssl", "--quiet", "--jsonfile", str(report), "--ip", "one", "--add-ca", str(front.bulkhead.ca),
                    f"localhost:{front.bulkhead.ports['ingress']}"], capture_output=True, timeout=1200)
    found = {finding["id"]: finding for finding in json.loads(report.read_text())}
    assert found["cert_chain_of_trust"]["severity"] == "OK" and "scanTime" in found, "it came to its end"
    bad = {name for name, finding in found.items() if finding["severity"] in ("MEDIUM", "HIGH", "CRITICAL", "FATAL")}
    # The tests' own authority has no list of what it took back.
    assert bad <= {"cert_revocation"}
    assert grade(found) in ("A", "A+")
