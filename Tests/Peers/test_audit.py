# SPDX-License-Identifier: Apache-2.0
"""The audit log: a store that gives out another tenant's data, callers who forge, and a log that shows what was changed in it."""

import hashlib
import json

import pytest
from harness.names import REASON, TENANT
from harness.process import wait_until
from harness.scripted import Scripted
from harness.stores import Doors

COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections"
SECRET = "marrow-of-globex"


def collection(owner, name):
    return {"id": "6f1ee5a8-0001-4222-8333-444455556666", "name": name, "tenant": owner, "database": "default_database",
            "configuration_json": {}, "schema": None, "metadata": None, "dimension": None, "log_position": 0, "version": 0}


@pytest.fixture(scope="module")
def lies():
    """What the store answers next."""
    return {}


@pytest.fixture(scope="module")
def doors(run, lies):
    def answer(method, target, headers, body):
        if method == "GET" and target.split("?")[0].endswith("/collections"):
            return 200, {}, lies["listing"]
        # Its compartments are there.
        return 409 if method == "POST" else 200, {}, {"error": "UniqueConstraintError", "message": "it exists"}

    store = Scripted(answer)
    doors = Doors(run / "audited", {"chroma": {"port": store.port, "adapter": "chroma"}}, changes={
        "telemetry": {"audit_log": {"path": "audit.jsonl"}}, "admin": {"socket": "admin.sock"}})
    yield doors
    doors.stop()
    store.stop()


def events(doors, name="audit.jsonl"):
    return [json.loads(line) for line in (doors.bulkhead.folder / name).read_text().splitlines()]


def await_event(doors, count):
    wait_until("the audit log has it", lambda: len(events(doors)) >= count, every=0.02)
    return events(doors)[-1]


def encoded(doors, tenant):
    done = doors.bulkhead.command("namespace", "encode", "--tenant", tenant)
    return done.stdout.strip()


def verify(doors, *files):
    done = doors.bulkhead.command("audit", "verify", *files, "--json")
    return done.returncode, json.loads(done.stdout)


def test_it_begins_with_the_process(doors):
    opened = events(doors)[0]
    assert opened["event"] == "opened" and opened["sequence"] == 1 and opened["previous"] == "0" * 64
    mode = (doors.bulkhead.folder / "audit.jsonl").stat().st_mode & 0o777
    assert mode & 0o027 == 0


def test_what_was_cut_off_is_written_down(doors, lies):
    globex = encoded(doors, "globex")
    lies["listing"] = [collection(encoded(doors, "acme"), "mine"), collection(globex, SECRET)]
    before, stopped = len(events(doors)), doors.bulkhead.metric("bulkhead_leaks_stopped_total")
    answer = doors.at("chroma", "acme").send("GET", COLLECTIONS)
    assert (answer.status, answer.header("x-bulkhead-reason")) == (502, "response_invalid")
    assert SECRET.encode() not in answer.body
    event = await_event(doors, before + 1)
    assert event["event"] == "leak_stopped" and event["error.type"] == "foreign_object"
    assert event[TENANT] == "acme" and event["bulkhead.route"] == "chroma" and event["bulkhead.operation"] == "collection_list"
    assert event["bulkhead.leak.rewrite"] == "tenant"
    assert event["bulkhead.leak.owner"] == hashlib.sha256(globex.encode()).hexdigest()
    text = (doors.bulkhead.folder / "audit.jsonl").read_text()
    assert SECRET not in text and "globex" not in text
    doors.bulkhead.settle()
    record = doors.bulkhead.records(trace_id=event["trace_id"])
    assert len(record) == 1 and record[0][REASON] == "foreign_object"
    assert doors.bulkhead.metric("bulkhead_leaks_stopped_total") == stopped + 1
    assert doors.bulkhead.metric("bulkhead_audit_events_total") == len(events(doors))


def test_so_is_what_comes_late_in_a_long_answer(doors, lies):
    """It is on its way in pieces by then: the caller gets half of it and no end."""
    acme = encoded(doors, "acme")
    lies["listing"] = [collection(acme, "c" * 200 + str(number)) for number in range(4000)] + [collection(encoded(doors, "globex"), SECRET)]
    before = len(events(doors))
    answer = doors.at("chroma", "acme").send("GET", COLLECTIONS)
    assert answer.status == 200 and not answer.whole and SECRET.encode() not in answer.body
    assert await_event(doors, before + 1)["event"] == "leak_stopped"


def test_one_without_a_mark_has_no_owner(doors, lies):
    lies["listing"] = [{key: value for key, value in collection("", SECRET).items() if key != "tenant"}]
    before = len(events(doors))
    assert doors.at("chroma", "acme").send("GET", COLLECTIONS).status == 502
    event = await_event(doors, before + 1)
    assert event["event"] == "leak_stopped" and "bulkhead.leak.owner" not in event


@pytest.mark.parametrize("path,headers,reason", [
    ("/api/v2/tenants/globex/databases/default_database/collections", {}, "tenant_foreign"),
])
def test_attacks_are_written_down(doors, path, headers, reason):
    before = len(events(doors))
    assert doors.at("chroma", "acme").send("GET", path, headers=headers).status >= 400
    event = await_event(doors, before + 1)
    assert (event["event"], event["error.type"]) == ("attack_refused", reason)


def test_mistakes_are_not(doors):
    doors.bulkhead.settle()
    before = len(events(doors))
    for path in ("/nowhere", COLLECTIONS + "?unheard=of", COLLECTIONS + "/6f1ee5a8-0001-4222-8333-444455556666"):
        assert doors.at("chroma", "acme").send("GET", path).status >= 400
    doors.bulkhead.settle()
    assert len(events(doors)) == before


def test_it_goes_on_in_a_new_file_and_in_a_new_process(doors, lies):
    folder = doors.bulkhead.folder
    (folder / "audit.jsonl").rename(folder / "audit.1.jsonl")
    assert doors.bulkhead.reload().returncode == 0
    assert events(doors)[0]["event"] == "opened"
    # Nothing has moved: nothing is said.
    assert doors.bulkhead.reload().returncode == 0
    assert len(events(doors)) == 1
    doors.bulkhead.stop()
    doors.bulkhead.start()
    assert [event["event"] for event in events(doors)] == ["opened", "opened"]
    lies["listing"] = [collection("t6globex", SECRET)]
    assert doors.at("chroma", "acme").send("GET", COLLECTIONS).status == 502
    await_event(doors, 3)
    code, report = verify(doors, "audit.1.jsonl", "audit.jsonl")
    assert code == 0 and report["breaks"] == [] and report["chains"] == 2 and report["beheaded"] == 0
    assert verify(doors, "audit.jsonl")[1]["beheaded"] == 1


def test_a_changed_log_shows(doors):
    lines = (doors.bulkhead.folder / "audit.1.jsonl").read_text().splitlines()
    changes = {
        "changed": [lines[0], lines[1].replace('"acme"', '"acme2"'), *lines[2:]],
        "shorter": [lines[0], *lines[2:]],
        "turned": [lines[0], lines[2], lines[1], *lines[3:]],
    }
    for name, changed in changes.items():
        path = doors.bulkhead.folder / f"{name}.jsonl"
        path.write_text("\n".join(changed) + "\n")
        code, report = verify(doors, path)
        assert code == 1 and report["breaks"], name
    assert doors.bulkhead.command("audit", "verify").returncode == 2
    assert doors.bulkhead.command("audit", "verify", "nowhere.jsonl").returncode == 1
    assert doors.bulkhead.command("audit", "--help").returncode == 0


def test_without_a_place_for_it_nothing_begins(doors):
    with doors.bulkhead.changed("bulkhead.yaml", lambda text: text.replace("audit.jsonl", "no/such/folder/audit.jsonl")):
        done = doors.bulkhead.reload()
        assert done.returncode == 1 and "no/such/folder" in done.stdout + done.stderr
