# SPDX-License-Identifier: Apache-2.0
"""Hostile requests through Bulkhead to origins of eight families: each origin sees what the caller sent as one request, and all
the same, or nothing. And hostile responses towards the caller: the answer to one request is never taken for another's.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote_to_bytes

import h11
import pytest
from harness import origins as families
from harness.answers import REPLIES
from harness.llhttp import requests as llhttp_requests
from harness.llhttp import responses as llhttp_responses
from harness.sealed import COMPARTMENT, Sealed, Shape
from harness.talk import talk
from harness.variants import REFUSED, everything
from harness.witness import Witness

# What proxies add, or write their own way.
OF_THE_HOP = {"host", "connection", "content-length", "transfer-encoding", "via", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host",
              "x-request-id", "accept-encoding", "user-agent", "te", "keep-alive", "forwarded", "x-envoy-expected-rq-timeout-ms",
              "x-envoy-external-address", "x-envoy-internal", "trailer"}
# These fold names, as CGI did.
PYTHON = {"gunicorn", "waitress"}
# Different in each request, whoever sends it.
FRESH = {"authorization", "baggage", "traceparent", "x-bulkhead-context"}


@pytest.fixture(scope="module")
def sealed(run, forge):
    absent = families.missing()
    if absent:
        pytest.fail(f"{', '.join(absent)} not installed: run Deploy/test.sh, or see Tests/README.md")
    folder = run / "smuggling"
    folder.mkdir()
    witness = Witness()
    made = Sealed(folder, forge, witness, families.start(folder, witness))
    yield made
    made.stop()


def fields(request):
    """Names folded as the most careless origin folds them, with their values in order."""
    found = {}
    for name, value in request.headers:
        found.setdefault(name.lower().replace("_", "-"), []).append(value)
    return {name: ["…"] if name in FRESH else values for name, values in found.items() if name not in OF_THE_HOP}


def everywhere(sealed, adapter, data, wanted, methods=()):
    """Sends the same bytes to all origins at once: {family: (answers, ended, seen)}."""
    def one(origin):
        origin.take()
        if origin.witness is not None:
            origin.witness.take()
        answers, ended = talk(sealed.bulkhead.ports[f"{adapter}-{origin.name}"], data, wanted, methods)
        return origin.name, (answers, ended, origin.take())
    with ThreadPoolExecutor(len(sealed.origins)) as pool:
        return dict(pool.map(one, sealed.origins))


def sound(sealed):
    """What went to the witness itself, byte for byte: nothing there that two readers could part otherwise."""
    for raw, fault in sealed.origins[0].witness.take():
        assert not fault or "without sending complete message body" in fault, (fault, raw)
        assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", raw), raw
        for head in re.findall(rb"(?s)(?:^|\r\n)((?:GET|POST) [^\r]* HTTP/1\.1\r\n.*?\r\n\r\n)", raw):
            names = [name.lower().replace(b"_", b"-") for name in re.findall(rb"\r\n([^:\r\n]*):", head)]
            framing = [name for name in names if name in (b"content-length", b"transfer-encoding")]
            assert len(framing) <= 1 and names.count(b"host") == 1, head


VARIANTS = everything()


@pytest.mark.parametrize("adapter", ["rest", "agentcore-runtime"])
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_one_reading_or_none(variant, adapter, sealed):
    shape = Shape(adapter, sealed.token)
    if variant.method != b"POST" and adapter != "rest":
        pytest.skip("the table has no such method")
    expected = []
    if variant.sees is not REFUSED:
        expected.append((variant.method.decode(), "variant", variant.sees))
        if variant.goes_on:
            expected.append(("GET", "probe", b""))
    found = everywhere(sealed, adapter, shape.whole(variant), max(len(expected), 1))
    told = None
    for family, (answers, ended, seen) in found.items():
        assert [shape.seen(request) for request in seen] == expected, (family, [answer.status for answer in answers])
        assert ended, (family, answers)
        statuses = [answer.status for answer in answers]
        if expected:
            assert statuses == [200] * len(expected), (family, answers)
            assert [answer.body.split()[-1].split(b"/")[-1] for answer in answers] == [case.encode() for _, case, _ in expected], answers
        else:
            assert len(statuses) <= 1 and all(status >= 400 for status in statuses), (family, answers)
        for request in seen:
            assert not [pair for pair in request.headers + request.trailers if "evil" in pair[1]], (family, request)
            if family not in PYTHON:
                assert not {name.lower() for name, _ in request.headers} & set(variant.without), (family, request)
            if adapter == "agentcore-runtime":
                assert [value for name, value in request.headers if name.lower() == "x-tenant-id"] == ["clinic"], request
        read = [fields(request) for request in seen]
        assert told is None or read == told, (family, read, told)
        told = read
    sound(sealed)



def spoken_for(data, token):
    """llhttp's cases know neither Host nor tokens: each HTTP/1.1 request line gets what it has not."""
    lines = data.split(b"\n")
    for index, line in enumerate(lines):
        if not line.endswith((b" HTTP/1.1\r", b" HTTP/1.0\r")):
            continue
        head = []
        for following in lines[index + 1:]:
            if following == b"\r":
                break
            head.append(following.partition(b":")[0].lower())
        added = b"\nAuthorization: Bearer %s\r" % token.encode() if b"authorization" not in head else b""
        if b"host" not in head and line.endswith(b"1.1\r"):
            added += b"\nHost: localhost\r"
        lines[index] = line + added
    return b"\n".join(lines)


def readings(data):
    """The requests that an independent reader finds, up to what it refuses or the last one of the connection. One empty line
    before each is nothing (RFC 9112 §2.2), which h11 does not know."""
    found = []
    while True:
        reader = h11.Connection(h11.SERVER)
        reader.receive_data(data.removeprefix(b"\r\n"))
        request, body = None, b""
        try:
            while not isinstance(event := reader.next_event(), h11.EndOfMessage):
                if isinstance(event, h11.Request):
                    request = event
                elif isinstance(event, h11.Data):
                    body += event.data
                else:
                    return found
        except h11.RemoteProtocolError:
            return found
        target = re.sub(rb"^https?://[^/?]*", b"", request.target) or b"/"
        found.append((request.method.decode(), unquote_to_bytes(target), body))
        if reader.their_state is h11.MUST_CLOSE:
            return found
        data = reader.trailing_data[0]


@pytest.mark.parametrize("name,data", [pytest.param(name, data, id=f"{number} {name}") for number, (name, data)
                                       in enumerate(llhttp_requests())])
def test_nothing_is_seen_that_an_independent_reader_does_not_find(name, data, sealed):
    """llhttp's own requests. h11 says what stands in them; Bulkhead may refuse more, and never finds another."""
    whole = spoken_for(data, sealed.token)
    allowed = readings(whole)
    told = None
    for family, (answers, _, seen) in everywhere(
            sealed, "rest", whole, len(allowed) + 1, [method for method, _, _ in allowed]).items():
        read = [(request.method, unquote_to_bytes(COMPARTMENT.sub("/", request.target)), request.body) for request in seen]
        assert read == allowed[:len(read)], (family, answers)
        served = [answer for answer in answers if answer.status < 400]
        assert len(served) == len(read), (family, answers)
        assert told is None or read == told, (family, read, told)
        told = read
    sound(sealed)


SMUGGLED = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled"


@pytest.mark.parametrize("adapter", ["rest", "agentcore-runtime"])
@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: reply.name)
def test_an_answer_is_its_own_requests_answer(reply, adapter, sealed):
    """Two requests of one connection, the first one answered by a hostile origin with a second answer behind the first."""
    shape = Shape(adapter, sealed.token)
    sealed.witness.answers["hostile"] = (reply.bytes.replace(b"{smuggled}", SMUGGLED), reply.ends)
    method = b"HEAD" if reply.method == "HEAD" and adapter == "rest" else b"GET" if adapter == "rest" else b"POST"
    if reply.method == "HEAD" and adapter != "rest":
        pytest.skip("the table has no HEAD")
    data = shape.request(b"hostile", method) + shape.request(b"probe", b"GET", lines=b"Connection: close\r\n")
    answers, ended = talk(sealed.bulkhead.ports[f"{adapter}-witness"], data, 2, [method.decode(), "GET"])
    assert ended, answers
    whole = reply.body is not None
    if whole:
        assert answers and answers[0].status == reply.status and answers[0].body == reply.body, answers
    else:
        assert not answers or answers[0].status == 502, answers
    for answer in answers[1:]:
        assert answer.status == 200 and answer.body.endswith(b"probe"), answers
    assert not whole or len(answers) == 2, answers
    # Whoever asks next, on whichever connection, has an answer of his own too.
    after, _ = talk(sealed.bulkhead.ports[f"{adapter}-witness"], shape.request(b"after", b"GET", lines=b"Connection: close\r\n"), 1)
    assert [answer.body.split()[-1].split(b"/")[-1] for answer in after] == [b"after"], after
    assert b"smuggled" not in b"".join(answer.body for answer in answers + after)


def first_reading(data):
    """Status and body of the first final response that an independent client finds whole, or None."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "localhost")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    client.receive_data(b"")
    status, body = None, b""
    try:
        while True:
            event = client.next_event()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                return status, body
            elif not isinstance(event, h11.InformationalResponse):
                return None
    except h11.RemoteProtocolError:
        return None


@pytest.mark.parametrize("name,data", [pytest.param(name, data, id=f"{number} {name}") for number, (name, data)
                                       in enumerate(llhttp_responses())])
def test_no_response_is_read_otherwise(name, data, sealed):
    """llhttp's own responses, after which the origin closes: the caller gets what h11 reads, or sees that there is none."""
    shape = Shape("rest", sealed.token)
    sealed.witness.answers["hostile"] = (data, True)
    asked = shape.request(b"hostile", b"GET") + shape.request(b"probe", b"GET", lines=b"Connection: close\r\n")
    answers, ended = talk(sealed.bulkhead.ports["rest-witness"], asked, 2)
    assert ended, answers
    if answers and answers[0].status != 502:
        assert (answers[0].status, answers[0].body) == first_reading(data), answers
    for answer in answers[1:]:
        assert answer.status == 200 and answer.body.endswith(b"probe"), answers
