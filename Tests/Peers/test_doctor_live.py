# SPDX-License-Identifier: Apache-2.0
"""`bulkhead doctor --config F --live` asks an account, played by a service that nobody here wrote, and changes nothing there."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from harness.aws import ACCOUNT, ROOT_KEYS, Cloud, Tap
from harness.bulkhead import ROOT
from harness.process import LOOPBACK
from test_doctor import ROLE, doctor, report, shipped, wrong  # noqa: F401: doctor is a fixture

os.environ.setdefault("BULKHEAD_MINISTACK", str(ROOT / ".build" / "peers" / "aws" / "bin" / "ministack"))
READS = {"GetCallerIdentity", "GetRole", "ListRolePolicies", "GetRolePolicy", "ListAttachedRolePolicies", "GetPolicy",
         "GetPolicyVersion"}


@pytest.fixture(scope="module")
def cloud(run):
    """The shipped role, one that is wide open, and a user pool with two clients."""
    folder = run / "cloud-of-doctor"
    folder.mkdir()
    cloud = Cloud(folder)
    iam = cloud.direct("iam")
    exports = json.loads(json.dumps(shipped()).replace("123456789012", ACCOUNT))
    role = exports["role"]["Role"]
    iam.create_role(RoleName=ROLE, MaxSessionDuration=role["MaxSessionDuration"],
                    AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]))
    for name, export in exports.items():
        if "PolicyDocument" in export:
            iam.put_role_policy(RoleName=ROLE, PolicyName=name, PolicyDocument=json.dumps(export["PolicyDocument"]))
    anybody = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}
    iam.create_role(RoleName="wide", MaxSessionDuration=3600, AssumeRolePolicyDocument=json.dumps(anybody))
    bare = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::docs/${aws:PrincipalTag/tenant}*"}]}
    attached = iam.create_policy(PolicyName="bare", PolicyDocument=json.dumps(bare))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="wide", PolicyArn=attached)
    pools = cloud.direct("cognito-idp")
    cloud.pool = pools.create_user_pool(PoolName="people")["UserPool"]["Id"]

    def client(name, writes):
        return pools.create_user_pool_client(
            UserPoolId=cloud.pool, ClientName=name, WriteAttributes=writes)["UserPoolClient"]["ClientId"]
    cloud.careful, cloud.careless = client("careful", ["email"]), client("careless", ["email", "custom:tenant_id"])
    yield cloud
    cloud.stop()


@pytest.fixture
def live(doctor, cloud, monkeypatch):  # noqa: F811
    """Asks through something that listens; gives what was found, and which calls were made."""
    def ask(*arguments, keys=ROOT_KEYS, endpoint=None, client=None, account=ACCOUNT, roles=()):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys[0])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys[1])
        tap = Tap(cloud.port)
        try:
            done = doctor({}, "--live", "--endpoint", endpoint or tap.endpoint, "--json", *arguments, account=account,
                          pool=cloud.pool, client=client or cloud.careful, roles=roles)
        finally:
            tap.stop()
        assert keys[1] not in done.stdout.replace("test", "") + done.stderr or keys == ROOT_KEYS
        return done, [asked["Action"] for asked in tap.asked if "Action" in asked]
    return ask


def test_our_own_role_passes(live):
    done, calls = live()
    assert wrong(done) == set() and done.returncode == 0, done.stdout
    named = {one["name"] for one in report(done)}
    assert {"trust-tags", "leading-keys", "list-prefix", "key-prefix", "role-duration", "cognito-attribute"} <= named
    assert set(calls) <= READS and {"GetRole", "ListRolePolicies", "GetRolePolicy", "ListAttachedRolePolicies"} <= set(calls)


def test_what_the_account_gives_away_is_told(live, cloud):
    """A role that policies may choose counts as much as the credential's own."""
    done, calls = live(client=cloud.careless, roles=["wide"])
    assert done.returncode == 1
    assert wrong(done) == {"trust-tags", "trust-principal", "key-prefix", "cognito-attribute"}, done.stdout
    assert all("wide" in one["finding"] for one in report(done) if one["state"] == "wrong" and one["name"] != "cognito-attribute")
    assert set(calls) == READS


def test_roles_that_are_elsewhere_are_not_checked(live):
    """IAM would answer for a role of the same name in its own account."""
    done, calls = live(account="123456789012")
    unknown = [one for one in report(done) if one["name"] == "account-access"]
    assert done.returncode == 1 and set(calls) == {"GetCallerIdentity"}
    assert unknown and all("not checked" in one["finding"] and "another account" in one["finding"] for one in unknown)


def test_a_role_that_is_not_there(live):
    done, _ = live(roles=["nobody"])
    found = [one["finding"] for one in report(done) if one["state"] == "unknown"]
    assert done.returncode == 1 and any("GetRole: NoSuchEntity" in finding for finding in found), found


def test_keys_that_are_not_good(live):
    done, _ = live(keys=("nobody", "a-secret-that-is-none"))
    assert done.returncode == 1 and "a-secret-that-is-none" not in done.stdout + done.stderr
    assert "account-access" in wrong(done) and not any(one["state"] == "wrong" for one in report(done))


class Account:
    """An account that says whatever a test wants: each action's (status, body), a callable, or a refusal."""

    def __init__(self, answers):
        self.asked = []
        account = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                text = self.rfile.read(int(self.headers["content-length"])).decode()
                form = {name: values[0] for name, values in parse_qs(text).items()}
                action = form.get("Action") or self.headers["x-amz-target"].split(".")[1]
                account.asked.append((action, form))
                answer = answers.get(action, (403, error("AccessDenied")))
                status, body = answer(form) if callable(answer) else answer
                body = body.encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self.server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.server.daemon_threads = True
        self.endpoint = f"http://{LOOPBACK}:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def error(code):
    return f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"


def identity(account=ACCOUNT):
    return 200, f"<R><GetCallerIdentityResult><Account>{account}</Account></GetCallerIdentityResult></R>"


def role(document):
    return 200, (f"<R><Role><RoleName>{ROLE}</RoleName><Arn>arn:aws:iam::{ACCOUNT}:role/{ROLE}</Arn>"
                 f"<AssumeRolePolicyDocument>{document}</AssumeRolePolicyDocument></Role></R>")


ODD = {
    "all is refused": ({"GetCallerIdentity": identity()}, "GetRole: AccessDenied"),
    "no XML": ({"GetCallerIdentity": (200, "{}")}, "cannot be read"),
    "an escape sequence for a code": ({"GetCallerIdentity": (403, error("&#27;[31mforged"))}, "GetCallerIdentity"),
    "an XML with entities": (
        {"GetCallerIdentity": (200, '<!DOCTYPE a [<!ENTITY b "c">]><R><Account>&b;</Account></R>')}, "cannot be read"),
    "a policy that is none": ({"GetCallerIdentity": identity(), "GetRole": role("%7B%22a%22%3A1%7D")}, "GetRole: the answer"),
    "a role of another name": ({"GetCallerIdentity": identity(), "GetRole": (200, "<R><Arn>arn:x</Arn></R>")}, "another one"),
    "a list without an end": (
        {"GetCallerIdentity": identity(), "GetRole": role("%7B%22Statement%22%3A%5B%5D%7D"),
         "ListRolePolicies": (200, "<R><IsTruncated>true</IsTruncated><Marker>again</Marker><PolicyNames/></R>"),
         "ListAttachedRolePolicies": (200, "<R/>")}, "does not end"),
    "too much": ({"GetCallerIdentity": (200, "<R>" + "x" * (2 << 20) + "</R>")}, "more than"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_account_that_answers_oddly(live, name):
    """Told as not checked; nothing is taken for fine, and nothing of what was said gets to the terminal as it is."""
    answers, expected = ODD[name]
    account = Account(answers)
    try:
        done, _ = live(endpoint=account.endpoint)
    finally:
        account.stop()
    unknown = [one["finding"] for one in report(done) if one["name"] == "account-access"]
    assert done.returncode == 1 and any(expected in finding and "not checked" in finding for finding in unknown), unknown
    assert "\x1b" not in done.stdout and "\\u001b" not in done.stdout
    assert len(account.asked) < 200 and {action for action, _ in account.asked} <= READS | {"DescribeUserPoolClient"}
    assert not any(one["state"] == "fine" and one["name"] in ("trust-tags", "leading-keys", "cognito-attribute")
                   for one in report(done) if name != "a list without an end")
