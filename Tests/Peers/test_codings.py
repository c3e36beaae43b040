# SPDX-License-Identifier: Apache-2.0
"""Bodies in gzip: a table reads what they stand for, the store gets it plain, and nothing that is odd about one passes."""

import gzip
import json
import zlib

import pytest
from harness.scripted import Scripted
from harness.stores import Doors

DATABASE = "/api/v2/tenants/default_tenant/databases/default_database"
CREATE = {"name": "notes", "get_or_create": False}
JSON = "application/json"


@pytest.fixture(scope="module")
def says():
    return {}


@pytest.fixture(scope="module")
def store(says):
    def answer(method, target, headers, body):
        if method == "GET" and "answer" in says:
            return says["answer"]
        return 409 if method == "POST" else 200, {}, {"error": "UniqueConstraintError", "message": "it exists"}

    store = Scripted(answer)
    yield store
    store.stop()


@pytest.fixture(scope="module")
def acme(run, store):
    doors = Doors(run / "codings", {"chroma": {"port": store.port, "adapter": "chroma"}},
                  changes={"limits": {"buffered_body_bytes": "2MiB"}})
    yield doors.at("chroma", "acme")
    doors.stop()


def create(acme, store, body, coding="gzip", more=()):
    del store.seen[:]
    headers = [("Content-Type", JSON), *([("Content-Encoding", coding)] if coding else []), *more]
    answer = acme.caller.request("POST", f"{DATABASE}/collections", headers, body, acme.token)
    return answer, [seen for seen in store.seen if seen[1].endswith("/collections")]


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip"])
def test_it_is_read_and_goes_on_plain(acme, store, coding):
    plain, (sent,) = create(acme, store, json.dumps(CREATE).encode(), None)
    packed, (got,) = create(acme, store, gzip.compress(json.dumps(CREATE).encode()), coding)
    assert (packed.status, packed.body) == (plain.status, plain.body)
    assert got[1] == sent[1] and got[3] == sent[3]
    fields = {name.lower(): value for name, value in got[2].items()}
    assert "content-encoding" not in fields and fields["content-length"] == str(len(got[3]))


def test_a_large_one_is_read_whole(acme, store):
    """What comes in is larger than what is collected, and what comes out larger still."""
    words = [f"{zlib.crc32(bytes([n & 255, n >> 8])):x}{n}" for n in range(60_000)]
    body = json.dumps({**CREATE, "metadata": {word: word for word in words}}).encode()
    packed = gzip.compress(body, 1)
    assert len(packed) > 256 << 10
    answer, (got,) = create(acme, store, packed)
    assert answer.status == 409 and got[3] == body


def test_what_stands_in_it_is_held_to_the_table(acme, store):
    for change in ({"tenant": "t6globex"}, {"unheard": "of"}):
        answer, got = create(acme, store, gzip.compress(json.dumps({**CREATE, **change}).encode()))
        assert answer.status == 400 and not got
    answer, got = create(acme, store, gzip.compress(b'{"name":"a","name":"b"}'))
    assert answer.header("x-bulkhead-reason") == "member_duplicate" and not got


@pytest.mark.parametrize("coding", ["deflate", "br", "zstd", "gzip, gzip", "gzip,identity", "identity, gzip", "gzip;q=1", "gzip gzip", ""])
def test_other_codings_are_refused(acme, store, coding):
    answer, got = create(acme, store, gzip.compress(json.dumps(CREATE).encode()), None, [("Content-Encoding", coding)])
    assert answer.status in (400, 415) and not got, answer


def test_two_codings_are_refused(acme, store):
    for more in ("gzip", "identity"):
        answer, got = create(acme, store, gzip.compress(json.dumps(CREATE).encode()), "gzip", [("Content-Encoding", more)])
        assert answer.status == 415 and not got
    # A name that only looks like the header is none: the bytes are no JSON.
    answer, got = create(acme, store, gzip.compress(json.dumps(CREATE).encode()), None, [("Content_Encoding", "gzip")])
    assert answer.status == 400 and not got


WHOLE = gzip.compress(json.dumps(CREATE).encode(), mtime=0)


@pytest.mark.parametrize("body", [
    json.dumps(CREATE).encode(), WHOLE[:-1], WHOLE[:-8], WHOLE[:10], WHOLE[:1], WHOLE + b"\0", WHOLE + WHOLE, WHOLE + b"{}", b" " + WHOLE,
    WHOLE[:-8] + bytes(8), WHOLE[:3] + b"\x04" + WHOLE[4:], gzip.compress(WHOLE), zlib.compress(json.dumps(CREATE).encode()),
    gzip.compress(b""), gzip.compress(b"\xff\xfe{"), gzip.compress(json.dumps(CREATE).encode() + b"{}"),
], ids=range(16))
def test_broken_ones_are_refused(acme, store, body):
    answer, got = create(acme, store, body)
    assert (answer.status, answer.header("x-bulkhead-reason")) == (400, "body_invalid") and not got


@pytest.mark.parametrize("size", [3 << 20, 64 << 20])
def test_bombs_are_refused(acme, store, size):
    """Beyond `buffered_body_bytes`, and more from each byte than text makes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join([packer.compress(b'{"name":"'), *(packer.compress(b"a" * (1 << 20)) for _ in range(size >> 20)), packer.flush()])
    answer, got = create(acme, store, packed)
    assert answer.status == 413 and not got
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    small = packer.compress(b" " * (1 << 20) + json.dumps(CREATE).encode()) + packer.flush()
    answer, got = create(acme, store, small)
    assert answer.status == 413 and not got


def test_a_store_is_asked_for_plain_answers(acme, store, says):
    del store.seen[:]
    says["answer"] = 200, {}, []
    assert acme.send("GET", f"{DATABASE}/collections", headers={"Accept-Encoding": "gzip, br"}).status == 200
    asked = [value for seen in store.seen for name, value in seen[2].items() if name.lower() == "accept-encoding"]
    assert asked[-1:] == ["identity"] and "gzip" not in str(asked)


@pytest.mark.parametrize("status", [200, 404, 500])
def test_one_that_compresses_all_the_same_shows_nothing(acme, says, status):
    said = gzip.compress(json.dumps([{"tenant": "t6globex", "name": "marrow"}]).encode())
    says["answer"] = status, {"Content-Type": JSON, "Content-Encoding": "gzip"}, said
    answer = acme.send("GET", f"{DATABASE}/collections")
    assert answer.status == (502 if status == 200 else status)
    assert said not in answer.body and b"marrow" not in answer.body and answer.header("content-encoding") is None
