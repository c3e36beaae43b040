# SPDX-License-Identifier: Apache-2.0
"""The admin plane, and the commands that only look: check, explain, version."""

import json
import shutil
import subprocess

import pytest
from harness.bulkhead import binary
from harness.names import REFUSALS, REQUESTS
from prometheus_client.parser import text_string_to_metric_families


def test_health_and_readiness_are_open(front):
    assert front.bulkhead.admin("/healthz")[0] == 200
    assert front.bulkhead.admin("/readyz")[0] == 200


@pytest.mark.parametrize("token", [None, "wrong", "Bearer", "0" * 64])
def test_metrics_want_the_token(front, token):
    status, headers, body = front.bulkhead.admin("/metrics", token)
    assert status == 401 and b"bulkhead_" not in body


def test_nothing_else_is_there(front):
    for path in ("/", "/config", "/debug", "/../etc/passwd", "/metrics/../healthz"):
        assert front.bulkhead.admin(path)[0] in (400, 401, 404), path
    for path in ("/", "/config"):
        assert front.bulkhead.admin(path, front.bulkhead.admin_token)[0] == 404
    assert front.bulkhead.admin("/metrics", front.bulkhead.admin_token, method="DELETE")[0] in (403, 404, 405)


def test_metrics_parse_and_no_series_stands_twice(front, ann):
    assert front.ingress.invoke({"do": "echo"}, ann).status == 200
    samples = front.bulkhead.metrics()
    assert front.bulkhead.metric(REQUESTS, tenant="clinic") >= 1
    assert front.bulkhead.metric(REQUESTS) >= front.bulkhead.metric(REQUESTS, tenant="clinic")
    families = list(text_string_to_metric_families(front.bulkhead.metrics_text()))
    for family in families:
        assert family.documentation, f"{family.name} has no help"
        assert family.type in ("counter", "gauge", "histogram"), family
    assert samples


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_promtool(front):
    done = subprocess.run(["promtool", "check", "metrics"], input=front.bulkhead.metrics_text(), capture_output=True,
                          text=True, timeout=20)
    assert done.returncode == 0, done.stdout + done.stderr


def test_requests_and_records_agree(make_bulkhead, ann, bob, forge):
    from conftest import Front
    bulkhead = make_bulkhead("agree")
    front = Front(bulkhead)
    for token in (ann, bob, None, forge.broken("clinic", "basic"), ann):
        front.steered.invoke({"do": "headers"}, token)
    assert len(bulkhead.await_records(5)) == 5
    assert bulkhead.metric(REQUESTS) == 5
    assert bulkhead.metric(REFUSALS) == 2


def test_check(front, tmp_path):
    assert front.bulkhead.command("check", "--config", front.bulkhead.file).returncode == 0
    broken = front.bulkhead.folder / "broken.yaml"
    broken.write_text(front.bulkhead.file.read_text().replace('"workers"', '"wrokers"'))
    done = front.bulkhead.command("check", "--config", broken)
    assert done.returncode == 1 and "broken.yaml:3:" in done.stdout + done.stderr and "wrokers" in done.stdout + done.stderr
    assert front.bulkhead.command("check").returncode == 2


def explain(front, token, path, *more):
    done = front.bulkhead.command("explain", "--config", front.bulkhead.file, "--listener", "notes", "--token", token,
                                  "--method", "PUT", "--path", path, "--json", *more)
    assert token not in done.stdout + done.stderr
    return done.returncode, json.loads(done.stdout)


def test_explain(front, forge, memory):
    """Who, where and why; nothing is sent."""
    before = len(memory.seen())
    status, text = explain(front, forge.token("clinic", "basic"), "/notes/x")
    assert status == 0 and text["allowed"] is True
    assert "/tenants/t6clinic/notes/x" in json.dumps(text) and "tenant-uses-stores" in json.dumps(text)
    status, text = explain(front, forge.token("hospital", "premium", groups=["visitors"]), "/notes/x")
    assert status == 1 and text["allowed"] is False and text["refused"] == "policy_denied"
    status, text = explain(front, forge.broken("clinic", "basic"), "/notes/x")
    assert status == 1 and text["refused"] == "signature_invalid"
    assert len(memory.seen()) == before


def test_version():
    done = subprocess.run([str(binary()), "version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("bulkhead ")


def test_secrets_are_nowhere(front, ann):
    """Keys, tokens and handles do not stand in records, log or metrics."""
    handle = front.handle(ann)
    text = (front.bulkhead.folder / "records.jsonl").read_text()
    text += (front.bulkhead.folder / "bulkhead.log").read_text() + front.bulkhead.metrics_text()
    for secret in (ann, ann.rsplit(".", 1)[1], handle, front.bulkhead.admin_token):
        assert secret not in text
    assert json.loads(text.splitlines()[0])
