# SPDX-License-Identifier: Apache-2.0
"""10,000 requests at 64 connections while the agent streams slowly, is killed and comes back."""

import asyncio
import json
from collections import Counter

from harness.bulkhead import statuses
from harness.client import head, load, trust
from harness.names import OUTCOME, STATUS, TRACE, USER
from harness.process import accepts
from conftest import Steered

REQUESTS, CONNECTIONS, KILLS = 10_000, 64, 3


def asking(token, number):
    body = json.dumps({"do": "slow", "events": 1 + number % 4, "delay": 0.01}).encode()
    return head("POST", "/invocations", [("Authorization", f"Bearer {token}"), ("Content-Type", "application/json")],
                body, "localhost")


def test_no_request_hangs_and_each_has_one_record(make_bulkhead, forge, run):
    agent = Steered(run)
    bulkhead = make_bulkhead("load", {"upstreams": {"steered": {"endpoints": [f"127.0.0.1:{agent.port}"]}}})
    tokens = [forge.token(tenant, tier, user="load") for tenant, tier in (("clinic", "basic"), ("hospital", "premium"))]
    sent = 0

    def requests():
        nonlocal sent
        for number in range(REQUESTS):
            sent += 1
            yield asking(tokens[number % 2], number)

    async def go():
        running = asyncio.create_task(
            load(bulkhead.ports["steered"], trust(bulkhead.ca), requests(), CONNECTIONS, seconds_each=30))
        for kill in range(KILLS):
            while sent < REQUESTS * (kill + 1) // (KILLS + 1) and not running.done():
                await asyncio.sleep(0.01)
            await asyncio.to_thread(agent.process.kill)
            await asyncio.to_thread(agent.start)
        return await running

    answers, hung = asyncio.run(go())
    agent.process.stop()
    assert hung == 0 and len(answers) == sent == REQUESTS

    # Whole answers are the agent's or Bulkhead's own; one that was cut in mid-stream is cut for the caller too.
    kinds = Counter((answer.status, answer.whole) for answer in answers)
    assert kinds[200, True] > REQUESTS / 2 and len(kinds) > 1, kinds
    assert set(status for status, _ in kinds) <= {200, 502, 503, 504, 0}, kinds
    assert {status for (status, whole) in kinds if not whole} <= {200, 0}, kinds

    records = bulkhead.await_records(REQUESTS, seconds=20)
    assert len(records) == REQUESTS
    assert len({record[TRACE] for record in records}) == REQUESTS
    assert {record[USER] for record in records} == {"load"}
    told, kept = statuses(answers), Counter(record[STATUS] for record in records)
    assert kept[502] + kept[503] + kept[504] == told.get(502, 0) + told.get(503, 0) + told.get(504, 0), (told, kept)
    cut = sum(1 for answer in answers if answer.status == 200 and not answer.whole)
    assert sum(1 for r in records if r[STATUS] == 200 and r[OUTCOME] != "allowed") >= cut * 0.9, (cut, kinds)

    # Nothing is left behind: connections, descriptors.
    assert bulkhead.process.running() and bulkhead.is_ready()
    assert not accepts(agent.port)
    assert bulkhead.process.descriptors() < 120
