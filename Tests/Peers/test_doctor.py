# SPDX-License-Identifier: Apache-2.0
"""`bulkhead doctor --config`: the shipped role passes, what an account gives away is told, nothing is asked of the account."""

import json
import subprocess
import threading
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import yaml
from harness.bulkhead import ROOT, binary
from harness.process import LOOPBACK

ROLE = "bulkhead-tenant"
PARAMETERS = {"Bucket": "docs", "Table": "sessions", "RoleName": ROLE, "BaseRoleArn": "arn:aws:iam::123456789012:role/base",
              "AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "123456789012"}


class Template(yaml.SafeLoader):
    """CloudFormation's short forms, as far as the template uses them."""


def filled(loader, node):
    text = loader.construct_scalar(node)
    for name, value in PARAMETERS.items():
        text = text.replace("${" + name + "}", value)
    return text


Template.add_constructor("!Sub", filled)
Template.add_constructor("!Ref", lambda loader, node: PARAMETERS.get(loader.construct_scalar(node), "ref"))
Template.add_constructor("!GetAtt", lambda loader, node: f"arn:aws:iam::123456789012:role/{ROLE}")


def shipped():
    """The shipped role, as `aws iam get-role` and `get-role-policy` would print it."""
    template = yaml.load((ROOT / "Deploy" / "aws" / "tenant-role.yaml").read_text(), Template)
    role = template["Resources"]["TenantRole"]["Properties"]
    exports = {"role": {"Role": {"RoleName": ROLE, "MaxSessionDuration": role["MaxSessionDuration"],
                                 "AssumeRolePolicyDocument": role["AssumeRolePolicyDocument"]}}}
    for policy in role["Policies"]:
        exports[policy["PolicyName"]] = {"RoleName": ROLE, **policy}
    exports["client"] = {"UserPoolClient": {"ClientId": "app", "UserPoolId": "us-east-1_Example",
                                            "WriteAttributes": ["email", "name"]}}
    return exports


@pytest.fixture
def doctor(tmp_path):
    """Writes a configuration and exports, and gives the report by finding, and the exit code."""
    def examine(exports, *arguments, endpoint="https://sts.us-east-1.amazonaws.com", mode=0o600, account="123456789012",
                pool="us-east-1_Example", client="app", roles=()):
        folder = tmp_path / "exports"
        folder.mkdir(exist_ok=True)
        for name, export in exports.items():
            (folder / f"{name}.json").write_text(json.dumps(export))
        key = tmp_path / "bulkhead.key"
        key.write_text("k" * 48)
        key.chmod(mode)
        file = tmp_path / "bulkhead.yaml"
        file.write_text(json.dumps({
            "version": 1,
            "listeners": [
                {"name": "ingress", "address": "127.0.0.1:1", "carriers": ["bearer"], "routes": ["agent"]},
                {"name": "stores", "address": "127.0.0.1:2", "carriers": ["handle"], "routes": ["documents", "notes"]}],
            "identity": {"issuers": [{
                "name": "pool", "profile": "cognito", "audiences": [client], "jwks": {"file": "keys.json"},
                "issuer": f"https://cognito-idp.us-east-1.amazonaws.com/{pool}"}]},
            "tenants": {"file": "tenants.yaml"}, "tiers": {"basic": {"weight": 1}}, "policy": {"files": ["policies/"]},
            "credentials": [{"name": "keys", "kind": "aws-sts", "role": f"arn:aws:iam::{account}:role/{ROLE}",
                             "named_roles": {name: f"arn:aws:iam::{account}:role/{name}" for name in roles},
                             "region": "us-east-1", "duration": "1h", "endpoint": endpoint}],
            "upstreams": {"agent": {"endpoints": ["127.0.0.1:8080"]}, "s3": {"endpoints": ["s3.example:443"]}},
            "routes": [
                {"name": "agent", "adapter": "agentcore-runtime", "resource": 'Agent::"a"', "upstream": "agent"},
                {"name": "documents", "match": {"hosts": ["s3.local"]}, "adapter": "s3", "resource": 'Store::"d"',
                 "upstream": "s3", "credentials": "keys", "aws": {"buckets": ["docs"]}},
                {"name": "notes", "match": {"hosts": ["notes.local"]}, "adapter": "rest", "resource": 'Store::"n"',
                 "upstream": "agent", "single_layer": {"owner": "ops", "reason": "no auth", "expires": "2099-12-31"}}],
            "keys": {"current": {"file": "bulkhead.key"}}}))
        done = subprocess.run([str(binary()), "doctor", "--config", str(file), "--exports", str(folder), *arguments],
                              capture_output=True, text=True)
        return done
    return examine


def report(done):
    findings = json.loads(done.stdout)
    assert findings["ok"] == (done.returncode == 0), done
    assert all((one["state"] in ("wrong", "unknown")) == bool(one["fix"]) for one in findings["findings"])
    return findings["findings"]


def wrong(done):
    return {one["name"] for one in report(done) if one["state"] not in ("fine", "meant")}


def test_our_own_role_passes(doctor):
    done = doctor(shipped(), "--json")
    assert wrong(done) == set() and done.returncode == 0
    assert {one["name"] for one in report(done) if one["state"] == "meant"} == {"single-layer"}
    people = doctor(shipped())
    assert people.returncode == 0 and people.stdout.endswith("nothing is wrong\n")
    assert "~ single-layer: route notes: ops answers for it until 2099-12-31: no auth" in people.stdout


def statement(exports, sid):
    return next(one for one in exports["compartments"]["PolicyDocument"]["Statement"] if one["Sid"] == sid)


def trust(exports):
    return exports["role"]["Role"]["AssumeRolePolicyDocument"]["Statement"][0]


CHANGES = {
    "trust-tags": lambda exports: trust(exports)["Condition"]["Null"].pop("aws:RequestTag/user"),
    "trust-principal": lambda exports: trust(exports).update(Principal="*"),
    "leading-keys": lambda exports: statement(exports, "Items")["Condition"].pop("Null"),
    "list-prefix": lambda exports: statement(exports, "Listings")["Condition"]["StringLike"].update({"s3:prefix": "t*"}),
    "key-prefix": lambda exports: statement(exports, "Objects").update(
        Resource="arn:aws:s3:::docs/${aws:PrincipalTag/tenant}*"),
    "role-duration": lambda exports: exports["role"]["Role"].update(MaxSessionDuration=1800),
    "role-permissions": lambda exports: exports.pop("compartments"),
    "cognito-attribute": lambda exports: exports["client"]["UserPoolClient"]["WriteAttributes"].append("custom:tenant_id"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_hole_alone_is_told(doctor, name):
    exports = shipped()
    CHANGES[name](exports)
    done = doctor(exports, "--json")
    assert wrong(done) == {name} and done.returncode == 1
    people = doctor(exports)
    assert people.returncode == 1 and "    → " in people.stdout


def test_a_secret_that_others_may_read(doctor):
    done = doctor(shipped(), "--json", mode=0o644)
    assert wrong(done) == {"secret-file"}


def test_clocks(doctor):
    """A server that lives in another hour; asked only when told to."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers.get("authorization")))
            self.send_response_only(400)
            self.send_header("Date", formatdate(1_500_000_000, usegmt=True))
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = HTTPServer((LOOPBACK, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        endpoint = f"http://{LOOPBACK}:{server.server_address[1]}"
        assert wrong(doctor(shipped(), "--json", endpoint=endpoint)) == set() and asked == []
        assert wrong(doctor(shipped(), "--json", "--clock", endpoint=endpoint)) == {"clock"}
        assert asked == [("/", None)]
    finally:
        server.shutdown()
        server.server_close()


def test_wrong_usage(doctor, tmp_path):
    for exports, words in (({"a": {"Something": {}}}, "is none of"), ):
        done = doctor({**shipped(), **exports})
        assert done.returncode == 2 and words in done.stderr, done
    (tmp_path / "exports" / "a.json").write_text("{")
    done = doctor(shipped())
    assert done.returncode == 2 and "is no JSON" in done.stderr
    helped = subprocess.run([str(binary()), "doctor", "--help"], capture_output=True, text=True)
    assert helped.returncode == 0 and "--exports DIR" in helped.stdout
