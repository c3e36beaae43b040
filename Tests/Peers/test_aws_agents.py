# SPDX-License-Identifier: Apache-2.0
"""boto3, unchanged, in front of AgentCore Memory and Runtime, Bedrock and Secrets Manager: two tenants, the same names."""

import hashlib
import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from harness.aws import REGION, ROLE, Cloud, Tap, client, worthless
from harness.bulkhead import ROOT
from harness.client import Caller
from harness.process import LOOPBACK

os.environ.setdefault("BULKHEAD_MINISTACK", str(ROOT / ".build" / "peers" / "aws" / "bin" / "ministack"))
ALLOWED = """
@id("stores-for-all") permit (principal, action, resource is Store);
@id("tools-for-all") permit (principal, action, resource is Tool);
@id("models-for-all") permit (principal, action, resource in Model::"bedrock");
"""
SMALL, LARGE = "amazon.nova-micro-v1:0", "anthropic.claude-opus-v9:0"
PROFILE = f"arn:aws:bedrock:{REGION}:123456789012:application-inference-profile/team1"
SERVICES = {"memory": "bedrock-agentcore", "runtimes": "bedrock-agentcore", "models": "bedrock-runtime", "secrets": "secretsmanager"}


class Origin:
    """Stands for what ministack lacks: verifies each signature with botocore's own signer and the keys that STS gave."""

    def __init__(self, tap):
        self.seen = []
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                verified = origin.verifies(tap, self, body)
                origin.seen.append((self.command, self.path, dict(self.headers.items()), body, verified))
                answer = json.dumps({"inputTokens": 7} if "count-tokens" in self.path else {}).encode()
                self.send_response(200 if verified else 403)
                self.send_header("content-type", "application/json")
                for name in ("X-Amzn-Bedrock-AgentCore-Runtime-Session-Id",):
                    if self.headers.get(name):
                        self.send_header(name, self.headers[name])
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_POST = do_GET = answer

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def verifies(tap, request, body):
        claim = re.match(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request, SignedHeaders=(\S+), Signature=(\w+)",
                         request.headers.get("authorization", ""))
        if not claim:
            return False
        key, region, service, signed, signature = claim.groups()
        texts = [answer.decode() for _, answer in tap.answered]
        answer = next((text for text in texts if f"<AccessKeyId>{key}<" in text), None)
        if not answer:
            return False
        secret = re.search("<SecretAccessKey>([^<]+)<", answer).group(1)
        url = urlsplit(request.path)
        copy = AWSRequest(request.command, f"http://{request.headers['host']}{url.path}", data=body, params=parse_qsl(url.query),
                          headers={name: request.headers[name] for name in signed.split(";") if name != "host"})
        copy.context["timestamp"] = request.headers["x-amz-date"]
        auth = botocore.auth.SigV4Auth(Credentials(key, secret), service, region)
        text = auth.string_to_sign(copy, auth.canonical_request(copy))
        return auth.signature(text, copy) == signature

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def configuration(cloud, tap, origin, memory, runtime):
    keys = {"name": "tenant-aws", "kind": "aws-sts", "role": ROLE, "region": REGION, "endpoint": tap.endpoint, "base": "environment"}

    def route(name, adapter, resource, paths, upstream="cloud", **aws):
        return {"name": name, "adapter": adapter, "resource": resource, "upstream": upstream, "match": {"paths": paths},
                "credentials": "tenant-aws", "aws": aws}

    models = [SMALL, LARGE, PROFILE]
    routes = [
        route("memory", "agentcore-memory", 'Store::"memory"', ["/memories/**"], resources=[memory]),
        route("runtimes", "agentcore-invoke", 'Tool::"helpers"', ["/runtimes/**"], resources=[runtime]),
        route("models", "bedrock-runtime", 'Model::"bedrock"', ["/model/**", "/async-invoke"], resources=models),
        route("secrets", "secrets-manager", 'Store::"secrets"', ["/"]),
        route("runtimes-recorded", "agentcore-invoke", 'Tool::"helpers"', ["/runtimes/**"], "origin", resources=[runtime]),
        route("models-recorded", "bedrock-runtime", 'Model::"bedrock"', ["/model/**"], "origin", resources=models),
    ]
    doors = []
    for tenant in ("clinic", "hospital"):
        for name, served in (("", ["memory", "runtimes", "models", "secrets"]), ("-recorded", ["runtimes-recorded", "models-recorded"])):
            doors.append({"name": tenant + name, "carriers": ["aws"], "endpoint": "agent", "tenant": tenant, "routes": served})
    return {
        "listeners": [{"name": "ingress", "tls": {"certificate": "tls/tls.crt", "private_key": "tls/tls.key"},
                       "carriers": ["bearer"], "routes": ["agent"]}, *doors],
        "tiers": {"basic": {"models": ["amazon.nova-micro-*", "*/team1"]}, "premium": {"models": ["*"]}},
        "credentials": [{"name": "context", "kind": "signed-context", "key": {"file": "keys/context.pem"}}, keys],
        "upstreams": {"cloud": {"endpoints": [f"{LOOPBACK}:{cloud.port}"]}, "origin": {"endpoints": [f"{LOOPBACK}:{origin.port}"]}},
        "routes": [{"name": "agent", "match": {"paths": ["/invocations", "/ping"]}, "adapter": "agentcore-runtime",
                    "resource": 'Agent::"assistant"', "upstream": "agent", "credentials": "context"}, *routes],
    }


class Doors:
    def __init__(self, bulkhead, tokens, memory, runtime):
        self.bulkhead, self.memory, self.runtime = bulkhead, memory, runtime
        ingress = Caller(bulkhead.ports["ingress"], bulkhead.ca)
        self.keys = {}
        for tenant, token in tokens.items():
            answer = ingress.invoke({}, token)
            assert answer.status == 200, answer
            seen = {name.lower(): value for name, value in answer.json()["headers"]}
            self.keys[tenant] = worthless(seen["authorization"].removeprefix("Bearer "), bulkhead.folder / "keys" / "bulkhead.key")

    def url(self, listener):
        return f"http://{LOOPBACK}:{self.bulkhead.ports[listener]}"

    def client(self, service, tenant, recorded=False):
        return client(SERVICES[service], self.url(tenant + ("-recorded" if recorded else "")), self.keys[tenant])


@pytest.fixture(scope="module")
def cloud(run):
    folder = run / "cloud-agents"
    folder.mkdir()
    cloud = Cloud(folder)
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["bedrock-agentcore:*"], "Resource": "*"}]}
    cloud.direct("iam").put_role_policy(RoleName="tenant", PolicyName="agents", PolicyDocument=json.dumps(allow))
    yield cloud
    cloud.stop()


@pytest.fixture(scope="module")
def tap(cloud):
    tap = Tap(cloud.port)
    yield tap
    tap.stop()


@pytest.fixture(scope="module")
def origin(tap):
    origin = Origin(tap)
    yield origin
    origin.stop()


@pytest.fixture(scope="module")
def doors(cloud, tap, origin, make_bulkhead, ann, bob, steered):
    control = cloud.direct("bedrock-agentcore-control")
    memory = control.create_memory(name="assistant_memory", eventExpiryDuration=30)["memory"]["id"]
    runtime = control.create_agent_runtime(
        agentRuntimeName="helper", roleArn=ROLE, networkConfiguration={"networkMode": "PUBLIC"},
        agentRuntimeArtifact={"codeConfiguration": {"code": {"s3": {"bucket": "docs", "prefix": "x"}}, "runtime": "PYTHON_3_13",
                                                    "entryPoint": ["main.py"]}})["agentRuntimeArn"]
    environment = dict(os.environ)
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    try:
        bulkhead = make_bulkhead("aws-agents", configuration(cloud, tap, origin, memory, runtime), start=False)
        bulkhead.folder.joinpath("policies", "aws.cedar").write_text(ALLOWED)
        # AWS asks for the right to InvokeModel where Converse is called; ministack has one of that name.
        table = bulkhead.folder / "adapters" / "bedrock-runtime.yaml"
        table.write_text(table.read_text().replace("[bedrock:InvokeModel,", "[bedrock:Converse, bedrock:ConverseStream, bedrock:InvokeModel,"))
        bulkhead.start()
    finally:
        os.environ.clear()
        os.environ.update(environment)
    return Doors(bulkhead, {"clinic": ann, "hospital": bob}, memory, runtime)


def refused(call, *codes):
    with pytest.raises(ClientError) as error:
        call()
    assert error.value.response["Error"]["Code"] in codes, error.value.response
    return error.value.response["ResponseMetadata"]["HTTPHeaders"].get("x-bulkhead-reason")


def both(doors, service):
    return {tenant: doors.client(service, tenant) for tenant in ("clinic", "hospital")}


# AgentCore Memory


def said(text):
    return [{"conversational": {"content": {"text": text}, "role": "USER"}}]


def test_events_go_round(doors, cloud):
    clients = both(doors, "memory")
    events = {}
    for tenant, memory in clients.items():
        for number in range(3):
            event = memory.create_event(memoryId=doors.memory, actorId="ann/home", sessionId="s-1", eventTimestamp=1700000000 + number,
                                        payload=said(f"{number} of {tenant}"))["event"]
            assert (event["actorId"], event["sessionId"]) == ("ann/home", "s-1")
        events[tenant] = event["eventId"]
    for tenant, memory in clients.items():
        where = {"memoryId": doors.memory, "actorId": "ann/home", "sessionId": "s-1"}
        got = memory.get_event(**where, eventId=events[tenant])["event"]
        assert got["payload"] == said(f"2 of {tenant}") and got["eventId"] == events[tenant]
        pages = memory.get_paginator("list_events").paginate(**where, PaginationConfig={"PageSize": 1})
        listed = [event for page in pages for event in page["events"]]
        assert len(listed) == 3 and {event["actorId"] for event in listed} == {"ann/home"}
        assert [s["sessionId"] for s in memory.list_sessions(memoryId=doors.memory, actorId="ann/home")["sessionSummaries"]] == ["s-1"]
        assert memory.list_actors(memoryId=doors.memory)["actorSummaries"] == [{"actorId": "ann/home"}]
    direct = cloud.direct("bedrock-agentcore").list_actors(memoryId=doors.memory)["actorSummaries"]
    assert sorted(actor["actorId"] for actor in direct) == ["t6clinic-ann/home", "t8hospital-ann/home"]
    # The other's event, page and session are none.
    mine, where = clients["clinic"], {"memoryId": doors.memory, "actorId": "ann/home", "sessionId": "s-1"}
    assert refused(lambda: mine.get_event(**where, eventId=events["hospital"]), "ResourceNotFoundException") == "id_unknown"
    assert refused(lambda: mine.delete_event(**where, eventId=events["hospital"]), "ResourceNotFoundException") == "id_unknown"
    page = clients["hospital"].list_events(**where, maxResults=1)["nextToken"]
    assert refused(lambda: mine.list_events(**where, maxResults=1, nextToken=page), "ResourceNotFoundException") == "id_unknown"
    mine.delete_event(**where, eventId=events["clinic"])
    assert len(mine.list_events(**where)["events"]) == 2


def test_records_go_round(doors):
    clients, made = both(doors, "memory"), {}
    for tenant, memory in clients.items():
        answer = memory.batch_create_memory_records(memoryId=doors.memory, records=[
            {"requestIdentifier": "r1", "namespaces": ["/facts/ann/"], "content": {"text": f"likes tea at {tenant}"}, "timestamp": 1700000000}])
        made[tenant] = answer["successfulRecords"][0]["memoryRecordId"]
    for tenant, memory in clients.items():
        found = memory.retrieve_memory_records(memoryId=doors.memory, namespace="/facts/ann/", searchCriteria={"searchQuery": "tea"})
        assert [(r["memoryRecordId"], r["namespaces"]) for r in found["memoryRecordSummaries"]] == [(made[tenant], ["/facts/ann/"])]
        # The widest that can be asked for is one's own; the service reads * as anything.
        for space in ("/*", "/facts/*"):
            found = memory.list_memory_records(memoryId=doors.memory, namespace=space)["memoryRecordSummaries"]
            assert [r["content"]["text"] for r in found] == [f"likes tea at {tenant}"]
        got = memory.get_memory_record(memoryId=doors.memory, memoryRecordId=made[tenant])["memoryRecord"]
        assert got["content"]["text"] == f"likes tea at {tenant}"
    mine = clients["clinic"]
    theirs = {"memoryId": doors.memory, "memoryRecordId": made["hospital"]}
    assert refused(lambda: mine.get_memory_record(**theirs), "ResourceNotFoundException") == "id_unknown"
    assert refused(lambda: mine.delete_memory_record(**theirs), "ResourceNotFoundException") == "id_unknown"
    assert refused(lambda: mine.batch_delete_memory_records(memoryId=doors.memory, records=[{"memoryRecordId": made["hospital"]}]),
                   "ResourceNotFoundException") == "id_unknown"
    found = mine.retrieve_memory_records(memoryId=doors.memory, namespace="/../t8hospital/*", searchCriteria={"searchQuery": "tea"})
    assert found["memoryRecordSummaries"] == []
    assert refused(lambda: mine.retrieve_memory_records(memoryId=doors.memory, searchCriteria={"searchQuery": "tea"}),
                   "ValidationException") == "member_missing"
    mine.delete_memory_record(memoryId=doors.memory, memoryRecordId=made["clinic"])
    assert clients["hospital"].get_memory_record(**theirs)["memoryRecord"]["memoryRecordId"] == made["hospital"]


def test_another_memory_is_none(doors):
    memory = doors.client("memory", "clinic")
    for name in ("other_memory-0123456789", doors.memory + "0", f"arn:aws:bedrock-agentcore:{REGION}:000000000000:memory/{doors.memory}"):
        assert refused(lambda: memory.list_actors(memoryId=name), "AccessDeniedException") == "resource_unknown"
    call = memory.start_memory_extraction_job
    assert refused(lambda: call(memoryId=doors.memory, extractionJob={"jobId": "a"}), "AccessDeniedException") == "operation_refused"


def test_the_services_own_client(doors, monkeypatch):
    """bedrock_agentcore's MemoryClient, with nothing but variables of the environment."""
    from bedrock_agentcore.memory import MemoryClient
    for tenant in ("clinic", "hospital"):
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_AGENTCORE", doors.url(tenant))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", doors.keys[tenant][0])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", doors.keys[tenant][1])
        memory = MemoryClient(region_name=REGION)
        memory.create_event(memory_id=doors.memory, actor_id="eve", session_id="chat", messages=[(f"hello {tenant}", "USER")])
        turns = memory.get_last_k_turns(memory_id=doors.memory, actor_id="eve", session_id="chat", k=5)
        assert [turn[0]["content"]["text"] for turn in turns] == [f"hello {tenant}"]


# AgentCore Runtime


def test_agents_are_called(doors):
    seen = {}
    for tenant, runtimes in both(doors, "runtimes").items():
        session = "a-session-that-both-tenants-call-so"
        answer = runtimes.invoke_agent_runtime(agentRuntimeArn=doors.runtime, runtimeSessionId=session, runtimeUserId="root",
                                               payload=json.dumps({"of": tenant}).encode())
        assert json.loads(answer["response"].read())["input"] == {"of": tenant} and answer["runtimeSessionId"] == session
        seen[tenant] = answer
    other = doors.runtime.replace("helper", "others")
    assert refused(lambda: doors.client("runtimes", "clinic").invoke_agent_runtime(agentRuntimeArn=other, payload=b"{}"),
                   "AccessDeniedException") == "resource_unknown"


def test_sessions_and_users_are_the_callers_own(doors, origin):
    headers = {}
    for tenant in ("clinic", "hospital"):
        runtimes = doors.client("runtimes", tenant, recorded=True)
        session = "a-session-that-both-tenants-call-so"
        runtimes.invoke_agent_runtime(agentRuntimeArn=doors.runtime, runtimeSessionId=session, runtimeUserId="root", payload=b"{}")
        assert runtimes.stop_runtime_session(agentRuntimeArn=doors.runtime, runtimeSessionId=session)["runtimeSessionId"] == session
        (_, _, invoked, _, first), (_, _, stopped, body, second) = origin.seen[-2:]
        assert first and second
        invoked, stopped = ({k.lower(): v for k, v in h.items()} for h in (invoked, stopped))
        name = "x-amzn-bedrock-agentcore-runtime-session-id"
        assert invoked[name] == stopped[name] != session and len(invoked[name]) >= 33
        assert invoked["x-amzn-bedrock-agentcore-runtime-user-id"] not in ("root", "")
        assert json.loads(body)["clientToken"].startswith("t")
        headers[tenant] = (invoked[name], invoked["x-amzn-bedrock-agentcore-runtime-user-id"])
    assert headers["clinic"][0] != headers["hospital"][0] and headers["clinic"][1] != headers["hospital"][1]
    runtimes = doors.client("runtimes", "clinic", recorded=True)
    assert refused(lambda: runtimes.invoke_agent_runtime(agentRuntimeArn=doors.runtime, mcpSessionId="theirs", payload=b"{}"),
                   "ValidationException") == "header_refused"
    assert refused(lambda: runtimes.invoke_agent_runtime_command(agentRuntimeArn=doors.runtime, body={"command": "id"}),
                   "AccessDeniedException") == "operation_refused"


# Bedrock


def test_models_by_entitlement(doors):
    ask = {"messages": [{"role": "user", "content": [{"text": "hello größe"}]}]}
    for tenant, models in both(doors, "models").items():
        answer = models.converse(modelId=SMALL, **ask)
        assert answer["output"]["message"]["content"] and answer["usage"]["inputTokens"] >= 0
        assert "cacheReadInputTokens" not in answer["usage"]
        events = list(models.converse_stream(modelId=SMALL, **ask)["stream"])
        assert "messageStart" in events[0] and any("metadata" in event for event in events)
        body = json.dumps({"messages": ask["messages"], "inferenceConfig": {"maxTokens": 10}}).encode()
        assert json.loads(models.invoke_model(modelId=SMALL, body=body)["body"].read())
        assert list(models.invoke_model_with_response_stream(modelId=SMALL, body=body)["body"])
    basic, premium = doors.client("models", "clinic"), doors.client("models", "hospital")
    assert premium.converse(modelId=LARGE, **ask)["output"]
    assert refused(lambda: basic.converse(modelId=LARGE, **ask), "AccessDeniedException") == "policy_denied"
    for name in ("meta.llama-v1:0", f"arn:aws:bedrock:{REGION}::foundation-model/{LARGE}"):
        assert refused(lambda: premium.converse(modelId=name, **ask), "AccessDeniedException") == "resource_unknown"


def test_a_model_reads_nothing_of_s3(doors):
    models = doors.client("models", "hospital")
    theirs = {"s3Location": {"uri": "s3://docs/t6clinic/secret.pdf"}}
    ask = [{"role": "user", "content": [{"document": {"format": "pdf", "name": "d", "source": theirs}}]}]
    assert refused(lambda: models.converse(modelId=SMALL, messages=ask), "ValidationException") == "member_refused"
    body = json.dumps({"messages": [{"role": "user", "content": [{"video": {"format": "mp4", "source": theirs}}]}]}).encode()
    assert refused(lambda: models.invoke_model(modelId=SMALL, body=body), "ValidationException") == "member_refused"
    out = {"s3OutputDataConfig": {"s3Uri": "s3://docs/t6clinic/"}}
    assert refused(lambda: models.start_async_invoke(modelId=SMALL, modelInput={}, outputDataConfig=out),
                   "AccessDeniedException") == "operation_refused"


def test_keys_are_narrowed_to_a_model(doors, origin, tap):
    models = doors.client("models", "clinic", recorded=True)
    ask = {"converse": {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}}
    assert models.count_tokens(modelId=PROFILE, input=ask)["inputTokens"] == 7
    assert origin.seen[-1][-1] and origin.seen[-1][1].endswith("/count-tokens")
    policy = next(a["Policy"] for a in tap.asked if PROFILE in a.get("Policy", ""))
    resources = [r for s in json.loads(policy)["Statement"] for r in s["Resource"]]
    assert PROFILE in resources and not any(SMALL in r for r in resources)


# Secrets Manager


def test_secrets_go_round(doors, cloud):
    clients, arns = both(doors, "secrets"), {}
    for tenant, secrets in clients.items():
        made = secrets.create_secret(Name="db/main", SecretString=f"of {tenant}")
        assert made["Name"] == "db/main" and ":secret:db/main-" in made["ARN"]
        arns[tenant] = made["ARN"]
        secrets.create_secret(Name="db/other", SecretString="x")
    for tenant, secrets in clients.items():
        for name in ("db/main", arns[tenant]):
            got = secrets.get_secret_value(SecretId=name)
            assert (got["SecretString"], got["Name"], got["ARN"]) == (f"of {tenant}", "db/main", arns[tenant])
        pages = secrets.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 1})
        assert [s["Name"] for page in pages for s in page["SecretList"]] == ["db/main", "db/other"]
        assert secrets.describe_secret(SecretId="db/main")["Name"] == "db/main"
        secrets.put_secret_value(SecretId="db/main", SecretString=f"new {tenant}")
        assert len(secrets.list_secret_version_ids(SecretId="db/main")["Versions"]) == 2
        got = secrets.get_secret_value(SecretId="db/main", VersionStage="AWSPREVIOUS")
        assert got["SecretString"] == f"of {tenant}"
        assert len(secrets.get_random_password(PasswordLength=20)["RandomPassword"]) == 20
    names = [s["Name"] for s in cloud.direct("secretsmanager").list_secrets()["SecretList"]]
    assert sorted(names) == sorted(f"{code}/db/{n}" for code in ("t6clinic", "t8hospital") for n in ("main", "other"))
    # Names and ARNs of another's lead nowhere.
    mine = clients["clinic"]
    real = cloud.direct("secretsmanager").describe_secret(SecretId="t8hospital/db/main")["ARN"]
    for name in ("t8hospital/db/main", "../t8hospital/db/main", real, real[:-7], arns["hospital"]):
        refused(lambda: mine.get_secret_value(SecretId=name), "ResourceNotFoundException", "AccessDeniedException")
    assert refused(lambda: mine.list_secrets(Filters=[{"Key": "name", "Values": ["t8hospital/"]}]),
                   "InvalidRequestException") == "member_refused"
    for call in (lambda: mine.get_resource_policy(SecretId="db/main"), lambda: mine.rotate_secret(SecretId="db/main"),
                 lambda: mine.tag_resource(SecretId="db/main", Tags=[])):
        assert refused(call, "AccessDeniedException") == "operation_refused"
    mine.delete_secret(SecretId="db/main", ForceDeleteWithoutRecovery=True)
    refused(lambda: mine.get_secret_value(SecretId="db/main"), "ResourceNotFoundException", "InvalidRequestException")
    assert clients["hospital"].get_secret_value(SecretId="db/main")["SecretString"] == "new hospital"


def test_the_credential_alone_keeps_secrets_apart(doors, cloud, tap):
    """The keys for the clinic's reading, used directly at the store without any rewriting."""
    doors.client("secrets", "clinic").get_secret_value(SecretId="db/other")
    answer = next(answer for asked, (status, answer) in zip(tap.asked, tap.answered)
                  if status == 200 and "secretsmanager:GetSecretValue" in asked.get("Policy", "")
                  and asked["Tags.member.1.Value"] == "clinic")
    taken = [re.search(f"<{name}>([^<]+)<", answer.decode()).group(1)
             for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    direct = cloud.direct("secretsmanager", taken)
    assert direct.get_secret_value(SecretId="t6clinic/db/other")["SecretString"] == "x"
    refused(lambda: direct.get_secret_value(SecretId="t8hospital/db/main"), "AccessDeniedException")
    refused(lambda: direct.put_secret_value(SecretId="t6clinic/db/other", SecretString="y"), "AccessDeniedException")


# All of them


def test_what_sts_was_asked(doors, tap):
    """What no peer here enforces is judged by what was asked for: conditions for actors and namespaces."""
    policies = {a["Tags.member.1.Value"]: [] for a in tap.asked}
    for asked in tap.asked:
        policies[asked["Tags.member.1.Value"]].append(asked["Policy"])
        assert len(asked["Policy"]) <= 2048
    mine = "\n".join(policies["clinic"])
    assert "t8hospital" not in mine and "t6clinic" not in "\n".join(policies["hospital"])
    for condition in ('{"bedrock-agentcore:actorId":"t6clinic-*"}', '{"bedrock-agentcore:namespace":"/t6clinic/*"}'):
        assert condition in mine
    assert f"memory/{doors.memory}" in mine and doors.runtime in mine and "secret:t6clinic/*" in mine


def test_keys_of_another_and_altered_signatures(doors):
    for service, call in (("memory", lambda c: c.list_actors(memoryId=doors.memory)),
                          ("secrets", lambda c: c.get_random_password())):
        theirs = client(SERVICES[service], doors.url("hospital"), doors.keys["clinic"])
        assert refused(lambda: call(theirs), "AccessDeniedException") == "lease_foreign"
        handle, secret = doors.keys["clinic"]
        forged = client(SERVICES[service], doors.url("clinic"), (handle, secret[::-1]))
        assert refused(lambda: call(forged), "AccessDeniedException") == "signature_mismatch"
    # A target that was changed on the way is one that nobody signed.
    secrets = doors.client("secrets", "clinic")
    secrets.meta.events.register("before-send.secretsmanager", lambda request, **_: request.headers.__setitem__(
        "X-Amz-Target", "secretsmanager.ListSecrets"))
    assert refused(lambda: secrets.get_random_password(), "AccessDeniedException", "InvalidRequestException") in (
        "signature_mismatch", "member_undeclared")
