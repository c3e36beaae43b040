# SPDX-License-Identifier: Apache-2.0
"""Every refusal: an answer, a reason code, a count in the metrics, one record. Nothing of it reaches the agent."""

import json
import time

import pytest
from harness.bulkhead import Trail
from harness.forge import parts
from harness.names import REASON, REFUSALS, STATUS, TENANT, TIER

ASK = {"do": "headers"}


class Counted(Trail):
    """One refusal: exactly one record with its reason, exactly one more in the metric."""

    def __init__(self, bulkhead, listener, reason):
        super().__init__(bulkhead, listener)
        self.reason = reason

    def __enter__(self):
        self.metric = self.bulkhead.metric(REFUSALS, reason=self.reason)
        return super().__enter__()

    def __exit__(self, kind, *rest):
        super().__exit__(kind, *rest)
        if kind is None:
            assert [record.get(REASON) for record in self.records] == [self.reason]
            assert self.bulkhead.metric(REFUSALS, reason=self.reason) == self.metric + 1


@pytest.fixture(scope="module")
def untouched(steered):
    """Fails when a request reached the agent although the test says that none may."""
    def count():
        return steered.control("/stats")["requests"]
    return count


# What is wrong with a token, and what the answer and the record say of it. `make` gets (forge, cognito).
TOKENS = {
    "no token": (lambda f, c: None, 401, "token_missing"),
    "not a token": (lambda f, c: "abc.def", 401, "token_malformed"),
    "bad signature": (lambda f, c: f.broken("clinic", "basic"), 401, "signature_invalid"),
    "bad signature, Cognito's": (lambda f, c: spoilt(c.sign_in("ann")["IdToken"]), 401, "signature_invalid"),
    "alg none": (lambda f, c: f.unsigned("clinic", "basic"), 401, "algorithm_refused"),
    "alg none with a signature": (lambda f, c: f.unsigned("clinic", "basic") + "AAAA", 401, "algorithm_refused"),
    "HS256 with the public key": (lambda f, c: f.confused("clinic", "basic"), 401, "algorithm_refused"),
    "an algorithm the issuer does not use": (
        lambda f, c: f.token("clinic", "basic", algorithm="PS256"), 401, "algorithm_refused"),
    "crit": (lambda f, c: f.token("clinic", "basic", header={"crit": ["exp"]}), 401, "header_refused"),
    "jku": (lambda f, c: f.token("clinic", "basic", header={"jku": "https://evil.example/"}), 401, "header_refused"),
    "expired": (lambda f, c: f.token("clinic", "basic", exp=int(time.time()) - 5), 401, "token_expired"),
    "no expiry": (lambda f, c: f.token("clinic", "basic", exp=None), 403, "claim_missing"),
    "not yet": (lambda f, c: f.token("clinic", "basic", nbf=int(time.time()) + 600), 401, "token_not_yet_valid"),
    "wrong issuer": (lambda f, c: f.token("clinic", "basic", iss="https://workforce.example"), 401, "issuer_unknown"),
    "wrong audience": (lambda f, c: f.token("clinic", "basic", aud="other-app"), 401, "audience_mismatch"),
    "another app client": (lambda f, c: c.sign_in("ann", c.other_client)["IdToken"], 401, "audience_mismatch"),
    "wrong token_use": (lambda f, c: c.sign_in("ann")["AccessToken"], 401, "token_use_mismatch"),
    "no tenant": (lambda f, c: f.token("clinic", "basic", tenant_id=None), 403, "claim_missing"),
    "tenant is a list": (lambda f, c: f.token("clinic", "basic", tenant_id=["clinic"]), 403, "claim_invalid"),
    "an issuer that the tenant does not name": (
        lambda f, c: f.token("pharmacy", "standard"), 403, "issuer_not_for_tenant"),
    "unknown tenant": (lambda f, c: c.sign_in("who")["IdToken"], 403, "tenant_unknown"),
    "suspended tenant": (lambda f, c: c.sign_in("old")["IdToken"], 403, "tenant_suspended"),
    "unknown tier": (lambda f, c: f.token("clinic", "platinum"), 403, "tier_unknown"),
}


def spoilt(token):
    """Another first character of the signature."""
    head, body, signature = token.split(".")
    return f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


@pytest.mark.parametrize("case", TOKENS, ids=lambda name: name.replace(" ", "-"))
def test_a_token_that_is_not_good(case, front, forge, cognito, untouched):
    make, status, reason = TOKENS[case]
    token, before = make(forge, cognito), untouched()
    with Counted(front.bulkhead, "steered", reason) as left:
        answer = front.steered.invoke(ASK, token)
    assert answer.status == status, answer
    assert left.records[0][STATUS] == status
    assert untouched() == before
    assert "json" in answer.header("content-type")
    if token:
        assert token not in json.dumps(left.records) and token.encode() not in answer.body


def test_unknown_suspended_and_foreign_look_alike(front, forge, cognito):
    """THREATS 16: a caller cannot find out which organisations exist."""
    tokens = (cognito.sign_in("who")["IdToken"], cognito.sign_in("old")["IdToken"], forge.token("pharmacy", "standard"))
    answers = [front.steered.invoke(ASK, token) for token in tokens]
    def shape(answer):
        return answer.status, answer.body, sorted(k.lower() for k, _ in answer.headers)
    assert shape(answers[0]) == shape(answers[1]) == shape(answers[2])


def test_a_handle_beside_a_token_of_someone_else(front, ann, bob):
    handle = front.handle(ann)
    with Counted(front.bulkhead, "notes", "carriers_disagree"):
        answer = front.notes.request("GET", "/x", {"X-Api-Key": handle}, token=bob)
    assert answer.status == 403
    with Counted(front.bulkhead, "notes", "carriers_disagree"):
        answer = front.notes.request("GET", "/x", {"X-Api-Key": handle}, token=front.handle(bob))
    assert answer.status == 403


def test_a_broken_carrier_beside_a_good_one(front, ann):
    """One that fails refuses the request, whatever the others say."""
    handle = front.handle(ann)
    broken = handle[:-1] + ("A" if handle[-1] != "A" else "B")
    with Counted(front.bulkhead, "notes", "handle_invalid"):
        answer = front.notes.request("GET", "/x", {"X-Api-Key": broken}, token=handle)
    assert answer.status == 401


def test_a_handle_is_no_token_at_ingress(front, ann, untouched):
    handle, before = front.handle(ann), untouched()
    answer = front.steered.invoke(ASK, handle)
    assert answer.status == 401
    assert untouched() == before


def test_two_authorization_headers(front, ann, bob, untouched):
    before = untouched()
    answer = front.steered.invoke(ASK, headers=[("Authorization", f"Bearer {ann}"), ("Authorization", f"Bearer {bob}")])
    assert answer.status in (400, 401, 403)
    assert untouched() == before


def test_the_store_listener_without_a_carrier(front):
    for listener, caller in (("notes", front.notes), ("vectors", front.vectors)):
        with Counted(front.bulkhead, listener, "token_missing"):
            assert caller.request("GET", "/api/v2/version").status == 401


@pytest.mark.parametrize("spelling", ["x-tenant-id", "X_Tenant_Id", "X-TENANT-ID", "x_tenant-id", "X-Tenant-Tier",
                                      "x_user_id", "X-Bulkhead-Context"])
def test_spoofed_identity_headers(spelling, front, ann):
    """What a caller says of themselves never arrives, however it is spelt; what is true of them does, once."""
    stripped = front.bulkhead.metric("bulkhead_headers_stripped_total")
    with Trail(front.bulkhead, "steered") as trail:
        answer = front.steered.invoke(ASK, ann, headers=[(spelling, "hospital"), ("x-harmless", "stays")])
    assert answer.status == 200
    seen = [(name.lower().replace("_", "-"), value) for name, value in answer.json()["headers"]]
    assert ("x-harmless", "stays") in seen
    assert [value for name, value in seen if name == "x-tenant-id"] == ["clinic"]
    assert [value for name, value in seen if name == "x-tenant-tier"] == ["basic"]
    assert not [value for _, value in seen if "hospital" in value]
    assert trail.records[0][TENANT] == "clinic"
    assert front.bulkhead.metric("bulkhead_headers_stripped_total") == stripped + 1


def test_policy_denial(front, cognito, memory):
    visitor = cognito.sign_in("vic")["IdToken"]
    assert front.notes.request("GET", "/notes/none", token=visitor).status == 404
    before = len(memory.seen())
    with Counted(front.bulkhead, "notes", "policy_denied") as left:
        answer = front.notes.request("PUT", "/notes/plan", token=visitor, body=b"x")
    assert answer.status == 403
    assert len(memory.seen()) == before
    assert "visitors-read-only" in json.dumps(left.records)


def test_unknown_operations(front, ann, untouched):
    before = untouched()
    cases = [("DELETE", "/invocations"), ("POST", "/admin"), ("GET", "/invocations/x"), ("PUT", "/ping")]
    with Trail(front.bulkhead, "steered", len(cases)) as trail:
        for method, path in cases:
            answer = front.steered.request(method, path, token=ann)
            assert answer.status in (403, 404, 405), (method, path, answer)
    assert untouched() == before
    assert {record[REASON] for record in trail.records} <= {"operation_unknown", "route_unknown"}


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "PROPFIND"])
def test_methods_that_nobody_serves(front, method, ann):
    answer = front.steered.raw(
        f"{method} /invocations HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ann}\r\n\r\n".encode())
    assert answer.status in (400, 403, 404, 405, 501)


SMUGGLING = {
    "CL and TE": b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two CL": b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello",
    "odd TE": b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "obs-fold": b"GET /ping HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n c\r\n\r\n",
    "space before colon": b"GET /ping HTTP/1.1\r\nHost : localhost\r\n\r\n",
    "bare LF": b"GET /ping HTTP/1.1\nHost: localhost\n\n",
    "no Host": b"GET /ping HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET /ping HTTP/1.1\r\nHost: localhost\r\nHost: other\r\n\r\n",
    "h2c": b"GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
}


@pytest.mark.parametrize("case", SMUGGLING, ids=lambda name: name.replace(" ", "-"))
def test_requests_with_two_readings(case, front, untouched, ann):
    before = untouched()
    data = SMUGGLING[case].replace(b"Host: localhost\r\n", f"Host: localhost\r\nAuthorization: Bearer {ann}\r\n".encode(), 1)
    answer = front.steered.raw(data)
    assert answer.status in (400, 401, 403, 404, 501), answer
    assert untouched() == before


class TestTierDrift:
    """Ann's token says premium, the registry says basic."""

    def test_lesser_serves_the_lesser_and_counts(self, front, cognito):
        token = cognito.sign_in("up")["IdToken"]
        with Trail(front.bulkhead, "steered") as trail:
            answer = front.steered.invoke(ASK, token)
        assert answer.status == 200
        assert ["basic"] == [value for name, value in answer.json()["headers"] if name.lower() == "x-tenant-tier"]
        assert trail.records[0][TIER] == "basic"
        assert front.bulkhead.metric("bulkhead_tier_drift_total") >= 1

    def test_refuse_refuses(self, make_bulkhead, cognito, steered, run):
        strict = make_bulkhead("strict", {"identity": {"tier_drift": "refuse"}})
        from conftest import Front
        front = Front(strict)
        token = cognito.sign_in("up")["IdToken"]
        with Counted(strict, "steered", "tier_drift"):
            assert front.steered.invoke(ASK, token).status == 403
        assert front.steered.invoke(ASK, cognito.sign_in("ann")["IdToken"]).status == 200


def test_cognito_tokens_are_what_they_seem(cognito):
    """The peer itself: if these change, the tests above prove less."""
    held = cognito.sign_in("ann")
    header, claims = parts(held["IdToken"])
    assert header["alg"] == "RS256" and claims["token_use"] == "id"
    assert claims["custom:tenant_id"] == "clinic" and claims["aud"] == cognito.client
    assert "custom:tenant_id" not in parts(held["AccessToken"])[1]
