# SPDX-License-Identifier: Apache-2.0
"""Roles that policies choose, before an IAM that nobody here wrote; and what is told of the credentials that are held."""

import json
import os
import time

import pytest
from harness.aws import ACCOUNT, ROLE, Cloud, Tap
from test_aws import ALLOWED, Doors, configuration, refused

READER = f"arn:aws:iam::{ACCOUNT}:role/reader"
# Each clinic reads with the role that can do nothing else; a hospital is caught between two. Who deletes is given a role
# that may not, so that it shows whose keys it was.
CHOSEN = """
@id("reads-as-reader") @role("reader")
permit (principal, action == Action::"memory:Read", resource == Store::"documents");

@id("hospitals-read-as-themselves") @role("all")
permit (principal in Tenant::"hospital", action == Action::"memory:Read", resource == Store::"documents");

@id("deletes-as-reader") @role("reader")
permit (principal, action == Action::"memory:Delete", resource == Store::"documents");
"""


@pytest.fixture(scope="module")
def cloud(run):
    folder = run / "cloud-of-roles"
    folder.mkdir()
    cloud = Cloud(folder)
    iam = cloud.direct("iam")
    trust = iam.get_role(RoleName="tenant")["Role"]["AssumeRolePolicyDocument"]
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=json.dumps(trust), MaxSessionDuration=3600)
    iam.put_role_policy(RoleName="reader", PolicyName="reads", PolicyDocument=json.dumps({
        "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject*"], "Resource": "*"}]}))
    yield cloud
    cloud.stop()


@pytest.fixture(scope="module")
def tap(cloud):
    tap = Tap(cloud.port)
    yield tap
    tap.stop()


@pytest.fixture(scope="module")
def doors(make_bulkhead, cloud, tap, ann, bob):
    changes = configuration(cloud, tap, named_roles={"reader": READER, "all": ROLE})
    environment = dict(os.environ)
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    try:
        bulkhead = make_bulkhead("aws-roles", changes, start=False)
        bulkhead.folder.joinpath("policies", "aws.cedar").write_text(ALLOWED + CHOSEN)
        bulkhead.start()
    finally:
        os.environ.clear()
        os.environ.update(environment)
    return Doors(bulkhead, {"clinic": ann, "hospital": bob})


def roles_asked(tap, since, tenant):
    return [a["RoleArn"].rsplit("/", 1)[1] for a in tap.asked[since:] if a["Tags.member.1.Value"] == tenant]


def test_the_permit_names_the_role(doors, tap):
    s3, since = doors.client("s3", "clinic"), len(tap.asked)
    s3.put_object(Bucket="docs", Key="r/a", Body=b"x")
    assert s3.get_object(Bucket="docs", Key="r/a")["Body"].read() == b"x"
    assert roles_asked(tap, since, "clinic") == ["tenant", "reader"]
    # IAM itself says that these keys are that role's: its policy permits no deletion.
    refused(lambda: s3.delete_object(Bucket="docs", Key="r/a"), "AccessDenied")
    assert roles_asked(tap, since, "clinic")[2:] == ["reader"]
    records = doors.bulkhead.await_records(1, **{"bulkhead.operation": "GetObject", "tenancy.tenant.id": "clinic"})
    assert records[-1]["bulkhead.role"] == READER


def test_two_roles_are_none(doors, tap):
    s3, since = doors.client("s3", "hospital"), len(tap.asked)
    s3.put_object(Bucket="docs", Key="r/b", Body=b"x")
    for _ in range(2):
        answer = refused(lambda: s3.get_object(Bucket="docs", Key="r/b"), "AccessDenied")
        assert answer["ResponseMetadata"]["HTTPHeaders"]["x-bulkhead-reason"] == "role_ambiguous"
    assert roles_asked(tap, since, "hospital") == ["tenant"]
    record = doors.bulkhead.await_records(2, **{"error.type": "role_ambiguous"})[-1]
    assert {"reads-as-reader", "hospitals-read-as-themselves"} <= set(record["bulkhead.policy.ids"])


def test_explain_shows_the_role(doors):
    for tenant, path, expected in (("clinic", "GET", READER), ("clinic", "PUT", ROLE)):
        done = doors.bulkhead.command(
            "explain", "--config", doors.bulkhead.file, "--listener", "shared", "--method", path, "--path", "/docs/r/a",
            "--header", f"Authorization: Bearer {doors.handles[tenant]}", "--json")
        told = json.loads(done.stdout)
        assert told.get("role") == expected, told


def test_a_role_that_nobody_offers_is_refused(doors):
    policy = doors.bulkhead.folder / "policies" / "aws.cedar"
    with doors.bulkhead.changed("policies/aws.cedar", lambda text: text + (
            '@id("admin") @role("administrator")\npermit (principal, action, resource == Store::"documents");\n')):
        done = doors.bulkhead.command("check", "--config", doors.bulkhead.file)
        line = policy.read_text().splitlines().index('@id("admin") @role("administrator")') + 1
        assert done.returncode == 1
        assert f"aws.cedar:{line}:1: policy admin: no credential offers the role" in done.stdout + done.stderr
    assert doors.bulkhead.command("check", "--config", doors.bulkhead.file).returncode == 0


def test_what_is_held_is_told_by_tenant(doors, tap):
    """Numbers and times for each tenant, as many as there are labels; of the credentials themselves, nothing."""
    s3 = doors.client("s3", "clinic")
    s3.put_object(Bucket="docs", Key="r/c", Body=b"x")
    metric = doors.bulkhead.metric
    before = {result: metric("bulkhead_tvm_lookups_total", tenant="clinic", result=result) for result in ("hit", "miss")}
    # Each worker has its own grants, and boto3 may come to another one with a new connection.
    for _ in range(8):
        s3.put_object(Bucket="docs", Key="r/c", Body=b"x")
    after = {result: metric("bulkhead_tvm_lookups_total", tenant="clinic", result=result) for result in ("hit", "miss")}
    assert sum(after.values()) == sum(before.values()) + 8 and after["hit"] > before["hit"]
    assert metric("bulkhead_tvm_credentials", tenant="clinic") >= 2
    assert metric("bulkhead_tvm_vends_total", tenant="clinic", result="success") >= 2
    assert metric("bulkhead_tvm_vends_total", tenant="hospital", result="failure") == 0
    assert 0 <= metric("bulkhead_tvm_oldest_age_seconds", tenant="clinic") < 600
    assert time.time() < metric("bulkhead_tvm_next_expiry_timestamp_seconds", tenant="clinic") <= time.time() + 3600
    text = doors.bulkhead.metrics_text()
    for status, answer in tap.answered:
        if status == 200:
            for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"):
                assert answer.decode().split(f"<{name}>")[1].split("<")[0] not in text
