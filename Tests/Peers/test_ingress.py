# SPDX-License-Identifier: Apache-2.0
"""What Bulkhead tells an agent about its caller, and what it keeps from it."""

import re
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from harness.client import Caller

SESSION = "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id"
CALLERS_ID = "session-0123456789-0123456789-0123456789"


def arrived(steered, token, headers=None):
    """The headers that reached the agent, by lower-case name; a name that stands there twice fails."""
    answer = steered.invoke({"do": "headers"}, token, headers)
    assert answer.status == 200, answer
    seen = {}
    for name, value in answer.json()["headers"]:
        assert name.lower() not in seen, f"{name} stands there twice"
        seen[name.lower()] = value
    return seen, answer


def test_the_agent_is_told_who_asks(front, bob):
    seen, _ = arrived(front.steered, bob)
    assert (seen["x-tenant-id"], seen["x-tenant-tier"]) == ("hospital", "premium")
    assert seen["x-user-id"] == jwt.decode(bob, options={"verify_signature": False})["sub"]


def test_a_handle_takes_the_tokens_place(front, ann):
    seen, _ = arrived(front.steered, ann)
    assert re.fullmatch(r"Bearer bhh1_[A-Za-z0-9_-]+", seen["authorization"])
    assert ann.split(".")[2] not in str(seen)


def test_the_context_token_can_be_verified(front, ann):
    """By anybody with the public key: PyJWT does."""
    seen, _ = arrived(front.steered, ann)
    private = serialization.load_pem_private_key((front.bulkhead.folder / "keys" / "context.pem").read_bytes(), None)
    claims = jwt.decode(seen["x-bulkhead-context"], private.public_key(), algorithms=["EdDSA"], audience="steered")
    assert (claims["tenant_id"], claims["tier"]) == ("clinic", "basic")
    assert claims["exp"] - time.time() <= 61
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(seen["x-bulkhead-context"], private.public_key(), algorithms=["EdDSA"], audience="agent")


def test_traces(front, ann):
    """Its own trace id, freshly minted: a caller's is not adopted."""
    callers = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    one, _ = arrived(front.steered, ann, {"traceparent": callers})
    two, _ = arrived(front.steered, ann, {"traceparent": callers})
    for seen in (one, two):
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", seen["traceparent"])
        assert callers[3:35] not in seen["traceparent"]
    assert one["traceparent"][3:35] != two["traceparent"][3:35]


def test_session_ids_are_another_for_each_user(front, ann, bob, forge):
    """A shared id is shared state, so the same id from two users is two; the caller sees their own again."""
    ids = {}
    for name, token in (("ann", ann), ("bob", bob), ("ann's colleague", forge.token("clinic", "basic", user="carl"))):
        seen, answer = arrived(front.steered, token, {SESSION: CALLERS_ID})
        again, _ = arrived(front.steered, token, {SESSION: CALLERS_ID})
        ids[name] = seen[SESSION.lower()]
        assert again[SESSION.lower()] == ids[name]
        assert answer.header(SESSION) in (None, CALLERS_ID)
        assert 33 <= len(ids[name]) <= 256 and CALLERS_ID not in ids[name]
    assert len(set(ids.values())) == 3


def test_hop_by_hop_and_odd_headers(front, ann):
    seen, _ = arrived(front.steered, ann, [
        ("Connection", "x-named"), ("X-Named", "1"), ("TE", "trailers"), ("Proxy-Authorization", "Basic eDp5"),
        ("Cookie", "a=b"), ("X-Custom", "kept")])
    assert seen["x-custom"] == "kept"
    assert not {"x-named", "proxy-authorization", "cookie", "keep-alive"} & seen.keys()


def test_a_token_goes_on_only_where_the_route_says_so(make_bulkhead, ann):
    routes = [{"name": "steered", "match": {"paths": ["/invocations"]}, "adapter": "agentcore-runtime",
               "resource": 'Agent::"steered"', "upstream": "steered", "forward_token": True}]
    tls = {"certificate": "tls/tls.crt", "private_key": "tls/tls.key"}
    bulkhead = make_bulkhead("forward", {
        "listeners": [{"name": "steered", "tls": tls, "carriers": ["bearer"], "routes": ["steered"]}], "routes": routes})
    seen, _ = arrived(Caller(bulkhead.ports["steered"], bulkhead.ca), ann)
    assert seen["authorization"] == f"Bearer {ann}"
    assert "x-bulkhead-context" not in seen


def test_header_templates(make_bulkhead, front, ann):
    route = {**front.bulkhead.configuration["routes"][1],
             "headers": {"x-s3-prefix": "{tenant}/", "X-Amzn-Bedrock-AgentCore-Runtime-Custom-Tenant": "{tenant}@{tier}"}}
    tls = {"certificate": "tls/tls.crt", "private_key": "tls/tls.key"}
    bulkhead = make_bulkhead("templates", {
        "listeners": [{"name": "steered", "tls": tls, "carriers": ["bearer"], "routes": ["steered"]}], "routes": [route]})
    seen, _ = arrived(Caller(bulkhead.ports["steered"], bulkhead.ca), ann, {"X_S3_Prefix": "hospital/"})
    assert seen["x-s3-prefix"] == "clinic/"
    assert seen["x-amzn-bedrock-agentcore-runtime-custom-tenant"] == "clinic@basic"
    assert "hospital" not in str(seen)


def test_ping_needs_a_token_too(front, ann):
    assert front.ingress.request("GET", "/ping").status == 401
    answer = front.ingress.request("GET", "/ping", token=ann)
    assert answer.status == 200 and answer.json()["status"] == "Healthy"
