# SPDX-License-Identifier: Apache-2.0
"""Calls every public method of a client, and prints of each whether a request of it reached the store."""

import inspect
import json
import sys
import urllib.request

name, url, store, token, known = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], json.loads(sys.argv[5])
headers = {"Authorization": f"Bearer {token}"}


def opensearch():
    from opensearchpy import OpenSearch
    client = OpenSearch([url], headers=headers, max_retries=0)
    return {"": client, "indices": client.indices, "cat": client.cat, "cluster": client.cluster, "ingest": client.ingest,
            "nodes": client.nodes, "snapshot": client.snapshot, "tasks": client.tasks}


def langgraph():
    from langgraph_sdk import get_sync_client
    client = get_sync_client(url=url, api_key=None, headers=headers)
    return {part: getattr(client, part) for part in ("assistants", "threads", "runs", "crons", "store")}


def mem0():
    import httpx
    from mem0 import MemoryClient

    def signed(request):
        request.headers.update(headers)

    return {"": MemoryClient(api_key="k", host=url, client=httpx.Client(event_hooks={"request": [signed]}))}


def seen():
    """How many requests the store has had."""
    with urllib.request.urlopen(store) as answer:
        return int(answer.read())


def arguments(label, method):
    """What it must be given, by the names of its parameters: those that have no name for callers first."""
    first, found = [], {}
    for parameter in inspect.signature(method).parameters.values():
        if parameter.name in known:
            if parameter.default is parameter.empty or parameter.name in known["given"].get(label, []):
                if parameter.kind == parameter.POSITIONAL_ONLY:
                    first.append(known[parameter.name])
                else:
                    found[parameter.name] = known[parameter.name]
        elif parameter.default is parameter.empty and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            missing.append(f"{method.__qualname__}({parameter.name})")
    return first, found


told, missing = {}, []
for part, client in {"opensearch": opensearch, "langgraph": langgraph, "mem0": mem0}[name]().items():
    for label, method in inspect.getmembers(client, callable):
        if label.startswith("_") or label in known["skip"] or inspect.isclass(method):
            continue
        label, before = f"{part}.{label}".lstrip("."), seen()
        try:
            first, found = arguments(label, method)
            done = method(*first, **found)
            if inspect.isgenerator(done):
                list(done)
        except Exception:  # noqa: BLE001, S110: what a store that answers nothing makes of a client does not matter here
            pass
        told[label] = seen() > before
if missing:
    sys.exit(f"nobody said what to call these with: {missing}")
print(json.dumps(told))
