# SPDX-License-Identifier: Apache-2.0
"""Every public method of the vendors' clients: let through, or refused by a rule that stands here. A new method fails until
somebody has looked at it."""

import json
from fnmatch import fnmatch

import pytest
from harness.scripted import Scripted
from harness.stores import Doors, program

THREAD = "6e4f1dd6-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def doors(run):
    count = []

    def answer(_, target, *__):
        if target != "/-/count":
            count.append(target)
        return (200, {"Content-Type": "text/plain"}, str(len(count)).encode()) if target == "/-/count" else (200, {}, {})

    store = Scripted(answer)
    doors = Doors(run / "surface", {name: {"port": store.port, "adapter": name} for name in ("opensearch", "langgraph", "mem0")})
    doors.count = f"http://127.0.0.1:{store.port}/-/count"
    yield doors
    doors.stop()
    store.stop()


KNOWN = {
    "langgraph": {"skip": ["http"], "given": {}, "thread_id": THREAD, "run_id": THREAD, "assistant_id": "agent", "graph_id": "agent",
                  "namespace": ["a"], "namespace_prefix": ["a"], "key": "k", "value": {}, "values": {}, "metadata": {}, "schedule": "* * * * *",
                  "cron_id": THREAD, "payloads": [{"assistant_id": "agent"}], "version": 1, "thread_ids": [THREAD], "checkpoint_id": THREAD},
    "opensearch": {"skip": ["close", "transport", "client"], "given": {"indices.put_alias": ["index", "name"], "indices.exists_alias": ["name"], "indices.analyze": ["index", "body"], **{name: ["index"] for name in (
                       "field_caps", "indices.open", "indices.flush", "indices.forcemerge", "indices.validate_query", "indices.put_settings")}}, "index": "notes", "id": "1", "body": {}, "name": "n", "alias": "a",
                   "target": "t", "fields": "f", "scroll_id": "x", "task_id": "a:1", "context": "c", "block": "write", "metric": "os",
                   "repository": "r", "snapshot": "s", "target_snapshot": "t", "new_index": "o", "requests_per_second": 1, "awareness_attribute_name": "z",
                   "awareness_attribute_value": "v", "attribute": "z"},
    "mem0": {"skip": ["client"], "given": {}, "messages": "x", "memory_id": THREAD, "query": "q", "memories": [{"memory_id": THREAD}],
             "schema": "{}", "entity_id": "ann", "job_id_or_status_url": "j", "project_id": "p", "url": "http://x", "name": "n",
             "event_types": [], "webhook_id": 1},
}


# What reaches no store, by the rule that says so. A word with a star stands for all that begin so.
REFUSED = {
    "langgraph": {
        "assistants are the deployment's, so nobody makes or changes one": "assistants.create assistants.update assistants.delete "
            "assistants.set_latest assistants.get_versions",
        "the server names no thread in what it would answer, or takes many without their owner": "threads.prune runs.create_batch runs.cancel_many",
        "streams whose events nobody has declared": "threads.join_stream runs.join_stream",
        "a job runs later, when nobody's token is there to say whose it is": "crons.*",
    },
    "opensearch": {
        "kept in the server under a name of its own, for everybody": "get_script put_script delete_script get_script_context get_script_languages "
            "msearch_template search_template render_search_template scripts_painless_execute indices.*template* cluster.*component_template "
            "ingest.* snapshot.* indices.*data_stream* indices.data_streams_stats",
        "everybody's searches": "delete_all_pits get_all_pits",
        "the cluster's own state": "cat.* cluster.* nodes.* tasks.* search_shards indices.recovery indices.segments indices.shard_stores indices.stats "
            "indices.resolve_index indices.upgrade indices.get_upgrade indices.clear_cache *_rethrottle",
        "not in the table yet": "bulk_stream mtermvectors termvectors rank_eval indices.get_field_mapping indices.add_block indices.clone "
            "indices.shrink indices.split indices.rollover",
    },
    "mem0": {
        "the third version of the API, of which the table knows nothing yet": "add search get_all",
        "many memories in one body, in a form that the table does not know": "batch_update batch_delete",
        "made from all of an account's memories, or told to others": "create_memory_export get_memory_export get_summary feedback *profile* *webhook*",
        "the account's own settings": "get_project",
        "with no user at all it means everybody's": "delete_all",
    },
}
# Served by Bulkhead itself, or by the client; or by an id that a client has to have been given: see test_store_*.py.
ASIDE = {
    "langgraph": "threads.stream runs.cancel runs.delete runs.get runs.join",
    "opensearch": "clear_scroll scroll delete_pit cluster.health cat.help",
    "mem0": "get update delete history chat update_project",
}
# Of those that a star means: these pass.
PASSED = {"langgraph": "", "opensearch": "cat.indices cat.count", "mem0": ""}


@pytest.mark.parametrize("store", KNOWN)
def test_every_method_passes_or_is_refused_by_a_rule(doors, store):
    told = program("clients", "surface_program.py", store, doors.url(store), doors.count, doors.tokens["acme"], json.dumps(KNOWN[store]))
    aside, passed = ASIDE[store].split(), PASSED[store].split()
    words = [word for names in REFUSED[store].values() for word in names.split()]
    stray = [name for name, reached in told.items() if not reached and name not in aside and not any(fnmatch(name, word) for word in words)]
    assert not stray, "neither served nor refused by a rule that stands here"
    crossed = [name for name, reached in told.items() if reached and name not in passed and any(fnmatch(name, word) for word in words)]
    assert not crossed, "refused by a rule that stands here, and yet served"
    idle = [word for word in words + aside + passed if not any(fnmatch(name, word) for name in told)]
    assert not idle, "of no method"
