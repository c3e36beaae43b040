# SPDX-License-Identifier: Apache-2.0
"""boto3 in a leased process gets its keys from AWS_CONTAINER_CREDENTIALS_FULL_URI, and they end with the lease."""

import json
import os
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from harness.aws import REGION, ROLE, Cloud, Tap, client
from harness.bulkhead import ROOT
from harness.leased import RECYCLES, Endpoint, Hull
from harness.process import LOOPBACK, wait_until

os.environ.setdefault("BULKHEAD_MINISTACK", str(ROOT / ".build" / "peers" / "aws" / "bin" / "ministack"))
AGENT = Path(__file__).parent / "agents" / "aws_agent.py"
TLS = {"certificate": "tls/tls.crt", "private_key": "tls/tls.key"}
WORD = "what the container was told"


@pytest.fixture(scope="module")
def cloud(run):
    folder = run / "cloud-leases"
    folder.mkdir()
    cloud = Cloud(folder)
    yield cloud
    cloud.stop()


@pytest.fixture(scope="module")
def hull(run, cloud, make_bulkhead):
    tap = Tap(cloud.port)
    token = run / "container.token"
    token.write_text(WORD)
    endpoint = Endpoint(run, 0, AGENT)
    keys = {"name": "tenant-aws", "kind": "aws-sts", "role": ROLE, "region": REGION, "endpoint": tap.endpoint, "base": "environment"}

    def giving(name, **more):
        aws = {"buckets": ["docs"], **more.pop("aws", {})}
        return {"name": name, "match": {"paths": [f"/{name}"]}, "adapter": "container-credentials", "resource": 'Store::"keys"',
                "upstream": "cloud", "aws": aws, **more}

    environment = dict(os.environ)
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    try:
        bulkhead = make_bulkhead("aws-leases", {
            "listeners": [
                {"name": "ingress", "tls": TLS, "carriers": ["bearer"], "routes": ["agent"]},
                {"name": "cell", "carriers": ["lease", "aws"], "endpoint": "agent/0", "routes": ["keys", "open", "own", "objects"]}],
            "identity": {"handle": {"linger": "0s"}},
            "credentials": [{"name": "context", "kind": "signed-context", "key": {"file": "keys/context.pem"}}, keys],
            "upstreams": {
                "cloud": {"endpoints": [f"{LOOPBACK}:{cloud.port}"]},
                "agent": {"endpoints": [f"{LOOPBACK}:{endpoint.port}"], "lease": "tenant",
                          "leasing": {"wait": "10s", "idle": "5m", "recycle": {
                              "path": "/restart", "endpoints": [f"{LOOPBACK}:{endpoint.supervisor_port}"], "timeout": "20s",
                              "proof": "/started"}}}},
            "routes": [
                {"name": "agent", "match": {"paths": ["/invocations", "/ping"]}, "adapter": "agentcore-runtime",
                 "resource": 'Agent::"assistant"', "upstream": "agent", "credentials": "context"},
                giving("keys", aws={"token": {"file": str(token)}}), giving("open"), giving("own", credentials="tenant-aws"),
                {"name": "objects", "match": {"paths": ["/**"]}, "adapter": "s3", "resource": 'Store::"documents"',
                 "upstream": "cloud", "credentials": "tenant-aws", "aws": {"buckets": ["docs"]}}],
        }, start=False)
        url = f"http://{LOOPBACK}:{bulkhead.ports['cell']}"
        endpoint.environment = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{url}/keys", "AWS_ENDPOINT_URL": url, "AWS_REGION": REGION,
                                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token), "AWS_EC2_METADATA_DISABLED": "true",
                                "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_CONFIG_FILE": "/nonexistent",
                                "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
        # The process is first started by its recycling: its client wants keys before anybody has it.
        bulkhead.start()
    finally:
        os.environ.clear()
        os.environ.update(environment)
    wait_until("it is recycled", lambda: bulkhead.metric(RECYCLES, result="success") == 1, 30)
    hull = Hull(bulkhead, [endpoint])
    hull.url = url
    yield hull
    endpoint.stop()
    tap.stop()


def at(hull, path, authorization=None):
    request = urllib.request.Request(hull.url + path, headers={"Authorization": authorization} if authorization else {})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, error.headers["x-bulkhead-reason"]


def code(call):
    with pytest.raises(ClientError) as error:
        call()
    return error.value.response["ResponseMetadata"]["HTTPHeaders"].get("x-bulkhead-reason")


def test_one_client_object_serves_each_tenant_with_its_own(hull, ann, bob):
    """The client was made once for the process; the process belongs to one tenant, so its keys do."""
    processes = set()
    for number, (token, text) in enumerate([(ann, "ann's"), (bob, "bob's")]):
        if number:
            assert hull.invoke(token, {"do": "get", "key": "a"}).json()["error"] == "NoSuchKey"
        answer = hull.invoke(token, {"do": "put", "key": "a", "text": text})
        assert answer.status == 200 and "error" not in answer.json(), answer
    for token, text in [(ann, "ann's"), (bob, "bob's"), (ann, "ann's")]:
        answer = hull.invoke(token, {"do": "get", "key": "a"}).json()
        assert answer["text"] == text
        processes.add(answer["process"])
    assert len(processes) == 3


def test_keys_end_with_their_lease(hull, ann, bob):
    fetched = hull.invoke(ann, {"do": "fetch"}).json()
    assert fetched["AccessKeyId"].startswith("bhl1_")
    expires = datetime.fromisoformat(fetched["Expiration"].replace("Z", "+00:00"))
    assert timedelta(minutes=30) < expires - datetime.now(timezone.utc) <= timedelta(hours=1)
    keys = (fetched["AccessKeyId"], fetched["SecretAccessKey"], fetched["Token"])
    s3 = client("s3", hull.url, keys)
    # Nobody's call is under way: nothing of anybody's is given, and nothing is honoured. A client that is made now gets keys all
    # the same, which are good once somebody has the process.
    wait_until("the lease rests", lambda: at(hull, "/own")[0] != 200)
    assert at(hull, "/own") == (401, "lease_idle")
    assert at(hull, "/open")[1]["AccessKeyId"].startswith("bhl1_")
    assert code(lambda: s3.list_objects_v2(Bucket="docs")) == "lease_idle"
    # Another tenant's lease: the old keys are of another process, and so are those of the tenant itself when it comes back.
    for token in (bob, ann):
        seen = {}

        def during():
            seen["code"] = code(lambda: s3.list_objects_v2(Bucket="docs"))

        with_lease(hull, token, during)
        assert seen["code"] == "handle_refused", seen


def with_lease(hull, token, call):
    """Does something while a request of the tenant is under way, so that its lease is in force."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(hull.invoke, token, {"do": "wait"})
        wait_until("the lease is in force", lambda: at(hull, "/own")[0] == 200, 20)
        try:
            call()
        finally:
            urllib.request.urlopen(f"http://{LOOPBACK}:{hull.endpoints[0].port}/go", timeout=10).read()
        assert running.result().status == 200


def test_the_word_of_the_container(hull, ann):
    def during():
        assert at(hull, "/keys") == (403, "container_token_wrong")
        assert at(hull, "/keys", "guessed") == (403, "container_token_wrong")
        assert at(hull, "/keys", WORD)[0] == 200
        assert at(hull, "/keys?x=1", WORD) == (403, "operation_unknown")

    with_lease(hull, ann, during)


def test_the_tenants_own_keys(hull, ann, cloud):
    """Where the route says so: short, and narrowed to the compartment by the store itself."""
    taken = {}
    with_lease(hull, ann, lambda: taken.update(at(hull, "/own")[1]))
    expires = datetime.fromisoformat(taken["Expiration"].replace("Z", "+00:00"))
    assert expires - datetime.now(timezone.utc) <= timedelta(minutes=15, seconds=5)
    direct = cloud.direct("s3", (taken["AccessKeyId"], taken["SecretAccessKey"], taken["Token"]))
    direct.put_object(Bucket="docs", Key="t6clinic/own", Body=b"x")
    assert direct.list_objects_v2(Bucket="docs", Prefix="t6clinic/")["KeyCount"] >= 1
    for call in (lambda: direct.get_object(Bucket="docs", Key="t8hospital/a"), lambda: direct.list_objects_v2(Bucket="docs"),
                 lambda: direct.put_object(Bucket="docs", Key="other", Body=b"x")):
        with pytest.raises(ClientError) as error:
            call()
        assert error.value.response["Error"]["Code"] == "AccessDenied"
    text = "".join((hull.bulkhead.folder / name).read_text() for name in ("records.jsonl", "bulkhead.log"))
    assert taken["SecretAccessKey"] not in text and taken["Token"] not in text


def test_check_gives_no_keys_without_a_lease(make_bulkhead):
    keys = {"name": "tenant-aws", "kind": "aws-sts", "role": ROLE, "region": REGION, "duration": "1h"}
    bulkhead = make_bulkhead("aws-no-lease", {
        "listeners": [{"name": "ingress", "tls": TLS, "carriers": ["bearer"], "routes": ["agent"]},
                      {"name": "cell", "carriers": ["handle"], "endpoint": "agent", "routes": ["keys"]}],
        "credentials": [{"name": "context", "kind": "signed-context", "key": {"file": "keys/context.pem"}}, keys],
        "upstreams": {"cloud": {"endpoints": ["127.0.0.1:9"]}},
        "routes": [{"name": "agent", "match": {"paths": ["/invocations"]}, "adapter": "agentcore-runtime", "resource": 'Agent::"a"',
                    "upstream": "agent", "credentials": "context"},
                   {"name": "keys", "match": {"paths": ["/keys"]}, "adapter": "container-credentials", "resource": 'Store::"keys"',
                    "upstream": "cloud", "credentials": "tenant-aws", "aws": {"buckets": ["docs"]}}]}, start=False)
    checked = bulkhead.command("check", "--config", bulkhead.file)
    told = checked.stdout + checked.stderr
    assert checked.returncode == 1 and "takes no lease" in told and "15 minutes at most" in told
