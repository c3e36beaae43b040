# SPDX-License-Identifier: Apache-2.0
"""boto3, unchanged, in front of S3 and DynamoDB that verify signatures and enforce policies: two tenants, the same names."""

import json
import os
import re
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from harness.aws import ROLE, Cloud, Tap, client, worthless
from harness.bulkhead import ROOT
from harness.client import Caller
from harness.process import LOOPBACK

os.environ.setdefault("BULKHEAD_MINISTACK", str(ROOT / ".build" / "peers" / "aws" / "bin" / "ministack"))
TABLES = [{"name": "sessions", "partition_key": "pk", "indexes": {"by-owner": "owner"}},
          {"name": "facts", "partition_key": "id"}]
ALLOWED = """
@id("stores-for-all")
permit (principal, action, resource is Store);
"""


def configuration(cloud, tap, tables=False, **sts):
    """Two listeners, each for a process that serves one tenant, and one for processes that serve all."""
    keys = {"name": "tenant-aws", "kind": "aws-sts", "role": ROLE, "region": "us-east-1", "endpoint": tap.endpoint,
            "base": "environment", **sts}
    # ministack takes no key of an item for a leading key, so that the policy would refuse everything (see
    # test_what_sts_is_asked, which judges the policy itself).
    wide = {**keys, "name": "tables-aws", "session_policy": tables}
    stores = ["documents", "tables"]
    single = {"single_layer": {"owner": "peer tests", "reason": "one layer is tried alone", "expires": "2099-12-31"}}
    return {
        "listeners": [
            {"name": "ingress", "tls": {"certificate": "tls/tls.crt", "private_key": "tls/tls.key"},
             "carriers": ["bearer"], "routes": ["agent"]},
            {"name": "clinic", "carriers": ["aws"], "endpoint": "agent", "tenant": "clinic", "routes": stores},
            {"name": "hospital", "carriers": ["aws"], "endpoint": "agent", "tenant": "hospital", "routes": stores},
            {"name": "shared", "carriers": ["handle"], "endpoint": "agent", "routes": stores},
        ],
        "credentials": [{"name": "context", "kind": "signed-context", "key": {"file": "keys/context.pem"}}, keys, wide],
        "upstreams": {"cloud": {"endpoints": [f"{LOOPBACK}:{cloud.port}"]}},
        "routes": [
            {"name": "agent", "match": {"paths": ["/invocations", "/ping"]}, "adapter": "agentcore-runtime",
             "resource": 'Agent::"assistant"', "upstream": "agent", "credentials": "context"},
            {"name": "tables", "match": {"paths": ["/"]}, "adapter": "dynamodb", "resource": 'Store::"tables"',
             "upstream": "cloud", "credentials": "tables-aws", "aws": {"tables": TABLES},
             **({} if tables else single)},
            {"name": "documents", "match": {"paths": ["/**"]}, "adapter": "s3", "resource": 'Store::"documents"',
             "upstream": "cloud", "credentials": "tenant-aws", "aws": {"buckets": ["docs"]},
             **({} if sts.get("session_policy", True) else single)},
        ],
    }


class Doors:
    """One Bulkhead in front of the cloud, and what two tenants' agents hold."""

    def __init__(self, bulkhead, tokens):
        self.bulkhead = bulkhead
        key = bulkhead.folder / "keys" / "bulkhead.key"
        ingress = Caller(bulkhead.ports["ingress"], bulkhead.ca)
        self.handles = {}
        for tenant, token in tokens.items():
            answer = ingress.invoke({}, token)
            assert answer.status == 200, answer
            seen = dict((name.lower(), value) for name, value in answer.json()["headers"])
            self.handles[tenant] = seen["authorization"].removeprefix("Bearer ")
        self.keys = {tenant: worthless(handle, key) for tenant, handle in self.handles.items()}

    def url(self, listener):
        return f"http://{LOOPBACK}:{self.bulkhead.ports[listener]}"

    def client(self, service, tenant, keys=None, **options):
        return client(service, self.url(tenant), keys or self.keys[tenant], **options)


@pytest.fixture(scope="module")
def cloud(run):
    folder = run / "cloud"
    folder.mkdir()
    cloud = Cloud(folder)
    yield cloud
    cloud.stop()


@pytest.fixture(scope="module")
def tap(cloud):
    tap = Tap(cloud.port)
    yield tap
    tap.stop()


@pytest.fixture(scope="module")
def doors(cloud, tap, make_doors):
    return make_doors("aws", cloud, tap)


@pytest.fixture(scope="module")
def make_doors(make_bulkhead, ann, bob, steered):
    def make(name, cloud, tap, **sts):
        environment = dict(os.environ)
        os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
        try:
            bulkhead = make_bulkhead(name, configuration(cloud, tap, **sts), start=False)
            bulkhead.folder.joinpath("policies", "aws.cedar").write_text(ALLOWED)
            bulkhead.start()
        finally:
            os.environ.clear()
            os.environ.update(environment)

        return Doors(bulkhead, {"clinic": ann, "hospital": bob})

    return make


def refused(call, *codes):
    with pytest.raises(ClientError) as error:
        call()
    code = error.value.response["Error"]["Code"]
    assert code in codes, error.value.response
    return error.value.response


def test_objects_go_round(doors):
    for tenant in ("clinic", "hospital"):
        s3 = doors.client("s3", tenant)
        body = f"of {tenant}".encode()
        s3.put_object(Bucket="docs", Key="a/same key+é.txt", Body=body, Metadata={"of": tenant})
    for tenant in ("clinic", "hospital"):
        s3 = doors.client("s3", tenant)
        got = s3.get_object(Bucket="docs", Key="a/same key+é.txt")
        assert (got["Body"].read(), got["Metadata"]) == (f"of {tenant}".encode(), {"of": tenant})
        assert s3.head_object(Bucket="docs", Key="a/same key+é.txt")["ContentLength"] == len(f"of {tenant}")
        listed = s3.list_objects_v2(Bucket="docs", Prefix="a/")
        assert [entry["Key"] for entry in listed["Contents"]] == ["a/same key+é.txt"]
        assert listed["Prefix"] == "a/"
        assert s3.head_bucket(Bucket="docs")["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_what_lies_in_the_store(doors, cloud):
    """Nothing lies where a private store would keep it, and everything behind its tenant's code."""
    keys = {entry["Key"].split("/")[0] for entry in cloud.direct("s3").list_objects_v2(Bucket="docs")["Contents"]}
    assert keys and all(key.startswith("t") for key in keys)


def test_listings_of_objects(doors):
    for tenant, names in (("clinic", ["l/1", "l/2", "l/sub/3"]), ("hospital", ["l/1"])):
        s3 = doors.client("s3", tenant)
        for name in names:
            s3.put_object(Bucket="docs", Key=name, Body=b"x")
    for tenant, count in (("clinic", 3), ("hospital", 1)):
        s3 = doors.client("s3", tenant)
        for call in (s3.list_objects_v2, s3.list_objects):
            page = call(Bucket="docs", Prefix="l/")
            assert len(page["Contents"]) == count and all(e["Key"].startswith("l/") for e in page["Contents"])
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="docs", Prefix="l/", PaginationConfig={"PageSize": 1})
        assert sum(len(page.get("Contents", [])) for page in pages) == count
    s3 = doors.client("s3", "clinic")
    page = s3.list_objects_v2(Bucket="docs", Prefix="l/", Delimiter="/")
    assert [entry["Prefix"] for entry in page["CommonPrefixes"]] == ["l/sub/"]
    assert [e["Key"] for e in s3.list_objects_v2(Bucket="docs", Prefix="l/", StartAfter="l/1")["Contents"]] == ["l/2", "l/sub/3"]
    assert all(v["Key"].startswith("l/") for v in s3.list_object_versions(Bucket="docs", Prefix="l/")["Versions"])


def test_copies_tags_and_deletions(doors):
    for tenant in ("clinic", "hospital"):
        s3 = doors.client("s3", tenant)
        s3.put_object(Bucket="docs", Key="c/from", Body=tenant.encode(), Tagging="a=b")
        s3.copy_object(Bucket="docs", Key="c/to", CopySource={"Bucket": "docs", "Key": "c/from"})
        assert s3.get_object(Bucket="docs", Key="c/to")["Body"].read() == tenant.encode()
        s3.put_object_tagging(Bucket="docs", Key="c/to", Tagging={"TagSet": [{"Key": "of", "Value": tenant}]})
        assert s3.get_object_tagging(Bucket="docs", Key="c/to")["TagSet"] == [{"Key": "of", "Value": tenant}]
    s3 = doors.client("s3", "clinic")
    gone = s3.delete_objects(Bucket="docs", Delete={"Objects": [{"Key": "c/from"}, {"Key": "c/to"}]})
    assert sorted(entry["Key"] for entry in gone["Deleted"]) == ["c/from", "c/to"]
    assert s3.list_objects_v2(Bucket="docs", Prefix="c/").get("Contents") is None
    other = doors.client("s3", "hospital")
    assert other.get_object(Bucket="docs", Key="c/to")["Body"].read() == b"hospital"
    other.delete_object(Bucket="docs", Key="c/to")
    refused(lambda: other.get_object(Bucket="docs", Key="c/to"), "NoSuchKey", "AccessDenied")


def test_uploads_in_parts(doors):
    part = b"p" * (5 << 20)
    uploads = {}
    for tenant in ("clinic", "hospital"):
        s3 = doors.client("s3", tenant)
        uploads[tenant] = s3.create_multipart_upload(Bucket="docs", Key="m/big")
        assert uploads[tenant]["Key"] == "m/big"
    for tenant in ("clinic", "hospital"):
        s3, upload = doors.client("s3", tenant), uploads[tenant]["UploadId"]
        parts = []
        for number, body in ((1, part), (2, tenant.encode())):
            done = s3.upload_part(Bucket="docs", Key="m/big", UploadId=upload, PartNumber=number, Body=body)
            parts.append({"ETag": done["ETag"], "PartNumber": number})
        assert len(s3.list_parts(Bucket="docs", Key="m/big", UploadId=upload)["Parts"]) == 2
        whole = s3.complete_multipart_upload(Bucket="docs", Key="m/big", UploadId=upload, MultipartUpload={"Parts": parts})
        assert whole["Key"] == "m/big"
        assert s3.get_object(Bucket="docs", Key="m/big")["Body"].read() == part + tenant.encode()
    # Another tenant's upload is none.
    s3 = doors.client("s3", "clinic")
    theirs = doors.client("s3", "hospital").create_multipart_upload(Bucket="docs", Key="m/other")["UploadId"]
    refused(lambda: s3.upload_part(Bucket="docs", Key="m/x", UploadId=theirs, PartNumber=1, Body=b"x"), "NoSuchUpload",
            "AccessDenied")


def test_presigned_urls(doors):
    s3 = doors.client("s3", "clinic", signature_version="s3v4")
    s3.put_object(Bucket="docs", Key="p/mine", Body=b"clinic")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "docs", "Key": "p/mine"}, ExpiresIn=60)
    assert urllib.request.urlopen(url, timeout=10).read() == b"clinic"

    def status(changed):
        try:
            return urllib.request.urlopen(changed, timeout=10).status
        except urllib.error.HTTPError as error:
            return error.code

    assert status(url.replace("p/mine", "p/other")) == 403
    assert status(url.replace("X-Amz-Expires=60", "X-Amz-Expires=600")) == 403
    assert status(url + "&versionId=1") == 403
    # Not at the listener of another tenant's process, nor where processes serve all.
    for listener in ("hospital", "shared"):
        assert status(url.replace(doors.url("clinic"), doors.url(listener))) in (401, 403)


def test_items_go_round(doors):
    for tenant in ("clinic", "hospital"):
        table = doors.client("dynamodb", tenant)
        table.put_item(TableName="sessions", Item={"pk": {"S": "p"}, "sk": {"S": "1"}, "owner": {"S": "o"}, "of": {"S": tenant}})
        table.put_item(TableName="facts", Item={"id": {"S": "f"}, "of": {"S": tenant}})
    for tenant in ("clinic", "hospital"):
        table = doors.client("dynamodb", tenant)
        item = {"pk": {"S": "p"}, "sk": {"S": "1"}, "owner": {"S": "o"}, "of": {"S": tenant}}
        key = {"pk": {"S": "p"}, "sk": {"S": "1"}}
        assert table.get_item(TableName="sessions", Key=key)["Item"] == item
        values = {":p": {"S": "p"}}
        found = table.query(TableName="sessions", KeyConditionExpression="pk = :p", ExpressionAttributeValues=values)
        assert (found["Items"], found["Count"]) == ([item], 1)
        found = table.query(TableName="sessions", IndexName="by-owner", KeyConditionExpression="#o = :o",
                            ExpressionAttributeNames={"#o": "owner"}, ExpressionAttributeValues={":o": {"S": "o"}})
        assert found["Items"] == [item]
        changed = table.update_item(TableName="sessions", Key=key, UpdateExpression="SET n = :n, #o = :o",
                                    ExpressionAttributeNames={"#o": "owner"}, ReturnValues="ALL_NEW",
                                    ExpressionAttributeValues={":n": {"N": "1"}, ":o": {"S": "new"}})["Attributes"]
        assert (changed["owner"], changed["n"], changed["pk"]) == ({"S": "new"}, {"N": "1"}, {"S": "p"})
        got = table.batch_get_item(RequestItems={"facts": {"Keys": [{"id": {"S": "f"}}]}, "sessions": {"Keys": [key]}})
        assert got["Responses"]["facts"] == [{"id": {"S": "f"}, "of": {"S": tenant}}]
        table.batch_write_item(RequestItems={"facts": [{"PutRequest": {"Item": {"id": {"S": "b"}, "of": {"S": tenant}}}}]})
        table.transact_write_items(TransactItems=[
            {"Update": {"TableName": "facts", "Key": {"id": {"S": "b"}}, "UpdateExpression": "SET x = :x",
                        "ExpressionAttributeValues": {":x": {"S": tenant}}}},
            {"Put": {"TableName": "facts", "Item": {"id": {"S": "t"}, "of": {"S": tenant}},
                     "ConditionExpression": "attribute_not_exists(id)"}}])
        got = table.transact_get_items(TransactItems=[{"Get": {"TableName": "facts", "Key": {"id": {"S": "b"}}}}])
        assert got["Responses"][0]["Item"] == {"id": {"S": "b"}, "of": {"S": tenant}, "x": {"S": tenant}}
        assert table.describe_table(TableName="facts")["Table"]["ItemCount"] == 0
        table.delete_item(TableName="facts", Key={"id": {"S": "t"}})
        assert "Item" not in table.get_item(TableName="facts", Key={"id": {"S": "t"}})


def test_a_condition_that_fails_is_told_as_one(doors):
    table = doors.client("dynamodb", "clinic")
    table.put_item(TableName="facts", Item={"id": {"S": "once"}})
    answer = refused(
        lambda: table.put_item(TableName="facts", Item={"id": {"S": "once"}},
                               ConditionExpression="attribute_not_exists(id)"), "ConditionalCheckFailedException")
    assert "t6clinic" not in json.dumps(answer, default=str)


def test_what_names_no_key_is_refused(doors):
    table = doors.client("dynamodb", "clinic")
    refused(lambda: table.scan(TableName="facts"), "AccessDeniedException")
    refused(lambda: table.execute_statement(Statement="SELECT * FROM facts"), "AccessDeniedException")
    refused(lambda: table.list_tables(), "AccessDeniedException")
    refused(lambda: table.get_item(TableName="other", Key={"id": {"S": "x"}}), "AccessDeniedException")
    refused(lambda: table.query(TableName="facts", KeyConditionExpression="id > :v",
                                ExpressionAttributeValues={":v": {"S": " "}}), "ValidationException")
    s3 = doors.client("s3", "clinic")
    refused(lambda: s3.list_buckets(), "403")  # said in the words of the route that has the path /
    refused(lambda: s3.put_object_acl(Bucket="docs", Key="a", ACL="public-read"), "InvalidRequest")
    refused(lambda: s3.put_object(Bucket="docs", Key="a", Body=b"", ACL="public-read"), "InvalidRequest")
    refused(lambda: s3.get_bucket_policy(Bucket="docs"), "InvalidRequest", "AccessDenied")
    refused(lambda: s3.get_object(Bucket="other", Key="a"), "AccessDenied")
    refused(lambda: s3.copy_object(Bucket="docs", Key="x", CopySource={"Bucket": "other", "Key": "a"}), "AccessDenied")


# What an agent may hold of another's


def test_keys_are_good_for_one_tenants_process(doors):
    for service, call in (("s3", lambda c: c.list_objects_v2(Bucket="docs")),
                          ("dynamodb", lambda c: c.get_item(TableName="facts", Key={"id": {"S": "f"}}))):
        theirs = doors.client(service, "hospital", keys=doors.keys["clinic"])
        refused(lambda: call(theirs), "AccessDenied", "AccessDeniedException")


def test_a_handle_alone_is_no_key(doors):
    handle, secret = doors.keys["clinic"]
    for keys in ((handle, "guessed"), (handle, secret[:-1] + "A" if secret[-1] != "A" else secret[:-1] + "B"),
                 ("AKIDEXAMPLE", secret), (handle[:-4] + "AAAA", secret)):
        refused(lambda: doors.client("s3", "clinic", keys=keys).list_objects_v2(Bucket="docs"), "AccessDenied")


def test_signatures_of_other_times(doors):
    """An altered or an old signature, replayed by hand."""
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    def send(change=lambda request: None, age=0):
        import datetime
        request = AWSRequest("GET", f"{doors.url('clinic')}/docs?list-type=2", headers={"host": doors.url("clinic")[7:]})
        now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=age)
        old = botocore.auth.get_current_datetime
        botocore.auth.get_current_datetime = lambda *_, **__: now.replace(tzinfo=None)
        try:
            botocore.auth.S3SigV4Auth(Credentials(*doors.keys["clinic"]), "s3", "us-east-1").add_auth(request)
        finally:
            botocore.auth.get_current_datetime = old
        change(request)
        prepared = urllib.request.Request(request.url, headers=dict(request.headers.items()))
        try:
            return urllib.request.urlopen(prepared, timeout=10).status, None
        except urllib.error.HTTPError as error:
            return error.code, error.headers["x-bulkhead-reason"]

    assert send() == (200, None)
    assert send(age=3600) == (403, "signature_expired")
    assert send(age=-3600) == (403, "signature_expired")

    def path(request):
        request.url = request.url.replace("list-type=2", "list-type=2&prefix=x")

    def header(request):
        request.headers["x-amz-expected-bucket-owner"] = "1"

    assert send(path) == (403, "signature_mismatch")
    assert send(header) == (403, "signature_incomplete")


def test_a_handle_beside_worthless_keys(doors):
    """Where processes serve all tenants, a handle of each request says whose it is, and the signature says nothing."""
    for tenant in ("clinic", "hospital"):
        doors.client("s3", tenant).put_object(Bucket="docs", Key="beside", Body=tenant.encode())
    shared = client("s3", doors.url("shared"), ("anything", "at all"))
    refused(lambda: shared.get_object(Bucket="docs", Key="beside"), "AccessDenied")
    told = []
    shared.meta.events.register("before-send.s3", lambda request, **_: told and request.headers.__setitem__(
        "baggage", f"bulkhead={told[-1]}"))
    for tenant, handle in doors.handles.items():
        told.append(handle)
        assert shared.get_object(Bucket="docs", Key="beside")["Body"].read() == tenant.encode()
        shared.put_object(Bucket="docs", Key="beside", Body=tenant.encode() * 2)
    told.append(doors.handles["clinic"])
    assert shared.get_object(Bucket="docs", Key="beside")["Body"].read() == b"clinic" * 2


def in_signed_chunks(doors, chunks, change=lambda body: body):
    """An object as other SDKs send it: in chunks, each signed over the one before."""
    import hashlib
    import hmac
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    class Auth(S3SigV4Auth):
        def payload(self, request):
            return "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"

    handle, secret = doors.keys["clinic"]
    length = sum(map(len, chunks))
    request = AWSRequest("PUT", f"{doors.url('clinic')}/docs/chunked", headers={
        "content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(length)})
    Auth(Credentials(handle, secret), "s3", "us-east-1").add_auth(request)
    date = request.headers["X-Amz-Date"]
    key = f"AWS4{secret}".encode()
    for part in (date[:8], "us-east-1", "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    before, body = request.headers["Authorization"][-64:], b""
    for chunk in [*chunks, b""]:
        text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", date, f"{date[:8]}/us-east-1/s3/aws4_request", before,
                          hashlib.sha256(b"").hexdigest(), hashlib.sha256(chunk).hexdigest()])
        before = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        body += f"{len(chunk):x};chunk-signature={before}\r\n".encode() + chunk + b"\r\n"
    sent = urllib.request.Request(request.url, method="PUT", data=change(body), headers=dict(request.headers.items()))
    try:
        return urllib.request.urlopen(sent, timeout=10).status, None
    except urllib.error.HTTPError as error:
        return error.code, error.headers["x-bulkhead-reason"]


def test_signed_chunks(doors):
    chunks = [b"a" * 65536, b"b" * 1000]
    assert in_signed_chunks(doors, chunks) == (200, None)
    assert doors.client("s3", "clinic").get_object(Bucket="docs", Key="chunked")["Body"].read() == b"".join(chunks)
    assert in_signed_chunks(doors, chunks, lambda body: body[:-10]) == (400, "signature_chunks_refused")
    assert in_signed_chunks(doors, chunks, lambda body: body.replace(b"a" * 9, b"c" * 9, 1)) == (403, "signature_mismatch")


# The two layers


def vended(tap, since, action):
    """Keys that STS gave for the clinic's Ann, out of what went by."""
    import re
    for asked, (status, answer) in list(zip(tap.asked, tap.answered))[since:]:
        if status == 200 and action in asked.get("Policy", ""):
            text = answer.decode()
            return tuple(re.search(f"<{name}>([^<]+)</{name}>", text).group(1)
                         for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    raise AssertionError(f"STS was not asked for {action}")


def test_the_credential_alone_stops_a_crossing(doors, cloud, tap):
    """The vended keys, used directly at the store without any rewriting, open nothing but their tenant's compartment."""
    clinic, hospital = doors.client("s3", "clinic"), doors.client("s3", "hospital")
    for s3, body in ((clinic, b"c"), (hospital, b"h")):
        s3.put_object(Bucket="docs", Key="layer", Body=body)
    direct = cloud.direct("s3")
    keys = sorted(e["Key"] for e in direct.list_objects_v2(Bucket="docs")["Contents"] if e["Key"].endswith("/layer"))
    assert len(keys) == 2
    mine, theirs = (keys if keys[0].startswith("t6clinic") else keys[::-1])
    clinic.get_object(Bucket="docs", Key="layer")
    reading = next((a, r) for a, r in zip(tap.asked, tap.answered) if "s3:GetObjectAttributes" in a.get("Policy", "")
                   and a["Tags.member.1.Value"] == "clinic")
    taken = vended(Only(reading), 0, "s3:GetObjectAttributes")
    store = cloud.direct("s3", taken)
    assert store.get_object(Bucket="docs", Key=mine)["Body"].read() == b"c"
    refused(lambda: store.get_object(Bucket="docs", Key=theirs), "AccessDenied")
    refused(lambda: store.put_object(Bucket="docs", Key=mine, Body=b"x"), "AccessDenied")
    refused(lambda: store.list_objects_v2(Bucket="docs"), "AccessDenied")
    clinic.list_objects_v2(Bucket="docs")
    listing = next((a, r) for a, r in zip(tap.asked, tap.answered) if "s3:ListBucket" in a.get("Policy", "")
                   and a["Tags.member.1.Value"] == "clinic")
    store = cloud.direct("s3", vended(Only(listing), 0, "s3:ListBucket"))
    code = mine.split("/")[0]
    assert store.list_objects_v2(Bucket="docs", Prefix=code + "/")["KeyCount"] > 0
    for prefix in ("", "t", code, theirs.split("/")[0] + "/"):
        refused(lambda: store.list_objects_v2(Bucket="docs", Prefix=prefix), "AccessDenied")


class Only:
    def __init__(self, pair):
        self.asked, self.answered = [pair[0]], [pair[1]]


def test_the_rewrite_alone_stops_a_crossing(make_doors, cloud, tap):
    """Without session policies the keys open everything; the compartments still do not meet."""
    doors = make_doors("aws-wide", cloud, tap, session_policy=False)
    for tenant in ("clinic", "hospital"):
        doors.client("s3", tenant).put_object(Bucket="docs", Key="wide", Body=tenant.encode())
        doors.client("dynamodb", tenant).put_item(TableName="facts", Item={"id": {"S": "wide"}, "of": {"S": tenant}})
    assert "Policy" not in tap.asked[-1]
    for tenant in ("clinic", "hospital"):
        assert doors.client("s3", tenant).get_object(Bucket="docs", Key="wide")["Body"].read() == tenant.encode()
        item = doors.client("dynamodb", tenant).get_item(TableName="facts", Key={"id": {"S": "wide"}})["Item"]
        assert item == {"id": {"S": "wide"}, "of": {"S": tenant}}
    theirs = next(e["Key"] for e in cloud.direct("s3").list_objects_v2(Bucket="docs")["Contents"]
                  if e["Key"].startswith("t8hospital") and e["Key"].endswith("/wide"))
    refused(lambda: doors.client("s3", "clinic").get_object(Bucket="docs", Key=theirs), "NoSuchKey")


def test_what_sts_is_asked(make_doors, cloud, tap):
    """What neither peer can prove stands in the request: tags, transitive keys, names, and the conditions of the policy."""
    doors = make_doors("aws-narrow", cloud, tap, tables=True)
    refused(lambda: doors.client("dynamodb", "clinic").get_item(TableName="facts", Key={"id": {"S": "f"}}),
            "AccessDeniedException")
    asked = next(a for a in tap.asked if "dynamodb:GetItem" in a.get("Policy", "") and a["Tags.member.1.Value"] == "clinic")
    assert asked["Action"] == "AssumeRole" and asked["RoleArn"] == ROLE and asked["DurationSeconds"] == "900"
    assert [asked[f"Tags.member.{n}.Key"] for n in (1, 2, 3)] == ["tenant", "tier", "user"]
    assert [asked[f"TransitiveTagKeys.member.{n}"] for n in (1, 2, 3)] == ["tenant", "tier", "user"]
    assert asked["Tags.member.2.Value"] == "basic"
    assert asked["SourceIdentity"] == asked["RoleSessionName"] and len(asked["RoleSessionName"]) <= 64
    statement, = json.loads(asked["Policy"])["Statement"]
    assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": "t6clinic/*"},
                                      "Null": {"dynamodb:LeadingKeys": "false"}}
    assert all(len(a.get("Policy", "")) <= 2048 for a in tap.asked)


def test_another_partition_key_is_refused_at_reload(make_bulkhead, cloud, tap):
    """Under another key nothing of what lies in the table would be found, and other values would be taken for a tenant's."""
    changes = configuration(cloud, tap)
    bulkhead = make_bulkhead("aws-rekeyed", {**changes, "reload": {"watch": False}, "admin": {"socket": "admin.sock"}}, start=False)
    bulkhead.folder.joinpath("policies", "aws.cedar").write_text(ALLOWED)
    bulkhead.start()
    text = bulkhead.file.read_text()
    for old, new in (('"partition_key": "id"', '"partition_key": "other"'), ('"by-owner": "owner"', '"by-owner": "of"')):
        assert old in text
        bulkhead.file.write_text(text.replace(old, new))
        done = bulkhead.reload()
        assert done.returncode == 1 and "partition keys of table" in done.stderr and "migrate" in done.stderr, done.stderr
    bulkhead.file.write_text(text.replace('"partition_key": "id"', '"partition_key": "other"').replace(
        '"version": 1', '"version": 1, "migrate": ["tables"]'))
    assert bulkhead.reload().returncode == 0


# Faults of STS


def error(code, status=400):
    return status, (f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>m</Message></Error>"
                    "<RequestId>r</RequestId></ErrorResponse>").encode()


def test_one_vend_for_many_requests(make_doors, cloud, tap):
    doors = make_doors("aws-flight", cloud, tap)
    tap.delay = threading.Event()
    before = len(tap.asked)
    results = []

    def get():
        results.append(doors.client("dynamodb", "clinic").get_item(TableName="facts", Key={"id": {"S": "none"}}))

    threads = [threading.Thread(target=get) for _ in range(16)]
    for thread in threads:
        thread.start()
    from harness.process import wait_until
    wait_until("STS is asked", lambda: len(tap.asked) > before)
    tap.delay.set()
    for thread in threads:
        thread.join(20)
    tap.delay = None
    assert len(results) == 16 and len(tap.asked) == before + 1


def test_faults_of_sts(make_doors, cloud, tap):
    """Throttled, cut, broken, refused: a refusal with its reason, no stampede, and recovery without a restart."""
    from harness.process import wait_until
    doors = make_doors("aws-faults", cloud, tap)
    for fault in (error("Throttling"), "reset", (500, b"no XML"), error("ExpiredToken", 403)):
        tap.faults.append(fault)
        table = doors.client("dynamodb", "clinic")
        before = len(tap.asked)
        answer = refused(lambda: table.get_item(TableName="facts", Key={"id": {"S": "x"}}),
                         "ServiceUnavailable", "503")
        assert answer["ResponseMetadata"]["HTTPHeaders"]["x-bulkhead-reason"] == "credential_failed"
        assert len(tap.asked) <= before + 1

        def works():
            try:
                table.get_item(TableName="facts", Key={"id": {"S": "x"}})
                return True
            except ClientError:
                return False

        wait_until("it recovers by itself", works, seconds=20, every=0.1)
        # Each grant has credentials of its own: the next fault meets another action.
        doors = make_doors(f"aws-faults-{len(tap.asked)}", cloud, tap)


def reads(doors):
    """Why a read is refused; nil where it is not."""
    try:
        doors.client("dynamodb", "clinic").get_item(TableName="facts", Key={"id": {"S": "x"}})
        return None
    except ClientError as failure:
        return failure.response["ResponseMetadata"]["HTTPHeaders"].get("x-bulkhead-reason")


def test_nobody_is_served_past_the_end(make_doors, cloud):
    """Keys that end while STS is away serve to their end and not beyond it; then it is there again, and so are they."""
    from harness.process import wait_until
    tap = Tap(cloud.port)
    tap.lifetime = 4
    doors = make_doors("aws-end", cloud, tap)
    assert reads(doors) is None
    given = time.monotonic()
    tap.stop()
    served = []
    while not served or served[-1][1] is None:
        served.append((time.monotonic() - given, reads(doors)))
        assert served[-1][0] < 20, "it is served for ever"
    # The last seconds of a life belong to requests that are under way.
    assert len(served) > 1 and served[-2][0] <= 4 and served[-1][1] == "credential_failed", served[-2:]
    tap.lifetime = None
    tap.open()
    wait_until("it recovers by itself", lambda: reads(doors) is None, seconds=20, every=0.1)
    tap.stop()


def test_an_sts_that_is_down_or_slow(make_doors, cloud):
    from harness.process import wait_until
    tap = Tap(cloud.port)
    doors = make_doors("aws-down", cloud, tap)
    tap.stop()
    # At once: one that had waited for its whole time would be told `need_timed_out`.
    assert reads(doors) == "credential_failed"
    tap.delay = threading.Event()
    threading.Timer(2, tap.delay.set).start()
    before = len(tap.asked)
    tap.open()
    # Whoever asks while one attempt is under way waits for that one.
    wait_until("it is asked again", lambda: reads(doors) is None or len(tap.asked) > before, seconds=20, every=0.1)
    wait_until("it recovers by itself", lambda: reads(doors) is None, seconds=20, every=0.1)
    assert tap.peak == 1 and len(tap.asked) == before + 1
    tap.stop()


def test_what_sts_holds_against_us(make_doors, cloud):
    """Our clock is wrong, our own keys have ended: told at once, asked again only after a while, over by itself."""
    from harness.process import wait_until
    tap = Tap(cloud.port)
    s3 = make_doors("aws-against", cloud, tap).client("s3", "clinic")
    # Each of another action, so with keys of its own.
    calls = [lambda: s3.list_objects_v2(Bucket="docs"), lambda: s3.put_object(Bucket="docs", Key="against", Body=b"x")]

    def works(call):
        try:
            call()
            return True
        except ClientError as failure:
            assert failure.response["ResponseMetadata"]["HTTPHeaders"].get("x-bulkhead-reason") == "credential_failed"
            return False

    for call, fault in zip(calls, (error("SignatureDoesNotMatch", 403), error("ExpiredToken", 403))):
        tap.faults[:] = [fault] * 100
        asked, started = len(tap.asked), time.monotonic()
        assert not any([works(call) for _ in range(8)])
        assert len(tap.asked) - asked <= 2 + time.monotonic() - started, "each request asks anew"
    tap.faults.clear()
    wait_until("it recovers by itself", lambda: works(calls[1]), seconds=30, every=0.1)
    tap.stop()


def test_keys_of_our_own_that_are_replaced(make_bulkhead, ann, bob, cloud, tap, run):
    """The shared file is looked at each time, so new keys in it need no restart."""
    from harness.process import wait_until
    file = run / "credentials"
    write = lambda key: file.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = test\n")  # noqa: E731
    write("yesterday")
    environment = dict(os.environ)
    os.environ.update(AWS_SHARED_CREDENTIALS_FILE=str(file), AWS_CONFIG_FILE="/nonexistent")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.pop(name, None)
    try:
        bulkhead = make_bulkhead("aws-file", configuration(cloud, tap, base="file"), start=False)
        bulkhead.folder.joinpath("policies", "aws.cedar").write_text(ALLOWED)
        bulkhead.start()
    finally:
        os.environ.clear()
        os.environ.update(environment)
    doors = Doors(bulkhead, {"clinic": ann, "hospital": bob})
    assert reads(doors) == "credential_failed"
    write("test")
    wait_until("it recovers by itself", lambda: reads(doors) is None, seconds=30, every=0.2)


def test_nothing_of_keys_is_written(doors, tap):
    """No real key in a record, the log, or an error."""
    import re
    secrets = [match for status, answer in tap.answered if status == 200
               for match in re.findall(r"<(?:SecretAccessKey|SessionToken)>([^<]+)<", answer.decode())]
    assert secrets
    for path in (doors.bulkhead.folder / "records.jsonl", doors.bulkhead.folder / "bulkhead.log"):
        text = path.read_text()
        assert not any(secret in text for secret in secrets)
        assert doors.keys["clinic"][1] not in text
