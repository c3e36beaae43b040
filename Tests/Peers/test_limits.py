# SPDX-License-Identifier: Apache-2.0
"""Limits of resources: beyond each, what is new is turned away, and what is there goes on."""

import socket
import uuid

import pytest
from harness.client import Caller
from harness.names import REASON
from harness.process import LOOPBACK, wait_until
from test_streams import ask, read_until

REFUSED = "bulkhead_connections_refused_total"


def connect(port):
    return socket.create_connection((LOOPBACK, port), timeout=10)


@pytest.mark.parametrize("limit, changes, wanted", [
    ("listener", {}, 4),
    ("address", {"limits": {"connections_per_address": 6}}, 6),
])
def test_connections(make_bulkhead, forge, limit, changes, wanted):
    """Over both workers, exactly so many, and one more for each that leaves."""
    bulkhead = make_bulkhead(f"connections-{limit}", changes, start=False)
    if limit == "listener":
        next(l for l in bulkhead.configuration["listeners"] if l["name"] == "notes")["connections"] = wanted
    bulkhead.write()
    bulkhead.start()
    accepted = lambda: bulkhead.metric("bulkhead_connections_accepted_total")
    held = [connect(bulkhead.ports["notes"]) for _ in range(wanted)]
    wait_until("all are in", lambda: accepted() == wanted)
    with connect(bulkhead.ports["notes"]) as extra:
        assert extra.recv(1) == b""
    assert bulkhead.metric(REFUSED, limit=limit) == 1 and bulkhead.metric(REFUSED) == 1
    if limit == "listener":
        with connect(bulkhead.ports["vectors"]):
            wait_until("another listener has its own", lambda: accepted() == wanted + 1)
    held.pop().close()
    wait_until("one has left", lambda: bulkhead.metric("bulkhead_connections_closed_total") >= 1)
    answer = Caller(bulkhead.ports["notes"]).request("PUT", "/notes/x", token=forge.token("clinic", "basic"), body=b"x")
    assert answer.status == 204
    for connection in held:
        connection.close()


def test_exchanges(make_bulkhead, forge, steered):
    """Two are under way: the third is turned away in its own words, and both end as they should."""
    bulkhead = make_bulkhead("exchanges", {"workers": 1, "limits": {"exchanges": 2}})
    caller = Caller(bulkhead.ports["steered"], bulkhead.ca)
    token = forge.token("clinic", "basic")
    gates = [uuid.uuid4().hex for _ in range(2)]
    streams = [caller.connect() for _ in gates]
    for gate, stream in zip(gates, streams):
        stream.sendall(ask({"do": "gated", "name": gate}, token))
        read_until(stream, b"data: first\n\n")
    answer = caller.invoke({"do": "headers"}, token)
    assert answer.status == 503 and answer.header("x-bulkhead-reason") == "overloaded"
    assert answer.header("retry-after") == "1"
    for gate, stream in zip(gates, streams):
        steered.control(f"/gate/open?name={gate}")
        assert b"data: second\n\n" in read_until(stream, b"0\r\n\r\n")
        stream.close()
    assert caller.invoke({"do": "headers"}, token).status == 200
    assert len(bulkhead.await_records(1, **{REASON: "overloaded"})) == 1


def test_memory(make_bulkhead, forge):
    """Above the mark new requests are turned away; a reload with another mark lets them in again."""
    bulkhead = make_bulkhead("memory", {"limits": {"memory_bytes": "16MiB"}, "reload": {"watch": False},
                                        "admin": {"socket": "admin.sock"}})
    caller = Caller(bulkhead.ports["steered"], bulkhead.ca)
    token = forge.token("clinic", "basic")
    wait_until("memory is short", lambda: caller.invoke({"do": "headers"}, token).status == 503)
    assert bulkhead.metric("bulkhead_overloaded") == 1 and bulkhead.metric("process_resident_memory_bytes") > 16 << 20
    bulkhead.configuration["limits"]["memory_bytes"] = "64GiB"
    bulkhead.write()
    assert bulkhead.reload().returncode == 0
    wait_until("all is well", lambda: caller.invoke({"do": "headers"}, token).status == 200)
    assert bulkhead.metric("bulkhead_overloaded") == 0


def test_the_admin_plane_has_an_end(make_bulkhead):
    bulkhead = make_bulkhead("admin-limit")
    held = [connect(bulkhead.admin_port) for _ in range(64)]
    with connect(bulkhead.admin_port) as extra:
        assert extra.recv(1) == b""
    for connection in held:
        connection.close()
    wait_until("there is room again", bulkhead.is_ready)
