# SPDX-License-Identifier: Apache-2.0
"""What one tenant may try against another's data in stores of which no server can be had, and in Chroma: as in attempts.py.

Every real id of the victim's holds VICTIM, and every id that the victim was shown is <shown …>; the attacker knows them all."""

import gzip
import json

from .attempts import JSON, THEIRS

VICTIM = "gx9victim"
POINT = "6f1ee5a8-0001-4222-8333-4444aaaabbbb"
GZIP = {**JSON, "Content-Encoding": "gzip"}


def texts(body):
    """A body as its text can lie: a name twice, a name in another spelling, cut off, in another coding."""
    text = json.dumps(body)
    name = next(iter(body))
    again = text[:-1] + "," + json.dumps(name) + ":" + json.dumps(body[name]) + "}"
    spelled = text.replace(f'"{name}"', '"\\u%04x%s"' % (ord(name[0]), name[1:]), 1)
    return [
        (again.encode(), JSON), (spelled.encode(), JSON), (text.encode()[:-1], JSON), (text.encode("utf-16"), JSON), (b"\xef\xbb\xbf" + text.encode(), JSON),
        (text.encode() + text.encode(), JSON), (text.encode(), {"Content-Type": "text/plain"}), (text.encode(), {"Content-Type": "application/json; charset=utf-7"}),
        (gzip.compress(text.encode()), GZIP), (gzip.compress(text.encode())[:-1], GZIP), (gzip.compress(again.encode()), GZIP), (text.encode(), GZIP),
        (text.upper().encode(), JSON), (b"[" + text.encode() + b"]", JSON), (b'{"x":' * 2000, JSON), (b"", JSON),
    ]


def rest():
    whole = f"tenants/{THEIRS}/secret"
    paths = [
        f"../{THEIRS}/secret", f"../../{whole}", f"..%2f{THEIRS}%2fsecret", f"%2e%2e/{THEIRS}/secret", f"%2e%2e%2f{THEIRS}%2fsecret", f".%2e/{THEIRS}/secret",
        f"%252e%252e/{THEIRS}/secret", f"%252e%252e%252f{THEIRS}", f"..%252f{THEIRS}/secret", f"..;/{THEIRS}/secret", f"..;x=1/{THEIRS}/secret", f";/../{THEIRS}/secret",
        f"..\\{THEIRS}\\secret", f"..%5c{THEIRS}%5csecret", f"a/../../{THEIRS}/secret", f"a/./../../{THEIRS}/secret", f"a//../../{THEIRS}/secret",
        f"./../{THEIRS}/secret", f"..%00/{THEIRS}/secret", f"%00../{THEIRS}/secret", f"..%0a/{THEIRS}/secret", f"..%20/{THEIRS}/secret", f"..%c0%af{THEIRS}/secret",
        f"..%ef%bc%8f{THEIRS}", f"..%u2215{THEIRS}", f"%c0%ae%c0%ae/{THEIRS}/secret", f"..%2F..%2F..%2F{whole}", f"...//{THEIRS}/secret", f"....//....//{whole}",
        f"/{whole}", f"//{whole}", f"//stores.example/{whole}", f"http://127.0.0.1/{whole}", f"?../{whole}", f"#/../{whole}", f"a?x=/../../{whole}",
        f"a#/../../{whole}", f"tenants/t4acme/../{THEIRS}/secret", whole, f"t4acme/../{THEIRS}", f"%74enants/{THEIRS}/secret", f"a/..%2f..%2f{THEIRS}",
        f"a%2f..%2f..%2f{THEIRS}%2fsecret", f"..%2f", "..", ".", "%2e", "%2e%2e", "", "*", f"~{THEIRS}", f"a/%2e%2e/%2e%2e/{THEIRS}", f"a;/../../{THEIRS}/secret",
        f"a%3b/..%2f..%2f{THEIRS}", f"..%09/{THEIRS}", f"..+/{THEIRS}", "%", "%2", "%zz", f"..%2f%2e%2e%2f{whole}", f"a/\x85/../../{THEIRS}", f"..%e2%88%95{THEIRS}",
    ]
    out = [(method, "/" + path, b"x" if method in ("PUT", "POST", "PATCH") else None, {}) for path in paths for method in ("GET", "PUT", "DELETE")]
    heads = [
        {"X-Original-URL": f"/{whole}"}, {"X-Rewrite-URL": f"/{whole}"}, {"X-Forwarded-Prefix": f"/tenants/{THEIRS}"}, {"X-HTTP-Method-Override": "DELETE"},
        {"Destination": f"/{whole}"}, {"X-Tenant-Id": "globex"}, {"X-Tenant_Id": "globex"}, {"Content-Location": f"/{whole}"}, {"X-Forwarded-Host": f"x/{whole}"},
        {"Referer": f"/{whole}"}, {"Link": f"</{whole}>"}, {"X-Amz-Copy-Source": f"/{whole}"}, {"Overwrite": "T"}, {"Range": "bytes=0-"}, {"Cookie": f"tenant={THEIRS}"},
    ]
    out += [(method, "/mine", b"x" if method == "PUT" else None, head) for head in heads for method in ("GET", "PUT")]
    return out + [(method, f"/{whole}", None, {}) for method in ("OPTIONS", "TRACE", "COPY", "MOVE", "PROPFIND", "LINK", "SEARCH")]


def chroma():
    out = []
    spellings = [
        "globex", THEIRS, "t6globex%00", "T6GLOBEX", "%74%36globex", "t6globe%78", "..", "%2e%2e", "default_tenant/../t6globex", "default_tenant%2f..%2ft6globex",
        "t6globex;x", " t6globex", "t6globex%20", "*", "", "acme2", "t5acme2", "t4acme", "default_tenant%00", "Default_Tenant", "default_tenan%74/../t6globex", "t4acme%2e",
    ]
    for tenant in spellings:
        base = f"/api/v2/tenants/{tenant}"
        out += [
            ("GET", base, None, {}), ("GET", f"{base}/databases", None, {}), ("GET", f"{base}/databases/default_database/collections", None, {}),
            ("GET", f"{base}/databases/default_database/collections/mem", None, {}), ("POST", f"{base}/databases", {"name": "x"}, {}),
            ("DELETE", f"{base}/databases/default_database", None, {}), ("DELETE", f"{base}/databases/default_database/collections/mem", None, {}),
        ]
    base = "/api/v2/tenants/default_tenant/databases/default_database/collections"
    get = {"include": ["documents", "metadatas"]}
    for guess in ("<real collection>", "<shown collection>", "<shown upper>", "<real bare>", "{<real collection>}", "urn:uuid:<real collection>", "<real collection>%00",
                  "<real collection>/../<real collection>", "by-id/<real collection>", "by-id/<shown collection>", "%3creal%3e", "<real encoded>"):
        out += [
            ("GET", f"{base}/{guess}", None, {}), ("POST", f"{base}/{guess}/get", get, {}), ("GET", f"{base}/{guess}/count", None, {}),
            ("POST", f"{base}/{guess}/query", {"query_embeddings": [[1.0, 0.0]], "n_results": 5}, {}), ("DELETE", f"{base}/{guess}", None, {}),
            ("POST", f"{base}/{guess}/add", {"ids": ["x"], "embeddings": [[1.0, 0.0]], "documents": ["acme"]}, {}),
            ("POST", f"{base}/{guess}/delete", {"where": {"of": {"$ne": "x"}}}, {}), ("PUT", f"{base}/{guess}", {"new_name": "stolen"}, {}),
            ("POST", f"{base}/{guess}/fork", {"new_name": "stolen"}, {}), ("POST", f"{base}/{guess}/search", {"searches": []}, {}),
            ("POST", f"/api/v1/collections/{guess}/get", get, {}), ("GET", f"/api/v2/collections/{guess}", None, {}),
        ]
    for where in ({"$or": [{"of": {"$ne": "x"}}, {"tenant": "t6globex"}]}, {"$and": [{"a": 1}, {"$or": [{"b": 2}, {"c": {"$nin": []}}]}]}, {"$not": {"of": "x"}},
                  {"tenant": {"$eq": "t6globex"}}, {"": {"$ne": ""}}, {"of": {"$in": ["<secret>"]}}):
        for place in ("where", "where_document"):
            out += [("POST", f"{base}/<mine>/get", {place: where}, {}), ("POST", f"{base}/<mine>/delete", {place: where, "ids": ["none"]}, {}),
                    ("POST", f"{base}/<mine>/query", {place: where, "query_embeddings": [[1.0, 0.0]], "n_results": 5}, {})]
    for change in ({"tenant": THEIRS}, {"tenant": "globex"}, {"database": "t6globex"}, {"id": "<real collection>"}, {"metadata": None, "tenant": None},
                   {"Tenant": THEIRS}, {"configuration": {"tenant": THEIRS}}):
        out.append(("POST", base, {"name": "planted", **change}, {}))
    out += [("POST", base, *text) for text in texts({"name": "planted", "tenant": THEIRS})]
    out += [
        ("POST", "/api/v2/reset", None, {}), ("POST", "/api/v2/tenants", {"name": THEIRS}, {}), ("POST", "/api/v2/tenants", {"name": "t6globex2"}, {}),
        ("GET", f"{base}?limit=-1&offset=-1", None, {}), ("GET", f"{base}?tenant={THEIRS}", None, {}), ("GET", f"{base}?limit=99999999999999999999", None, {}),
        ("GET", f"{base}?limit=1&limit=2", None, {}), ("GET", base, None, {"X-Chroma-Token": "t6globex"}), ("GET", base, None, {"X-Tenant-Id": "globex"}),
        ("GET", "/api/v2/auth/identity", None, {"X-Tenant": "globex"}), ("GET", "/docs", None, {}), ("GET", "/openapi.json", None, {}), ("GET", "/api/v1/collections", None, {}),
    ]
    return out


def qdrant():
    out = []
    for name in (f"{THEIRS}-mem", "..", f"..%2f{THEIRS}-mem", f"%2e%2e%2f{THEIRS}-mem", f"mem/../{THEIRS}-mem", f"mem%2f..%2f{THEIRS}-mem", f"{THEIRS}-mem%00", f"%00{THEIRS}-mem",
                 f"/{THEIRS}-mem", f"mem;{THEIRS}-mem", "*", "", f"%252e%252e%252f{THEIRS}-mem", f"mem%23{THEIRS}", f"..;/{THEIRS}-mem", f"T6GLOBEX-mem", "t4acme-mem", f"-{THEIRS}"):
        out += [
            ("GET", f"/collections/{name}", None, {}), ("DELETE", f"/collections/{name}", None, {}), ("GET", f"/collections/{name}/points/1", None, {}),
            ("POST", f"/collections/{name}/points/scroll", {"limit": 10}, {}), ("POST", f"/collections/{name}/points/query", {"query": [1, 2]}, {}),
            ("PUT", f"/collections/{name}/points", {"points": [{"id": 1, "vector": [1, 2]}]}, {}),
            ("POST", "/collections/aliases", {"actions": [{"create_alias": {"collection_name": name, "alias_name": "stolen"}}]}, {}),
            ("POST", "/collections/aliases", {"actions": [{"rename_alias": {"old_alias_name": name, "new_alias_name": "stolen"}}]}, {}),
        ]
    theirs = {"collection": f"{THEIRS}-mem", "vector": "v"}
    for body in ({"query": 1, "lookup_from": theirs}, {"query": [1], "prefetch": {"query": 1, "lookup_from": theirs}}, {"query": [1], "prefetch": [{"prefetch": [{"lookup_from": theirs}]}]},
                 {"query": [1], "with_lookup": f"{THEIRS}-mem"}, {"query": [1], "with_lookup": {"collection": f"{THEIRS}-mem"}}, {"query": [1], "lookup\u005ffrom": theirs},
                 {"query": [1], "group_by": "a", "with_lookup": {"collection": f"{THEIRS}-mem"}}):
        out += [("POST", f"/collections/mem/points/{kind}", body, {}) for kind in ("query", "query/groups", "search", "recommend", "discover")]
        out.append(("POST", "/collections/mem/points/query/batch", {"searches": [body]}, {}))
        out += [("POST", "/collections/mem/points/query", *text) for text in texts({"lookup_from": theirs, **body})[:6]]
    out += [
        ("PUT", "/collections/new", {"vectors": {"size": 2, "distance": "Dot"}, "init_from": {"collection": f"{THEIRS}-mem"}}, {}), ("GET", "/collections", None, {}), ("GET", "/aliases", None, {}),
        ("GET", "/snapshots", None, {}), ("POST", "/collections/mem/snapshots", None, {}), ("PUT", "/collections/mem/snapshots/recover", {"location": f"file:///{THEIRS}"}, {}),
        ("GET", "/metrics", None, {}), ("GET", "/telemetry", None, {}), ("GET", "/cluster", None, {}), ("POST", "/locks", {"write": True}, {}), ("GET", "/dashboard", None, {}),
        ("GET", "/collections", None, {"api-key": "x", "X-Tenant-Id": "globex"}),
    ]
    return out


def qdrant_shared():
    out = []
    leaks = [
        None, {}, {"should": [{"key": "tenancy_owner", "match": {"value": THEIRS}}]}, {"must_not": [{"key": "tenancy_owner", "match": {"value": "t4acme"}}]},
        {"must": []}, {"must": None}, {"must": {"should": []}}, {"min_should": {"conditions": [{"has_id": [POINT]}], "min_count": 0}}, {"should": [{"is_empty": {"key": "x"}}]},
        {"must_not": {"must": [{"key": "tenancy_owner", "match": {"except": ["x"]}}]}}, {"must": [{"nested": {"key": "a", "filter": {"should": []}}}]}, {"must": [{"has_id": [POINT]}]},
    ]
    base = "/collections/all/points"
    for leak in leaks:
        out += [
            ("POST", f"{base}/scroll", {"filter": leak, "limit": 10, "with_payload": True}, {}), ("POST", f"{base}/count", {"filter": leak}, {}),
            ("POST", f"{base}/query", {"query": [1, 2], "filter": leak}, {}), ("POST", f"{base}/query", {"query": [1], "prefetch": {"filter": leak, "prefetch": [{"filter": leak}]}}, {}),
            ("POST", f"{base}/query/batch", {"searches": [{"query": [1], "filter": leak}, {"query": [2]}]}, {}), ("POST", f"{base}/delete", {"filter": leak}, {}),
            ("POST", f"{base}/query/groups", {"query": [1], "filter": leak, "group_by": "a"}, {}), ("POST", "/collections/all/facet", {"key": "a", "filter": leak}, {}),
            ("POST", f"{base}/payload", {"payload": {"a": 1}, "filter": leak}, {}),
        ]
    for point in (POINT, POINT.upper(), POINT.replace("-", ""), "<shown point>", "urn:uuid:" + POINT, "{" + POINT + "}", 1, 0, -1, "1", None, [POINT], {"uuid": POINT}):
        out += [
            ("POST", base, {"ids": [point], "with_payload": True}, {}), ("POST", f"{base}/delete", {"points": [point]}, {}), ("POST", f"{base}/scroll", {"offset": point}, {}),
            ("PUT", base, {"points": [{"id": point, "vector": [1, 2], "payload": {"a": 1}}]}, {}), ("POST", f"{base}/payload", {"payload": {"a": 1}, "points": [point]}, {}),
        ]
        if isinstance(point, list):
            # In a query a list is a vector, whatever is in it.
            continue
        out += [
            ("POST", f"{base}/query", {"query": point}, {}), ("POST", f"{base}/query", {"query": {"recommend": {"positive": [point]}}}, {}),
            ("POST", f"{base}/query", {"query": {"discover": {"target": point, "context": [{"positive": point, "negative": point}]}}}, {}),
        ]
        if isinstance(point, str):
            out.append(("GET", f"{base}/{point}", None, {}))
    mine = "00000000-0000-4000-8000-000000000001"
    for payload in ({"tenancy_owner": THEIRS}, {"tenancy\u005fowner": THEIRS}, {"tenancy_owner": ["t4acme", THEIRS]}, {"tenancy_owner": None}, {"Tenancy_owner": THEIRS}):
        out += [("PUT", base, {"points": [{"id": mine, "vector": [1], "payload": payload}]}, {}), ("POST", f"{base}/payload", {"payload": payload, "points": [mine]}, {}),
                ("PUT", f"{base}/payload", {"payload": payload, "points": [mine]}, {})]
    for keys in (["tenancy_owner"], ['"tenancy_owner"'], ["tenancy_owner[]"], ["a.tenancy_owner"]):
        out.append(("POST", f"{base}/payload/delete", {"keys": keys, "points": [mine]}, {}))
    out += [("POST", f"{base}/scroll", *text) for text in texts({"filter": {"must": []}, "limit": 3})]
    out += [("POST", f"{base}/payload/clear", {"points": [mine]}, {}), ("POST", f"{base}/batch", {"operations": []}, {}), ("GET", "/collections", None, {}),
            ("POST", f"{base}/query", {"query": [1], "lookup_from": {"collection": "other"}}, {}), ("POST", f"{base}/scroll", {"shard_key": "t6globex"}, {}),
            ("POST", "/collections/all/facet", {"key": "tenancy_owner"}, {}), ("POST", f"{base}/query/groups", {"query": [1], "group_by": "tenancy_owner"}, {}), ("DELETE", "/collections/all", None, {})]
    return out


OPENAI_PLACES = {
    "file": ["/v1/files/{}", "/v1/files/{}/content"], "store": ["/v1/vector_stores/{}", "/v1/vector_stores/{}/files"], "thread": ["/v1/threads/{}", "/v1/threads/{}/messages", "/v1/threads/{}/runs"],
    "assistant": ["/v1/assistants/{}"], "conversation": ["/v1/conversations/{}", "/v1/conversations/{}/items"], "response": ["/v1/responses/{}", "/v1/responses/{}/input_items"], "batch": ["/v1/batches/{}"],
}


def openai():
    out = []
    for kind, places in OPENAI_PLACES.items():
        # Shown ids of one kind are no ids of another.
        other = "file" if kind != "file" else "thread"
        for guess in (f"<real {kind}>", f"<shown {kind}>", f"<shown {other}>", f"<shown {kind}>x", "..", "%2e%2e", "*", f"<real {kind}>%00", f"x/../<real {kind}>", f"<real {kind}>%2fcontent"):
            out += [("GET", place.format(guess), None, {}) for place in places]
            out += [("DELETE", places[0].format(guess), None, {}), ("POST", places[0].format(guess), {"metadata": {"of": "acme"}}, {})]
    for guess in ("real", "shown"):
        file, store, thread = f"<{guess} file>", f"<{guess} store>", f"<{guess} thread>"
        bodies = [
            ("/v1/vector_stores", {"file_ids": [file]}), ("/v1/threads", {"messages": [{"role": "user", "content": "x", "attachments": [{"file_id": file, "tools": []}]}]}),
            ("/v1/threads", {"messages": [{"role": "user", "content": [{"type": "image_file", "image_file": {"file_id": file}}]}]}),
            ("/v1/threads", {"tool_resources": {"file_search": {"vector_store_ids": [store]}}}), ("/v1/threads", {"tool_resources": {"code_interpreter": {"file_ids": [file]}}}),
            ("/v1/threads", {"tool_resources": {"file_search": {"vector_stores": [{"file_ids": [file]}]}}}), ("/v1/assistants", {"model": "m", "tool_resources": {"file_search": {"vector_store_ids": [store]}}}),
            ("/v1/threads/runs", {"assistant_id": f"<{guess} assistant>"}), ("/v1/threads/runs", {"assistant_id": f"<{guess} assistant>", "thread": {"tool_resources": {"file_search": {"vector_store_ids": [store]}}}}),
            ("/v1/responses", {"model": "m", "input": "x", "previous_response_id": f"<{guess} response>"}), ("/v1/responses", {"model": "m", "input": "x", "conversation": f"<{guess} conversation>"}),
            ("/v1/responses", {"model": "m", "input": "x", "conversation": {"id": f"<{guess} conversation>"}}), ("/v1/responses", {"model": "m", "input": [{"type": "item_reference", "id": thread}]}),
            ("/v1/responses", {"model": "m", "input": [{"role": "user", "content": [{"type": "input_file", "file_id": file}]}]}),
            ("/v1/responses", {"model": "m", "input": "x", "tools": [{"type": "file_search", "vector_store_ids": [store]}]}),
            ("/v1/responses", {"model": "m", "input": "x", "tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": [file]}}]}),
            ("/v1/responses", {"model": "m", "input": "x", "tools": [{"type": "code_interpreter", "container": file}]}), ("/v1/responses", {"model": "m", "input": "x", "prompt": {"id": file}}),
            ("/v1/batches", {"input_file_id": file, "endpoint": "/v1/responses", "completion_window": "24h"}), ("/v1/conversations", {"items": [{"type": "message", "role": "user", "content": [{"type": "input_file", "file_id": file}]}]}),
        ]
        out += [("POST", path, body, {}) for path, body in bodies]
        for path, body in (bodies[0], bodies[9], bodies[18]):
            swapped = {key: body[key] for key in sorted(body, key=lambda name: name != "previous_response_id")}
            out += [("POST", path, *text) for text in texts(swapped)]
        out += [("GET", f"/v1/vector_stores?after={store}", None, {}), ("GET", f"/v1/vector_stores?before={store}&before=x", None, {}), ("GET", f"/v1/vector_stores?aft%65r={store}", None, {})]
    out += [
        ("GET", "/v1/files", None, {}), ("GET", "/v1/batches", None, {}), ("GET", "/v1/vector_stores", None, {"OpenAI-Organization": "globex"}), ("GET", "/v1/assistants", None, {}),
        ("POST", "/v1/vector_stores", {"name": "x", "metadata": {"tenancy_owner": THEIRS}}, {}), ("POST", "/v1/assistants", {"model": "m", "metadata": {"tenancy_owner": THEIRS}}, {}),
        ("GET", "/v1/organization/users", None, {}), ("GET", "/v1/models", None, {}), ("POST", "/v1/fine_tuning/jobs", {"training_file": "<real file>"}, {}), ("GET", "/v1/containers", None, {}),
        ("GET", "/v1/chat/completions", None, {}), ("POST", "/v1/uploads", {"filename": "x"}, {}),
    ]
    return out


def agentcore():
    out = []
    base = "/memories/m-1"
    actors = [f"{THEIRS}-bob", "..", f"..%2F{THEIRS}-bob", f"ann%2F..%2F{THEIRS}-bob", f"%2e%2e%2f{THEIRS}-bob", f"ann/../{THEIRS}-bob", "*", "", f"{THEIRS}-bob%00", f"ann%252F..%252F{THEIRS}-bob", "t4acme-ann"]
    for actor in actors:
        out += [
            ("POST", f"{base}/actor/{actor}/sessions", {}, {}), ("POST", f"{base}/actor/{actor}/sessions/s", {}, {}), ("GET", f"{base}/actor/{actor}/sessions/s/events/<real event>", None, {}),
            ("DELETE", f"{base}/actor/{actor}/sessions/s/events/<shown event>", None, {}), ("POST", f"{base}/events", {"actorId": actor, "sessionId": "s", "payload": []}, {}),
        ]
    for space in ("/", "", f"/{THEIRS}/", f"{THEIRS}/", f"/../{THEIRS}/", "/*", "*", "..", f"/{THEIRS}/*", None, [], [f"/{THEIRS}/"], 1, f"//{THEIRS}/", f"/t4acme/../{THEIRS}", "/t4acme", "2/", f"\u0000/{THEIRS}/"):
        for name in ("namespace", "namespacePath"):
            out += [("POST", f"{base}/retrieve", {name: space, "searchCriteria": {"searchQuery": "x"}}, {}), ("POST", f"{base}/memoryRecords", {name: space}, {})]
        out.append(("POST", f"{base}/memoryRecords/batchCreate", {"records": [{"requestIdentifier": "1", "namespaces": [space], "content": {"text": "x"}, "timestamp": 1}]}, {}))
        if isinstance(space, str):
            out.append(("GET", f"{base}/memoryRecord/<shown record>?namespace={space.replace(chr(0), '%00')}", None, {}))
    for record in ("<real record>", "<shown record>", "<shown event>", "..", "%2e%2e", "*", "<real record>%2f", "<shown record>x"):
        out += [("GET", f"{base}/memoryRecord/{record}", None, {}), ("DELETE", f"{base}/memoryRecords/{record}", None, {}), ("POST", f"{base}/memoryRecords/batchDelete", {"records": [{"memoryRecordId": record}]}, {}),
                ("POST", f"{base}/memoryRecords/batchUpdate", {"records": [{"memoryRecordId": record, "timestamp": 1}]}, {})]
    for token in ("<real page>", "<shown page>", "<shown record>", "", "x", None, {"a": 1}):
        out += [("POST", f"{base}/actors", {"nextToken": token}, {}), ("POST", f"{base}/actor/ann/sessions", {"nextToken": token}, {}), ("POST", f"{base}/retrieve", {"namespace": "/", "nextToken": token}, {})]
    out += [("POST", f"{base}/retrieve", *text) for text in texts({"namespace": f"/{THEIRS}/", "searchCriteria": {"searchQuery": "x"}})]
    out += [("POST", f"{base}/events", *text) for text in texts({"actorId": f"{THEIRS}-bob", "sessionId": "s", "payload": []})]
    for memory in ("m-2", "..", "m-1%2f..%2fm-2", "*", "m-1/../m-2"):
        out += [("POST", f"/memories/{memory}/actors", {}, {}), ("POST", f"/memories/{memory}/retrieve", {"namespace": "/"}, {})]
    out += [
        ("POST", f"{base}/events", {"actorId": "ann", "sessionId": "s", "payload": [], "extractionConfig": {"namespaceVariables": {"tenant": THEIRS}}}, {}), ("POST", f"{base}/extractionJobs", {}, {}),
        ("POST", f"{base}/extractionJobs/start", {"jobId": "x"}, {}), ("POST", f"{base}/ingest", {}, {}), ("POST", f"{base}/events", {"sessionId": "s", "payload": []}, {}), ("POST", f"{base}/retrieve", {}, {}),
        ("POST", f"{base}/retrieve", {"namespace": "/a/", "namespacePath": f"/{THEIRS}/"}, {}), ("POST", f"{base}/events", {"actorId": "ann", "sessionId": "s", "payload": [], "branch": {"name": "b", "rootEventId": "<real event>"}}, {}),
    ]
    return out
