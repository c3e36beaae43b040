# SPDX-License-Identifier: Apache-2.0
"""Agents that misbehave: what they do wrong stays with the request that they did it to."""

import uuid

import pytest
from harness.bulkhead import Trail
from harness.client import Caller
from harness.names import OUTCOME, REASON, STATUS
from harness.process import free_port
from test_streams import ask, read_until

CHUNKED = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"


def reply(front, token, text, close=False):
    return front.steered.invoke({"do": "raw", "bytes": text, "close": close}, token)


# What the agent answers (and whether it then hangs up).
CUT = {
    "in a chunk": CHUNKED + "ff\r\nonly this",
    "between chunks": CHUNKED + "5\r\nwhole\r\n",
    "in a body of known length": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
}


@pytest.mark.parametrize("case", CUT, ids=lambda name: name.replace(" ", "-"))
def test_a_cut_answer_looks_cut(case, front, ann):
    """Half an answer must never pass for a whole one."""
    with Trail(front.bulkhead, "steered") as trail:
        answer = reply(front, ann, CUT[case], close=True)
    assert answer.status == 502 or not answer.whole, answer
    assert trail.records[0][OUTCOME] == "failed" and trail.records[0][REASON], trail.records


GARBAGE = {
    "not HTTP": "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "HTTP/0.9": "<html>hello</html>\r\n\r\n",
    "two lengths": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "length and chunks": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a broken chunk size": CHUNKED + "zz\r\nhello\r\n0\r\n\r\n",
    "a folded header": "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "a header with NUL": "HTTP/1.1 200 OK\r\nX-A: b\0c\r\nContent-Length: 0\r\n\r\n",
    "101 without asking": "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
}


@pytest.mark.parametrize("case", GARBAGE, ids=lambda name: name.replace(" ", "-"))
def test_an_answer_that_is_none(case, front, ann):
    with Trail(front.bulkhead, "steered") as trail:
        answer = reply(front, ann, GARBAGE[case], close=True)
    assert answer.status == 502 or not answer.whole, answer
    assert trail.records[0][OUTCOME] == "failed", trail.records


def test_an_answer_too_many_reaches_nobody(front, ann, bob):
    """Two answers for one request: the second must not become somebody's, whoever asks next."""
    evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    for first, second in ((ann, bob), (bob, ann), (ann, ann)):
        answer = reply(front, first, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood" + evil)
        assert answer.body in (b"good", b"") or answer.status == 502
        for token in (second, first, second):
            answer = front.steered.invoke({"do": "headers"}, token)
            assert answer.status == 200 and b"evil" not in answer.body, answer


def test_connections_are_not_shared_between_tenants(front, ann, bob):
    """THREATS 18: a pool is keyed by tenant, so that a desynchronised connection cannot cross."""
    used = {"ann": set(), "bob": set()}
    for _ in range(6):
        for name, token in (("ann", ann), ("bob", bob)):
            used[name].add(front.steered.invoke({"do": "headers"}, token).json()["connection"])
    assert not used["ann"] & used["bob"]
    assert len(used["ann"]) + len(used["bob"]) < 12, "connections are kept and used again"


def test_what_is_ours_does_not_come_back(front, ann):
    """THREATS 6: an agent that echoes its request's headers gives nothing of Bulkhead's away."""
    handle = front.steered.invoke({"do": "headers"}, ann).json()["headers"]
    handle = next(value for name, value in handle if name.lower() == "authorization")
    answer = reply(front, ann, (
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Tenant-Id: clinic\r\nx_user_id: u\r\nX-Bulkhead-Context: t\r\n"
        f"Authorization: {handle}\r\nTraceparent: 00-{'1' * 32}-{'2' * 16}-01\r\nX-Plain: kept\r\n\r\nok"))
    names = {name.lower().replace("_", "-") for name, _ in answer.headers}
    assert answer.header("x-plain") == "kept"
    assert not names & {"x-tenant-id", "x-tenant-tier", "x-user-id", "x-bulkhead-context", "authorization"}, answer
    assert "bhh1_" not in str(answer.headers)


def test_a_caller_who_leaves(front, steered, ann):
    """The stream ends for the agent too, and the record says who left."""
    with Trail(front.bulkhead, "steered") as trail:
        with front.steered.connect() as connection:
            connection.sendall(ask({"do": "gated", "name": uuid.uuid4().hex}, ann))
            read_until(connection, b"data: first\n\n")
    assert trail.records[0][OUTCOME] == "abandoned" and trail.records[0][REASON] == "caller_gone"
    assert trail.records[0].get(STATUS) in (200, 499)


def test_an_agent_that_is_not_there(make_bulkhead, ann):
    bulkhead = make_bulkhead("nobody", {"upstreams": {"steered": {"endpoints": [f"127.0.0.1:{free_port()}"]}}})
    with Trail(bulkhead, "steered") as trail:
        answer = Caller(bulkhead.ports["steered"], bulkhead.ca).invoke({"do": "headers"}, ann)
    assert answer.status == 502 and "json" in answer.header("content-type")
    assert trail.records[0][REASON] == "upstream_unreachable"


def test_an_agent_that_never_answers(make_bulkhead, ann):
    bulkhead = make_bulkhead("silent", {"upstreams": {"steered": {"timeouts": {"response": "300ms"}}}})
    with Trail(bulkhead, "steered") as trail:
        answer = Caller(bulkhead.ports["steered"], bulkhead.ca).request(
            "POST", "/invocations", {"X-Test-Sink": "never", "Content-Type": "application/json"}, b"{}", ann)
    assert answer.status == 504
    assert trail.records[0][REASON] == "upstream_timed_out"
