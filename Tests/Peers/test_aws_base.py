# SPDX-License-Identifier: Apache-2.0
"""Where Bulkhead's own keys of AWS come from: a shared file, a container's endpoint, instance metadata, a web identity."""

import json
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from harness.client import Caller
from harness.process import LOOPBACK

ROLE = "arn:aws:iam::123456789012:role/tenant"


def keys(name, **members):
    end = (datetime.now(timezone.utc) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"AccessKeyId": f"ASIA{name}", "SecretAccessKey": f"secret-of-{name}", "Token": f"token-of-{name}",
            "Expiration": end, **members}


class Account:
    """STS, a container's endpoint and instance metadata on one port, and an S3 that notes whose keys sign."""

    def __init__(self):
        # (what, what it was asked with), in order.
        self.asked = []
        account = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, status, body, kind="application/json"):
                body = body.encode()
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                form = {name: values[0] for name, values in parse_qs(
                    self.rfile.read(int(self.headers["content-length"])).decode()).items()}
                signer = (self.headers.get("authorization") or "Credential=nobody/").split("Credential=")[1].split("/")[0]
                account.asked.append((form["Action"], signer, self.headers.get("x-amz-security-token"), form))
                made = keys("BASE" if "WebIdentity" in form["Action"] else "TENANT")
                self.reply(200, f"<{form['Action']}Response><{form['Action']}Result><Credentials>"
                                f"<AccessKeyId>{made['AccessKeyId']}</AccessKeyId><SecretAccessKey>x</SecretAccessKey>"
                                f"<SessionToken>{made['Token']}</SessionToken><Expiration>{made['Expiration']}</Expiration>"
                                f"</Credentials></{form['Action']}Result></{form['Action']}Response>", "text/xml")

            def do_PUT(self):
                account.asked.append(("token", self.headers.get("x-aws-ec2-metadata-token-ttl-seconds")))
                self.reply(200, "imds-session", "text/plain")

            def do_GET(self):
                if self.path.startswith("/container"):
                    account.asked.append(("container", self.headers.get("authorization")))
                    return self.reply(200, json.dumps(keys("CONTAINER")))
                if self.path.startswith("/latest/"):
                    session = self.headers.get("x-aws-ec2-metadata-token")
                    account.asked.append((self.path.rsplit("/", 1)[-1] or "list", session))
                    if session != "imds-session":
                        return self.reply(401, "")
                    if self.path.endswith("/"):
                        return self.reply(200, "node-role\n", "text/plain")
                    return self.reply(200, json.dumps(keys("INSTANCE")))
                signer = (self.headers.get("authorization") or "").split("Credential=")[-1].split("/")[0]
                account.asked.append(("s3", signer))
                self.reply(200, "", "application/octet-stream")

        self.server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://{LOOPBACK}:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def assumed(self):
        """Who asked STS for the tenant's keys, and with which session's token."""
        return [(one[1], one[2]) for one in self.asked if one[0] == "AssumeRole"]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def account():
    account = Account()
    yield account
    account.stop()


@pytest.fixture
def ask(make_bulkhead, account, forge, monkeypatch, tmp_path, request):
    """Starts Bulkhead in an environment, and sends a request of a tenant's through it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    # Nobody asks the machine that the tests run on.
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", account.url)

    def run(environment, **sts):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        bulkhead = make_bulkhead(f"base-{request.node.name}", {
            "listeners": [
                {"name": "ingress", "tls": {"certificate": "tls/tls.crt", "private_key": "tls/tls.key"},
                 "carriers": ["bearer"], "routes": ["agent"]},
                {"name": "stores", "carriers": ["bearer"], "routes": ["documents"]}],
            "credentials": [{"name": "keys", "kind": "aws-sts", "role": ROLE, "region": "us-east-1",
                             "endpoint": account.url, **sts}],
            "upstreams": {"s3": {"endpoints": [f"{LOOPBACK}:{account.port}"]}},
            "routes": [
                {"name": "agent", "match": {"paths": ["/invocations"]}, "adapter": "agentcore-runtime",
                 "resource": 'Agent::"assistant"', "upstream": "agent"},
                {"name": "documents", "match": {"paths": ["/**"]}, "adapter": "s3", "resource": 'Store::"documents"',
                 "upstream": "s3", "credentials": "keys", "aws": {"buckets": ["docs"]}}]})
        caller = Caller(bulkhead.ports["stores"])
        answer = caller.request("GET", "/docs/a", token=forge.token("clinic", "basic"))
        bulkhead.stop()
        return answer, (bulkhead.folder / "bulkhead.log").read_text()
    return run


def served(account, answer):
    assert answer.status == 200, answer
    assert account.asked[-1] == ("s3", "ASIATENANT")


def test_a_shared_file(ask, account, tmp_path):
    file = tmp_path / "shared"
    file.write_text("# of ops\n[default]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = no\n\n"
                    "[ bulkhead ]\r\naws_access_key_id=AKIAFILE\r\naws_secret_access_key = secret-of-file\r\n")
    answer, log = ask({"AWS_SHARED_CREDENTIALS_FILE": str(file)}, base="file", profile="bulkhead")
    served(account, answer)
    assert account.assumed() == [("AKIAFILE", None)] and "secret-of" not in log


def test_a_containers_endpoint(ask, account, tmp_path):
    token = tmp_path / "token"
    token.write_text("Basic of-the-pod\n")
    answer, log = ask({"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{account.url}/container/keys",
                       "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token)})
    served(account, answer)
    assert account.asked[0] == ("container", "Basic of-the-pod")
    assert account.assumed() == [("ASIACONTAINER", "token-of-CONTAINER")] and "secret-of" not in log


def test_a_containers_endpoint_elsewhere_is_not_believed(ask, account):
    """In the clear, only this host and the container agents' own addresses may say which keys to use."""
    answer, _ = ask({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://keys.example/container"}, base="container")
    assert answer.status == 503 and account.asked == []


def test_instance_metadata(ask, account):
    answer, log = ask({}, base="instance")
    served(account, answer)
    assert account.asked[:3] == [("token", "21600"), ("list", "imds-session"), ("node-role", "imds-session")]
    assert account.assumed() == [("ASIAINSTANCE", "token-of-INSTANCE")] and "secret-of" not in log


def test_metadata_that_is_switched_off_is_not_asked(ask, account):
    answer, _ = ask({"AWS_EC2_METADATA_DISABLED": "true"}, base="instance")
    assert answer.status == 503 and account.asked == []


def test_a_web_identity(ask, account, tmp_path):
    token = tmp_path / "identity"
    token.write_text("header.claims.signature\n")
    answer, log = ask({"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/pod",
                       "AWS_ROLE_SESSION_NAME": "pod-1"})
    served(account, answer)
    action, signer, _, form = account.asked[0]
    assert (action, signer) == ("AssumeRoleWithWebIdentity", "nobody")
    assert (form["RoleArn"], form["RoleSessionName"], form["WebIdentityToken"]) == (
        "arn:aws:iam::123456789012:role/pod", "pod-1", "header.claims.signature")
    assert account.assumed() == [("ASIABASE", "token-of-BASE")] and "header.claims" not in log


def test_the_first_that_is_there(ask, account, tmp_path):
    """As the AWS tools look: the environment before all else."""
    answer, _ = ask({"AWS_ACCESS_KEY_ID": "AKIAENVIRONMENT", "AWS_SECRET_ACCESS_KEY": "s",
                     "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{account.url}/container/keys"})
    served(account, answer)
    assert account.assumed() == [("AKIAENVIRONMENT", None)]


def test_nothing_is_there(ask, account, tmp_path):
    answer, log = ask({"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}, base="file")
    assert (answer.status, account.assumed()) == (503, []) and "STS: denied" in log
